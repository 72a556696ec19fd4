"""Which declarations of a switch reach a site, and where the user's hand is: at the far end."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from cautify.analysis.agreement import SlotRoute
from cautify.analysis.names import Class
from cautify.analysis.resolve import Resolver
from cautify.analysis.route import Route
from cautify.analysis.switches import Switches
from cautify.homes import field as fields
from cautify.model import Home, HomeKind, Switch


class Reached:
    """Reads the switches of one plan."""

    def __init__(self, switches: Switches, resolver: Resolver) -> None:
        self.switches = switches
        self.resolver = resolver

    def switch(self, call: cst.Call) -> Switch | None:
        """What the wrap of a construction reads, and every declaration that is handed on to it."""
        route = self.switches.routes.get(call)
        if route is None or (isinstance(route, Route) and call not in self.switches.homes):
            return None
        homes: dict[Home, None] = {}
        kind, pending, seen = None, [route], set[object]()
        far = True
        while pending:
            current = pending.pop(0)
            for home in self._declared(current, call):
                kind = home.kind if far or kind is None else kind
                homes[home] = None
            above = [r for r in self._above(current, call) if _identity(r) not in seen]
            seen.update(map(_identity, above))
            far = far and bool(above)
            pending = above + pending if far else pending + above
        first, *others = homes
        ordered = sorted(others, key=lambda home: (home.path, home.line))
        return Switch(kind or HomeKind.ENVIRONMENT, route.enabled, route.eps, (first, *ordered))

    def _declared(self, route: Route | SlotRoute, call: cst.Call) -> Iterator[Home]:
        if isinstance(route, SlotRoute):
            yield from route.slot.homes()
        else:
            yield self._home(self._top(route.home))

    def _top(self, cls: Class) -> Class:
        """The class that declares the switch for another: itself, or the topmost one above it that does."""
        above = [c for c in self.resolver.ancestors(cls) if c.node in self.switches.declared]
        return above[-1] if above else cls

    def _above(self, route: Route | SlotRoute, call: cst.Call) -> list[Route | SlotRoute]:
        """The routes by which the switch is handed on to where a route reads it."""
        if isinstance(route, SlotRoute):
            return [h.route for h in self.switches.handed if h.slot == route.slot]
        below = {c.node for c in self.resolver.descendants(route.owner)}
        own = self._top(route.home).node
        found = [f for f in self.switches.forwards if f.builds.node in below]
        return [f.route for f in found if f.home is None or self._top(f.home).node is not own]

    def _home(self, cls: Class) -> Home:
        declared = self.switches.declared.get(cls.node)
        read = declared.read if declared else set()
        own = fields.fields_in(cls)
        rate = next((f for f in own if f.name in read and f.name not in self.resolver.switch.names), None)
        line = cls.module.line(rate.node if rate else cls.node)
        return Home(HomeKind.FIELD, cls.module.path, line, self.resolver.qualified(cls))


def _identity(route: Route | SlotRoute) -> object:
    return route.slot if isinstance(route, SlotRoute) else route.home.node
