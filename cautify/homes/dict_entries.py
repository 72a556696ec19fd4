"""More entries in a dict that is written out, beside one that is there."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from cautify.analysis.syntax import Module
from cautify.model import Edit


def entry_edit(
    entry: cst.Arg | cst.DictElement, module: Module, values: Sequence[tuple[str, str]], purpose: str
) -> Edit:
    """The edit that adds entries after one, in its manner: keywords of ``dict()`` or keys in quotes."""
    source = module.source
    first = entry.keyword if isinstance(entry, cst.Arg) else entry.key
    assert first is not None
    start, end = module.outer_span(first)[0], module.outer_span(entry.value)[1]
    line = source.line_start(start)
    before = source.slice(line, start)
    if isinstance(entry, cst.Arg):
        items = [f"{name}={value}" for name, value in values]
    else:
        quote = entry.key.quote[:1] if isinstance(entry.key, cst.SimpleString) else '"'
        items = [f"{quote}{name}{quote}: {value}" for name, value in values]
    if before.strip():
        return source.edit(end, end, "".join(f", {item}" for item in items), purpose)
    rest = source.slice(end, source.line_end(end))
    code = rest.partition("#")[0].strip()
    if code == ",":
        at = source.line_end(end)
        return source.edit(at, at, "".join(f"\n{before}{item}," for item in items), purpose)
    return source.edit(end, end, "".join(f",\n{before}{item}" for item in items), purpose)
