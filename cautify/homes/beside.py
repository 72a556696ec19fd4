"""Two more entries, keywords or assignments beside one that is there, in the layout that it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from cautify.analysis.nodes import literal
from cautify.analysis.syntax import Module
from cautify.model import Edit

Table = cst.Dict | cst.Call | cst.List | cst.Tuple


def value_of(table: Table, key: str) -> cst.BaseExpression | None:
    """The value that a dict literal, or a call by a keyword, gives a key."""
    return next((value for name, value in _items(table) if name == key), None)


def entries(
    module: Module, table: Table, after: Iterable[str], new: Sequence[tuple[str, str]], purpose: str, width: int
) -> Edit | None:
    """The edit that adds entries behind the last of those called ``after``, or last; None where there is no place.

    ``new`` are names and the texts of their values; of a list or tuple the names alone count. What stands one to a
    line goes on lines of its own; what is written on one line stays on it while there is room in ``width`` columns.
    """
    items = [(name, value) for name, value in _items(table) if value is not None]
    if not items or not new:
        return None
    wanted = set(after)
    at = max((n for n, (name, _) in enumerate(items) if name in wanted), default=len(items) - 1)
    node = items[at][1]
    assert node is not None
    source = module.source
    end = module.outer_span(node)[1]
    start = module.span(_item(table, node))[0]
    spelled = [_spelled(module, table, name, value) for name, value in new]
    indent = source.slice(source.line_start(start), start)
    rest = source.slice(end, source.line_end(end))
    code = rest.split("#")[0].strip()
    if not indent.strip() and code in ("", ","):
        lines = "".join(f"\n{indent}{text}," for text in spelled)
        if code:
            return source.edit(source.line_end(end), source.line_end(end), lines, purpose)
        return source.edit(end, source.line_end(end), f",{rest}{lines[:-1]}", purpose)
    return _on_one_line(module, table, end, spelled, purpose, width)


def _on_one_line(module: Module, table: Table, end: int, spelled: list[str], purpose: str, width: int) -> Edit:
    source = module.source
    added = "".join(f", {text}" for text in spelled)
    first, last = module.outer_span(table) if isinstance(table, cst.Tuple) else module.span(table)
    line = source.slice(source.line_start(first), source.line_end(last))
    before = source.slice(source.line_start(first), first)
    behind = source.slice(last, source.line_end(last))
    open_before = sum(before.count(c) for c in "([{") - sum(before.count(c) for c in ")]}")
    fits = len(line) + len(added) <= width or len(line) > width or "\n" in line
    if fits or open_before or behind.split("#")[0].strip() not in ("", ","):
        return source.edit(end, end, added, purpose)
    indent = before[: len(before) - len(before.lstrip(" \t"))]
    inner = indent + module.tree.default_indent
    texts: list[str] = []
    for _, value in _items(table):
        if value is None:
            return source.edit(end, end, added, purpose)
        start, stop = module.span(_item(table, value))[0], module.outer_span(value)[1]
        texts.append(source.slice(start, stop))
        if stop == end:
            texts += spelled
    opening, closing = source.slice(first, first + 1), source.slice(last - 1, last)
    if isinstance(table, cst.Call):
        opening = source.slice(first, module.outer_span(table.func)[1]) + "("
    elif opening not in "{[(":
        return source.edit(end, end, added, purpose)
    body = "".join(f"\n{inner}{text}," for text in texts)
    return source.edit(first, last, f"{opening}{body}\n{indent}{closing}", purpose)


def statements(
    module: Module,
    line: cst.SimpleStatementLine,
    lines: Sequence[str],
    purpose: str,
    comments: Sequence[str] = (),
    like: cst.SimpleStatementLine | None = None,
) -> Edit:
    """The edit that adds statements below a line, with comments at the distance that the line ``like`` has."""
    source = module.source
    start, end = module.span(line)
    indent = source.slice(source.line_start(start), start)
    gap = like.trailing_whitespace.whitespace.value if like is not None else "  "
    gap = gap if 0 < len(gap) < 3 else "  "
    texts = [f"{text}{gap}# {note}" for text, note in zip(lines, comments, strict=True)] if comments else lines
    at = source.line_end(end)
    return source.edit(at, at, "".join(f"\n{indent}{text}" for text in texts), purpose)


def alone(module: Module, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
    """The line of an assignment that has it for itself, in an indented block or at the top level."""
    line = module.parents.get(node)
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    return line if isinstance(module.parents.get(line), (cst.IndentedBlock, cst.Module)) else None


def is_plain(node: cst.BaseExpression | None) -> bool:
    """Whether a value is a number, or arithmetic of numbers: a user's own hand."""
    match node:
        case cst.Integer() | cst.Float():
            return True
        case cst.UnaryOperation(expression=inner):
            return is_plain(inner)
        case cst.BinaryOperation(left=left, right=right):
            return is_plain(left) and is_plain(right)
        case cst.Call(func=cst.Name(value="float" | "int"), args=[only]):
            return is_plain(only.value) or literal(only.value) is not None
        case cst.Name(value="None"):
            return True
    return False


def is_flag(value: cst.BaseExpression | None) -> bool:
    """Whether a value is True or False."""
    return isinstance(value, cst.Name) and value.value in ("True", "False")


def is_number(value: cst.BaseExpression | None) -> bool:
    """Whether a value is a number, or arithmetic of numbers."""
    return is_plain(value) and not isinstance(value, cst.Name)


def _items(table: Table) -> list[tuple[str | None, cst.BaseExpression | None]]:
    if isinstance(table, cst.Dict):
        return [
            (literal(e.key), e.value) if isinstance(e, cst.DictElement) else (None, e.value) for e in table.elements
        ]
    if isinstance(table, (cst.List, cst.Tuple)):
        return [(literal(e.value), e.value) for e in table.elements]
    return [(a.keyword.value if a.keyword else None, a.value) for a in table.args]


def _item(table: Table, value: cst.BaseExpression) -> cst.CSTNode:
    every: Sequence[cst.CSTNode] = table.args if isinstance(table, cst.Call) else table.elements
    return next(e for e in every if getattr(e, "value", None) is value)


def _spelled(module: Module, table: Table, name: str, value: str) -> str:
    if isinstance(table, cst.Call):
        return f"{name}={value}"
    if isinstance(table, cst.Dict):
        keys = [e.key for e in table.elements if isinstance(e, cst.DictElement)]
    else:
        keys = [e.value for e in table.elements]
    quoted = next((module.text(k) for k in keys if isinstance(k, cst.SimpleString)), '"')
    quote = "'" if quoted.startswith("'") else '"'
    return f"{quote}{name}{quote}: {value}" if isinstance(table, cst.Dict) else f"{quote}{name}{quote}"
