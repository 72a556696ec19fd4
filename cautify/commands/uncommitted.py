"""Changes that git has not seen, in files about to be edited: they would be mixed with ours in one diff."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cautify import git
from cautify.errors import UncommittedChanges
from cautify.model import FilePlan
from cautify.patch.disk import digest
from cautify.patch.records import Manifest
from cautify.reports.console import Console

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
    status, prefix = git.ask(root, "rev-parse", "--show-prefix")
    if status:
        return ()
    changed = _changed(root, sorted(touched))
    if changed is None:
        return tuple(sorted(touched))
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


def mind_uncommitted(
    root: Path, files: Sequence[FilePlan], manifest: Manifest | None, console: Console, *, dry_run: bool
) -> None:
    """Refuse such a plan, or say that it would be, where it is only shown.

    Raises:
        UncommittedChanges: names the files.
    """
    if not dry_run:
        require_committed(root, files, manifest)
        return
    dirty = uncommitted(root, files, manifest)
    if dirty:
        console.warn(f"apply will refuse this without --allow-dirty: uncommitted changes in {', '.join(dirty)}")


def _changed(root: Path, paths: Sequence[str]) -> set[str] | None:
    """Those of ``paths`` that ``git status`` lists, relative to the repository's top; None where it cannot tell.

    Filters are off, as they are programs. What only a filter would make equal is listed then: asked for once too often.
    """
    told = git.without_filters(root)
    if told is None:
        return None
    found: set[str] = set()
    shape = ["--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all", "--"]
    for start in range(0, len(paths), _AT_ONCE):
        listed = paths[start : start + _AT_ONCE]
        status, output = git.ask(root, "--literal-pathspecs", "status", *shape, *listed, told=told)
        if status:
            return None
        found.update(os.fsdecode(entry[3:]) for entry in output.split(b"\0") if entry)
    return found
