"""Command line parsers: which ones an expression may be, and where their options are declared.

A parser is known by what makes it: ``ArgumentParser()``, ``subparsers.add_parser("train")``, or a class that derives
from ArgumentParser. Groups stand for the parser that they belong to: https://docs.python.org/3/library/argparse.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from cautify.analysis.generated import Generated, entries_named
from cautify.analysis.names import Class, External
from cautify.analysis.nodes import last_name, literal
from cautify.analysis.origins import Origin, Origins
from cautify.analysis.syntax import Module

EXCLUSIVE = "add_mutually_exclusive_group"
GROUPS = frozenset({"add_argument_group", EXCLUSIVE})
ADDS = frozenset({"add_argument", "add_arg", "add"})
_PARSER = re.compile(r"(?:^|\.)(?:\w*Arg(?:ument)?s?Parser|get_?[aA]rg(?:ument)?_?[pP]arser|[gG]et_?[pP]arser)$")
_QUOTED = re.compile(rb"[\"']-*([^\"'\s-][^\"'\s]*)(?=[\"'])")
_DEPTH = 12


@dataclass(frozen=True)
class Parser:
    """A parser: the call that makes it, or a class that derives from one and whose methods declare options."""

    node: cst.Call | cst.ClassDef
    module: Module


@dataclass(frozen=True)
class Option:
    """One declaration of an option: an ``add_argument`` call, or an entry of the dict from which options are made."""

    node: cst.Call | cst.Arg | cst.DictElement
    module: Module
    dest: str
    parsers: frozenset[Parser]
    loop: cst.Call | None = None
    """The ``add_argument`` call that is run for each entry of the dict."""
    loop_module: Module | None = None


class Parsers:
    """The parsers of one project."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.flows = origins.flows
        self.project = origins.flows.project
        self._generated = Generated(origins)
        self._of: dict[cst.CSTNode, tuple[Parser, ...]] = {}
        self._options: dict[str, tuple[Option, ...]] = {}
        self._named: dict[str, bool] = {}
        self._children: dict[Parser, list[Parser]] | None = None

    # -- parsers --------------------------------------------------------------------------------------------------

    def of(self, node: cst.BaseExpression, module: Module) -> tuple[Parser, ...]:
        """The parsers that an expression may be, or of which it may be a group."""
        if node not in self._of:
            self._of[node] = ()  # a circle adds nothing
            found = (p for origin in self.origins.of(node, module) for p in self._made(origin))
            self._of[node] = tuple(dict.fromkeys(found))
        return self._of[node]

    def _made(self, origin: Origin) -> Iterator[Parser]:
        node, module = origin.node, origin.module
        if origin.parameter:
            yield from self._own(node, module)
        if not isinstance(node, cst.Call):
            return
        called = last_name(node.func)
        if isinstance(node.func, cst.Attribute) and called in GROUPS:
            yield from self.of(node.func.value, module)
        elif called == "add_parser":
            yield Parser(node, module)
        elif called == "super":
            yield from self._own(node, module)
        elif self._makes_parser(node, module):
            yield Parser(node, module)
        else:
            for arg in node.args:  # deepspeed.add_config_arguments(parser) gives the parser back
                if not arg.star and isinstance(arg.value, (cst.Name, cst.Attribute)):
                    yield from self.of(arg.value, module)

    def _makes_parser(self, call: cst.Call, module: Module) -> bool:
        for value in self.flows.values(call.func, module):
            if isinstance(value, External) and _PARSER.search(value.name):
                return True
            if isinstance(value, Class) and self._derives(value):
                return True
        return False

    def _derives(self, cls: Class) -> bool:
        return any(_PARSER.search(name) for name in self.flows.external_bases(cls))

    def _own(self, node: cst.CSTNode, module: Module) -> Iterator[Parser]:
        """The class around a method of a parser, for its ``self`` and its ``super()``."""
        function = module.function(node)
        if isinstance(node, cst.Param) and (function is None or function.params.params[:1] != (node,)):
            return
        cls = module.method_class(function) if function is not None else None
        if cls is not None and self._derives(Class(module, cls)):
            yield Parser(cls, module)

    def above(self, parser: Parser) -> tuple[Parser, ...]:
        """The parser and those whose options it has too: its class and the classes above it, and its parents."""
        found = {parser: None}
        pending = [parser]
        while pending:
            one = pending.pop()
            for other in self._taken_over(one):
                if other not in found:
                    found[other] = None
                    pending.append(other)
        return tuple(found)

    def _taken_over(self, parser: Parser) -> Iterator[Parser]:
        node, module = parser.node, parser.module
        if isinstance(node, cst.ClassDef):
            classes = self.flows.ancestors(Class(module, node))
            yield from (Parser(c.node, c.module) for c in classes)
            return
        for value in self.flows.values(node.func, module):
            if isinstance(value, Class):
                yield Parser(value.node, value.module)
        for arg in node.args:
            if arg.keyword is not None and arg.keyword.value == "parents":
                for origin in self.origins.of(arg.value, module):
                    if isinstance(origin.node, (cst.List, cst.Tuple)):
                        for element in origin.node.elements:
                            yield from self.of(element.value, origin.module)

    def below(self, parser: Parser) -> tuple[Parser, ...]:
        """The sub-parsers of a parser, theirs too."""
        if self._children is None:
            self._children = {}
            for path in self.project.containing(b"add_parser"):
                module = self.project.module(path)
                for call in module.calls_where(lambda b: "add_parser" in b.code) if module is not None else ():
                    if isinstance(call.func, cst.Attribute) and call.func.attr.value == "add_parser":
                        assert module is not None
                        for parent in self._parents(call.func.value, module):
                            self._children.setdefault(parent, []).append(Parser(call, module))
        found: dict[Parser, None] = {}
        pending = [*self._children.get(parser, ())]
        while pending:
            one = pending.pop(0)
            if one not in found:
                found[one] = None
                pending += self._children.get(one, ())
        return tuple(found)

    def _parents(self, subparsers: cst.BaseExpression, module: Module) -> Iterator[Parser]:
        for origin in self.origins.of(subparsers, module):
            call = origin.node
            if isinstance(call, cst.Call) and last_name(call.func) == "add_subparsers":
                assert isinstance(call.func, cst.Attribute)
                yield from self.of(call.func.value, origin.module)

    # -- options --------------------------------------------------------------------------------------------------

    def options(self, dest: str) -> tuple[Option, ...]:
        """The declarations of an option, by the attribute that it gets, on any parser."""
        if dest not in self._options:
            self._options[dest] = (*self._declared(dest), *self._from_dicts(dest))
        return self._options[dest]

    def may_declare(self, dest: str) -> bool:
        """Whether some file names an option so: a cheap test before anything is followed."""
        if dest not in self._named:
            data = self.project.data
            named = any(dest.encode() in said for said in self._quoted.values())
            if not named and self._generated.loops:  # the dict may be in any file
                keyed = re.compile(rf"[\"']{dest}[\"']|\b{dest}\s*=".encode()).search
                named = any(keyed(data[p]) for p in self.project.containing(dest.encode()))
            self._named[dest] = named
        return self._named[dest]

    @cached_property
    def _quoted(self) -> dict[str, frozenset[bytes]]:
        """What may be the attributes of options, by the strings of each file that may declare some."""
        data = self.project.data
        declaring = self.project.containing(b"add_arg", b".add(")
        return {p: frozenset(said.replace(b"-", b"_") for said in _QUOTED.findall(data[p])) for p in declaring}

    def on(self, parser: Parser, dest: str) -> tuple[Option, ...]:
        """The declarations of an option that a parser has, its sub-parsers left out."""
        above = set(self.above(parser))
        return tuple(o for o in self.options(dest) if above & o.parsers)

    def _declared(self, dest: str) -> Iterator[Option]:
        spelled = re.compile(r"[\"']-*" + re.escape(dest).replace("_", "[-_]") + r"[\"']")
        for path in (path for path, said in self._quoted.items() if dest.encode() in said):
            module = self.project.module(path)
            if module is None:
                continue
            for call in module.calls_where(lambda b: "add" in b.code and spelled.search(b.code) is not None):
                if _may_add(call) and dest_of(call) == dest and (receiver := self.receiver(call, module)) is not None:
                    parsers = self.of(receiver, module)
                    if parsers:
                        yield Option(call, module, dest, frozenset(parsers))

    def receiver(self, call: cst.Call, module: Module) -> cst.BaseExpression | None:
        """What an option is added to, or None if a call adds none."""
        func: cst.BaseExpression = call.func
        if isinstance(func, cst.Name):  # add = parser.add_argument
            bound = [b.value for b in self.flows.bindings(func.value, func, module) if b.kind == "assign"]
            if len(bound) == 1 and isinstance(bound[0], cst.Attribute):
                func = bound[0]
        if isinstance(func, cst.Attribute) and func.attr.value in ADDS:
            return func.value
        return None

    def makes_fields(self, parser: Parser, cls: Class) -> bool:
        """Whether a parser has an option for each field of a class, because a loop makes them."""
        for loop in self._generated.loops:
            if any(made.node is cls.node for made in self._generated.classes(loop)):
                receiver = self.receiver(loop.call, loop.module)
                if receiver is not None and parser in self.of(receiver, loop.module):
                    return True
        return False

    def _from_dicts(self, dest: str) -> Iterator[Option]:
        for loop in self._generated.loops:
            receiver = self.receiver(loop.call, loop.module)
            if receiver is None:
                continue
            for target, where, table, table_module in self._generated.pairs(loop, receiver):
                parsers = frozenset(self.of(target, where))
                for entry, module in entries_named(dest, table, table_module, self.origins) if parsers else ():
                    yield Option(entry, module, dest, parsers, loop.call, loop.module)


def _may_add(call: cst.Call) -> bool:
    """Whether a call could add an option, by what is called."""
    return not isinstance(call.func, cst.Attribute) or call.func.attr.value in ADDS


def dest_of(call: cst.Call) -> str | None:
    """The attribute that an ``add_argument`` call's option gets, or None if that cannot be read off."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == "dest":
            return literal(arg.value)
    names = option_strings(call)
    long = next((n for n in names if n.startswith("--")), names[0] if names else None)
    return long.lstrip("-").replace("-", "_") if long else None


def option_strings(call: cst.Call) -> list[str]:
    """The names of an option, as they are typed: ``--lr`` and ``-l``."""
    plain = [a.value for a in call.args if a.keyword is None and not a.star]
    return [text for value in plain if (text := literal(value)) is not None]


def keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """The value of a keyword argument."""
    return next((a.value for a in call.args if a.keyword is not None and a.keyword.value == name), None)
