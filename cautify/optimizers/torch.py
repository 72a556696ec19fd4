"""torch.optim: https://docs.pytorch.org/docs/stable/optim.html

Every class with a first moment is wrapped. LBFGS (needs a closure), SparseAdam (sparse gradients), the classes that
have no momentum at all and Muon (masking single elements undoes its orthogonal update) are not.
"""

from __future__ import annotations

from cautify.optimizers import Library, Momentum, Optimizer

_NO_MOMENTUM = "it has no momentum, so its update always agrees with the gradient in sign and masking does nothing"
_CLOSURE = "it evaluates its closure several times a step and has no single update to mask"
_SPARSE = "its gradients are sparse, and masking rows without gradient is not defined"
_ORTHOGONAL = "masking single elements undoes the orthogonal update that it is made for"

_OPTIMIZERS = (
    Optimizer("torch.optim.Adam"),
    Optimizer("torch.optim.AdamW"),
    Optimizer("torch.optim.Adamax"),
    Optimizer("torch.optim.NAdam"),
    Optimizer("torch.optim.RAdam"),
    Optimizer("torch.optim.SGD", momentum=Momentum("momentum", 2)),
    Optimizer("torch.optim.RMSprop", momentum=Momentum("momentum", 5)),
    Optimizer("torch.optim.LBFGS", "closure", _CLOSURE),
    Optimizer("torch.optim.SparseAdam", "sparse", _SPARSE),
    Optimizer("torch.optim.Adafactor", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Adagrad", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Adadelta", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.ASGD", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Rprop", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Muon", "no-benefit", _ORTHOGONAL),
)

_NAMES = {o.name: o for o in _OPTIMIZERS}


def _spellings(name: str) -> tuple[str, ...]:
    """The other modules that a class of torch.optim can be imported from."""
    bare = name.rpartition(".")[2]
    files = {"SparseAdam": "sparse_adam", "Adafactor": "_adafactor", "Muon": "_muon"}
    return f"torch.optim.{files.get(bare, bare.lower())}.{bare}", f"torch.optim._multi_tensor.{bare}"


LIBRARY = Library(optimizers=_NAMES, aliases={spelling: name for name in _NAMES for spelling in _spellings(name)})
