"""The Cautious Optimizer in float64, written as in the paper (arXiv 2411.16085, Algorithm 1), one tensor at a time.

Each base is a generator of updates: it is sent the gradient that the base consumes and the step number, and keeps its
own state. Nothing here is shared with the runtime, and nothing is fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

State = dict[str, Any]
Update = Callable[[State, Tensor, int, dict[str, Any]], Tensor]


def sgd(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    momentum = h.get("momentum", 0)
    if not momentum:
        return g
    s["m"] = g.clone() if t == 1 else momentum * s["m"] + (1 - h.get("dampening", 0)) * g
    return g + momentum * s["m"] if h.get("nesterov") else s["m"]


def _moments(s: State, g: Tensor, h: dict[str, Any]) -> tuple[float, float]:
    beta1, beta2 = h.get("betas", (0.9, 0.999))
    s["m"] = beta1 * s.get("m", torch.zeros_like(g)) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", torch.zeros_like(g)) + (1 - beta2) * g * g
    return beta1, beta2


def adam(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    beta1, beta2 = _moments(s, g, h)
    v = s["v"]
    if h.get("amsgrad"):
        v = s["vmax"] = torch.maximum(s.get("vmax", torch.zeros_like(g)), v)
    return (s["m"] / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + h.get("eps", 1e-8))


def nadam(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    beta1, beta2 = _moments(s, g, h)
    decay = h.get("momentum_decay", 4e-3)
    mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (k * decay)) for k in (t, t + 1))
    s["mu"] = s.get("mu", 1.0) * mu
    denominator = (s["v"] / (1 - beta2**t)).sqrt() + h.get("eps", 1e-8)
    return ((1 - mu) / (1 - s["mu"]) * g + mu_next / (1 - s["mu"] * mu_next) * s["m"]) / denominator


def radam(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    beta1, beta2 = _moments(s, g, h)
    m = s["m"] / (1 - beta1**t)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 5:
        return m
    rectified = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
    return m * rectified * (1 - beta2**t) ** 0.5 / (s["v"].sqrt() + h.get("eps", 1e-8))


def adamax(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    beta1, beta2 = h.get("betas", (0.9, 0.999))
    s["m"] = beta1 * s.get("m", torch.zeros_like(g)) + (1 - beta1) * g
    s["inf"] = torch.maximum(beta2 * s.get("inf", torch.zeros_like(g)), g.abs() + h.get("eps", 1e-8))
    return s["m"] / (1 - beta1**t) / s["inf"]


def adagrad(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    s["sum"] = s.get("sum", torch.full_like(g, h.get("initial_accumulator_value", 0))) + g * g
    return g / (s["sum"].sqrt() + h.get("eps", 1e-10)) / (1 + (t - 1) * h.get("lr_decay", 0))


def adadelta(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    rho, eps = h.get("rho", 0.9), h.get("eps", 1e-6)
    s["v"] = rho * s.get("v", torch.zeros_like(g)) + (1 - rho) * g * g
    u = (s.get("d", torch.zeros_like(g)) + eps).sqrt() / (s["v"] + eps).sqrt() * g
    s["d"] = rho * s.get("d", torch.zeros_like(g)) + (1 - rho) * u * u
    return u


def rmsprop(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    alpha = h.get("alpha", 0.99)
    s["v"] = alpha * s.get("v", torch.zeros_like(g)) + (1 - alpha) * g * g
    v = s["v"]
    if h.get("centered"):
        s["mean"] = alpha * s.get("mean", torch.zeros_like(g)) + (1 - alpha) * g
        v = v - s["mean"] ** 2
    u = g / (v.sqrt() + h.get("eps", 1e-8))
    if h.get("momentum"):
        u = s["buffer"] = h["momentum"] * s.get("buffer", torch.zeros_like(g)) + u
    return u


def rprop(s: State, g: Tensor, t: int, h: dict[str, Any]) -> Tensor:
    """lr only sets the first step size, so the update is the whole move: lr counts as 1."""
    minus, plus = h.get("etas", (0.5, 1.2))
    least, most = h.get("step_sizes", (1e-6, 50))
    previous = s.get("g", torch.zeros_like(g))
    factor = torch.where(g * previous > 0, plus, torch.where(g * previous < 0, minus, 1.0))
    s["size"] = (s.get("size", torch.full_like(g, h["lr"])) * factor).clamp(least, most)
    s["g"] = torch.where(g * previous < 0, torch.zeros_like(g), g)
    return s["g"].sign() * s["size"]


@dataclass
class Reference:
    """Algorithm 1 over one parameter tensor; ``step`` takes the raw gradient of the loss."""

    p: Tensor
    update: Update
    hyper: dict[str, Any]
    decoupled: bool = False
    eps: float = 1e-8
    min_mean: float = 0.0
    cautious: bool = True
    mask_mean: float = float("nan")
    state: State = field(default_factory=dict)
    t: int = 0

    def __post_init__(self) -> None:
        self.p = self.p.detach().to(torch.float64).clone()

    def step(self, g: Tensor) -> None:
        h, lr, weight_decay = self.hyper, self.hyper["lr"], self.hyper.get("weight_decay", 0)
        g = g.to(torch.float64)
        if h.get("maximize"):
            g = -g
        if self.decoupled:
            self.p = self.p * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * self.p
        self.t += 1
        u = self.update(self.state, g, self.t, h)
        if self.update is rprop:
            lr = 1.0
        if not self.cautious:
            self.p = self.p - lr * u
            return
        mask = (u * g > 0).to(g.dtype)
        self.mask_mean = mask.mean().item()
        self.p = self.p - lr * u * mask / (max(self.mask_mean, self.min_mean) + self.eps)
