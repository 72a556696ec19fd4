"""fairscale: https://fairscale.readthedocs.io/en/stable/api/optim/oss.html

OSS is wrapped from outside, like torch's ZeroRedundancyOptimizer: after its step each process holds all new
parameters. Its Adam is wrapped. AdaScale is given an optimizer.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import INSTANCE, by_name, skipped, spelled, wrapped

_MAKES = "it makes the optimizer that it steps; make that one yourself, cautious, and hand it to AdaScale"

LIBRARY = Library(
    optimizers=by_name(
        (
            *wrapped("fairscale.optim", "OSS Adam"),
            *skipped("fairscale.optim", "AdaScale", "wrapper", INSTANCE),
            *skipped("fairscale.optim", "AdaScaleWrapper", "wrapper", _MAKES),
        )
    ),
    aliases=spelled(
        "fairscale.optim",
        {
            "fairscale.optim.oss": "OSS",
            "fairscale.optim.adam": "Adam",
            "fairscale.optim.adascale": "AdaScale AdaScaleWrapper",
        },
    ),
)
