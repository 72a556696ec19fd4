"""The manifest, ``.cautify/manifest.json``: what was done to which file, and the edits that undo it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cautify import __version__
from cautify.errors import FileChanged
from cautify.model import Action, Edit, FilePlan, Plan, Span, Verdict
from cautify.patch.disk import MANIFEST, digest, look
from cautify.patch.manifest_text import SCHEMA, dump, parse, refused
from cautify.patch.records import FileRecord, Manifest, SiteRecord
from cautify.source import apply_edits, invert

__all__ = [
    "SCHEMA",
    "FileRecord",
    "Manifest",
    "SiteRecord",
    "dump",
    "load",
    "original",
    "parse",
    "read",
    "updated",
]

_LIMIT = 64 * 1024 * 1024


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
        if os.path.isfile(place) and os.path.getsize(place) > _LIMIT:
            raise refused(f"it has {os.path.getsize(place):,} bytes, more than cautify ever writes")
        content = look(place, MANIFEST)
    except FileChanged as error:
        raise refused(error.why) from error
    return content.data if content else None


def updated(manifest: Manifest | None, plan: Plan) -> Manifest:
    """The manifest after ``plan`` is written on top of what ``manifest`` records.

    A file patched again keeps its ``before`` and gets a layer. If somebody edited it between the two applies, the
    layer is recorded all the same, because it is true and a later, structural revert can use it; but the layers no
    longer lead back to ``before``, so ``original`` refuses that file from then on rather than restore it half. If
    somebody put it back to ``before`` by hand, its record starts anew.

    To be called before the plan is written: it looks which directories do not exist yet.
    """
    records = {record.path: record for record in manifest.files} if manifest else {}
    directories = set(manifest.directories) if manifest else set()
    for file in plan.files:
        if file.after is None:
            records.pop(file.path, None)
            continue
        records[file.path] = _record(records.get(file.path), file, file.after)
        if file.before is None:
            directories.update(_missing_parents(plan.root, file.path))
    return Manifest(
        SCHEMA,
        __version__,
        plan.options,
        tuple(sorted({*plan.runtimes, *(manifest.runtimes if manifest else ())})),
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
    )


def _record(known: FileRecord | None, file: FilePlan, after: bytes) -> FileRecord:
    if file.before is None or (known is not None and known.before is None):
        return FileRecord(file.path, Action.CREATE, None, digest(after), ())
    before = digest(file.before)
    layer = _inverse(file.path, file.before, after, file.edits)
    if known is None or known.before == before:
        return FileRecord(file.path, Action.MODIFY, before, digest(after), (layer,))
    return FileRecord(file.path, Action.MODIFY, known.before, digest(after), (layer, *known.layers))


def _inverse(path: str, before: bytes, after: bytes, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits that lead from ``after`` to ``before``. A plan without edits replaces the whole file."""
    edits = edits or (Edit(Span(0, len(before)), after, "replace"),)
    inverse = invert(before, edits)
    if apply_edits(before, edits) != after or apply_edits(after, inverse) != before:
        raise ValueError(f"the plan's edits of {path} do not lead from its 'before' to its 'after' and back")
    return inverse


def _missing_parents(root: Path, path: str) -> Iterator[str]:
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
        data = apply_edits(data, layer)
    if digest(data) != record.before:
        raise ValueError(f"{record.path} does not lead back to what it was before the patch")
    return data
