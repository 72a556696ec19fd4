"""Lines of code as the language sees them, and whether two say the same however they are laid out.

It works on fragments, which no parser would take: brackets are counted, strings and comments are kept whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

_TOKEN = re.compile(
    r"""(?P<string>[bBfFrRuUtT]{0,3}(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"
        |'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))
      |(?P<comment>\#[^\n]*)|(?P<joined>\\\n)|(?P<newline>\n)|(?P<space>[ \t\f\r]+)
      |(?P<word>[\w.]+)|(?P<operator>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Logical:
    """One logical line: where its first token starts and its last one ends, and what it says without its layout."""

    start: int
    end: int
    tokens: tuple[str, ...]


def logical_lines(text: str) -> list[Logical]:
    """The logical lines of a text with ``\\n`` for newlines; those that are blank or a comment are none."""
    found: list[Logical] = []
    tokens: list[str] = []
    start = end = depth = 0
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "newline" and depth <= 0:
            if _says_something(tokens):
                found.append(Logical(start, end, _bare(tokens)))
            tokens, depth = [], 0
        if kind in ("newline", "space", "joined"):
            continue
        if not tokens:
            start = match.start()
        depth += (token in "([{") - (token in ")]}") if kind == "operator" else 0
        if tokens and token in ")]}" and tokens[-1] == ",":
            tokens.pop()  # a comma before a closing bracket is layout
        tokens.append(token)
        end = match.end()
    if _says_something(tokens):
        found.append(Logical(start, end, _bare(tokens)))
    return found


def code_tokens(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of the names, numbers and strings of a text, without those in comments."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup in ("word", "string"):
            yield match.start(), match.group()


def _bare(tokens: list[str]) -> tuple[str, ...]:
    """The tokens without parentheses around all that is returned or assigned: those come and go with the layout."""
    for at, token in enumerate(tokens):
        if token in ("return", "=") and tokens[at + 1 : at + 2] == ["("] and tokens[-1] == ")":
            depths = list(accumulate((token == "(") - (token == ")") for token in tokens[at + 1 :]))
            if depths.index(0) == len(depths) - 1:
                return (*tokens[: at + 1], *tokens[at + 2 : -1])
        if token in "([{":
            break
    return tuple(tokens)


def _says_something(tokens: list[str]) -> bool:
    return any(not token.startswith("#") for token in tokens)


def indentation(text: str, at: int) -> str:
    """The white space that the line of an offset begins with."""
    line = text[text.rfind("\n", 0, at) + 1 :]
    return line[: len(line) - len(line.lstrip(" \t"))]


def moved(text: str, old: str, new: str) -> str:
    """A statement of several lines, indented by ``new`` where it was by ``old``. Strings that hold lines are kept."""
    if old == new or "\n" not in text:
        return text
    inside = {
        text.count("\n", 0, match.start()) + 1 + number
        for match in _TOKEN.finditer(text)
        if match.lastgroup == "string"
        for number in range(match.group().count("\n"))
    }
    first, *others = text.split("\n")
    moved_lines = [
        line if number in inside or not line.startswith(old) or not line.strip() else new + line[len(old) :]
        for number, line in enumerate(others, start=1)
    ]
    return "\n".join([first, *moved_lines])
