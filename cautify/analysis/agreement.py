"""One home out of all that a construction reads its learning rate from, or why there is not one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, takewhile

import libcst as cst

from cautify.analysis.construction import argument
from cautify.analysis.deferred import matching, present
from cautify.analysis.nodes import dotted, walk
from cautify.analysis.readings import Problem, Reading, Readings
from cautify.analysis.syntax import Module
from cautify.homes.parameter import ParameterSlot
from cautify.homes.slot import Slot
from cautify.model import HomeKind

_HYPERPARAMETERS = ("weight_decay", "betas", "momentum", "eps", "alpha", "beta1", "beta2", "amsgrad", "nesterov", "wd")
_NAMED = r"(?:args?|cfg|config|conf|opts?|flags|hparams|hps?|options|settings)"
_CONFIG = re.compile(rf"(?i)(?:^|[._]){_NAMED}$")
_READS_CONFIG = re.compile(rf"(?i){_NAMED}(?:[\s\\)]|#.*\n)*\.")
_SCALES = re.compile(r"(?i)factor|mult|scal|ratio|decay")  # of a learning rate that is set elsewhere
_CHOICES = (cst.IfExp, cst.BooleanOperation, cst.Lambda, cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)
_NODE = re.compile(r"(?i)optim|cfg|config|conf\b|node\b")


@dataclass(frozen=True)
class SlotRoute:
    """A home that is not a field, and the text of the object that is read at a call; empty for plain names.

    ``together`` are the names that the call reads of the same object. A ``fallback`` is by the object in scope, not by
    the learning rate itself.
    """

    slot: Slot
    base: str
    together: frozenset[str] = frozenset()
    sometimes: bool = False
    fallback: bool = False

    @property
    def enabled(self) -> str:
        """The expression that reads the switch."""
        return self.slot.read(self.base, self.sometimes)[0]

    @property
    def eps(self) -> str:
        """The expression that reads the epsilon."""
        return self.slot.read(self.base, self.sometimes)[1]


@dataclass(frozen=True)
class NoRoute:
    """Why no config object was found: one sentence."""

    why: str


class Agreement:
    """Judges readings of one project."""

    def __init__(self, readings: Readings) -> None:
        self.readings = readings

    def route(
        self, sources: Iterable[cst.BaseExpression], place: cst.CSTNode, module: Module
    ) -> SlotRoute | NoRoute | None:
        """The home of what expressions read, as it is read at ``place``. None: they read nothing that is known."""
        return self._agreed([r for source in sources for r in self.readings.of(source, module)], place, module)

    def carrier(self, call: cst.Call, module: Module) -> SlotRoute | NoRoute | None:
        """The home of what brings the learning rate along: a splatted dict, a node of a config, a factory."""
        for expression in _carriers(call):
            found = self._agreed(self._carried(expression, module), call, module)
            if found is not None:
                return found
        return None

    def in_scope(self, call: cst.Call, module: Module) -> SlotRoute | None:
        """The one config object of the function around a call, where the learning rate itself has no source."""
        found: dict[str, SlotRoute] = {}
        for text, base in self.objects(call, module):
            for reader in self.readings.readers:
                object_slot = getattr(reader, "object_slot", None)
                slot = object_slot(base, module) if object_slot is not None else None
                if slot is not None and not isinstance(slot, str):
                    found[text] = SlotRoute(slot, text, fallback=True)
                    break
        return next(iter(found.values())) if len(found) == 1 else None

    def objects(self, call: cst.Call, module: Module) -> Iterator[tuple[str, cst.BaseExpression]]:
        """The objects of which the function around a call reads something, if their names say that they are configs."""
        function = module.function(call)
        seen: set[str] = set()
        body = function.body if function is not None else module.tree
        if isinstance(body, cst.IndentedBlock):
            statements = matching(body, lambda code: _READS_CONFIG.search(code) is not None)
        else:
            statements = (body,)
        for node in (inner for outer in statements for inner in walk(outer)):
            if not isinstance(node, cst.Attribute) or isinstance(module.parents.get(node), cst.Attribute):
                continue
            text = dotted(node.value)
            if text not in seen and _CONFIG.search(text) and self._meaning(node.value, call, module) is None:
                seen.add(text)
                yield text, node.value

    def _carried(self, expression: cst.BaseExpression, module: Module) -> list[Reading | Problem]:
        for reader in self.readings.readers:
            node_slot = getattr(reader, "node_slot", None)
            slot = node_slot(expression, module) if node_slot is not None else None
            if isinstance(slot, str):
                return [Problem(slot)]
            if slot is not None:
                assert isinstance(expression, (cst.Attribute, cst.Subscript))
                return [Reading(slot, module.text(expression.value), expression)]
        return self.readings.of(expression, module)

    # -- one out of many --------------------------------------------------------------------------------------------

    def _agreed(self, found: list[Reading | Problem], place: cst.CSTNode, module: Module) -> SlotRoute | NoRoute | None:
        problems = [r for r in found if isinstance(r, Problem)]
        readings = [r for r in found if isinstance(r, Reading)]
        if problems:
            return NoRoute(problems[0].why)
        if not readings:
            return None
        rates = [r for r in readings if is_rate(r.slot.rate)] or readings
        objects = {_object(r): r for r in rates}
        if len(objects) > 1:
            named = ", ".join(sorted({r.base or r.slot.rate for r in objects.values()}))
            return NoRoute(f"its learning rate comes from several places: {named}")
        first = next((r for r in rates if not _SCALES.search(r.slot.rate)), rates[0])
        base = _base(first.at) if not isinstance(first.at, cst.Name) else None
        moved = self._meaning(base, place, module) if base is not None else None
        if moved is not None:
            return NoRoute(moved)
        sometimes = first.base not in ("", "self") and all(r.sometimes for r in rates)
        sometimes = sometimes and not _is_read(first.base, place, module)
        return SlotRoute(first.slot, first.base, self._together(first, place, module), sometimes)

    def _together(self, first: Reading, place: cst.CSTNode, module: Module) -> frozenset[str]:
        """The names that a call reads of the same object as its learning rate."""
        names = {first.slot.rate}
        for arg in place.args if isinstance(place, cst.Call) else ():
            for reading in self.readings.of(arg.value, module) if arg.keyword is not None else ():
                if isinstance(reading, Reading) and _object(reading) == _object(first):
                    names.add(reading.slot.rate)
        return frozenset(names)

    def _meaning(self, base: cst.BaseExpression, place: cst.CSTNode, module: Module) -> str | None:
        """Why an object that is read somewhere cannot be named at ``place``, or None if it can."""
        name = dotted(base)
        first = name.partition(".")[0]
        if not first:
            return (
                None if place in (base, *module.ancestors(base)) else "its learning rate is read of a computed object"
            )
        flows = self.readings.flows
        there = [id(b) for b in flows.bindings(first, base, module)]
        here = [id(b) for b in flows.bindings(first, place, module)]
        if there != here:
            return f"{first} may be something else where the optimizer is made"
        for binding in flows.bindings(first, place, module):
            if binding.kind in ("assign", "opaque") and not precedes(binding.node, place, module):
                return f"{first} is not there yet where the optimizer is made"
        return None


def _is_read(base: str, place: cst.CSTNode, module: Module) -> bool:
    """Whether something is read of an object by all means before a call is made: the object is there then."""
    chain = (place, *takewhile(lambda above: not isinstance(above, cst.FunctionDef), module.ancestors(place)))
    tests = [above.test for below, above in pairwise(chain) if isinstance(above, cst.If) and below is not above.test]
    return any(
        isinstance(node, cst.Attribute) and module.text(node.value) == base and not _in_choice(node, whole, module)
        for whole in (place, *tests)
        for node in walk(whole)
    )


def _in_choice(node: cst.CSTNode, whole: cst.CSTNode, module: Module) -> bool:
    """Whether it depends on something in ``whole`` if a part of it is evaluated."""
    for above in (node, *module.ancestors(node)):
        if isinstance(above, _CHOICES):
            return True
        if above is whole:
            return False
    return False


def precedes(one: cst.CSTNode, other: cst.CSTNode, module: Module) -> bool:
    """Whether a statement is over before another begins, where both are in one function; else it is taken to be."""
    if module.function(one) is not module.function(other):
        return True
    chain = {id(n): n for n in (one, *module.ancestors(one))}
    below = other
    for above in (other, *module.ancestors(other)):
        if id(above) in chain:
            if not isinstance(above, (cst.Module, cst.IndentedBlock)):
                return above is not one and above is not other and isinstance(above, (cst.If, cst.Try, cst.TryStar))
            first = next(n for n in (one, *module.ancestors(one)) if module.parents.get(n) is above)
            order = [id(statement) for statement in present(above)]
            return first is not below and order.index(id(first)) < order.index(id(below))
        below = above
    return True


def _carriers(call: cst.Call) -> Iterator[cst.BaseExpression]:
    """The expressions of a call that may bring a learning rate along, the likeliest first."""
    yield from (_filtered(a.value) for a in call.args if a.star == "**")
    if isinstance(call.func, (cst.Name, cst.Attribute)) and argument(call, "lr", None) is None:
        yield call.func
    if isinstance(call.func, cst.Call) and dotted(call.func.func) == "getattr" and len(call.func.args) > 1:
        yield call.func.args[1].value  # the name of a class
    for arg in call.args:
        name = dotted(arg.value).rpartition(".")[2]
        if not arg.star and _NODE.search(name):
            yield arg.value


def _filtered(splatted: cst.BaseExpression) -> cst.BaseExpression:
    """The dict of which a splatted one has some entries, else the splatted one."""
    match splatted:
        case cst.DictComp(
            for_in=cst.CompFor(iter=cst.Call(func=cst.Attribute(value=whole, attr=cst.Name(value="items"))))
        ):
            return whole
    return splatted


def hyperparameters(call: cst.Call) -> list[cst.BaseExpression]:
    """What a construction is passed for the other hyperparameters."""
    return [e for name in _HYPERPARAMETERS if (e := argument(call, name, None)) is not None]


def is_rate(name: str) -> bool:
    """Whether a name says that it is a learning rate."""
    name = name.lower()
    return name == "lr" or "learning_rate" in name or "learningrate" in name or "lr" in name.split("_")


def _object(reading: Reading) -> tuple[object, ...]:
    """What a reading is of: readings of the same object share its switch."""
    slot = reading.slot
    if isinstance(slot, ParameterSlot) and not reading.base:
        return (slot.kind, slot.function)
    if slot.kind is HomeKind.CONSTANT and not reading.base:
        return (slot.kind, *(home.path for home in slot.homes()))
    return (reading.base,)


def _base(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """The object that an expression reads something of."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return node.func.value
    return node.value if isinstance(node, (cst.Attribute, cst.Subscript)) else None
