"""torch.optim: https://docs.pytorch.org/docs/stable/optim.html

Every class with a first moment is wrapped. LBFGS (needs a closure), SparseAdam (sparse gradients), the classes that
have no momentum at all and Muon (masking single elements undoes its orthogonal update) are not.

torch.distributed.optim: https://docs.pytorch.org/docs/stable/distributed.optim.html

ZeroRedundancyOptimizer is wrapped from outside: after its step each process holds all new parameters, and the
gradients agree. DistributedOptimizer makes its optimizers on other machines; PostLocalSGDOptimizer is given one.
"""

from __future__ import annotations

from cautify.optimizers import Builder, Library, Momentum, Optimizer
from cautify.optimizers._entries import CLOSURE, INSTANCE, NO_MOMENTUM, ORTHOGONAL, SPARSE, by_name, skipped, wrapped

_REMOTE = "it makes its optimizers on other machines, out of reach of this process"
_IN_BACKWARD = (
    "it makes one optimizer per parameter out of sight; make them with CautiousOptimizer.wrap in a hook of your own "
    "(Tensor.register_post_accumulate_grad_hook)"
)

_OPTIM = by_name(
    (
        *wrapped("torch.optim", "Adam AdamW Adamax NAdam RAdam"),
        Optimizer("torch.optim.SGD", momentum=Momentum("momentum", 2)),
        Optimizer("torch.optim.RMSprop", momentum=Momentum("momentum", 5)),
        *skipped("torch.optim", "LBFGS", "closure", CLOSURE),
        *skipped("torch.optim", "SparseAdam", "sparse", SPARSE),
        *skipped("torch.optim", "Adafactor Adagrad Adadelta ASGD Rprop", "no-momentum", NO_MOMENTUM),
        *skipped("torch.optim", "Muon", "no-benefit", ORTHOGONAL),
    )
)
_DISTRIBUTED = by_name(
    (
        *wrapped("torch.distributed.optim", "ZeroRedundancyOptimizer"),
        *skipped("torch.distributed.optim", "DistributedOptimizer", "remote", _REMOTE),
        *skipped("torch.distributed.optim", "PostLocalSGDOptimizer", "wrapper", INSTANCE),
    )
)


def _spellings(name: str) -> tuple[str, ...]:
    """The other modules that a class of torch.optim can be imported from."""
    bare = name.rpartition(".")[2]
    files = {"SparseAdam": "sparse_adam", "Adafactor": "_adafactor", "Muon": "_muon"}
    return f"torch.optim.{files.get(bare, bare.lower())}.{bare}", f"torch.optim._multi_tensor.{bare}"


LIBRARY = Library(
    optimizers={**_OPTIM, **_DISTRIBUTED},
    aliases={
        **{spelling: name for name in _OPTIM for spelling in _spellings(name)},
        "torch.distributed.optim.zero_redundancy_optimizer": "torch.distributed.optim",
        "torch.distributed.optim.optimizer": "torch.distributed.optim",
        "torch.distributed.optim.post_localSGD_optimizer": "torch.distributed.optim",
        "torch.distributed.optim.apply_optimizer_in_backward": "torch.distributed.optim",
    },
    builders=(Builder("torch.distributed.optim._apply_optimizer_in_backward", _IN_BACKWARD),),
)
