"""Lines of code as the language sees them, and whether two say the same however they are laid out.

It works on fragments, which no parser would take: brackets are counted, strings and comments are kept whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

_VALUE = re.compile(r"[\w\"']")
_TOKEN = re.compile(
    r"""(?P<string>[bBfFrRuUtT]{0,3}(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"
        |'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))
      |(?P<comment>\#[^\n]*)|(?P<joined>\\\n)|(?P<newline>\n)|(?P<space>[ \t\f\r]+)
      |(?P<word>[\w.]+)|(?P<operator>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Logical:
    """One logical line: where its first token starts and its last one ends, and what it says without its layout.

    ``places`` are the offsets at which the tokens stand.
    """

    start: int
    end: int
    tokens: tuple[str, ...]
    places: tuple[int, ...]

    @property
    def shape(self) -> tuple[str, ...]:
        """The tokens with a blank for each name, number and string."""
        return tuple("_" if _VALUE.match(token) else token for token in self.tokens)


def logical_lines(text: str) -> list[Logical]:
    """The logical lines of a text with ``\\n`` for newlines; those that are blank or a comment are none."""
    found: list[Logical] = []
    tokens: list[tuple[str, int]] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        kind, token = match.lastgroup, match.group()
        if kind == "newline" and depth <= 0:
            found += _line(text, tokens)
            tokens, depth = [], 0
        if kind in ("newline", "space", "joined"):
            continue
        depth += (token in "([{") - (token in ")]}") if kind == "operator" else 0
        tokens.append((token, match.start()))
    return found + _line(text, tokens)


def _line(text: str, tokens: list[tuple[str, int]]) -> list[Logical]:
    if all(token.startswith("#") for token, _ in tokens):
        return []
    start, end = tokens[0][1], tokens[-1][1] + len(tokens[-1][0])
    said: list[tuple[str, int]] = []
    for token, place in tokens:
        if said and token in ")]}" and said[-1][0] == ",":
            said.pop()  # a comma before a closing bracket is layout
        said.append((token, place))
    said = _bare(text, said)
    return [Logical(start, end, tuple(token for token, _ in said), tuple(place for _, place in said))]


def relaid(text: str, was: Logical, now: tuple[str, ...]) -> str:
    """The statement ``was`` of a text with the tokens of another of its shape, laid out as it is."""
    parts, done = [], was.start
    for old, place, new in zip(was.tokens, was.places, now, strict=True):
        parts += [text[done:place], new]
        done = place + len(old)
    return "".join([*parts, text[done : was.end]])


def code_tokens(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of the names, numbers and strings of a text, without those in comments."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup in ("word", "string"):
            yield match.start(), match.group()


def comments_in(text: str) -> Iterator[tuple[int, str]]:
    """Offset and text of each comment."""
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "comment":
            yield match.start(), match.group().rstrip()


def _bare(text: str, tokens: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The tokens without parentheses that a formatter puts around all that is returned or assigned, to break lines."""
    for at, (token, _) in enumerate(tokens):
        if token in ("return", "=") and tokens[-1][0] == ")" and tokens[at + 1][0] == "(":
            depths = list(accumulate((inner == "(") - (inner == ")") for inner, _ in tokens[at + 1 :]))
            opens = tokens[at + 1][1] + 1
            if depths.index(0) == len(depths) - 1 and not text[opens : text.find("\n", opens)].strip():
                return [*tokens[: at + 1], *tokens[at + 2 : -1]]
        if token in "([{":
            break
    return tokens


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
