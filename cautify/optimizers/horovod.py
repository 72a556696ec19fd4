"""Horovod: https://horovod.readthedocs.io/en/stable/api.html#module-horovod.torch

DistributedOptimizer is not wrapped: it averages the gradients inside its step, so that each process would mask with
its own. Nor can it be given a cautious optimizer, for it makes another one of the same class.
"""

from __future__ import annotations

from cautify.optimizers import Factory, Library

_AGAIN = (
    "it averages the gradients inside its step, too late for a mask, and it refuses a cautious optimizer because it "
    "makes another one of the class that it is given; leave the switch off under Horovod"
)

LIBRARY = Library(
    factories=(Factory("horovod.torch.DistributedOptimizer", reason="wrapper", why=_AGAIN),),
    aliases={"horovod.torch.optimizer.DistributedOptimizer": "horovod.torch.DistributedOptimizer"},
)
