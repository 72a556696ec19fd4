"""Take the patch back: every file as it was, created files and directories gone, ``.cautify/`` too.

What a killed run left half written is put back first, as revert is what one runs then. A file that was edited since is
refused by name, and then nothing at all is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cautify.errors import FileChanged, ManifestMissing
from cautify.model import Action, FilePlan, Outcome
from cautify.patch import disk, manifest, write
from cautify.patch.records import FileRecord, Manifest


class _Drift(Exception):
    """What happened to a file since cautify wrote it."""


def run(root: Path, *, dry_run: bool = False) -> Outcome:
    """Prepare and execute in one go, without a question between them. A dry run only says what would be done."""
    if dry_run:
        files = prepare(root)
        return _outcome(files, ("A dry run: nothing was written.",))
    recovered = repair(root)
    if recovered is not None and manifest.load(root) is None:
        return _outcome((), _told(recovered))
    files = prepare(root)
    done = execute(root, files)
    return Outcome(done.exit_code, done.message, done.counts, (*_told(recovered), *done.details))


def repair(root: Path) -> tuple[str, ...] | None:
    """Roll back an interrupted transaction. Returns the paths put back, or None if none was interrupted.

    Raises what write.recover raises.
    """
    return write.recover(root) if write.interrupted(root) else None


def prepare(root: Path) -> tuple[FilePlan, ...]:
    """What revert does to each file, from what is on disk now. Changes nothing.

    In a tree with an interrupted transaction that is what rolling back and then reverting come to together.

    Raises:
        ManifestMissing: nothing records a patch, and nothing was interrupted.
        ManifestUnusable: the manifest or the journal cannot be relied on.
        FileChanged: files were edited or deleted since cautify wrote them; the message names each.
        OutsideTree: a recorded path leads out of the tree.
    """
    rolled_back = write.pending(root)
    recorded = _recorded(root, rolled_back)[1]
    if recorded is None and not write.interrupted(root):
        raise ManifestMissing(
            f"there is nothing to revert in {root}",
            f"it has no {disk.MANIFEST}",
            "Nothing was changed. Name the directory that cautify was applied to.",
        )
    base = os.path.realpath(root)
    plans, drifted = {}, []
    for path in rolled_back:
        if not path.startswith(f"{disk.HOME}/"):
            plans[path] = _plan(path, _now(base, path), rolled_back[path])
    for record in recorded.files if recorded else ():
        inner = os.path.relpath(disk.locate(base, record.path), base).replace(os.sep, "/")
        try:
            now = _now(base, record.path)
            after = _target(base, record, rolled_back.get(inner, now))
        except (_Drift, FileChanged) as drift:
            why = f"was replaced ({drift.why})" if isinstance(drift, FileChanged) else str(drift)
            drifted.append(f"{record.path if record.path.isprintable() else repr(record.path)} {why}")
            continue
        plans.pop(inner, None)
        plans[record.path] = _plan(record.path, now, after, record if inner not in rolled_back else None)
    if drifted:
        raise FileChanged(
            "revert was refused",
            f"{', '.join(drifted)} since cautify wrote {'it' if len(drifted) == 1 else 'them'}",
            "Nothing was changed. Put back what cautify wrote (git diff shows your edits, which you can make again "
            "afterwards), then run `cautify revert` again.",
        )
    return tuple(plan for _, plan in sorted(plans.items()) if plan.before != plan.after)


def execute(root: Path, files: Sequence[FilePlan]) -> Outcome:
    """Write what prepare returned, all or nothing, and remove the manifest.

    An interrupted transaction is rolled back first; the outcome's details say so.

    Raises:
        FileChanged: the tree is no longer what prepare saw. Raises what write.commit raises, too.
    """
    recovered = repair(root)
    data, recorded = _recorded(root, {})
    current: tuple[FilePlan, ...] = ()
    if recorded is not None:
        current = prepare(root)
        _require_same(files, current, recovered)
        write.commit(root, current, None, directories=recorded.directories, replacing=data)
    elif recovered is None:
        prepare(root)  # which says that the manifest is missing by now
    return _outcome(current, _told(recovered))


def _recorded(root: Path, rolled_back: Mapping[str, bytes | None]) -> tuple[bytes | None, Manifest | None]:
    data = rolled_back[disk.MANIFEST] if disk.MANIFEST in rolled_back else manifest.read(root)
    return data, None if data is None else manifest.parse(data)


def _now(base: str, path: str) -> bytes | None:
    content = disk.look(disk.locate(base, path), path)
    return content.data if content else None


def _target(base: str, record: FileRecord, patched: bytes | None) -> bytes | None:
    """What a recorded file becomes."""
    if patched is None:
        raise _Drift("was deleted")
    digest = disk.digest(patched)
    if digest == record.before:
        return patched  # somebody has put it back already
    if digest != record.after:
        raise _Drift("was edited")
    if record.before is None:
        if os.path.islink(os.path.join(base, *record.path.split("/"))):
            raise _Drift("was replaced by a symbolic link")
        return None
    try:
        return manifest.original(record, patched)
    except ValueError as error:
        raise _Drift("was edited between two applies, or its record was") from error


def _plan(path: str, before: bytes | None, after: bytes | None, record: FileRecord | None = None) -> FilePlan:
    edits = record.layers[0] if record is not None and len(record.layers) == 1 and before != after else ()
    action = Action.CREATE if before is None else Action.DELETE if after is None else Action.MODIFY
    return FilePlan(path, action, before, after, edits)


def _require_same(shown: Sequence[FilePlan], current: Sequence[FilePlan], recovered: tuple[str, ...] | None) -> None:
    """Nothing is written that prepare did not show. After a rollback the ways differ; the ends must not."""
    known = {plan.path: plan for plan in shown}
    for plan in current:
        same = known.get(plan.path)
        if recovered is None and (same is None or same.before != plan.before or same.after != plan.after):
            raise FileChanged(
                f"{plan.path} was not reverted",
                "it was patched or edited after the changes were shown",
                "Nothing was changed. Run `cautify revert` again.",
            )


def _told(recovered: tuple[str, ...] | None) -> tuple[str, ...]:
    if recovered is None:
        return ()
    if not recovered:
        return ("An interrupted run was cleaned up after; there was nothing to put back.",)
    return (f"An interrupted run was rolled back: {', '.join(recovered)}.",)


def _outcome(files: Sequence[FilePlan], details: tuple[str, ...]) -> Outcome:
    removed = sum(plan.after is None for plan in files)
    counts = {"restored": len(files) - removed, "removed": removed}
    message = f"{counts['restored']} files restored, {removed} removed." if files else ""
    return Outcome(0, message, counts, details)
