"""Training that stops, is stored by torch.distributed.checkpoint, and goes on in other objects."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import layouts
import torch
import torch.distributed.checkpoint as dcp
from cautious_optimizer import CautiousOptimizer
from rank_bases import adamw
from rank_training import whole
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim import Optimizer

Wrap = Callable[[Optimizer], Optimizer]


def plain(optimizer: Optimizer) -> Optimizer:
    return optimizer


def _train(model: nn.Module, optimizer: Optimizer, steps: range, rank: int, world: int) -> None:
    for step in steps:
        x, y = (t.chunk(world)[rank] for t in layouts.batch(step))
        (model(x) - y).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


@dataclass(frozen=True)
class Resumed:
    """Three steps as ``before``, a checkpoint, two steps as ``after``; FSDP2, uneven shards."""

    before: Wrap
    after: Wrap
    full: bool = False  # state dicts of whole tensors, on rank 0 alone
    on_disk: bool = False
    worlds: tuple[int, ...] = (2,)
    dtensor: bool = True

    def run(self, rank: int, world: int) -> dict[str, Tensor]:
        model, optimizer = self._made(self.before, world)
        _train(model, optimizer, range(3), rank, world)
        options = StateDictOptions(full_state_dict=self.full, cpu_offload=self.full, broadcast_from_rank0=self.full)
        stored = get_state_dict(model, optimizer, options=options)
        resumed, going_on = self._made(self.after, world)
        with torch.no_grad():
            for p in resumed.parameters():
                p.zero_()
        if self.on_disk:
            folder = Path(layouts.folder) / "checkpoint"
            dcp.save(dict(zip(("model", "optimizer"), stored, strict=True)), checkpoint_id=folder)
            found = dict(zip(("model", "optimizer"), get_state_dict(resumed, going_on), strict=True))
            dcp.load(found, checkpoint_id=folder)
            stored = found["model"], found["optimizer"]
        # Not set_state_dict: where full ones are empty, off rank 0, it takes them for not wanted.
        set_model_state_dict(resumed, stored[0], options=options)
        set_optimizer_state_dict(resumed, going_on, stored[1], options=options)
        _train(resumed, going_on, range(3, 5), rank, world)
        return {name: whole(p) for name, p in resumed.named_parameters()}

    def _made(self, wrap: Wrap, world: int) -> tuple[nn.Module, Optimizer]:
        model = layouts.fsdp(layouts.all_trained(), world)
        return model, wrap(adamw(model))

    def reference(self, world: int) -> dict[str, Tensor]:
        model = layouts.all_trained()
        optimizer = self.before(adamw(model))
        _train(model, optimizer, range(3), 0, 1)
        going_on = self.after(adamw(model))
        going_on.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        _train(model, going_on, range(3, 5), 0, 1)
        return {name: whole(p) for name, p in model.named_parameters()}


@dataclass(frozen=True)
class AskedBeforeItsFirstStep:
    """DCP gives an optimizer without state a step with lr 0 and gradients of 0, to know what its state looks like."""

    worlds: tuple[int, ...] = (2,)
    dtensor: bool = True

    def run(self, rank: int, world: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, wrap in (("plain", plain), ("cautious", CautiousOptimizer)):
            model = layouts.fsdp(layouts.all_trained(), world)
            optimizer = wrap(adamw(model))
            state = get_optimizer_state_dict(model, optimizer)
            found[name] = {
                "parameters": {key: whole(p) for key, p in model.named_parameters()},
                "state": {key: {k: whole(v) for k, v in own.items()} for key, own in state["state"].items()},
                "groups": [{k: v for k, v in group.items() if k != "params"} for group in state["param_groups"]],
            }
        return found


CHECKPOINTS: dict[str, Resumed] = {
    "cautious, resumed": Resumed(CautiousOptimizer, CautiousOptimizer),
    "cautious, resumed from full state dicts": Resumed(CautiousOptimizer, CautiousOptimizer, full=True),
    "cautious, resumed from disk": Resumed(CautiousOptimizer, CautiousOptimizer, on_disk=True, worlds=(2, 4)),
    "plain, resumed cautiously": Resumed(plain, CautiousOptimizer),
    "cautious, resumed plainly": Resumed(CautiousOptimizer, plain),
    "plain, resumed plainly": Resumed(plain, plain, dtensor=False),
}
