"""Make lerobot importable without a GPU build, without the hub and without its optional extras."""

from __future__ import annotations

import sys
import types

import torch

OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[object] = []


# Extras of lerobot's that tests of the runtime install: with them it would import what only a whole installation has.
LEFT_OUT = ("transformers", "accelerate", "timm", "datasets", "diffusers", "peft")


def prepare() -> None:
    for name in LEFT_OUT:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # for import and find_spec: not installed
    declare_torchvision_operators()
    stand_in_for_datasets()


def declare_torchvision_operators() -> None:
    """Torchvision's binary cannot be loaded beside a CPU build of torch, and its Python code needs the names."""
    try:
        import torchvision
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for schema in OPERATORS:
            library.define(schema)
        _kept.append(library)
        import torchvision  # noqa: F401


def stand_in_for_datasets() -> None:
    """``lerobot.rl`` imports the replay buffer, which wants the datasets extra; no test here loads data."""
    module = types.ModuleType("lerobot.datasets")
    module.LeRobotDataset = type("LeRobotDataset", (), {})  # type: ignore[attr-defined]
    sys.modules["lerobot.datasets"] = module
