"""Two importable copies of lerobot 0.6.1, published and patched, and what a child process sees in each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .downlevel import downlevel_tree
from .sdists import unpack
from .story import cautify

VERSION = "0.6.1"
OBSERVE = Path(__file__).parent / "child" / "observe.py"
PATCHED_TREE = "CAUTIFY_REAL_PATCHED"
"""Names a tree of lerobot 0.6.1 that is patched already: to run these tests on another patch than cautify's."""


@dataclass(frozen=True)
class Seen:
    """One process's observations, by name; a failed one is raised where it is asked for."""

    phase: str
    observations: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        seen = self.observations[name]
        if isinstance(seen, dict) and "traceback" in seen:
            raise AssertionError(f"observing {name!r} ({self.phase}) failed:\n{seen['traceback']}")
        return seen


@dataclass(frozen=True)
class Usage:
    before: Seen
    patched: Seen
    after: Seen


def use(directory: Path) -> Usage:
    """Observe the published tree, the patched one, and the published one again, which loads what the patched saved."""
    published = unpack(VERSION, directory / "published")
    patched = directory / "patched" / published.name
    shutil.copytree(os.environ.get(PATCHED_TREE, published), patched, symlinks=True)
    if PATCHED_TREE not in os.environ:
        applied = cautify(patched, "apply", "--yes")
        assert applied.code == 0, applied.stderr
    for tree in (published, patched):
        downlevel_tree(tree)
    work = directory / "work"
    work.mkdir()
    phases = {"before": published, "patched": patched, "after": published}
    return Usage(**{phase: _observe(phase, tree, work) for phase, tree in phases.items()})


def _observe(phase: str, tree: Path, work: Path) -> Seen:
    output = work / f"{phase}.json"
    environment = {
        **{name: value for name, value in os.environ.items() if name != "USE_CAUTIOUS_OPTIMIZER"},
        "PYTHONPATH": str(tree / "src"),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HOME": str(work / "hub"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, str(OBSERVE), phase, str(work), str(output)]
    result = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=600)
    if result.returncode != 0:
        raise AssertionError(f"observing lerobot ({phase}) failed:\n{result.stderr[-4000:]}")
    return Seen(phase, json.loads(output.read_text()))
