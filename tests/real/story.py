"""The life of one patched tree: every command run once, in order, on one copy of a published lerobot."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .sdists import unpack
from .trees import Snapshot, snapshot


@dataclass(frozen=True)
class Run:
    """One command: its exit code, and what it wrote; `tree` is the tree after it."""

    code: int
    stdout: bytes = field(repr=False)
    stderr: str
    tree: Snapshot = field(repr=False)

    @property
    def json(self) -> dict[str, Any]:
        assert self.code == 0, self.stderr
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Story:
    version: str
    pristine: Path
    patched: Path
    before: Snapshot = field(repr=False)
    scan: Run
    scan_with_tests: Run
    dry_run: Run
    apply: Run
    rescan: Run
    reapply: Run
    check: Run
    revert: Run


def cautify(root: Path, command: str, *arguments: str) -> Run:
    """Run the command on `root` as a user would: a process of its own, nothing on a terminal."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CAUTIFY", "FORCE_COLOR"))}
    result = subprocess.run(
        [sys.executable, "-m", "cautify", command, str(root), *arguments],
        cwd=root.parent,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
    )
    return Run(result.returncode, result.stdout, result.stderr.decode(errors="replace"), snapshot(root))


def live(version: str, directory: Path) -> Story:
    """Run every command once. Nothing is judged here: each test judges one thing."""
    pristine = unpack(version, directory / "pristine")
    working = directory / "working" / pristine.name
    shutil.copytree(pristine, working, symlinks=True)
    before = snapshot(working)
    scan = cautify(working, "scan", "--format", "json")
    scan_with_tests = cautify(working, "scan", "--format", "json", "--tests")
    dry_run = cautify(working, "apply", "--dry-run")
    apply = cautify(working, "apply", "--yes")
    patched = directory / "patched" / pristine.name
    shutil.copytree(working, patched, symlinks=True)
    rescan = cautify(working, "scan", "--format", "json")
    reapply = cautify(working, "apply", "--yes")
    check = cautify(working, "check")
    revert = cautify(working, "revert", "--yes")
    return Story(
        version, pristine, patched, before, scan, scan_with_tests, dry_run, apply, rescan, reapply, check, revert
    )
