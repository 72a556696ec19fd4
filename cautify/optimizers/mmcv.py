"""MMCV 1: https://mmcv.readthedocs.io/en/v1.7.0/understand_mmcv/runner.html

``build_optimizer`` and ``OPTIMIZERS.build`` return the optimizer that a config names, and are wrapped. (From version 2
on they are MMEngine's.)
"""

from __future__ import annotations

from cautify.optimizers import Factory, Library

LIBRARY = Library(
    factories=(Factory("mmcv.runner.build_optimizer"), Factory("mmcv.runner.OPTIMIZERS.build")),
    aliases={
        "mmcv.runner.optimizer": "mmcv.runner",
        "mmcv.runner.optimizer.builder": "mmcv.runner",
        "mmcv.runner.optimizer.OPTIMIZERS": "mmcv.runner.OPTIMIZERS",
        "mmcv.runner.optimizer.builder.OPTIMIZERS": "mmcv.runner.OPTIMIZERS",
    },
)
