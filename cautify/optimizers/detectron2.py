"""detectron2: https://detectron2.readthedocs.io/en/latest/modules/solver.html

``build_optimizer`` returns an SGD with the momentum that the config names, and is wrapped. ``instantiate`` makes
whatever the ``_target_`` of a lazy config names. DefaultTrainer calls build_optimizer out of sight.
"""

from __future__ import annotations

from cautify.optimizers import Builder, Factory, Library

_TRAINER = (
    "override its classmethod build_optimizer in a subclass: "
    "return CautiousOptimizer.wrap(super().build_optimizer(cfg, model))"
)

LIBRARY = Library(
    factories=(
        Factory("detectron2.solver.build_optimizer"),
        Factory("detectron2.config.instantiate", generic=True),
    ),
    builders=(Builder("detectron2.engine.DefaultTrainer", _TRAINER),),
    loaders=("detectron2.solver.build.maybe_add_gradient_clipping",),
    aliases={
        "detectron2.solver.build.build_optimizer": "detectron2.solver.build_optimizer",
        "detectron2.config.instantiate.instantiate": "detectron2.config.instantiate",
        "detectron2.engine.defaults.DefaultTrainer": "detectron2.engine.DefaultTrainer",
    },
)
