"""What every optimizer config and every preset builds, with the switch off and on."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from registry import MODELS, ON, OPTIMIZERS, attempt, preset, with_preset
from training import PROBE_EPS, Model, arguments, first_step_ratio, masked, observe


def _builder(make: Callable[[], Any]) -> Callable[[Any], Any]:
    """Build as lerobot does: the config says which shape of parameters it wants."""
    config = make()
    return lambda model: config.build(arguments(config.type, model))


def optimizers_off() -> dict[str, Any]:
    return {name: attempt(lambda cls=cls: observe(_builder(cls))) for name, cls in OPTIMIZERS.items()}


def presets_off() -> dict[str, Any]:
    return {name: attempt(lambda name=name: observe(_builder(lambda: preset(name)))) for name in with_preset()}


def optimizers_on() -> dict[str, Any]:
    return {name: attempt(lambda cls=cls: _switched(cls)) for name, cls in OPTIMIZERS.items()}


def presets_on() -> dict[str, Any]:
    return {
        name: attempt(lambda name=name: _switched(lambda **switch: preset(name, **switch))) for name in with_preset()
    }


def _switched(make: Callable[..., Any]) -> dict[str, Any]:
    seen = observe(_builder(lambda: make(**ON)))
    probed = _builder(lambda: make(**ON, cautious_eps=PROBE_EPS))
    return {
        **seen,
        "default eps": make(**ON).cautious_eps,
        "first step": first_step_ratio(_builder(make), probed),
        "first step by default": first_step_ratio(_builder(make), _builder(lambda: make(**ON))),
        "masked": masked(_builder(lambda: make(**ON))),
        "masked when off": masked(_builder(make)),
    }


def names() -> dict[str, Any]:
    """Which names are registered, which recommend an optimizer here, and why the others cannot be constructed."""
    refused = {name: attempt(lambda name=name: {"preset": repr(preset(name))}) for name in MODELS}
    return {
        "optimizers": sorted(OPTIMIZERS),
        "models": sorted(MODELS),
        "with preset": sorted(with_preset()),
        "refused": {name: seen["error"] for name, seen in refused.items() if "error" in seen},
    }


def signatures() -> dict[str, list[str]]:
    """The positional parameters of every config class: what a positional call means."""
    return {
        name: [
            parameter.name
            for parameter in inspect.signature(cls).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        for name, cls in {**OPTIMIZERS, **MODELS}.items()
    }


def unconstructed(name: str) -> dict[str, Any]:
    """The preset of a config whose ``__post_init__`` wants an absent extra, from an object that never ran it."""
    cls = MODELS[name]
    config = object.__new__(cls)
    for field in dataclasses.fields(cls):
        if field.default is not dataclasses.MISSING:
            setattr(config, field.name, field.default)
    config.use_cautious_optimizer, config.cautious_eps = True, PROBE_EPS
    return observe(lambda model: config.get_optimizer_preset().build(model.parameters()))


def documented() -> dict[str, Any]:
    """The calls that lerobot's own users are shown, word for word."""
    import torch
    from lerobot.optim import AdamConfig, AdamWConfig
    from lerobot.optim.optimizers import CautiousOptimizer
    from lerobot.policies import GrootConfig

    def groot(model: Model) -> Any:
        config = GrootConfig(
            use_cautious_optimizer=True,
            cautious_eps=1e-8,
            optimizer_lr=1e-4,
            optimizer_betas=(0.9, 0.999),
            optimizer_weight_decay=1e-2,
        )
        return config.get_optimizer_preset().build(model.parameters())

    def adamw(model: Model) -> Any:
        config = AdamWConfig(
            lr=1e-4,
            betas=(0.9, 0.999),
            eps=1e-8,
            weight_decay=1e-2,
            grad_clip_norm=10.0,
            use_cautious_optimizer=True,
            cautious_eps=1e-8,
        )
        return config.build(model.parameters())

    def direct(model: Model) -> Any:
        return CautiousOptimizer(torch.optim.AdamW(model.parameters(), lr=1e-4), eps=1e-8)

    positional = AdamConfig(1e-3, 0.0, 10.0, (0.8, 0.9))
    return {
        "groot": observe(groot),
        "adamw": observe(adamw),
        "direct": observe(direct),
        "positional": dataclasses.asdict(positional),
        "positional type": observe(lambda model: positional.build(model.parameters()))["optimizers"][0]["type"],
    }


def subclassed() -> dict[str, Any]:
    """A user's own config with a required field of its own, as lerobot's plugins may have."""
    import torch
    from lerobot.optim import OptimizerConfig

    @dataclasses.dataclass
    class Custom(OptimizerConfig):
        momentum: float

        def build(self, params: Any) -> torch.optim.Optimizer:
            return torch.optim.SGD(params, lr=self.lr, momentum=self.momentum)

    config = Custom(1e-3, 0.0, 10.0, 0.9)
    return {"momentum": config.momentum, **observe(lambda model: config.build(model.parameters()))}
