"""What a source tree looks like, byte for byte, and what ruff says of it under its own configuration."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

Snapshot = dict[str, tuple[str, int, str]]


def snapshot(root: Path) -> Snapshot:
    """Every path below `root` with its kind, mode and content hash; directories too, lest an empty one be left."""
    seen: Snapshot = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            seen[name] = ("link", 0, str(path.readlink()))
        elif path.is_dir():
            seen[name] = ("directory", path.stat().st_mode & 0o7777, "")
        else:
            seen[name] = ("file", path.stat().st_mode & 0o7777, hashlib.sha256(path.read_bytes()).hexdigest())
    return seen


def without_manifest(tree: Snapshot) -> Snapshot:
    return {name: entry for name, entry in tree.items() if name.split("/")[0] != ".cautify"}


def modified(before: Snapshot, after: Snapshot) -> set[str]:
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}


def created(before: Snapshot, after: Snapshot) -> set[str]:
    return {name for name, entry in after.items() if name not in before and entry[0] != "directory"}


def lint(root: Path) -> Counter[tuple[str, str, str]]:
    """Ruff's findings in the tree as (file, code, message): line numbers move with every edit."""
    result = _ruff(root, "check", "--output-format", "json")
    findings = json.loads(result.stdout)
    return Counter(
        (Path(finding["filename"]).relative_to(root.resolve()).as_posix(), finding["code"], finding["message"])
        for finding in findings
    )


def unformatted(root: Path) -> set[str]:
    """The files that ruff format would change."""
    result = _ruff(root, "format", "--diff")
    marker = "--- "
    names = {line[len(marker) :] for line in result.stdout.splitlines() if line.startswith(marker)}
    assert bool(names) is (result.returncode == 1), (
        f"ruff format --diff prints no file names any more:\n{result.stdout}"
    )
    return names


def _ruff(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if result.returncode not in (0, 1):
        raise AssertionError(f"ruff {' '.join(arguments)} failed in {root}: {result.stderr}")
    return result
