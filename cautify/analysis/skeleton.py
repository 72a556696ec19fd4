"""A file's text with a mark in the place of each function's body, and these bodies: what ``ast`` is asked to find."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

import libcst as cst

from cautify.analysis.deferred import MARK, OUTSIDE, STAR, Body, Deferred
from cautify.analysis.direct import named_defaults, parsed

_SMALL = 160  # characters; parsing less at once is cheaper than coming back for it
_PART = 600
_DEEPEST = 200
_BRACKET = re.compile(r"[()\[\]{}]")


def skeleton(text: str) -> tuple[cst.Module, list[Deferred]]:
    """The tree without the bodies of functions, and these; or all of it where libcst does not accept it so.

    Raises what libcst raises.
    """
    short, bodies = outline(text)
    if bodies:
        try:
            return cst.parse_module(short), bodies
        except (cst.ParserSyntaxError, cst.CSTValidationError):
            pass
    elif MARK not in text and _depth(text) > _DEEPEST:
        raise RecursionError("more brackets in brackets than Python itself allows")  # libcst's parser would overflow
    return cst.parse_module(text), []


def _depth(text: str) -> int:
    """How deep brackets are nested at most, those in strings and comments counted too. Only for what ast refuses."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def outline(text: str) -> tuple[str, list[Deferred]]:
    """The text with a mark in the place of each function's body, and these bodies, numbered by the marks."""
    tree = parsed(text) if MARK not in text else None
    if tree is None:
        return text, []
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    bodies: list[Deferred] = []
    pieces: list[str] = []
    done = 0
    outside = any(word in text for word in ("global", "nonlocal")) or STAR.search(text) is not None
    for function in _functions(tree.body):
        body = _body(function, text, lines, starts, done, outside)
        if body is not None:
            pieces += (text[done : body.parts[0].start], f"{body.indent}{MARK}{len(bodies)}")
            done = body.parts[-1].end
            bodies.append(body)
    return "".join([*pieces, text[done:]]), bodies


def _functions(statements: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions and methods that stand in no other, in order."""
    for node in statements:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node
            case ast.ClassDef() | ast.With():
                yield from _functions(node.body)
            case ast.If() | ast.For() | ast.While():
                yield from _functions(node.body)
                yield from _functions(node.orelse)
            case ast.Try():
                yield from _functions(node.body)
                for handler in node.handlers:
                    yield from _functions(handler.body)
                yield from _functions(node.orelse)
                yield from _functions(node.finalbody)
            case _:
                pass


def _body(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    text: str,
    lines: list[str],
    starts: list[int],
    begin: int,
    outside: bool,
) -> Deferred | None:
    """The body of a function, if it fills whole lines and is not too short.

    ``outside`` says whether anything in the file may bind names outside of its own function.
    """
    first, last = function.body[0], function.body[-1]
    top, bottom = _first_line(first) - 1, _last_line(last) - 1
    start, end = starts[top], starts[bottom] + len(lines[bottom])
    if end - start < _SMALL or top < function.lineno:
        return None
    indent = lines[top][: len(lines[top]) - len(lines[top].lstrip())]
    if not _begins_line(first, indent) or lines[top - 1].endswith("\\") or not _ends_line(last, lines):
        return None
    below = start
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    if documented and (len(function.body) == 1 or function.body[1].lineno > _last_line(first)):
        below = starts[_last_line(first)]
    parameters = frozenset(a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg))
    # what is bound elsewhere depends on all of it
    whole_only = outside and OUTSIDE.search(text, start, end) is not None
    whole = Deferred(begin, indent, parameters, frozenset(named_defaults(function.args)), whole_only)
    cuts = () if whole_only else _cuts(function.body, indent, lines, starts, start, end)
    first_of = 0
    for cut, number in [*cuts, (end, len(function.body))]:
        lines_of = text[start:cut]
        code = lines_of if below <= start else lines_of[below - start :]
        whole.parts.append(Body(start, cut, lines_of, code, whole, function.body[first_of:number]))
        start, first_of = cut + 1, number
    return whole


def _cuts(
    statements: list[ast.stmt], indent: str, lines: list[str], starts: list[int], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Where a body may be cut, and behind how many statements. A comment that may belong above allows no cut."""
    for number, (above, below) in enumerate(pairwise(statements), 1):
        bottom = _last_line(above)
        cut = starts[bottom] - 1
        if cut - start < _PART or end - cut < _SMALL:
            continue
        between = lines[bottom : _first_line(below) - 1]
        apart = all(not line.strip() or line.startswith(f"{indent}#") for line in between)
        if apart and _first_line(below) > bottom and _begins_line(below, indent) and _ends_line(above, lines):
            yield cut, number
            start = cut + 1


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min((statement.lineno, *(d.lineno for d in decorators)))


def _last_line(statement: ast.stmt) -> int:
    return statement.end_lineno or statement.lineno


def _begins_line(statement: ast.stmt, indent: str) -> bool:
    return bool(getattr(statement, "decorator_list", ())) or statement.col_offset == len(indent)


def _ends_line(statement: ast.stmt, lines: list[str]) -> bool:
    after = lines[_last_line(statement) - 1].encode("utf-8")[statement.end_col_offset :].lstrip()
    return after[:1] in (b"", b"#", b";") and b"\\" not in after
