"""Entry point of the child process: observe the lerobot on sys.path and write what was seen as JSON.

``before`` runs on the published tree and leaves files for ``patched``, which runs on the patched one and leaves files
for ``after``, on the published tree again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import environment

environment.prepare()

import building  # noqa: E402
import commands  # noqa: E402
import sac  # noqa: E402
import saved  # noqa: E402
from registry import ON, attempt  # noqa: E402

Observations = dict[str, Callable[[], Any]]


def before(work: Path) -> Observations:
    return {
        "names": building.names,
        "signatures": building.signatures,
        "optimizers off": building.optimizers_off,
        "presets off": building.presets_off,
        "sac off": sac.observe_sac,
        "configs": lambda: saved.save_configs(work / "configs-plain"),
        "pickles": lambda: saved.save_pickles(work / "plain.pickle"),
        "checkpoints": lambda: saved.train_and_save(work / "checkpoints-plain"),
    }


def patched(work: Path) -> Observations:
    return {
        "names": building.names,
        "signatures": building.signatures,
        "optimizers off": building.optimizers_off,
        "presets off": building.presets_off,
        "optimizers on": building.optimizers_on,
        "presets on": building.presets_on,
        "unconstructed eo1": lambda: building.unconstructed("eo1"),
        "documented": building.documented,
        "subclassed": building.subclassed,
        "off despite the environment": _despite_the_environment,
        "sac off": sac.observe_sac,
        "sac on": lambda: sac.observe_sac(**ON),
        "configs": lambda: saved.load_configs(work / "configs-plain"),
        "configs written": lambda: saved.save_configs(work / "configs-patched"),
        "pickles": lambda: saved.load_pickles(work / "plain.pickle"),
        "checkpoints off": lambda: saved.resume(work / "checkpoints-plain", work / "checkpoints-off", {}),
        "checkpoints on": lambda: saved.resume(work / "checkpoints-plain", work / "checkpoints-on", ON),
        "lines": commands.lines,
        "resume": lambda: commands.resume(work / "configs-plain" / "train-adamw"),
        "reinforcement": commands.reinforcement,
    }


def after(work: Path) -> Observations:
    return {
        "configs refused": lambda: saved.load_configs(work / "configs-patched"),
        "stripped": lambda: saved.strip_switch(work / "configs-patched"),
        "configs stripped": lambda: saved.load_configs(work / "configs-patched"),
        "checkpoints": lambda: saved.resume(work / "checkpoints-on" / "trained", work / "checkpoints-back", {}),
    }


def _despite_the_environment() -> Any:
    os.environ["USE_CAUTIOUS_OPTIMIZER"] = "1"
    try:
        return building.presets_off()
    finally:
        del os.environ["USE_CAUTIOUS_OPTIMIZER"]


if __name__ == "__main__":
    phase, directory, output = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    observations = {"before": before, "patched": patched, "after": after}[phase](directory)
    seen = {name: attempt(observe) for name, observe in observations.items()}
    output.write_text(json.dumps(seen))
