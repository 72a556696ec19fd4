"""argument: the switch is two click options below the one that sets the learning rate.

They become parameters of the command, as the learning rate is: https://click.palletsprojects.com/en/stable/options/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import libcst as cst

from cautify.analysis.flows import Flows
from cautify.analysis.namespaces import Namespaces
from cautify.analysis.nodes import dotted, last_name
from cautify.analysis.origins import Origin
from cautify.analysis.parsers import keyword, option_strings
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.argparse_options import Manner, Written
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind
from cautify.patch.signature import with_parameters
from cautify.patch.style import Style, style_for

_LIBRARIES = frozenset({"click", "rich_click", "asyncclick"})
_DEPTH = 6


@dataclass(frozen=True)
class ClickSlot:
    """The ``@click.option("--lr", …)`` of a command. Slots of one command are one place: it gets one pair.

    ``mapping`` says that the command takes ``**kwargs``, and that the learning rate is read of these as of a dict;
    ``attribute`` that it is an attribute of an object made of them. ``sometimes``: that may be something else.
    """

    rate: str = field(compare=False)
    spelling: Spelling
    option: cst.Call = field(compare=False)
    function: cst.FunctionDef
    module: Module
    owner: str
    style: Style = field(compare=False, repr=False)
    mapping: bool = field(default=False, compare=False)
    attribute: bool = field(default=False, compare=False)
    sometimes: bool = field(default=False, compare=False)

    @property
    def kind(self) -> HomeKind:
        """An argument."""
        return HomeKind.ARGUMENT

    def refusal(self) -> str | None:
        """Why the options cannot be declared, or None."""
        for name in self.spelling.names:
            there = _option(self.function, name)
            flag = there is not None and (dotted(keyword(there, "is_flag")) == "True" or _paired(there))
            if there is not None and not (flag if name == self.spelling.enabled else _is_float(there)):
                return f"the option {name} is declared already and means something else{self.spelling.taken(name)}"
            if there is None and name in self.module.scopes[self.function].bindings:
                taken = self.spelling.taken(name)
                return f"{self.function.name.value} uses the name {name} for something else{taken}"
        if self._unnamed and self._parameters() is None:
            return f"the signature of {self.function.name.value} has comments between its parameters"
        return None

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """The names of the two parameters of the command, or how they are read of its keyword arguments."""
        if self.mapping:
            return self.spelling.looked_up(base)
        if self.attribute and (sometimes or self.sometimes):
            return self.spelling.asked(base)
        return self.spelling.attributes(base) if self.attribute else self.spelling.names

    def homes(self) -> tuple[Home, ...]:
        """The option of the learning rate."""
        return (Home(self.kind, self.module.path, self.module.line(self.option), self.owner),)

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """The edits that add the options that are not there, and the parameters that they fill."""
        if self._unnamed:
            edit = self._parameters()
            if edit is not None:
                yield self.module, edit
        missing = [name for name in self.spelling.names if _option(self.function, name) is None]
        if not missing:
            return
        anchor = self.option
        for call in _options(self.function):
            if _parameter(call) in together and self.module.span(call)[0] > self.module.span(anchor)[0]:
                anchor = call
        source = self.module.source
        start, end = self.module.span(anchor)
        text = source.slice(source.line_start(start), start)
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        manner = _ClickManner(anchor, self.module, self.style, self.spelling.on, self.function)
        add = f"@{self.module.text(self.option.func)}"
        written = {
            self.spelling.enabled: manner.enabled(add, self.spelling.enabled, indent),
            self.spelling.eps: manner.eps(add, self.spelling.eps, indent),
        }
        at = source.line_end(end)
        yield self.module, source.edit(at, at, "".join(f"\n{indent}{written[n]}" for n in missing), "argument")

    @property
    def _unnamed(self) -> list[str]:
        """Those of the two names that the command has no parameter for."""
        params = self.function.params
        if params.star_kwarg is not None:
            return []
        there = {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}
        return [name for name in self.spelling.names if name not in there]

    def _parameters(self) -> Edit | None:
        """The edit that adds the parameters; click fills them always, so that they have no defaults."""
        params = [*self.function.params.params, *self.function.params.kwonly_params]
        typed = any(p.annotation is not None for p in params if p.name.value == self.rate)
        types = {self.spelling.enabled: "bool", self.spelling.eps: "float"}
        added = tuple(f"{name}: {types[name]}" if typed else name for name in self._unnamed)
        star = any(p.default is not None for p in params)
        return with_parameters(self.module, self.function, added, frozenset({self.rate}), self.style, star)

    def sources(self) -> Iterable[Source]:
        """None: a command line comes from outside."""
        return ()


class Commands:
    """Finds the commands of one project whose keyword arguments hold options."""

    def __init__(self, namespaces: Namespaces) -> None:
        self.namespaces = namespaces
        self.origins = namespaces.origins
        self._named: dict[str, bool] = {}

    def slot(self, base: cst.BaseExpression, name: str, mapping: bool, module: Module) -> ClickSlot | str | None:
        """The slot of an option that is read of a command's ``**kwargs``; a string where that is not one command."""
        if not self._may_declare(name):
            return None
        found: dict[cst.FunctionDef, ClickSlot] = {}
        elsewhere = False
        for command in self._follow(base, module, 0):
            slot = click_options(*command, name, self.origins.flows) if command is not None else None
            if slot is not None:
                found[slot.function] = slot
            elsewhere |= slot is None
        if len(found) > 1:
            return f"{name} is an option of several commands"
        for slot in found.values():
            how = replace(slot, mapping=mapping, attribute=not mapping, sometimes=elsewhere)
            return how.refusal() or how
        return None

    def fills(self, splatted: cst.BaseExpression, module: Module, slot: ClickSlot) -> bool:
        """Whether what is splatted into a call may be the keyword arguments of a slot's command."""
        return any(c is not None and c[0] is slot.function for c in self._follow(splatted, module, 0))

    def _may_declare(self, name: str) -> bool:
        if name not in self._named:
            project = self.origins.flows.project
            search = re.compile(rf"option\([^)]*[\"']-{{0,2}}{re.escape(name).replace('_', '[-_]')}\b".encode()).search
            self._named[name] = any(search(project.data[path]) for path in project.containing(b"click"))
        return self._named[name]

    def _follow(
        self, node: cst.BaseExpression, module: Module, depth: int
    ) -> Iterator[tuple[cst.FunctionDef, Module] | None]:
        for origin in self.origins.of(node, module) if depth < _DEPTH else ():
            held = self.namespaces.held(origin.node, origin.module) if isinstance(origin.node, cst.Call) else None
            if held is not None and not origin.item:
                yield from self._follow(held, origin.module, depth + 1)
            else:
                yield _command(origin)


def _command(origin: Origin) -> tuple[cst.FunctionDef, Module] | None:
    """The function whose ``**kwargs`` an origin is."""
    function = origin.module.function(origin.node) if origin.parameter else None
    if function is not None and function.params.star_kwarg is origin.node:
        return function, origin.module
    return None


def click_options(function: cst.FunctionDef, module: Module, name: str, flows: Flows) -> ClickSlot | None:
    """The slot of the click option that fills a parameter of a command, or None if none does."""
    option = _option(function, name)
    if option is None:
        return None
    if not any(e.partition(".")[0] in _LIBRARIES for e in flows.externals(option.func, module)):
        return None
    owner = ".".join((flows.project.module_name(module.path)[0], module.qualified(function)))
    root = flows.project.root
    style = style_for((root / module.path).resolve().parent, root.resolve())
    return ClickSlot(name, flows.switch.like(name), option, function, module, owner, style)


def _options(function: cst.FunctionDef) -> Iterator[cst.Call]:
    for decorator in function.decorators:
        node = decorator.decorator
        if isinstance(node, cst.Call) and last_name(node.func) == "option" and option_strings(node):
            yield node


def _option(function: cst.FunctionDef, name: str) -> cst.Call | None:
    return next((call for call in _options(function) if _parameter(call) == name), None)


def _parameter(call: cst.Call) -> str:
    """The parameter that an option fills: the name without dashes, else the first of the longest-dashed ones."""
    names = option_strings(call)
    plain = [n for n in names if n.isidentifier()]
    if plain:
        return plain[0]
    long = next((n for n in names if n.startswith("--")), names[0])
    return long.partition("/")[0].strip().lstrip("-").replace("-", "_").lower()


def _paired(call: cst.Call) -> bool:
    """Whether an option is a pair ``--shout/--no-shout``."""
    return any("/" in name for name in option_strings(call))


def _is_float(call: cst.Call) -> bool:
    default = keyword(call, "default")
    return dotted(keyword(call, "type")) in ("float", "click.FLOAT") or isinstance(default, cst.Float)


class _ClickManner(Manner):
    """As for parsers; the neighbours are the other options of the command."""

    def __init__(self, anchor: cst.Call, module: Module, style: Style, on: bool, function: cst.FunctionDef) -> None:
        self.function = function
        super().__init__(anchor, module, style, on)

    def _neighbours(self) -> list[Written]:
        found = []
        for call in _options(self.function):
            start, end = self.module.span(call)
            found.append(Written(call, self.module.source.slice(start, end), start - self._line_start(start)))
        return found

    def _line_start(self, offset: int) -> int:
        return self.module.source.line_start(offset)

    def option(self, name: str) -> str:
        """``--use-cautious-optimizer``: click makes an underscore of a dash, and dashes are its custom."""
        strings = (s.partition("/")[0] for w in self.near for s in option_strings(w.call))
        every = [s for s in strings if s.startswith("--")]
        if not any("_" in s or "-" in s[2:] for s in every):
            name = name.replace("_", "-")
        return super().option(name)

    def toggle(self, name: str, off: bool) -> str:
        """``--use-cautious-optimizer``, with ``/--no-use-cautious-optimizer`` where that must be or is usual."""
        spelled = self.option(name)
        if not self._pairs:
            return spelled
        return f"{spelled}/--no{'_' if '_' in spelled else '-'}{spelled.lstrip('-')}"

    @property
    def _flags(self) -> list[cst.Call]:
        return [w.call for w in self.near if dotted(keyword(w.call, "is_flag")) == "True"]

    @property
    def _pairs(self) -> bool:
        return self.on or (any(_paired(w.call) for w in self.near) and all(map(_paired, self._flags)))

    def _boolean(self, name: str) -> list[str]:
        flags = self._flags
        if self.on or (self._pairs and not flags):
            return [f"default{self._equal}{self.on}"]
        stated = sum(dotted(keyword(call, "default")) == "False" for call in flags)
        given = [f"is_flag{self._equal}True"]
        return [*given, f"default{self._equal}False"] if 2 * stated > len(flags) else given

    def _number(self) -> list[str]:
        shown = dotted(keyword(self.anchor, "show_default")) == "True"
        return [*super()._number(), *([f"show_default{self._equal}True"] if shown else [])]
