"""MMEngine: https://mmengine.readthedocs.io/en/latest/tutorials/optim_wrapper.html

What ``OPTIMIZERS.build`` returns is an optimizer and is wrapped, and so is its ZeroRedundancyOptimizer. An
OptimWrapper is no torch optimizer: it steps one that it is given. ``build_optim_wrapper`` and Runner make both out of
sight.
"""

from __future__ import annotations

from cautify.optimizers import Builder, Factory, Library
from cautify.optimizers._entries import INSTANCE, by_name, skipped, wrapped

_INSIDE = "it returns an OptimWrapper; afterwards set its optimizer attribute to CautiousOptimizer.wrap(...) of itself"
_RUNNER = (
    "hand the runner a finished one, optim_wrapper=OptimWrapper(CautiousOptimizer.wrap(...)), or register a "
    "constructor that returns such a one and name it in the config"
)
_WRAPPERS = "OptimWrapper AmpOptimWrapper ApexOptimWrapper OptimWrapperDict"

LIBRARY = Library(
    optimizers=by_name(
        (
            *wrapped("mmengine.optim", "ZeroRedundancyOptimizer"),
            *skipped("mmengine.optim", _WRAPPERS, "wrapper", INSTANCE),
        )
    ),
    factories=(
        Factory("mmengine.registry.OPTIMIZERS.build"),
        Factory("mmengine.optim.build_optim_wrapper", reason="built-by-library", why=_INSIDE),
    ),
    builders=(
        Builder("mmengine.runner.Runner", _RUNNER, only_with="optim_wrapper"),
        Builder("mmengine.runner.Runner.from_cfg", _RUNNER),
    ),
    aliases={
        "mmengine.optim.OPTIMIZERS": "mmengine.registry.OPTIMIZERS",
        "mmengine.optim.optimizer.OPTIMIZERS": "mmengine.registry.OPTIMIZERS",
        "mmengine.registry.root.OPTIMIZERS": "mmengine.registry.OPTIMIZERS",
        "mmengine.optim.optimizer": "mmengine.optim",
        "mmengine.optim.optimizer.builder": "mmengine.optim",
        "mmengine.optim.optimizer.optimizer_wrapper": "mmengine.optim",
        "mmengine.optim.optimizer.amp_optimizer_wrapper": "mmengine.optim",
        "mmengine.optim.optimizer.apex_optimizer_wrapper": "mmengine.optim",
        "mmengine.optim.optimizer.optimizer_wrapper_dict": "mmengine.optim",
        "mmengine.optim.optimizer.zero_optimizer": "mmengine.optim",
        "mmengine.runner.runner": "mmengine.runner",
        "mmengine.runner.runner.Runner": "mmengine.runner.Runner",  # for its methods
    },
)
