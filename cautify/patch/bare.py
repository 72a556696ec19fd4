"""An expression without parentheses of its own, where those around it are enough."""

from __future__ import annotations

import libcst as cst

from cautify.analysis.syntax import Module
from cautify.patch.document import Text


def without_parentheses(module: Module, call: cst.CSTNode, inner: cst.CSTNode) -> Text | None:
    """What a call holds, for the place of the call.

    None where its own parentheses are needed, or hold comments, and where strings go over several lines.
    """
    source = module.source
    (start, end), (first, last) = module.span(inner), module.outer_span(inner)
    around = source.slice(first, start) + source.slice(end, last)
    value = source.slice(start, end)
    if not getattr(call, "lpar", ()) or "(" not in around or "#" in around or '"""' in value or "'''" in value:
        return None
    line = source.slice(source.line_start(start), start)
    return Text(value, len(line), line[: len(line) - len(line.lstrip(" \t"))])
