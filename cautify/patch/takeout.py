"""Take a patch out of a Python file by what its code says: no line number, no text of it need be as it was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import libcst as cst

from cautify.analysis.nodes import dotted
from cautify.analysis.syntax import Module
from cautify.model import Edit
from cautify.patch.layout import Change, Rewriter
from cautify.patch.logical import comments_in, indentation
from cautify.patch.style import Style
from cautify.patch.traces import Words
from cautify.patch.undeclare import without_declarations
from cautify.patch.unimport import aliases, without_imports
from cautify.patch.vendor import CLASS_NAME
from cautify.source import apply_edits, read_source

_CLOSERS = re.compile(r"[ \t)\]},:]*")


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
    module = Module(read_source(path, data))
    for step in steps:
        while (changed := step(module, data)) != data:
            data, module = changed, Module(read_source(path, changed))
    return data


def without_wraps(module: Module, data: bytes, words: Words, style: Style) -> bytes:
    """One level of wraps taken off, each laid out as the code around it is."""
    called = runtime_names(module, words)
    found: dict[cst.CSTNode, Change] = {}
    said = {name.rpartition(".")[2] for name in called}
    for call in module.calls_where(lambda body: any(name in body.text for name in said)):
        inner = inner_of(call, called)
        if inner is not None and not any(above in found for above in module.ancestors(call)):
            found[call] = Change(unwrapped=inner)
    if not found:
        return data
    edits = Rewriter(module, style, found).edits()
    return apply_edits(data, [*_kept_comments(module, found, edits), *edits])


def _kept_comments(module: Module, wraps: Mapping[cst.CSTNode, Change], edits: Sequence[Edit]) -> Iterator[Edit]:
    """Comments that somebody put among the arguments of a wrap: what trails code trails the line of what is left.

    Those that stand alone, and all where that line goes on, go above the statement.
    """
    source = module.source
    for call, change in wraps.items():
        if change.unwrapped is None:
            continue
        (start, end), (first, last) = module.span(call), module.outer_span(change.unwrapped)
        line, closed = source.line_start(module.span(module.statement(call))[0]), source.line_end(end)
        indent = indentation(source.text, len(source.slice(0, line)))
        behind = source.edit(closed, closed, "", "revert").span.start
        room = _CLOSERS.fullmatch(source.slice(end, closed)) is not None
        room = room and not any(edit.span.start < behind < edit.span.end for edit in edits)
        trailing = []
        for text in (source.slice(start, first), source.slice(last, end)):
            for at, comment in comments_in(text):
                if room and text[text.rfind("\n", 0, at) + 1 : at].strip(" \t"):
                    trailing.append(f"  {comment}")
                else:
                    yield source.edit(line, line, f"{indent}{comment}\n", "revert")
        if trailing:
            yield source.edit(closed, closed, "".join(trailing), "revert")


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
