"""The diff of a plan in git's format, as raw bytes: what ``git apply`` takes whole, whatever the files are.

Lines end at ``\\n`` only, as git sees them, so that a carriage return is part of its line and comes through. There are
no ``index`` lines: they would name blobs that the target's repository need not hold.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from cautify.model import Action, Edit, FilePlan

_CONTEXT = 3
_REGION_LIMIT = 2000
_NO_NEWLINE = b"\\ No newline at end of file\n"
_QUOTED = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')
_ESCAPES = {7: b"a", 8: b"b", 9: b"t", 10: b"n", 11: b"v", 12: b"f", 13: b"r", 34: b'"', 92: b"\\"}

Block = tuple[int, int, int, int]
"""Lines ``[old_start, old_end)`` become lines ``[new_start, new_end)``."""


def git_diff(files: Iterable[FilePlan]) -> bytes:
    """The whole diff, one section for each file, in the order given."""
    return b"".join(file_diff(file) for file in files)


def file_diff(file: FilePlan) -> bytes:
    """One file's section; empty when nothing changes."""
    before, after = file.before or b"", file.after or b""
    if before == after and file.action is Action.MODIFY:
        return b""
    old_name, new_name = quoted(f"a/{file.path}"), quoted(f"b/{file.path}")
    parts = [b"diff --git %s %s\n" % (old_name, new_name)]
    if file.action is Action.CREATE:
        parts.append(b"new file mode 100644\n")
    elif file.action is Action.DELETE:
        parts.append(b"deleted file mode 100644\n")
    old, new = _lines(before), _lines(after)
    hunks = list(_hunks(old, new, _blocks(old, new, before, file.edits)))
    if hunks:
        parts.append(b"--- %s\n" % (b"/dev/null" if file.action is Action.CREATE else _label(old_name)))
        parts.append(b"+++ %s\n" % (b"/dev/null" if file.action is Action.DELETE else _label(new_name)))
    return b"".join([*parts, *hunks])


def quoted(path: str) -> bytes:
    """A path as git prints it: in double quotes with C escapes when a byte of it is not printable ASCII."""
    raw = os.fsencode(path)
    if not _QUOTED.search(raw):
        return raw
    return b'"' + _QUOTED.sub(lambda m: b"\\" + (_ESCAPES.get(m[0][0]) or b"%03o" % m[0][0]), raw) + b'"'


def _label(name: bytes) -> bytes:
    """A name on a ``---`` or ``+++`` line, where a tab ends one that holds spaces."""
    return name + b"\t" if b" " in name else name


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def _blocks(old: Sequence[bytes], new: Sequence[bytes], before: bytes, edits: Sequence[Edit]) -> list[Block]:
    """The changed blocks. Edits say where to look; without them the two texts are compared."""
    regions = _edited_regions(old, new, before, edits) if edits else [(0, len(old), 0, len(new))]
    blocks: list[Block] = []
    for region in regions:
        blocks += _compare(old, new, region)
    return blocks


def _edited_regions(old: Sequence[bytes], new: Sequence[bytes], before: bytes, edits: Sequence[Edit]) -> list[Block]:
    """Line ranges that hold all edits, each the same on both sides but for them.

    A file's lines outside the edited ones are equal, so each new range follows from how many lines the edits before
    it added. Edits that share a line, or touch, share a range.
    """
    regions: list[Block] = []
    shift = 0
    for edit in sorted(edits):
        start = before.count(b"\n", 0, edit.span.start)
        end = before.count(b"\n", 0, edit.span.end) + 1
        added = edit.replacement.count(b"\n") - before.count(b"\n", edit.span.start, edit.span.end)
        if regions and regions[-1][1] >= start:
            old_start, old_end, new_start, new_end = regions.pop()
            region = (old_start, max(end, old_end), new_start, new_end + max(end, old_end) - old_end + added)
        else:
            region = (start, end, start + shift, end + shift + added)
        regions.append(region)
        shift += added
    return [(a, min(b, len(old)), c, min(d, len(new))) for a, b, c, d in regions]


def _compare(old: Sequence[bytes], new: Sequence[bytes], region: Block) -> Iterator[Block]:
    a, b, c, d = region
    while a < b and c < d and old[a] == new[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and old[b - 1] == new[d - 1]:
        b, d = b - 1, d - 1
    if a == b or c == d or max(b - a, d - c) > _REGION_LIMIT:
        if (a, c) != (b, d):
            yield a, b, c, d
        return
    for tag, i, j, k, m in SequenceMatcher(None, old[a:b], new[c:d], autojunk=False).get_opcodes():
        if tag != "equal":
            yield a + i, a + j, c + k, c + m


def _hunks(old: Sequence[bytes], new: Sequence[bytes], blocks: Sequence[Block]) -> Iterator[bytes]:
    group: list[Block] = []
    for block in blocks:
        if group and block[0] - group[-1][1] > 2 * _CONTEXT:
            yield _hunk(old, new, group)
            group = []
        group.append(block)
    if group:
        yield _hunk(old, new, group)


def _hunk(old: Sequence[bytes], new: Sequence[bytes], blocks: Sequence[Block]) -> bytes:
    lead = min(_CONTEXT, blocks[0][0])
    tail = min(_CONTEXT, len(old) - blocks[-1][1])
    start, new_start = blocks[0][0] - lead, blocks[0][2] - lead
    end, new_end = blocks[-1][1] + tail, blocks[-1][3] + tail
    parts = [b"@@ -%s +%s @@\n" % (_range(start, end), _range(new_start, new_end))]
    at = start
    for a, b, c, d in blocks:
        parts += [_line(b" ", line) for line in old[at:a]]
        parts += [_line(b"-", line) for line in old[a:b]]
        parts += [_line(b"+", line) for line in new[c:d]]
        at = b
    parts += [_line(b" ", line) for line in old[at:end]]
    return b"".join(parts)


def _range(start: int, end: int) -> bytes:
    length = end - start
    first = start + 1 if length else start
    return b"%d" % first if length == 1 else b"%d,%d" % (first, length)


def _line(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n" + _NO_NEWLINE
