"""The nodes of a syntax tree that mean something, and what names and strings among them say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache

import libcst as cst

_SKIPPED: tuple[str, ...] = (
    *("whitespace", "lpar", "rpar", "leading_lines", "lines_after", "trailing_", "header", "footer", "indent"),
    *("comma", "semicolon", "equal", "operator", "dot", "colon", "newline"),
)

_LEAVES = frozenset({type(None), str, bool, cst.MaybeSentinel})


@cache
def _child_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(
        f.name
        for f in fields(kind)
        if not f.name.startswith(_SKIPPED) and f.name not in ("encoding", "value_type", "asynchronous")
    )


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The child nodes that mean something: no white space, commas, parentheses or operators."""
    for name in _child_fields(type(node)):
        value = getattr(node, name)
        kind = type(value)
        if kind is tuple or kind is list:
            yield from value
        elif kind not in _LEAVES:
            yield value


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """``node`` and all that is in it, in source order of siblings."""
    yield node
    for child in children(node):
        yield from walk(child)


def dotted(node: cst.CSTNode | None) -> str:
    """``a.b.c`` for a name or a chain of attributes, else the empty string."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ""
    return ".".join([node.value, *reversed(parts)])


def last_name(node: cst.CSTNode | None) -> str:
    """``c`` of ``a.b.c``, whatever ``a.b`` is, or a name itself; else the empty string."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def keywords(call: cst.Call) -> set[str]:
    """The names of a call's keyword arguments."""
    return {a.keyword.value for a in call.args if a.keyword is not None}


def literal(node: cst.CSTNode | None) -> str | None:
    """The value of a plain string literal, or None."""
    if type(node) is cst.SimpleString and node.value[0] in "\"'" and "\\" not in node.value:
        quotes = 3 if node.value[1:3] == node.value[0] * 2 and len(node.value) > 5 else 1
        return node.value[quotes:-quotes]  # to evaluate it is fifty times slower
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def small_statements(function: cst.FunctionDef) -> list[cst.BaseSmallStatement] | None:
    """The statements of a function's body, where none of them has a body of its own; else None."""
    body = function.body
    if isinstance(body, cst.SimpleStatementSuite):
        return list(body.body)
    if not all(isinstance(s, cst.SimpleStatementLine) for s in body.body):
        return None
    return [small for line in body.body if isinstance(line, cst.SimpleStatementLine) for small in line.body]
