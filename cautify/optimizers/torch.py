"""torch.optim: https://docs.pytorch.org/docs/stable/optim.html

Every class with a first moment is wrapped. LBFGS (needs a closure), SparseAdam (sparse gradients), the classes that
have no momentum at all and Muon (masking single elements undoes its orthogonal update) are not.
"""

from __future__ import annotations

from cautify.optimizers import Library, Momentum, Optimizer

_NO_MOMENTUM = "it has no momentum, so its update always agrees with the gradient in sign and masking does nothing"

_OPTIMIZERS = (
    Optimizer("torch.optim.Adam"),
    Optimizer("torch.optim.AdamW"),
    Optimizer("torch.optim.Adamax"),
    Optimizer("torch.optim.NAdam"),
    Optimizer("torch.optim.RAdam"),
    Optimizer("torch.optim.SGD", momentum=Momentum("momentum", 2)),
    Optimizer("torch.optim.RMSprop", momentum=Momentum("momentum", 5)),
    Optimizer("torch.optim.LBFGS", "closure", "it evaluates its closure several times a step and has no single update to mask"),
    Optimizer("torch.optim.SparseAdam", "sparse", "its gradients are sparse, and masking rows without gradient is not defined"),
    Optimizer("torch.optim.Adafactor", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Adagrad", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Adadelta", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.ASGD", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Rprop", "no-momentum", _NO_MOMENTUM),
    Optimizer("torch.optim.Muon", "no-benefit", "masking single elements undoes the orthogonal update that it is made for"),
)

_NAMES = {o.name: o for o in _OPTIMIZERS}
_ALIASES = {f"torch.optim.{n.rpartition('.')[2].lower()}.{n.rpartition('.')[2]}": n for n in _NAMES}
_ALIASES |= {"torch.optim.sparse_adam.SparseAdam": "torch.optim.SparseAdam", "torch.optim._adafactor.Adafactor": "torch.optim.Adafactor"}
_ALIASES |= {f"torch.optim._multi_tensor.{n.rpartition('.')[2]}": n for n in _NAMES}

LIBRARY = Library(optimizers=_NAMES, aliases=_ALIASES)
