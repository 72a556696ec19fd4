"""The way back, on disk before the first change: ``.cautify/journal``.

It holds the original bytes and mode of every file a transaction is about to touch, and which files and directories
were not there. Its removal is the moment of commit: a tree with a journal is rolled back, a tree without is finished.
Rolling back may itself be killed anywhere and started again.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cautify.errors import FileChanged, ManifestUnusable, OutsideTree
from cautify.patch import strict
from cautify.patch.disk import (
    HOME,
    MANIFEST,
    digest,
    look,
    remove,
    sync_directory,
    unusable,
    unwritable,
    write_new,
)

IGNORE = ".cautify/.gitignore"
OURS = frozenset({MANIFEST, IGNORE})
JOURNAL = ".cautify/journal"
_STAGED = ".cautify/journal.tmp"
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """One file of a transaction. ``before`` is None when it did not exist, ``after`` (a hash) when it is removed.

    ``path`` is relative to the root with all links followed, so that no link can lead the way back astray.
    """

    path: str
    before: bytes | None
    mode: int
    after: str | None


@dataclass(frozen=True)
class Journal:
    """One transaction: its files, the directories it makes (outermost first) and removes (innermost first, modes)."""

    token: str
    entries: tuple[Entry, ...]
    made: tuple[str, ...] = ()
    removed: tuple[tuple[str, int], ...] = ()

    def temporary(self, index: int) -> str:
        """Where the new content of an entry is staged: beside the file, so that a rename can put it in place."""
        directory, _, _ = self.entries[index].path.rpartition("/")
        name = f".cautify-{self.token}-{index}.tmp"
        return f"{directory}/{name}" if directory else name


def new_token() -> str:
    """A name that no other file has."""
    return secrets.token_hex(8)


def exists(root: str) -> bool:
    """Whether a transaction was begun and not finished."""
    return os.path.lexists(os.path.join(root, JOURNAL))


def store(root: str, journal: Journal, step: Callable[[str], None]) -> None:
    """Write the journal. Once it is under its own name it is complete and durable, and so is the name."""
    content = {
        "journal": _VERSION,
        **_identity(root),
        "token": journal.token,
        "made": list(journal.made),
        "removed": [list(pair) for pair in journal.removed],
        "entries": [
            [e.path, None if e.before is None else base64.b64encode(e.before).decode(), e.mode, e.after]
            for e in journal.entries
        ],
    }
    staged, final = os.path.join(root, _STAGED), os.path.join(root, JOURNAL)
    write_new(staged, json.dumps(content).encode("ascii"), None, 0o600)  # it may hold what others must not read
    step("journal staged")
    os.replace(staged, final)
    sync_directory(os.path.join(root, HOME))
    sync_directory(root)
    step("journal")


def _identity(root: str) -> dict[str, object]:
    return {"inode": os.stat(root).st_ino, "host": socket.gethostname(), "root": root}


def discard(root: str) -> None:
    """Remove the journal: the transaction is finished."""
    remove(os.path.join(root, JOURNAL))
    # Should the removal be lost with the power, the journal rolls back a finished transaction: late, and consistent.
    with contextlib.suppress(OSError):
        sync_directory(os.path.join(root, HOME))


def load(root: str) -> Journal | None:
    """The journal of an interrupted transaction, or None.

    Raises:
        ManifestUnusable: it is damaged or from a newer cautify, or it was not written in this directory. Nothing is
            shown or asked before a rollback, so a journal that came with a download must not be obeyed.
        OutsideTree: ``.cautify`` or the journal is a symbolic link.
    """
    if os.path.islink(os.path.join(root, HOME)) or os.path.islink(os.path.join(root, JOURNAL)):
        raise OutsideTree(
            f"{JOURNAL} is refused", "it is reached by a symbolic link", "Nothing was changed. Remove the link."
        )
    content = look(os.path.join(root, JOURNAL), JOURNAL)
    if content is None:
        return None
    try:
        return _parse(content.data, root)
    except ValueError as error:
        raise ManifestUnusable(
            f"{JOURNAL} cannot be used",
            str(error),
            "Nothing was changed. Compare the tree with version control, then delete that file.",
        ) from error


def _parse(data: bytes, root: str) -> Journal:
    value = strict.document(data)
    version = value.get("journal") if isinstance(value, dict) else None
    if isinstance(version, int) and version > _VERSION:
        raise ValueError(f"it was written by a newer cautify (version {version}, this one knows {_VERSION})")
    here = _identity(root)
    raw = strict.fields(value, "it", ["journal", "token", "made", "removed", "entries", *here])
    if raw["inode"] != here["inode"] and (raw["host"], raw["root"]) != (here["host"], here["root"]):
        raise ValueError(f"it was written in another directory, {raw['root']} on {raw['host']}")
    token = strict.text(raw["token"], "token")
    if len(token) != 16 or not set(token) <= set("0123456789abcdef"):
        raise ValueError("its token is forged")
    made = strict.texts(raw["made"], "made")
    removed = tuple(_directory(item) for item in strict.items(raw["removed"], "removed"))
    entries = tuple(_entry(item) for item in strict.items(raw["entries"], "entries"))
    for path in (*made, *(path for path, _ in removed), *(e.path for e in entries if e.path not in OURS)):
        reason = unusable(path)
        if reason:
            raise ValueError(f"the path {path!r} {reason}")
    return Journal(token, entries, made, removed)


def _directory(item: object) -> tuple[str, int]:
    path, mode = _row(item, 2)
    return strict.text(path, "a removed directory"), _mode(mode)


def _entry(item: object) -> Entry:
    path, before, mode, after = _row(item, 4)
    return Entry(
        strict.text(path, "a path"),
        None if before is None else base64.b64decode(strict.text(before, "content"), validate=True),
        _mode(mode),
        None if after is None else strict.text(after, "a hash"),
    )


def _row(item: object, length: int) -> list[object]:
    row = strict.items(item, "a row")
    if len(row) != length:
        raise ValueError(f"a row has {len(row)} values instead of {length}")
    return row


def _mode(value: object) -> int:
    mode = strict.number(value, "a mode")
    if mode > 0o7777:
        raise ValueError(f"{mode} is no mode")
    return mode


def outstanding(root: str, journal: Journal) -> tuple[list[Entry], list[str]]:
    """The entries that are not as before the transaction, and the paths that somebody else has changed since.

    Raises:
        OutsideTree: a directory of the transaction is now a link that leads elsewhere.
    """
    differing, foreign = [], []
    for entry in journal.entries:
        try:
            now = look(place_of(root, entry.path), entry.path)
        except FileChanged:  # a directory or a link by now
            foreign.append(entry.path)
            continue
        if (now.data if now else None) == entry.before:
            continue
        if now is not None and digest(now.data) != entry.after:
            foreign.append(entry.path)
        else:
            differing.append(entry)
    return differing, foreign


def place_of(root: str, path: str) -> str:
    """The absolute place of a path that has no links in it.

    Raises:
        OutsideTree: it has one now.
    """
    place = os.path.join(root, *path.split("/"))
    parent = os.path.dirname(place)
    if os.path.realpath(parent) != parent:
        raise OutsideTree(
            f"{path!r} is refused",
            "a directory on its way became a symbolic link",
            "Put the directory back, then run again.",
        )
    return place


def refuse_foreign(paths: Iterable[str]) -> None:
    """Refuse to roll back over somebody's work.

    Raises:
        FileChanged: there is a path.
    """
    names = ", ".join(sorted(paths))
    if names:
        raise FileChanged(
            f"{names} cannot be put back",
            "an interrupted cautify had begun to change it, and somebody has edited it since",
            f"Nothing was changed. Move your version away, then run `cautify revert`; the original is in {JOURNAL}.",
        )


def roll_back(root: str, journal: Journal, step: Callable[[str], None]) -> tuple[str, ...]:
    """Put everything back as before the transaction, then remove the journal. Returns the paths that were changed.

    Files that somebody else changed are left as they are; see refuse_foreign.
    """
    for path, mode in reversed(journal.removed):
        _remake(place_of(root, path), mode)
        step(f"remake {path}")
    differing = {entry.path for entry in outstanding(root, journal)[0]}
    temporaries = [os.path.join(root, journal.temporary(index)) for index in range(len(journal.entries))]
    for temporary in temporaries:  # all of them first: on a full disk that is the room for the originals
        remove(temporary)
    for temporary, entry in zip(temporaries, journal.entries, strict=True):
        if entry.path in differing:
            place = place_of(root, entry.path)
            if entry.before is None:
                remove(place)
            else:
                os.makedirs(os.path.dirname(place), exist_ok=True)
                like = os.stat(place) if os.path.exists(place) else None
                write_new(temporary, entry.before, like, entry.mode)
                step(f"restage {entry.path}")
                os.replace(temporary, place)
        step(f"restore {entry.path}")
    for path in reversed(journal.made):
        with contextlib.suppress(OSError):  # gone already, or somebody put a file there
            os.rmdir(place_of(root, path))
        step(f"unmake {path}")
    for directory in {os.path.dirname(e.path) for e in journal.entries} | {os.path.dirname(p) for p in journal.made}:
        sync_directory(os.path.join(root, directory))
    discard(root)
    return tuple(sorted(differing - OURS))


def _remake(place: str, mode: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(place)
    if not os.path.islink(place):  # somebody's link, by now, whose target is not ours to change
        os.chmod(place, mode)


def tidy(root: str) -> None:
    """Remove what a process left that died before its journal stood, or after it had gone.

    Raises:
        NotWritable: that cannot be removed.
    """
    try:
        remove(os.path.join(root, _STAGED))
    except OSError as error:
        raise unwritable(_STAGED, error, "removed") from error
