"""A model small enough to train in no time, and what can be seen of an optimizer that trains it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import torch

STEPS = 5
PROBE_EPS = 1.0
Optimizers = dict[str, torch.optim.Optimizer]
Build = Callable[[torch.nn.Module], Any]


class Model(torch.nn.Module):
    """Its parameter names fall into all three groups of lerobot's XVLA optimizer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.vlm = torch.nn.Linear(6, 8).double()
        self.soft_prompts = torch.nn.Parameter(torch.randn(8, dtype=torch.float64))
        self.head = torch.nn.Linear(8, 3).double()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.head(torch.tanh(self.vlm(inputs)) * self.soft_prompts)


def arguments(config_name: str, model: torch.nn.Module) -> Any:
    """What the policy hands to ``build``: two of lerobot's optimizer configs want a dict."""
    if config_name == "xvla-adamw":
        return dict(model.named_parameters())
    if config_name == "multi_adam":
        parameters = list(model.parameters())
        return {"actor": parameters[:2], "critic": parameters[2:3], "temperature": parameters[3:]}
    return model.parameters()


def named(built: Any) -> Optimizers:
    return built if isinstance(built, dict) else {"": built}


def train(model: torch.nn.Module, optimizers: Optimizers, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(step)
        inputs = torch.randn(16, 6, generator=generator, dtype=torch.float64)
        targets = torch.randn(16, 3, generator=generator, dtype=torch.float64)
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), targets).backward()
        for optimizer in optimizers.values():
            optimizer.step()


def digest(model: torch.nn.Module) -> str:
    content = hashlib.sha256()
    for parameter in model.parameters():
        content.update(parameter.detach().numpy().tobytes())
    return content.hexdigest()


def describe(optimizers: Optimizers) -> list[dict[str, Any]]:
    """Types and class mark of every optimizer; the base's type when it is wrapped."""
    return [
        {
            "name": name,
            "type": _qualified(type(optimizer)),
            "cautious": getattr(type(optimizer), "is_cautious_optimizer", False),
            "optimizer": isinstance(optimizer, torch.optim.Optimizer),
            "base": _qualified(type(getattr(optimizer, "base_optimizer", optimizer))),
            "groups": [
                {key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups
            ],
        }
        for name, optimizer in optimizers.items()
    ]


def observe(build: Build) -> dict[str, Any]:
    """Build an optimizer, train with it, and say what it was and where it arrived."""
    model = Model()
    start = [parameter.detach().clone() for parameter in model.parameters()]
    optimizers = named(build(model))
    train(model, optimizers, STEPS)
    moved = [not torch.equal(now, then) for now, then in zip(model.parameters(), start, strict=True)]
    finite = all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
    return {"optimizers": describe(optimizers), "weights": digest(model), "moved": all(moved), "finite": finite}


def first_step_ratio(plain: Build, cautious: Build) -> list[float]:
    """Smallest and largest ratio of the cautious to the plain first update.

    In the first step every update has its gradient's sign, so the mask's mean is 1 and the ratio is 1 / (1 + eps).
    """
    ratio = _update(cautious, 0) / _update(plain, 0)
    return [float(ratio.min()), float(ratio.max())]


def masked(build: Build) -> int:
    """How many elements the step after `STEPS` others leaves where decoupled weight decay alone would take them."""
    update = _update(build, STEPS).abs()
    return int((update < 1e-9 * update.max()).sum())


def _update(build: Build, steps: int) -> torch.Tensor:
    """The update of the step after `steps` others, decoupled weight decay left out, over all parameters."""
    model = Model()
    optimizers = named(build(model))
    train(model, optimizers, steps)
    start = {parameter: parameter.detach().clone() for parameter in model.parameters()}
    train(model, optimizers, 1, first=steps)
    update = {}
    for optimizer in optimizers.values():
        base = getattr(optimizer, "base_optimizer", optimizer)
        for group in optimizer.param_groups:
            decay = group["lr"] * group["weight_decay"] if isinstance(base, torch.optim.AdamW) else 0.0
            for parameter in group["params"]:
                update[parameter] = (start[parameter] * (1 - decay) - parameter.detach()).flatten()
    return torch.cat([update[parameter] for parameter in model.parameters()])


def _qualified(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
