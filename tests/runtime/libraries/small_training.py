"""A network and data small enough to train in milliseconds, and the loop that everybody writes by hand.

The tests beside this file train with a library and hold the result against this loop: with the same cautious
optimizer it must be the same, with the base alone it must not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from cautious_optimizer import CautiousOptimizer

Batch = tuple[torch.Tensor, torch.Tensor]
Make = Callable[[Any], torch.optim.Optimizer]


class SignOfMomentum(torch.optim.Optimizer):
    """A base that the runtime does not know."""

    def __init__(self, params: Any, lr: float = 0.01, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    m = self.state[p].setdefault("m", torch.zeros_like(p))
                    p.sub_(m.mul_(group["momentum"]).add_(p.grad).sign(), alpha=group["lr"])
        return loss


def adamw(params: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, lr=0.01, weight_decay=0.1)


def fused_adamw(params: Any) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, lr=0.01, weight_decay=0.1, fused=True)


def sgd(params: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr=0.05, momentum=0.9)


def unknown(params: Any) -> torch.optim.Optimizer:
    return SignOfMomentum(params)


BASES: list[Make] = [adamw, fused_adamw, sgd, unknown]


def cautious(make: Make) -> Make:
    return lambda params: CautiousOptimizer(make(params))


def network() -> torch.nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4))


def batches(count: int, start: int = 0) -> list[Batch]:
    found = []
    for seed in range(start, start + count):
        generator = torch.Generator().manual_seed(seed)
        found.append((torch.randn(8, 8, generator=generator), torch.randn(8, 4, generator=generator)))
    return found


def loss_of(net: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> torch.Tensor:
    x, y = batch
    return torch.nn.functional.mse_loss(net(x), y)


def by_hand(
    net: torch.nn.Module, optimizer: torch.optim.Optimizer, data: list[Batch], scheduler: Any = None
) -> torch.nn.Module:
    """Trained, and returned for brevity."""
    for batch in data:
        optimizer.zero_grad()
        loss_of(net, batch).backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return net


def trained(make: Make, steps: int) -> torch.nn.Module:
    net = network()
    return by_hand(net, make(net.parameters()), batches(steps))


def same(one: torch.nn.Module, other: torch.nn.Module, within: float = 0.0) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.allclose(p, q, rtol=0, atol=within) for p, q in pairs)


def same_state(one: Any, other: Any) -> bool:
    """Of two state dicts: keys, order, tensors bit for bit."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same_state(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same_state, one, other))
    return bool(one == other)
