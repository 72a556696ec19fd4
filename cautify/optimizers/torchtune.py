"""torchtune: https://meta-pytorch.org/torchtune/stable/api_ref_config.html

``config.instantiate`` makes whatever the ``_component_`` of a config names. Where that is an optimizer, the call is
wrapped. OptimizerInBackwardWrapper saves and loads a dict of optimizers that it is given, and steps none of them.
"""

from __future__ import annotations

from cautify.optimizers import Factory, Library
from cautify.optimizers._entries import by_name, skipped, spelled

_DICT = "it only saves and loads the optimizers that it is given; those are made cautious where they are made"
_NAMES = "OptimizerInBackwardWrapper create_optim_in_bwd_wrapper"

LIBRARY = Library(
    optimizers=by_name(skipped("torchtune.training", "OptimizerInBackwardWrapper", "wrapper", _DICT)),
    factories=(
        Factory("torchtune.config.instantiate", generic=True),
        Factory("torchtune.training.create_optim_in_bwd_wrapper", reason="wrapper", why=_DICT),
    ),
    aliases={
        "torchtune.config._instantiate.instantiate": "torchtune.config.instantiate",
        **spelled("torchtune.training", dict.fromkeys(("torchtune.training.memory", "torchtune.utils"), _NAMES)),
    },
)
