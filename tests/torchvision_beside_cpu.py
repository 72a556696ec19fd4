"""Makes libraries that import torchvision importable beside a CPU build of torch."""

from __future__ import annotations

import importlib.util

import torch

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[torch.library.Library] = []


def declare_torchvision_operators() -> None:
    """PyPI's torchvision has a binary for CUDA builds of torch. Beside a CPU build its Python code needs the names."""
    if _kept or importlib.util.find_spec("torchvision") is None:
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _OPERATORS:
        library.define(schema)
    _kept.append(library)
