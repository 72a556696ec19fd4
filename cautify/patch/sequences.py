"""Take items out of a list with commas: arguments, parameters, elements, imported names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cautify.source import Source

_COMMA = re.compile(rb"(?:\s|#[^\n]*\n)*,")
_REST_OF_LINE = re.compile(rb"[ \t]*,?[ \t]*(?:#[^\n]*)?(?:\n|$)")


@dataclass(frozen=True)
class Part:
    """One item: where it starts and ends in the normalised text, without its comma, and whether it goes."""

    start: int
    end: int
    goes: bool


def without(source: Source, parts: Sequence[Part]) -> Iterator[tuple[int, int, str]]:
    """The cuts that leave the other items as they stand: with their lines, commas and comments."""
    text = source.utf8
    at = 0
    while at < len(parts):
        if not parts[at].goes:
            at += 1
            continue
        last = at
        while last + 1 < len(parts) and parts[last + 1].goes:
            last += 1
        start, end = parts[at].start, parts[last].end
        comma = _COMMA.match(text, end)
        behind = comma.end() if comma else end
        opens_line = not text[source.line_start(start) : start].strip()
        rest = _REST_OF_LINE.match(text, end)
        if last + 1 < len(parts):
            if opens_line and rest is not None and parts[last + 1].start >= rest.end():
                yield source.line_start(start), rest.end(), ""
            else:
                yield start, parts[last + 1].start, ""
        elif at == 0:
            yield start, behind, ""
        elif opens_line and rest is not None:
            if comma is None:
                before = _COMMA.match(text, parts[at - 1].end)
                if before is not None:
                    yield before.end() - 1, before.end(), ""
            yield source.line_start(start), rest.end(), ""
        elif b"#" in text[parts[at - 1].end : start]:
            yield start, behind, ""
        else:
            yield parts[at - 1].end, end, ""
        at = last + 1
