"""Options that are made in a loop from a dict of defaults: ``for k, v in defaults.items(): add_argument(f"--{k}")``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import dotted, last_name, literal, walk
from cautify.analysis.origins import Origins
from cautify.analysis.passing import passed_at
from cautify.analysis.syntax import Module

_DYNAMIC = re.compile(rb"add_argument\(\s*(?:[fF][\"']|[\"']-{0,2}[\"'{%]|[\"']--[\"']|[A-Za-z_]\w*\s*[,+)%])")


@dataclass(frozen=True)
class Loop:
    """An ``add_argument`` call in a loop over a dict."""

    call: cst.Call
    module: Module
    table: cst.BaseExpression


Pair = tuple[cst.BaseExpression, Module, cst.BaseExpression, Module]


class Generated:
    """The loops of one project that make options."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.project = origins.flows.project

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """The ``add_argument`` calls that name their option after the key of a dict that is looped over."""
        found = []
        for path in self.project.containing(b"add_argument"):
            if _DYNAMIC.search(self.project.data[path]):
                module = self.project.module(path)
                calls = module.calls_where(lambda b: "add_argument" in b.code) if module is not None else ()
                found += [loop for call in calls if module is not None and (loop := _loop(call, module)) is not None]
        return tuple(found)

    def classes(self, loop: Loop) -> Iterator[Class]:
        """The classes of whose fields a loop makes options, if it can make one that turns a switch on, or off."""
        made = _fields_of(loop.table)
        for value in self.origins.flows.values(made, loop.module) if made is not None else ():
            stuck = self.origins.flows.switch.on and only_turns_on(loop.call, loop.module)
            if isinstance(value, Class) and knows_booleans(loop.call, loop.module) and not stuck:
                yield value

    def pairs(self, loop: Loop, receiver: cst.BaseExpression) -> Iterator[Pair]:
        """The parser and the dict of a loop; where both are passed to the function around it, those of each call."""
        function = loop.module.function(loop.call)
        names = [p.name.value for p in function.params.params] if function is not None else []
        both = [n.value for n in (receiver, loop.table) if isinstance(n, cst.Name) and n.value in names]
        if function is None or len(both) < 2:
            yield receiver, loop.module, loop.table, loop.module
            return
        for where, call, bound in self.origins.flows.callers.calls(Function(loop.module, function)):
            passed = [passed_at(call, name, names.index(name) - bound) for name in both]
            if passed[0] is not None and passed[1] is not None:
                yield passed[0], where, passed[1], where


def _loop(call: cst.Call, module: Module) -> Loop | None:
    if not call.args or not dotted(call.func).endswith("add_argument") or literal(call.args[0].value) is not None:
        return None
    named = {n.value for n in walk(call.args[0].value) if isinstance(n, cst.Name)}
    for above in module.ancestors(call):
        if isinstance(above, (cst.FunctionDef, cst.ClassDef)):
            return None
        if isinstance(above, cst.For):
            target, iterated = above.target, above.iter
            if isinstance(iterated, cst.Call) and dotted(iterated.func) == "sorted" and iterated.args:
                iterated = iterated.args[0].value
            key = target.elements[0].value if isinstance(target, cst.Tuple) else target
            if not isinstance(key, cst.Name) or key.value not in named:
                continue
            if isinstance(iterated, cst.Call) and last_name(iterated.func) != "fields":
                if not isinstance(iterated.func, cst.Attribute):
                    return None
                method, table = iterated.func.attr.value, iterated.func.value
                looped = method in ("items", "keys") or (method == "values" and _fields_of(table) is not None)
                return Loop(call, module, table) if looped else None
            return Loop(call, module, iterated)
    return None


def _fields_of(table: cst.BaseExpression) -> cst.BaseExpression | None:
    """The class whose fields a loop is over: of ``fields(Config)`` and ``Config.__dataclass_fields__``."""
    if isinstance(table, cst.Call) and last_name(table.func) == "fields" and len(table.args) == 1:
        return table.args[0].value
    if isinstance(table, cst.Attribute) and table.attr.value in ("__dataclass_fields__", "__annotations__"):
        return table.value
    return None


def entries_named(
    name: str, table: cst.BaseExpression, module: Module, origins: Origins
) -> Iterator[tuple[cst.Arg | cst.DictElement, Module]]:
    """The entries of that key in the dicts, written out, that an expression may be."""
    for origin in origins.of(table, module):
        node = origin.node
        if isinstance(node, cst.Dict):
            for element in node.elements:
                if isinstance(element, cst.DictElement) and literal(element.key) == name:
                    yield element, origin.module
        elif isinstance(node, cst.Call) and dotted(node.func) == "dict":
            for arg in node.args:
                if arg.keyword is not None and arg.keyword.value == name:
                    yield arg, origin.module


def knows_booleans(loop: cst.Call, module: Module) -> bool:
    """Whether a loop treats a default that is True or False otherwise than by ``type(default)``."""
    around = _around(loop, module)
    return around is not None and any(isinstance(n, cst.Name) and "bool" in n.value for n in walk(around))


def only_turns_on(loop: cst.Call, module: Module) -> bool:
    """Whether a loop makes options that turn something on, and none that turns it off."""
    around = _around(loop, module)
    texts = {literal(n) for n in walk(around) if isinstance(n, cst.SimpleString)} if around is not None else set()
    return "store_true" in texts and "store_false" not in texts


def _around(loop: cst.Call, module: Module) -> cst.For | None:
    return next((a for a in module.ancestors(loop) if isinstance(a, cst.For)), None)
