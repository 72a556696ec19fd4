"""timm has a caution of its own: a second opinion on the formula, by other people."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from cautious_optimizer import CautiousOptimizer
from timm.optim import Lion, create_optimizer_v2
from timm.optim.adamw import AdamWLegacy
from timm.optim.nadamw import NAdamW
from timm.scheduler.cosine_lr import CosineLRScheduler

TIMM_CLAMP = 1e-3


def gradients(shape: tuple[int, ...], steps: int, kept: float = 1.0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    found = [torch.randn(shape, generator=generator) for _ in range(steps)]
    return [torch.where(torch.rand(shape, generator=generator) < kept, g, torch.zeros(())) for g in found]


def run(make: Any, steps: list[torch.Tensor]) -> torch.Tensor:
    p = torch.nn.Parameter(torch.linspace(-1, 1, steps[0].numel()).reshape(steps[0].shape))
    optimizer = make([p])
    for g in steps:
        p.grad = g.clone()
        optimizer.step()
    return p.detach()


def far(one: torch.Tensor, other: torch.Tensor) -> float:
    return (one - other).abs().max().item()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("kernel", [{}, {"fused": True}, {"foreach": True}], ids=["default", "fused", "foreach"])
def test_timms_adamw_with_caution_takes_the_same_steps(weight_decay: float, kernel: dict[str, bool]) -> None:
    steps = gradients((40, 50), 100)
    settings: dict[str, Any] = {"lr": 1e-3, "weight_decay": weight_decay}
    theirs = run(lambda ps: AdamWLegacy(ps, caution=True, **settings), steps)
    ours = run(lambda ps: CautiousOptimizer(torch.optim.AdamW(ps, **settings, **kernel)), steps)
    assert far(ours, theirs) < 1e-6
    assert far(run(lambda ps: torch.optim.AdamW(ps, **settings), steps), theirs) > 5e-3


def test_where_timms_clamp_acts_min_mean_does_the_same_and_nothing_less_does() -> None:
    steps = gradients((100, 100), 20, kept=2e-4)
    settings: dict[str, Any] = {"lr": 1e-4, "weight_decay": 0.1}
    theirs = run(lambda ps: AdamWLegacy(ps, caution=True, **settings), steps)
    base = lambda ps: torch.optim.AdamW(ps, **settings)  # noqa: E731
    assert far(run(lambda ps: CautiousOptimizer(base(ps), min_mean=TIMM_CLAMP), steps), theirs) < 1e-6
    assert far(run(lambda ps: CautiousOptimizer(base(ps)), steps), theirs) > 1e-2


SETTINGS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, Any]]] = {
    "AdamWLegacy": (AdamWLegacy, {"lr": 1e-3, "weight_decay": 0.1}),
    "AdamWLegacy, amsgrad": (AdamWLegacy, {"lr": 1e-3, "weight_decay": 0.1, "amsgrad": True}),
    "AdamWLegacy, maximize": (AdamWLegacy, {"lr": 1e-3, "weight_decay": 0.1, "maximize": True}),
    "NAdamW": (NAdamW, {"lr": 1e-3, "weight_decay": 0.1}),
    "Lion": (Lion, {"lr": 1e-3, "weight_decay": 0.1}),
    "Lion without decay": (Lion, {"lr": 1e-3}),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_our_caution_on_a_class_of_timms_is_its_own_caution(name: str) -> None:
    """It decays decoupled and does not say so; its group says it here, as the warning asks for."""
    cls, settings = SETTINGS[name]
    steps = gradients((40, 50), 30)
    theirs = run(lambda ps: cls(ps, caution=True, **settings), steps)
    ours = run(
        lambda ps: CautiousOptimizer(cls([{"params": ps, "decoupled_weight_decay": True}], **settings)),
        steps,
    )
    assert far(ours, theirs) < 5e-6
    assert far(run(lambda ps: cls(ps, **settings), steps), theirs) > 1e-3


def test_an_optimizer_that_timm_made_cautious_is_refused() -> None:
    ps = [torch.nn.Parameter(torch.ones(3))]
    with pytest.raises(ValueError, match=r"masks its updates itself"):
        CautiousOptimizer(AdamWLegacy(ps, caution=True))
    with pytest.raises(ValueError, match=r"masks its updates itself"):
        CautiousOptimizer(create_optimizer_v2(torch.nn.Linear(2, 2), opt="cadamw", lr=0.1))


def test_timms_factory_and_schedule_work_with_it() -> None:
    net = torch.nn.Linear(4, 3)
    optimizer = CautiousOptimizer(create_optimizer_v2(net, opt="adamw", lr=0.1, weight_decay=0.05))
    scheduler = CosineLRScheduler(optimizer, t_initial=4, warmup_t=1, warmup_lr_init=0.01)
    other = create_optimizer_v2(net, opt="adamw", lr=0.1, weight_decay=0.05)
    plain = CosineLRScheduler(other, t_initial=4, warmup_t=1, warmup_lr_init=0.01)
    for epoch in range(4):
        net(torch.ones(2, 4)).sum().backward()
        optimizer.step()
        scheduler.step(epoch)
        plain.step(epoch)
        assert [g["lr"] for g in optimizer.param_groups] == [g["lr"] for g in plain.optimizer.param_groups]
    assert 0 < optimizer.mask_mean <= 1
