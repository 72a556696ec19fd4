"""hydra: https://hydra.cc/docs/advanced/instantiate_objects/overview/

``instantiate`` and its older name ``call`` make whatever the ``_target_`` of a config names; hydra-zen has the same
function. Where that is an optimizer, the call is wrapped.
"""

from __future__ import annotations

from cautify.optimizers import Factory, Library

LIBRARY = Library(
    factories=(Factory("hydra.utils.instantiate", generic=True), Factory("hydra.utils.call", generic=True)),
    aliases={
        "hydra._internal.instantiate._instantiate2.instantiate": "hydra.utils.instantiate",
        "hydra_zen.instantiate": "hydra.utils.instantiate",
    },
)
