"""Everything that could refuse a transaction, looked at before its first change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import EllipsisType

from cautify.errors import FileChanged, NotWritable, OutsideTree
from cautify.model import FilePlan
from cautify.patch.disk import HOME, MANIFEST, digest, locate, look, require_writable, twin
from cautify.patch.journal import IGNORE, Entry, place_of

IGNORED = b"# What cautify leaves here while it works, or when it was killed.\n/journal\n/lock\n*.tmp\n"

_AGAIN = "Nothing was changed. Run the command again, so that it plans with what is there now."


@dataclass(frozen=True)
class Change:
    """One file that will be written (``after``) or removed (None), and its line in the journal."""

    entry: Entry
    after: bytes | None

    def require_unchanged(self, root: str) -> None:
        """Look again, directly before the change.

        Raises:
            FileChanged, OutsideTree: somebody else was faster.
        """
        now = look(place_of(root, self.entry.path), self.entry.path)
        if (now.data if now else None) != self.entry.before:
            raise FileChanged(f"{self.entry.path} was not written", "it changed while cautify was writing", _AGAIN)


@dataclass(frozen=True)
class Survey:
    """A transaction that nothing speaks against: changes in order, directories to make and to remove."""

    changes: tuple[Change, ...]
    made: tuple[str, ...]
    removed: tuple[tuple[str, int], ...]


def under_own_names(root: Path, files: Sequence[FilePlan]) -> tuple[FilePlan, ...]:
    """The plans, each file once and under its own name: a link's text is its target, which no diff can change."""
    base = os.path.realpath(root) + os.sep
    found: dict[str, FilePlan] = {}
    for file in files:
        place = os.path.realpath(os.path.join(base, file.path))
        inside = file.before is not None and place.startswith(base)
        name = place[len(base) :].replace(os.sep, "/") if inside else file.path
        found.setdefault(name, file if name == file.path else replace(file, path=name))
    return tuple(found.values())


def survey(
    root: str,
    files: Sequence[FilePlan],
    manifest: bytes | None,
    directories: Sequence[str],
    replacing: bytes | EllipsisType | None,
) -> Survey:
    """Look at every file that will change. Raises what commit raises; changes nothing."""
    changes: dict[str, Change] = {}
    names: dict[str, str] = {}
    for file in files:
        change = _change(root, file)
        inner = change.entry.path
        if inner in changes and changes[inner] != change:
            raise FileChanged(
                f"{names[inner]} and {file.path} are one file",
                "a symbolic link joins them, and the plan gives each another content",
                "Nothing was changed. Leave one of them out with --exclude.",
            )
        changes[inner], names[inner] = change, file.path
    made = _missing_directories(root, [c for c in changes.values() if c.entry.before is None])
    removed = _emptied(root, {path for path, c in changes.items() if c.after is None}, directories)
    ignore, recorded = _own(root, IGNORE), _manifest(root, manifest, replacing)
    if manifest is None:
        last = [Change(ignore.entry, None)] if ignore.entry.before == IGNORED else []
        ordered = [*changes.values(), recorded, *last]
    else:
        first = [Change(ignore.entry, IGNORED)] if ignore.entry.before is None else []
        ordered = [*first, *changes.values(), recorded]
    hashed = [Change(_with_hash(c), c.after) for c in ordered if c.after != c.entry.before]
    return Survey(tuple(hashed), made, removed)


def _with_hash(change: Change) -> Entry:
    entry = change.entry
    return Entry(entry.path, entry.before, entry.mode, None if change.after is None else digest(change.after))


def _change(root: str, file: FilePlan) -> Change:
    """One planned file, compared with the disk. A link is written where it leads, but never removed."""
    if file.before is None and file.after is None:
        raise ValueError(f"the plan for {file.path} neither expects nor makes anything")
    place = locate(root, file.path)
    lexical = os.path.join(root, *file.path.split("/"))
    inner = os.path.relpath(place, root).replace(os.sep, "/")
    if file.before is None:
        clash = twin(lexical)
        if clash is not None:
            raise FileChanged(
                f"{file.path} was not written",
                f"{os.path.relpath(clash, root)} is there, and many file systems take the two names for one",
                "Nothing was changed. Rename that, or name another place for the runtime with --vendor-to.",
            )
        if os.path.lexists(lexical):
            raise FileChanged(f"{file.path} was not written", "it exists, and cautify was to create it", _AGAIN)
        return Change(Entry(inner, None, 0, None), file.after)
    if file.after is None and os.path.islink(lexical):
        raise FileChanged(f"{file.path} was not removed", "it is a symbolic link by now, not the file", _AGAIN)
    now = look(place, file.path)
    if now is None or now.data != file.before:
        why = "it was deleted" if now is None else "it was changed"
        raise FileChanged(f"{file.path} was not written", f"{why} after the plan was made", _AGAIN)
    require_writable(place, file.path)
    require_writable(os.path.dirname(place), os.path.dirname(file.path) or ".")
    return Change(Entry(inner, now.data, now.mode, None), file.after)


def _own(root: str, path: str) -> Change:
    place = os.path.join(root, path)
    if os.path.islink(place):
        raise OutsideTree(
            f"{path} is refused", "it is a symbolic link", "Nothing was changed. Put the file itself in its place."
        )
    now = look(place, path)
    return Change(Entry(path, now.data if now else None, now.mode if now else 0, None), None)


def _manifest(root: str, manifest: bytes | None, replacing: bytes | EllipsisType | None) -> Change:
    recorded = _own(root, MANIFEST)
    if replacing is not ... and recorded.entry.before != replacing:
        raise FileChanged(f"{MANIFEST} was not written", "another cautify has written it meanwhile", _AGAIN)
    if recorded.entry.before is not None:
        require_writable(os.path.join(root, MANIFEST), MANIFEST)
    require_writable(os.path.join(root, HOME), HOME)
    return Change(recorded.entry, manifest)


def _missing_directories(root: str, created: Sequence[Change]) -> tuple[str, ...]:
    """The directories that have to be made, outermost first; what they will stand in has to be writable."""
    missing = set()
    for change in created:
        parent = os.path.dirname(change.entry.path)
        while parent and not os.path.lexists(os.path.join(root, parent)):
            missing.add(parent)
            parent = os.path.dirname(parent)
        if not os.path.isdir(os.path.join(root, parent)):
            raise NotWritable(
                f"{change.entry.path} cannot be written",
                f"{parent} is a file, not a directory",
                "Nothing was changed. Move that file away, then run the command again.",
            )
        require_writable(os.path.join(root, parent), parent or ".")
    return tuple(sorted(missing))


def _emptied(root: str, deleted: set[str], directories: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Of these directories, those that nothing will be left in, innermost first, with their modes."""
    gone, removed = set(deleted), []
    for path in sorted(set(directories), key=lambda p: (-p.count("/"), p)):
        place = locate(root, path)
        if place != os.path.join(root, *path.split("/")) or not os.path.isdir(place):
            continue
        if all(f"{path}/{name}" in gone for name in os.listdir(place)):
            require_writable(os.path.dirname(place), os.path.dirname(path) or ".")
            gone.add(path)
            removed.append((path, os.stat(place).st_mode & 0o7777))
    return tuple(removed)
