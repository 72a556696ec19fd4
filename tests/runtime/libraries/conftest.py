"""Makes libraries that import torchvision importable beside a CPU build of torch."""

from __future__ import annotations

import importlib.util
import os
import sys

import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test here loads anything from a hub

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept: list[torch.library.Library] = []


def _declare_torchvision_operators() -> None:
    """PyPI's torchvision has a binary for CUDA builds of torch. Beside a CPU build its Python code needs the names."""
    if importlib.util.find_spec("torchvision") is None:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for schema in _OPERATORS:
            library.define(schema)
        _kept.append(library)


_declare_torchvision_operators()
