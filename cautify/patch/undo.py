"""Take the patch out of one file: to the byte where nobody touched it, by reading the code again where somebody did."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cautify.analysis.syntax import Unparsable
from cautify.patch.disk import digest
from cautify.patch.document_keys import without_keys, without_pairs
from cautify.patch.hunks import Hunk, placed, put_back
from cautify.patch.logical import Logical, indentation, logical_lines, moved, relaid
from cautify.patch.manifest import original
from cautify.patch.records import FileRecord
from cautify.patch.style import Style
from cautify.patch.takeout import taken_out
from cautify.patch.traces import Words
from cautify.patch.undone import How, Refused, Undone
from cautify.source import Undecodable

# Not "=======": that may be a heading, and never stands without the others.
CONFLICT = re.compile(rb"^(?:<{7} |>{7} )", re.MULTILINE)
_IMPORTED = re.compile(r"\w+")


def undo(
    path: str, data: bytes, record: FileRecord | None, words: Words, style: Style, *, own: bool = False
) -> Undone | Refused:
    """The file at ``path`` without the patch.

    Args:
        path: Where it lies, which says what language it is in.
        data: What it holds now.
        record: What was done to it; None for a file that the manifest does not know.
        words: The names that the patch brought.
        style: The layout of the code around, for what must be laid out anew.
        own: Whether the file used the names for something of its own: only what stands as written can be told then.
    """
    if record is not None and (exact := _exact(data, record)) is not None:
        return Undone(exact, How.EXACT)
    if not words.anywhere(data):
        return Undone(data, How.STRUCTURAL)
    marker = CONFLICT.search(data)
    if marker is not None:
        line = data.count(b"\n", 0, marker.start()) + 1
        return Refused(line, "it has merge conflict markers")
    hunks = record.layers[0] if record is not None and len(record.layers) == 1 else ()
    ours = [hunk for hunk in hunks if (hunk.new if own else _can_be_put_back(path, hunk, words))]
    standing = placed(data, ours)
    found = put_back(data, standing)
    if own:
        why = "it used names of the patch before there was one, and was edited where it was patched"
        return Undone(found, How.STRUCTURAL) if len(standing) == len(ours) else Refused(None, why)
    if path.endswith(".py"):
        code = _reread(path, found, hunks, words, style)
        if isinstance(code, Refused) and found != data:
            code = _reread(path, data, hunks, words, style)
        if isinstance(code, Refused):
            return code
        found = code
    elif path.endswith(".json"):
        found = without_pairs(found, words)
    else:
        found = without_keys(found, words)
    return _left(path, found, data, words, known=record is not None) or Undone(found, How.STRUCTURAL)


def _can_be_put_back(path: str, hunk: Hunk, words: Words) -> bool:
    """Whether lines of ours can be told by their text: not imports, where the blank lines around depend on others."""
    if not hunk.new or not words.anywhere(hunk.new):
        return False
    lines = hunk.new.split(b"\n")
    gap = not lines[0].strip() or (len(lines) > 1 and not lines[-2].strip())
    imports = any(line.startswith((b"from ", b"import ")) for line in lines)
    return bool(hunk.old.strip()) or not (gap or imports) or not path.endswith(".py")


def _exact(data: bytes, record: FileRecord) -> bytes | None:
    """What stood there before, if the file is as it was written, or was given other newlines throughout."""
    if digest(data) == record.before:
        return data
    ways = [(data, b"\n")]
    if data.count(b"\r\n") == data.count(b"\n"):
        ways.append((_with(data, b"\n"), b"\r\n"))
    if b"\r" not in data:
        ways.append((_with(data, b"\r\n"), b"\n"))
    for patched, newline in ways:
        if digest(patched) == record.after:
            try:
                before = original(record, patched)
            except ValueError:
                return None
            return before if patched is data else _with(before, newline)
    return None


def _with(data: bytes, newline: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", newline)


# -- what has to be read again ----------------------------------------------------------------------------------------


def _reread(path: str, data: bytes, hunks: Sequence[Hunk], words: Words, style: Style) -> bytes | Refused:
    added = {name for hunk in hunks for name in _names(hunk.new or b"") - _names(hunk.old)}
    if not hunks:
        added = {name for name in ("field", "Field") if re.search(rf"\b{name}\(".encode(), data)}
    try:
        result = taken_out(path, data, words, frozenset(added), style)
    except (Unparsable, Undecodable) as error:
        line = re.search(r"\bline (\d+)", str(error))
        return Refused(int(line[1]) if line else None, f"it cannot be read: {error}")
    return _laid_out(data, result, hunks)


def _names(text: bytes) -> set[str]:
    return set(_IMPORTED.findall(text.decode("utf-8", "replace")))


def _laid_out(before: bytes, data: bytes, hunks: Sequence[Hunk]) -> bytes:
    """Statements that we changed laid out as they were before the patch, where they say the same or nearly so."""
    if data.count(b"\r\n") == data.count(b"\n") and b"\r" in data:
        return _with(_laid_out(_with(before, b"\n"), _with(data, b"\n"), hunks), b"\r\n")
    try:
        text, known = data.decode("utf-8"), before.decode("utf-8")
    except UnicodeDecodeError:
        return data
    if "\r" in text:
        return data
    originals: dict[tuple[str, ...], list[tuple[str, Logical]]] = {}
    for hunk in hunks:
        old = hunk.old.decode("utf-8", "replace").replace("\r\n", "\n")
        for line in logical_lines(old):
            originals.setdefault(line.shape, []).append((old, line))
    untouched = {known[line.start : line.end] for line in logical_lines(known)}
    parts: list[str] = []
    done = 0
    for line in logical_lines(text):
        if text[line.start : line.end] in untouched:
            continue
        found = _nearest(line, originals.get(line.shape, []))
        if found is not None:
            old, was = found
            again = relaid(old, was, line.tokens)
            parts += (text[done : line.start], moved(again, indentation(old, was.start), indentation(text, line.start)))
            done = line.end
    return "".join([*parts, text[done:]]).encode("utf-8")


def _nearest(line: Logical, candidates: list[tuple[str, Logical]]) -> tuple[str, Logical] | None:
    """The original that differs least from a statement; None where none is near, or two are equally."""
    scored = sorted(
        (sum(a != b for a, b in zip(was.tokens, line.tokens, strict=True)), old[was.start : was.end], number)
        for number, (old, was) in enumerate(candidates)
    )
    if not scored or scored[0][0] * 2 > len(line.tokens):
        return None
    near = [candidates[number] for apart, _, number in scored if apart == scored[0][0]]
    alike = {moved(relaid(old, was, line.tokens), indentation(old, was.start), "") for old, was in near}
    return near[0] if len(alike) == 1 else None


def still_used(path: str, data: bytes, words: Words) -> list[tuple[int, str]]:
    """Where something of the patch is still used, and its name. What only talks of it may stay."""
    text = data.decode("utf-8", "replace")
    if path.endswith(".py"):
        return list(words.in_code(text))
    return list(words.in_text(re.sub(r"(?m)(^|\s)#.*", lambda match: " " * len(match.group()), text)))


def _left(path: str, data: bytes, now: bytes, words: Words, *, known: bool) -> Refused | None:
    """The first place, as it is ``now``, where something of the patch is still used."""
    text = data.decode("utf-8", "replace")
    traces = still_used(path, data, words)
    if not traces:
        return None
    said = [(text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0].strip(), word) for at, word in traces]
    telling = [row for row in said if known and not row[0].startswith(("from ", "import "))]  # an import is ours then
    line, word = (telling or said)[0]
    alike = (n for n, other in enumerate(now.decode("utf-8", "replace").split("\n"), 1) if other.strip() == line)
    return Refused(next(alike, None), f"{word} is used there in a way that cautify did not write")
