"""Bases that step on a stand-in for the parameters: precision, shapes, groups, and nothing left parked."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable
from typing import Any

import cautious_optimizer
import pytest
import torch
from bases import BASES, Base
from cautious_optimizer import CautiousOptimizer


def train(optimizer: Any, grads: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    """Feed the gradients, one list a step; return the parameters."""
    params = [p for group in optimizer.param_groups for p in group["params"]]
    for step in grads:
        for p, grad in zip(params, step, strict=True):
            p.grad = grad.to(p.dtype)
        optimizer.step()
    return [p.detach().clone() for p in params]


def gradients(steps: int, *shapes: tuple[int, ...], **more: Any) -> list[list[torch.Tensor]]:
    return [[torch.randn(shape, **more) for shape in shapes] for _ in range(steps)]


def parameter(*shape: int, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> torch.nn.Parameter:
    return torch.nn.Parameter((scale * torch.randn(shape)).to(dtype))


# Precision


def mean_of_the_mask(
    dtype: torch.dtype, wrap: Callable[[torch.optim.Optimizer], Any], lr: float
) -> tuple[float, float]:
    torch.manual_seed(3)
    p = parameter(200, 100, scale=0.02, dtype=dtype)
    optimizer = wrap(torch.optim.AdamW([p], lr=lr, weight_decay=0.0, eps=1e-3))  # 1e-8 is 0 in fp16
    before = p.detach().float().clone()
    train(optimizer, gradients(10, (200, 100)))
    return float(optimizer.mask_mean), (p.detach().float() - before).abs().max().item()


class Obvious:
    """Steps, subtracts and masks, in the parameter's own precision."""

    def __init__(self, base: torch.optim.Optimizer) -> None:
        self.base, self.param_groups, self.mask_mean = base, base.param_groups, math.nan

    @torch.no_grad()
    def step(self) -> None:
        (p,) = self.param_groups[0]["params"]
        before = p.clone()
        self.base.step()
        u = before.float() - p.float()
        mask = (u * p.grad.float() > 0).float()
        self.mask_mean = mask.mean().item()
        p.copy_(before.float() - u * mask / (self.mask_mean + 1e-8))


@pytest.mark.parametrize("lr", [1e-5, 1e-4])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_low_precision_keeps_what_fp32_keeps(dtype: torch.dtype, lr: float) -> None:
    mean, move = mean_of_the_mask(torch.float32, CautiousOptimizer, lr)
    low_mean, low_move = mean_of_the_mask(dtype, CautiousOptimizer, lr)
    assert 0.6 < mean < 0.8
    assert low_mean == pytest.approx(mean, abs=2e-3)
    assert low_move < 10 * move


def test_the_obvious_wrapper_is_lost_in_bf16() -> None:
    mean, _ = mean_of_the_mask(torch.float32, Obvious, 1e-5)
    low_mean, _ = mean_of_the_mask(torch.bfloat16, Obvious, 1e-5)
    assert 0.6 < mean < 0.8
    assert low_mean < 0.1


def test_fp16_loses_no_update_to_subnormal_numbers() -> None:
    p = torch.nn.Parameter(torch.zeros(10_000, dtype=torch.float16))
    optimizer = CautiousOptimizer(torch.optim.SGD([p], lr=1e-6, momentum=0.9))
    train(optimizer, [[0.1 + torch.rand(10_000)]])
    assert optimizer.mask_mean == 1.0
    assert (p != 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kernel", [{"foreach": False}, {"foreach": True}, {"fused": True}], ids=str)
def test_low_precision_rounds_the_new_parameter_once(dtype: torch.dtype, kernel: dict[str, bool]) -> None:
    start = torch.randn(1000).to(dtype)
    grad = (start.sign() * (0.5 + torch.rand(1000))).to(dtype)
    p = torch.nn.Parameter(start.clone())
    optimizer = CautiousOptimizer(torch.optim.AdamW([p], lr=0.01, weight_decay=0.1, **kernel))
    train(optimizer, [[grad]])
    minus_u = torch.nn.Parameter(torch.zeros_like(start))
    train(torch.optim.AdamW([minus_u], lr=1.0, weight_decay=0.0, **kernel), [[grad]])
    expected = start.double() * (1 - 0.01 * 0.1) + 0.01 * minus_u.double()
    assert optimizer.mask_mean == 1.0
    assert (p == expected.to(dtype)).double().mean() > 0.99  # fp32 may break a tie the other way


@pytest.mark.parametrize("size", [1e-25, 1e-12, 1e12])
def test_the_signs_are_compared_not_their_product(size: float) -> None:
    p = parameter(100)
    optimizer = CautiousOptimizer(torch.optim.SGD([p], lr=1 / size, momentum=0.9))
    before = p.detach().clone()
    train(optimizer, [[torch.full((100,), size)]])
    assert optimizer.mask_mean == 1.0
    assert torch.allclose(p, before - 1, atol=1e-5)


def test_the_count_is_exact_where_fp32_sums_would_saturate() -> None:
    n = (1 << 24) + 1001
    p = torch.nn.Parameter(torch.zeros(n))
    optimizer = CautiousOptimizer(torch.optim.SGD([p], lr=1.0))
    p.grad = torch.ones(n)
    optimizer.step()
    assert p[0].item() == -1.0
    assert optimizer._tally == [(float(n), n)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_count_is_exact_in_low_precision(dtype: torch.dtype) -> None:
    n = 100_003  # more than fp16 can hold, and nothing that bf16 can
    p = torch.nn.Parameter(torch.zeros(n, dtype=dtype))
    optimizer = CautiousOptimizer(torch.optim.SGD([p], lr=1.0))
    p.grad = torch.ones(n, dtype=dtype)
    optimizer.step()
    assert optimizer.mask_mean == 1.0
    assert (p == -1).all()


# Shapes and layouts


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0, 2), (5, 7), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("base", [torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad, torch.optim.Rprop])
def test_any_shape_steps(shape: tuple[int, ...], base: type[torch.optim.Optimizer]) -> None:
    p, other = parameter(*shape), parameter(3)
    optimizer = CautiousOptimizer(base([p, other], lr=0.1))
    before = p.detach().clone()
    train(optimizer, gradients(2, shape, (3,)))
    assert p.numel() == 0 or not torch.equal(p, before)
    assert p.shape == shape
    assert p.isfinite().all()


def test_a_complex_parameter_is_two_real_ones() -> None:
    for base in (torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD, torch.optim.Adagrad, torch.optim.RMSprop):
        value, grads = torch.randn(6, 4, 2), gradients(5, (6, 4, 2))
        as_complex = torch.nn.Parameter(torch.view_as_complex(value.clone()))
        one = CautiousOptimizer(base([as_complex], lr=0.1, weight_decay=0.1))
        other = CautiousOptimizer(base([torch.nn.Parameter(value)], lr=0.1, weight_decay=0.1))
        (expected,) = train(other, grads)
        (found,) = train(one, [[torch.view_as_complex(grad) for grad in step] for step in grads])
        assert torch.allclose(torch.view_as_real(found), expected, atol=1e-6), base
        assert one.mask_mean == other.mask_mean


LAYOUTS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "contiguous": lambda t: t.contiguous(),
    "channels last": lambda t: t.contiguous(memory_format=torch.channels_last),
    "transposed": lambda t: t.transpose(0, 1).contiguous().transpose(0, 1),
    "every other column": lambda t: t.repeat_interleave(2, dim=3)[..., ::2],
}


@pytest.mark.parametrize("kernel", [{"foreach": False}, {"foreach": True}, {"fused": True}], ids=str)
@pytest.mark.parametrize("of_gradient", LAYOUTS)
@pytest.mark.parametrize("of_parameter", LAYOUTS)
@pytest.mark.parametrize("at_once", [1 << 19, 30])
def test_the_layout_in_memory_does_not_matter(
    of_parameter: str, of_gradient: str, kernel: dict[str, bool], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's fused kernel on its own gets these wrong where the two layouts differ."""
    monkeypatch.setattr(cautious_optimizer, "_ON_CPU", at_once)
    value, grads = torch.randn(4, 3, 5, 6), gradients(4, (4, 3, 5, 6))
    plain = CautiousOptimizer(torch.optim.AdamW([torch.nn.Parameter(value.clone())], lr=0.1, foreach=False))
    (expected,) = train(plain, grads)
    p = torch.nn.Parameter(LAYOUTS[of_parameter](value))
    assert p.stride() == LAYOUTS[of_parameter](value).stride()
    optimizer = CautiousOptimizer(torch.optim.AdamW([p], lr=0.1, **kernel))
    (found,) = train(optimizer, [[LAYOUTS[of_gradient](grad) for grad in step] for step in grads])
    assert torch.allclose(found, expected, atol=2e-6, rtol=0)
    assert p.stride() == LAYOUTS[of_parameter](value).stride()


def test_the_state_lies_as_the_base_alone_would_lay_it() -> None:
    """Or a plain fused AdamW that takes the checkpoint over would read it in the wrong order."""
    p = torch.nn.Parameter(LAYOUTS["channels last"](torch.randn(4, 3, 5, 6)))
    optimizer = CautiousOptimizer(torch.optim.AdamW([p]))
    train(optimizer, gradients(1, (4, 3, 5, 6)))
    assert optimizer.state[p]["exp_avg"].stride() == p.stride()


def test_a_checkpoint_in_another_layout_is_right_under_the_fused_kernel() -> None:
    value, grads = torch.randn(4, 3, 5, 6), gradients(6, (4, 3, 5, 6))
    first = CautiousOptimizer(torch.optim.AdamW([torch.nn.Parameter(value.clone())], lr=0.1, fused=True))
    (middle,) = train(first, grads[:3])
    saved = copy.deepcopy(first.state_dict())
    (expected,) = train(first, grads[3:])
    p = torch.nn.Parameter(LAYOUTS["channels last"](middle))
    second = CautiousOptimizer(torch.optim.AdamW([p], lr=0.1, fused=True))
    second.load_state_dict(saved)
    (found,) = train(second, grads[3:])
    assert torch.allclose(found, expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("base", BASES, ids=str)
@pytest.mark.parametrize("at_once", [1, 64, 700])
def test_the_size_of_the_buckets_does_not_matter(base: Base, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = [(8, 5), (400, 3), (), (7,)]
    values, grads = [torch.randn(shape) for shape in shapes], gradients(6, *shapes)
    found = []
    for limit in (1 << 19, at_once):
        monkeypatch.setattr(cautious_optimizer, "_ON_CPU", limit)
        optimizer = CautiousOptimizer(base.make([torch.nn.Parameter(value.clone()) for value in values]))
        found.append([*train(optimizer, grads), optimizer.mask_mean])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("base", BASES, ids=str)
def test_the_order_of_the_parameters_does_not_matter(base: Base) -> None:
    shapes = [(8, 5), (40, 3), (), (7,)]
    values, grads = [torch.randn(shape) for shape in shapes], gradients(6, *shapes)
    one = train(CautiousOptimizer(base.make([torch.nn.Parameter(value.clone()) for value in values])), grads)
    backwards = CautiousOptimizer(base.make([torch.nn.Parameter(value.clone()) for value in reversed(values)]))
    other = train(backwards, [step[::-1] for step in grads])
    assert all(torch.equal(a, b) for a, b in zip(one, reversed(other), strict=True))


# Groups


def test_parameters_of_several_dtypes_share_a_group() -> None:
    dtypes = (torch.float32, torch.float64, torch.bfloat16, torch.complex64)
    together = [torch.nn.Parameter(torch.ones(50, dtype=dtype)) for dtype in dtypes]
    apart = [torch.nn.Parameter(torch.ones(50, dtype=dtype)) for dtype in dtypes]
    grads = [[torch.randn(50, dtype=dtype) for dtype in dtypes] for _ in range(5)]
    found = train(CautiousOptimizer(torch.optim.AdamW(together, lr=0.1)), grads)
    for i, p in enumerate(apart):
        (expected,) = train(CautiousOptimizer(torch.optim.AdamW([p], lr=0.1)), [[step[i]] for step in grads])
        assert torch.equal(found[i], expected)
        assert found[i].dtype == dtypes[i]


def test_each_group_has_its_own_settings() -> None:
    values, grads = [torch.randn(20), torch.randn(30)], gradients(5, (20,), (30,))
    settings: list[dict[str, Any]] = [
        {"lr": 0.1, "weight_decay": 0.5},
        {"lr": 0.01, "weight_decay": 0, "maximize": True},
    ]
    params = [torch.nn.Parameter(value.clone()) for value in values]
    both = torch.optim.AdamW([{"params": [p], **s} for p, s in zip(params, settings, strict=True)])
    found = train(CautiousOptimizer(both), grads)
    for i in range(2):
        alone = torch.optim.AdamW([torch.nn.Parameter(values[i].clone())], **settings[i])
        (expected,) = train(CautiousOptimizer(alone), [[step[i]] for step in grads])
        assert torch.equal(found[i], expected)


@pytest.mark.parametrize("first", [True, False])
def test_a_group_that_opts_out_is_stepped_by_the_base_alone(first: bool) -> None:
    cautious, plain, twin = parameter(30), parameter(30), parameter(30)
    twin.data.copy_(plain)
    groups = [{"params": [plain], "use_cautious_optimizer": False}, {"params": [cautious]}]
    optimizer = CautiousOptimizer(torch.optim.AdamW(groups if first else groups[::-1], lr=0.1, weight_decay=0.1))
    alone = torch.optim.AdamW([twin], lr=0.1, weight_decay=0.1)
    for _ in range(5):
        cautious.grad = torch.randn(30)
        plain.grad = torch.randn(30)
        twin.grad = plain.grad.clone()
        optimizer.step()
        alone.step()
        assert optimizer._tally[0][1] == 30
        assert len(optimizer._tally) == 1
    assert torch.equal(plain, twin)
    assert [set(group) - set(alone.param_groups[0]) for group in optimizer.param_groups] == (
        [{"use_cautious_optimizer"}, set()] if first else [set(), {"use_cautious_optimizer"}]
    )


def test_parameters_without_gradient_stay_and_are_not_counted() -> None:
    moving, frozen, unused = parameter(10), parameter(10).requires_grad_(False), parameter(10)
    optimizer = CautiousOptimizer(
        torch.optim.AdamW([{"params": [frozen]}, {"params": [moving, unused]}], weight_decay=0.1)
    )
    before = [frozen.clone(), unused.detach().clone()]
    moving.grad = torch.ones(10)
    optimizer.step()
    assert torch.equal(frozen, before[0])
    assert torch.equal(unused, before[1])
    assert set(optimizer.state) == {moving}
    assert optimizer.mask_mean == 1.0


def test_no_gradient_at_all_is_a_step_that_does_nothing() -> None:
    optimizer = CautiousOptimizer(torch.optim.AdamW([parameter(3)]))
    optimizer.step()
    assert not optimizer.state
    assert optimizer.mask_mean.isnan()


def test_a_parameter_listed_twice_is_not_lost() -> None:
    p = parameter(20)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optimizer = CautiousOptimizer(torch.optim.SGD([p, p], lr=0.1))
    before, pointer = p.detach().clone(), p.data_ptr()
    p.grad = torch.ones(20)
    optimizer.step()
    assert p.data_ptr() == pointer
    assert torch.allclose(p, before - 0.2)  # as the base alone: two steps


@pytest.mark.parametrize("base", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD, torch.optim.RAdam])
@pytest.mark.parametrize("kernel", [{"foreach": False}, {"fused": True}], ids=str)
def test_a_tensor_lr_is_a_number(base: type[torch.optim.Optimizer], kernel: dict[str, bool]) -> None:
    if base is torch.optim.RAdam:
        kernel = {"foreach": False}
    grads, value = gradients(4, (20,)), torch.randn(20)
    found = []
    for lr in (0.125, torch.tensor(0.125), torch.tensor([0.125])):
        p = torch.nn.Parameter(value.clone())
        optimizer = CautiousOptimizer(base([p], lr=lr, weight_decay=0.1, **kernel))
        found += train(optimizer, grads)
        assert optimizer.param_groups[0]["lr"] is lr
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


# Counting


def test_mask_mean_is_taken_over_all_parameters() -> None:
    one, other = parameter(10), parameter(30)
    optimizer = CautiousOptimizer(torch.optim.SGD([{"params": [one]}, {"params": [other]}], lr=0.1))
    assert optimizer.mask_mean.isnan()
    assert optimizer.mask_mean.shape == ()
    one.grad, other.grad = torch.ones(10), torch.zeros(30)
    other.grad[:5] = 1
    optimizer.step()
    assert optimizer.mask_mean.item() == pytest.approx(15 / 40)


def test_the_touched_rows_of_an_embedding_are_scaled_by_how_few_they_are() -> None:
    table = torch.nn.Embedding(100, 4)
    optimizer = CautiousOptimizer(torch.optim.SGD(table.parameters(), lr=1.0))
    before = table.weight.detach().clone()
    table(torch.tensor([3, 5, 8, 13])).sum().backward()
    optimizer.step()
    assert torch.allclose(table.weight[3], before[3] - 25)
    assert torch.equal(table.weight[4], before[4])


def test_with_every_gradient_zero_nothing_moves() -> None:
    p = parameter(20)
    optimizer = CautiousOptimizer(torch.optim.AdamW([p], lr=0.1, weight_decay=0.0))
    before = p.detach().clone()
    train(optimizer, [[torch.zeros(20)]] * 3)
    assert torch.equal(p, before)
    assert optimizer.mask_mean == 0.0


def test_a_nan_in_the_gradient_shows_as_it_does_in_the_base() -> None:
    p = parameter(20)
    optimizer = CautiousOptimizer(torch.optim.AdamW([p]))
    grad = torch.ones(20)
    grad[3] = math.nan
    train(optimizer, [[grad]])
    assert p.isnan().nonzero().tolist() == [[3]]


# Nothing stays parked


def snapshot(optimizer: CautiousOptimizer) -> list[Any]:
    """Identities and values of everything that parking borrows."""
    found: list[Any] = [id(optimizer.param_groups)]
    for group in optimizer.param_groups:
        found += [id(group), id(group["params"]), repr({k: v for k, v in group.items() if k != "params"})]
        for p in group["params"]:
            found += [id(p), p.data_ptr(), p.stride(), id(p.grad), p.grad._version, p.grad.tolist()]
    return found


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("base", BASES, ids=str)
def test_after_a_step_only_the_values_have_changed(base: Base, foreach: bool) -> None:
    """Of the gradients not even the version: torch's foreach SGD with Nesterov momentum would write into them."""
    optimizer = CautiousOptimizer(base.make([parameter(6, 4), parameter(3)], foreach=foreach))
    train(optimizer, gradients(2, (6, 4), (3,)))
    before = snapshot(optimizer)
    optimizer.step()
    assert snapshot(optimizer) == before


class Broken(RuntimeError):
    pass


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("base", [torch.optim.NAdam, torch.optim.RMSprop])
def test_a_base_that_raises_leaves_parameters_gradients_and_groups_as_they_were(
    base: type[torch.optim.Optimizer], weight_decay: float, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    params = [parameter(6, 4), parameter(3)]
    optimizer = CautiousOptimizer(base(params, lr=0.1, weight_decay=weight_decay))
    train(optimizer, gradients(2, (6, 4), (3,)))
    before, values, state = snapshot(optimizer), [p.detach().clone() for p in params], str(optimizer.state_dict())

    def broken(*_: Any, **__: Any) -> None:
        raise error("in the kernel")

    with monkeypatch.context() as patch:
        name = base.__name__.lower()
        patch.setattr(sys.modules[f"torch.optim.{name}"], name, broken)
        with pytest.raises(error, match="in the kernel"):
            optimizer.step()
    assert snapshot(optimizer) == before
    assert all(torch.equal(p, value) for p, value in zip(params, values, strict=True))
    assert str(optimizer.state_dict()) == state
    optimizer.step()
    assert not torch.equal(params[0], values[0])


def test_where_a_later_bucket_raises_each_parameter_has_its_whole_step_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cautious_optimizer, "_ON_CPU", 1)
    params, whole = [parameter(5) for _ in range(3)], [parameter(5) for _ in range(3)]
    for p, q in zip(params, whole, strict=True):
        q.data.copy_(p)
    optimizer, twin = (CautiousOptimizer(torch.optim.AdamW(ps, lr=0.1)) for ps in (params, whole))
    grads = gradients(2, (5,), (5,), (5,))
    train(optimizer, grads)
    train(twin, grads)
    before = [p.detach().clone() for p in params]
    optimizer.state[params[2]]["exp_avg"] = torch.zeros(4)
    twin.step()
    with pytest.raises(RuntimeError, match="size"):
        optimizer.step()
    assert torch.equal(params[0], whole[0])
    assert torch.equal(params[1], whole[1])
    assert torch.equal(params[2], before[2])


def test_what_the_base_refuses_is_still_refused() -> None:
    p = parameter(5)
    optimizer = CautiousOptimizer(torch.optim.AdamW([p], capturable=True))
    before = p.detach().clone()
    p.grad = torch.ones(5)
    with pytest.raises(AssertionError, match="capturable"):  # a CUDA feature
        optimizer.step()
    assert torch.equal(p, before)


def test_a_subclass_that_leaves_the_step_alone_is_parked() -> None:
    class Named(torch.optim.AdamW):
        """Overrides nothing that steps."""

    class Counted(torch.optim.AdamW):
        def step(self, closure: Any = None) -> Any:
            return super().step(closure)

    parkable = cautious_optimizer._parkable_step
    params = [parameter(2)]
    assert parkable(torch.optim.AdamW(params)) is not None
    assert parkable(Named(params)) is not None
    assert parkable(Counted(params)) is None
    assert parkable(torch.optim.Adafactor(params)) is None
    assert parkable(torch.optim.ASGD(params)) is None
    by_hand = torch.optim.AdamW(params)
    by_hand.step = lambda closure=None: None  # type: ignore[method-assign]
    assert parkable(by_hand) is None


def test_no_step_of_a_parkable_class_reads_p() -> None:
    """Where p lies does not change what is written, with weight decay set aside: torch's own promise, checked."""
    for base in BASES:
        if base.hyper.get("weight_decay"):
            continue
        grads, moves = gradients(5, (30,), dtype=torch.float64), []
        for start in (torch.zeros(30, dtype=torch.float64), torch.randn(30, dtype=torch.float64)):
            p = torch.nn.Parameter(start.clone())
            (found,) = train(base.make([p]), grads)
            moves.append(found - start)
        assert (moves[0] - moves[1]).abs().max() < 1e-14, base


def test_autograd_notices_a_step_as_it_does_with_the_base() -> None:
    """Or a second backward through a kept graph would use the new parameters without a word."""
    for make in (torch.optim.AdamW, torch.optim.SGD):
        p = parameter(4)
        optimizer = CautiousOptimizer(make([p], lr=0.1))
        for _ in range(2):
            loss = (p * p * p).sum()
            loss.backward(retain_graph=True)
            optimizer.step()
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                loss.backward()


def test_complex_parameters_fill_a_run_twice_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cautious_optimizer, "_ON_CPU", 50)
    params = [torch.nn.Parameter(torch.randn(size, dtype=torch.complex64)) for size in (30, 20)]
    optimizer = CautiousOptimizer(torch.optim.AdamW(params, lr=0.1))
    for p in params:
        p.grad = torch.randn_like(p)
    before = [p.detach().clone() for p in params]
    optimizer.step()
    assert all((p != old).any() for p, old in zip(params, before, strict=True))


def test_a_subclass_that_is_made_before_its_torch_class_is_parked_too() -> None:
    class First(torch.optim.Adadelta):
        """torch hooks the step of the class that is instantiated first."""

    first = First([parameter(2)])
    assert cautious_optimizer._parkable_step(first) is not None
