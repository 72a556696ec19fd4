"""What was done to a file as pairs of whole lines: exact by offset, found again by content where the file moved on."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from cautify.model import Edit, Span
from cautify.patch.logical import logical_lines
from cautify.source import apply_edits


@dataclass(frozen=True, order=True)
class Hunk:
    """Lines that cautify wrote, and those that stood there before.

    ``span`` is where ``new`` lies in the patched file. ``new`` is None in manifests that did not record it yet.
    """

    span: Span
    old: bytes
    new: bytes | None

    def back(self) -> Edit:
        """The edit that undoes it."""
        return Edit(self.span, self.old)


def hunks_between(before: bytes, after: bytes) -> tuple[Hunk, ...]:
    """The lines in which two versions of a file differ. Where a statement changed, all its lines are taken together."""
    old, new = _lines(before), _lines(after)
    changed = _over_gaps(list(_changed(old, new)), old)
    blocks = _wider(changed, _statements(before), _statements(after))
    starts = [0]
    for line in new:
        starts.append(starts[-1] + len(line))
    return tuple(Hunk(Span(starts[c], starts[d]), b"".join(old[a:b]), b"".join(new[c:d])) for a, b, c, d in blocks)


def placed(data: bytes, hunks: Sequence[Hunk]) -> dict[Hunk, int]:
    """The 1-based line at which each group of lines stands as it was written, whatever newlines it has now.

    Of groups that are alike, all are found or none, in their order. The others are left out.
    """
    bare = [line.rstrip(b"\r\n") for line in _lines(data)]
    found: dict[Hunk, int] = {}
    done = 0
    for hunk in sorted(hunks):
        if not hunk.new:
            continue
        sought = [line.rstrip(b"\r\n") for line in _lines(hunk.new)]
        alike = sum(other.new == hunk.new for other in hunks)
        places = [at for at in range(len(bare) - len(sought) + 1) if bare[at : at + len(sought)] == sought]
        later = [at for at in places if at >= done]
        if len(places) == alike and later:
            found[hunk] = later[0] + 1
            done = later[0] + len(sought)
    return found


def put_back(data: bytes, hunks: Mapping[Hunk, int]) -> bytes:
    """The file with each of these groups of lines, at its line, replaced by what stood there before."""
    lines = _lines(data)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    usual = b"\r\n" if 2 * data.count(b"\r\n") > len(lines) else b"\n"
    edits = []
    for hunk, place in hunks.items():
        first, number = place - 1, len(_lines(hunk.new or b""))
        old = hunk.old
        if hunk.new != data[starts[first] : starts[first + number]]:
            old = _with_ends_of(old, lines[first : first + number], usual)
        if not lines[first + number - 1].endswith(b"\n"):
            old = old.removesuffix(b"\n").removesuffix(b"\r")
        edits.append(Edit(Span(starts[first], starts[first + number]), old, "revert"))
    return apply_edits(data, edits)


def _with_ends_of(text: bytes, lines: Sequence[bytes], usual: bytes) -> bytes:
    """A text with the newlines that its lines have among ``lines``; those that are not there have the usual one."""
    ends = {line.strip(): line[len(line.rstrip(b"\r\n")) :] for line in lines if line.endswith(b"\n")}
    return b"".join(line.rstrip(b"\r\n") + ends.get(line.strip(), usual) for line in _lines(text))


def _lines(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def _changed(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[tuple[int, int, int, int]]:
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    matcher = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield a + head, b + head, c + head, d + head


def _over_gaps(blocks: list[tuple[int, int, int, int]], old: Sequence[bytes]) -> list[tuple[int, int, int, int]]:
    """Blocks joined where only blank lines are between them: to which of them those belong cannot be told."""
    joined: list[tuple[int, int, int, int]] = []
    for a, b, c, d in blocks:
        if joined and not b"".join(old[joined[-1][1] : a]).strip():
            first, _, third, _ = joined.pop()
            a, c = first, third
        joined.append((a, b, c, d))
    return joined


def _statements(data: bytes) -> list[tuple[int, int]]:
    """Half-open ranges of the lines of each statement that has several."""
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    found = []
    for logical in logical_lines(text):
        first, last = bisect_right(starts, logical.start) - 1, bisect_right(starts, logical.end) - 1
        if last > first:
            found.append((first, last + 1))
    return found


def _wider(
    blocks: list[tuple[int, int, int, int]], old: Sequence[tuple[int, int]], new: Sequence[tuple[int, int]]
) -> list[tuple[int, int, int, int]]:
    """Blocks that hold statements whole, joined where they meet. Between blocks both sides have the same lines."""
    while True:
        joined: list[tuple[int, int, int, int]] = []
        for number, (a, b, c, d) in enumerate(blocks):
            room_above = a - (blocks[number - 1][1] if number else 0)
            room_below = (blocks[number + 1][0] if number + 1 < len(blocks) else b + 1_000_000_000) - b
            up = min(room_above, max(_above(a, old), _above(c, new)))
            down = min(room_below, max(_below(b, old), _below(d, new)))
            block = (a - up, b + down, c - up, d + down)
            if joined and block[0] <= joined[-1][1]:
                block = (joined[-1][0], block[1], joined[-1][2], block[3])
                joined.pop()
            joined.append(block)
        if joined == blocks:
            return joined
        blocks = joined


def _above(line: int, statements: Sequence[tuple[int, int]]) -> int:
    """How many lines above a boundary belong to a statement that it cuts."""
    return max((line - first for first, last in statements if first < line < last), default=0)


def _below(line: int, statements: Sequence[tuple[int, int]]) -> int:
    return max((last - line for first, last in statements if first < line < last), default=0)
