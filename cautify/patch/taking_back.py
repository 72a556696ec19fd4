"""Take the patch out of a whole tree, in memory: the recorded files, and others into which what it wrote has moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from cautify.analysis.discover import discover, is_plan
from cautify.errors import CautifyError
from cautify.homes import ENABLED
from cautify.model import Action, Options
from cautify.patch.disk import digest, read
from cautify.patch.merging import merged
from cautify.patch.records import FileRecord, Manifest
from cautify.patch.style import style_for
from cautify.patch.traces import STEM, Words, narrowed
from cautify.patch.undo import CONFLICT, still_used, undo
from cautify.patch.undone import How, Refused, TakenBack, Undone
from cautify.patch.vendor import state


def words_of(recorded: Manifest | None) -> Words:
    """The names that a patch brought: those of its options, as far as it wrote them."""
    if recorded is None:
        return Words()
    stems = frozenset({STEM, *(PurePosixPath(path).stem for path in recorded.runtimes)})
    words = Words(recorded.options.flag_name or ENABLED, modules=stems)
    written = [hunk.new for record in recorded.files for layer in record.layers for hunk in layer]
    if any(text is None for text in written):
        return words  # a manifest of the first schema does not say what was written
    return narrowed(words, [text for text in written if text is not None])


def taken_back(root: Path, recorded: Manifest | None, patched: Mapping[str, bytes | None]) -> TakenBack:
    """Undo the patch in every file that has something of it, without writing.

    Args:
        root: The tree.
        recorded: What is known of the patch; None if its manifest is lost.
        patched: What recorded files held when the patch was whole, where the disk does not say so.
    """
    words = words_of(recorded)
    records = {r.path: r for r in recorded.files if r.action is not Action.CREATE} if recorded else {}
    runtimes = frozenset(recorded.runtimes) if recorded else frozenset()
    now, gone = {}, []
    for path in records:
        data = patched[path] if path in patched else read(root, path)
        if data is None:
            gone.append(path)
        else:
            now[path] = data
    mentioned: list[tuple[str, int]] = []
    own = frozenset(recorded.own) if recorded else frozenset()
    found = discover(root, Options())
    for path, data in _others(root, (*found.files, *found.documents), {*records, *runtimes, *own}, words):
        if path.endswith((".py", ".yaml", ".yml", ".json")):
            now[path] = data
        else:
            text = data.decode("utf-8", "replace")
            mentioned.append((path, text.count("\n", 0, next(words.in_text(text))[0]) + 1))
    files = {}
    for path, data in sorted(now.items()):
        style = style_for((root / path).resolve().parent, root.resolve())
        record = records.get(path) or _moved(path, data, gone, records)
        undone = undo(path, data, record, words, style, own=path in own)
        if isinstance(undone, Refused) and path in records:
            undone = _merged(root, path, data, records[path], words, own=path in own) or undone
        if path not in records and isinstance(undone, Undone):
            undone = Undone(undone.data, How.STRUCTURAL)
        files[path] = undone
    lost = any(read(root, path) is None for path in runtimes)
    copies = _copies(root, found.files, runtimes) if lost else {}
    return TakenBack(now, files, tuple(gone), copies, tuple(mentioned))


def _others(root: Path, every: Iterable[str], known: set[str], words: Words) -> Iterator[tuple[str, bytes]]:
    """Files that nothing records and that name what the patch brought."""
    for path in every:
        if path in known:
            continue
        try:
            data = read(root, path)
        except CautifyError:
            continue
        if data is None or is_plan(data):
            continue
        if words.anywhere(data) and b"# cautify-runtime:" not in data[:4096]:
            yield path, data


def _merged(root: Path, path: str, data: bytes, record: FileRecord, words: Words, *, own: bool) -> Undone | None:
    """The file as git's merge has it, if nothing of the patch is left in it."""
    result = merged(root, path, data, record) if not CONFLICT.search(data) else None
    if result is None or (not own and still_used(path, result, words)):
        return None
    return Undone(result, How.MERGED)


def _copies(root: Path, every: Iterable[str], known: frozenset[str]) -> dict[str, bytes]:
    """Unchanged copies of the runtime that nothing records: it went to another place, with what imports it."""
    copies = {}
    names = {PurePosixPath(path).name for path in known}
    for path in every:
        if path not in known and PurePosixPath(path).name in names:
            data = read(root, path)
            if data is not None and state(data, path) in ("current", "older"):
                copies[path] = data
    return copies


def _moved(path: str, data: bytes, gone: list[str], records: Mapping[str, FileRecord]) -> FileRecord | None:
    """The record of a file that went under another name, or what is known of all that are gone."""
    for lost in gone:
        if records[lost].after == digest(data):
            return records[lost]
    layers = [layer for lost in gone for layer in records[lost].layers]
    hunks = tuple(sorted(hunk for layer in layers for hunk in layer))
    return FileRecord(path, Action.MODIFY, "", "", (hunks,)) if hunks else None
