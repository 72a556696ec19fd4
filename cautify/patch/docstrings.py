"""What a docstring says of the switch, where it says something of the learning rate.

Google, NumPy and Sphinx docstrings are understood. An entry counts where such a docstring keeps its parameters: below
``Args:`` or an underlined ``Parameters``, or behind ``:param``. What a text or an example says is none.
https://google.github.io/styleguide/pyguide.html#383-functions-and-methods
https://numpydoc.readthedocs.io/en/latest/format.html
https://www.sphinx-doc.org/en/master/usage/domains/python.html#info-field-lists
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst

from cautify import homes
from cautify.analysis.syntax import Module
from cautify.model import Edit

ENABLED_SAYS = f"whether to {homes.ENABLED_SAYS}"
EPS_SAYS = homes.EPS_SAYS

_ABOUT = (("bool", ENABLED_SAYS), ("float", EPS_SAYS))
_Told = Sequence[tuple[str, str, str, str]]
"""The name, the type, the default and the description of each of the two."""
_SHORT = {
    ENABLED_SAYS: "whether to mask updates that disagree with the gradient",
    EPS_SAYS: "added to the mean of the mask",
}
_SECTION = re.compile(
    r"(?:(?:Keyword|Other|Key word) )?(?:Args?|Arguments|Parameters?|Params?|Hyper-?parameters?|Attributes|Inputs?)"
    r"(?: \([^)]*\))?",
    re.IGNORECASE,
)
_GOOGLE = r"(?P<lead>[-*+] )?(?P<mark>`{0,2}|\*\*)RATE(?P=mark)(?P<gap> ?)(?:\((?P<kind>.*)\))?(?P<colon> ?:(?!:))"
_NUMPY = r"RATE(?:(?P<colon> ?: ?)(?P<kind>.+))?$"
_SPHINX = r":(?P<role>param|parameter|arg|argument|keyword) (?:(?P<kind>[^:]+) )?RATE:"
_TYPED = r":type RATE:"
_RULE = re.compile(r"-{3,}|={3,}")
_DEFAULT = re.compile(
    r"\b(?P<says>default(?:s to|s is| is| to|s)?(?:[:=] ?| ?= ?| ))(?P<role>(?::\w+:)?)(?P<tick>`*)", re.IGNORECASE
)


@dataclass(frozen=True)
class _Entry:
    """What a docstring says of the learning rate: its lines, from the first to the one before ``end``."""

    match: re.Match[str]
    lines: Sequence[str]
    start: int
    end: int

    @property
    def indent(self) -> str:
        return _indent(self.lines[self.start])

    @property
    def below(self) -> str | None:
        """The indentation of the lines behind the first, or None where there is one alone."""
        return next((_indent(line) for line in self.lines[self.start + 1 : self.end] if line.strip()), None)

    @property
    def says(self) -> str:
        """The description, on one line."""
        first = self.lines[self.start].strip()[self.match.end() :]
        return " ".join(" ".join([first, *self.lines[self.start + 1 : self.end]]).split())


def documented(module: Module, body: cst.BaseSuite, rate: str, switch: homes.Spelling, width: int) -> Edit | None:
    """The edit that adds two entries after that of ``rate`` in the docstring of a body, or None where it has none.

    They are written as the learning rate's is, in lines of at most ``width``.
    """
    string = docstring(body)
    if string is None:
        return None
    content = string.raw_value
    if any(re.search(rf"\b{name}\b", content) for name in switch.names):
        return None
    told = [(n, kind, v, says) for n, v, (kind, says) in zip(switch.names, switch.defaults, _ABOUT, strict=True)]
    lines = content.split("\n")
    found = next(filter(None, (kind(lines, rate, told, width) for kind in (_sphinx, _numpy, _google))), None)
    if found is None:
        return None
    at, added = found
    before = len(string.prefix + string.quote) + len("\n".join(lines[:at]))
    start, _ = module.span(string)
    offset = start + len(module.text(string)[:before].encode("utf-8"))
    return module.source.edit(offset, offset, "".join(f"\n{line}" for line in added), "docstring")


def documented_beside(
    module: Module, body: cst.BaseSuite, names: Sequence[str], switch: homes.Spelling, width: int
) -> Edit | None:
    """The same after the entry of the last of several parameters, where the docstring has an entry for each of them.

    The learning rate has none where it comes in ``**kwargs``; a docstring that is complete stays so.
    """
    edits = [documented(module, body, name, switch, width) for name in names]
    return edits[-1] if edits and None not in edits else None


def docstring(body: cst.BaseSuite) -> cst.SimpleString | None:
    """The docstring of a function's or class's body, if it is one plain string on several lines."""
    first = body.body[0] if body.body else None
    if not isinstance(first, cst.SimpleStatementLine) or not isinstance(first.body[0], cst.Expr):
        return None
    string = first.body[0].value
    if not isinstance(string, cst.SimpleString) or "b" in string.prefix.lower() or string.lpar:
        return None
    return string if len(string.quote) == 3 and "\n" in string.raw_value else None


_Found = tuple[int, list[str]] | None


# -- the three kinds --------------------------------------------------------------------------------------------------


def _google(lines: Sequence[str], rate: str, told: _Told, width: int) -> _Found:
    pattern = re.compile(_GOOGLE.replace("RATE", re.escape(rate)))
    for first, last in _sections(lines):
        indent = _indent(lines[first])
        entry = _entry(lines, pattern, first, last, indent)
        if entry is None:
            continue
        section = [line for line in lines[first:last] if _indent(line) == indent]
        hang = entry.below or next((_indent(n) for n in lines[first:last] if n.strip() and _indent(n) > indent), None)
        hang = hang or indent + ("\t" if indent.endswith("\t") else "    ")
        match = entry.match
        said = lines[entry.start].strip()[match.end() :].strip()
        added = []
        for name, kind, default, says in told:
            typed = _kind(match["kind"], section, kind, default)
            shown = f"{match['gap']}({typed})" if typed else ""
            head = f"{indent}{match['lead'] or ''}{match['mark']}{name}{match['mark']}{shown}{match['colon']}"
            if said or entry.below is None:
                added += _told(f"{head} ", hang, says, default, entry.says, width)
            else:
                added += [head, *_told(hang, hang, says, default, entry.says, width)]
            added += _gap(entry, first, last)
        return _placed(entry, added)
    return None


def _numpy(lines: Sequence[str], rate: str, told: _Told, width: int) -> _Found:
    pattern = re.compile(_NUMPY.replace("RATE", re.escape(rate)))
    for first, last in _underlined(lines):
        indent = _indent(lines[first])
        entry = _entry(lines, pattern, first, last, indent)
        if entry is None:
            continue
        deeper = entry.below or indent + "    "
        section = [line for line in lines[first:last] if _indent(line) == indent]
        added = []
        for name, kind, default, says in told:
            typed = _kind(entry.match["kind"], section, kind, default)
            added.append(f"{indent}{name}" + (f"{entry.match['colon']}{typed}" if typed else ""))
            added += _told(deeper, deeper, says, default, entry.says, width)
            added += _gap(entry, first, last)
        return _placed(entry, added)
    return None


def _sphinx(lines: Sequence[str], rate: str, told: _Told, width: int) -> _Found:
    entry = _entry(lines, re.compile(_SPHINX.replace("RATE", re.escape(rate))), 0, len(lines), None)
    if entry is None:
        return None
    typed = _entry(lines, re.compile(_TYPED.replace("RATE", re.escape(rate))), 0, len(lines), entry.indent)
    deeper = (_indent(n) for above, n in pairwise(lines) if _is_field(above) and _under(n, above))
    hang = entry.below or next(deeper, entry.indent + ("\t" if entry.indent.endswith("\t") else "    "))
    added = []
    for name, kind, default, says in told:
        inline = f"{kind} " if entry.match["kind"] else ""
        head = f"{entry.indent}:{entry.match['role']} {inline}{name}: "
        added += _told(head, hang, says, default, entry.says, width)
        if typed is not None:
            added.append(f"{entry.indent}:type {name}: {_kind(typed.says, [], kind, default)}")
    beside = typed is not None and typed.start == entry.end
    return _placed(typed if typed is not None and beside else entry, added)


def _sections(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where the entries of a Google docstring stand, section by section: from a line to the one before another."""
    for number, line in enumerate(lines):
        header = line.strip().strip("*").removesuffix(":").strip("*")
        if ":" not in line or line.rstrip().endswith("::") or not _SECTION.fullmatch(header):
            continue
        first = _next_said(lines, number + 1)
        if first == len(lines) or (number and not _under(lines[first], line)):
            continue
        inner = len(_indent(lines[first]))
        outside = (n for n in range(first, len(lines)) if lines[n].strip() and len(_indent(lines[n])) < inner)
        yield first, next(outside, len(lines))


def _underlined(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The same of a NumPy docstring, whose sections have underlined titles."""
    rules = [n for n, line in enumerate(lines) if n and _RULE.fullmatch(line.strip()) and lines[n - 1].strip()]
    for number, rule in enumerate(rules):
        first = _next_said(lines, rule + 1)
        last = rules[number + 1] - 1 if rule != rules[-1] else len(lines)
        if first < last and _SECTION.fullmatch(lines[rule - 1].strip().removesuffix(":")):
            yield first, last


def _entry(lines: Sequence[str], pattern: re.Pattern[str], first: int, last: int, indent: str | None) -> _Entry | None:
    """The entry that begins with ``pattern`` in a range of lines, at an indentation or, where that is None, at any."""
    for start in range(first, last):
        line = lines[start]
        if (indent is not None and _indent(line) != indent) or not (match := pattern.match(line.strip())):
            continue
        end = start + 1
        for number in range(start + 1, last):
            following = lines[number]
            field = indent is None and _indent(following) == _indent(line) and not _is_field(following)
            if following.strip() and (_under(following, line) or (field and end == number)):
                end = number + 1
            elif following.strip():
                break
        return _Entry(match, lines, start, end)
    return None


# -- in the manner of the learning rate's -----------------------------------------------------------------------------


def _kind(like: str | None, section: Sequence[str], kind: str, default: str) -> str:
    """What stands where the learning rate has its type, or nothing where it has none."""
    if not like:
        return ""
    ticks = (re.match(r"`*", like) or [""])[0]
    optional = re.search(r",\s*(\*?optional\*?)", like)
    if optional is None and "default" not in like:
        optional = next(filter(None, (re.search(r"\([^()]*,\s*(\*?optional\*?)\b[^()]*\)", n) for n in section)), None)
    parts = [f"{ticks}{kind}{ticks}", *([optional[1]] if optional else [])]
    if given := _DEFAULT.search(like):
        parts.append(f"{given['says']}{given['role']}{given['tick']}{default}{given['tick']}")
    return ", ".join(parts)


def _told(head: str, hang: str, says: str, default: str, like: str, width: int) -> list[str]:
    """The lines of a description behind ``head``: in fewer words, if it is one line then."""
    lines = _wrapped(head + _wording(says, default, like), hang, width)
    short = _wrapped(head + _wording(_SHORT[says], default, like), hang, width)
    return short if len(lines) > len(short) == 1 else lines


def _wording(says: str, default: str, like: str) -> str:
    """A description that begins and ends as the learning rate's does, and names its default where that does."""
    text = says[0].upper() + says[1:] if like[:1].isupper() or not like else says
    stop = "." if like.endswith(".") or not like else ""
    if given := _DEFAULT.search(like):
        value = f"{given['says']}{given['role']}{given['tick']}{default}{given['tick']}"
        if like[given.start() - 1 : given.start()] in ("(", "["):
            opened = like[given.start() - 1]
            return f"{text} {opened}{value}{')' if opened == '(' else ']'}{stop}"
        if given["says"][0].isupper():
            return f"{text}. {value}{stop}"
    return text + stop


def _gap(entry: _Entry, first: int, last: int) -> list[str]:
    """A blank line, where blank lines stand between the entries."""
    lines = entry.lines
    before = entry.start > first and not lines[entry.start - 1].strip()
    behind = entry.end < last - 1 and not lines[entry.end].strip() and _indent(lines[entry.end + 1]) == entry.indent
    return [""] if (before and entry.start - 1 > first) or behind else []


def _placed(entry: _Entry, added: list[str]) -> tuple[int, list[str]]:
    """Behind an entry; blank lines between entries come first then, not last."""
    return entry.end, [added[-1], *added[:-1]] if added[-1] == "" else added


def _wrapped(line: str, hang: str, width: int) -> list[str]:
    """A line in lines of at most ``width``; those behind the first are indented by ``hang``."""
    indent = _indent(line)
    tabs = max(len(i.expandtabs(4)) - len(i) for i in (indent, hang))
    return textwrap.wrap(
        line.strip(),
        width - tabs,
        initial_indent=indent,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _next_said(lines: Sequence[str], start: int) -> int:
    """The next line that is not blank, or the number of all."""
    return next((n for n in range(start, len(lines)) if lines[n].strip()), len(lines))


def _is_field(line: str) -> bool:
    return line.lstrip().startswith(":")


def _under(line: str, above: str) -> bool:
    """Whether a line says something and is indented further than another."""
    return bool(line.strip()) and len(_indent(line)) > len(_indent(above))
