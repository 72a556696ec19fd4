"""100 steps of every parkable base against the paper's formula in float64, and controls that must not agree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from bases import BASES, LR, WEIGHT_DECAY, Base
from cautious_optimizer import CautiousOptimizer
from reference import Reference
from torch import Tensor

SHAPES = [(8, 5), (7,), ()]
STEPS = 100


def run(base: Base, dtype: torch.dtype, cautious: bool = True, **more: object) -> tuple[list[Tensor], list[Reference]]:
    """The same gradients for both: given, not computed, so that rounding cannot flip the sign of one."""
    start = [0.1 * torch.randn(shape) for shape in SHAPES]
    params = [torch.nn.Parameter(value.to(dtype)) for value in start]
    optimizer = base.make(params, **more)
    if cautious:
        optimizer = CautiousOptimizer(optimizer)
    references = [Reference(value, base.update, base.hyper, base.decoupled) for value in start]
    drift = [torch.randn(shape) for shape in SHAPES]
    for _ in range(STEPS):
        for p, reference, mean in zip(params, references, drift, strict=True):
            grad = torch.randn(p.shape) + 0.5 * mean
            p.grad = grad.to(dtype)
            reference.step(grad)
        optimizer.step()
    return [p.detach() for p in params], references


def error(found: list[Tensor], references: list[Reference]) -> float:
    return max((p.double() - r.p).abs().max().item() for p, r in zip(found, references, strict=True))


@pytest.fixture
def exact_scalars() -> Iterator[None]:
    """NAdam keeps the product of its momenta in the default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("exact_scalars")
@pytest.mark.parametrize("base", BASES, ids=str)
def test_fp64_agrees_to_1e_12(base: Base) -> None:
    assert error(*run(base, torch.float64)) < 1e-12


def kernels() -> list[object]:
    """Each base in each of the implementations that torch has of it."""
    found = []
    for base in BASES:
        found += [pytest.param(base, {"foreach": how}, id=f"{base} foreach={how}") for how in (False, True)]
        if base.has_fused:
            found.append(pytest.param(base, {"fused": True}, id=f"{base} fused"))
    return found


@pytest.mark.parametrize(("base", "kernel"), kernels())
def test_fp32_agrees_to_1e_6(base: Base, kernel: dict[str, bool]) -> None:
    assert error(*run(base, torch.float32, **kernel)) < 1e-6


@pytest.mark.parametrize("base", BASES, ids=str)
def test_the_base_alone_does_not_agree(base: Base) -> None:
    always_aligned = base.cls in (torch.optim.Adagrad, torch.optim.Adadelta) or (
        base.cls in (torch.optim.SGD, torch.optim.RMSprop) and not base.hyper.get("momentum")
    )
    difference = error(*run(base, torch.float64, cautious=False))
    if always_aligned:
        assert difference < 1e-7  # u has the sign of g, so of the formula only eps is left
    else:
        assert difference > 1e-3


class ObviousWrapper:
    """Clone, step, subtract, mask: what one would write first. It masks and rescales the weight decay too."""

    def __init__(self, base: torch.optim.Optimizer) -> None:
        self.base = base

    @torch.no_grad()
    def step(self) -> None:
        params = [p for group in self.base.param_groups for p in group["params"]]
        before = [p.clone() for p in params]
        self.base.step()
        for p, old in zip(params, before, strict=True):
            u = old - p
            mask = (u * p.grad > 0).to(p.dtype)
            p.copy_(old - u * mask / (mask.mean() + 1e-8))


def obvious(weight_decay: float) -> float:
    base = Base(torch.optim.AdamW, BASES[0].update, {"lr": LR, "weight_decay": weight_decay}, decoupled=True)
    p = torch.nn.Parameter(torch.randn(8, 5, dtype=torch.float64))
    wrapper = ObviousWrapper(base.make([p]))
    reference = Reference(p, base.update, base.hyper, base.decoupled)
    for _ in range(STEPS):
        p.grad = torch.randn(p.shape, dtype=torch.float64)
        reference.step(p.grad)
        wrapper.step()
    return (p - reference.p).abs().max().item()


def test_the_obvious_wrapper_agrees_without_weight_decay() -> None:
    assert obvious(weight_decay=0.0) < 1e-12


def test_the_obvious_wrapper_does_not_agree_with_weight_decay() -> None:
    assert obvious(weight_decay=WEIGHT_DECAY) > 1e-4


@pytest.mark.usefixtures("exact_scalars")
def test_a_reference_without_the_mask_is_the_base_itself() -> None:
    for base in BASES:
        start = torch.randn(6, 4, dtype=torch.float64)
        p = torch.nn.Parameter(start.clone())
        optimizer = base.make([p])
        reference = Reference(start, base.update, base.hyper, base.decoupled, cautious=False)
        for _ in range(20):
            p.grad = torch.randn(p.shape, dtype=torch.float64)
            reference.step(p.grad)
            optimizer.step()
        assert (p - reference.p).abs().max() < 1e-12, base


def test_min_mean_bounds_the_scale_as_timm_does() -> None:
    p = torch.nn.Parameter(torch.ones(1000, dtype=torch.float64))
    optimizer = CautiousOptimizer(torch.optim.SGD([p], lr=1.0), min_mean=0.5)
    p.grad = torch.zeros_like(p)
    p.grad[0] = 0.25
    optimizer.step()
    assert p[0].item() == pytest.approx(1 - 0.25 / 0.5, abs=1e-7)
    assert optimizer.mask_mean.item() == pytest.approx(1 / 1000)
