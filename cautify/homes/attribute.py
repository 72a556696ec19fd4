"""attribute: the switch is set on the object that keeps its learning rate, beside it.

``self.lr = lr`` gains ``self.use_cautious_optimizer = use_cautious_optimizer`` below it; what is assigned there says
how the switch travels on: to a parameter of ``__init__``, mostly. Where a learning rate goes from one method of an
object to the next as an argument, the switch still travels on ``self``: a method that users override keeps its
signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from cautify.analysis.names import Class
from cautify.analysis.nodes import dotted
from cautify.analysis.origins import Origins
from cautify.analysis.pickled import Pickled
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.beside import alone, is_plain, statements
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind

_Setting = tuple[Module, cst.Assign | cst.AnnAssign]


@dataclass(frozen=True)
class AttributeSlot:
    """An attribute that methods of a class of the project give its learning rate."""

    cls: Class
    rate: str
    origins: Origins = field(compare=False, repr=False)
    pickled: Pickled = field(compare=False, repr=False)

    kind = HomeKind.ATTRIBUTE

    @property
    def owner(self) -> Class:
        """The class of the objects whose optimizer the attribute sets."""
        return self.cls

    @property
    def spelling(self) -> Spelling:
        """As the attribute is spelled, without an underscore in front."""
        return self.origins.flows.switch.like(self.rate.lstrip("_"))

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """``self.use_cautious_optimizer``; what may lack it is asked."""
        asked = sometimes or not self._always or self.pickled.may_be_old(self.cls)
        return self.spelling.asked(base) if asked else self.spelling.attributes(base)

    @property
    def _always(self) -> bool:
        """Whether ``__init__`` sets the attribute whatever happens, in each class that sets it at all."""
        setting = self._assignments
        surely = {around(m, s) for m, s in setting if m.unconditional(s) and _is_init(m, s)}
        owners = {(m, node) for m, s in setting if (node := around(m, s)) is not None}
        above = ({c.node for c in self.origins.flows.ancestors(Class(m, node))} for m, node in owners)
        return bool(surely) and all(not surely.isdisjoint(nodes) for nodes in above)

    @property
    def is_written(self) -> bool:
        """Whether nothing but numbers in the code set the attribute: users who want another one set it themselves."""
        setting = self._assignments
        if self.rate.startswith("_") or not all(is_plain(s.value) and dotted(s.value) == "" for _, s in setting):
            return False
        return self._always and all(alone(m, s) is not None for m, s in self._written(setting))

    def _written(self, setting: list[_Setting]) -> list[_Setting]:
        return [(m, s) for m, s in setting if m.unconditional(s) and _is_init(m, s)]

    @property
    def _assignments(self) -> list[_Setting]:
        """The statements of the class and its relatives that set the attribute, and give it something."""
        flows = self.origins.flows
        family = [*flows.ancestors(self.cls), *flows.descendants(self.cls)[1:]]
        found: dict[cst.CSTNode, _Setting] = {}
        for cls in family:
            for statement in cls.module.assigning(self.rate):
                if cls.node in cls.module.ancestors(statement) and statement.value is not None:
                    found[statement] = (cls.module, statement)
        return [pair for pair in found.values() if _sets_self(pair[1], self.rate)]

    def refusal(self) -> str | None:
        """Why the object cannot keep two more attributes."""
        if not self._assignments:
            return f"nothing is assigned to {self.rate} of {self.cls.name} by itself"
        return _refuses_attributes(self.cls, self.spelling, self.origins)

    def homes(self) -> tuple[Home, ...]:
        """The first statement that sets the learning rate."""
        found = self._assignments
        module, statement = found[0] if found else (self.cls.module, self.cls.node)
        return (Home(self.kind, module.path, module.line(statement), self.origins.flows.qualified(self.cls)),)

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """The defaults, below the number in ``__init__``; else what hands the switch on is the declaration."""
        names = self.spelling.names
        for module, statement in self._written(self._assignments) if self.is_written else ():
            function, line = module.function(statement), alone(module, statement)
            there = {
                n for n in names for s in module.assigning(n) if _sets_self(s, n) and module.function(s) is function
            }
            values = zip(names, self.spelling.defaults, strict=True)
            lines = [f"self.{n} = {value}" for n, value in values if n not in there]
            if lines and line is not None:
                yield module, statements(module, line, lines, "attribute")

    def sources(self) -> Iterator[Source]:
        """The values that the attribute is given, where these are not numbers."""
        for module, statement in () if self.is_written else self._assignments:
            assert statement.value is not None
            yield Source(module, statement, statement.value)


@dataclass(frozen=True)
class CarriedSlot:
    """What a method hands to another of its object as an argument: the switch is kept on the object instead.

    ``places`` are the statements that call the other method, with the expression they pass on.
    """

    cls: Class
    rate: str
    places: tuple[tuple[Module, cst.CSTNode, cst.BaseExpression], ...]
    origins: Origins = field(compare=False, repr=False)
    pickled: Pickled = field(compare=False, repr=False)

    kind = HomeKind.ATTRIBUTE

    @property
    def spelling(self) -> Spelling:
        """As it is everywhere."""
        return self.origins.flows.switch

    @property
    def owner(self) -> Class:
        """The class of the objects whose optimizer the attribute sets."""
        return self.cls

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """``self.use_cautious_optimizer``."""
        asked = sometimes or self.pickled.may_be_old(self.cls)
        return self.spelling.asked(base) if asked else self.spelling.attributes(base)

    def refusal(self) -> str | None:
        """Why the object cannot keep two more attributes."""
        return _refuses_attributes(self.cls, self.spelling, self.origins)

    def homes(self) -> tuple[Home, ...]:
        """Where the object is given the switch."""
        owner = self.origins.flows.qualified(self.cls)
        return tuple(Home(self.kind, m.path, m.line(place), owner) for m, place, _ in self.places)

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """None: what hands the switch on is the declaration."""
        yield from ()

    def sources(self) -> Iterator[Source]:
        """The statements that call the method."""
        for module, place, rate in self.places:
            yield Source(module, place, rate)


def _refuses_attributes(cls: Class, spelling: Spelling, origins: Origins) -> str | None:
    """Why objects of a class cannot keep the switch, or None."""
    flows = origins.flows
    for member in [*flows.ancestors(cls), *flows.descendants(cls)[1:]]:
        bindings = member.module.scopes[member.node].bindings
        if "__slots__" in bindings:
            return f"{member.name} lists its __slots__ by hand"
        if "__setattr__" in bindings:
            return f"{member.name} has a __setattr__ of its own, which may not accept new names"
        taken = set(spelling.names) & set(bindings)
        if taken:
            return f"{member.name} uses the name {min(taken)} for something else{spelling.taken(min(taken))}"
    return None


def _sets_self(statement: cst.Assign | cst.AnnAssign, name: str) -> bool:
    targets = [t.target for t in statement.targets] if isinstance(statement, cst.Assign) else [statement.target]
    return any(dotted(target) == f"self.{name}" for target in targets)


def _is_init(module: Module, statement: cst.CSTNode) -> bool:
    function = module.function(statement)
    return function is not None and function.name.value == "__init__"


def around(module: Module, node: cst.CSTNode) -> cst.ClassDef | None:
    """The nearest class definition around a node."""
    return next((a for a in module.ancestors(node) if isinstance(a, cst.ClassDef)), None)
