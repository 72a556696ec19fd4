"""attribute: the switch is two attributes of an object that gets them from outside, by assignment or by keyword.

``C = CN(); C.learning_rate = 3e-4`` or ``SimpleNamespace(lr=1e-3)``: no class declares these, whoever makes the object
does. It is read with a default, because others may make such an object too.
https://docs.python.org/3/library/types.html#types.SimpleNamespace
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import libcst as cst

from cautify.analysis.discover import is_test
from cautify.analysis.names import Class
from cautify.analysis.nodes import dotted
from cautify.analysis.origins import Origins
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.beside import entries, value_of
from cautify.homes.key_slot import below, by_hand, first_of_each_block, is_rate, known
from cautify.homes.roots import Kind, Root, Roots, by_attribute, is_called, stepped
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind
from cautify.patch.styles import Styles

_BAGS = frozenset({Kind.BAG, Kind.OBJECT, Kind.PARAMETER})


@dataclass(frozen=True)
class BagSlot:
    """A learning rate that is an attribute which no class declares. Two of one object are one place."""

    roots: tuple[Root, ...]
    rate: str = field(compare=False)
    owner: str = field(compare=False)
    spelling: Spelling = field(compare=False)
    styles: Styles = field(compare=False, repr=False)
    stores: tuple[tuple[Module, cst.Assign], ...] = field(default=(), compare=False)
    makers: tuple[tuple[Module, cst.Call], ...] = field(default=(), compare=False)
    declared: bool = field(default=False, compare=False)
    """Whether every object that may be read is one of those that are declared here."""
    why_not: str | None = field(default=None, compare=False)

    @property
    def kind(self) -> HomeKind:
        """Always an attribute."""
        return HomeKind.ATTRIBUTE

    def refusal(self) -> str | None:
        """Why the attributes cannot be added, or None."""
        return self.why_not

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """The attributes of ``base``, with the defaults where it may be an object that has none."""
        return self.spelling.attributes(base) if self.declared and not sometimes else self.spelling.asked(base)

    def homes(self) -> tuple[Home, ...]:
        """Where the learning rate is given to the object, or the parameter by which others bring it."""
        found = [(module.path, module.line(node)) for module, node in self.stores]
        found += [(module.path, module.line(value_of(call, self.rate) or call)) for module, call in self.makers]
        found = found or [(root.module.path, root.module.line(root.node)) for root in self.roots]
        return tuple(Home(HomeKind.ATTRIBUTE, path, line, self.owner) for path, line in sorted(set(found)))

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """Two assignments below each of the learning rate's, two keywords beside it in each call."""
        values = tuple(zip(self.spelling.names, self.spelling.defaults, strict=True))
        for module, node in first_of_each_block(self.stores):
            if by_hand(node.value):
                yield from below(module, node, values, "attribute", _last(module, node, together))
        for module, call in self.makers:
            value = value_of(call, self.rate)
            if value is not None and by_hand(value):
                new = [pair for pair in values if value_of(call, pair[0]) is None]
                width = self.styles.of(module).line_length
                added = entries(module, call, together | {self.rate}, new, "attribute", width)
                if added is not None:
                    yield module, added

    def sources(self) -> Iterable[Source]:
        """The values that assignments and keywords give the learning rate, where they are not numbers."""
        for module, node in self.stores:
            if not by_hand(node.value):
                yield Source(module, node, node.value)
        for module, call in self.makers:
            value = value_of(call, self.rate)
            if value is not None and not by_hand(value):
                yield Source(module, call, value)


class Bags:
    """Finds the learning rates of one project that are attributes given from outside."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.flows = origins.flows
        self.roots = Roots(origins)
        self.styles = Styles(self.flows.project.root)

    def slot(self, node: cst.BaseExpression, module: Module) -> BagSlot | str | None:
        """The attribute that an expression reads, why it cannot be used, or None if it is none."""
        step = stepped(node) if by_attribute(node) else None
        if step is None or is_called(node, module):
            return None
        base, rate = step
        roots = self.roots.of(base, module)
        kinds = known(roots)
        if not roots or not kinds <= _BAGS | {Kind.UNKNOWN} or kinds == {Kind.UNKNOWN}:
            return None
        if any(self._declared_by_class(cls, rate) for cls in self._classes(base, roots, module)):
            return None
        slot = BagSlot(roots, rate, module.text(base), self.flows.switch.like(rate), self.styles)
        for root in roots:
            if root.cls is not None and (why := self._closed(root.cls)):
                return why
        stores, makers = self._given(roots, rate)
        if stores or makers:
            made = {root.node for root in roots if root.kind in (Kind.BAG, Kind.OBJECT)}
            everything = kinds <= {Kind.BAG, Kind.OBJECT} and len(made) == len(roots) == len(stores) + len(makers)
            plain = all(by_hand(n.value) for _, n in stores)
            return replace(slot, stores=stores, makers=makers, declared=everything and plain)
        if kinds == {Kind.OBJECT} and not any(root.path for root in roots):
            return self._from_outside(slot, roots)
        if Kind.OBJECT in kinds or not is_rate(rate):
            return None
        if Kind.BAG in kinds:
            return f"nothing gives {module.text(base)} its {rate} where it is made"
        return self._only_one(slot, base, module)

    # -- classes --------------------------------------------------------------------------------------------------

    def _classes(self, base: cst.BaseExpression, roots: tuple[Root, ...], module: Module) -> frozenset[Class]:
        """The classes that the object may be an instance of."""
        made = frozenset(root.cls for root in roots if root.cls is not None and not root.path)
        return made | self.flows.types(base, module)

    def _declared_by_class(self, cls: Class, rate: str) -> bool:
        """Whether a class or one around it in its hierarchy says itself that it has the attribute."""
        family = [*self.flows.ancestors(cls), *self.flows.descendants(cls)[1:]]
        return any(
            rate in c.module.scopes[c.node].bindings
            or self.flows.assigned_attributes(c, rate)
            or self.flows.unpacked_attributes(c, rate)
            for c in family
        )

    def _closed(self, cls: Class) -> str | None:
        """Why objects of a class do not take any attribute, or None."""
        for c in self.flows.ancestors(cls):
            names = c.module.scopes[c.node].bindings
            for name in ("__slots__", "__setattr__"):
                if name in names:
                    return f"{c.name} has {name}, and may not take new attributes"
        return None

    # -- where an object gets its attributes ----------------------------------------------------------------------

    def _given(
        self, roots: tuple[Root, ...], rate: str
    ) -> tuple[tuple[tuple[Module, cst.Assign], ...], tuple[tuple[Module, cst.Call], ...]]:
        """The assignments where an object is made, and the calls that make it with a keyword."""
        stores: dict[cst.Assign, Module] = {}
        makers: dict[cst.Call, Module] = {}
        for root in roots:
            if not isinstance(root.node, cst.Call):
                continue
            if not root.path and value_of(root.node, rate) is not None:
                makers[root.node] = root.module
            for node, base in assigned(root.module, rate):
                here = root.module.function(node) is root.module.function(root.node)
                if here and any((m.node, m.path) == (root.node, root.path) for m in self.roots.of(base, root.module)):
                    stores[node] = root.module
        return tuple((m, n) for n, m in stores.items()), tuple((m, c) for c, m in makers.items())

    def _only_one(self, slot: BagSlot, base: cst.BaseExpression, module: Module) -> BagSlot | str | None:
        """The slot of a parameter that nobody is seen to fill, if one place alone makes what is read of it."""
        names = _read(base, module) | {slot.rate}
        project = self.flows.project
        found: list[tuple[Module, cst.Assign]] = []
        for path in project.mentioning_word({slot.rate}):
            where = project.module(path) if not is_test(path) else None
            for node, of in assigned(where, slot.rate) if where is not None else ():
                assert where is not None
                if self._makes(node, of, names, where):
                    found.append((where, node))
        if len(found) == 1:
            return replace(slot, stores=tuple(found))
        if found:
            places = ", ".join(f"{m.path}:{m.line(n)}" for m, n in found[:4])
            return f"{slot.owner}.{slot.rate} may be given by any of {places}"
        return f"nothing of the project was seen to make {slot.owner}"

    def _from_outside(self, slot: BagSlot, roots: tuple[Root, ...]) -> BagSlot | str | None:
        """The slot of an object of the project that gets its learning rate from one function outside its class."""
        project = self.flows.project
        classes = {c.node for root in roots if root.cls is not None for c in self.flows.ancestors(root.cls)}
        classes |= {c.node for root in roots if root.cls is not None for c in self.flows.descendants(root.cls)}
        found: list[tuple[Module, cst.Assign]] = []
        for path in project.mentioning_word({slot.rate}):
            where = project.module(path) if not is_test(path) else None
            for node, of in assigned(where, slot.rate) if where is not None else ():
                assert where is not None
                made = self.roots.of(of, where)
                if all(r.kind == Kind.UNKNOWN or (r.cls is not None and r.cls.node in classes) for r in made):
                    found.append((where, node))
        if not found:
            return None
        if len({(where.path, where.function(node)) for where, node in found}) > 1:
            places = ", ".join(f"{m.path}:{m.line(n)}" for m, n in found[:4])
            return f"{slot.owner}.{slot.rate} may be given by any of {places}"
        return replace(slot, stores=tuple(found))

    def _makes(self, node: cst.Assign, of: cst.BaseExpression, names: frozenset[str], where: Module) -> bool:
        """Whether an assignment stands where a bag is made that gets all of some names there."""
        roots = self.roots.of(of, where)
        if len(roots) != 1 or roots[0].kind not in (Kind.BAG, Kind.OBJECT) or not isinstance(roots[0].node, cst.Call):
            return False
        root = roots[0]
        if root.path or root.module is not where or where.function(root.node) is not where.function(node):
            return False
        if root.cls is not None and (
            self._closed(root.cls) or any(self._declared_by_class(root.cls, n) for n in names)
        ):
            return False
        text = where.text(of)
        function = where.function(node)
        return all(
            any(where.text(b) == text and where.function(n) is function for n, b in assigned(where, name))
            for name in names
        )


def assigned(module: Module, rate: str) -> Iterator[tuple[cst.Assign, cst.BaseExpression]]:
    """The statements ``x.lr = …`` of a module, and what they are of."""
    for node in module.assigning(rate):
        if isinstance(node, cst.Assign):
            for target in node.targets:
                if isinstance(target.target, cst.Attribute) and target.target.attr.value == rate:
                    yield node, target.target.value


def _read(base: cst.BaseExpression, module: Module) -> frozenset[str]:
    """The attributes that the function around reads of the same object."""
    text = dotted(base)
    function = module.function(base)
    if not text or function is None:
        return frozenset()
    found = set()
    pending: list[cst.CSTNode] = [function.body]
    while pending:
        node = pending.pop()
        pending.extend(node.children)
        if isinstance(node, cst.Attribute) and dotted(node.value) == text:
            found.add(node.attr.value)
    return frozenset(found)


def _last(module: Module, node: cst.Assign, together: frozenset[str]) -> cst.SimpleStatementLine | None:
    """The line of the last of some attributes in the run of assignments that begins at the learning rate's."""
    line = module.parents.get(node)
    block = module.parents.get(line) if line is not None else None
    target = node.targets[0].target
    if not isinstance(line, cst.SimpleStatementLine) or not isinstance(target, cst.Attribute):
        return None
    body = list(getattr(block, "body", ()))
    text, last = module.text(target.value), line
    for statement in body[body.index(line) + 1 :]:
        small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
        if not isinstance(small, cst.Assign) or statement.leading_lines or len(statement.body) != 1:
            break
        to = small.targets[0].target
        if not isinstance(to, cst.Attribute) or module.text(to.value) != text:
            break
        if to.attr.value in together:
            last = statement
    return last
