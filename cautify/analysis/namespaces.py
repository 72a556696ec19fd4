"""What a parser gives: which expressions are parsed command lines, and by which parsers.

``args``, ``vars(args)``, ``EasyDict(vars(args))`` and ``SimpleNamespace(**vars(args))`` all are what was parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from cautify.analysis.names import Class
from cautify.analysis.nodes import dotted, last_name
from cautify.analysis.origins import Origin, Origins
from cautify.analysis.parsers import Parser, Parsers
from cautify.analysis.syntax import Module

_PARSES = frozenset({"parse_args", "parse_intermixed_args"})
_PARSES_KNOWN = frozenset({"parse_known_args", "parse_known_intermixed_args"})
_HOLDERS = re.compile(r"dict$|Dict$|Namespace$|Munch$|Bunch$|Box$|OmegaConf\.create$|munchify$|[Aa]ttr\w*$|HParams$")
_REWRITES = re.compile(rb"__dict__[ \t]*=[^=]|__dict__\.update\b|\bvars\([^()]*\)\.update\b")
_DEPTH = 8


@dataclass(frozen=True)
class Namespace:
    """The parsers whose results an object may be. ``elsewhere``: it may also be something else."""

    parsers: tuple[Parser, ...]
    elsewhere: bool


class Namespaces:
    """The parsed command lines of one project."""

    def __init__(self, parsers: Parsers, origins: Origins) -> None:
        self.parsers = parsers
        self.origins = origins
        self._known: dict[cst.CSTNode, Namespace | None] = {}

    def of(self, node: cst.BaseExpression, module: Module) -> Namespace | None:
        """Which parsers made an object, or None if none did."""
        if node not in self._known:
            found = dict.fromkeys(self._follow(node, module, (), 0))
            parsers = tuple(p for p in found if p is not None)
            elsewhere = None in found or bool(parsers and self._rewritten.intersection(parsers))
            self._known[node] = Namespace(parsers, elsewhere) if parsers else None
        return self._known[node]

    @cached_property
    def _rewritten(self) -> frozenset[Parser]:
        """The parsers whose results get the variables of something else: ``args.__dict__ = checkpoint["args"]``."""
        project = self.origins.flows.project
        found: set[Parser | None] = set()
        for path in project.containing(b"__dict__", b"vars("):
            module = project.module(path) if _REWRITES.search(project.data[path]) else None
            nodes = module.nodes_where(lambda b: _REWRITES.search(b.code.encode()) is not None) if module else ()
            for node in nodes:
                if module is not None and (base := _rewritten(node)) is not None:
                    found.update(self._follow(base, module, (), 0))
        return frozenset(p for p in found if p is not None)

    def _follow(
        self, node: cst.BaseExpression, module: Module, item: tuple[int, ...], depth: int
    ) -> Iterator[Parser | None]:
        if depth > _DEPTH:
            yield None
            return
        for origin in self.origins.of(node, module, item):
            yield from self._parsed(origin, depth)

    def _parsed(self, origin: Origin, depth: int) -> Iterator[Parser | None]:
        node, module, item = origin.node, origin.module, origin.item
        if origin.old:
            yield None
        if isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
            yield from self._follow(node.value, module, item, depth + 1)
        elif origin.parameter:
            yield from self._dispatched(node, module) or [None]
        elif not isinstance(node, cst.Call):
            yield None
        elif isinstance(node.func, cst.Attribute) and (
            (node.func.attr.value in _PARSES and not item) or (node.func.attr.value in _PARSES_KNOWN and item == (0,))
        ):
            yield from self.parsers.of(node.func.value, module) or [None]
        elif item:
            yield None
        elif isinstance(node.func, cst.Attribute) and node.func.attr.value == "copy" and not node.args:
            yield from self._follow(node.func.value, module, item, depth + 1)
        elif last_name(node.func) == "vars" and len(node.args) == 1:
            yield from self._follow(node.args[0].value, module, item, depth + 1)
        else:
            held = self.held(node, module)
            if held is None:
                yield None
            else:
                yield from self._follow(held, module, (), depth + 1)

    def held(self, call: cst.Call, module: Module) -> cst.BaseExpression | None:
        """The one object whose attributes a dict-like object, which a call makes, is made of."""
        if not call.args or not _HOLDERS.search(dotted(call.func)):
            return None
        for value in self.origins.flows.values(call.func, module):
            if isinstance(value, Class) and not self.origins.flows.external_bases(value):
                return None
        first = call.args[0]
        return first.value if first.star == "**" or (not first.star and first.keyword is None) else None

    def _dispatched(self, node: cst.CSTNode, module: Module) -> tuple[Parser, ...]:
        """For the parameter of ``train`` in ``parser.set_defaults(func=train)``: that parser."""
        function = module.function(node)
        if not isinstance(node, cst.Param) or function is None or function.params.params[:1] != (node,):
            return ()
        name = function.name.value
        found: dict[Parser, None] = {}
        project = self.origins.flows.project
        for path in project.mentioning_word({name}):
            if b"set_defaults" not in project.data[path]:
                continue
            other = project.module(path)
            for call in other.calls_of({"set_defaults"}) if other is not None else ():
                assert other is not None
                if isinstance(call.func, cst.Attribute) and call.func.attr.value == "set_defaults":
                    given = [a.value for a in call.args if a.keyword is not None]
                    if any(self._is_function(value, other, function) for value in given):
                        found.update(dict.fromkeys(self.parsers.of(call.func.value, other)))
        return tuple(found)

    def _is_function(self, value: cst.BaseExpression, module: Module, function: cst.FunctionDef) -> bool:
        if last_name(value) != function.name.value:
            return False
        return any(getattr(v, "node", None) is function for v in self.origins.flows.values(value, module))


def _rewritten(node: cst.CSTNode) -> cst.BaseExpression | None:
    """The object whose variables a statement or call replaces as a whole."""
    if isinstance(node, cst.AssignTarget):
        return _holding(node.target)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "update":
        return _holding(node.func.value)
    return None


def _holding(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """The object of ``x.__dict__`` and ``vars(x)``."""
    if isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
        return node.value
    if isinstance(node, cst.Call) and last_name(node.func) == "vars" and len(node.args) == 1:
        return node.args[0].value
    return None
