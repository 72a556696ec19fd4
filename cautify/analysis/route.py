"""From a construction back to the home of its switch: the way its learning rate comes.

The learning rate is looked for as a keyword, by position, in what is splatted, in parameter groups; failing that, any
other hyperparameter shows the config object; failing that, it is the config object whose method this is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis.agreement import Agreement, NoRoute, SlotRoute, hyperparameters, is_rate
from cautify.analysis.readings import Readings
from cautify.analysis.resolve import Class, Resolver
from cautify.analysis.sites import argument
from cautify.analysis.syntax import Module, dotted, literal, walk
from cautify.analysis.whole import Splat, WholeObjects
from cautify.homes import Spelling, field
from cautify.homes.attribute import AttributeSlot
from cautify.homes.parameter import ParameterSlot
from cautify.homes.slot import Source

_DEPTH = 6
_RATES = ("lr", "learning_rate")


@dataclass(frozen=True)
class Read:
    """An attribute of a config object: ``self.config.lr`` is ``lr`` of ``self.config``, which is an ``owner``.

    ``sometimes`` says that a condition decides whether it is read: the object may be None otherwise.
    """

    base: cst.BaseExpression
    owner: Class
    name: str
    home: Class
    sometimes: bool = False


@dataclass(frozen=True)
class Route:
    """The config object at a call, the class that declares its learning rate, and what is read of it there."""

    base: str
    owner: Class
    home: Class
    read: frozenset[str]
    switch: Spelling
    splats: tuple[Splat, ...] = ()
    fallback: bool = False
    sometimes: bool = False
    anyway: bool = False

    @property
    def enabled(self) -> str:
        """The expression that reads the switch."""
        return self._expressions[0]

    @property
    def eps(self) -> str:
        """The expression that reads the epsilon."""
        return self._expressions[1]

    @property
    def _expressions(self) -> tuple[str, str]:
        return self.switch.asked(self.base) if self.sometimes else self.switch.attributes(self.base)


AnyRoute = Route | SlotRoute | NoRoute


class Router:
    """Finds routes in one project."""

    def __init__(self, resolver: Resolver, readings: Readings) -> None:
        self.resolver = resolver
        self.readings = readings
        self.whole = WholeObjects(resolver)
        self.agreement = Agreement(readings)

    def route(self, call: cst.Call, module: Module, names: Iterable[str], position: int | None) -> AnyRoute:
        """The route of a construction or config call whose learning rate is one of ``names``, or at ``position``.

        A fallback route (``fallback``) is by the object in scope, not by the learning rate itself.
        """
        splats = tuple(self.whole.splats(call, module))
        sources = [e for name in names if (e := argument(call, name, None)) is not None]
        positional = argument(call, "", position)
        sources += [positional] if positional is not None and not sources else []
        if not sources:
            sources = [e for a in call.args if a.star == "**" for e in self._entries(a.value, names, module)]
        reads = self._reads(sources, module)
        read = self.agreement.route(sources, call, module)
        if read is not None and not (reads and _is_of_field(read, reads, module)):
            return read if not reads else NoRoute("its learning rate comes from several objects")
        if not reads and splats:
            return self._whole(splats, call, module)
        if not reads and not sources:
            groups = argument(call, "params", 0)
            rates = self._group_rates(groups, names, module) if groups is not None else []
            reads = self._reads(rates, module)
            read = self.agreement.route(rates, call, module) if not reads else None
            read = read or (self.agreement.carrier(call, module) if not reads else None)
            if read is not None:
                return self._of_carrier(read, splats, call, module) or read
        if not reads:
            ours = self.resolver.switch.names
            given = [a.value for a in call.args if a.keyword is None or a.keyword.value not in ours]
            reads = self._reads(given, module)
        if reads:
            return self._agreed(reads, splats, call, module)
        read = self.agreement.route(hyperparameters(call), call, module)
        if isinstance(read, SlotRoute):
            return read
        enclosing = self._enclosing(call, module, splats)
        if isinstance(enclosing, Route):
            return enclosing
        return self._in_scope(call, module, splats) or (read if read is not None else enclosing)

    def source(self, source: Source, owner: Class | None) -> AnyRoute:
        """The route of a learning rate that the project's own code gives to a slot, at the place where it does.

        ``owner`` is the class of the objects that matter, where the slot is part of an object.
        """
        rate, place, module = source.rate, source.place, source.module
        reads = self._reads([rate], module)
        with self.readings.of_objects(owner):
            read = self.agreement.route([rate], place, module)
        if reads and read is None:
            return self._agreed(reads, (), place, module)
        if read is None or reads:
            return NoRoute("nothing was found that its learning rate comes from")
        if isinstance(read, NoRoute) and isinstance(place, cst.Call):
            beside = self.agreement.in_scope(place, module)
            return read if beside is None else replace(beside, fallback=False)
        return read

    # -- where a value comes from ---------------------------------------------------------------------------------

    def _reads(self, sources: Iterable[cst.BaseExpression], module: Module) -> list[Read]:
        found: list[Read] = []
        for source in sources:
            found += self._reads_in(source, module, 0)
        return found

    def _reads_in(
        self, expression: cst.BaseExpression, module: Module, depth: int, sometimes: bool = False
    ) -> Iterator[Read]:
        if depth > _DEPTH:
            return
        for node in walk(expression):
            maybe = sometimes or _in_condition(node, expression, module)
            if isinstance(node, cst.Attribute) and not isinstance(module.parents.get(node), cst.Attribute):
                yield from (replace(read, sometimes=maybe) for read in self._read(node, module))
            elif isinstance(node, cst.Name) and self._is_value(node, module):
                values = self._assigned(node, module)
                for value in values:
                    if isinstance(value, _PLAIN):
                        late = len(values) > 1 or not module.unconditional(value)
                        yield from self._reads_in(value, module, depth + 1, maybe or late)

    def _read(self, node: cst.Attribute, module: Module) -> Iterator[Read]:
        """The config read in a chain of attributes: the last link whose owner declares it as a field."""
        link: cst.BaseExpression = node
        while isinstance(link, cst.Attribute):
            name = link.attr.value
            homes: dict[cst.ClassDef, Read] = {}
            owners = self.resolver.types(link.value, module) if dotted(link.value) else ()
            if any(not self.declaring(owner, name) for owner in owners):
                owners = ()  # one of the classes it may be has no such field
            for owner in owners:
                for cls in self.declaring(owner, name):
                    homes[cls.node] = Read(link.value, owner, name, cls)
            if homes:
                yield from homes.values()
                return
            link = link.value

    def declaring(self, owner: Class, name: str) -> list[Class]:
        """The classes that may declare ``name`` for an object of static type ``owner``: above it, else below it."""
        above = field.topmost(owner, name, self.resolver)
        if above is not None:
            return [above]
        if any(name in c.module.scopes[c.node].bindings for c in self.resolver.ancestors(owner)):
            return []
        if not any(field.settings(c, self.resolver) for c in self.resolver.ancestors(owner)):
            return []  # not a config: what its subclasses declare is none of its business
        below: dict[cst.ClassDef, Class] = {}
        for cls in self.resolver.descendants(owner)[1:]:
            top = field.topmost(cls, name, self.resolver)
            if top is not None:
                below[top.node] = top
        return list(below.values())

    def _is_value(self, node: cst.Name, module: Module) -> bool:
        """Whether a name stands for its own value, not for an object whose attribute is read, nor for a keyword."""
        parent = module.parents.get(node)
        return not isinstance(parent, cst.Attribute) and not (isinstance(parent, cst.Arg) and parent.keyword is node)

    def _assigned(self, name: cst.Name, module: Module) -> list[cst.BaseExpression]:
        """The values assigned to a local variable."""
        if module.function(name) is None:
            return []
        bindings = self.resolver.bindings(name.value, name, module)
        if any(b.kind not in ("assign", "annotation") for b in bindings):
            return []
        return [b.value for b in bindings if b.value is not None]

    def _entries(self, splatted: cst.BaseExpression, names: Iterable[str], module: Module) -> list[cst.BaseExpression]:
        """The learning rate entries of a dict that is splatted, literal or in a variable."""
        values = self._assigned(splatted, module) if isinstance(splatted, cst.Name) else [splatted]
        wanted = set(names)
        found: list[cst.BaseExpression] = []
        for value in values:
            if isinstance(value, cst.Dict):
                for element in value.elements:
                    if isinstance(element, cst.DictElement) and literal(element.key) in wanted:
                        found.append(element.value)
            elif isinstance(value, cst.Call) and dotted(value.func) == "dict":
                found += [a.value for a in value.args if a.keyword and a.keyword.value in wanted]
        return found

    def _all(self, splatted: cst.BaseExpression, module: Module) -> list[cst.BaseExpression]:
        """Every entry of a dict literal that is splatted from a variable."""
        values = self._assigned(splatted, module) if isinstance(splatted, cst.Name) else [splatted]
        return [element.value for value in values if isinstance(value, cst.Dict) for element in value.elements]

    def _group_rates(
        self, groups: cst.BaseExpression, names: Iterable[str], module: Module
    ) -> list[cst.BaseExpression]:
        """The learning rates in parameter groups, ``[{"params": …, "lr": …}]``, written there or in a variable."""
        values = self._assigned(groups, module) if isinstance(groups, cst.Name) else [groups]
        wanted = set(names)
        return [
            element.value
            for value in values
            for node in walk(value)
            if isinstance(node, cst.Dict)
            for element in node.elements
            if isinstance(element, cst.DictElement) and literal(element.key) in wanted
        ]

    # -- whole objects --------------------------------------------------------------------------------------------

    def _whole(self, splats: tuple[Splat, ...], call: cst.Call, module: Module) -> AnyRoute:
        """The route when nothing but a whole object arrives: its learning rate field is called ``lr`` there."""
        reads = [Read(s.base, s.owner, "lr", cls) for s in splats for cls in self.declaring(s.owner, "lr")]
        if not reads:
            return self._enclosing(call, module, splats)
        return self._agreed(reads, splats, call, module, everything=True)

    def _of_carrier(self, read: AnyRoute, splats: tuple[Splat, ...], call: cst.Call, module: Module) -> Route | None:
        """The route by the parameter that carries the learning rate, where it is a config object that declares one."""
        slot = read.slot if isinstance(read, SlotRoute) and not read.base else None
        if not isinstance(slot, ParameterSlot) or slot.function.node is not module.function(call):
            return None
        carrier = cst.Name(slot.rate)
        module.parents[carrier] = call
        owners = self.resolver.types(carrier, module) or self._passed(carrier, module)
        found = [[Read(carrier, o, n, c) for n in _RATES for c in self.declaring(o, n)] for o in owners]
        route = (
            self._agreed([r for reads in found for r in reads], splats, call, module) if all(found) and found else None
        )
        return route if isinstance(route, Route) else None

    def _passed(self, parameter: cst.Name, module: Module) -> frozenset[Class]:
        """The classes of what all callers pass for a parameter that says nothing of its own. Empty: not known."""
        bindings = self.resolver.bindings(parameter.value, parameter, module)
        given = [g for b in bindings for g in self.readings.flows.callers.arguments(b, module)]
        owners = [self.resolver.types(value, where) for where, value in given]
        return frozenset().union(*owners) if all(owners) else frozenset()

    # -- agreement ------------------------------------------------------------------------------------------------

    def _agreed(
        self, reads: list[Read], splats: tuple[Splat, ...], place: cst.CSTNode, module: Module, everything: bool = False
    ) -> Route | NoRoute:
        """One config object out of all that was read, or why not."""
        rates = [r for r in reads if is_rate(r.name)] or reads
        bases = {module.text(r.base) for r in rates}
        homes = {r.home.node: r.home for r in rates}
        if len(bases) > 1:
            return NoRoute(f"its learning rate comes from several objects: {', '.join(sorted(bases))}")
        base = bases.pop()
        moved = next((why for r in rates if (why := self._means_something_else(r.base, place, module))), None)
        if moved is not None:
            return NoRoute(moved)
        if len(homes) > 1:
            # several fields of one object; they belong to one switch if one class holds them all
            tops = list(homes.values())
            lowest = [c for c in tops if all(any(a.node is o.node for a in self.resolver.ancestors(c)) for o in tops)]
            if not lowest:
                named = ", ".join(sorted(c.module.qualified(c.node) for c in tops))
                return NoRoute(f"{base}.{rates[0].name} may be declared by any of {named}")
            order = [c for c in self.resolver.ancestors(lowest[0]) if c.node in homes]
            homes = {order[-1].node: order[-1]}
        home = next(iter(homes.values()))
        args = place.args if isinstance(place, cst.Call) else ()
        passed = [a.value for a in args] + [e for a in args if a.star == "**" for e in self._all(a.value, module)]
        at_call = [r for r in self._reads(passed, module) if module.text(r.base) == base]
        read = frozenset({"lr", "*"}) if everything else frozenset(r.name for r in [*rates, *at_call])
        old = not field.keeps_default(home, self.resolver) and self.readings.pickled.may_be_old(rates[0].owner)
        sometimes = old or (base != "self" and any(r.sometimes for r in rates))
        return Route(base, rates[0].owner, home, read, self.resolver.switch, splats, sometimes=sometimes)

    def _means_something_else(self, base: cst.BaseExpression, call: cst.CSTNode, module: Module) -> str | None:
        """Why a config object that is read elsewhere cannot be named at the call, or None if it can."""
        name = dotted(base)
        there = [id(b) for b in self.resolver.bindings(name.partition(".")[0], base, module)]
        here = self.resolver.bindings(name.partition(".")[0], call, module)
        same = there == [id(b) for b in here]
        if call in module.ancestors(base):
            return None if same else f"{name} is local to an argument"
        if not same or len(here) != 1 or not module.unconditional(here[0].node):
            return f"{name} may be something else where the optimizer is made"
        if here[0].kind == "opaque":
            return f"{name} is bound in a way that is not followed"
        function = module.function(call)
        prefixes = {name.rsplit(".", n)[0] for n in range(name.count("."))}
        for node in walk(function.body) if function is not None and prefixes else ():
            changed = isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.Del))
            if changed and dotted(getattr(node, "target", None)) in prefixes:
                return f"{name} is assigned in the same function"
        return None

    def _enclosing(self, call: cst.Call, module: Module, splats: tuple[Splat, ...]) -> Route | NoRoute:
        """The dataclass whose method makes the call."""
        function = module.function(call)
        while function is not None:
            cls = module.method_class(function)
            first = [*function.params.posonly_params, *function.params.params][:1]
            if cls is not None and first:
                name = first[0].name.value
                probe = module.scopes[function].bindings.get(name, [])
                static = any(dotted(d.decorator) in ("staticmethod", "classmethod") for d in function.decorators)
                own = Class(module, cls)
                if not static and len(probe) == 1 and self._is_config(own):
                    return Route(name, own, own, frozenset(), self.resolver.switch, splats, fallback=True)
            function = module.function(function)
        return NoRoute("no config object was found from which its learning rate comes")

    def _in_scope(self, call: cst.Call, module: Module, splats: tuple[Splat, ...]) -> AnyRoute | None:
        """The one config object that the function around a call has, if there is one."""
        found: list[AnyRoute] = []
        for text, base in self.agreement.objects(call, module):
            owners = [o for o in self.resolver.types(base, module) if self._is_config(o)]
            made = self._is_made_there(base, module)
            switch = self.resolver.switch
            found += [Route(text, o, o, frozenset(), switch, splats, fallback=True, anyway=made) for o in owners]
        other = self.agreement.in_scope(call, module)
        found += [other] if other is not None else []
        return found[0] if len(found) == 1 else None

    def _is_made_there(self, base: cst.BaseExpression, module: Module) -> bool:
        """Whether a variable holds an object that the same code makes, by the name of its class."""
        bindings = self.resolver.bindings(base.value, base, module) if isinstance(base, cst.Name) else ()
        values = [b.value for b in bindings if b.kind == "assign"]
        made = [
            v
            for v in values
            if isinstance(v, cst.Call) and any(isinstance(c, Class) for c in self.resolver.values(v.func, module))
        ]
        return bool(made) and len(made) == len(bindings)

    def _is_config(self, cls: Class) -> bool:
        return any(field.settings(c, self.resolver) is not None for c in self.resolver.ancestors(cls)[:1])


def _is_of_field(route: AnyRoute, reads: list[Read], module: Module) -> bool:
    """Whether an attribute that methods set is the very field that was read: they only change what it holds."""
    slot = route.slot if isinstance(route, SlotRoute) else None
    base = route.base if isinstance(route, SlotRoute) else ""
    return isinstance(slot, AttributeSlot) and {(r.name, module.text(r.base)) for r in reads} == {(slot.rate, base)}


def _in_condition(node: cst.CSTNode, expression: cst.CSTNode, module: Module) -> bool:
    """Whether a condition inside ``expression`` decides if ``node`` is evaluated."""
    if node is expression:
        return False
    for above in module.ancestors(node):
        if isinstance(above, (cst.IfExp, cst.BooleanOperation)):
            return True
        if above is expression:
            return False
    return False


_PLAIN = (
    cst.Attribute,
    cst.BinaryOperation,
    cst.UnaryOperation,
    cst.IfExp,
    cst.Call,
    cst.Name,
    cst.BooleanOperation,
    cst.Subscript,
)
