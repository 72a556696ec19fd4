"""What one tree saved and another loads: config.json, train_config.json, pickles and optimizer checkpoints."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import draccus
import torch
from lerobot.configs.default import DatasetConfig
from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.rewards import RewardModelConfig
from lerobot.configs.train import TrainPipelineConfig
from lerobot.optim.optimizers import load_optimizer_state, save_optimizer_state
from lerobot.policies import ACTConfig
from lerobot.rl.algorithms.sac import SACAlgorithmConfig
from registry import MODELS, ON, OPTIMIZERS, attempt, with_preset
from safetensors import safe_open
from training import Model, arguments, describe, digest, named, observe, train

SWITCH = ("use_cautious_optimizer", "cautious_eps")
STATEFUL: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9}}


def _objects() -> dict[str, Callable[[], Any]]:
    """Everything that lerobot writes a config file for, by the name of its directory."""
    models = {f"model-{name}": (lambda name=name: MODELS[name](device="cpu")) for name in with_preset()}
    trains = {f"train-{name}": (lambda cls=cls: _training(cls())) for name, cls in OPTIMIZERS.items()}
    return {**models, **trains, "algorithm-sac": SACAlgorithmConfig}


def _training(optimizer: Any) -> TrainPipelineConfig:
    policy = ACTConfig(device="cpu", push_to_hub=False)
    return TrainPipelineConfig(dataset=DatasetConfig(repo_id="none/none"), policy=policy, optimizer=optimizer)


def save_configs(directory: Path) -> dict[str, Any]:
    return {
        name: attempt(lambda name=name, make=make: _saved(make(), directory / name))
        for name, make in _objects().items()
    }


def _saved(config: Any, directory: Path) -> Any:
    directory.mkdir(parents=True, exist_ok=True)
    config._save_pretrained(directory)
    return _json(directory)


def _json(directory: Path) -> Any:
    (path,) = directory.glob("*.json")
    return json.loads(path.read_text())


def load_configs(directory: Path) -> dict[str, Any]:
    return {
        name: attempt(lambda name=name, make=make: _loaded(make(), directory / name))
        for name, make in _objects().items()
    }


def _registry(config: Any) -> Any:
    """The class that lerobot loads through: the saved "type" key is its to read."""
    return next((base for base in (PreTrainedConfig, RewardModelConfig) if isinstance(config, base)), type(config))


def _loaded(blank: Any, directory: Path) -> dict[str, Any]:
    config = _registry(blank).from_pretrained(directory)
    carrier = config.optimizer if isinstance(config, TrainPipelineConfig) else config
    seen: dict[str, Any] = {key: getattr(carrier, key, None) for key in SWITCH}
    return {
        **seen,
        "type": type(config).__name__,
        "encoded": _saved(config, directory.parent / f"{directory.name}-again"),
    }


def strip_switch(directory: Path) -> list[str]:
    """Take the two keys out of every config file, as the README tells; return the files that had them."""
    stripped = []
    for path in sorted(directory.rglob("*.json")):
        content = json.loads(path.read_text())
        kept = _without_switch(content)
        if kept != content:
            path.write_text(json.dumps(kept))
            stripped.append(path.parent.name)
    return stripped


def _without_switch(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_switch(value) for key, value in content.items() if key not in SWITCH}
    return [_without_switch(item) for item in content] if isinstance(content, list) else content


def save_pickles(path: Path) -> int:
    objects = {
        **{f"optimizer {name}": cls() for name, cls in OPTIMIZERS.items()},
        **{f"preset {name}": MODELS[name](device="cpu") for name in with_preset()},
        "algorithm sac": SACAlgorithmConfig(),
    }
    path.write_bytes(pickle.dumps(objects))
    return len(objects)


def load_pickles(path: Path) -> dict[str, Any]:
    objects = pickle.loads(path.read_bytes())
    return {name: attempt(lambda config=config: _unpickled(config)) for name, config in objects.items()}


def _unpickled(config: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {
        "in the object": [key for key in SWITCH if key in vars(config)],
        "read": [getattr(config, key) for key in SWITCH],
        "encoded": sorted(set(SWITCH) & set(draccus.encode(config))),
        "replaced": getattr(dataclasses.replace(config, **ON), SWITCH[0]),
    }
    if hasattr(config, "get_optimizer_preset"):
        config = config.get_optimizer_preset()
    if hasattr(config, "build"):
        seen.update(observe(lambda model: config.build(arguments(config.type, model))))
    return seen


def _fresh(name: str, switch: dict[str, Any]) -> tuple[Model, Any]:
    model = Model()
    config = OPTIMIZERS[name](**STATEFUL.get(name, {}), **switch)
    return model, config.build(arguments(name, model))


def train_and_save(directory: Path) -> dict[str, Any]:
    """Three steps from scratch, saved; then two more, which is what resuming has to reproduce."""
    return {name: attempt(lambda name=name: _train_and_save(name, directory / name)) for name in OPTIMIZERS}


def _train_and_save(name: str, directory: Path) -> dict[str, Any]:
    model, built = _fresh(name, {})
    train(model, named(built), 3)
    _save(model, built, directory)
    seen: dict[str, Any] = {"saved at once": _keys(directory)}
    train(model, named(built), 2, first=3)
    _save(model, built, directory / "trained")
    return {**seen, "saved": _keys(directory / "trained"), "resumed weights": digest(model)}


def resume(source: Path, target: Path, switch: dict[str, Any]) -> dict[str, Any]:
    """Load each checkpoint below `source`, save it as it is, train two steps, save again."""
    return {name: attempt(lambda name=name: _resume(name, source / name, target, switch)) for name in OPTIMIZERS}


def _resume(name: str, source: Path, target: Path, switch: dict[str, Any]) -> dict[str, Any]:
    model, built = _fresh(name, switch)
    model.load_state_dict(torch.load(source / "model.pt"))
    built = load_optimizer_state(built, source)
    _save(model, built, target / "loaded" / name)
    train(model, named(built), 2, first=3)
    _save(model, built, target / "trained" / name)
    return {
        "optimizers": describe(named(built)),
        "resumed weights": digest(model),
        "saved at once": _keys(target / "loaded" / name),
        "saved": _keys(target / "trained" / name),
    }


def _save(model: Model, built: Any, directory: Path) -> None:
    directory.mkdir(parents=True)
    torch.save(model.state_dict(), directory / "model.pt")
    save_optimizer_state(built, directory)


def _keys(directory: Path) -> dict[str, Any]:
    """The names of the saved tensors and of the param groups' settings, with the tensors' contents summed."""
    seen: dict[str, Any] = {}
    for path in sorted(directory.rglob("*.safetensors")):
        with safe_open(path, framework="pt") as tensors:
            contents = {key: float(tensors.get_tensor(key).double().sum()) for key in sorted(tensors.keys())}
        seen[path.relative_to(directory).as_posix()] = contents
    for path in sorted(directory.rglob("*.json")):
        seen[path.relative_to(directory).as_posix()] = json.loads(path.read_text())
    return seen
