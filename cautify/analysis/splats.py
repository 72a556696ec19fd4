"""Whether what a construction splats could hold the fields of a config object."""

from __future__ import annotations

import libcst as cst

from cautify.analysis.resolve import External, Resolver
from cautify.analysis.syntax import Module, dotted, walk

_WHOLE = frozenset({"asdict", "astuple", "vars", "fields"})
_COPIES = frozenset({"dict", "copy.copy", "copy.deepcopy", "deepcopy"})
_DEPTH = 5


def may_hold_fields(value: cst.BaseExpression, module: Module, resolver: Resolver, depth: int = 0) -> bool:
    """Whether a splatted dict could have been made from a config object. Unsure counts as yes.

    A ``**kwargs`` parameter counts as no: what its callers splat is looked at where they do.
    """
    if depth > _DEPTH or _dumps(value):
        return True
    match value:
        case cst.Dict(elements=elements):
            starred = [e.value for e in elements if isinstance(e, cst.StarredDictElement)]
            return any(may_hold_fields(e, module, resolver, depth + 1) for e in starred)
        case cst.IfExp(body=body, orelse=orelse):
            return any(may_hold_fields(e, module, resolver, depth + 1) for e in (body, orelse))
        case cst.BooleanOperation(left=left, right=right):
            return any(may_hold_fields(e, module, resolver, depth + 1) for e in (left, right))
        case cst.BinaryOperation(left=left, right=right):
            return any(may_hold_fields(e, module, resolver, depth + 1) for e in (left, right))
        case cst.Subscript(value=inner):
            return isinstance(inner, cst.Name) and may_hold_fields(inner, module, resolver, depth + 1)
        case cst.DictComp(
            for_in=cst.CompFor(iter=cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(value="items"))))
        ):
            return may_hold_fields(inner, module, resolver, depth + 1)
        case cst.Call():
            return _call(value, module, resolver, depth)
        case cst.Attribute(value=base, attr=cst.Name(value=name)):
            return _attribute(base, name, module, resolver, depth)
        case cst.Name(value=name):
            return _name(name, value, module, resolver, depth)
        case _:
            return True


def _dumps(value: cst.CSTNode) -> bool:
    for node in walk(value):
        if isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
            return True
        if isinstance(node, cst.Call) and dotted(node.func).rpartition(".")[2] in _WHOLE:
            return True
    return False


def _call(call: cst.Call, module: Module, resolver: Resolver, depth: int) -> bool:
    if dotted(call.func) in _COPIES:
        inner = [a.value for a in call.args if a.keyword is None]
        return any(may_hold_fields(e, module, resolver, depth + 1) for e in inner)
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in ("copy", "get", "pop"):
        return may_hold_fields(call.func.value, module, resolver, depth + 1)
    return not all(isinstance(v, External) for v in resolver.values(call.func, module))


def _attribute(base: cst.BaseExpression, name: str, module: Module, resolver: Resolver, depth: int) -> bool:
    """An attribute of an object: what methods assign to it decides; a field of a config is the user's own dict."""
    for owner in resolver.types(base, module):
        for cls in resolver.ancestors(owner):
            for value in resolver.assigned_attributes(cls, name):
                if may_hold_fields(value, cls.module, resolver, depth + 1):
                    return True
    return False


def _name(name: str, node: cst.BaseExpression, module: Module, resolver: Resolver, depth: int) -> bool:
    for binding in resolver.bindings(name, node, module):
        if binding.kind in ("param", "import"):
            continue
        if binding.value is None or binding.kind != "assign":
            return True
        if may_hold_fields(binding.value, module, resolver, depth + 1):
            return True
    scope = module.scope(node)
    for call in module.calls_of({"update"}):
        method = call.func
        if isinstance(method, cst.Attribute) and method.attr.value == "update" and dotted(method.value) == name:
            added = [a.value for a in call.args if a.keyword is None and module.scope(call) is scope]
            if any(may_hold_fields(e, module, resolver, depth + 1) for e in added):
                return True
    return False
