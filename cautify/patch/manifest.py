"""The manifest, ``.cautify/manifest.json``: what was done to which file, and the edits that undo it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cautify import __version__
from cautify.errors import FileChanged
from cautify.model import Action, FilePlan, Plan, Verdict
from cautify.patch.disk import MANIFEST, digest, look
from cautify.patch.disk import read as disk_read
from cautify.patch.hunks import hunks_between
from cautify.patch.manifest_text import SCHEMA, dump, parse, refused
from cautify.patch.records import FileRecord, Manifest, SiteRecord
from cautify.patch.undone import Refused, TakenBack, Undone
from cautify.source import apply_edits

__all__ = [
    "LIMIT",
    "SCHEMA",
    "FileRecord",
    "Manifest",
    "SiteRecord",
    "dump",
    "load",
    "missing_parents",
    "original",
    "parse",
    "read",
    "updated",
]

LIMIT = 64 * 1024 * 1024
"""More bytes than cautify ever writes into a manifest or a plan."""


def load(root: Path) -> Manifest | None:
    """The manifest of a tree, or None when there is none.

    Raises:
        ManifestUnusable: newer, with conflict markers, damaged, forged, or not a file.
    """
    data = read(root)
    return None if data is None else parse(data)


def read(root: Path) -> bytes | None:
    """The manifest's bytes, or None when there is none.

    Raises:
        ManifestUnusable: there is something else under its name, or far too much.
        NotWritable: it may not be read.
    """
    place = os.path.join(os.path.realpath(root), MANIFEST)
    try:
        if os.path.isfile(place) and os.path.getsize(place) > LIMIT:
            raise refused(f"it has {os.path.getsize(place):,} bytes, more than cautify ever writes")
        content = look(place, MANIFEST)
    except FileChanged as error:
        raise refused(error.why) from error
    return content.data if content else None


def updated(manifest: Manifest | None, plan: Plan, taken: TakenBack | None = None) -> Manifest:
    """The manifest after ``plan`` is written on top of what ``manifest`` records.

    A file patched again keeps its ``before``. If somebody put it back to that by hand, its record starts anew.

    ``taken`` says what files hold without the patch that were edited since. With it they are recorded as they are now:
    from then on they are taken back exactly. A file in which the patch cannot be told from the edits keeps its record,
    with a layer more if the plan changes it; ``original`` refuses it.

    To be called before the plan is written: it looks which directories do not exist yet.
    """
    records = {record.path: record for record in manifest.files} if manifest else {}
    directories = set(manifest.directories) if manifest else set()
    without = dict(taken.files) if taken is not None else {}
    planned = {file.path for file in plan.files}
    for path in taken.gone if taken is not None else ():
        records.pop(path, None)
    for path, undone in without.items():
        if path not in planned and taken is not None and isinstance(undone, Undone):
            _adopt(records, path, undone.data, taken.now[path])
    for file in plan.files:
        if file.after is None:
            records.pop(file.path, None)
            continue
        known = records.get(file.path)
        if file.before is None or (known is not None and known.action is Action.CREATE):
            records[file.path] = FileRecord(file.path, Action.CREATE, None, digest(file.after), ())
        elif (before := _without(known, file.before, without.get(file.path))) is None:
            records[file.path] = _layered(known, file, file.after)
        else:
            _adopt(records, file.path, before, file.after)
        if file.before is None:
            directories.update(missing_parents(plan.root, file.path))
    created = [path for path, record in records.items() if record.action is Action.CREATE]
    for path in created if taken is not None else ():
        if path not in plan.runtimes and disk_read(plan.root, path) is None:
            del records[path]
    for path in plan.runtimes:
        if path not in records and (data := disk_read(plan.root, path)) is not None:
            records[path] = FileRecord(path, Action.CREATE, None, digest(data), ())
    earlier = manifest.runtimes if manifest is not None else ()
    return Manifest(
        SCHEMA,
        __version__,
        plan.options.recorded,
        tuple(sorted({*plan.runtimes, *(path for path in earlier if path in records)})),
        tuple(records[path] for path in sorted(records)),
        tuple(sorted({problem.path for problem in plan.problems})),
        tuple(
            sorted(
                SiteRecord(
                    site.path,
                    site.optimizers,
                    (Verdict.SKIP if site.verdict is Verdict.SKIP else Verdict.WRAPPED).value,
                    site.reason or "",
                )
                for site in plan.sites
            )
        ),
        tuple(sorted(directories)),
        manifest.own if manifest is not None else plan.named if taken is None else (),
    )


def _without(known: FileRecord | None, data: bytes, undone: Undone | Refused | None) -> bytes | None:
    """What a file held before the patch, as far as it can be told."""
    if undone is not None:
        return undone.data if isinstance(undone, Undone) else None
    if known is None or digest(data) == known.before:
        return data
    try:
        return original(known, data)
    except ValueError:
        return None


def _adopt(records: dict[str, FileRecord], path: str, before: bytes, after: bytes) -> None:
    """Record a file as it is, with what it holds without the patch; one that has nothing of it is not recorded."""
    known = records.pop(path, None)
    if known is not None and (known.before, known.after) == (digest(before), digest(after)):
        records[path] = known
    elif before != after:
        hunks = hunks_between(before, after)
        records[path] = FileRecord(path, Action.MODIFY, digest(before), digest(after), (hunks,))


def _layered(known: FileRecord | None, file: FilePlan, after: bytes) -> FileRecord:
    """The record of a file that is patched again though nobody can tell what it held before the patch."""
    layer = hunks_between(file.before or b"", after)
    layers = (layer, *known.layers) if known is not None else (layer,)
    before = known.before if known is not None else digest(file.before or b"")
    return FileRecord(file.path, Action.MODIFY, before, digest(after), layers)


def missing_parents(root: Path, path: str) -> Iterator[str]:
    """The directories that have to be made for a file, innermost first."""
    parent = path.rpartition("/")[0]
    while parent and not os.path.lexists(root / parent):
        yield parent
        parent = parent.rpartition("/")[0]


def original(record: FileRecord, data: bytes) -> bytes:
    """The file before the patch, from the file as cautify wrote it.

    Raises:
        ValueError: ``data`` is something else, or was edited between two applies; or the file was created.
    """
    if record.before is None:
        raise ValueError(f"{record.path} was created by cautify, there is nothing before it")
    for layer in record.layers:
        data = apply_edits(data, [hunk.back() for hunk in layer])
    if digest(data) != record.before:
        raise ValueError(f"{record.path} does not lead back to what it was before the patch")
    return data
