"""Between a plan in memory and a plan in a file: what is kept of it, and whether it still fits a tree.

A stored plan may be forged. What it writes is shown in the diff; what it records is not, so that is held against the
files: everything recorded is what the plan writes, what was recorded before, or what lies in the tree already.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cautify.errors import CautifyError, FileChanged, ManifestUnusable, PlanUnusable
from cautify.model import Action, Edit, FilePlan, Span
from cautify.patch import manifest as manifests
from cautify.patch import vendor
from cautify.patch.disk import MANIFEST, digest, read
from cautify.patch.plan_text import ANEW, StoredFile, StoredPlan
from cautify.patch.records import FileRecord, Manifest
from cautify.source import apply_edits


def stored(root: Path, files: Sequence[FilePlan], old: bytes | None, new: bytes | None) -> StoredPlan:
    """What is kept of a plan for the tree at ``root``: its files, the manifest there, and the one that replaces it.

    To be called before the plan is written: it looks which directories do not exist yet.

    Raises:
        CautifyError: a file that the new manifest goes by cannot be read.
    """
    planned = {file.path for file in files}
    known, records = _records(old), _records(new) if new is not None else _records(old)
    moved = sorted(p for p in {*known, *records} if p not in planned and known.get(p) != records.get(p))
    seen = [(path, read(root, path)) for path in moved]
    return StoredPlan(
        tuple(_kept(file) for file in files),
        tuple((path, None if data is None else digest(data)) for path, data in seen),
        _to_be_made(root, (file.path for file in files if file.before is None)),
        None if old is None else digest(old),
        new,
    )


def _records(data: bytes | None) -> dict[str, FileRecord]:
    return {} if data is None else {record.path: record for record in manifests.parse(data).files}


def _kept(file: FilePlan) -> StoredFile:
    before, after = file.before or b"", file.after
    if after is None:
        raise ValueError(f"no plan to remove {file.path} can be stored")
    edits = file.edits
    if apply_edits(before, edits) != after:
        edits = (Edit(Span(0, len(before)), after),)
    return StoredFile(file.path, None if file.before is None else digest(before), digest(after), edits)


def _to_be_made(root: Path, created: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({parent for path in created for parent in manifests.missing_parents(root, path)}))


def fitted(root: Path, plan: StoredPlan, old: bytes | None, name: str) -> tuple[FilePlan, ...]:
    """The plan for the tree at ``root``, of which ``old`` is the manifest. ``name`` is what messages call the plan.

    Raises:
        FileChanged: the tree is not the one that the plan was made for; every file in which it differs is named.
        PlanUnusable: what the plan writes is not what it says, or it records something else.
    """
    differences = list(_differences(root, plan, old))
    if differences:
        raise FileChanged(f"{name} does not fit this tree", "; ".join(differences), ANEW)
    try:
        files = tuple(_file(root, file) for file in plan.files)
        _require_honest(root, plan, files, old)
    except ManifestUnusable as error:
        raise PlanUnusable(f"{name} cannot be used", f"of the manifest in it, {error.why}", ANEW) from error
    except ValueError as error:
        raise PlanUnusable(f"{name} cannot be used", str(error), ANEW) from error
    return files


def _differences(root: Path, plan: StoredPlan, old: bytes | None) -> Iterator[str]:
    if (None if old is None else digest(old)) != plan.replaces:
        yield f"{MANIFEST} {_how(plan.replaces, old)}"
    expected = [(file.path, file.before) for file in plan.files]
    for path, sha in sorted([*expected, *plan.seen], key=lambda pair: pair[0]):
        try:
            now = read(root, path)
            there = now is not None or os.path.lexists(root / path)
        except CautifyError as error:
            yield f"{path} cannot be used ({error.why})"
            continue
        if now is None and sha is None and there:
            yield f"{path} is there by now"
        elif (None if now is None else digest(now)) != sha:
            yield f"{path} {_how(sha, now)}"
    missing = _to_be_made(root, (file.path for file in plan.files if file.before is None))
    for path in sorted({*missing} ^ {*plan.directories}):
        yield f"{path}/ {'is gone' if path in missing else 'is there by now'}"


def _how(before: str | None, now: bytes | None) -> str:
    return "is there by now" if before is None else "was deleted" if now is None else "was changed"


def _file(root: Path, file: StoredFile) -> FilePlan:
    before = read(root, file.path)
    after = apply_edits(before or b"", file.edits)
    if digest(after) != file.after:
        raise ValueError(f"its edits of {file.path!r} do not make what it says they do")
    if before is None:
        return FilePlan(file.path, Action.CREATE, None, after)
    return FilePlan(file.path, Action.MODIFY, before, after, file.edits)


# -- what it records --------------------------------------------------------------------------------------------------


def _require_honest(root: Path, plan: StoredPlan, files: Sequence[FilePlan], old: bytes | None) -> None:
    """ValueError where the manifest in the plan is none that this plan leads to."""
    if plan.manifest is None:
        if files or plan.seen or plan.directories:
            raise ValueError("it writes files and has no manifest")
        return
    new, before = manifests.parse(plan.manifest), None if old is None else manifests.parse(old)
    if manifests.dump(new) != plan.manifest:
        raise ValueError("the manifest in it is not as cautify writes it")
    _require_kept(plan, new, before)
    known = {record.path: record for record in before.files} if before is not None else {}
    records = {record.path: record for record in new.files}
    written = {file.path: file for file in files}
    for path in sorted(written.keys() - records.keys()):
        raise ValueError(f"it writes {path!r} and does not record it")
    for path, record in records.items():
        if path in written:
            _require_of_plan(record, written[path], known.get(path))
        elif record != known.get(path):
            _require_of_tree(root, plan, record)
    for path in sorted(known.keys() - records.keys() - dict(plan.seen).keys()):
        raise ValueError(f"it forgets {path!r}")


def _require_kept(plan: StoredPlan, new: Manifest, before: Manifest | None) -> None:
    made = {*plan.directories, *(before.directories if before is not None else ())}
    if {*new.directories} != made:
        raise ValueError("the manifest in it has other directories than the plan makes")
    if before is not None and new.own != before.own:
        raise ValueError("the manifest in it has other files of the target's own")
    if not {*new.runtimes} <= {record.path for record in new.files}:
        raise ValueError("the manifest in it has a runtime that it does not record")


def _require_of_plan(record: FileRecord, file: FilePlan, known: FileRecord | None) -> None:
    after = file.after or b""
    created = file.before is None or (known is not None and known.action is Action.CREATE)
    if record.after != digest(after) or (record.action is Action.CREATE) != created:
        raise ValueError(f"it writes {record.path!r} and records something else of it")
    if record.action is Action.CREATE or _leads_back(record, after):
        return
    if known is None or (record.before, record.layers[1:]) != (known.before, known.layers):
        raise ValueError(f"what it records of {record.path!r} does not take it back")


def _require_of_tree(root: Path, plan: StoredPlan, record: FileRecord) -> None:
    """A file that is recorded as it lies there: one that was edited since, or whose record is lost."""
    data = read(root, record.path)
    if data is None or dict(plan.seen).get(record.path) != record.after:
        raise ValueError(f"it records {record.path!r}, which it does not write")
    if record.action is Action.CREATE and vendor.state(data, record.path) == "foreign":
        raise ValueError(f"it records {record.path!r} as made by cautify, and it is not")
    if record.action is Action.MODIFY and not _leads_back(record, data):
        raise ValueError(f"what it records of {record.path!r} does not take it back")


def _leads_back(record: FileRecord, data: bytes) -> bool:
    try:
        manifests.original(record, data)
    except ValueError:
        return False
    return True
