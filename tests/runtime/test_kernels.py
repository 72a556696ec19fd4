"""The kernels of cautious_triton.py: torch.compile's on any machine, Triton's in Triton's interpreter.

The interpreter is chosen before Triton is imported, so the tests of Triton run in a process of their own: the first
test starts it. Where Triton is not installed (it comes with torch's builds for CUDA) they are skipped.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cautious_optimizer
import cautious_triton as kernels
import pytest
import torch
from bases import LR, WEIGHT_DECAY
from cautious_optimizer import CautiousOptimizer
from reference import Reference, adam
from torch import Tensor
from vendored import KERNELS, TEMPLATE

from cautify import __version__
from cautify.patch.vendor import tree_hash

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
HAS_TRITON = importlib.util.find_spec("triton") is not None
PATHS = ["triton"] if INTERPRETED else ["compiled"]
both = pytest.mark.parametrize("path", PATHS)
only_triton = pytest.mark.skipif(not INTERPRETED, reason="runs in the process that has Triton interpreted")
only_compiled = pytest.mark.skipif(INTERPRETED, reason="runs in the process that does not interpret Triton")
needs_triton = pytest.mark.skipif(not HAS_TRITON, reason="Triton is not installed")
BASES = {"Adam": (torch.optim.Adam, False), "AdamW": (torch.optim.AdamW, True)}
SHAPES = [(8, 5), (0,), (1,), (), (2, 3, 4, 5), (83, 37)]


@pytest.fixture(autouse=True)
def few_elements_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not 0 or 1 of them, for which torch.compile makes other code: it is never given those in earnest."""
    monkeypatch.setattr(cautious_optimizer, "_LARGE", 2)


@only_compiled
@needs_triton
def test_the_kernels_of_triton_pass_these_tests_interpreted() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n0", __file__]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


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


@only_compiled
def test_the_header_says_what_it_is_and_the_file_is_short_and_in_python_3_8() -> None:
    text = KERNELS.read_text(encoding="utf-8")
    head = "\n".join(text.splitlines()[:15])
    first = TEMPLATE.read_text(encoding="utf-8").splitlines()[7:15]
    for words in ("cautify revert", "2411.16085", "MIT", *first):
        assert words in head
    assert f"# cautify-runtime: {__version__} tree:{tree_hash(text.encode())}\n" in text
    assert text.count("\n") < 300
    assert ast.parse(text, feature_version=(3, 8))


@only_compiled
def test_nothing_is_compiled_again_for_other_sizes_and_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.utils import counters

    monkeypatch.setattr(cautious_optimizer, "_LARGE", 1 << 16)
    torch.compiler.reset()
    kernels._compile.cache_clear()
    kernels._work.cache_clear()
    seen = []
    for size in (1 << 16, 70_001, 100_000, 300_000):
        p = torch.nn.Parameter(torch.randn(size))
        optimizer = cautious(torch.optim.AdamW([p], lr=LR), "compiled")
        for step in range(4):
            p.grad = torch.randn_like(p)
            optimizer.step()
            optimizer.param_groups[0].update(lr=LR / (step + 2), betas=(0.9, 0.9 + 0.01 * step))
        seen.append(counters["stats"]["unique_graphs"])
    assert seen[0] == seen[-1] > 0


@only_compiled
def test_small_tensors_are_not_worth_a_compiled_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cautious_optimizer, "_LARGE", 100)
    p, q = start((99,)), start((100,))
    optimizer = cautious(torch.optim.AdamW([p, q]), "compiled")
    for _ in range(2):
        p.grad, q.grad = torch.randn_like(p), torch.randn_like(q)
        optimizer.step()
    assert {run.path for run in cautious_optimizer._runs(optimizer.base_optimizer, True)} == {"native", "compiled"}


@only_compiled
def test_without_a_compiler_it_warns_once_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(function: Any) -> Any:
        raise RuntimeError("there is no C++ compiler\nand more of this")

    monkeypatch.setattr(kernels, "_compile", fails)
    kernels._work.cache_clear()
    p = start((60,))
    optimizer = CautiousOptimizer(torch.optim.AdamW([p]), compile=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            p.grad = torch.randn_like(p)
            optimizer.step()
    kernels._work.cache_clear()
    (one,) = caught
    assert str(one.message).endswith("there is no C++ compiler")
    assert "goes on without the compiled kernels" in str(one.message)
    assert optimizer.state[p]["step"] == 3


@only_compiled
def test_compile_without_the_file_is_an_error_that_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cautious_triton", None)
    cautious_optimizer._kernels.cache_clear()
    try:
        with pytest.raises(ImportError, match="cautify apply --with-triton"):
            CautiousOptimizer(torch.optim.AdamW([start((3,))]), compile=True)
        assert "paths: native" in repr(CautiousOptimizer(torch.optim.AdamW([start((3,))])))
    finally:
        cautious_optimizer._kernels.cache_clear()


@only_triton
def test_a_table_of_addresses_is_made_again_only_when_something_has_moved() -> None:
    def table(*shapes: int, of: dict[int, Tensor]) -> Any:
        columns = [[of.setdefault(100 * i + n, torch.zeros(n)) for n in shapes] for i in range(4)]
        values, grads, *moments = columns
        run = SimpleNamespace(values=values, grads=grads, moments=moments, device=torch.device("cpu"))
        return kernels._table(run)

    kept: dict[int, Tensor] = {}
    first = table(5, 6, of=kept)
    assert table(5, 6, of=kept) is first
    assert table(5, of=kept) is not first
    kept[105] = torch.zeros(5)
    assert table(5, 6, of=kept) is not first


@only_triton
def test_biases_that_lie_on_the_device_give_the_same_step() -> None:
    """Where the base keeps its steps on the GPU they are not read; on CPU different steps go the same way."""
    found = []
    for steps in ([7.0, 7.0], [7.0, 8.0]):
        torch.manual_seed(0)
        p, q = torch.nn.Parameter(torch.randn(2049)), torch.nn.Parameter(torch.randn(3))
        optimizer = cautious(torch.optim.AdamW([p, q], lr=LR), "triton")
        p.grad, q.grad = torch.randn_like(p), torch.randn_like(q)
        optimizer.step()
        for one, step in zip((p, q), steps, strict=True):
            optimizer.state[one]["step"].fill_(step)
        optimizer.step()
        found.append(p.detach().clone())
    assert torch.allclose(*found, rtol=1e-6, atol=1e-7)


@only_compiled
@needs_triton
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("on_device", [False, True], ids=["numbers", "from the device"])
def test_the_kernels_compile_for_a_gpu_and_load_16_bytes_at_a_time(dtype: str, on_device: bool) -> None:
    """The interpreter accepts what the compiler does not. No GPU is needed for it."""
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    pointers = {"table": "*i64", "counts": "*i64", "factors": "*fp32", "biases": "*fp32"}
    types = {**pointers, "n": "i32", "rounds": "i32", "decay": "*fp32" if on_device else "fp32"}
    flags = {"BIASES": on_device, "DECAY": on_device, "COUPLED": on_device}
    for kernel, loads, stores in ((kernels._count_kernel, 2, 0), (kernels._move_kernel, 4, 3)):
        constants = {"DTYPE": getattr(tl, dtype), "ALIGNED": True, "BLOCK": kernels._BLOCK, **flags}
        constants = {name: constants[name] for name in kernel.arg_names if name in constants}
        signature = {n: "constexpr" if n in constants else types.get(n, "fp32") for n in kernel.arg_names}
        where = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
        source = ASTSource(fn=kernel, signature=signature, constexprs=where)
        made = triton.compile(source, target=GPUTarget("cuda", 80, 32), options={"num_warps": kernels._WARPS})
        assert len(re.findall(r"ld\.global\.v4\.b32", made.asm["ptx"])) >= loads
        assert len(re.findall(r"st\.global\.v4\.b32", made.asm["ptx"])) >= stores
        assert not stores or dtype == "float32" or "cvt.rn." in made.asm["ptx"]
