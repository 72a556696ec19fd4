"""Config classes that simple_parsing turns into options: ``parser.add_arguments(Config, dest="config")``.

https://github.com/lebrice/SimpleParsing: the parsed arguments have an instance of the class under that name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from cautify.analysis.construction import argument
from cautify.analysis.names import Class, External, Function
from cautify.analysis.nodes import literal
from cautify.analysis.syntax import Module

if TYPE_CHECKING:
    from cautify.analysis.resolve import Resolver

_NOTHING: frozenset[Class] = frozenset()


def held_under(name: str, parsed: cst.BaseExpression, module: Module, resolver: Resolver) -> frozenset[Class]:
    """The class of which the attribute ``name`` of parsed arguments is an instance. Empty: not known."""
    call, module = _made(parsed, module, resolver)
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return _NOTHING
    if call.func.attr.value != "parse_args":
        return _NOTHING
    parser, where = _made(call.func.value, module, resolver)
    if not isinstance(parser, cst.Call) or not any(
        isinstance(v, External) and v.name.startswith("simple_parsing.") and v.name.endswith("ArgumentParser")
        for v in resolver.values(parser.func, where)
    ):
        return _NOTHING
    found: set[Class] = set()
    for adding in where.calls_of({"add_arguments"}):
        if not isinstance(adding.func, cst.Attribute) or adding.func.attr.value != "add_arguments":
            continue
        given, dest = argument(adding, "dataclass", 0), argument(adding, "dest", 1)
        if given is not None and literal(dest) == name and _made(adding.func.value, where, resolver)[0] is parser:
            found |= {v for v in resolver.values(given, where) if isinstance(v, Class)}
    return frozenset(found)


def _made(node: cst.BaseExpression, module: Module, resolver: Resolver) -> tuple[cst.BaseExpression, Module]:
    """The one expression that made a value: behind a variable, and behind a function of the project that returns it."""
    for _ in range(4):
        if isinstance(node, cst.Name):
            bindings = resolver.bindings(node.value, node, module)
            values = [b.value for b in bindings if b.kind == "assign"]
            if len(values) != 1 or len(bindings) != 1 or values[0] is None:
                break
            node = values[0]
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
            functions = [v for v in resolver.values(node.func, module) if isinstance(v, Function)]
            returned = functions[0].module.returned(functions[0].node) if len(functions) == 1 else ()
            if len(returned) != 1:
                break
            node, module = returned[0], functions[0].module
        else:
            break
    return node, module
