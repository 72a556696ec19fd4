"""The optimizers that the ranks train with, made from a model, and what happens to gradients before a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from layouts import Net
from torch import Tensor, nn
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

Base = Callable[[nn.Module], Optimizer]


class SignOfMomentum(Optimizer):
    """An optimizer of somebody else's, which the runtime cannot know."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    momentum.lerp_(p.grad, 0.3)
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(momentum.sign(), alpha=-group["lr"])


def adamw(model: nn.Module, **options: Any) -> Optimizer:
    return torch.optim.AdamW(model.parameters(), **{"lr": 0.01, "weight_decay": 0.1, **options})


def of(kind: type[Optimizer], **options: Any) -> Base:
    return lambda model: kind(model.parameters(), **options)


def opted_out(model: Net) -> Optimizer:
    rest = [p for p in model.parameters() if p is not model.up.weight]
    groups = [{"params": [model.up.weight], "use_cautious_optimizer": False}, {"params": rest, "lr": 0.02}]
    return torch.optim.AdamW(groups, lr=0.01, weight_decay=0.1)


def by_kind_of_tensor(model: nn.Module) -> Optimizer:
    """torch's foreach kernels take DTensors or plain tensors, not both at once."""
    kinds: tuple[list[Tensor], list[Tensor]] = ([], [])
    for p in model.parameters():
        kinds[isinstance(p, DTensor)].append(p)
    return torch.optim.AdamW([{"params": kind} for kind in kinds if kind], lr=0.01, weight_decay=0.1, foreach=True)


def zero_redundancy(model: nn.Module) -> Optimizer:
    if not torch.distributed.is_initialized():
        return adamw(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    return ZeroRedundancyOptimizer(trained, torch.optim.AdamW, lr=0.01, weight_decay=0.1)


def clip(model: nn.Module) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)


def no_gradient_where_there_is_nothing(model: nn.Module) -> None:
    for p in model.parameters():
        if isinstance(p, DTensor) and p.to_local().numel() == 0:
            p.grad = None


BASES: dict[str, Base] = {
    "AdamW, foreach": lambda model: adamw(model, foreach=True),
    "AdamW, fused": lambda model: adamw(model, fused=True),
    "AdamW, amsgrad and maximize": lambda model: adamw(model, amsgrad=True, maximize=True),
    "AdamW, fused, lr a tensor": lambda model: adamw(model, fused=True, lr=torch.tensor(0.01)),
    "AdamW, lr a tensor": lambda model: adamw(model, lr=torch.tensor(0.01)),
    "Adam with coupled weight decay": of(torch.optim.Adam, lr=0.01, weight_decay=0.1),
    "Adam with coupled weight decay, fused, maximize": of(
        torch.optim.Adam, lr=0.01, weight_decay=0.1, fused=True, maximize=True
    ),
    "SGD with Nesterov momentum": of(
        torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1, foreach=True
    ),
    "NAdam": of(torch.optim.NAdam, lr=0.01, weight_decay=0.1, decoupled_weight_decay=True),
    "RMSprop": of(torch.optim.RMSprop, lr=0.001, momentum=0.9),
    "an unknown optimizer": of(SignOfMomentum),
    "one group opted out": opted_out,
}
