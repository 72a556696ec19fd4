"""How a switch gets from its home to the slots that sites read: established, and handed on where it must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis.agreement import NoRoute, SlotRoute
from cautify.analysis.callers import makes_own
from cautify.analysis.discover import is_test
from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import dotted, walk
from cautify.analysis.route import AnyRoute, Route, Router
from cautify.analysis.splatted import Splatted
from cautify.analysis.syntax import Module
from cautify.analysis.tables import entries, is_table
from cautify.homes.argument import Arguments, ArgumentSlot
from cautify.homes.attribute import AttributeSlot, CarriedSlot
from cautify.homes.click_options import ClickSlot
from cautify.homes.parameter import ParameterSlot
from cautify.homes.slot import Slot, Source


@dataclass(frozen=True)
class Handed:
    """A place of the project at which the switch is handed on to a slot, and the route by which it comes there."""

    source: Source
    route: Route | SlotRoute
    slot: Slot


@dataclass(frozen=True)
class Outcome:
    """What became of a slot: why it cannot be a home, or what is handed on to it. ``partly``: not everywhere."""

    why: str | None
    handed: tuple[Handed, ...] = ()
    partly: bool = False


class Handing:
    """Establishes slots. ``refusal`` says why a config class cannot declare the switch, or None.

    ``filled`` are the config classes that a command line fills as a whole, and that will take the switch.
    """

    def __init__(self, router: Router, refusal: Callable[[Class], str | None], tests: bool) -> None:
        self.router = router
        self.flows = router.readings.flows
        self.refusal = refusal
        self.tests = tests
        self.filled: set[cst.ClassDef] = set()
        self._outcomes: dict[Slot, Outcome] = {}
        self._refused: dict[Slot, str] = {}
        self._splatted: Splatted | None = None

    def outcome(self, slot: Slot) -> Outcome:
        """Whether a slot can be a home, and what is handed on to it. A circle adds nothing."""
        if slot not in self._outcomes:
            self._outcomes[slot] = Outcome("nothing but itself gives it a value")
            self._outcomes[slot] = self._establish(slot)
        return self._outcomes[slot]

    def refuse(self, slot: Slot, why: str) -> None:
        """Let a slot be no home after all. Whatever was established before is forgotten."""
        self._refused[slot] = why
        self.forget()

    def forget(self) -> None:
        """Let all be established anew."""
        self._outcomes.clear()
        self.filled.clear()

    def settled(self, route: AnyRoute) -> Route | SlotRoute | NoRoute:
        """A route whose home can declare the switch, or why not."""
        if isinstance(route, NoRoute):
            return route
        if isinstance(route, Route):
            why = self.refusal(route.home)
            return route if why is None else NoRoute(f"no field, because {why}")
        outcome = self.outcome(route.slot)
        if outcome.why is not None:
            return NoRoute(f"no switch, because {outcome.why}")
        return replace(route, sometimes=True) if outcome.partly else route

    def nearest(self, route: SlotRoute, place: cst.CSTNode, module: Module) -> Route | SlotRoute | NoRoute:
        """As settled; the object in scope itself, where callers would only hand that object's switch to a parameter."""
        settled = self.settled(route)
        if not isinstance(route.slot, ParameterSlot) or route.base or not isinstance(place, cst.Call):
            return settled
        routes = [h.route for h in self.outcome(route.slot).handed]
        if isinstance(settled, NoRoute) or not routes or not all(map(_of_options, routes)):
            return settled
        found = self.router.agreement.in_scope(place, module)
        if found is None or not all(_is_of(r, found.slot) for r in routes):
            return settled
        inside = self.settled(found)
        return settled if isinstance(inside, NoRoute) else inside

    def _establish(self, slot: Slot) -> Outcome:
        why = self._refused.get(slot) or slot.refusal()
        if why is None and isinstance(slot, ArgumentSlot):
            self._splatted = self._splatted or Splatted(slot.arguments, self._is_taking)
            why = self._splatted.unsafe(slot)
        if why is None and isinstance(slot, ClickSlot) and (arguments := self._arguments()) is not None:
            self._splatted = self._splatted or Splatted(arguments, self._is_taking)
            why = self._splatted.unsafe_command(slot)
        if why is not None:
            return Outcome(why)
        handed: list[Handed] = []
        partly = False
        derived = isinstance(slot, (AttributeSlot, CarriedSlot))
        lost: list[Source] = []
        for source in slot.sources():
            if is_test(source.module.path) and not self.tests:
                continue
            found = self.router.source(source, getattr(slot, "owner", None))
            if isinstance(found, SlotRoute) and not found.fallback:
                route = self.nearest(found, source.place, source.module)
                route = replace(route, fallback=False) if isinstance(route, SlotRoute) else route
            else:
                route = self.settled(found)
            if isinstance(route, NoRoute) or route.fallback or not self._takes(source, slot):
                partly = derived
                lost += (
                    [source] if isinstance(found, NoRoute) and not (source.splatted or self._is_written(source)) else []
                )
                continue
            handed.append(Handed(source, route, slot))
        if derived and not handed and not getattr(slot, "is_written", False):
            return Outcome(f"nothing that users set reaches {slot.rate}")
        if isinstance(slot, ParameterSlot) and not handed and slot.is_local:
            return Outcome(f"only its own function calls {slot.function.node.name.value}, with nothing that users set")
        if isinstance(slot, ParameterSlot) and not handed and lost and slot.function.node.name.value != "__init__":
            where = lost[0].module
            place = f"{where.path}:{where.line(lost[0].place)}"
            return Outcome(f"nothing that users set reaches {slot.rate} where the project passes it ({place})")
        return Outcome(None, tuple(handed), partly)

    def _is_written(self, source: Source) -> bool:
        """Whether a learning rate is a number or a text that is written out: whoever wrote it wants no switch there."""
        origins = self.router.readings.origins
        names = [n for n in walk(source.rate) if isinstance(n, cst.Name)]
        made = [origin.node for name in names for origin in origins.of(name, source.module)]
        return not any(isinstance(n, cst.Name) for node in made for n in walk(node))

    def has_fields(self, whole: cst.BaseExpression, module: Module, cls: Class) -> bool:
        """Whether the options of a command line are made from the fields of a class: they need no declaration."""
        arguments = self._arguments()
        return arguments is not None and arguments.are_fields(whole, module, cls)

    def _arguments(self) -> Arguments | None:
        return next((r for r in self.router.readings.readers if isinstance(r, Arguments)), None)

    def _is_taking(self, value: Function | Class) -> bool:
        """Whether a function or class of the project is one whose parameters or fields will have the switch."""
        if isinstance(value, Class) and value.node in self.filled:
            return True
        return any(isinstance(slot, ParameterSlot) and self._reaches(value, slot) for slot in self._outcomes)

    def _takes(self, source: Source, slot: Slot) -> bool:
        """Whether the switch can be handed on at a place: a call gets it only when everything it may reach takes it."""
        place, module = source.place, source.module
        if isinstance(place, (cst.Assign, cst.AnnAssign)):
            return isinstance(module.parents.get(module.statement(place)), (cst.IndentedBlock, cst.Module))
        if not isinstance(place, cst.Call) or not isinstance(slot, ParameterSlot):
            return True
        if source.splatted:
            return True
        if any(a.star == "**" and a.value is not source.rate and not self._is_known(a, module) for a in place.args):
            return False  # what is splatted may hold the switch already
        bound = self.flows.callers.put_before(place, module) is not None
        if isinstance(place.func, cst.Attribute) and not bound:
            base = place.func.value
            if dotted(base) == "self" or (isinstance(base, cst.Call) and dotted(base.func) == "super"):
                return True
            owners = self.flows.types(base, module)
            cls = slot.function.module.method_class(slot.function.node)
            if owners and cls is not None:
                own = Class(slot.function.module, cls)
                return all(self.flows.related(owner, own) for owner in owners)
        around = next((a for a in module.ancestors(place) if isinstance(a, cst.ClassDef)), None)
        if around is not None and makes_own(place, Class(module, around)):
            return all(self._reaches(c, slot) for c in self.flows.descendants(Class(module, around)))
        values = self.flows.values(place.args[0].value if bound else place.func, module)
        return all(isinstance(v, (Function, Class)) and self._reaches(v, slot) for v in values)

    def _is_known(self, arg: cst.Arg, module: Module) -> bool:
        """Whether what is splatted is a dict that is written out, key by key."""
        made = self.router.readings.origins.of(arg.value, module)
        tables = [o.node for o in made if isinstance(o.node, (cst.Dict, cst.Call)) and is_table(o.node)]
        return len(tables) == len(made) > 0 and all(key is not None for table in tables for key, _ in entries(table))

    def _reaches(self, value: Function | Class, slot: ParameterSlot) -> bool:
        """Whether to call something of the project is to call the function of a slot, or one that takes the switch."""
        if isinstance(value, Function):
            return value.node is slot.function.node
        for cls in self.flows.ancestors(value):
            for binding in cls.module.scopes[cls.node].bindings.get("__init__", ()):
                return binding.node is slot.function.node
        return False


def _is_of(route: Route | SlotRoute, slot: Slot) -> bool:
    """Whether a route ends at the options of the parsers that a slot is of."""
    own = _of_options(route)
    return own is not None and isinstance(slot, ArgumentSlot) and not own.parsers.isdisjoint(slot.parsers)


def _of_options(route: Route | SlotRoute) -> ArgumentSlot | None:
    """The options that a route ends at, if it does."""
    return route.slot if isinstance(route, SlotRoute) and isinstance(route.slot, ArgumentSlot) else None
