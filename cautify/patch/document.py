"""Documents: code as text and brackets, and the printer that lays them out as ruff format and black do.

A bracket is one of three shapes: on one line; its items on one indented line; or one item a line with a trailing comma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width


@dataclass(frozen=True)
class Text:
    """Source as it stands. Lines after the first move with the code around, except those inside a string.

    They hang from the indentation of the line (``indent``), or, where that is None, are aligned with ``column``.
    """

    value: str
    column: int = 0
    indent: str | None = None
    fixed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Group:
    """Something between brackets, separated by commas; the parts of a comprehension by nothing but space."""

    open: str
    items: tuple[Document, ...]
    close: str
    exploded: bool = False
    trailing_comma: bool = True
    one_line: bool = True
    comma: str = ","
    bare: bool = False
    """Whether it has its brackets only where it takes several lines."""


@dataclass(frozen=True)
class Ternary:
    """A conditional expression. ``bare`` ones gain parentheses when they need more than a line."""

    body: Document
    test: Document
    orelse: Document
    bare: bool


@dataclass(frozen=True)
class Row:
    """Documents side by side."""

    parts: tuple[Document, ...]


Document = Text | Group | Row | Ternary


def flat(document: Document) -> str | None:
    """The document on one line, or None if it cannot be."""
    match document:
        case Text(value=value):
            return None if "\n" in value else value
        case Group(exploded=True):
            return None
        case Group():
            items = [flat(item) for item in document.items]
            if any(item is None for item in items):
                return None
            between = f"{document.comma} "
            line = between.join(item for item in items if item is not None)
            return line if document.bare else document.open + line + document.close
        case Ternary(body=body, test=test, orelse=orelse):
            one, two, three = flat(body), flat(test), flat(orelse)
            return None if one is None or two is None or three is None else f"{one} if {two} else {three}"
        case Row(parts=parts):
            pieces = [flat(part) for part in parts]
            return None if any(p is None for p in pieces) else "".join(p for p in pieces if p is not None)


@dataclass(frozen=True)
class Printer:
    """Prints documents for one file."""

    width: int
    unit: str
    tab: int = 4
    reflow: bool = True

    def size(self, text: str) -> int:
        """Columns that a piece of a line takes: wide letters take two."""
        wide = 0 if text.isascii() else sum(east_asian_width(letter) in "WF" for letter in text)
        return len(text.expandtabs(self.tab)) + wide

    def show(self, document: Document, indent: str, column: int, after: int) -> str:
        """Lay out a document.

        It begins in ``column`` of a line that is indented by ``indent``, and has ``after`` columns of text behind it.
        """
        line = flat(document)
        if line is not None and column + len(line) + after <= self.width:
            return line
        match document:
            case Text():
                return self._moved(document, indent, column)
            case Row(parts=parts):
                return self._row(parts, indent, column, after)
            case Ternary():
                return self._ternary(document, indent, after)
            case Group():
                return self._group(document, indent)

    def _ternary(self, ternary: Ternary, indent: str, after: int) -> str:
        inner = indent + self.unit if ternary.bare else indent
        size = self.size(inner)
        lines = [self.show(ternary.body, inner, size, 0)]
        lines.append("if " + self.show(ternary.test, inner, size + 3, 0))
        lines.append("else " + self.show(ternary.orelse, inner, size + 5, 0 if ternary.bare else after))
        text = f"\n{inner}".join(lines)
        return f"(\n{inner}{text}\n{indent})" if ternary.bare else text

    def _group(self, group: Group, indent: str) -> str:
        inner = indent + self.unit
        items = [flat(item) for item in group.items]
        if not group.exploded and group.one_line and all(item is not None for item in items):
            line = inner + f"{group.comma} ".join(item for item in items if item is not None)
            if self.size(line) <= self.width:
                return f"{group.open}\n{line}\n{indent}{group.close}"
        lines = [self.show(item, inner, self.size(inner), 1) for item in group.items]
        lone = len(lines) == 1 and group.one_line and not group.exploded
        last = group.comma if group.trailing_comma and not lone else ""
        body = "".join(f"{inner}{line}{group.comma if n + 1 < len(lines) else last}\n" for n, line in enumerate(lines))
        return f"{group.open}\n{body}{indent}{group.close}"

    def _row(self, parts: Sequence[Document], indent: str, column: int, after: int) -> str:
        """Each part in turn; one is broken over lines when its line, up to the next bracket, would be too long."""
        shown = ""
        for position, part in enumerate(parts):
            last_line = shown.rpartition("\n")[2]
            start = self.size(last_line) if "\n" in shown else column + len(last_line)
            shown += self.show(part, indent, start, self._until_bracket(parts[position + 1 :], after))
        return shown

    def _until_bracket(self, parts: Sequence[Document], after: int) -> int:
        """How much of the parts is on the same line in any case: up to the first opening bracket."""
        size = 0
        for part in parts:
            if isinstance(part, Group):
                return size + len(part.open)
            size += len(flat(part) or "")
        return size + after

    def _moved(self, text: Text, indent: str, column: int) -> str:
        """A text of several lines, its later lines moved as far as its first line's indentation or first column."""
        lines = text.value.split("\n")
        for number, line in enumerate(lines[1:], 1):
            if number in text.fixed or not line.strip():
                continue
            if text.indent is not None:
                if line.startswith(text.indent):
                    lines[number] = indent + line[len(text.indent) :]
                continue
            stripped = line.lstrip(" \t")
            lead = line[: len(line) - len(stripped)]
            shift = column - text.column
            if "\t" not in lead:
                lines[number] = " " * max(0, len(lead) + shift) + stripped
            elif shift > 0:
                lines[number] = "\t" * (shift // self.tab) + lead + " " * (shift % self.tab) + stripped
        return "\n".join(lines)


def filled(items: Sequence[str], at: int, column: str, width: int, behind: int) -> str:
    """More items behind one that ends at ``at``: each on the line while there is room, else on the next one.

    ``column`` is the indentation of the lines, ``behind`` the length of what follows the last item.
    """
    text = ""
    for number, item in enumerate(items):
        room = width - (behind if number == len(items) - 1 else 1)
        if at + 2 + len(item) <= room:
            text, at = f"{text}, {item}", at + 2 + len(item)
        else:
            text, at = f"{text},\n{column}{item}", len(column.expandtabs(4)) + len(item)
    return text
