"""The switch on lerobot's command lines, parsed and validated as ``lerobot-train`` does, up to loading the dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lerobot.configs import parser
from lerobot.configs.train import TrainPipelineConfig
from lerobot.optim.factory import make_optimizer_and_scheduler
from lerobot.rl.train_rl import TrainRLServerPipelineConfig
from registry import attempt
from training import Model, describe, named, train

COMMON = ("--dataset.repo_id=none/none",)
ACT = ("--policy.type=act", "--policy.push_to_hub=false", "--policy.device=cpu")
REWARD = ("--reward_model.type=reward_classifier", "--reward_model.push_to_hub=false")
SCHEDULER = (
    "--scheduler.type=cosine_decay_with_warmup",
    "--scheduler.num_warmup_steps=2",
    "--scheduler.num_decay_steps=10",
    "--scheduler.peak_lr=1e-3",
    "--scheduler.decay_lr=1e-4",
)
OWN = ("--use_policy_training_preset=false", *SCHEDULER)

LINES: dict[str, tuple[str, ...]] = {
    "policy flag": (*ACT, "--policy.use_cautious_optimizer=true", "--policy.cautious_eps=1e-6"),
    "reward model flag": (*REWARD, "--reward_model.use_cautious_optimizer=true"),
    "no flag": ACT,
    "optimizer adam": (*ACT, *OWN, "--optimizer.type=adam", "--optimizer.use_cautious_optimizer=true"),
    "optimizer adamw": (*ACT, *OWN, "--optimizer.type=adamw", "--optimizer.use_cautious_optimizer=true"),
    "optimizer sgd": (*ACT, *OWN, "--optimizer.type=sgd", "--optimizer.use_cautious_optimizer=true"),
    "optimizer without a type": (*ACT, *OWN, "--optimizer.use_cautious_optimizer=true"),
    "optimizer betas": (*ACT, *OWN, "--optimizer.type=adamw", "--optimizer.betas", "[0.9,0.999]"),
    "optimizer flag under a preset": (*ACT, "--optimizer.type=adamw", "--optimizer.use_cautious_optimizer=true"),
}


class Policy(Model):
    """The part of a policy that the optimizer factory uses."""

    def get_optim_params(self) -> Any:
        return self.parameters()


def lines() -> dict[str, Any]:
    return {name: attempt(lambda line=line: _train(*COMMON, *line)) for name, line in LINES.items()}


def resume(saved: Path) -> dict[str, Any]:
    """Resume from a run that an unpatched tree saved: there the preset is not rebuilt."""
    line = (f"--config_path={saved / 'train_config.json'}", "--resume=true")
    return {
        "with the flag": attempt(lambda: _train(*line, "--optimizer.use_cautious_optimizer=true", *SCHEDULER)),
        "with the policy's flag": attempt(lambda: _train(*line, "--policy.use_cautious_optimizer=true", *SCHEDULER)),
    }


def reinforcement() -> dict[str, Any]:
    line = (*COMMON, "--policy.type=gaussian_actor", "--policy.push_to_hub=false", "--algorithm.type=sac")

    def parsed(*flags: str) -> dict[str, Any]:
        config = _parse(TrainRLServerPipelineConfig, *line, *flags)
        return {"algorithm": config.algorithm.use_cautious_optimizer, "policy": config.policy.use_cautious_optimizer}

    return {
        "algorithm flag": attempt(lambda: parsed("--algorithm.use_cautious_optimizer=true")),
        "policy flag": attempt(lambda: parsed("--policy.use_cautious_optimizer=true")),
    }


def _parse(cls: type, *line: str) -> Any:
    def command(config: Any) -> Any:
        config.validate()
        return config

    command.__annotations__["config"] = cls
    wrapped = parser.wrap()(command)
    with patch.object(sys, "argv", ["lerobot-train", *line]):
        return wrapped()


def _train(*line: str) -> dict[str, Any]:
    config = _parse(TrainPipelineConfig, *line)
    policy = Policy()
    built, scheduler = make_optimizer_and_scheduler(config, policy)
    train(policy, named(built), 2)
    if scheduler is not None:
        scheduler.step()
    return {
        "config": type(config.optimizer).__name__,
        "enabled": config.optimizer.use_cautious_optimizer,
        "eps": config.optimizer.cautious_eps,
        "betas": list(getattr(config.optimizer, "betas", ())),
        "optimizers": describe(named(built)),
    }
