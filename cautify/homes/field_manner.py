"""How the fields of a class are written and explained, so that ours are written and explained alike.

A neighbour may carry a comment above or behind it, a string below it, a help text in ``metadata={"help": …}`` or
``Field(description=…)``; ours then do too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis.resolve import Class
from cautify.analysis.syntax import Module, literal
from cautify.homes import ENABLED, EPS
from cautify.homes.field_classes import Field, fields_in
from cautify.patch.docstrings import ENABLED_SAYS, EPS_SAYS

_LONG = {ENABLED: ENABLED_SAYS, EPS: EPS_SAYS}
_SHORT = {ENABLED: "mask updates that disagree with the gradient", EPS: "added to the mean of the mask"}
_TOGGLED = "if toggled, updates that disagree in sign with the gradient are masked"
_PRAGMA = re.compile(r"#\s*(?:noqa|type:|pyright:|pylint:|fmt:|pragma|nosec|isort:|ruff:|ty:)")
_HELP = ("help", "description")
_HELD_IN = ("metadata", "json_schema_extra")


@dataclass(frozen=True)
class Manner:
    """How one field is explained, and by what call it is given its default.

    ``function`` is the text of that call's callee where a help text stands in the call; ``help`` the keyword of the
    help text, and ``holder`` the keyword of the dict that has it as a key, or empty. ``quote`` opens the string below
    the field, and is the quote of a help text.
    """

    function: str = ""
    help: str = ""
    holder: str = ""
    positional: bool = False
    spread: bool = False
    quote: str = ""
    below: bool = False
    behind: bool = False
    above: bool = False
    sample: str = ""


def manner_of(cls: Class, neighbour: Field | None) -> Manner:
    """The manner of a field, or that of a bare one. A comment counts where most fields of the class have one."""
    if neighbour is None:
        return Manner()
    module = cls.module
    call = neighbour.node.value
    if isinstance(call, cst.Call) and (found := _help(call, module)) is not None:
        return found
    if (below := _string_below(cls, neighbour.line)) is not None:
        text = module.text(below)
        quote = re.match(r"\w*(\"\"\"|'''|\"|')", text)
        return Manner(quote=quote.group(1) if quote else '"""', below=True, sample=literal(below) or "")
    notes_of: Mapping[str, Callable[[Field], str | None]] = {"behind": _behind, "above": _above}
    for how, note_of in notes_of.items():
        notes = [said for f in fields_in(cls) if (said := note_of(f)) is not None]
        comment = note_of(neighbour)
        if comment is not None and len(notes) > 1 and 2 * len(notes) > len(fields_in(cls)):
            return Manner(behind=how == "behind", above=how == "above", sample=comment)
    return Manner()


def _help(call: cst.Call, module: Module) -> Manner | None:
    function = module.text(call.func)
    first = call.args[0] if call.args else None
    positional = first is not None and first.keyword is None and not first.star
    last = call.args[-1].comma if call.args else None
    spread = isinstance(last, cst.Comma) and "\n" in module.text(call)
    for arg in call.args:
        name = arg.keyword.value if arg.keyword is not None else ""
        if name in _HELP and isinstance(arg.value, (cst.SimpleString, cst.ConcatenatedString)):
            text = literal(arg.value) or ""
            return Manner(function, name, "", positional, spread, _quote(arg.value, module), sample=text)
        if name in _HELD_IN and isinstance(arg.value, cst.Dict):
            for element in arg.value.elements:
                if isinstance(element, cst.DictElement) and literal(element.key) in _HELP:
                    key = literal(element.key) or ""
                    sample = literal(element.value) or ""
                    return Manner(function, key, name, positional, spread, _quote(element.key, module), sample=sample)
    return None


def _quote(node: cst.BaseExpression, module: Module) -> str:
    return "'" if module.text(node).lstrip("( \n").startswith("'") else '"'


def _string_below(cls: Class, line: cst.SimpleStatementLine) -> cst.BaseString | None:
    body = list(cls.node.body.body)
    following = body[body.index(line) + 1 :][:1]
    return string_alone(following[0]) if following else None


def string_alone(statement: cst.CSTNode) -> cst.SimpleString | cst.ConcatenatedString | None:
    """The string that is all of a statement, or None."""
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        only = statement.body[0]
        if isinstance(only, cst.Expr) and isinstance(only.value, (cst.SimpleString, cst.ConcatenatedString)):
            return only.value
    return None


def _behind(field: Field) -> str | None:
    comment = field.line.trailing_whitespace.comment
    return comment.value if comment is not None and not _PRAGMA.match(comment.value) else None


def _above(field: Field) -> str | None:
    """The last line of a comment directly above a field, or None."""
    last = field.line.leading_lines[-1] if field.line.leading_lines else None
    return last.comment.value if last is not None and last.comment is not None else None


# -- writing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """Where lines are written: their indentation, what one level more is, and how long they may be."""

    indent: str
    unit: str
    width: int


def wording(which: str, sample: str, cls: Class, room: int) -> str:
    """What a field is for, in ``room`` columns if that can be, begun and ended as the neighbour's text is.

    ``which`` of the two it is, ``ENABLED`` or ``EPS``, says nothing of its name.
    """
    lead = sample.lstrip("#: ")
    below = [literal(s) or "" for f in fields_in(cls) if (s := _string_below(cls, f.line)) is not None]
    toggled = which == ENABLED and any(text.lower().startswith("if toggled") for text in below)
    long = _TOGGLED if toggled else _LONG[which]
    stop = "." if lead.rstrip().endswith(".") else ""
    text = long if len(long) + len(stop) <= room else _SHORT[which]
    if lead[:1].isupper() or not lead:
        text = text[0].upper() + text[1:]
    return text + stop


@dataclass(frozen=True)
class Entry:
    """One field to declare: ``which`` of the two, all that stands before the default, and the arguments of its call.

    The plain default is alone where the manner names no function.
    """

    which: str
    target: str
    arguments: tuple[str, ...]
    manner: Manner


def spelled(entries: Sequence[Entry], cls: Class, page: Page) -> list[str]:
    """The lines that declare fields. Comments that do not fit behind all of them stand above all of them."""
    lines = [list(_spelled(entry, cls, page)) for entry in entries]
    if any(e.manner.behind and len(found) > 1 for found, e in zip(lines, entries, strict=True)):
        moved = [replace(e, manner=replace(e.manner, behind=False, above=True)) for e in entries]
        lines = [list(_spelled(entry, cls, page)) for entry in moved]
    return [line for found in lines for line in found]


def _spelled(entry: Entry, cls: Class, page: Page) -> Iterator[str]:
    which, target, arguments, manner = entry.which, entry.target, entry.arguments, entry.manner
    indent, width = page.indent, page.width
    if manner.help:
        yield from _with_help(entry, cls, page)
        return
    value = f"{manner.function}({', '.join(arguments)})" if manner.function else arguments[0]
    line = f"{indent}{target} = {value}"
    lead = re.match(r"#[:!]?\s*", manner.sample)
    mark = lead.group() if lead else "# "
    if manner.behind:
        note = f"  {mark}{wording(which, manner.sample, cls, width - len(line) - len(mark) - 2)}"
        if len(line + note) <= width:
            yield line + note
            return
    if manner.above or manner.behind:
        yield f"{indent}{mark}{wording(which, manner.sample, cls, width - len(indent) - len(mark))}"
    yield from [line] if len(line) <= width or not manner.function else _spread(f"{target} = ", manner, arguments, page)
    if manner.below:
        quote = manner.quote
        yield f"{indent}{quote}{wording(which, manner.sample, cls, width - len(indent) - 2 * len(quote))}{quote}"


def _spread(head: str, manner: Manner, arguments: Sequence[str], page: Page) -> Iterator[str]:
    """A call over several lines, as black lays it out."""
    inner = page.indent + page.unit
    yield f"{page.indent}{head}{manner.function}("
    together = inner + ", ".join(arguments)
    if len(together) <= page.width and not manner.spread:
        yield together
    else:
        for argument in arguments:
            yield f"{inner}{argument},"
    yield f"{page.indent})"


def _with_help(entry: Entry, cls: Class, page: Page) -> Iterator[str]:
    which, target, arguments, manner = entry.which, entry.target, entry.arguments, entry.manner
    quote = manner.quote

    def help_text(room: int) -> str:
        if manner.holder:
            frame = f"{manner.holder}={{{quote}{manner.help}{quote}: {quote}{quote}}}"
        else:
            frame = f"{manner.help}={quote}{quote}"
        text = wording(which, manner.sample, cls, room - len(frame))
        return f"{frame[:-2] if manner.holder else frame[:-1]}{text}{quote}{'}' if manner.holder else ''}"

    given = list(arguments)
    if manner.positional:
        given[0] = given[0].removeprefix("default=")
    inner = len(page.indent + page.unit)
    if not manner.spread:
        for text in (help_text(page.width), help_text(0)):
            line = f"{page.indent}{target} = {manner.function}({', '.join([*given, text])})"
            if len(line) <= page.width:
                yield line
                return
            if inner + len(", ".join([*given, text])) <= page.width:
                yield from _spread(f"{target} = ", manner, [*given, text], page)
                return
    yield from _spread(f"{target} = ", manner, [*given, help_text(page.width - inner - 1)], page)
