"""Changes that git has not seen, in files about to be edited: they would be mixed with ours in one diff."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from cautify.errors import UncommittedChanges
from cautify.model import FilePlan
from cautify.patch.disk import digest
from cautify.patch.records import Manifest

_AT_ONCE = 500
_SHOWN = 10


def uncommitted(root: Path, files: Sequence[FilePlan], manifest: Manifest | None) -> tuple[str, ...]:
    """Files of the plan that exist, are not as git has them, and are not as cautify wrote them.

    Outside of git, and where git is not installed, there is nothing to tell: the answer is empty.
    """
    written = {record.path: record.after for record in manifest.files} if manifest else {}
    touched = {f.path: f.before for f in files if f.before is not None and written.get(f.path) != digest(f.before)}
    if not touched:
        return ()
    prefix = _git(root, "rev-parse", "--show-prefix")
    if prefix is None:
        return ()
    changed = set(_changed(root, sorted(touched)))
    below = os.fsdecode(prefix.removesuffix(b"\n"))
    return tuple(path for path in sorted(touched) if below + path in changed)


def require_committed(root: Path, files: Sequence[FilePlan], manifest: Manifest | None) -> None:
    """Refuse a plan that would edit files with uncommitted changes.

    Raises:
        UncommittedChanges: names them.
    """
    dirty = uncommitted(root, files, manifest)
    if not dirty:
        return
    shown = ", ".join(dirty[:_SHOWN]) + (f" and {len(dirty) - _SHOWN} more" if len(dirty) > _SHOWN else "")
    raise UncommittedChanges(
        "files about to be edited have uncommitted changes",
        shown,
        "Nothing was written. Commit or stash them, so that the patch is a diff of its own, or pass --allow-dirty.",
    )


def _changed(root: Path, paths: Sequence[str]) -> Iterator[str]:
    """Those of ``paths`` that ``git status`` lists, relative to the repository's top."""
    for start in range(0, len(paths), _AT_ONCE):
        output = _git(
            root,
            "--literal-pathspecs",
            "status",
            "--porcelain",
            "-z",
            "--no-renames",
            "--untracked-files=all",
            "--",
            *paths[start : start + _AT_ONCE],
        )
        yield from (os.fsdecode(entry[3:]) for entry in (output or b"").split(b"\0") if entry)


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git prints, or None where it does not work. It refreshes no index: looking must write nothing."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False, env=environment)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
