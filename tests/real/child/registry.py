"""Every optimizer config, policy and reward model that lerobot registers."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import lerobot.policies
import lerobot.rewards  # noqa: F401
from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.rewards import RewardModelConfig
from lerobot.optim import OptimizerConfig

OPTIMIZERS: dict[str, type] = dict(OptimizerConfig.get_known_choices())
POLICIES: dict[str, type] = dict(PreTrainedConfig.get_known_choices())
REWARDS: dict[str, type] = dict(RewardModelConfig.get_known_choices())
MODELS = {**POLICIES, **REWARDS}
ON = {"use_cautious_optimizer": True}


def attempt(observe: Callable[[], Any]) -> Any:
    """The observation, or its traceback, so that one failure does not hide the others."""
    try:
        return observe()
    except Exception as failure:
        return {"error": f"{type(failure).__name__}: {failure}", "traceback": traceback.format_exc()}


def preset(name: str, **switch: object) -> Any:
    """The optimizer config that the named policy or reward model recommends, or None when it has none."""
    return MODELS[name](device="cpu", **switch).get_optimizer_preset()


def constructible(name: str) -> bool:
    return "error" not in (attempt(lambda: {"preset": preset(name)}))


def with_preset() -> list[str]:
    """The names whose config can be constructed here and which recommend an optimizer."""
    return [name for name in MODELS if constructible(name) and preset(name) is not None]
