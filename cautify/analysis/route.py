"""From a construction back to the home of its switch: the way its learning rate comes.

The learning rate is looked for as a keyword, by position, in what is splatted, in parameter groups; failing that, any
other hyperparameter shows the config object; failing that, it is the config object whose method this is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis.resolve import Class, Resolver
from cautify.analysis.sites import argument
from cautify.analysis.syntax import Module, dotted, literal, walk
from cautify.homes import ENABLED, EPS, field

_ASDICT = "dataclasses.asdict"
_DEPTH = 6


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
class Splat:
    """A whole config object that is splatted into a call: ``**asdict(self)``, or a variable made from that.

    ``statement`` is the assignment of that variable, ``fresh`` whether it is a dict of its own, not the object's.
    """

    arg: cst.Arg
    base: cst.BaseExpression
    owner: Class
    variable: str | None = None
    statement: cst.CSTNode | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Route:
    """The config object at a call, the class that declares its learning rate, and what is read of it there."""

    base: str
    owner: Class
    home: Class
    read: frozenset[str]
    splats: tuple[Splat, ...] = ()
    fallback: bool = False
    sometimes: bool = False

    @property
    def enabled(self) -> str:
        """The expression that reads the switch."""
        return f'getattr({self.base}, "{ENABLED}", False)' if self.sometimes else f"{self.base}.{ENABLED}"

    @property
    def eps(self) -> str:
        """The expression that reads the epsilon."""
        return f'getattr({self.base}, "{EPS}", 1e-8)' if self.sometimes else f"{self.base}.{EPS}"


@dataclass(frozen=True)
class NoRoute:
    """Why no config object was found: one sentence."""

    why: str


class Router:
    """Finds routes in one project."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def route(self, call: cst.Call, module: Module, names: Iterable[str], position: int | None) -> Route | NoRoute:
        """The route of a construction or config call whose learning rate is one of ``names``, or at ``position``.

        A fallback route (``fallback``) is by the object in scope, not by the learning rate itself.
        """
        splats = tuple(self.splats(call, module))
        sources = [e for name in names if (e := argument(call, name, None)) is not None]
        positional = argument(call, "", position)
        sources += [positional] if positional is not None and not sources else []
        if not sources:
            sources = [e for a in call.args if a.star == "**" for e in self._entries(a.value, names, module)]
        reads = self._reads(sources, module)
        if not reads and splats:
            return self._whole(splats, call, module)
        if not reads and not sources:
            groups = argument(call, "params", 0)
            reads = self._reads(self._group_rates(groups, names, module) if groups is not None else [], module)
        if not reads:
            reads = self._reads([a.value for a in call.args], module)
        if reads:
            return self._agreed(reads, splats, call, module)
        return self._enclosing(call, module, splats)

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

    def splats(self, call: cst.Call, module: Module) -> Iterator[Splat]:
        """The config objects splatted whole into a call."""
        for arg in call.args:
            if arg.star != "**":
                continue
            if isinstance(arg.value, cst.Name):
                for binding in self.resolver.bindings(arg.value.value, arg.value, module):
                    if binding.kind == "assign" and binding.value is not None:
                        source = self._whole_object(binding.value, module)
                        if source is not None:
                            base, fresh = source
                            for owner in self.resolver.types(base, module):
                                yield Splat(arg, base, owner, arg.value.value, binding.node, fresh)
            else:
                source = self._whole_object(arg.value, module)
                if source is not None:
                    for owner in self.resolver.types(source[0], module):
                        yield Splat(arg, source[0], owner)

    def namespace(self, value: cst.BaseExpression) -> cst.BaseExpression | None:
        """The object behind ``vars(x)`` or ``x.__dict__``."""
        if isinstance(value, cst.Attribute) and value.attr.value == "__dict__":
            return value.value
        if isinstance(value, cst.Call) and dotted(value.func) == "vars" and len(value.args) == 1:
            return value.args[0].value
        return None

    def _whole_object(self, value: cst.BaseExpression, module: Module) -> tuple[cst.BaseExpression, bool] | None:
        """The object behind ``asdict(x)``, ``vars(x)``, ``x.__dict__`` or a copy, and whether the dict is fresh."""
        shared = self.namespace(value)
        if shared is not None:
            return shared, False
        if isinstance(value, cst.Dict) and any(isinstance(e, cst.StarredDictElement) for e in value.elements):
            inner = [e.value for e in value.elements if isinstance(e, cst.StarredDictElement)]
            found = [w for e in inner if (w := self._whole_object(e, module))]
            return (found[0][0], True) if len(found) == 1 else None
        if isinstance(value, cst.DictComp):
            iterated = value.for_in.iter
            if (
                isinstance(iterated, cst.Call)
                and isinstance(iterated.func, cst.Attribute)
                and iterated.func.attr.value == "items"
            ):
                found_one = self._whole_object(iterated.func.value, module)
                return (found_one[0], True) if found_one else None
            return None
        if not isinstance(value, cst.Call):
            return None
        func = dotted(value.func)
        first = value.args[0].value if value.args else None
        if first is not None and _ASDICT in self.resolver.externals(value.func, module):
            return first, True
        if first is not None and func in ("dict", "copy", "deepcopy", "copy.copy", "copy.deepcopy"):
            found_one = self._whole_object(first, module)
            return (found_one[0], True) if found_one else None
        if isinstance(value.func, cst.Attribute) and value.func.attr.value == "copy":
            found_one = self._whole_object(value.func.value, module)
            return (found_one[0], True) if found_one else None
        return None

    def _whole(self, splats: tuple[Splat, ...], call: cst.Call, module: Module) -> Route | NoRoute:
        """The route when nothing but a whole object arrives: its learning rate field is called ``lr`` there."""
        reads = [Read(s.base, s.owner, "lr", cls) for s in splats for cls in self.declaring(s.owner, "lr")]
        if not reads:
            return self._enclosing(call, module, splats)
        return self._agreed(reads, splats, call, module, everything=True)

    # -- agreement ------------------------------------------------------------------------------------------------

    def _agreed(
        self, reads: list[Read], splats: tuple[Splat, ...], call: cst.Call, module: Module, everything: bool = False
    ) -> Route | NoRoute:
        """One config object out of all that was read, or why not."""
        rates = [r for r in reads if is_rate(r.name)] or reads
        bases = {module.text(r.base) for r in rates}
        homes = {r.home.node: r.home for r in rates}
        if len(bases) > 1:
            return NoRoute(f"its learning rate comes from several objects: {', '.join(sorted(bases))}")
        base = bases.pop()
        moved = next((why for r in rates if (why := self._means_something_else(r.base, call, module))), None)
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
        passed = [a.value for a in call.args] + [
            e for a in call.args if a.star == "**" for e in self._all(a.value, module)
        ]
        at_call = [r for r in self._reads(passed, module) if module.text(r.base) == base]
        read = frozenset({"lr", "*"}) if everything else frozenset(r.name for r in [*rates, *at_call])
        sometimes = base != "self" and any(r.sometimes for r in rates)
        return Route(base, rates[0].owner, home, read, splats, sometimes=sometimes)

    def _means_something_else(self, base: cst.BaseExpression, call: cst.Call, module: Module) -> str | None:
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
                    return Route(name, own, own, frozenset(), splats, fallback=True)
            function = module.function(function)
        return NoRoute("no config object was found from which its learning rate comes")

    def _is_config(self, cls: Class) -> bool:
        return any(field.settings(c, self.resolver) is not None for c in self.resolver.ancestors(cls)[:1])


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


def is_rate(name: str) -> bool:
    """Whether a field's name says that it is a learning rate."""
    return name == "lr" or "learning_rate" in name or "lr" in name.split("_")
