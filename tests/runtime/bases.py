"""Every torch.optim class that can be made cautious by parking, in the variants that change its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import reference
import torch

# Powers of two, so that 1 - lr * weight_decay is exact in fp32. Torch rounds that factor, which after 100 steps can
# cost 3e-6: more than the rest of the arithmetic together, and nothing to do with the mask.
LR = 2.0**-10
WEIGHT_DECAY = 2.0**-3


@dataclass(frozen=True)
class Base:
    cls: type[torch.optim.Optimizer]
    update: reference.Update
    hyper: dict[str, Any]
    decoupled: bool = False

    def __str__(self) -> str:
        said = [f"{key}={value}" for key, value in self.hyper.items() if key != "lr"]
        return " ".join([self.cls.__name__, *said])

    @property
    def has_fused(self) -> bool:
        return self.cls in (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD, torch.optim.Adagrad)

    def make(self, params: Any, **more: Any) -> torch.optim.Optimizer:
        return self.cls(params, **{**self.hyper, **more})


def _bases() -> list[Base]:
    o, r = torch.optim, reference
    found = [Base(o.AdamW, r.adam, {"lr": LR, "weight_decay": wd}, decoupled=True) for wd in (0.0, WEIGHT_DECAY)]
    found += [
        Base(o.AdamW, r.adam, {"lr": LR, "weight_decay": WEIGHT_DECAY, "amsgrad": True}, decoupled=True),
        Base(o.AdamW, r.adam, {"lr": LR, "weight_decay": WEIGHT_DECAY, "maximize": True}, decoupled=True),
        Base(o.AdamW, r.adam, {"lr": LR, "weight_decay": 0.0, "betas": (0.8, 0.95), "eps": 1e-4}, decoupled=True),
        Base(o.Adam, r.adam, {"lr": LR, "weight_decay": WEIGHT_DECAY, "decoupled_weight_decay": True}, decoupled=True),
        Base(
            o.NAdam, r.nadam, {"lr": LR, "weight_decay": WEIGHT_DECAY, "decoupled_weight_decay": True}, decoupled=True
        ),
        Base(
            o.RAdam, r.radam, {"lr": LR, "weight_decay": WEIGHT_DECAY, "decoupled_weight_decay": True}, decoupled=True
        ),
        Base(o.SGD, r.sgd, {"lr": LR}),
        Base(o.SGD, r.sgd, {"lr": LR, "momentum": 0.9, "dampening": 0.1}),
        Base(o.SGD, r.sgd, {"lr": LR, "momentum": 0.9, "nesterov": True}),
        Base(o.SGD, r.sgd, {"lr": LR, "momentum": 0.9, "nesterov": True, "weight_decay": WEIGHT_DECAY}),
        Base(o.RMSprop, r.rmsprop, {"lr": 1e-4, "momentum": 0.9}),
        Base(o.RMSprop, r.rmsprop, {"lr": 1e-4, "momentum": 0.9, "centered": True, "eps": 1e-3}),
        Base(o.Adagrad, r.adagrad, {"lr": 1e-2, "lr_decay": 0.01, "initial_accumulator_value": 0.1}),
    ]
    for cls, update, lr in (
        (o.Adam, r.adam, LR),
        (o.NAdam, r.nadam, LR),
        (o.RAdam, r.radam, LR),
        (o.Adamax, r.adamax, LR),
        (o.Adagrad, r.adagrad, LR),
        (o.Adadelta, r.adadelta, 1e-1),
        (o.RMSprop, r.rmsprop, LR),
        (o.SGD, r.sgd, LR),
    ):
        found.append(Base(cls, update, {"lr": lr, "weight_decay": WEIGHT_DECAY}))
        found.append(Base(cls, update, {"lr": lr, "weight_decay": WEIGHT_DECAY, "maximize": True}))
    found += [
        Base(o.SGD, r.sgd, {"lr": LR, "momentum": 0.9, "weight_decay": WEIGHT_DECAY}),
        Base(o.Rprop, r.rprop, {"lr": LR, "step_sizes": (1e-6, 0.05)}),
        Base(o.Rprop, r.rprop, {"lr": LR, "step_sizes": (1e-6, 0.05), "maximize": True}),
    ]
    return found


BASES = _bases()
