"""Which parsers read one command line in the same run, so that an option which one of them learns stops another.

``parse_args()`` ends the program at an option that it does not know; ``parse_known_args()`` does not:
https://docs.python.org/3/library/argparse.html#partial-parsing
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from cautify.analysis.import_lines import own_name
from cautify.analysis.names import Function
from cautify.analysis.nodes import dotted, walk
from cautify.analysis.parsers import Parser, Parsers
from cautify.analysis.syntax import Module

STRICT = frozenset({"parse_args", "parse_intermixed_args"})
LENIENT = frozenset({"parse_known_args", "parse_known_intermixed_args"})
_UPWARDS = 5
_DOWNWARDS = 2

Body = tuple[Module, cst.FunctionDef | None]


class SameRun:
    """Follows calls from where one parser reads the command line to where others certainly read it too."""

    def __init__(self, parsers: Parsers) -> None:
        self.parsers = parsers
        self.flows = parsers.flows
        self._strict: dict[Body, tuple[Parser, ...]] = {}
        self._others: dict[Parser, tuple[Parser, ...]] = {}
        self._alone: dict[str, bool] = {}

    def others(self, parser: Parser) -> tuple[Parser, ...]:
        """The parsers that refuse unknown options and that certainly run wherever one has read the command line.

        Not followed: parsers that stand in a condition, or in another script.
        """
        if parser not in self._others:
            found: dict[Parser, None] = {}
            for body in self._around(parser):
                found.update(dict.fromkeys(self._parsing(body, 0)))
            related = {*self.parsers.above(parser), *self.parsers.below(parser)}
            others = (p for p in found if p not in related and parser not in self.parsers.below(p))
            self._others[parser] = tuple(others)
        return self._others[parser]

    def _has_one(self, module: Module) -> bool:
        """Whether a file makes one parser at most, and mentions no other file that parses: most scripts do."""
        if module.path not in self._alone:
            data = module.source.utf8
            words = self.flows.project.words(module.path)
            one = data.count(b"Parser(") <= 1 and b"import *" not in data
            named = [p for p, name in self._parsing_files.items() if p != module.path and name in words] if one else ()
            self._alone[module.path] = one and not any(self._uses(module.path, path) for path in named)
        return self._alone[module.path]

    @cached_property
    def _parsing_files(self) -> dict[str, bytes]:
        """The files that parse, and the names by which others import them."""
        paths = self.flows.project.containing(b"parse_args")
        return {path: own_name(path).encode("utf-8") for path in paths}

    def _uses(self, path: str, other: str) -> bool:
        """Whether a file may use another as a module: it imports that by name, or takes it out of a package."""
        project, name = self.flows.project, own_name(other)
        imported = project.import_words(path)
        if imported is None or name.encode("utf-8") in imported:
            return True
        return re.search(rb"\.\s*%s\s*\." % name.encode("utf-8"), project.data[path]) is not None

    def _around(self, parser: Parser) -> list[Body]:
        """The functions and modules that run where a parser parses, the callers of these, and so on."""
        found: dict[Body, None] = {}
        pending = list(self._bodies(parser))
        for _ in range(_UPWARDS):
            found.update(dict.fromkeys(pending))
            above = []
            for module, function in pending:
                for where, call, _ in self.flows.callers.calls(Function(module, function)) if function else ():
                    body = (where, where.function(call))
                    if body not in found:
                        above.append(body)
            pending = above
        return list(found)

    def _bodies(self, parser: Parser) -> Iterator[Body]:
        """Where a parser parses the command line, as far as that stands in the file that makes it."""
        module = parser.module
        for call in module.calls_where(lambda b: "parse_" in b.code):
            if _parses(call, STRICT | LENIENT):
                assert isinstance(call.func, cst.Attribute)
                if parser in self.parsers.of(call.func.value, module):
                    yield module, module.function(call)

    def _parsing(self, body: Body, depth: int) -> tuple[Parser, ...]:
        """The parsers that parse strictly whenever a function or a module's own code runs."""
        if body not in self._strict and self._has_one(body[0]):
            self._strict[body] = ()
        if body not in self._strict:
            self._strict[body] = ()  # a circle adds nothing
            self._strict[body] = tuple(dict.fromkeys(self._find(body, depth)))
        return self._strict[body]

    def _find(self, body: Body, depth: int) -> Iterator[Parser]:
        module, function = body
        for call in _calls(module, function):
            if _parses(call, STRICT) and isinstance(call.func, cst.Attribute):
                made = self.parsers.of(call.func.value, module)
                yield from made if len(made) == 1 else ()
            elif depth < _DOWNWARDS and (dotted(call.func) or _parses(call, STRICT)):
                values = self.flows.values(call.func, module)
                for value in values if len(values) == 1 else ():
                    if isinstance(value, Function) and b"parse_args" in value.module.source.utf8:
                        yield from self._parsing((value.module, value.node), depth + 1)


def _calls(module: Module, function: cst.FunctionDef | None) -> Iterator[cst.Call]:
    """The calls that are made whenever a function, or a module that is run as a script, is run."""
    every = walk(function.body) if function is not None else module.calls_where(lambda _: False)
    for node in every:
        if isinstance(node, cst.Call) and module.function(node) is function and _certain(node, module):
            yield node


def _certain(node: cst.CSTNode, module: Module) -> bool:
    """Whether a node runs whenever its function does, or its module as a script."""
    inside = (cst.IfExp, cst.BooleanOperation, cst.Lambda, cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp)
    statement = module.statement(node)
    for above in module.ancestors(node):
        if above is statement:
            break
        if isinstance(above, inside):
            return False
    if module.unconditional(statement):
        return True
    guard = next((a for a in module.ancestors(statement) if isinstance(a, cst.If)), None)
    guarded = guard is not None and "__name__" in {n.value for n in walk(guard.test) if isinstance(n, cst.Name)}
    return (
        guarded
        and guard is not None
        and module.parents.get(guard) is module.tree
        and (module.parents.get(statement) is guard.body)
    )


def _parses(call: cst.Call, how: frozenset[str]) -> bool:
    """Whether a call parses the command line of the program, not words that it is given."""
    return isinstance(call.func, cst.Attribute) and call.func.attr.value in how and not call.args
