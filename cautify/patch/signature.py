"""Keyword-only parameters that a function gains, laid out as its signature is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import libcst as cst

from cautify.analysis.syntax import Module
from cautify.model import Edit
from cautify.patch.document import Printer, filled
from cautify.patch.layout import visible
from cautify.patch.style import Style

Span = tuple[int, int]

_TYPE_COMMENT = re.compile(r"[^\n]*\n?\s*#\s*type:\s*\(")
_HANGING = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+\w+\([^\n()#]+,[ \t]*$", re.MULTILINE)
_EXPLODED = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+\w+\([ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Signature:
    """The parentheses of a ``def``: where they open and close in the buffer, and what stands between, in order.

    ``items`` are the spans of all that commas separate: parameters with their stars, and the marks ``/`` and ``*``.
    """

    open: int
    close: int
    items: tuple[Span, ...]
    commented: bool


def signature(module: Module, function: cst.FunctionDef) -> Signature:
    """The place of a function's parameters."""
    text = module.source.utf8
    name = function.name if function.type_parameters is None else function.type_parameters
    opened = text.index(b"(", module.span(name)[1])
    params = function.params
    nodes = [*params.posonly_params, *params.params, *params.kwonly_params]
    nodes += [p for p in (params.star_arg, params.star_kwarg) if isinstance(p, cst.Param)]
    items: list[Span] = []
    at, commented = opened + 1, False
    for start, end in sorted(_with_star(module, node) for node in nodes):
        at, marks, comment = _between(text, at, start)
        items += [*marks, (start, end)]
        at, commented = end, commented or comment
    close, marks, comment = _between(text, at, None)
    return Signature(opened, close, (*items, *marks), commented or comment)


def with_parameters(
    module: Module,
    function: cst.FunctionDef,
    added: tuple[str, ...],
    beside: frozenset[str],
    style: Style,
    star: bool = True,
) -> Edit | None:
    """The edit that gives a function keyword-only parameters, or None where comments forbid it.

    They go after the last keyword-only parameter that is named in ``beside``, else after the last one, always before
    ``**kwargs``. Without ``star`` they are plain parameters where the others are. A comment forbids it where it gives
    the types of all parameters, or is all that stands between the parentheses.
    """
    source, params = module.source, function.params
    place = signature(module, function)
    if _TYPE_COMMENT.match(source.text[len(source.slice(0, place.close)) :]):
        return None
    starred = params.kwonly_params or isinstance(params.star_arg, cst.Param) or not star
    new = added if starred else ("*", *added)
    where = _after(module, function, place, beside)
    inside = source.slice(place.open + 1, place.close)
    if not place.commented:
        old = [source.slice(*span) for span in place.items]
        page = _Page.of(module, place, style)
        if page.shown(old, _is_magic(inside, style)) == inside:
            shown = page.shown([*old[:where], *new, *old[where:]], _is_magic(inside, style))
            fits = "\n" not in shown
            if fits or "\n" in inside or not _hangs(module):
                return _smallest(module, place, where, inside, shown)
    if not place.items:
        return None if place.commented else source.edit(place.open + 1, place.close, ", ".join(new), "parameter")
    if not where:
        return _before_rest(module, place, new)
    if "\n" in inside:
        return _on_lines(module, place, where, new, style)
    return _on_one_line(module, place, where, new, style)


# -- as a formatter has it ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Page:
    """What stands around the parameters: on their line before and behind them, and how long lines may be."""

    head: str
    tail: str
    indent: str
    unit: str
    width: int

    @classmethod
    def of(cls, module: Module, place: Signature, style: Style) -> _Page:
        source = module.source
        head = source.slice(source.line_start(place.open), place.open + 1)
        tail = source.slice(place.close, source.line_end(place.close))
        indent = head[: len(head) - len(head.lstrip(" \t"))]
        return cls(head, tail, indent, module.tree.default_indent, style.line_length)

    def shown(self, items: list[str], magic: bool) -> str:
        """What ruff format and black write between the parentheses."""
        line = ", ".join(items)
        opens = self.tail.rstrip().endswith(("[", "("))  # a return annotation over several lines takes these along
        deeper = self.indent + self.unit
        if not items or (not magic and not opens and "\n" not in line and self._fits(self.head + line, self.tail)):
            return line
        if not magic and "\n" not in line and self._fits(deeper + line):
            return f"\n{deeper}{line}\n{self.indent}"
        return "".join(f"\n{deeper}{item}," for item in items) + f"\n{self.indent}"

    def _fits(self, line: str, tail: str = "") -> bool:
        size = Printer(self.width, self.unit).size
        return size(line) + size(visible(tail)) <= self.width


def _is_magic(inside: str, style: Style) -> bool:
    """Whether there is a trailing comma that keeps a formatter from joining the lines."""
    return inside.rstrip().endswith(",") and not style.skip_magic_trailing_comma


def _smallest(module: Module, place: Signature, where: int, inside: str, shown: str) -> Edit:
    """The change from one text between the parentheses to another: an insertion, if it is one."""
    source = module.source
    if where:
        end = place.items[where - 1][1]
        for at in (_behind_comma(source.utf8, end), end):
            if at is None:
                continue
            kept, rest = source.slice(place.open + 1, at), source.slice(at, place.close)
            if shown.startswith(kept) and shown.endswith(rest) and len(shown) >= len(inside):
                return source.edit(at, at, shown[len(kept) : len(shown) - len(rest)], "parameter")
    return source.edit(place.open + 1, place.close, shown, "parameter")


# -- as its author has it ----------------------------------------------------------------------------------------------


def _on_lines(module: Module, place: Signature, where: int, new: tuple[str, ...], style: Style) -> Edit:
    """Into a signature that is on several lines: one a line if the others are."""
    source = module.source
    start, end = place.items[where - 1]
    indent = source.slice(source.line_start(start), start)
    comma = _behind_comma(source.utf8, end)
    stop = end if comma is None else comma
    rest = source.slice(stop, source.line_end(stop))
    ends_line = not rest.strip() or rest.lstrip().startswith("#")
    starts = [source.line_start(item[0]) for item in place.items]
    one_a_line = len(set(starts)) == len(starts)
    column = indent if not indent.strip() else " " * _column(module, place)
    text = (f",\n{column}" if one_a_line else ", ").join(new)
    if comma is not None and ends_line:
        return source.edit(source.line_end(stop), source.line_end(stop), f"\n{column}{text},", "parameter")
    if comma is None and rest.lstrip().startswith("#"):
        return source.edit(end, source.line_end(end), f",{rest}\n{column}{text}", "parameter")
    if not one_a_line:
        return _filled(module, end, new, column, style)
    return source.edit(end, end, f",\n{column}{text}", "parameter")


def _on_one_line(module: Module, place: Signature, where: int, new: tuple[str, ...], style: Style) -> Edit:
    """Into a signature on one line that no formatter wrote: it keeps its text, and is broken where it gets too long."""
    source = module.source
    page = _Page.of(module, place, style)
    end = place.items[where - 1][1]
    before, after = source.slice(place.open + 1, end), source.slice(end, place.close)
    text = f"{before}, {', '.join(new)}{after}"
    size = Printer(page.width, page.unit).size
    if size(page.head + text) + size(page.tail.split("#")[0].rstrip()) <= page.width:
        return source.edit(end, end, f", {', '.join(new)}", "parameter")
    if _hangs(module):
        return _filled(module, end, new, " " * _column(module, place), style)
    deeper = page.indent + page.unit
    if size(deeper + text.strip()) <= page.width:
        shown = f"\n{deeper}{text.strip()}\n{page.indent}"
    else:
        items = [source.slice(*span) for span in place.items]
        items[where:where] = new
        shown = "".join(f"\n{deeper}{item}," for item in items) + f"\n{page.indent}"
    return source.edit(place.open + 1, place.close, shown, "parameter")


def _filled(module: Module, end: int, new: tuple[str, ...], column: str, style: Style) -> Edit:
    """Behind an item, on its line while there is room. The star stays with the first that it is about."""
    source = module.source
    items = [f"*, {new[1]}", *new[2:]] if new[0] == "*" else list(new)
    behind = source.slice(end, source.line_end(end)).split("#")[0].rstrip()
    text = filled(items, source.position(end)[1], column, style.line_length, len(behind))
    return source.edit(end, end, text, "parameter")


def _before_rest(module: Module, place: Signature, new: tuple[str, ...]) -> Edit:
    """In front of ``**kwargs``, where that is all there is."""
    source = module.source
    start = place.items[0][0]
    indent = source.slice(source.line_start(start), start)
    between = ", " if indent.strip() else f",\n{indent}"
    return source.edit(start, start, "".join(f"{item}{between}" for item in new), "parameter")


def _hangs(module: Module) -> bool:
    """Whether the file's signatures of several lines mostly begin on the line of their ``def``."""
    text = module.source.text
    return len(_HANGING.findall(text)) > len(_EXPLODED.findall(text))


def _column(module: Module, place: Signature) -> int:
    """The column at which the first parameter stands."""
    source = module.source
    first = place.items[0][0]
    return len(source.slice(source.line_start(first), first))


# -- what stands where -------------------------------------------------------------------------------------------------


def _after(module: Module, function: cst.FunctionDef, place: Signature, beside: frozenset[str]) -> int:
    """How many of the items stand before the added ones."""
    params = function.params
    named = [p for p in params.kwonly_params if p.name.value in beside]
    if named:
        return place.items.index(_with_star(module, named[-1])) + 1
    return len(place.items) - isinstance(params.star_kwarg, cst.Param)


def _with_star(module: Module, node: cst.Param) -> Span:
    """The span of a parameter, from its star to the end of its default."""
    start, end = module.span(node.name)
    if node.annotation is not None:
        end = module.outer_span(node.annotation.annotation)[1]
    if node.default is not None:
        end = module.outer_span(node.default)[1]
    stars = len(node.star) if isinstance(node.star, str) else 0
    return (module.source.utf8.rindex(b"*" * stars, 0, start) if stars else start), end


def _between(text: bytes, at: int, stop: int | None) -> tuple[int, list[Span], bool]:
    """The marks between two parameters and whether there is a comment; behind the last one, up to the bracket."""
    marks: list[Span] = []
    commented = False
    while at != stop and (stop is not None or text[at : at + 1] != b")"):
        char = text[at : at + 1]
        if char == b"#":
            at, commented = text.index(b"\n", at), True
            continue
        if char in (b"/", b"*"):
            marks.append((at, at + 1))
        at += 1
    return at, marks, commented


def _behind_comma(text: bytes, end: int) -> int | None:
    """The place behind the comma that follows an item on its line, or None."""
    at = end
    while text[at : at + 1] in (b" ", b"\t"):
        at += 1
    return at + 1 if text[at : at + 1] == b"," else None
