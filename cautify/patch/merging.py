"""Take a patch out of a file by git's three-way merge, where its code does not tell which lines are whose."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cautify import git
from cautify.patch.disk import digest
from cautify.patch.manifest import original
from cautify.patch.records import FileRecord

_LOOKED_AT = 200  # commits that touched the file


def merged(root: Path, path: str, data: bytes, record: FileRecord) -> bytes | None:
    """The file with what was done to it since, and without the patch. None where git cannot say without a conflict.

    The file as it was patched is the base, and is looked for in the history: the manifest has only its hash.
    """
    for patched in _versions(root, path):
        if digest(patched) != record.after:
            continue
        try:
            before = original(record, patched)
        except ValueError:
            return None
        return _merge(data, patched, before)
    return None


def _versions(root: Path, path: str) -> Iterator[bytes]:
    """What the file held in the commits that touched it, the newest first."""
    status, listed = git.ask(root, "log", "--all", f"--max-count={_LOOKED_AT}", "--format=%H", "--", path)
    for commit in listed.decode("ascii", "replace").split() if status == 0 else ():
        found, data = git.ask(root, "cat-file", "blob", f"{commit}:./{path}")
        if found == 0:
            yield data


def _merge(data: bytes, patched: bytes, before: bytes) -> bytes | None:
    with tempfile.TemporaryDirectory() as directory:
        for name, content in (("now", data), ("patched", patched), ("before", before)):
            Path(os.path.join(directory, name)).write_bytes(content)
        status, result = git.ask(Path(directory), "merge-file", "-p", "--diff3", "now", "patched", "before")
    return result if status == 0 else None
