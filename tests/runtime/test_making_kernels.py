"""How the kernels of cautious_triton.py come about: when they are made, when not, and that a GPU could run them."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from types import SimpleNamespace
from typing import Any

import cautious_optimizer
import cautious_triton as kernels
import pytest
import torch
from bases import LR
from cautious_optimizer import CautiousOptimizer
from kernel_paths import cautious, needs_triton, only_compiled, only_triton, start
from torch import Tensor
from vendored import KERNELS, TEMPLATE

from cautify import __version__
from cautify.patch.vendor import tree_hash

pytestmark = pytest.mark.usefixtures("few_elements_are_worth_it")


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
