"""How much memory an optimizer takes beyond its parameters, their gradients and its state.

Counted is what torch's allocator hands out, from before the optimizer is made: so temporaries count that live inside
one operation, and so does scratch that an optimizer keeps from step to step. On CPU the profiler lists each allocation
(a TorchDispatchMode would not see those inside an operation or a compiled kernel, and the process's own high-water mark
counts whole pages, and pages that malloc keeps); on CUDA the caching allocator keeps the count itself.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer
from torch.profiler import ProfilerActivity, profile, record_function

MARK = "the step whose memory is measured"


@dataclass(frozen=True)
class Memory:
    """In bytes: the optimizer's state; what else it has allocated, at the peak of a step; what it keeps in between."""

    state: int
    extra: int
    kept: int


def of_a_step(make: Callable[[], Optimizer], device: str, warm_up: int = 2) -> Memory:
    """The memory of one step, after ``warm_up`` steps, of a new optimizer."""
    gc.collect()
    if device == "cpu":
        return _on_cpu(make, warm_up)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    optimizer = make()
    for _ in range(warm_up):
        optimizer.step()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    kept = torch.cuda.memory_allocated() - before
    optimizer.step()
    torch.cuda.synchronize()
    state = state_bytes(optimizer)
    return Memory(state, torch.cuda.max_memory_allocated() - before - state, kept - state)


def _on_cpu(make: Callable[[], Optimizer], warm_up: int) -> Memory:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        optimizer = make()
        for _ in range(warm_up):
            optimizer.step()
        with record_function(MARK):
            optimizer.step()
        state = state_bytes(optimizer)
    assert profiled.profiler is not None
    results = profiled.profiler.kineto_results
    assert results is not None
    events = sorted(results.events(), key=lambda event: event.start_ns())
    started = next(event.start_ns() for event in events if event.name() == MARK)
    now = kept = peak = 0
    for event in events:
        if event.name() == "[memory]":
            now += event.nbytes()  # negative where memory is given back
            if event.start_ns() < started:
                kept = peak = now
            peak = max(peak, now)
    return Memory(state, peak - state, kept - state)


def state_bytes(optimizer: Optimizer) -> int:
    """What the tensors in an optimizer's state take, each storage once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor for tensor in tensors(optimizer.state)}
    return sum(tensor.untyped_storage().nbytes() for tensor in storages.values())


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors among the values of nested mappings and lists."""
    if torch.is_tensor(value):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from tensors(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from tensors(each)
