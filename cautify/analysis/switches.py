"""Which switches a plan declares: homes for the sites, config calls that forward to them, and who would choke."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import libcst as cst

from cautify.analysis.agreement import NoRoute, SlotRoute, is_rate
from cautify.analysis.callers import making_own
from cautify.analysis.consumers import Consumers
from cautify.analysis.discover import is_test
from cautify.analysis.handing import Handed, Handing
from cautify.analysis.resolve import Class, Resolver
from cautify.analysis.route import AnyRoute, Route, Router
from cautify.analysis.sites import Construction, argument
from cautify.analysis.syntax import Module, dotted
from cautify.homes import field as fields
from cautify.homes.instantiated import FieldRead
from cautify.homes.key_slot import KeySlot
from cautify.homes.parameter import ParameterSlot
from cautify.homes.shared_options import SharedOptionsSlot
from cautify.homes.slot import Slot, Source


@dataclass(frozen=True)
class Forward:
    """A call that builds a switched config, and the object from which it forwards the switch.

    ``home`` is the class that declares it for that object, None where that is not a field. Where the whole object is
    ``splatted`` into the call, there is nothing to add.
    """

    module: Module
    call: cst.Call
    route: Route | SlotRoute
    builds: Class
    home: Class | None
    splatted: bool = False


@dataclass
class Declared:
    """One class that gets the switch: what is read together with its learning rate decides where the fields go."""

    home: Class
    read: set[str] = field(default_factory=set)
    direct: bool = False


@dataclass
class Switches:
    """What was decided: a route for each site that has one, or why it has none.

    ``homes`` are the classes whose fields sites read. ``slots`` are the homes of other kinds, each with the names that
    are read together with its learning rate, and ``handed`` the places at which the switch is handed on to them.
    """

    routes: dict[cst.Call, Route | SlotRoute] = field(default_factory=dict)
    homes: dict[cst.Call, Class] = field(default_factory=dict)
    declared: dict[cst.ClassDef, Declared] = field(default_factory=dict)
    forwards: list[Forward] = field(default_factory=list)
    slots: dict[Slot, set[str]] = field(default_factory=dict)
    handed: list[Handed] = field(default_factory=list)
    why: dict[cst.Call, str] = field(default_factory=dict)


class SwitchPlanner:
    """Decides the switches of one project."""

    def __init__(self, resolver: Resolver, router: Router, constructions: list[Construction], tests: bool) -> None:
        self.resolver = resolver
        self.router = router
        self.constructions = constructions
        self.tests = tests
        self.result = Switches()
        self.consumers = Consumers(resolver, router, {c.call for c in constructions})
        self.handing = Handing(router, self.refusal, tests)
        self._deferred: dict[cst.Call, Route] = {}
        self._filled: dict[cst.Call, SlotRoute] = {}
        self._refusals: dict[cst.ClassDef, str | None] = {}
        self._built: dict[cst.ClassDef, list[tuple[Module, cst.Call, Class]]] = {}

    def decide(self) -> Switches:
        """Route every site, then every config call that builds what a site reads its switch from.

        A parameter that a function of a family would take and not use is no home: then all is decided again.
        """
        decided = self._decide()
        while (idle := list(self._idle())) or (unshared := self._unshared()):
            for slot, why in idle:
                self.handing.refuse(slot, why)
            if not idle:
                self.router.readings.shared.refused.update(unshared)
                self.handing.forget()
            self.result = Switches()
            for memory in (self._deferred, self._filled, self._refusals):
                memory.clear()
            decided = self._decide()
        return decided

    def _idle(self) -> Iterator[tuple[ParameterSlot, str]]:
        """The parameters that would be accepted somewhere and do nothing, each with the reason why it is no home."""
        handed = [h.route for h in self.result.handed] + [f.route for f in self.result.forwards]
        slots = [r.slot for r in [*self.result.routes.values(), *handed] if isinstance(r, SlotRoute)]
        used = {s.function.node for s in slots if isinstance(s, ParameterSlot)}
        for slot in self.result.slots:
            if isinstance(slot, ParameterSlot) and (member := slot.idle(used)) is not None:
                place = f"{member.module.path}:{member.module.line(member.node)}"
                yield slot, f"{member.node.name.value} ({place}) would take it and not hand it on"

    def _unshared(self) -> list[SharedOptionsSlot]:
        """The dicts of options that nothing takes the switch from."""
        taking = {s.function.node for s in self.result.slots if isinstance(s, ParameterSlot)}
        shared = [s for s in self.result.slots if isinstance(s, SharedOptionsSlot)]
        return [s for s in shared if taking.isdisjoint(f.node for f in s.built)]

    def _decide(self) -> Switches:
        wrapped = [c for c in self.constructions if c.reason is None]
        unsuitable = [c for c in self.constructions if c.reason is not None]
        for construction in wrapped:
            self._route_site(construction)
        for construction in wrapped:
            self._share_object(construction)
        self._unify()
        for construction in unsuitable:
            route = self._site_route(construction)
            if isinstance(route, SlotRoute) and route.slot in self.result.slots and construction.reason == "custom":
                self.result.routes[construction.call] = route
            if isinstance(route, Route):
                home = self._existing(route.owner)
                if home is not None:
                    self.result.routes[construction.call] = route
                    self.result.homes[construction.call] = home
        self._forward_all()
        for call, route in self._deferred.items():
            home = self._existing(route.owner)
            if home is not None:
                self.result.routes[call] = replace(route, home=home)
                self.result.homes[call] = home
                self.result.why.pop(call, None)
        return self.result

    def _site_route(self, construction: Construction) -> AnyRoute:
        position = None if construction.form == "factory" else 1
        return self.router.route(construction.call, construction.module, ("lr", "learning_rate"), position)

    def _route_site(self, construction: Construction) -> None:
        route = self._site_route(construction)
        if isinstance(route, SlotRoute):
            route = self.handing.nearest(route, construction.call, construction.module)
        if isinstance(route, NoRoute):
            self.result.why[construction.call] = route.why
            return
        if isinstance(route, SlotRoute):
            self.result.routes[construction.call] = route
            self._take(route)
            return
        if route.anyway:
            self._deferred[construction.call] = route
            self.result.why[construction.call] = f"{route.owner.name} has no switch, and none to declare"
            return
        if fields.is_extended(route.home, self.resolver) and not fields.is_extended(route.owner, self.resolver):
            route = replace(route, home=route.owner)  # plain fields, in the leaf class that reads them
        refusal = self.refusal(route.home)
        if refusal is not None:
            self.result.why[construction.call] = f"no field, because {refusal}"
            return
        self.result.routes[construction.call] = route
        self._declare(route.home, route.read, direct=True)
        self.result.homes[construction.call] = route.home

    def _declare(self, home: Class, read: frozenset[str], direct: bool) -> None:
        entry = self.result.declared.setdefault(home.node, Declared(home))
        entry.read |= read
        entry.direct |= direct

    def _share_object(self, construction: Construction) -> None:
        """A site without a route in a method of an object that keeps the switch for another site reads it too."""
        call, module = construction.call, construction.module
        if call in self.result.routes:
            return
        near = [(c.call, r) for c in self.constructions if c.module is module and (r := self._slot_route(c.call))]
        function, around = module.function(call), self._object(call, module)
        shared = [r for other, r in near if _takes_parameter(r, function) and module.function(other) is function]
        if around is not None and not shared:
            own = around[1]
            shared = [r for c, r in near if r.base.partition(".")[0] == own and self._object(c, module) == around]
        if shared:
            self.result.routes[call] = replace(shared[0], fallback=True)
            self.result.why.pop(call, None)

    def _slot_route(self, call: cst.Call) -> SlotRoute | None:
        route = self.result.routes.get(call)
        return route if isinstance(route, SlotRoute) else None

    def _object(self, call: cst.Call, module: Module) -> tuple[cst.ClassDef, str] | None:
        """The class whose method makes a call, and what the method calls its object."""
        function = module.function(call)
        cls = module.method_class(function) if function is not None else None
        if function is None or cls is None or any(dotted(d.decorator) == "staticmethod" for d in function.decorators):
            return None
        first = [*function.params.posonly_params, *function.params.params][:1]
        return (cls, first[0].name.value) if first else None

    def _take(self, route: SlotRoute) -> None:
        """Declare the switch in a slot, and hand it on from wherever it comes there."""
        known = route.slot in self.result.slots
        self.result.slots.setdefault(route.slot, set()).update(route.together)
        for handed in () if known else self.handing.outcome(route.slot).handed:
            self.result.handed.append(handed)
            if isinstance(handed.route, Route):
                self._declare(handed.route.home, handed.route.read, direct=False)
            else:
                self._take(handed.route)

    def refusal(self, home: Class) -> str | None:
        """Why a class cannot declare the switch, or None."""
        if home.node not in self._refusals:
            why = fields.refusal(home, self.resolver) or self.consumers.unsafe(home) or self._filled_elsewhere(home)
            self._refusals[home.node] = why
        return self._refusals[home.node]

    # -- one definition along an inheritance chain ----------------------------------------------------------------

    def _existing(self, cls: Class) -> Class | None:
        """The declared home in a class or above it, the topmost."""
        found = [c for c in self.resolver.ancestors(cls) if c.node in self.result.declared]
        return found[-1] if found else None

    def _unify(self) -> None:
        for node, entry in list(self.result.declared.items()):
            top = self._existing(entry.home)
            if top is not None and top.node is not node:
                self._declare(top, frozenset(entry.read), entry.direct)
                del self.result.declared[node]
        for call, home in list(self.result.homes.items()):
            self.result.homes[call] = self._existing(home) or home

    # -- config calls ---------------------------------------------------------------------------------------------

    def _forward_all(self) -> None:
        """Follow the switch outwards, from the classes that sites read to the calls that build them, and on."""
        done: set[cst.ClassDef] = set()
        seen: set[cst.Call] = set()
        while pending := [d for n, d in self.result.declared.items() if n not in done]:
            for entry in pending:
                done.add(entry.home.node)
                for module, call, built in self._building_calls(entry.home):
                    if call not in seen:
                        seen.add(call)
                        self._forward(module, call, built, entry)
            self._unify()

    def _building_calls(self, home: Class) -> list[tuple[Module, cst.Call, Class]]:
        """The calls that construct a class or one of its subclasses."""
        if home.node not in self._built:
            self._built[home.node] = self._find_building_calls(home)
        return self._built[home.node]

    def _find_building_calls(self, home: Class) -> list[tuple[Module, cst.Call, Class]]:
        family = {c.node: c for c in self.resolver.descendants(home)}
        names = {c.name for c in family.values()}
        found = []
        called = re.compile(rb"\b(?:" + b"|".join(n.encode() for n in sorted(names)) + rb")(?:\s*\(|\s+as\s)").search
        for path in self.resolver.project.mentioning_word(names):
            if (not self.tests and is_test(path)) or not called(self.resolver.project.data[path]):
                continue
            module = self.resolver.project.module(path)
            for call in module.calls_of(names) if module else ():
                if self.resolver.may_name(call.func, names, module):  # type: ignore[arg-type]
                    values = self.resolver.values(call.func, module)  # type: ignore[arg-type]
                    built = [v for v in values if isinstance(v, Class) and v.node in family]
                    if built and len(built) == len(values):
                        found.append((module, call, built[0]))
        for cls in family.values():
            found += [(cls.module, call, cls) for call in making_own(cls)]
        return found  # type: ignore[return-value]

    def _forward(self, module: Module, call: cst.Call, built: Class, entry: Declared) -> None:
        if call in self._filled:
            self._take(self._filled[call])
            self.result.forwards.append(Forward(module, call, self._filled[call], built, None, splatted=True))
            return
        rates = [n for n in entry.read if n != "*"] or ["lr"]
        rates = sorted(rates, key=lambda n: (not is_rate(n), n))[:1]
        if any(a.star for a in call.args):
            declared = self._declared_twice(call, module, rates[0])
            if declared is not None:
                self._take(declared)
                self.result.forwards.append(Forward(module, call, declared, built, None, splatted=True))
            return
        order = fields.positions(built, self.resolver)
        position = order.index(rates[0]) if rates[0] in order else None
        route = self.router.route(call, module, rates, position)
        if isinstance(route, SlotRoute):
            passed = argument(call, rates[0], position) is not None
            settled = self.handing.settled(route)
            if isinstance(settled, SlotRoute) and not route.fallback and passed:
                self._take(settled)
                self.result.forwards.append(Forward(module, call, settled, built, None))
            return
        if isinstance(route, NoRoute):
            return
        if route.anyway:
            return
        own = route.fallback or (route.base == "self" and argument(call, rates[0], position) is None)
        if own and not entry.direct:
            return  # no learning rate comes this way, and what is built reads no switch itself
        if not own and argument(call, rates[0], position) is None:
            return
        home = self._existing(route.owner) or route.home
        if self.refusal(home) is not None:
            return
        self._declare(home, route.read, direct=False)
        self.result.forwards.append(Forward(module, call, route, built, home))

    def _declared_twice(self, call: cst.Call, module: Module, rate: str) -> SlotRoute | None:
        """The node of a config file that a call splats into the class, where that declares the rate once more.

        hydra takes no key from a command line that its files do not have.
        """
        if len(call.args) != 1 or call.args[0].star != "**":
            return None
        whole = call.args[0].value
        read = FieldRead.of(whole, rate, call)
        module.parents[read] = call
        found = self.handing.settled(self.router.source(Source(module, call, read, splatted=True), None))
        in_files = isinstance(found, SlotRoute) and isinstance(found.slot, KeySlot) and bool(found.slot.files)
        return found if in_files and isinstance(found, SlotRoute) else None

    def _filled_elsewhere(self, home: Class) -> str | None:
        """Why a class that is filled from a parser's namespace cannot have the switch: its options are not known.

        Where they are, the switch is declared twice: there, and in the fields.
        """
        self.handing.filled |= {c.node for c in self.resolver.descendants(home)}
        rates = [f.name for f in fields.own_fields(home) if is_rate(f.name)]
        for module, call, built in self._building_calls(home):
            for arg in call.args:
                whole = self.router.whole.namespace(arg.value) if arg.star == "**" else None
                if whole is None or self.resolver.types(whole, module):
                    continue
                if self.handing.has_fields(whole, module, built):
                    continue
                found = self._options(whole, rates, call, module)
                if isinstance(found, SlotRoute):
                    self._filled[call] = found
                    continue
                source = f"{module.text(arg.value)} ({module.path}:{module.line(call)})"
                return f"{built.name} is filled from {source}, whose options are not followed{found}"
        return None

    def _options(self, whole: cst.BaseExpression, rates: list[str], call: cst.Call, module: Module) -> SlotRoute | str:
        """The options of a namespace of which one sets a learning rate, or why they are not known."""
        why = ""
        for rate in rates:
            read = cst.Attribute(value=whole, attr=cst.Name(rate))
            module.parents[read] = call
            found = self.handing.settled(self.router.source(Source(module, call, read, splatted=True), None))
            if isinstance(found, SlotRoute):
                return found
            why = f": {found.why}" if isinstance(found, NoRoute) else why
        return why


def _takes_parameter(route: SlotRoute, function: cst.FunctionDef | None) -> bool:
    """Whether a route reads a parameter of a function."""
    return isinstance(route.slot, ParameterSlot) and not route.base and route.slot.function.node is function
