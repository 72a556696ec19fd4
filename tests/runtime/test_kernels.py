"""The kernels of cautious_triton.py: torch.compile's on any machine, Triton's in Triton's interpreter.

The interpreter is chosen before Triton is imported, so the tests of Triton run in a process of their own: the first
test starts it. Where Triton is not installed (it comes with torch's builds for CUDA) they are skipped.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cautious_optimizer
import cautious_triton as kernels
import pytest
import torch
from bases import LR, WEIGHT_DECAY
from cautious_optimizer import CautiousOptimizer
from kernel_paths import BASES, both, cautious, error, needs_triton, only_compiled, only_triton, start, train
from reference import Reference, adam
from torch import Tensor

pytestmark = pytest.mark.usefixtures("few_elements_are_worth_it")


@only_compiled
@needs_triton
def test_the_kernels_of_triton_pass_these_tests_interpreted() -> None:
    files = Path(__file__).parent.glob("test_*kernels.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", *map(str, files)]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


@both
@pytest.mark.parametrize(
    ("name", "maximize", "steps"),
    [("Adam", False, 20), ("Adam", True, 100), ("AdamW", False, 100), ("AdamW", True, 20)],
)
def test_it_agrees_with_the_reference_to_1e_6(name: str, maximize: bool, steps: int, path: str) -> None:
    _, params, references = train(name, path, steps=steps, maximize=maximize)
    assert error(params, references) < 1e-6


@both
@pytest.mark.parametrize("name", BASES)
def test_min_mean_and_no_decay_agree_with_the_reference(name: str, path: str) -> None:
    _, params, references = train(name, path, steps=20, min_mean=0.75, weight_decay=0.0)
    assert error(params, references) < 1e-6


@only_compiled
@pytest.mark.parametrize("name", BASES)
def test_fp64_agrees_to_1e_12(name: str) -> None:
    _, params, references = train(name, "compiled", torch.float64, steps=20)
    assert error(params, references) < 1e-12


@only_triton
@pytest.mark.parametrize(("dtype", "units"), [(torch.bfloat16, 1.001), (torch.float16, 0.501)])
def test_in_half_precision_a_step_is_taken_in_fp32_and_rounded_once(dtype: torch.dtype, units: float) -> None:
    """From the same rounded state. (The interpreter cuts bfloat16 off; that a GPU rounds it is another test's.)"""
    p, eps = torch.nn.Parameter(torch.randn(3001).to(dtype)), 2.0**-10  # 1e-8 is 0 in the base's first step in float16
    optimizer = cautious(torch.optim.AdamW([p], lr=LR, weight_decay=WEIGHT_DECAY, eps=eps), "triton")
    for step in range(1, 6):
        p.grad = torch.randn(3001).to(dtype)
        g, old = p.grad.float(), p.detach().float().clone()
        state = {key: value.float().clone() for key, value in optimizer.state[p].items()}
        optimizer.step()
        if step == 1:  # taken by the base, which makes the state
            continue
        m = state["exp_avg"] + (1 - 0.9) * (g - state["exp_avg"])
        v = 0.999 * state["exp_avg_sq"] + (1 - 0.999) * g * g
        u = m / (1 - 0.9**step) / ((v / (1 - 0.999**step)).sqrt() + eps)
        mask = (m.sign() * g > 0).float()
        new = old * (1 - LR * WEIGHT_DECAY) - LR * u * mask / (mask.mean() + 1e-8)
        unit = torch.finfo(dtype).eps
        least = torch.finfo(dtype).smallest_normal * unit
        for found, exact in ((p, new), (optimizer.state[p]["exp_avg"], m), (optimizer.state[p]["exp_avg_sq"], v)):
            assert ((found.float() - exact).abs() <= units * (unit * exact.abs() + least)).all()
        assert optimizer.mask_mean.item() == pytest.approx(mask.mean().item(), abs=1e-6)


@both
def test_signs_are_compared_where_products_underflow(path: str) -> None:
    p = torch.nn.Parameter(torch.ones(64))
    optimizer = cautious(torch.optim.AdamW([p], lr=LR), path)
    for _ in range(3):
        p.grad = torch.full_like(p, 1e-30)
        optimizer.step()
    assert optimizer.mask_mean.item() == 1


@both
@pytest.mark.parametrize("name", BASES)
def test_the_state_is_that_of_the_base(name: str, path: str) -> None:
    """Weight decay is left out: coupled, it would let the parameters, which differ, into the gradients."""
    cls, _ = BASES[name]
    mine, plain = start((33, 9)), start((33, 9))
    optimizer, base = cautious(cls([mine], lr=LR, weight_decay=0.0), path), cls([plain], lr=LR, weight_decay=0.0)
    for _ in range(20):
        mine.grad = torch.randn_like(mine)
        plain.grad = mine.grad.clone()
        optimizer.step()
        base.step()
    ours, theirs = optimizer.state[mine], base.state[plain]
    assert ours["step"] == theirs["step"] == 20
    for key in ("exp_avg", "exp_avg_sq"):
        assert torch.allclose(ours[key], theirs[key], rtol=1e-5, atol=1e-7)
        assert ours[key].stride() == mine.stride()


@both
def test_a_checkpoint_goes_to_plain_adamw_and_back(path: str) -> None:
    optimizer, params, _ = train("AdamW", path, steps=3)
    copies = copy.deepcopy(params)
    halves = len(params) // 2
    plain = torch.optim.AdamW([{"params": copies[:halves]}, {"params": copies[halves:]}])
    plain.load_state_dict(optimizer.state_dict())
    for p in copies:
        p.grad = torch.randn_like(p)
    plain.step()
    again = cautious(torch.optim.AdamW([{"params": copies[:halves]}, {"params": copies[halves:]}]), path)
    again.load_state_dict(plain.state_dict())
    again.step()
    assert {int(state["step"]) for state in again.state.values()} == {5}
    assert list(again.state_dict()["state"][0]) == list(plain.state_dict()["state"][0])


@both
def test_the_first_step_is_parked_because_the_base_makes_its_state(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = []
    monkeypatch.setattr(kernels, "move", lambda run, factors, move=kernels.move: moves.append(1) or move(run, factors))
    p = start((300,))
    optimizer = cautious(torch.optim.AdamW([p], lr=LR), path)
    moves.clear()  # that of the trial
    p.grad = torch.randn_like(p)
    optimizer.step()
    assert not moves
    optimizer.step()
    assert len(moves) == 1


@both
def test_mask_mean_is_the_share_of_all_elements_that_were_kept(path: str) -> None:
    optimizer, params, references = train("AdamW", path, steps=5)
    kept = sum(r.mask_mean * p.numel() for p, r in zip(params, references, strict=True) if p.numel())
    assert optimizer.mask_mean.item() == pytest.approx(kept / sum(p.numel() for p in params), abs=1e-6)


@both
def test_counting_changes_nothing(path: str) -> None:
    optimizer, params, _ = train("Adam", path, steps=2)
    before = copy.deepcopy((params, [p.grad for p in params], optimizer.state_dict()))
    for run in cautious_optimizer._runs(optimizer.base_optimizer, optimizer.compile):
        run.look()
        assert run.path == path or max(run.counted) < 2
        assert not run.kernels or all(
            type(kept) is int and 0 <= kept <= n for kept, n in zip(kernels.count(run), run.counted, strict=True)
        )
    after = (params, [p.grad for p in params], optimizer.state_dict())
    for old, new in zip(tensors(before), tensors(after), strict=True):
        assert torch.equal(old, new)


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in torch.utils._pytree.tree_leaves(tree) if torch.is_tensor(leaf)]


@both
def test_a_nan_gradient_makes_a_nan_parameter_as_in_the_base(path: str) -> None:
    p = torch.nn.Parameter(torch.ones(100))
    optimizer = cautious(torch.optim.AdamW([p], lr=LR), path)
    for _ in range(2):
        p.grad = torch.ones(100)
        optimizer.step()
    p.grad[3] = torch.nan
    optimizer.step()
    assert p.isnan().nonzero().tolist() == [[3]]


@both
def test_parameters_may_have_taken_different_numbers_of_steps(path: str) -> None:
    params = [start((40,)), start((50,))]
    hyper = {"lr": LR, "weight_decay": WEIGHT_DECAY}
    references = [Reference(p, adam, hyper, True) for p in params]
    optimizer = cautious(torch.optim.AdamW(params, **hyper), path)
    for step in range(12):
        for i, (p, reference) in enumerate(zip(params, references, strict=True)):
            p.grad = None if i and step % 3 == 1 else torch.randn_like(p)
            if p.grad is not None:
                reference.step(p.grad)
        optimizer.step()
    assert error(params, references) < 1e-6


@both
def test_lr_may_be_a_tensor_and_change(path: str) -> None:
    p = start((50, 3))
    hyper = {"lr": LR, "weight_decay": WEIGHT_DECAY}
    reference = Reference(p, adam, hyper, True)
    lr = torch.tensor(LR)
    optimizer = cautious(torch.optim.AdamW([p], lr=lr, weight_decay=WEIGHT_DECAY, foreach=False), path)
    for step in range(10):
        p.grad = torch.randn_like(p)
        reference.step(p.grad)
        optimizer.step()
        hyper["lr"] = LR / 2 ** (step % 4)
        lr.fill_(hyper["lr"])
    assert error([p], [reference]) < 1e-6


@both
def test_amsgrad_takes_another_path(path: str) -> None:
    optimizer = CautiousOptimizer(torch.optim.AdamW([start((9,))], amsgrad=True), compile=path == "compiled")
    assert "paths: native" in repr(optimizer)


@both
def test_what_is_kept_of_a_sharded_parameter_is_summed_over_the_ranks(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one rank, where the runtime would leave the sum out: here it is told that there are more."""
    from torch.distributed import destroy_process_group, init_process_group
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor

    def dims(p: Any) -> set[int]:
        return {d for d, placement in enumerate(p.placements) if placement.is_shard()}

    def all_reduce(vector: Tensor, group: Any = None) -> None:
        sent.append(vector.tolist())
        reduce(vector, group=group)

    sent: list[list[int]] = []
    reduce = torch.distributed.all_reduce
    monkeypatch.setattr(cautious_optimizer, "_sharded_dims", dims)
    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    init_process_group("gloo", rank=0, world_size=1, init_method=f"file://{tmp_path / 'store'}")
    try:
        mesh = init_device_mesh("cpu", (1,))
        values = [0.1 * torch.randn(33, 5), 0.1 * torch.randn(7)]
        placements = [[Shard(0)], [Replicate()]]
        params = [
            torch.nn.Parameter(distribute_tensor(value, mesh, placement))
            for value, placement in zip(values, placements, strict=True)
        ]
        references = [Reference(value, adam, {"lr": LR, "weight_decay": WEIGHT_DECAY}, True) for value in values]
        optimizer = cautious(torch.optim.AdamW(params, lr=LR, weight_decay=WEIGHT_DECAY), path)
        for _ in range(10):
            for p, reference, placement in zip(params, references, placements, strict=True):
                grad = torch.randn(p.shape)
                reference.step(grad)
                p.grad = distribute_tensor(grad, mesh, placement)
            optimizer.step()
        assert len(sent) == 10
        assert {counted for _, counted in sent} == {33 * 5}
        for p, reference in zip(params, references, strict=True):
            assert (p.full_tensor().double() - reference.p).abs().max() < 1e-6
    finally:
        destroy_process_group()


@both
def test_autograd_notices_what_the_kernels_write(path: str) -> None:
    p = torch.nn.Parameter(torch.randn(300))
    optimizer = cautious(torch.optim.AdamW([p], lr=0.1), path)
    for _ in range(2):  # the first step is parked
        loss = (p * p * p).sum()
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
