"""Calls that give an instance of a class handed to them: what reads a command line or a file into a config object.

``tyro.cli(Args)`` is an ``Args``, ``HfArgumentParser((A, B)).parse_args_into_dataclasses()`` a tuple of both,
``dataclasses.replace(cfg, …)`` whatever ``cfg`` is. None of these need be installed here; they are known by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import libcst as cst

from cautify.analysis.names import Class, External, Function
from cautify.analysis.nodes import dotted
from cautify.analysis.syntax import Module

if TYPE_CHECKING:
    from cautify.analysis.resolve import Resolver

Item = tuple[int, ...]
_NOTHING: frozenset[Class] = frozenset()

# Where the class stands among the arguments: its position and its keyword. A negative position means by keyword only.
_TAKES_CLASS = {
    "tyro.cli": (0, "f"),
    "tyro.extras.from_yaml": (0, "cls"),
    "draccus.parse": (0, "config_class"),
    "draccus.load": (0, "t"),
    "draccus.decode": (0, "cls"),
    "pyrallis.parse": (0, "config_class"),
    "pyrallis.load": (0, "t"),
    "pyrallis.decode": (0, "cls"),
    "simple_parsing.parse": (0, "config_class"),
    "dacite.from_dict": (0, "data_class"),
    "jsonargparse.CLI": (0, "components"),
    "jsonargparse.auto_cli": (0, "components"),
    "omegaconf.OmegaConf.structured": (0, "obj"),
    "cattrs.structure": (1, "cl"),
    "cattr.structure": (1, "cl"),
    "msgspec.convert": (1, "type"),
    "pydantic.parse_obj_as": (0, "type_"),
    **{f"msgspec.{form}.decode": (-1, "type") for form in ("json", "yaml", "toml", "msgpack")},
}
_GIVES_ARGUMENT = frozenset(
    {
        *("dataclasses.replace", "copy.copy", "copy.deepcopy", "copy.replace", "attr.evolve", "attrs.evolve"),
        *("msgspec.structs.replace", "omegaconf.OmegaConf.to_object", "omegaconf.OmegaConf.merge"),
        *("omegaconf.OmegaConf.create", "omegaconf.OmegaConf.unsafe_merge"),
    }
)
_PARSERS = frozenset({"transformers.HfArgumentParser", "transformers.hf_argparser.HfArgumentParser", "trl.TrlParser"})
_PARSES = frozenset(
    {
        *("parse_args_into_dataclasses", "parse_args_and_config", "parse_dict", "parse_yaml_file", "parse_json_file"),
        *("parse_yaml_and_args", "parse"),
    }
)
_MAKES = ("from_", "parse", "load", "create", "model_validate", "model_construct", "construct")
_KEEPS = frozenset({"model_copy", "copy", "parse_args"})
_GENERATORS = frozenset({"contextmanager", "asynccontextmanager", "fixture"})
_DEEP = 12


def made_by(call: cst.Call, module: Module, resolver: Resolver, item: Item = (), depth: int = 0) -> frozenset[Class]:
    """The classes of the project of which a call's value may be an instance, or the part of it at ``item``.

    Only what is not said by the class or the annotation that the callee has itself. Empty: not known.
    """
    if depth > _DEEP:
        return _NOTHING
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in _PARSES:
        held = _parsed(call.func.value, module, resolver)
        if held is not None:
            return _at(held, item, module, resolver, call)
    found: set[Class] = set()
    for value in resolver.values(call.func, module):
        if isinstance(value, External) and not item:
            found |= _by_library(value.name, call, module, resolver, depth)
        elif isinstance(value, Function):
            found |= _returned(value, resolver, item)
    if not found and not item and isinstance(call.func, cst.Attribute):
        return _by_method(call.func, module, resolver, depth)
    return frozenset(found)


def _by_library(name: str, call: cst.Call, module: Module, resolver: Resolver, depth: int) -> frozenset[Class]:
    if name in _TAKES_CLASS:
        given = _argument(call, *_TAKES_CLASS[name])
        return _instances(given, module, resolver, depth) if given is not None else _NOTHING
    if name in _GIVES_ARGUMENT and call.args:
        return resolver.types(call.args[0].value, module, depth + 1)
    return _NOTHING


def _argument(call: cst.Call, position: int, keyword: str) -> cst.BaseExpression | None:
    for at, arg in enumerate(call.args):
        if arg.star:
            return None
        if arg.keyword is not None and arg.keyword.value == keyword:
            return arg.value
        if arg.keyword is None and at == position:
            return arg.value
    return None


def _instances(node: cst.BaseExpression, module: Module, resolver: Resolver, depth: int) -> frozenset[Class]:
    """The classes that an expression names, or returns when called; ``tyro.conf.Marker[Args]`` names ``Args``."""
    if isinstance(node, cst.Subscript) and dotted(node.value).startswith("tyro.conf."):
        first = node.slice[0].slice
        return _instances(first.value, module, resolver, depth) if isinstance(first, cst.Index) else _NOTHING
    found = set(resolver.annotated(node, module))
    for value in resolver.values(node, module) if isinstance(node, (cst.Name, cst.Attribute)) else ():
        if isinstance(value, Function):
            found |= _returned(value, resolver, ())
    return frozenset(found or resolver.types(node, module, depth + 1))


def _returned(function: Function, resolver: Resolver, item: Item) -> frozenset[Class]:
    """What a function of the project returns, where all it returns is known. A function in a circle returns nothing."""
    key = (function.node, item)
    if key not in resolver.given:
        resolver.given[key] = _NOTHING
        returns = function.node.returns
        if returns is not None:
            resolver.given[key] = _annotated(returns.annotation, item, function.module, resolver)
        elif not any(dotted(d.decorator).rpartition(".")[2] in _GENERATORS for d in function.node.decorators):
            resolver.given[key] = _all_returned(function, resolver, item)
    return resolver.given[key]


def _annotated(annotation: cst.BaseExpression, item: Item, module: Module, resolver: Resolver) -> frozenset[Class]:
    """The classes at a place of ``tuple[A, B]``, or of the whole annotation."""
    for place in item:
        if not isinstance(annotation, cst.Subscript) or dotted(annotation.value).rpartition(".")[2].lower() != "tuple":
            return _NOTHING
        elements = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
        if place >= len(elements) or any(isinstance(e, cst.Ellipsis) for e in elements):
            return _NOTHING
        annotation = elements[place]
    return resolver.annotated(annotation, module)


def _all_returned(function: Function, resolver: Resolver, item: Item) -> frozenset[Class]:
    found: set[Class] = set()
    for expression in function.module.returned(function.node):
        if dotted(expression) == "None":
            continue
        types = part(expression, item, function.module, resolver, 0)
        if not types:
            return _NOTHING
        found |= types
    return frozenset(found)


def part(node: cst.BaseExpression, item: Item, module: Module, resolver: Resolver, depth: int) -> frozenset[Class]:
    """The classes of which the value at ``item`` of an expression's value may be an instance. Empty: not known."""
    if depth > _DEEP:
        return _NOTHING
    if not item:
        return resolver.types(node, module, depth)
    if isinstance(node, (cst.Tuple, cst.List)):
        held = node.elements[: item[0] + 1]
        if len(held) <= item[0] or not all(isinstance(e, cst.Element) for e in held):
            return _NOTHING
        return part(held[-1].value, item[1:], module, resolver, depth + 1)
    if isinstance(node, cst.Call):
        return made_by(node, module, resolver, item, depth + 1)
    if isinstance(node, cst.Name):
        bindings = resolver.bindings(node.value, node, module)
        known = [b.value for b in bindings if b.kind == "assign" and b.value is not None]
        if len(known) == len(bindings):
            return frozenset(t for value in known for t in part(value, item, module, resolver, depth + 1))
    return _NOTHING


# -- a parser that is made for classes -------------------------------------------------------------------------------


def _parsed(node: cst.BaseExpression, module: Module, resolver: Resolver) -> tuple[cst.BaseExpression, ...] | None:
    """The expressions for the classes that a parser fills, or None if an expression is no such parser."""
    made = _assigned(node, module, resolver)
    if not isinstance(made, cst.Call):
        return None
    if not any(_is_parser(v, resolver) for v in resolver.values(made.func, module)):
        return None
    given = _argument(made, 0, "dataclass_types")
    given = _assigned(given, module, resolver) if given is not None else None
    if isinstance(given, (cst.Tuple, cst.List)):
        plain = all(isinstance(e, cst.Element) for e in given.elements)
        return tuple(e.value for e in given.elements) if plain else None
    return (given,) if given is not None else None


def _assigned(node: cst.BaseExpression, module: Module, resolver: Resolver) -> cst.BaseExpression:
    """The one value of a variable, or the expression itself."""
    bindings = resolver.bindings(node.value, node, module) if isinstance(node, cst.Name) else ()
    values = [b.value for b in bindings if b.kind == "assign"]
    return values[0] if len(values) == len(bindings) == 1 and values[0] is not None else node


def _is_parser(value: object, resolver: Resolver) -> bool:
    if isinstance(value, External):
        return value.name in _PARSERS or value.name.endswith((".TrlParser", ".HfArgumentParser"))
    return isinstance(value, Class) and any(
        base in _PARSERS or base.endswith(".HfArgumentParser") for base in resolver.external_bases(value)
    )


def _at(
    held: tuple[cst.BaseExpression, ...], item: Item, module: Module, resolver: Resolver, call: cst.Call
) -> frozenset[Class]:
    """The class at a place of what a parser returns, which is a tuple whatever the number of classes."""
    single = isinstance(call.func, cst.Attribute) and call.func.attr.value == "parse" and len(held) == 1
    if single and not item:
        return _instances(held[0], module, resolver, 0)
    if len(item) != 1 or item[0] >= len(held):
        return _NOTHING
    return _instances(held[item[0]], module, resolver, 0)


# -- methods ----------------------------------------------------------------------------------------------------------


def _by_method(func: cst.Attribute, module: Module, resolver: Resolver, depth: int) -> frozenset[Class]:
    """``Cfg.from_dict(…)``, of the project or inherited from a library, and what gives a copy of its object."""
    name = func.attr.value
    if name.startswith(_MAKES):
        owners = [v for v in resolver.values(func.value, module) if isinstance(v, Class)]
        if owners:
            return frozenset(owner for owner in owners if _makes_own(owner, name, resolver))
    if name in _KEEPS:
        owners = list(resolver.types(func.value, module, depth + 1))
        if owners and not any(_defined(owner, name, resolver) for owner in owners):
            return frozenset(o for o in owners if resolver.external_bases(o))
    return _NOTHING


def _makes_own(owner: Class, name: str, resolver: Resolver) -> bool:
    """Whether a method that is called on a class gives an instance of that class."""
    defined = _defined(owner, name, resolver)
    if not defined:
        return bool(resolver.external_bases(owner) or owner.node.decorators)
    return all(
        any(dotted(d.decorator) == "classmethod" for d in function.node.decorators) and _gives_class(function)
        for function in defined
    )


def _gives_class(function: Function) -> bool:
    """Whether a classmethod returns what it makes by calling its class, and nothing else."""
    first = [*function.node.params.posonly_params, *function.node.params.params][:1]
    if not first:
        return False
    own = first[0].name.value
    returned = function.module.returned(function.node)
    return bool(returned) and all(_is_own(r, own, function) for r in returned)


def _is_own(node: cst.BaseExpression, own: str, function: Function) -> bool:
    if isinstance(node, cst.Name):
        scope = function.module.scopes[function.node]
        bindings = scope.bindings.get(node.value, [])
        values = [b.value for b in bindings if b.kind == "assign" and b.value is not None]
        return bool(values) and len(values) == len(bindings) and all(_is_own(v, own, function) for v in values)
    if not isinstance(node, cst.Call):
        return False
    called = dotted(node.func)
    if called == own or (called.startswith(f"{own}.") and called.rpartition(".")[2].startswith(_MAKES)):
        return True
    handed: Iterable[str] = [dotted(a.value) for a in node.args[:2]]
    return own in handed and called.rpartition(".")[2] in (
        "from_dict",
        "parse",
        "load",
        "decode",
        "structure",
        "convert",
    )


def _defined(owner: Class, name: str, resolver: Resolver) -> list[Function]:
    """The definitions of a method in the nearest class of the project that has one."""
    for cls in resolver.ancestors(owner):
        bindings = cls.module.scopes[cls.node].bindings.get(name, [])
        if bindings:
            return [Function(cls.module, b.node) for b in bindings if isinstance(b.node, cst.FunctionDef)]
    return []
