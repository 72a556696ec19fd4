"""What the ranks train, case by case. The same code trains the reference, in one process on whole batches."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import layouts
import torch
from cautious_optimizer import CautiousOptimizer
from layouts import Net
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.optim import Optimizer

STEPS = 5
Layout = Callable[[nn.Module, int], nn.Module]
Base = Callable[[nn.Module], Optimizer]


@dataclass(frozen=True)
class Trained:
    parameters: dict[str, Tensor]
    mask_means: list[float]
    collectives: list[dict[str, int]]  # by name, within each step of the optimizer and a look at its mask_mean


def whole(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).clone()


@contextlib.contextmanager
def counted(into: list[dict[str, int]]) -> Iterator[None]:
    with CommDebugMode() as mode:
        yield
    into.append({str(op).split(".")[-1].rstrip("_"): n for op, n in mode.get_comm_counts().items()})


@dataclass(frozen=True)
class Training:
    layout: Layout
    base: Base
    worlds: tuple[int, ...] = (2,)
    model: Callable[[], nn.Module] = Net
    all_reduces: int | range = 1  # by each step
    shares: bool = True  # each rank sees its part of the batch
    dtensor: bool = True
    before_step: Callable[[nn.Module], Any] = lambda model: None
    forward_in: torch.dtype | None = None  # FSDP's own mixed precision; None: as the parameters are
    whole_parameters: bool = True  # False: ranks hold pieces that only their library can put together
    collectives_of_the_base: frozenset[str] = frozenset()
    tolerance: float = 1e-6
    wrap: Callable[[Optimizer], Optimizer] = field(default=CautiousOptimizer)

    def run(self, rank: int, world: int) -> Trained:
        model = self.model()
        called = self.layout(model, world)
        return self._train(model, called, rank, world)

    def reference(self, world: int) -> Trained:
        model = self.model()
        return self._train(model, model, 0, 1, self._mixed(model, world) if self.forward_in else None)

    def _train(
        self, model: nn.Module, called: nn.Module, rank: int, world: int, backward: Callable[..., None] | None = None
    ) -> Trained:
        optimizer = self.wrap(self.base(model))
        mask_means: list[float] = []
        collectives: list[dict[str, int]] = []
        for step in range(STEPS):
            if backward:
                backward(step)
            else:
                parts = world if self.shares else 1
                x, y = (t.chunk(parts)[rank % parts] for t in layouts.batch(step))
                (called(x.to(next(model.parameters()).dtype)) - y).square().mean().backward()
            self.before_step(model)
            with counted(collectives):
                optimizer.step()
                mask_mean = getattr(optimizer, "mask_mean", torch.zeros(()))
                assert type(mask_mean) is Tensor
            mask_means.append(mask_mean.item())
            optimizer.zero_grad()
        parameters = model.named_parameters() if self.whole_parameters else ()
        return Trained({name: whole(p) for name, p in parameters}, mask_means, collectives)

    def _mixed(self, model: nn.Module, world: int) -> Callable[[int], None]:
        """The mean of the gradients that ``world`` ranks would find, each in low precision on its part of the batch."""

        def backward(step: int) -> None:
            for x, y in zip(*(t.chunk(world) for t in layouts.batch(step)), strict=True):
                low = copy.deepcopy(model).to(self.forward_in)
                low.zero_grad()
                (low(x.to(self.forward_in)) - y).square().mean().backward()
                for p, q in zip(model.parameters(), low.parameters(), strict=True):
                    if q.grad is not None:
                        p.grad = (0 if p.grad is None else p.grad) + q.grad.float() / world

        return backward
