"""timm.optim: https://huggingface.co/docs/timm/reference/optimizers

Most of its classes take ``caution=True``, which is this very mask: they are left alone. Of the others those with
momentum are wrapped. MADGRAD computes its parameters anew, Muon's update is orthogonal, Lookahead is given an
optimizer. Some of its classes are torch's. What the create_optimizer functions return is wrapped, although
``opt="cadamw"`` and ``caution=True`` would make most of it cautious: whoever uses those leaves our switch off, or the
mask is applied twice.
"""

from __future__ import annotations

from cautify.optimizers import Factory, Library, Momentum, Optimizer
from cautify.optimizers._entries import (
    INSTANCE,
    ORTHOGONAL,
    OWN_ITERATES,
    by_name,
    own_option,
    skipped,
    spelled,
    wrapped,
)

_TWICE = "with opt='c…' or caution=True it is cautious already: use one or the other"

_CAUTION = "Adafactor AdafactorBigVision AdamP AdamWLegacy Adan Adopt Lamb LaProp Lion Mars NAdamW RMSpropTF SGDP SGDW"
_TORCH = "Adadelta Adagrad Adamax Adam AdamW RMSprop SGD NAdam RAdam"
_FILES = {
    "adabelief": "AdaBelief",
    "adafactor": "Adafactor",
    "adafactor_bv": "AdafactorBigVision",
    "adahessian": "Adahessian",
    "adamp": "AdamP",
    "adamw": "AdamWLegacy",
    "adan": "Adan",
    "adopt": "Adopt",
    "lamb": "Lamb",
    "laprop": "LaProp",
    "lars": "Lars",
    "lion": "Lion",
    "lookahead": "Lookahead",
    "madgrad": "MADGRAD",
    "mars": "Mars",
    "muon": "Muon",
    "nadam": "NAdamLegacy",
    "nadamw": "NAdamW",
    "nvnovograd": "NvNovoGrad",
    "radam": "RAdamLegacy",
    "rmsprop_tf": "RMSpropTF",
    "sgdp": "SGDP",
    "sgdw": "SGDW",
    "_optim_factory": "create_optimizer create_optimizer_v2 get_optimizer_class",
    "optim_factory": "create_optimizer create_optimizer_v2 get_optimizer_class",
}

_OPTIMIZERS = (
    *skipped("timm.optim", _CAUTION, "no-benefit", own_option("caution=True")),
    *wrapped("timm.optim", "AdaBelief Adahessian NAdamLegacy NvNovoGrad RAdamLegacy"),
    *wrapped("timm.optim.kron", "Kron"),
    Optimizer("timm.optim.Lars", momentum=Momentum("momentum", 2)),
    *skipped("timm.optim", "MADGRAD", "no-benefit", OWN_ITERATES),
    *skipped("timm.optim", "Muon", "no-benefit", ORTHOGONAL),
    *skipped("timm.optim", "Lookahead", "wrapper", INSTANCE),
)

LIBRARY = Library(
    optimizers=by_name(_OPTIMIZERS),
    aliases={
        **spelled("timm.optim", {f"timm.optim.{file}": names for file, names in _FILES.items()}),
        **spelled("torch.optim", {"timm.optim": _TORCH}),
    },
    factories=(
        Factory("timm.optim.create_optimizer", why=_TWICE),
        Factory("timm.optim.create_optimizer_v2", why=_TWICE),
    ),
    loaders=("timm.optim.get_optimizer_class",),
)
