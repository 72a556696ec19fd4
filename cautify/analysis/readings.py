"""From an expression to the places that its learning rate is read from, one for each kind of home but the field.

A learning rate may be computed (``args.lr * world_size``), sit in a variable, or be passed down through functions: what
counts is each place where it is read of something that outlives the expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis.callers import hands_up, is_super
from cautify.analysis.injected import Injected
from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import children, dotted, keywords, literal
from cautify.analysis.origins import Origins
from cautify.analysis.passing import may_splat, passed
from cautify.analysis.reaching import reaching
from cautify.analysis.scopes import Binding, Scope
from cautify.analysis.syntax import Module
from cautify.homes.attribute import AttributeSlot, CarriedSlot
from cautify.homes.click_options import click_options
from cautify.homes.parameter import HparamsSlot, ParameterSlot, StyleOf
from cautify.homes.shared_options import SharedOptions
from cautify.homes.slot import Reader, Slot

_DEPTH = 10
_SKIPPED = (cst.Lambda, cst.SimpleString, cst.FormattedString, cst.ConcatenatedString, cst.Integer, cst.Float)


@dataclass(frozen=True)
class Reading:
    """One place that an expression reads: a slot, and the text of the object it is read of, empty for a plain name.

    ``at`` is the expression that reads. ``sometimes`` says that a condition decides whether it does.
    """

    slot: Slot
    base: str
    at: cst.BaseExpression
    sometimes: bool = False


@dataclass(frozen=True)
class Problem:
    """Why a place that an expression reads cannot be a home: one sentence's end."""

    why: str


class Readings:
    """Follows expressions of one project to the slots they read. ``readers`` are asked in order."""

    def __init__(self, origins: Origins, readers: Iterable[Reader], style_of: StyleOf) -> None:
        self.origins = origins
        self.flows = origins.flows
        self.readers = tuple(readers)
        self.style_of = style_of
        self.pickled = origins.pickled
        self.injected = Injected(origins)
        self.shared = SharedOptions(origins)
        self._carrying: set[cst.FunctionDef] = set()
        self._owner: Class | None = None
        self._answers: dict[cst.CSTNode, Reading | Problem | None] = {}

    @contextmanager
    def of_objects(self, owner: Class | None) -> Iterator[None]:
        """What is read inside is of interest for objects of a class only: its ``__init__`` may serve others too."""
        before, self._owner = self._owner, owner
        try:
            yield
        finally:
            self._owner = before

    def of(self, expression: cst.BaseExpression, module: Module) -> list[Reading | Problem]:
        """What an expression reads, in order, each place once."""
        return list(dict.fromkeys(self._in(expression, module, False, 0)))

    def _in(self, node: cst.CSTNode, module: Module, sometimes: bool, depth: int) -> Iterator[Reading | Problem]:
        if depth > _DEPTH or isinstance(node, _SKIPPED):
            return
        match node:
            case cst.Name():
                yield from self._name(node, module, sometimes, depth)
                return
            case cst.IfExp(body=one, orelse=other) | cst.BooleanOperation(left=one, right=other):
                yield from self._in(one, module, True, depth + 1)
                yield from self._in(other, module, True, depth + 1)
                return
            case cst.Attribute():
                found = list(self._attribute(node, module, sometimes, depth))
                yield from found
                if found or not isinstance(node.value, cst.Call):
                    return
            case cst.Subscript() | cst.Call():
                asked = self._asked(node, module, sometimes)
                if asked is not None:
                    yield asked
                    return
        if isinstance(node, cst.Call):
            func = node.func
            if isinstance(func, cst.Attribute) or (isinstance(func, cst.Name) and self._is_parameter(func, module)):
                yield from self._in(func, module, sometimes, depth + 1)
            for arg in node.args:
                if self._says_rate(node, arg):
                    yield from self._in(arg.value, module, sometimes, depth + 1)
            return
        for child in children(node):
            yield from self._in(child, module, sometimes, depth + 1)

    def _says_rate(self, call: cst.Call, arg: cst.Arg) -> bool:
        """Whether an argument may bring a learning rate: not what a patch before handed on for the switch."""
        name = dotted(call.func)
        wrap = name.endswith("CautiousOptimizer.wrap") or (name.endswith(".wrap") and "enabled" in keywords(call))
        return arg.keyword is None or not (wrap or arg.keyword.value in self.flows.switch.names)

    def _asked(self, node: cst.BaseExpression, module: Module, sometimes: bool) -> Reading | Problem | None:
        """What the readers say of an expression."""
        if node not in self._answers:
            self._answers[node] = self._ask(node, module)
        found = self._answers[node]
        return replace(found, sometimes=sometimes) if isinstance(found, Reading) else found

    def _ask(self, node: cst.BaseExpression, module: Module) -> Reading | Problem | None:
        for reader in self.readers:
            found = reader.slot(node, module)
            if isinstance(found, str):
                return Problem(found)
            if found is not None:
                return Reading(found, self._base(node, module), node)
        return None

    def _base(self, node: cst.BaseExpression, module: Module) -> str:
        """The text of the object that an expression reads something of."""
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            return module.text(node.func.value)
        return module.text(node.value) if isinstance(node, (cst.Attribute, cst.Subscript)) else ""

    # -- names ----------------------------------------------------------------------------------------------------

    def _name(self, node: cst.Name, module: Module, sometimes: bool, depth: int) -> Iterator[Reading | Problem]:
        scope, bindings = self._bound(node, module)
        if scope is None or scope is module.root or any(b.kind == "import" for b in bindings):
            asked = self._asked(node, module, sometimes)
            if asked is not None:
                yield asked
                return
        several = len(bindings) > 1
        for binding in bindings:
            if binding.kind == "param":
                yield from self._parameter(binding, node, module, sometimes, depth)
            elif binding.kind == "assign" and binding.value is not None:
                maybe = sometimes or several or not module.unconditional(binding.node)
                yield from self._in(binding.value, module, maybe, depth + 1)
            elif isinstance(binding.source, cst.Tuple) and len(binding.item) == 1 and not binding.iterated:
                elements = binding.source.elements[binding.item[0] : binding.item[0] + 1]
                for element in elements:
                    yield from self._in(element.value, module, sometimes or several, depth + 1)

    def _bound(self, node: cst.Name, module: Module) -> tuple[Scope | None, list[Binding]]:
        """The scope that a name is seen from, and those of its bindings there that may reach it."""
        scope: Scope | None = module.scope(node)
        first = scope
        while scope is not None:
            visible = scope is first or not isinstance(scope.node, cst.ClassDef)
            if visible and node.value in scope.bindings:
                bindings = scope.bindings[node.value]
                return scope, (reaching(bindings, node, module) if scope is first else list(bindings))
            scope = scope.parent
        return None, []

    def _is_parameter(self, node: cst.Name, module: Module) -> bool:
        return any(b.kind == "param" for b in self._bound(node, module)[1])

    def _parameter(
        self, binding: Binding, node: cst.Name, module: Module, sometimes: bool, depth: int
    ) -> Iterator[Reading | Problem]:
        function = next(
            (a for a in module.ancestors(binding.node) if isinstance(a, (cst.FunctionDef, cst.Lambda))), None
        )
        if not isinstance(function, cst.FunctionDef):
            return
        first = [*function.params.posonly_params, *function.params.params][:1]
        if module.method_class(function) is not None and first and first[0].name.value == node.value:
            return  # self or cls
        yield from self.parameter(Function(module, function), node, sometimes, depth)

    def parameter(
        self, function: Function, node: cst.Name, sometimes: bool = False, depth: int = 0
    ) -> Iterator[Reading | Problem]:
        """The parameter of a function that a name stands for; in a method that its own object calls, the object's."""
        option = click_options(function.node, function.module, node.value, self.flows)
        carried = self._carried(function, node, sometimes, depth) if option is None else None
        if option is not None:
            yield Reading(option, "", node, sometimes)
        elif carried is not None:
            yield from carried
        elif self.injected.implements(function):
            yield from self._kept(function, node, sometimes, depth)
        else:
            slot = ParameterSlot(function, node.value, self.origins, self.style_of, self._owned(function))
            yield Reading(slot, "", node, sometimes)

    def _kept(self, function: Function, node: cst.Name, sometimes: bool, depth: int) -> Iterator[Reading | Problem]:
        """Where the object of a method that users implement too is told of the switch: where it is made."""
        for read in self.injected.kept(function):
            found = [r for r in self._attribute(read, function.module, sometimes, depth + 1) if isinstance(r, Reading)]
            if found:
                yield from (replace(r, at=node) for r in found)
                return
        name = function.node.name.value
        yield Problem(f"{name} may be called on an object from outside of the project, whose {name} takes nothing new")

    def _owned(self, function: Function) -> Class | None:
        """The class that the objects of interest have, if a function is a method of it or its kin."""
        around = function.module.method_class(function.node)
        if around is None or function.node.name.value != "__init__":
            return None
        own = Class(function.module, around)
        return self._owner if self._owner is not None and self.flows.related(own, self._owner) else own

    # -- what a method of an object is passed by another ------------------------------------------------------------

    def _carried(
        self, function: Function, node: cst.Name, sometimes: bool, depth: int
    ) -> list[Reading | Problem] | None:
        """Where the switch travels on ``self``, or None if others than the object's own methods call this one."""
        module = function.module
        cls = module.method_class(function.node)
        decorators = {dotted(d.decorator) for d in function.node.decorators}
        if cls is None or function.node.name.value == "__init__" or decorators & {"staticmethod", "classmethod"}:
            return None
        calls = self.flows.callers.calls(function)
        name = function.node.name.value
        outer = [c for c in calls if not hands_up(c[0], c[1], name)]
        if not outer or not all(self._is_own(call, where) for where, call, _ in outer):
            return None
        if self.flows.callers.partials(function):
            return None
        if any(may_splat(call, node.value, function.node, bound) for _, call, bound in outer):
            return [Problem(f"{name} may also get its {node.value} in what is splatted into it")]
        if function.node in self._carrying:
            return []
        self._carrying.add(function.node)
        try:
            found = [
                r for where, call, bound in calls for r in self._handed(function, node.value, where, call, bound, depth)
            ]
        finally:
            self._carrying.discard(function.node)
        own = [*function.node.params.posonly_params, *function.node.params.params][0].name.value
        own_cls = Class(module, cls)
        inits = [r for r in found if isinstance(r, _Init)]
        on_self = [r for r in found if isinstance(r, Reading)]
        problems = [r for r in found if isinstance(r, Problem)]
        if inits and not on_self:
            slot = CarriedSlot(
                own_cls, node.value, tuple(dict.fromkeys(r.place for r in inits)), self.origins, self.pickled
            )
            return [Reading(slot, own, node, sometimes)]
        if on_self and not inits:
            return [replace(r, base=own + r.base.removeprefix("self"), at=node, sometimes=sometimes) for r in on_self]
        if problems or not found:
            return [*problems[:1]]
        return [Problem(f"{node.value} reaches {function.node.name.value} in several ways")]

    def _handed(
        self, function: Function, name: str, where: Module, call: cst.Call, bound: bool, depth: int
    ) -> Iterator[Reading | Problem | _Init]:
        """What one method hands to the next: a place on their object, or something that is not kept there yet."""
        value = passed(call, name, function.node, bound)
        if value is None:
            return
        around = where.function(call)
        for reading in self._in(value, where, False, depth + 1):
            if isinstance(reading, Problem):
                yield reading
                continue
            carried = isinstance(reading.slot, CarriedSlot)
            if reading.base.partition(".")[0] == "self" and not carried:
                yield reading
            elif isinstance(reading.slot, CarriedSlot):
                yield from (_Init(place) for place in reading.slot.places)
            elif around is not None:
                yield _Init((where, where.statement(call), value))
            else:
                yield Problem(f"{where.text(value)} is not kept by the object whose methods hand it on")

    def _is_own(self, call: cst.Call, module: Module) -> bool:
        """Whether a call is of a method of the object that makes it."""
        if not isinstance(call.func, cst.Attribute):
            return False
        base = call.func.value
        return dotted(base) == "self" or is_super(base)

    # -- attributes -------------------------------------------------------------------------------------------------

    def _attribute(
        self, node: cst.Attribute, module: Module, sometimes: bool, depth: int
    ) -> Iterator[Reading | Problem]:
        asked = self._asked(node, module, sometimes)
        if asked is not None:
            yield asked
            return
        name, base = node.attr.value, node.value
        hparams = self._hparams(node, module)
        if hparams is not None:
            yield Reading(hparams, module.text(base), node, sometimes)
            return
        if not dotted(base):
            return
        text = module.text(base)
        for owner in self.flows.types(base, module):
            method = self._method(owner, name)
            if method is not None:
                yield from self._returned(method, text, node, sometimes, depth)
                continue
            setting = [c for c in self.flows.ancestors(owner) if self._assigned(c, name)]
            setting = setting or [c for c in self.flows.descendants(owner)[1:] if self._assigned(c, name)]
            shared = self.shared.slot(owner, name) if setting else None
            if shared is not None:
                yield Reading(shared, text, node, sometimes)
            elif setting:
                slot = AttributeSlot(owner, name, self.origins, self.pickled)
                yield from self._underlying(slot, text, node, sometimes, depth)

    def _assigned(self, cls: Class, name: str) -> bool:
        return bool(self.flows.assigned_attributes(cls, name))

    def _underlying(
        self, slot: AttributeSlot, base: str, node: cst.Attribute, sometimes: bool, depth: int
    ) -> Iterator[Reading | Problem]:
        """The attribute, or those of the same object that it is made of: one object has one switch."""
        if depth < _DEPTH:
            made = [r for s in slot.sources() for r in self._in(s.rate, s.module, False, depth + 2)]
            own = [r for r in made if isinstance(r, Reading) and r.base == "self" and r.slot != slot]
            if own and len(own) == len(made):
                for r in own:
                    kept = replace(r.slot, cls=slot.cls) if isinstance(r.slot, (AttributeSlot, CarriedSlot)) else r.slot
                    yield replace(r, slot=kept, base=base, at=node, sometimes=sometimes)
                return
        yield Reading(slot, base, node, sometimes)

    def _method(self, owner: Class, name: str) -> Function | None:
        """The method or property of a class of the project by that name."""
        for cls in self.flows.ancestors(owner):
            for binding in cls.module.scopes[cls.node].bindings.get(name, ()):
                return Function(cls.module, binding.node) if isinstance(binding.node, cst.FunctionDef) else None
        return None

    def _returned(
        self, method: Function, base: str, node: cst.Attribute, sometimes: bool, depth: int
    ) -> Iterator[Reading | Problem]:
        """What a property or method returns, as far as it reads it of its object."""
        for expression in method.module.returned(method.node):
            for reading in self._in(expression, method.module, False, depth + 1):
                if isinstance(reading, Reading) and reading.base.partition(".")[0] == "self":
                    yield replace(reading, base=base + reading.base.removeprefix("self"), at=node, sometimes=sometimes)

    def _hparams(self, node: cst.Attribute, module: Module) -> HparamsSlot | None:
        """The ``__init__`` parameter behind ``self.hparams.lr``, where ``self.save_hyperparameters()`` is called."""
        holder = node.value
        if not isinstance(holder, cst.Attribute) or holder.attr.value != "hparams":
            return None
        for owner in self.flows.types(holder.value, module):
            for cls in self.flows.ancestors(owner):
                for binding in cls.module.scopes[cls.node].bindings.get("__init__", ()):
                    init = binding.node
                    if not isinstance(init, cst.FunctionDef):
                        continue
                    names = {p.name.value for p in (*init.params.params, *init.params.kwonly_params)}
                    calls = [
                        c
                        for c in cls.module.calls_of({"save_hyperparameters"})
                        if dotted(c.func) == "self.save_hyperparameters" and init in cls.module.ancestors(c)
                    ]
                    named = tuple(c for c in calls if node.attr.value in _named(c))
                    saved = any(not any(a.keyword is None for a in c.args) for c in calls)
                    if (saved or named) and node.attr.value in names:
                        function = Function(cls.module, init)
                        return HparamsSlot(
                            *(function, node.attr.value, self.origins, self.style_of, owner), () if saved else named
                        )
        return None


def _named(call: cst.Call) -> set[str | None]:
    """The names that are all a call is passed by place."""
    plain = [literal(a.value) for a in call.args if a.keyword is None and not a.star]
    return set(plain) if None not in plain else set()


@dataclass(frozen=True)
class _Init:
    """A place in a method at which something that is not kept by the object is handed to another method."""

    place: tuple[Module, cst.CSTNode, cst.BaseExpression]
