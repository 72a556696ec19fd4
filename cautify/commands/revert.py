"""Take the patch back: every file as it was, created files and directories gone, ``.cautify/`` too.

What a killed run left half written is put back first, as revert is what one runs then. Out of a file that was edited
since only the patch is taken. Where the two cannot be told apart, the place is named, and nothing at all is written.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cautify.errors import FileChanged, ManifestMissing
from cautify.model import Action, FilePlan, Outcome
from cautify.patch import disk, manifest, vendor, write
from cautify.patch.disk import read
from cautify.patch.records import FileRecord, Manifest
from cautify.patch.taking_back import taken_back
from cautify.patch.undone import How, Refused
from cautify.reports.text import counted

_SHOWN = 20


@dataclass(frozen=True)
class Reversal:
    """What revert does to each file, how it came to that, and what its owner should know."""

    files: tuple[FilePlan, ...]
    how: Mapping[str, How]
    notes: tuple[str, ...] = ()


def run(root: Path, *, dry_run: bool = False, force: bool = False) -> Outcome:
    """Prepare and execute in one go, without a question between them. A dry run only says what would be done."""
    if dry_run:
        return _outcome(prepare(root, force=force), ("A dry run: nothing was written.",))
    recovered = repair(root)
    if recovered is not None and manifest.load(root) is None:
        return _outcome(Reversal((), {}), _told(recovered))
    done = execute(root, prepare(root, force=force).files, force=force)
    return Outcome(done.exit_code, done.message, done.counts, (*_told(recovered), *done.details))


def repair(root: Path) -> tuple[str, ...] | None:
    """Roll back an interrupted transaction. Returns the paths put back, or None if none was interrupted.

    Raises what write.recover raises.
    """
    return write.recover(root) if write.interrupted(root) else None


def prepare(root: Path, *, force: bool = False) -> Reversal:
    """What revert does to each file, from what is on disk now. Changes nothing.

    In a tree with an interrupted transaction that is what rolling back and then reverting come to together.

    Args:
        root: The tree.
        force: Whether a runtime that was edited by hand goes all the same.

    Raises:
        ManifestMissing: nothing records a patch, and nothing was interrupted.
        ManifestUnusable: the manifest or the journal cannot be relied on.
        FileChanged: in some files the patch cannot be told from what was edited since; the message names each.
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
    plans: dict[str, FilePlan] = {}
    for path in rolled_back:
        if not path.startswith(f"{disk.HOME}/"):
            plans[path] = _plan(path, read(root, path), rolled_back[path])
    if recorded is None:
        return Reversal(_sorted(plans), {})
    refused: list[str] = []
    patched: dict[str, bytes | None] = {}
    for record in recorded.files:
        inner = os.path.relpath(disk.locate(base, record.path), base).replace(os.sep, "/")
        try:
            now = read(root, record.path)
        except FileChanged as error:
            refused.append(f"{_shown(record.path)} was replaced ({error.why})")
            patched[record.path] = None
            continue
        whole = rolled_back.get(inner, now)
        if record.action is Action.CREATE:
            if whole is not None and (why := _kept(base, record, whole, force)):
                refused.append(f"{_shown(record.path)} {why}")
            plans.pop(inner, None)
            plans[record.path] = _plan(record.path, now, None)
        elif inner in rolled_back:
            patched[record.path] = whole
    taken = taken_back(root, recorded, patched)
    for path, undone in taken.files.items():
        if isinstance(undone, Refused):
            refused.append(f"{_shown(path)}{'' if undone.line is None else f':{undone.line}'} ({undone.why})")
            continue
        inner = os.path.relpath(disk.locate(base, path), base).replace(os.sep, "/")
        plans.pop(inner, None)
        plans[path] = _plan(path, read(root, path), undone.data, how=undone.how, record=_of(recorded, path))
    for path, data in taken.runtimes.items():
        plans[path] = _plan(path, data, None)
    if refused:
        raise _refusal(refused)
    how = {path: undone.how for path, undone in taken.files.items() if not isinstance(undone, Refused)}
    return Reversal(_sorted(plans), how, tuple(_notes(taken.gone, taken.mentioned)))


def _sorted(plans: Mapping[str, FilePlan]) -> tuple[FilePlan, ...]:
    return tuple(plan for _, plan in sorted(plans.items()) if plan.before != plan.after)


def _of(recorded: Manifest, path: str) -> FileRecord | None:
    return next((record for record in recorded.files if record.path == path), None)


def _notes(gone: Sequence[str], mentioned: Sequence[tuple[str, int]]) -> list[str]:
    notes = [f"{path} was deleted since: there is nothing to take back in it" for path in gone]
    return notes + [f"{path}:{line} still names the switch; cautify did not write that" for path, line in mentioned]


def _refusal(refused: Sequence[str]) -> FileChanged:
    shown = "; ".join(refused[:_SHOWN]) + (f"; and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else "")
    return FileChanged(
        "revert was refused",
        f"the patch cannot be told from what was edited since: {shown}",
        "Nothing was changed. Take out by hand what is named, or put the files back as cautify wrote them, "
        "then run `cautify revert` again.",
    )


def _kept(base: str, record: FileRecord, data: bytes, force: bool) -> str | None:
    """Why a file that cautify created must not go, or None."""
    if os.path.islink(os.path.join(base, *record.path.split("/"))):
        return "was replaced by a symbolic link"
    if disk.digest(data) == record.after or force:
        return None
    state = vendor.state(data, record.path)
    if state in ("current", "older"):
        return None
    return "was edited by hand (--force removes it all the same)" if state == "edited" else "is another file by now"


def execute(root: Path, files: Sequence[FilePlan], *, force: bool = False) -> Outcome:
    """Write what prepare returned, all or nothing, and remove the manifest.

    An interrupted transaction is rolled back first; the outcome's details say so.

    Raises:
        FileChanged: the tree is no longer what prepare saw. Raises what write.commit raises, too.
    """
    recovered = repair(root)
    data, recorded = _recorded(root, {})
    current = Reversal((), {})
    if recorded is not None:
        current = prepare(root, force=force)
        _require_same(files, current.files, recovered)
        write.commit(root, current.files, None, directories=recorded.directories, replacing=data)
    elif recovered is None:
        prepare(root, force=force)  # which says that the manifest is missing by now
    return _outcome(current, _told(recovered))


def _recorded(root: Path, rolled_back: Mapping[str, bytes | None]) -> tuple[bytes | None, Manifest | None]:
    data = rolled_back[disk.MANIFEST] if disk.MANIFEST in rolled_back else manifest.read(root)
    return data, None if data is None else manifest.parse(data)


def _shown(path: str) -> str:
    return path if path.isprintable() else repr(path)


def _plan(
    path: str, before: bytes | None, after: bytes | None, *, how: How | None = None, record: FileRecord | None = None
) -> FilePlan:
    exact = how is How.EXACT and record is not None and before is not None and disk.digest(before) == record.after
    layers = record.layers if exact and record is not None and before != after else ()
    edits = tuple(hunk.back() for hunk in layers[0]) if len(layers) == 1 else ()
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


def _outcome(done: Reversal, details: tuple[str, ...]) -> Outcome:
    removed = sum(plan.after is None for plan in done.files)
    counts = {"restored": len(done.files) - removed, "removed": removed}
    message = f"{counted(counts['restored'], 'file')} restored, {removed} removed." if done.files else ""
    reread = sum(done.how.get(plan.path) is How.STRUCTURAL for plan in done.files)
    merged = sum(done.how.get(plan.path) is How.MERGED for plan in done.files)
    for number, what in ((reread, "edited since, and only the patch taken out"), (merged, "merged by git")):
        message += f" {number} of them {'was' if number == 1 else 'were'} {what}." if number else ""
    return Outcome(0, message, counts, (*details, *done.notes))
