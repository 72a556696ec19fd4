"""Where an object comes from: an expression followed backwards, through variables, parameters, attributes and returns.

Where :mod:`cautify.analysis.flows` asks which class or function a value is, this asks which expressions made it: the
``parser.parse_args()`` behind ``args``, the ``OmegaConf.load(path)`` behind ``self.cfg``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis.flows import Flows
from cautify.analysis.names import Class, Function, Imported, Lambda
from cautify.analysis.nodes import dotted
from cautify.analysis.pickled import Pickled
from cautify.analysis.scopes import Binding, Scope
from cautify.analysis.syntax import Module

_DEPTH = 24
_MANY = 60
_COPIES = frozenset({"copy", "deepcopy", "copy.copy", "copy.deepcopy"})


@dataclass(frozen=True)
class Origin:
    """An expression at which following stopped: a call of something foreign, a literal, anything that is not a name.

    ``item`` are the places in what the expression gives, where that was unpacked. A ``parameter`` that nobody in the
    project fills, or that others may fill too, has its name as ``node``; ``open`` says that nothing is known of what
    is there: a loop variable, a foreign import, a circle. ``old`` says that it came by way of a queue or a file, where
    what an earlier version of the project's code made may still lie.
    """

    node: cst.CSTNode
    module: Module
    item: tuple[int, ...] = ()
    parameter: bool = False
    open: bool = False
    old: bool = False


class Origins:
    """Follows expressions of one project backwards. ``flows`` resolves what is called and who calls."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self.pickled = Pickled(flows)
        self._known: dict[tuple[cst.CSTNode, tuple[int, ...]], tuple[Origin, ...]] = {}

    def of(self, node: cst.BaseExpression, module: Module, item: tuple[int, ...] = ()) -> tuple[Origin, ...]:
        """The expressions that may have made the value of ``node``, each once, in the order they were found."""
        return self._of(node, module, item, 0)

    def _of(self, node: cst.BaseExpression, module: Module, item: tuple[int, ...], depth: int) -> tuple[Origin, ...]:
        if depth > _DEPTH:
            return (Origin(node, module, item, open=True),)
        key = (node, item)
        if key not in self._known:
            self._known[key] = ()  # a circle adds nothing
            found = dict.fromkeys(self._follow(node, module, item, depth))
            self._known[key] = tuple(found) if len(found) <= _MANY else (Origin(node, module, item, open=True),)
        return self._known[key]

    def _follow(self, node: cst.BaseExpression, module: Module, item: tuple[int, ...], depth: int) -> Iterator[Origin]:
        match node:
            case cst.Name(value="None"):
                return
            case cst.Name(value=name):
                yield from self._name(name, node, module, item, depth)
            case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
                yield from self._of(one, module, item, depth + 1)
                yield from self._of(other, module, item, depth + 1)
            case cst.NamedExpr(value=value) | cst.Await(expression=value):
                yield from self._of(value, module, item, depth + 1)
            case cst.Tuple(elements=elements) | cst.List(elements=elements) if item:
                if item[0] < len(elements) and all(isinstance(e, cst.Element) for e in elements[: item[0] + 1]):
                    yield from self._of(elements[item[0]].value, module, item[1:], depth + 1)
                else:
                    yield Origin(node, module, item)
            case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Integer(value=at)))]):
                yield from self._of(base, module, (int(at, 0), *item), depth + 1)
            case cst.Attribute(value=base, attr=cst.Name(value=name)):
                yield from self._attribute(node, base, name, module, item, depth)
            case cst.Call():
                yield from self._call(node, module, item, depth)
            case _:
                yield Origin(node, module, item)

    def _name(
        self, name: str, node: cst.CSTNode, module: Module, item: tuple[int, ...], depth: int
    ) -> Iterator[Origin]:
        scope: Scope | None = module.scope(node)
        first = scope
        while scope is not None:
            visible = scope is first or not isinstance(scope.node, cst.ClassDef)
            if visible and name in scope.bindings:
                bindings = scope.bindings[name]
                for binding in self.flows.seen(bindings, node, module) if scope is first else bindings:
                    yield from self._binding(binding, module, item, depth)
                return
            scope = scope.parent
        yield Origin(node, module, item, open=True)

    def _binding(self, binding: Binding, module: Module, item: tuple[int, ...], depth: int) -> Iterator[Origin]:
        if binding.kind == "assign" and binding.value is not None:
            yield from self._of(binding.value, module, item, depth + 1)
        elif binding.kind == "param":
            yield from self._parameter(binding, module, item, depth)
        elif binding.kind == "opaque" and binding.source is not None and not binding.iterated:
            yield from self._of(binding.source, module, (*binding.item, *item), depth + 1)
        elif binding.kind == "import" and binding.member is not None:
            yield from self._imported(binding, module, item, depth)
        elif binding.kind != "annotation":
            yield Origin(binding.node, module, item, open=True)

    def _imported(self, binding: Binding, module: Module, item: tuple[int, ...], depth: int) -> Iterator[Origin]:
        assert binding.member is not None
        path = self.flows.project.import_target(module.path, binding.target)
        other = self.flows.project.module(path) if isinstance(path, str) else None
        found = other.root.bindings.get(binding.member, []) if other is not None else []
        if other is None or not found or depth > _DEPTH:
            yield Origin(binding.node, module, item, open=True)
            return
        for inner in found:
            yield from self._binding(inner, other, item, depth + 1)

    def _parameter(self, binding: Binding, module: Module, item: tuple[int, ...], depth: int) -> Iterator[Origin]:
        passed = list(self.flows.callers.arguments(binding, module)) if depth < _DEPTH else []
        for where, value in passed:
            arg = where.parents.get(value)
            queued = arg is not None and self.pickled.queues(where.parents.get(arg), where)
            yield from _aged(self._of(value, where, item, depth + 1), queued)
        if binding.value is not None and dotted(binding.value) != "None":
            yield from self._of(binding.value, module, item, depth + 1)
        if not passed:
            yield Origin(binding.node, module, item, parameter=True)

    def _attribute(
        self,
        node: cst.Attribute,
        base: cst.BaseExpression,
        name: str,
        module: Module,
        item: tuple[int, ...],
        depth: int,
    ) -> Iterator[Origin]:
        """What methods assign to an attribute of an object of the project, or what a module of it binds."""
        for value in self.flows.values(base, module) if dotted(base) else ():
            if isinstance(value, Imported) and value.path.endswith(".py"):
                other = self.flows.project.module(value.path)
                for binding in other.root.bindings.get(name, ()) if other is not None else ():
                    assert other is not None
                    yield from self._binding(binding, other, item, depth + 1)
                return
        found = False
        for owner in self.flows.types(base, module):
            away = self.pickled.goes_away(owner)
            for cls in [*self.flows.ancestors(owner), *self.flows.descendants(owner)[1:]]:
                for assigned in self.flows.assigned_attributes(cls, name):
                    found = True
                    yield from _aged(self._of(assigned, cls.module, item, depth + 1), away)
                for unpacked, place in self.flows.unpacked_attributes(cls, name):
                    found = True
                    yield from _aged(self._of(unpacked, cls.module, (place, *item), depth + 1), away)
        if not found:
            yield Origin(node, module, item)

    def _call(self, call: cst.Call, module: Module, item: tuple[int, ...], depth: int) -> Iterator[Origin]:
        """What a function of the project returns; every other call is an origin. A copy is what it copies."""
        if dotted(call.func) in _COPIES and call.args:
            yield from self._of(call.args[0].value, module, item, depth + 1)
            return
        stopped = False
        for value in self.flows.values(call.func, module):
            if isinstance(value, Function) and not _generates(value):
                for returned in value.module.returned(value.node):
                    yield from self._of(returned, value.module, item, depth + 1)
            elif isinstance(value, Lambda):
                yield from self._of(value.node.body, value.module, item, depth + 1)
            elif not stopped:
                stopped = True
                yield Origin(call, module, item)

    def made(self, node: cst.BaseExpression, module: Module) -> frozenset[Class]:
        """The classes of the project of which an expression's value may be an instance, as far as can be followed."""
        found = set(self.flows.types(node, module))
        for origin in self.of(node, module):
            if isinstance(origin.node, cst.Call) and not origin.item:
                found |= {v for v in self.flows.values(origin.node.func, origin.module) if isinstance(v, Class)}
        return frozenset(found)


def _aged(origins: tuple[Origin, ...], old: bool) -> tuple[Origin, ...]:
    return tuple(replace(o, old=True) for o in origins) if old else origins


def _generates(function: Function) -> bool:
    """Whether a function is decorated by something that changes what its call gives."""
    return any(
        dotted(d.decorator).rpartition(".")[2] in ("contextmanager", "fixture") for d in function.node.decorators
    )
