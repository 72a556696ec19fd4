"""How a parser's options are written, and two more in the same manner.

https://docs.python.org/3/library/argparse.html#the-add-argument-method
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from cautify.analysis.deferred import saying
from cautify.analysis.nodes import dotted, last_name, literal, walk
from cautify.analysis.parsers import ADDS, keyword, option_strings
from cautify.analysis.syntax import Module
from cautify.patch.document import Group, Printer, Text
from cautify.patch.style import Style

# The longest that fits is taken.
ENABLED_HELP = ("mask updates that disagree in sign with the gradient (arXiv:2411.16085)",)
DISABLED_HELP = ("do not mask updates that disagree in sign with the gradient (arXiv:2411.16085)",)
EPS_HELP = ("added to the mean of that mask, by which updates are divided",)
_DEFAULT_SHOWN = re.compile(r"\(default:? [^)]*\)\.?$")
_LAST_WORD = re.compile(r"(\w+)\s*$")
_SHORTEST = 79  # what every style guide allows
_LONGEST = 120  # what no style guide exceeds


@dataclass(frozen=True)
class Written:
    """One ``add_argument`` call near the place, as text, and the column at which it stands."""

    call: cst.Call
    text: str
    column: int

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def broken(self) -> str:
        """How it goes over several lines: ``hanging`` from the bracket, ``aligned`` with it, or empty."""
        if "\n" not in self.text:
            return ""
        return "hanging" if self.lines[0].rstrip().endswith("(") else "aligned"

    @property
    def longest(self) -> int:
        return max(len(line) + (0 if n else self.column) for n, line in enumerate(self.lines))


def neighbours(anchor: cst.Call, module: Module) -> list[Written]:
    """The calls that declare options in the function around one, or among the module's own statements."""
    scope = module.scope(anchor)
    called = last_name(anchor.func)
    defines = called.startswith("DEFINE_")
    found = []
    for call in module.calls_where(lambda body: called in body.code or "add_arg" in body.code):
        name = last_name(call.func)
        alike = name == called or (name.startswith("DEFINE_") if defines else name in ADDS)
        if call is anchor or (alike and option_strings(call) and module.scope(call) is scope):
            start, end = module.span(call)
            found.append(Written(call, module.source.slice(start, end), start - module.source.line_start(start)))
    return found


class Manner:
    """The manner in which the options around an ``anchor`` are written.

    ``on`` is the default of the switch, and ``both`` the action that makes ``--x`` and ``--no-x`` of an option, where
    the target's Python has it. ``example`` says that the anchor itself is the example to follow; else it only is where
    the others end.
    """

    def __init__(
        self, anchor: cst.Call, module: Module, style: Style, on: bool, *, both: str = "", example: bool = True
    ) -> None:
        self.anchor = anchor
        self.on = on
        self.both = both
        self.example = example
        self.module = module
        self.near = self._neighbours()
        own = next(w for w in self.near if w.call is anchor)
        shapes = Counter(w.broken for w in self.near if w.broken)
        self.shape = own.broken or (shapes.most_common(1)[0][0] if shapes else "")
        if own.broken and shapes["hanging"] > 2 * shapes["aligned"]:
            self.shape = "hanging"
        if style.line_length_known:
            self.width = style.line_length
        else:
            self.width = min(max(_SHORTEST, *(w.longest for w in self.near)), max(style.line_length, own.longest))
        short = all(len(line) <= style.line_length for line in module.source.text.split("\n"))
        formatted = style.line_length_known or (short and self.quote == '"')  # as a formatter leaves it
        self.longest = self.width if formatted else max(self.width, _LONGEST)
        self.printer = Printer(self.width, module.tree.default_indent)

    def _neighbours(self) -> list[Written]:
        return neighbours(self.anchor, self.module)

    # -- words ----------------------------------------------------------------------------------------------------

    def option(self, name: str) -> str:
        """How an option of that name is spelled on the command line."""
        strings = option_strings(self.anchor)
        long = next((s for s in strings if s.startswith("--")), None)
        single = long is None and bool(strings) and strings[0].startswith("-") and len(strings[0]) > 2
        separated = [long] if self.example and long and ("-" in long[2:] or "_" in long) else []
        if not separated:
            every = (s.partition("/")[0] for w in self.near for s in option_strings(w.call))
            separated = [s for s in every if s.startswith("-") and ("-" in s[2:] or "_" in s)]
        dashes = sum("-" in s.lstrip("-") for s in separated)
        joined = name.replace("_", "-") if dashes > len(separated) - dashes else name
        return ("-" if single else "--") + joined

    def toggle(self, name: str, off: bool) -> str:
        """How the switch is spelled; ``off`` says that its option turns it off."""
        return self.option(negated(name) if off else name)

    @property
    def quote(self) -> str:
        """The quotes that the option's names have."""
        plain = next((n for n in walk(self.anchor) if isinstance(n, cst.SimpleString)), None)
        return plain.quote[:1] if plain is not None else '"'

    @property
    def _equal(self) -> str:
        given = next((a for a in self.anchor.args if a.keyword is not None), None)
        spaced = given is not None and isinstance(given.equal, cst.AssignEqual)
        if not spaced:
            return "="
        assert given is not None and isinstance(given.equal, cst.AssignEqual)
        before, after = given.equal.whitespace_before, given.equal.whitespace_after
        return " = " if getattr(before, "value", "") and getattr(after, "value", "") else "="

    def _boolean(self, name: str) -> list[str]:
        return [f"{k}{self._equal}{v}" for k, v in self._switch(name)]

    def _switch(self, name: str) -> list[tuple[str, str]]:
        """The keywords that make an option a switch, as the parser's other switches have them.

        One that is on must be something that can be turned off.
        """
        default = ("default", str(self.on))
        flags = [w.call for w in self.near if literal(keyword(w.call, "action")) == "store_true"]
        if not flags or self.on:
            for call in (w.call for w in self.near):
                action, kind = keyword(call, "action"), keyword(call, "type")
                if action is not None and dotted(action).endswith("BooleanOptionalAction"):
                    return [("action", dotted(action)), default]
                if kind is not None and "bool" in dotted(kind).rpartition(".")[2] and dotted(kind) != "bool":
                    extra = [
                        (k, self.module.text(v)) for k in ("nargs", "const") if (v := keyword(call, k)) is not None
                    ]
                    return [("type", dotted(kind)), *extra, default]
        if self.on and self.both:
            return [("action", self.both), default]
        if self.on:
            quote = self.quote
            return [("action", f"{quote}store_false{quote}"), ("dest", f"{quote}{name}{quote}")]
        stated = sum(dotted(keyword(call, "default")) == "False" for call in flags)
        turned_on = ("action", f"{self.quote}store_true{self.quote}")
        return [turned_on, ("default", "False")] if 2 * stated > len(flags) else [turned_on]

    def _help(self, texts: Sequence[str], default: str) -> tuple[str, ...]:
        """The help texts to choose from, with capitals and full stops as others have; none where others have none."""
        helps = [h for w in self.near if (h := keyword(w.call, "help")) is not None]
        own = keyword(self.anchor, "help")
        if own is None and 2 * len(helps) < len(self.near):
            return ()
        said = [t for h in ([own] if own is not None else helps) if h is not None and (t := literal(h))]
        capital = sum(t[:1].isupper() for t in said) * 2 > len(said)
        stop = sum(t.rstrip().endswith(".") for t in said) * 2 > len(said)
        shown = sum(_DEFAULT_SHOWN.search(t) is not None for t in said) * 2 > len(said)
        found = []
        for text in texts:
            changed = text[:1].upper() + text[1:] if capital else text
            changed += f" (default: {default})" if shown and default else ""
            found.append(changed + "." if stop else changed)
        if self.quote == "'":
            found = [t for t in found if "'" not in t]
        return tuple(f"help{self._equal}{self.quote}{text}{self.quote}" for text in found)

    # -- text -----------------------------------------------------------------------------------------------------

    def enabled(self, add: str, name: str, indent: str) -> str:
        """The statement that declares the switch. ``add`` is what is called."""
        words = self._boolean(name)
        off = any("store_false" in word for word in words)
        shown = "True" if self.on and any(word.startswith("type") for word in words) else ""
        helps = self._help(DISABLED_HELP if off else ENABLED_HELP, shown)
        return self._show(add, self.toggle(name, off), words, helps, indent)

    def eps(self, add: str, name: str, indent: str) -> str:
        """The statement that declares the epsilon."""
        words = self._number()
        return self._show(add, self.option(name), words, self._help(EPS_HELP, "1e-8"), indent)

    def _number(self) -> list[str]:
        words = [f"type{self._equal}float", f"default{self._equal}1e-8"]
        order = [a.keyword.value for a in self.anchor.args if a.keyword is not None]
        if "default" in order and "type" in order and order.index("default") < order.index("type"):
            words.reverse()
        return words

    def _show(self, add: str, option: str, words: list[str], helps: tuple[str, ...], indent: str) -> str:
        items = [f"{self.quote}{option}{self.quote}", *words]
        choices = [[*items, h] for h in helps] or [items]
        shown = [text for choice in choices for text in self._layouts(add, choice, indent)]
        fitting = next((text for text in shown if self._fits(text, indent)), None)
        if fitting is not None or self.shape or self.printer.size(indent + shown[-1]) <= self.longest:
            return shown[-1] if fitting is None else fitting
        return self._hanging(add, choices[-1], indent)

    def _fits(self, text: str, indent: str) -> bool:
        return all(
            self.printer.size(line if n else indent + line) <= self.width for n, line in enumerate(text.split("\n"))
        )

    def _layouts(self, add: str, items: list[str], indent: str) -> Iterator[str]:
        line = f"{add}({', '.join(items)})"
        if self.shape == "hanging":
            yield self._hanging(add, items, indent)
        elif self.shape == "aligned" and not self._fits(line, indent):
            yield self._aligned(add, items, indent)
        else:
            yield line

    def _hanging(self, add: str, items: list[str], indent: str) -> str:
        group = Group(f"{add}(", tuple(map(Text, items)), ")", exploded=self._explodes(indent))
        return self.printer.show(group, indent, self.printer.size(indent), 0)

    def _explodes(self, indent: str) -> bool:
        """Whether the options around have a line for each argument even where one line would do."""
        short = [w for w in self.near if self._fits(_flat(w.text), indent) and w.call.args]
        commas = [w for w in short if w.broken and isinstance(w.call.args[-1].comma, cst.Comma)]
        anchor = next(w for w in self.near if w.call is self.anchor)
        if anchor in short:
            return anchor in commas
        return 2 * len(commas) > len(short) > 0

    @property
    def _hang(self) -> str:
        """The white space before continued lines, where they are not aligned with the bracket."""
        own = [w for w in self.near if w.broken == "aligned" and w.call is self.anchor]
        for written in own or [w for w in self.near if w.broken == "aligned"]:
            second = written.lines[1]
            lead = second[: len(second) - len(second.lstrip())]
            if self.printer.size(lead) != written.column + len(self.module.text(written.call.func)) + 1:
                return lead[written.column :] if lead.startswith(" ") else ""
            return ""
        return ""

    def _aligned(self, add: str, items: list[str], indent: str) -> str:
        """Arguments after the opening bracket, and under it; the help begins a line of its own."""
        hang = indent + (self._hang or " " * (len(add) + 1))
        lines = [f"{add}({items[0]}"]
        for n, item in enumerate(items[1:], 2):
            start = indent if len(lines) == 1 else ""
            whole = f"{start}{lines[-1]}, {item}" + (")" if n == len(items) else ",")
            if item.startswith("help") or self.printer.size(whole) > self.width:
                lines[-1] += ","
                lines.append(hang + item)
            else:
                lines[-1] += f", {item}"
        return "\n".join(lines) + ")"


def _flat(text: str) -> str:
    """A call on one line, as long as it would be there."""
    joined = " ".join(line.strip() for line in text.split("\n"))
    return re.sub(r",?\s*\)$", ")", joined.replace("( ", "(", 1))


def negated(name: str) -> str:
    """The name of the option that turns a switch off, in the case of its name."""
    if name.isupper():
        return f"NO_{name}"
    return f"no_{name}" if name == name.lower() else f"no{name[:1].upper()}{name[1:]}"


def is_switch(call: cst.Call) -> bool:
    """Whether an option is something that is on or off."""
    action, kind = keyword(call, "action"), keyword(call, "type")
    if literal(action) in ("store_true", "store_false") or dotted(action).endswith("BooleanOptionalAction"):
        return True
    return kind is not None and "bool" in dotted(kind)


def is_number(call: cst.Call) -> bool:
    """Whether an option is a floating point number."""
    return dotted(keyword(call, "type")) == "float"


def in_block(anchor: cst.Call, module: Module, add: str) -> Iterable[tuple[cst.Call, cst.SimpleStatementLine]]:
    """The calls of ``add`` that are statements of the block in which an anchor's statement stands, in order."""
    block = module.parents.get(module.statement(anchor))
    named = _LAST_WORD.search(add)
    last = named[1] if named is not None else ""
    body = saying(block, last) if isinstance(block, (cst.IndentedBlock, cst.Module)) else getattr(block, "body", ())
    for statement in body if isinstance(body, (list, tuple)) else ():
        if isinstance(statement, cst.SimpleStatementLine):
            for small in statement.body:
                value = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
                while isinstance(value, cst.Attribute):
                    value = value.value
                if isinstance(value, cst.Call) and add == (dotted(value.func) or module.text(value.func)):
                    yield value, statement
