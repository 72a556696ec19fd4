"""Cases of their own kind: what is refused or warned of, mixed precision with a loss scale, and a wrong mean."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cautious_optimizer
import layouts
import torch
from cautious_optimizer import CautiousOptimizer
from layouts import Net
from rank_bases import adamw
from rank_training import whole
from torch import nn
from torch.distributed.tensor import DTensor, Partial


@dataclass(frozen=True)
class Single:
    run: Callable[[int, int], Any]
    worlds: tuple[int, ...] = (2,)
    dtensor: bool = True


def partial_parameter(rank: int, world: int) -> str:
    parameter = nn.Parameter(DTensor.from_local(torch.ones(4), layouts.mesh_of(world), [Partial()]))
    try:
        optimizer = CautiousOptimizer(torch.optim.AdamW([parameter]))
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    except (TypeError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return "not refused"


def mean_of_each_shard(rank: int, world: int) -> dict[str, torch.Tensor]:
    """The mistake that all this guards against: each rank masks its shard as if it were the tensor."""
    model = layouts.fsdp(Net(), world)
    shards = [(p, nn.Parameter(p.to_local().detach())) for p in model.parameters() if p.requires_grad]
    optimizer = CautiousOptimizer(torch.optim.AdamW([shard for _, shard in shards], lr=0.01, weight_decay=0.1))
    for step in range(5):
        x, y = (t.chunk(world)[rank] for t in layouts.batch(step))
        (model(x) - y).square().mean().backward()
        for p, shard in shards:
            shard.grad = None if p.grad is None else p.grad.to_local()
        optimizer.step()
        model.zero_grad()
    return {name: whole(p) for name, p in model.named_parameters()}


def scaled_in_bfloat16(rank: int, world: int) -> dict[str, torch.Tensor]:
    """Autocast, a loss scale, clipping; in the third step rank 0 finds an inf. Every rank sees the whole batch."""
    model = Net()
    called = layouts.ddp(model, world) if world > 1 else model
    optimizer = CautiousOptimizer(adamw(model))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for step in range(5):
        x, y = layouts.batch(step)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = (called(x) - y).square().mean() * (torch.inf if step == 2 and rank == 0 else 1)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        before = [p.detach().clone() for p in model.parameters()]
        scaler.step(optimizer)
        unchanged = all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))
        assert unchanged == (step == 2)
        scaler.update()
        optimizer.zero_grad()
    return {name: whole(p) for name, p in model.named_parameters()}


def fsdp1(rank: int, world: int) -> list[list[str]]:
    found = []
    for layout in (layouts.fsdp1, layouts.fsdp1_with_its_parameters):
        model = layout(layouts.all_on_the_first_rank(), world)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            optimizer = CautiousOptimizer(adamw(model))
            said = len(caught)
            for step in range(2):
                x, y = layouts.batch(step)
                (model(x) - y).square().mean().backward()
                optimizer.step()
                optimizer.zero_grad()
        own = [str(one.message) for one in caught if "CautiousOptimizer" in str(one.message)]
        assert said
        with model.summon_full_params(model):
            assert all(p.isfinite().all() for p in model.parameters())
        found.append(own)
    return found


def compiled(rank: int, world: int) -> tuple[dict[str, torch.Tensor], int]:
    """The parameters after five steps with compiled kernels under FSDP2, and how often a kernel counted."""
    kernels = cautious_optimizer._kernels()
    counts, count = [], kernels._count_compiled
    kernels._count_compiled = lambda run: counts.append(run) or count(run)
    large, cautious_optimizer._LARGE = cautious_optimizer._LARGE, 1
    try:
        model = layouts.fsdp(Net(), world)
        optimizer = CautiousOptimizer(adamw(model), compile=True)
        for step in range(5):
            x, y = (t.chunk(world)[rank] for t in layouts.batch(step))
            (model(x) - y).square().mean().backward()
            optimizer.step()
            model.zero_grad()
    finally:
        kernels._count_compiled, cautious_optimizer._LARGE = count, large
    return {name: whole(p) for name, p in model.named_parameters()}, len(counts)


SINGLES: dict[str, Single] = {
    "a Partial parameter": Single(partial_parameter),
    "the mean of each shard": Single(mean_of_each_shard, (2, 4), dtensor=False),
    "DDP, autocast and a loss scale": Single(scaled_in_bfloat16, dtensor=False),
    "FSDP1": Single(fsdp1, dtensor=False),
    "FSDP2, compiled": Single(compiled),
}
