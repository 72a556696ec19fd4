"""torch-optimizer: https://pytorch-optimizer.readthedocs.io

Its classes are wrapped, where they have momentum. Lookahead is given an optimizer; A2Grad and MADGRAD compute the
parameters anew from what they keep.
"""

from __future__ import annotations

from cautify.optimizers import Library, Momentum, Optimizer
from cautify.optimizers._entries import INSTANCE, OWN_ITERATES, by_name, skipped, wrapped

_WRAP = (
    "AccSGD AdaBelief AdaBound AdaMod Adahessian AdamP AggMo Apollo DiffGrad Lamb NovoGrad QHAdam RAdam Ranger "
    "RangerQH RangerVA SWATS Yogi"
)

LIBRARY = Library(
    optimizers=by_name(
        (
            *wrapped("torch_optimizer", _WRAP),
            *wrapped("torch_optimizer", "LARS PID QHM SGDP SGDW Shampoo", Momentum("momentum", 2)),
            Optimizer("torch_optimizer.Adafactor", momentum=Momentum("beta1", 5)),
            *skipped("torch_optimizer", "A2GradExp A2GradInc A2GradUni MADGRAD", "no-benefit", OWN_ITERATES),
            *skipped("torch_optimizer", "Lookahead", "wrapper", INSTANCE),
        )
    ),
    loaders=("torch_optimizer.get",),
)
