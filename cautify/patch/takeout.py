"""Take a patch out of a Python file by what its code says: no line number, no text of it need be as it was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import libcst as cst

from cautify.analysis.nodes import dotted
from cautify.analysis.syntax import Module
from cautify.model import Edit
from cautify.patch.layout import Change, Rewriter
from cautify.patch.logical import indentation
from cautify.patch.style import Style
from cautify.patch.traces import Words
from cautify.patch.undeclare import without_declarations
from cautify.patch.unimport import aliases, without_imports
from cautify.patch.vendor import CLASS_NAME
from cautify.source import apply_edits, read_source


def taken_out(path: str, data: bytes, words: Words, added: frozenset[str], style: Style) -> bytes:
    """The file without declarations, forwards, wraps and imports of the patch. What it does not know, it leaves.

    ``added`` are names that the patch imported for its own use; they go where nothing uses them any more.

    Raises:
        Unparsable, Undecodable: the file, or what would be left of it, cannot be read.
    """
    steps: tuple[Callable[[Module, bytes], bytes], ...] = (
        lambda module, data: without_declarations(module, data, words),
        lambda module, data: without_wraps(module, data, words, style),
        lambda module, data: without_imports(module, data, words, added),
    )
    for step in steps:
        while True:
            changed = step(Module(read_source(path, data)), data)
            if changed == data:
                break
            data = changed
    return data


def without_wraps(module: Module, data: bytes, words: Words, style: Style) -> bytes:
    """One level of wraps taken off, each laid out as the code around it is."""
    called = runtime_names(module, words)
    found: dict[cst.CSTNode, Change] = {}
    for call in module.calls:
        inner = inner_of(call, called)
        if inner is not None and not any(above in found for above in module.ancestors(call)):
            found[call] = Change(unwrapped=inner)
    if not found:
        return data
    edits = Rewriter(module, style, found).edits()
    return apply_edits(data, [*_kept_comments(module, found), *edits])


def _kept_comments(module: Module, wraps: Mapping[cst.CSTNode, Change]) -> Iterator[Edit]:
    """Comments that somebody put among the arguments of a wrap go above its statement."""
    source = module.source
    for call, change in wraps.items():
        if change.unwrapped is None:
            continue
        (start, end), (first, last) = module.span(call), module.outer_span(change.unwrapped)
        outside = source.slice(start, first), source.slice(last, end)
        comments = [match for text in outside for match in re.findall(r"(?m)^\s*(#.*)$", text)]
        line = source.line_start(module.span(module.statement(call))[0])
        indent = indentation(source.text, len(source.slice(0, line)))
        for comment in comments:
            yield source.edit(line, line, f"{indent}{comment}\n", "revert")


def inner_of(call: cst.Call, called: frozenset[str]) -> cst.BaseExpression | None:
    """The optimizer that a call makes cautious, if it is one that does."""
    name = dotted(call.func)
    if not call.args or not (name in called or name.removesuffix(".wrap") in called):
        return None
    first = call.args[0]
    return first.value if not first.star and (first.keyword is None or first.keyword.value == "optimizer") else None


def runtime_names(module: Module, words: Words) -> frozenset[str]:
    """What the runtime's class is called in a file; its own name, too, in case its import is gone already."""
    names = {CLASS_NAME}
    for statement in module.imports:
        for alias in aliases(statement):
            local = alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else ""
            if isinstance(statement, cst.ImportFrom) and alias.name.value == CLASS_NAME:
                names.add(local or CLASS_NAME)
            elif words.imports(dotted(alias.name)):
                names.add(f"{local or dotted(alias.name)}.{CLASS_NAME}")
    return frozenset(names)
