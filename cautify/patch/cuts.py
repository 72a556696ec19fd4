"""Cut statements out of a file: whole lines, with what explains them, and the blank lines that then are too many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from cautify.analysis.syntax import Module
from cautify.patch.traces import explains_switch
from cautify.source import apply_edits

Cut = tuple[int, int, str]
"""Start and end in the normalised text, and what stands there instead."""


def small_without(module: Module, body: Sequence[cst.CSTNode], gone: Sequence[cst.CSTNode]) -> Iterator[Cut]:
    """Cut statements out of a line that holds several; where none is left, it holds ``pass``."""
    spans = [module.span(small) for small in body]
    staying = [number for number, small in enumerate(body) if small not in gone]
    if not staying:
        yield spans[0][0], spans[-1][1], "pass"
        return
    for number, small in enumerate(body):
        if small in gone and number + 1 < len(spans):
            yield spans[number][0], spans[number + 1][0], ""
        elif small in gone:
            yield spans[staying[-1]][1], spans[number][1], ""


def lines_without(module: Module, gone: Sequence[cst.CSTNode]) -> Iterator[Cut]:
    """Cut whole statements, with the comments above that explain them, and the blank lines that then are too many."""
    source = module.source
    text = source.utf8
    runs: list[list[int]] = []
    for node in sorted(gone, key=module.span):
        start, end = source.line_start(module.span(node)[0]), source.line_end(module.span(node)[1])
        end = min(end + 1, len(text))
        while start and explains_switch(_comment(text, source.line_start(start - 1), start)):
            start = source.line_start(start - 1)
        if runs and not text[runs[-1][1] : start].strip():
            runs[-1][1] = end
        else:
            runs.append([start, end])
    for start, end in runs:
        above = start
        while above and not text[source.line_start(above - 1) : above].strip():
            above = source.line_start(above - 1)
        below = end
        while below < len(text) and not text[below : source.line_end(below) + 1].strip():
            below = source.line_end(below) + 1
        head = text[:above].rstrip(b" \t\n")
        imports = text[start:end].lstrip().startswith((b"from ", b"import ")) and head.endswith((b'"""', b"'''"))
        if below > end and start == above and (head.endswith(b":") or imports):
            end = min(below, len(text))  # nothing stands above it in its block, or only what it is about
        elif start > above and below > end:  # a gap on either side: the wider one stays
            if text.count(b"\n", above, start) <= text.count(b"\n", end, below):
                start = above
            else:
                end = min(below, len(text))
        yield start, end, ""


def _comment(text: bytes, start: int, end: int) -> str:
    line = text[start:end].decode("utf-8").strip()
    return line if line.startswith("#") else ""


def spliced(module: Module, data: bytes, cuts: Sequence[Cut]) -> bytes:
    """The file after the cuts; one that lies within another is left for the next round."""
    edits = []
    done = -1
    for start, end, text in sorted(set(cuts), key=lambda cut: (cut[0], -cut[1])):
        if start >= done:
            edits.append(module.source.edit(start, end, text, "revert"))
            done = end
    return apply_edits(data, edits)
