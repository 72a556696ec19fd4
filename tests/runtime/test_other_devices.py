"""The arithmetic of devices other than the CPU, lists of tensors and no number read, run on the CPU.

No GPU is needed for that: what is taken there is decided by one attribute. That nothing waits for a device is not shown
by this, but that no number is asked of a tensor is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import cautious_optimizer
import pytest
import torch
from bases import BASES, Base
from cautious_optimizer import CautiousOptimizer

SHAPES = ((8, 5), (400, 3), (), (0, 4), (7,))


@pytest.fixture(params=[1 << 24, 500], ids=["whole", "in parts"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made = cautious_optimizer._Run.__init__

    def as_on_a_device(self: Any, *arguments: Any) -> None:
        made(self, *arguments)
        self.on_cpu, self.limit = False, request.param
        self.path = "parked" if self.path == "native" else self.path  # that is for CPU alone

    with monkeypatch.context() as patch:
        patch.setattr(cautious_optimizer._Run, "__init__", as_on_a_device)
        yield


def train(optimizer: Any, dtype: torch.dtype, steps: int = 6) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = torch.randn(p.shape, generator=generator).to(dtype)
                p.grad.view(-1)[:2] = 0
        optimizer.step()


def pair(base: Base, dtype: torch.dtype, **more: Any) -> tuple[CautiousOptimizer, CautiousOptimizer]:
    values = [torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype) for shape in SHAPES]
    made = [base.make([torch.nn.Parameter(value.clone()) for value in values], **more) for _ in range(2)]
    return CautiousOptimizer(made[0]), CautiousOptimizer(made[1])


def test_it_is_really_the_other_arithmetic(elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    norm = torch._foreach_norm
    monkeypatch.setattr(torch, "_foreach_norm", lambda *arguments: called.append(1) or norm(*arguments))
    optimizer, _ = pair(BASES[0], torch.float32)
    train(optimizer, torch.float32, 1)
    assert called


def trained(
    base: Base, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> tuple[CautiousOptimizer, CautiousOptimizer]:
    """Two alike, trained: one as elsewhere, one as on the CPU."""
    there, here = pair(base, dtype)
    train(there, dtype)
    monkeypatch.undo()
    train(here, dtype)
    return there, here


@pytest.mark.parametrize("base", BASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_it_moves_parameters_as_on_cpu(
    base: Base, dtype: torch.dtype, elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = trained(base, dtype, monkeypatch)
    for p, q in zip(there.param_groups[0]["params"], here.param_groups[0]["params"], strict=True):
        assert torch.allclose(p, q, atol=1e-6 if dtype == torch.float32 else 1e-12, rtol=1e-6)
    assert torch.allclose(there.mask_mean.double(), here.mask_mean.double(), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("base", BASES[:3], ids=str)
def test_in_low_precision_a_parameter_is_rounded_once_there_too(
    base: Base, dtype: torch.dtype, elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, here = trained(base, dtype, monkeypatch)
    for p, q in zip(there.param_groups[0]["params"], here.param_groups[0]["params"], strict=True):
        # 0 / 0 of the base, whose eps is 0 in fp16, is NaN in both. The factor is a float32 there and a float64 here.
        assert (p.nan_to_num() != q.nan_to_num()).float().mean().nan_to_num() < 0.01


def test_an_unknown_base_and_min_mean(elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(torch.optim.SGD):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    p = torch.nn.Parameter(torch.randn(300))
    there = CautiousOptimizer(Own([p], lr=0.1, momentum=0.9), min_mean=0.9)
    here = copy.deepcopy(there)
    train(there, torch.float32)
    monkeypatch.undo()
    train(here, torch.float32)
    assert torch.allclose(p, here.param_groups[0]["params"][0], atol=1e-6)


def test_no_number_is_read_in_a_step(elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the base keeps out of the way: its step count is a tensor that a for-loop reads."""
    p = torch.nn.Parameter(torch.randn(50, 3))
    optimizer = CautiousOptimizer(torch.optim.SGD([p], lr=0.1, momentum=0.9, foreach=True))
    train(optimizer, torch.float32, 2)

    def read(self: torch.Tensor) -> Any:
        raise AssertionError("a number was asked of a tensor")

    for name in ("item", "tolist", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, read)
    optimizer.step()
    optimizer.mask_mean  # noqa: B018
