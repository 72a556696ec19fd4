"""Bases that the runtime does not know: one snapshot, one step of theirs, the difference."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cautious_optimizer import CautiousOptimizer


def expected_step(optimizer: torch.optim.Optimizer, decoupled: bool, coupled: bool = False) -> list[torch.Tensor]:
    """The paper's formula in float64, with u read off a copy of the base that takes the step alone."""
    alone = copy.deepcopy(optimizer)
    found = []
    for group, twin in zip(optimizer.param_groups, alone.param_groups, strict=True):
        for p, q in zip(group["params"], twin["params"], strict=True):
            q.grad = p.grad.clone()
            decay = 1 - group["lr"] * group.get("weight_decay", 0) if decoupled else 1
            found.append((p.detach().double() * decay, p.grad.double(), p, q, group))
    alone.step()
    new = []
    for start, g, p, q, group in found:
        u = start - q.detach().double()
        g = (-g if group.get("maximize") else g) + (group["weight_decay"] * p.detach().double() if coupled else 0)
        mask = (u * g > 0).double()
        new.append(start - u * mask / (mask.mean() + 1e-8))
    return new


class Lion(torch.optim.Optimizer):
    """Sign of an interpolated momentum; decays decoupled and does not say so."""

    def __init__(self, params: Any, lr: float = 0.01, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_((0.9 * m + 0.1 * p.grad).sign(), alpha=group["lr"])
                m.mul_(0.99).add_(p.grad, alpha=0.01)


MAKERS: dict[str, tuple[Callable[[Any], torch.optim.Optimizer], bool, bool]] = {
    "Adafactor": (lambda ps: torch.optim.Adafactor(ps, lr=0.01), False, False),
    "Adafactor with weight decay": (lambda ps: torch.optim.Adafactor(ps, lr=0.01, weight_decay=0.5), True, False),
    "Adafactor, maximize": (lambda ps: torch.optim.Adafactor(ps, lr=0.01, maximize=True), False, False),
    "ASGD": (lambda ps: torch.optim.ASGD(ps, lr=0.01, lambd=0.5), False, False),
    "ASGD with weight decay": (lambda ps: torch.optim.ASGD(ps, lr=0.01, lambd=0.9, weight_decay=0.1), False, True),
    "Lion": (lambda ps: Lion(ps), False, False),
    "Lion that says it decays decoupled": (
        lambda ps: Lion([{"params": ps, "decoupled_weight_decay": True}], weight_decay=0.5),
        True,
        False,
    ),
    "Muon": (lambda ps: torch.optim.Muon(ps, lr=0.01, weight_decay=0.5), True, False),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_formula_holds_with_the_bases_own_update(name: str) -> None:
    make, decoupled, coupled = MAKERS[name]
    dtype = torch.float32 if name == "Muon" else torch.float64
    params = [torch.nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in ((6, 4), (5, 3))]
    optimizer = CautiousOptimizer(make(params))
    masked = 0
    for _ in range(10):
        for p in params:
            p.grad = torch.randn_like(p)
        expected = expected_step(optimizer.base_optimizer, decoupled, coupled)
        optimizer.step()
        for p, value in zip(params, expected, strict=True):
            assert (p.double() - value).abs().max() < (1e-6 if name == "Muon" else 1e-12)
        masked += bool(optimizer.mask_mean < 1)
    assert masked or name.startswith("Adafactor")  # whose u has the sign of g
    assert all(group["weight_decay"] == optimizer.defaults["weight_decay"] for group in optimizer.param_groups)


def test_a_decay_that_nobody_explains_is_warned_about_once_and_left_to_the_base() -> None:
    p = torch.nn.Parameter(torch.randn(30, dtype=torch.float64))
    with pytest.warns(UserWarning, match=r'Lion does not say.*"decoupled_weight_decay": True'):
        optimizer = CautiousOptimizer(Lion([p], weight_decay=0.5))
    p.grad = torch.randn_like(p)
    expected = expected_step(optimizer.base_optimizer, decoupled=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
    assert (p - expected[0]).abs().max() < 1e-12


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("base", [torch.optim.AdamW, torch.optim.Adafactor, torch.optim.ASGD, torch.optim.SGD])
def test_torchs_own_classes_and_their_subclasses_are_not_warned_about(base: type[torch.optim.Optimizer]) -> None:
    class Own(base):  # type: ignore[misc, valid-type]
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    for cls in (base, Own):
        CautiousOptimizer(cls([torch.nn.Parameter(torch.ones(2))], weight_decay=0.1))


class ClippingAdamW(torch.optim.AdamW):
    """As policies of lerobot do: clips each group, leaves non-finite steps out, steps bf16 parameters by itself."""

    skipped = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        norms = [torch.nn.utils.clip_grad_norm_(group["params"], 1.0) for group in self.param_groups]
        if not all(norm.isfinite() for norm in norms):
            self.skipped += 1
            self.zero_grad(set_to_none=True)
            return None
        everything = [group["params"] for group in self.param_groups]
        try:
            for group in self.param_groups:
                group["params"] = [p for p in group["params"] if p.dtype != torch.bfloat16]
            super().step()
        finally:
            for group, params in zip(self.param_groups, everything, strict=True):
                group["params"] = params
        for group in self.param_groups:
            for p in group["params"]:
                if p.dtype == torch.bfloat16:
                    p.sub_(p.grad, alpha=group["lr"])
        return None


def test_a_subclass_with_its_own_step_is_stepped_once_by_that_step() -> None:
    params = [torch.nn.Parameter(torch.randn(20)), torch.nn.Parameter(torch.randn(20).bfloat16())]
    groups = [{"params": [p]} for p in params]
    optimizer = CautiousOptimizer(ClippingAdamW(groups, lr=0.01, weight_decay=0.5))
    for _ in range(5):
        for p in params:
            p.grad = 10 * torch.randn_like(p)
        expected = expected_step(optimizer.base_optimizer, decoupled=True)
        optimizer.step()
        assert (params[0].double() - expected[0]).abs().max() < 1e-6
        assert (params[1].double() - expected[1]).abs().max() < 0.05
    assert optimizer.state[params[0]]["step"] == 5


def test_a_step_that_the_base_leaves_out_changes_nothing() -> None:
    params = [torch.nn.Parameter(torch.randn(20)), torch.nn.Parameter(torch.randn(20).bfloat16())]
    optimizer = CautiousOptimizer(ClippingAdamW([{"params": [p]} for p in params], lr=0.01, weight_decay=0.5))
    before = [p.detach().clone() for p in params]
    for p in params:
        p.grad = torch.full_like(p, float("inf"))
    optimizer.step()
    assert optimizer.base_optimizer.skipped == 1
    assert all(torch.equal(p, old) for p, old in zip(params, before, strict=True))


class Careless(torch.optim.Optimizer):
    """Does to the gradients, in its step, what ``spoil`` does."""

    def __init__(self, params: Any, spoil: Callable[[torch.nn.Parameter], None]) -> None:
        super().__init__(params, {"lr": 0.1})
        self.spoil = spoil
        self.calls = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:
        self.calls += 1
        for p in self.param_groups[0]["params"]:
            p.sub_(p.grad, alpha=0.1)
            self.spoil(p)


def drop(p: torch.nn.Parameter) -> None:
    p.grad = None


def zero(p: torch.nn.Parameter) -> None:
    assert p.grad is not None
    p.grad.zero_()


def negate(p: torch.nn.Parameter) -> None:
    assert p.grad is not None
    p.grad.neg_()


@pytest.mark.parametrize("spoil", [drop, zero, negate])
def test_a_base_may_spoil_its_gradients(spoil: Callable[[torch.nn.Parameter], None]) -> None:
    p = torch.nn.Parameter(torch.ones(8))
    optimizer = CautiousOptimizer(Careless([p], spoil))
    p.grad = torch.tensor([1.0, -1.0] * 4)
    optimizer.step()
    assert optimizer.mask_mean == 1.0
    assert torch.allclose(p, torch.tensor([0.9, 1.1] * 4))
    assert optimizer.base_optimizer.calls == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_in_low_precision_the_mean_is_over_what_moved(dtype: torch.dtype) -> None:
    start = torch.cat([torch.ones(300), torch.full((100,), 1e-3)]).to(dtype)
    p = torch.nn.Parameter(start.clone())
    optimizer = CautiousOptimizer(Careless([p], lambda _: None))
    p.grad = torch.full_like(p, 1e-3)  # 0.1 of that is lost in 1, and not in 1e-3
    optimizer.step()
    assert torch.equal(p[:300], start[:300])
    assert torch.allclose(p[300:].float(), torch.tensor(9e-4), rtol=2e-2)
    assert optimizer.mask_mean == 1.0


def test_a_complex_parameter_steps() -> None:
    value, grad = torch.randn(20, 2), torch.randn(20, 2)
    found = []
    for convert in (torch.view_as_complex, lambda t: t):
        p = torch.nn.Parameter(convert(value.clone()))
        p.grad = convert(grad.clone())
        optimizer = CautiousOptimizer(torch.optim.ASGD([p], lr=0.1, weight_decay=0.5))
        optimizer.step()
        found.append(torch.view_as_real(p.detach()) if p.is_complex() else p.detach())
    assert torch.allclose(*found, atol=1e-6)


@pytest.mark.parametrize("reached", [0, 1, 2])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_a_base_that_raises_leaves_what_it_would_have_left_alone(reached: int, weight_decay: float) -> None:
    class Breaking(torch.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.1, "weight_decay": weight_decay, "decoupled_weight_decay": True})

        @torch.no_grad()
        def step(self, closure: Callable[[], Any] | None = None) -> None:
            group = self.param_groups[0]
            for i, p in enumerate(group["params"]):
                if i == reached:
                    raise KeyError("the base broke")
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(p.grad, alpha=group["lr"])

    values = [torch.randn(5) for _ in range(2)]
    left = []
    for wrap in (CautiousOptimizer, lambda base: base):
        params = [torch.nn.Parameter(value.clone()) for value in values]
        optimizer = wrap(Breaking(params))
        for p in params:
            p.grad = torch.ones(5)
        if reached < 2:
            with pytest.raises(KeyError, match="the base broke"):
                optimizer.step()
        else:
            optimizer.step()
        left.append(params)
        assert optimizer.param_groups[0]["weight_decay"] == weight_decay
    for p, alone in zip(*left, strict=True):
        assert torch.allclose(p, alone, atol=1e-7)


def test_a_group_that_opts_out_is_left_to_the_base() -> None:
    params = [torch.nn.Parameter(torch.ones(4)) for _ in range(2)]
    groups = [{"params": params[:1], "use_cautious_optimizer": False}, {"params": params[1:]}]
    optimizer = CautiousOptimizer(torch.optim.Adafactor(groups, lr=0.01, weight_decay=0.5))
    alone = torch.nn.Parameter(torch.ones(4))
    base = torch.optim.Adafactor([alone], lr=0.01, weight_decay=0.5)
    for p in (*params, alone):
        p.grad = torch.tensor([1.0, 0.0, 2.0, 0.0])
    optimizer.step()
    base.step()
    assert torch.equal(params[0], alone)
    assert not torch.equal(params[1], alone)
    assert optimizer.mask_mean == 0.5


def test_zero_redundancy_of_adamw_decays_decoupled(tmp_path: Path) -> None:
    from torch.distributed import destroy_process_group, init_process_group
    from torch.distributed.optim import ZeroRedundancyOptimizer

    init_process_group("gloo", rank=0, world_size=1, init_method=f"file://{tmp_path / 'store'}")
    try:
        values, found = torch.randn(30), []
        grads = torch.randn(5, 30)
        for zero_redundancy in (True, False):
            p = torch.nn.Parameter(values.clone())
            base = (
                ZeroRedundancyOptimizer([p], torch.optim.AdamW, lr=0.01, weight_decay=0.5)
                if zero_redundancy
                else torch.optim.AdamW([p], lr=0.01, weight_decay=0.5)
            )
            optimizer = CautiousOptimizer(base)
            for grad in grads:
                p.grad = grad.clone()
                optimizer.step()
            found.append(p.detach())
        assert torch.allclose(*found, atol=1e-6)
    finally:
        destroy_process_group()
