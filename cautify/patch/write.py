"""The transaction: every planned file is written, the manifest too, or none is.

In order: the lock, a look at everything that could refuse, the journal, every new content in a temporary file beside
its target, the renames, and the journal's removal, which is the commit. What fails or is interrupted before that is
rolled back here; what is killed is rolled back by recover, from the journal.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import EllipsisType

from cautify.errors import CautifyError, NotWritable, TransactionBusy
from cautify.model import FilePlan
from cautify.patch import journal as journals
from cautify.patch.disk import HOME, remove, sync_directory, unwritable, write_new
from cautify.patch.journal import Journal
from cautify.patch.lock import Hook, Pending, held, held_elsewhere, interrupts_held_back, require_free
from cautify.patch.survey import Change, Survey, survey


def commit(
    root: Path,
    files: Sequence[FilePlan],
    manifest: bytes | None,
    *,
    directories: Sequence[str] = (),
    replacing: bytes | EllipsisType | None = ...,
    hook: Hook | None = None,
) -> None:
    """Write all of ``files`` and the manifest, or nothing.

    Args:
        manifest: the new manifest; None removes it, and ``.cautify/`` unless that holds something of the user's.
        directories: these are removed if the transaction leaves them empty.
        replacing: the manifest that this one was made from, None for none, so that an apply in between is noticed.
        hook: is called with a name after each step, for tests that strike there.

    Raises:
        FileChanged: a file is no longer what the plan was made for.
        NotWritable: a file or directory is read-only, or the system refused.
        OutsideTree: a path leads out of the root.
        TransactionBusy: another process is writing, or one was killed while it did.
    """
    base = os.path.realpath(root)
    step = hook or _nothing
    with interrupts_held_back() as pending, held(base, step):
        if journals.exists(base):
            raise TransactionBusy(
                "this tree is half written",
                f"an earlier cautify was interrupted and left {journals.JOURNAL}",
                "Nothing was changed. Run `cautify revert` to put the tree back, then run this again.",
            )
        journals.tidy(base)
        try:
            found = survey(base, files, manifest, directories, replacing)
        except OSError as error:
            raise unwritable(_name(base, error), error) from error
        if found.changes or found.removed:
            _write(base, found, step, pending)


def _nothing(_step: str) -> None:
    pass


def _write(root: str, found: Survey, hook: Hook, pending: Pending) -> None:
    journal = Journal(journals.new_token(), tuple(change.entry for change in found.changes), found.made, found.removed)

    def step(name: str) -> None:
        hook(name)
        pending.check()

    try:
        pending.check()
        journals.store(root, journal, step)
        _stage(root, journal, found.changes, step)
        _swap(root, journal, found.changes, step)
        journals.discard(root)
    except BaseException as error:
        _undo(root, journal, hook)
        if isinstance(error, OSError):
            raise unwritable(_name(root, error), error) from error
        raise
    hook("commit")


def _stage(root: str, journal: Journal, changes: Sequence[Change], step: Hook) -> None:
    for path in journal.made:
        os.mkdir(os.path.join(root, path))
        sync_directory(os.path.dirname(os.path.join(root, path)))
        step(f"make {path}")
    for index, change in enumerate(changes):
        if change.after is None:
            continue
        place = journals.place_of(root, change.entry.path)
        existed = change.entry.before is not None
        like, mode = (os.stat(place), change.entry.mode) if existed else (None, None)
        write_new(os.path.join(root, journal.temporary(index)), change.after, like, mode)
        step(f"stage {change.entry.path}")


def _swap(root: str, journal: Journal, changes: Sequence[Change], step: Hook) -> None:
    for index, change in enumerate(changes):
        place = os.path.join(root, change.entry.path)
        change.require_unchanged(root)  # an editor may have saved it since the survey
        if change.after is None:
            remove(place)
        else:
            os.replace(os.path.join(root, journal.temporary(index)), place)
        step(f"swap {change.entry.path}")
    for path, _ in journal.removed:
        with contextlib.suppress(OSError):  # somebody has just put a file there
            os.rmdir(os.path.join(root, path))
        step(f"remove {path}")
    touched = {os.path.dirname(change.entry.path) for change in changes}
    for directory in sorted(touched | {os.path.dirname(path) for path, _ in journal.removed}):
        sync_directory(os.path.join(root, directory))
    step("sync")


def _undo(root: str, journal: Journal, hook: Hook) -> None:
    try:
        if journals.exists(root):
            journals.roll_back(root, journal, hook)
        journals.tidy(root)
    except (OSError, CautifyError) as error:
        raise NotWritable(
            "a failed transaction could not be taken back",
            error.strerror or str(error) if isinstance(error, OSError) else str(error),
            f"The originals are in {journals.JOURNAL}. Mend that, then run `cautify revert`, which puts them back.",
        ) from error


def _name(root: str, error: OSError) -> str:
    place = error.filename2 or error.filename
    return os.path.relpath(os.fsdecode(place), root) if isinstance(place, str | bytes) else root


def require_idle(root: Path) -> None:
    """Refuse a tree that somebody is writing to: what is read there now may be half of it.

    Raises:
        TransactionBusy: names the process.
    """
    require_free(os.path.realpath(root))


def interrupted(root: Path) -> bool:
    """Whether a cautify that is no longer running left something behind here for recover to clear up."""
    home = os.path.join(os.path.realpath(root), HOME)
    if os.path.islink(home) or not os.path.isdir(home):
        return False
    try:
        names = set(os.listdir(home))
    except OSError:
        return False
    litter = not names or names & {"journal", "journal.tmp", "lock"}
    return bool(litter) and not held_elsewhere(os.path.realpath(root))


def pending(root: Path) -> Mapping[str, bytes | None]:
    """What recover would put back: bytes by path (all links followed), None for a file that it would remove.

    Raises:
        FileChanged: somebody has edited such a file since.
        ManifestUnusable: the journal is damaged, or was not written here.
        TransactionBusy: the transaction is still running.
    """
    base = os.path.realpath(root)
    require_free(base)
    journal = journals.load(base)
    if journal is None:
        return {}
    differing, foreign = journals.outstanding(base, journal)
    journals.refuse_foreign(foreign)
    return {entry.path: entry.before for entry in differing}


def recover(root: Path, *, hook: Hook | None = None) -> tuple[str, ...]:
    """Put a tree back as it was before the transaction that was killed in it. Returns the restored paths.

    A transaction killed after its commit is finished; then there is only litter to remove, and nothing to return.

    Raises:
        FileChanged: somebody has edited such a file since; nothing was changed.
        ManifestUnusable: the journal is damaged, or was not written here.
        TransactionBusy: the transaction is still running.
        NotWritable: the system refused.
    """
    base = os.path.realpath(root)
    if not os.path.isdir(os.path.join(base, HOME)):
        return ()
    step = hook or _nothing
    with interrupts_held_back() as pressed:
        with held(base, step):
            journal = journals.load(base)
            restored: tuple[str, ...] = ()
            if journal is not None:
                journals.refuse_foreign(journals.outstanding(base, journal)[1])
                try:
                    restored = journals.roll_back(base, journal, step)
                except OSError as error:
                    raise unwritable(_name(base, error), error) from error
            journals.tidy(base)
        pressed.check()
    return restored
