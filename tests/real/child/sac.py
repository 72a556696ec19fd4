"""SAC: one config object with three learning rates and one switch, four optimizers."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.gaussian_actor.configuration_gaussian_actor import GaussianActorConfig
from lerobot.policies.gaussian_actor.modeling_gaussian_actor import GaussianActorPolicy
from lerobot.rl.algorithms.sac import SACAlgorithm, SACAlgorithmConfig
from training import describe, digest

RATES = {"actor_lr": 1e-3, "critic_lr": 2e-3, "temperature_lr": 3e-3}


def observe_sac(**switch: Any) -> dict[str, Any]:
    torch.manual_seed(3)
    policy_config = GaussianActorConfig(
        device="cpu",
        input_features={"observation.state": PolicyFeature(type=FeatureType.STATE, shape=(3,))},
        output_features={"action": PolicyFeature(type=FeatureType.ACTION, shape=(3,))},
        num_discrete_actions=2,
    )
    algorithm = SACAlgorithm(
        policy=GaussianActorPolicy(policy_config),
        config=SACAlgorithmConfig(policy_config=policy_config, **RATES, **switch),
    )
    optimizers = algorithm.make_optimizers_and_scheduler()
    holder = torch.nn.ParameterList(
        parameter
        for optimizer in optimizers.values()
        for group in optimizer.param_groups
        for parameter in group["params"]
    )
    generator = torch.Generator().manual_seed(5)
    for _ in range(3):
        for parameter in holder:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        for optimizer in optimizers.values():
            optimizer.step()
    return {
        "optimizers": describe(optimizers),
        "rates": {name: optimizer.param_groups[0]["lr"] for name, optimizer in optimizers.items()},
        "weights": digest(holder),
        "fields": [field.name for field in dataclasses.fields(SACAlgorithmConfig) if "cautious" in field.name],
    }
