"""What the tests of cautious_triton.py share: the marks that say in which process a test runs, and training."""

from __future__ import annotations

import importlib.util
import os
from typing import Any

import pytest
import torch
from bases import LR, WEIGHT_DECAY
from cautious_optimizer import CautiousOptimizer
from reference import Reference, adam

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
HAS_TRITON = importlib.util.find_spec("triton") is not None
PATHS = ["triton"] if INTERPRETED else ["compiled"]
both = pytest.mark.parametrize("path", PATHS)
only_triton = pytest.mark.skipif(not INTERPRETED, reason="runs in the process that has Triton interpreted")
only_compiled = pytest.mark.skipif(INTERPRETED, reason="runs in the process that does not interpret Triton")
needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="Triton is not installed")
BASES = {"Adam": (torch.optim.Adam, False), "AdamW": (torch.optim.AdamW, True)}
SHAPES = [(8, 5), (0,), (1,), (), (2, 3, 4, 5), (83, 37)]


def start(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> torch.nn.Parameter:
    value = 0.1 * torch.randn(shape)
    if len(shape) == 4:
        value = value.to(memory_format=torch.channels_last)
    return torch.nn.Parameter(value.to(dtype).t() if len(shape) == 2 else value.to(dtype))


def cautious(base: torch.optim.Optimizer, path: str, **more: Any) -> CautiousOptimizer:
    optimizer = CautiousOptimizer(base, compile=path == "compiled", **more)
    assert f"paths: {path}" in repr(optimizer)
    return optimizer


def train(
    name: str, path: str, dtype: torch.dtype = torch.float32, steps: int = 100, min_mean: float = 0.0, **more: Any
) -> tuple[CautiousOptimizer, list[torch.nn.Parameter], list[Reference]]:
    """Two groups of different lr, betas and eps; the gradients are given, so rounding cannot flip the sign of one."""
    cls, decoupled = BASES[name]
    groups: list[dict[str, Any]] = [{"lr": LR}, {"lr": LR / 4, "betas": (0.8, 0.95), "eps": 1e-5}]
    params, references = [], []
    for i, group in enumerate(groups):
        own = [start(shape, dtype) for shape in SHAPES]
        hyper = {"weight_decay": WEIGHT_DECAY, **group, **more}
        references += [Reference(p, adam, hyper, decoupled, min_mean=min_mean) for p in own]
        groups[i] = {"params": own, **hyper}
        params += own
    optimizer = cautious(cls(groups), path, min_mean=min_mean)
    drift = [torch.randn_like(p) for p in params]
    for _ in range(steps):
        for p, reference, mean in zip(params, references, drift, strict=True):
            p.grad = torch.randn_like(p) + 0.5 * mean
            reference.step(p.grad)
        optimizer.step()
    return optimizer, params, references


def error(params: list[torch.nn.Parameter], references: list[Reference]) -> float:
    return max((p.double() - r.p).abs().max().item() for p, r in zip(params, references, strict=True) if p.numel())
