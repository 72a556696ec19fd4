"""Which switches a plan declares: homes for the sites, config calls that forward to them, and who would choke."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import libcst as cst

from cautify.analysis.consumers import Consumers
from cautify.analysis.discover import is_test
from cautify.analysis.resolve import Class, Resolver
from cautify.analysis.route import NoRoute, Route, Router, is_rate
from cautify.analysis.sites import Construction, argument
from cautify.analysis.syntax import Module, dotted
from cautify.homes import field as fields

_OWN = frozenset({"cls", "klass", "type", "__class__"})


@dataclass(frozen=True)
class Forward:
    """A call that builds a switched config, and the object from which it forwards the switch."""

    module: Module
    call: cst.Call
    route: Route
    builds: Class
    home: Class


@dataclass
class Declared:
    """One class that gets the switch: what is read together with its learning rate decides where the fields go."""

    home: Class
    read: set[str] = field(default_factory=set)
    direct: bool = False


@dataclass
class Switches:
    """What was decided: a route and a home for each site that has one, or why it has none."""

    routes: dict[cst.Call, Route] = field(default_factory=dict)
    homes: dict[cst.Call, Class] = field(default_factory=dict)
    declared: dict[cst.ClassDef, Declared] = field(default_factory=dict)
    forwards: list[Forward] = field(default_factory=list)
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
        self._refusals: dict[cst.ClassDef, str | None] = {}
        self._built: dict[cst.ClassDef, list[tuple[Module, cst.Call, Class]]] = {}

    def decide(self) -> Switches:
        """Route every site, then every config call that builds what a site reads its switch from."""
        wrapped = [c for c in self.constructions if c.reason is None]
        unsuitable = [c for c in self.constructions if c.reason is not None]
        for construction in wrapped:
            self._route_site(construction)
        self._unify()
        for construction in unsuitable:
            route = self._site_route(construction)
            if isinstance(route, Route):
                home = self._existing(route.owner)
                if home is not None:
                    self.result.routes[construction.call] = route
                    self.result.homes[construction.call] = home
        self._forward_all()
        return self.result

    def _site_route(self, construction: Construction) -> Route | NoRoute:
        return self.router.route(construction.call, construction.module, ("lr", "learning_rate"), 1)

    def _route_site(self, construction: Construction) -> None:
        route = self._site_route(construction)
        if isinstance(route, NoRoute):
            self.result.why[construction.call] = route.why
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
            found += [(cls.module, call, cls) for call in cls.module.calls_of(_OWN) if self._is_own_class(call, cls)]
        return found  # type: ignore[return-value]

    def _is_own_class(self, call: cst.Call, cls: Class) -> bool:
        """Whether ``cls(...)`` in a classmethod, or ``type(self)(...)``, constructs the class around it."""
        module = cls.module
        named = isinstance(call.func, cst.Name) and call.func.value in ("cls", "klass")
        typed = isinstance(call.func, cst.Call) and dotted(call.func.func) == "type"
        asked = isinstance(call.func, cst.Attribute) and call.func.attr.value == "__class__"
        if not (named or typed or asked):
            return False
        function = module.function(call) if cls.node in module.ancestors(call) else None
        if function is None or module.method_class(function) is not cls.node:
            return False
        first = [*function.params.posonly_params, *function.params.params][:1]
        name = first[0].name.value if first else ""
        if any(dotted(d.decorator) == "classmethod" for d in function.decorators):
            return bool(name) and dotted(call.func) == name
        return module.text(call.func) in (f"type({name})", f"{name}.__class__")

    def _forward(self, module: Module, call: cst.Call, built: Class, entry: Declared) -> None:
        if any(a.star for a in call.args):
            return
        rates = [n for n in entry.read if n != "*"] or ["lr"]
        rates = sorted(rates, key=lambda n: (not is_rate(n), n))[:1]
        order = fields.positions(built, self.resolver)
        position = order.index(rates[0]) if rates[0] in order else None
        route = self.router.route(call, module, rates, position)
        if isinstance(route, NoRoute):
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

    def _filled_elsewhere(self, home: Class) -> str | None:
        """Whether the class is filled from a parser's namespace: then a user's hand is there, and not at the fields."""
        for module, call, built in self._building_calls(home):
            for arg in call.args:
                whole = self.router.namespace(arg.value) if arg.star == "**" else None
                if whole is not None and not self.resolver.types(whole, module):
                    source = f"{module.text(arg.value)} ({module.path}:{module.line(call)})"
                    return f"{built.name} is filled from {source}, whose options are not followed"
        return None
