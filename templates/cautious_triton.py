# Kernels for cautious_optimizer.py, which lies beside this file: Adam and AdamW in two passes over memory.
# Put here by cautify (`cautify apply --with-triton`). To remove it and every edit: `cautify revert`.
# Do not edit it: `cautify check` compares it with the release named on the version line.
# Paper: Liang, Chen, Liu, Liu, "Cautious Optimizers: Improving Training with One Line of Code", arXiv 2411.16085.
# MIT licence, Copyright (c) The cautify authors.
# cautify-runtime: 0.1.0 tree:e518985cdbd9696c
# ruff: noqa: PGH004
# ruff: noqa
# flake8: noqa
# pylint: skip-file
# mypy: ignore-errors
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportAttributeAccessIssue=false, reportReturnType=false
# isort: skip_file
# fmt: off
# yapf: disable
"""What cautious_optimizer.py asks of this file: ``path``, then at each step ``count`` and ``move``.

The mean of a mask is known only when every element of the tensor has been seen, so there are two passes:

    count:  how many elements of  m' = lerp(m, g, 1 - beta1)  have the sign of g       nothing is written
    move:   m = m',  v = beta2 * v + (1 - beta2) * g * g,  u = m / bias1 / (sqrt(v / bias2) + eps)
            p = p * decay - lr / (mean + eps) * u * (m * g > 0)

Signs are compared, never products, which underflow. Two ways to make the kernels:

* triton: each pass is one launch over all tensors of a run, found through a table of their addresses on the device.
  Nothing waits for the device: what the host must send lies in pinned memory, and is sent only when it has changed.
* compiled: each pass is one call of torch.compile per tensor.
"""
from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from types import SimpleNamespace
from typing import Any

import torch

try:
    import triton
    import triton.language as tl
except ImportError:  # then there is torch.compile
    triton = None

_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"  # triton's way to run kernels on a CPU, for tests
_LOW, _EXACT = (torch.bfloat16, torch.float16), (torch.float32, torch.float64)
_TRIAL = 1 << 16  # elements; with few, torch.compile would assume that there are always few
_BLOCK, _WARPS = 2048, 8  # elements, and groups of 32 threads, that a program of triton's has

def path(group: dict[str, Any], like: torch.Tensor, compiled: bool) -> str:
    """"triton" or "compiled", the kernels for parameters like this one; "" where there are none."""
    if group.get("amsgrad"):
        return ""
    ours = like.dtype in _LOW + _EXACT[:1] and (like.is_cuda or (_INTERPRETED and not compiled))
    if ours and triton is not None and _work("triton", like.device, like.dtype):
        return "triton"
    asked = compiled and like.dtype in _EXACT and like.device.type in ("cpu", "cuda")
    return "compiled" if asked and _work("compiled", like.device, like.dtype) else ""

def count(run: Any) -> list[Any]:
    """For each parameter how many elements the update moves along the gradient: numbers on CPU, else 0-dim tensors."""
    return (_count_by_triton if run.path == "triton" else _count_compiled)(run)

def move(run: Any, factors: list[Any]) -> None:
    """Take the step; factors are lr / (mean of the mask + eps), of each parameter."""
    torch._foreach_add_(run.steps, 1)
    (_move_by_triton if run.path == "triton" else _move_compiled)(run, factors)

@lru_cache(None)
def _work(name: str, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the kernels can be made on this machine: there may be no C compiler, or an old GPU."""
    ones = [torch.ones(_TRIAL, device=device, dtype=dtype) for _ in range(4)]
    run = SimpleNamespace(
        path=name, device=device, dtype=dtype, on_cpu=device.type == "cpu", values=ones[:1], grads=ones[1:2],
        moments=[ones[2:3], ones[3:]], steps=[torch.zeros(())], decay=None, coupled=0.0,
        group={"betas": (0.9, 0.999), "eps": 1e-8, "maximize": False})
    try:
        with torch.no_grad():
            move(run, [kept / _TRIAL for kept in count(run)])
    except Exception as error:
        said = str(error).strip() or type(error).__name__
        warnings.warn(f"CautiousOptimizer goes on without the {name} kernels, which cannot be made for {dtype} on {device}: "
                      f"{said.splitlines()[0]}", stacklevel=2)
        return False
    return True

def _sign(run: Any) -> float:
    return -1.0 if run.group.get("maximize") else 1.0


# ---- triton

def _jit(function: Any) -> Any:
    # Numbers would otherwise be compiled in where they are 1 or a multiple of 16.
    return triton.jit(do_not_specialize=["n", "rounds"])(function) if triton else function

@_jit
def _place(table, n, rounds, BLOCK: tl.constexpr):
    """Which tensor this program has a block of, where in it the block begins, and how many elements are left there."""
    block = tl.program_id(0).to(tl.int64)
    low = block * 0
    high = low + n - 1
    for _ in range(rounds):  # the last tensor that begins no later; those without elements share the next one's beginning
        middle = (low + high + 1) // 2
        before = tl.load(table + 4 * n + middle) <= block
        low = tl.where(before, middle, low)
        high = tl.where(before, high, middle - 1)
    at = (block - tl.load(table + 4 * n + low)) * BLOCK
    return low, at, tl.load(table + 5 * n + low) - at

@_jit
def _block(address, at, DTYPE: tl.constexpr, ALIGNED: tl.constexpr, BLOCK: tl.constexpr):
    """Pointers to a block's elements."""
    start = tl.load(address).to(tl.pointer_type(DTYPE))
    if ALIGNED:  # what the compiler cannot know of an address that it reads from a table: it may load 16 bytes at a time
        start = tl.multiple_of(start, 16)
    return start + at + tl.arange(0, BLOCK)

@_jit
def _read(pointers, mask):
    if mask is None:
        return tl.load(pointers).to(tl.float32)
    else:
        return tl.load(pointers, mask=mask, other=0.0).to(tl.float32)

@_jit
def _first(ps, grads, ms, mask, rest1, coupled, sign, COUPLED: tl.constexpr):
    """The gradient as the base consumes it, the new first moment, and where their signs are the same."""
    grad = _read(grads, mask)
    if COUPLED:
        grad += coupled * _read(ps, mask)
    grad = sign * grad
    m = _read(ms, mask)
    m += rest1 * (grad - m)
    return grad, m, ((m > 0) & (grad > 0)) | ((m < 0) & (grad < 0))

@_jit
def _kept(ps, grads, ms, mask, rest1, coupled, sign, COUPLED: tl.constexpr):
    grad, m, aligned = _first(ps, grads, ms, mask, rest1, coupled, sign, COUPLED)
    return tl.sum(aligned.to(tl.int32), axis=0).to(tl.int64)

@_jit
def _moved(ps, grads, ms, vs, mask, factor, least, decay, beta2, rest2, rest1, coupled, sign,
           COUPLED: tl.constexpr, DTYPE: tl.constexpr):
    grad, m, aligned = _first(ps, grads, ms, mask, rest1, coupled, sign, COUPLED)
    v = beta2 * _read(vs, mask) + rest2 * grad * grad
    # Times the mask, not where it is set: of a gradient that is nan the base makes a parameter that is nan.
    p = _read(ps, mask) * decay - m / (tl.sqrt(v) + least) * aligned.to(tl.float32) * factor
    tl.store(ps, p.to(DTYPE), mask=mask)
    tl.store(ms, m.to(DTYPE), mask=mask)
    tl.store(vs, v.to(DTYPE), mask=mask)

@_jit
def _count_kernel(table, counts, n, rounds, rest1, coupled, sign,
                  COUPLED: tl.constexpr, DTYPE: tl.constexpr, ALIGNED: tl.constexpr, BLOCK: tl.constexpr):
    i, at, left = _place(table, n, rounds, BLOCK)
    ps = _block(table + i, at, DTYPE, ALIGNED, BLOCK)
    grads = _block(table + n + i, at, DTYPE, ALIGNED, BLOCK)
    ms = _block(table + 2 * n + i, at, DTYPE, ALIGNED, BLOCK)
    if left >= BLOCK:  # without a mask, which would keep loads from being wide
        kept = _kept(ps, grads, ms, None, rest1, coupled, sign, COUPLED)
    else:
        kept = _kept(ps, grads, ms, tl.arange(0, BLOCK) < left, rest1, coupled, sign, COUPLED)
    tl.atomic_add(counts + i, kept)

@_jit
def _move_kernel(table, factors, biases, decay, n, rounds, scale, least, beta2, rest2, rest1, coupled, sign,
                 BIASES: tl.constexpr, DECAY: tl.constexpr,  # whether they are read from the device
                 COUPLED: tl.constexpr, DTYPE: tl.constexpr, ALIGNED: tl.constexpr, BLOCK: tl.constexpr):
    i, at, left = _place(table, n, rounds, BLOCK)
    ps = _block(table + i, at, DTYPE, ALIGNED, BLOCK)
    grads = _block(table + n + i, at, DTYPE, ALIGNED, BLOCK)
    ms = _block(table + 2 * n + i, at, DTYPE, ALIGNED, BLOCK)
    vs = _block(table + 3 * n + i, at, DTYPE, ALIGNED, BLOCK)
    by = tl.load(decay) if DECAY else decay
    factor = tl.load(factors + i) * (tl.load(biases + i) if BIASES else scale)
    floor = tl.load(biases + n + i) if BIASES else least
    if left >= BLOCK:
        _moved(ps, grads, ms, vs, None, factor, floor, by, beta2, rest2, rest1, coupled, sign, COUPLED, DTYPE)
    else:
        mask = tl.arange(0, BLOCK) < left
        _moved(ps, grads, ms, vs, mask, factor, floor, by, beta2, rest2, rest1, coupled, sign, COUPLED, DTYPE)

_tables: dict[Any, Any] = {}
_captured: list[Any] = []  # a CUDA graph reads its tables at each replay, so they stay

def _table(run: Any) -> tuple[torch.Tensor, int, bool]:
    """Six rows: addresses of p, g, m and v; the number of the first block; elements. And how many blocks; all aligned."""
    addresses = tuple([t.data_ptr() for column in (run.values, run.grads, *run.moments[:2]) for t in column])
    sizes = tuple(map(len, run.values))
    key, capturing = (run.device, addresses, sizes), run.device.type == "cuda" and torch.cuda.is_current_stream_capturing()
    found = _tables.get(key)
    if found is None:
        blocks = list(accumulate([-(-size // _BLOCK) for size in sizes]))
        numbers = [*addresses, 0, *blocks[:-1], *sizes]
        if capturing:  # a copy would read the host's memory again at each replay: give numbers to kernels
            table = torch.zeros(len(numbers), dtype=torch.int64, device=run.device)
            torch._foreach_add_(list(table.unbind()), numbers)
        else:
            table = _sent(numbers, torch.int64, run.device)
        found = table, blocks[-1], all(address % 16 == 0 for address in addresses)
        if len(_tables) >= 64:  # gradients come to lie elsewhere now and then
            _tables.clear()
        if not capturing:  # what a capture makes exists only after a replay
            _tables[key] = found
    if capturing:
        _captured.append(found)
    return found

def _sent(numbers: list[Any], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    return torch.tensor(numbers, dtype=dtype, pin_memory=device.type == "cuda").to(device, non_blocking=True)

def _launch(run: Any, kernel: Any, *arguments: Any, **settings: Any) -> None:
    table, blocks, aligned = run.table
    if blocks:
        with torch.cuda.device_of(table):
            kernel[(blocks,)](
                table, *arguments, float(run.coupled), _sign(run), **settings, COUPLED=bool(run.coupled),
                DTYPE=getattr(tl, str(run.dtype)[6:]), ALIGNED=aligned, BLOCK=_BLOCK, num_warps=_WARPS)

def _count_by_triton(run: Any) -> list[Any]:
    n = len(run.values)
    run.grads = [grad if grad.dtype == run.dtype else grad.to(run.dtype) for grad in run.grads]
    run.table = _table(run)
    counts = torch.zeros(n, dtype=torch.int64, device=run.device)
    _launch(run, _count_kernel, counts, n, n.bit_length(), float(1 - run.group["betas"][0]))
    return counts.tolist() if run.on_cpu else list(counts.float().unbind())

def _move_by_triton(run: Any, factors: list[Any]) -> None:
    n, steps, (beta1, beta2), biases = len(run.values), run.steps, run.group["betas"], None
    factors = _sent(factors, torch.float32, run.device) if run.on_cpu else torch.stack(factors).float()
    decay = run.decay.float() if torch.is_tensor(run.decay) else float(1 if run.decay is None else run.decay)
    scale = least = 0.0
    if steps[0].device.type == "cpu":
        steps = [step.item() for step in steps]
        if len(set(steps)) == 1:
            scale, least = _biases(run, steps[0])
        else:
            biases = torch.stack(_biases(run, _sent(steps, torch.float64, run.device))).float()
    else:
        biases = torch.stack(_biases(run, torch.stack(steps).double())).float()
    _launch(run, _move_kernel, factors, factors if biases is None else biases, decay, n, n.bit_length(), scale, least,
            float(beta2), float(1 - beta2), float(1 - beta1), BIASES=biases is not None, DECAY=torch.is_tensor(decay))

def _biases(run: Any, step: Any) -> tuple[Any, Any]:
    """a and b of u = a * m / (sqrt(v) + b), in double: 1 - 0.999 has three digits less than 0.999."""
    (beta1, beta2), eps = run.group["betas"], run.group["eps"]
    root2 = (1 - beta2**step) ** 0.5
    return root2 / (1 - beta1**step), root2 * eps


# ---- torch.compile

def _count_compiled(run: Any) -> list[Any]:
    numbers = _numbers(run, 1 - run.group["betas"][0], run.coupled, _sign(run))
    kept = [_compile(_count)(*tensors, numbers, bool(run.coupled))
            for tensors in zip(run.values, run.grads, run.moments[0])]
    return [int(n) for n in kept] if run.on_cpu else kept

def _move_compiled(run: Any, factors: list[Any]) -> None:
    (beta1, beta2), decay, numbers = run.group["betas"], 1.0 if run.decay is None else run.decay, {}
    for step, factor, *tensors in zip(run.steps, factors, run.values, run.grads, *run.moments[:2]):
        step = step.item() if step.device.type == "cpu" else step.double()
        if step not in numbers:  # a tensor never is
            numbers[step] = _numbers(run, 1 - beta1, run.coupled, _sign(run), beta2, 1 - beta2, decay, *_biases(run, step))
        _compile(_move)(*tensors, numbers[step], _numbers(run, factor), bool(run.coupled))

def _numbers(run: Any, *numbers: Any) -> torch.Tensor:
    """In a tensor, because for another number there would be another compilation."""
    if not any(map(torch.is_tensor, numbers)):
        return _sent(numbers, run.dtype, run.device)
    return torch.stack([(n if torch.is_tensor(n) else torch.full((), n, device=run.device)).to(run.dtype) for n in numbers])

@lru_cache(None)
def _compile(function: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(function, dynamic=True)

def _first_moment(value, grad, m, rest1, coupled, sign, is_coupled):
    grad = sign * (grad + coupled * value if is_coupled else grad)
    m = m + rest1 * (grad - m)
    # inf * m * grad is above 0 where the two agree, however small they are; and nan where one is 0.
    return grad, m, (math.inf * m * grad > 0).to(m.dtype)  # floats, because bool tensors are slow on CPU

def _count(value, grad, m, numbers, is_coupled):
    return _first_moment(value, grad, m, *numbers.unbind(), is_coupled)[2].sum()

def _move(value, grad, m, v, numbers, factor, is_coupled):
    rest1, coupled, sign, beta2, rest2, decay, scale, least = numbers.unbind()
    grad, new_m, aligned = _first_moment(value, grad, m, rest1, coupled, sign, is_coupled)
    new_v = beta2 * v + rest2 * grad * grad
    value.copy_(value * decay - new_m / (new_v.sqrt() + least) * aligned * (factor * scale))
    m.copy_(new_m)
    v.copy_(new_v)
