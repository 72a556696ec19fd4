"""Whether a call makes an optimizer, by all that its callee may be, and whether that can be made cautious."""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import libcst as cst

from cautify.analysis import evidence
from cautify.analysis.construction import Construction, argument
from cautify.analysis.deferred import Body, Deferred
from cautify.analysis.direct import GIVING
from cautify.analysis.flows import Flows
from cautify.analysis.given import called_attribute, taken_from
from cautify.analysis.glance import may_hold_construction
from cautify.analysis.names import (
    AnyOptimizer,
    Class,
    Container,
    External,
    Function,
    Imported,
    Lambda,
    Nothing,
    Partial,
    Value,
)
from cautify.analysis.nodes import keywords, last_name
from cautify.analysis.opaque import AS_ANOTHER, Opaque
from cautify.analysis.paths import OF_ANOTHER, SUBCLASS
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module, dotted, walk
from cautify.optimizers import Optimizer

_BUILT_IN = frozenset(vars(builtins)) - {"__import__"}
_CALLED_AGAIN = re.compile(r"[\])][ \t]*\(")  # what is called has no name of its own
_BY_TEXT = frozenset({"eval", "exec", "map"})


@dataclass(frozen=True)
class _Made:
    """What is called, sorted."""

    known: tuple[Optimizer, ...]
    own: tuple[Class, ...]
    any: tuple[AnyOptimizer, ...]
    partial: bool
    inner: tuple[Value, ...]
    foreign: tuple[str, ...]
    unknown: bool


class Makers:
    """Looks at the calls of one project."""

    def __init__(self, flows: Flows, custom: Iterable[Class]) -> None:
        self.flows = flows
        self.catalogue = flows.catalogue
        self.opaque = Opaque(flows)
        self.own = tuple(custom)
        self.custom = {c.node for c in self.own}
        self.names = self.catalogue.class_names | self.catalogue.special_names | {c.name for c in self.own}

    def construction(self, call: cst.Call, module: Module) -> Construction | None:
        """The construction that a call is, with what speaks against wrapping it, or None if it is none."""
        inherited = self.opaque.by_base(call, module)
        if inherited is not None:
            return inherited
        found = self._resolved(call, module) if self._may_make(call, module) else None
        return found or self.opaque.made_by_text(call, module)

    def _resolved(self, call: cst.Call, module: Module) -> Construction | None:
        """The construction that a call is by what its callee may be."""
        values = self.flows.values(call.func, module)
        direct = self._is_direct(call.func, module)
        made = self._sorted(values)
        factory = next((f for v in values if isinstance(v, External) and (f := self.catalogue.factory(v.name))), None)
        if factory is not None and not factory.generic:
            return Construction(module, call, (), "factory", factory.reason, factory.why)
        if made.known or made.own or made.any:
            optimizers = self._qualified(made)
            if direct:
                return self._direct(Construction(module, call, optimizers), made)
            form = "partial" if made.partial else evidence.form(call, module, self.flows)
            return self._followed(Construction(module, call, optimizers, form), made)
        if (factory is not None and factory.generic) or self.opaque.builds_anything(call, values):
            return self.opaque.generic(call, module)
        if made.inner and not made.unknown:
            return None  # what it calls makes the optimizer itself, and is looked at there
        if made.foreign:
            return self.opaque.foreign(call, module, made.foreign, direct)
        return self.opaque.unknown(call, module) if made.unknown or not values else None

    # -- which calls are worth resolving --------------------------------------------------------------------------

    def looking_into(self, module: Module) -> Callable[[Body], bool]:
        """Which function bodies may hold a call that is a construction: all that is asked for, by the words alone."""
        names = module.called(self.names)
        held = {
            n
            for n, found in module.root.bindings.items()
            if any(self._may_name_class(_given(b), module) or _renames_factory(b) for b in found)
        }

        built_in = _BUILT_IN.difference(_BY_TEXT, module.root.bindings)
        of_holder, from_holder = self._of_holder, self._from_holder

        holders = self.flows.holders
        looked_up = holders | {"optim"}
        taken: dict[Deferred, set[str]] = {}

        def given(body: Body) -> set[str]:
            whole = body.whole
            if whole not in taken:
                saying = [p.code for p in whole.parts if from_holder is not None and not holders.isdisjoint(p.words)]
                targets = (t for code in saying for t in from_holder.findall(code)) if from_holder is not None else ()
                taken[whole] = {name.strip() for together in targets for name in together.split(",")}
            return taken[whole]

        def may_make(body: Body) -> bool:
            variables = held | body.whole.defaults
            worth_a_glance = (
                body.may_say(names)
                or any(map(evidence.tells, body.words))
                or evidence.may_list_one(body)
                or not body.called.isdisjoint(variables)
                or body.calls_variable
                or not body.called.isdisjoint(given(body))
                or (of_holder is not None and of_holder.search(body.code) is not None)
                or (_CALLED_AGAIN.search(body.code) is not None and not looked_up.isdisjoint(body.words))
                or self.opaque.may_make(body)
            )
            if not worth_a_glance:
                return False
            variables = variables.union(body.whole.renamed, given(body))
            return may_hold_construction(body, body.whole.called(names), variables, self.flows.holders, built_in)

        return may_make

    @cached_property
    def _of_holder(self) -> re.Pattern[str] | None:
        return called_attribute(self.flows.holders)

    @cached_property
    def _from_holder(self) -> re.Pattern[str] | None:
        return taken_from(self.flows.holders)

    def _may_make(self, call: cst.Call, module: Module) -> bool:
        func = call.func
        if isinstance(func, cst.Name):
            bindings = self.flows.bindings(func.value, call, module)
            if func.value in _BUILT_IN and not bindings:
                return False
            if self.flows.may_name(func, self.names, module):
                return True
            if any(self._may_name_class(_given(b), module) or _renames_factory(b) for b in bindings):
                return True
            if not any(b.kind in ("def", "class") for b in bindings) and _looks_made(func.value, call):
                return True
            return self._may_be_factory(func.value, call, module)
        if isinstance(func, cst.Attribute):
            name = func.attr.value
            if name in self.names or name in self.flows.holders or evidence.names_maker(name):
                return True
            if name in evidence.REGISTRIES and evidence.names_maker(evidence.callee(func.value)):
                return True
            if self._may_be_factory(name, call, module):
                return True
            return not evidence.names_another(name) and evidence.takes_parameters(call) and bool(dotted(func))
        return _looks_made(evidence.callee(func), call) or self._says_class(func)

    def _says_class(self, func: cst.BaseExpression) -> bool:
        """Whether an expression that is called says a class, something that holds one, or the module of them."""
        words = {n.value for n in walk(func) if isinstance(n, cst.Name)}
        return not words.isdisjoint(self.names) or not words.isdisjoint(self.flows.holders) or "optim" in words

    def _may_name_class(self, value: cst.BaseExpression | None, module: Module, depth: int = 0) -> bool:
        """Whether what a variable gets, if it only names things, may be an optimizer class by whatever name."""
        if value is None or depth > 3:
            return False
        if isinstance(value, cst.Await):
            value = value.expression
        if isinstance(value, cst.Call):
            return self._may_give_class(value, module, depth)
        if not _is_alias(value):
            return False
        for leaf in _leaves(value):
            last = last_name(leaf)
            if last in self.names or last in self.flows.holders or last == "__class__":
                return True
            first = dotted(leaf).partition(".")[0]
            for b in self.flows.bindings(first, leaf, module) if first else ():
                imported = b.kind == "import" and self.flows.project.import_target(module.path, b.target) is not None
                if imported or b.member in self.names or self._may_name_class(_given(b), module, depth + 1):
                    return True
        return False

    def _may_give_class(self, call: cst.Call, module: Module, depth: int) -> bool:
        """Whether a call may give an optimizer class, or a partial of one, by its words."""
        first = call.args[0].value if call.args else None
        if last_name(call.func) == "partial":
            return self._may_name_class(first, module, depth + 1)
        name = last_name(call.func)
        if name in self.flows.holders:
            return True
        if name == "type" and first is not None and len(call.args) == 1:
            return evidence.is_optimizer(first)
        if name not in GIVING:
            return False
        said = module.text(call.func) + (module.text(first) if first is not None else "")
        return "ptim" in said.lower()

    def _may_be_factory(self, name: str, call: cst.Call, module: Module) -> bool:
        verb = evidence.names_verb(name)
        if evidence.names_anything(name) or (verb and evidence.is_returned_as_made(name, call, module)):
            return True
        return (verb or evidence.looks_like_class(name)) and evidence.takes_parameters(call)

    def _is_direct(self, func: cst.BaseExpression, module: Module) -> bool:
        """Whether what is called is an imported or defined name, or an attribute of a module."""
        node = func
        while isinstance(node, cst.Attribute):
            node = node.value
        if not isinstance(node, cst.Name):
            return False
        kinds = {b.kind for b in self.flows.bindings(node.value, node, module)}
        if isinstance(func, cst.Name) or not kinds <= {"assign"}:
            return kinds <= {"import", "class", "def"}
        values = self.flows.values(func.value, module) if isinstance(func, cst.Attribute) else frozenset()
        return bool(values) and all(isinstance(v, (External, Imported)) for v in values)

    # -- what is called -------------------------------------------------------------------------------------------

    def _sorted(self, values: Iterable[Value]) -> _Made:
        known: dict[str, Optimizer] = {}
        own: list[Class] = []
        every: list[AnyOptimizer] = []
        inner: list[Value] = []
        foreign: list[str] = []
        partial = unknown = False
        for value in values:
            while isinstance(value, Partial):
                partial = True
                value = value.value
            if isinstance(value, External):
                optimizer = self.catalogue.optimizer(value.name)
                if optimizer is not None:
                    known[optimizer.name] = optimizer
                else:
                    foreign.append(value.name)
            elif isinstance(value, Class) and (value.node in self.custom or self._is_derived(value)):
                declared = self.catalogue.optimizer(self.flows.qualified(value))
                if declared is not None:
                    known[declared.name] = declared
                else:
                    own.append(value)
            elif isinstance(value, AnyOptimizer):
                every.append(value)
            elif isinstance(value, (Function, Lambda, Class)):
                inner.append(value)
            elif not isinstance(value, (Nothing, Container)):
                unknown = True
        chosen = tuple(known[name] for name in sorted(known))
        return _Made(
            chosen,
            tuple(sorted(own, key=self.flows.qualified)),
            tuple(every),
            partial,
            tuple(inner),
            tuple(sorted(foreign)),
            unknown,
        )

    def _is_derived(self, cls: Class) -> bool:
        """Whether a class of the project has a base that is only known to be an optimizer class by who passes it."""
        return any(self.flows.is_maker(v) for a in cls.node.bases for v in self.flows.values(a.value, cls.module))

    def _qualified(self, made: _Made) -> tuple[str, ...]:
        return (*(o.name for o in made.known), *sorted(map(self.flows.qualified, made.own)))

    # -- verdicts -------------------------------------------------------------------------------------------------

    def _direct(self, construction: Construction, made: _Made) -> Construction:
        """A class called by its name."""
        if made.foreign or made.unknown or made.inner:
            what = "the name may also be something that is not known to be an optimizer"
            return replace(construction, reason="ambiguous", detail=what)
        if made.own and made.known:
            return replace(construction, reason="ambiguous", detail="it may be a library's class or the project's own")
        if made.own:
            return self._custom(construction, made.own[0])
        return self._unsuitable(construction, made.known)

    def _followed(self, construction: Construction, made: _Made) -> Construction:
        """A class that came to the call by some way."""
        call = construction.call
        name = evidence.callee(call.func)
        if any(v.source == OF_ANOTHER for v in made.any):
            return replace(construction, reason="ambiguous", detail=f"it makes another optimizer{AS_ANOTHER}")
        if made.any and all(v.source == SUBCLASS for v in made.any) and not (made.known or made.own):
            what = "it is a subclass made by type(); to wrap it, write CautiousOptimizer.wrap(...) around the call"
            return replace(construction, reason="custom", detail=what)
        rebound = name in self.catalogue.class_names
        unsure = made.unknown and (rebound or not (evidence.takes_parameters(call) or evidence.names_maker(name)))
        if unsure or any(isinstance(v, Class) for v in made.inner):
            what = f"{name or 'what is called'} may also be something that is not known to be an optimizer"
            return replace(construction, reason="ambiguous", detail=what)
        if made.known and all(o.reason in ("closure", "sparse") for o in made.known) and not made.own:
            return replace(construction, reason=made.known[0].reason, detail=made.known[0].why)
        if made.any or made.foreign or made.unknown or (made.own and made.known):
            return construction
        if made.own:
            return self._custom(construction, made.own[0])
        if all(o.reason for o in made.known):
            return replace(construction, reason=made.known[0].reason, detail=made.known[0].why)
        return self._unsuitable(construction, made.known) if len(made.known) == 1 and not made.partial else construction

    def _custom(self, construction: Construction, cls: Class) -> Construction:
        base = self._root(cls)
        first = next((a.value for a in construction.call.args if not a.star and a.keyword is None), None)
        if first is not None and evidence.is_optimizer(first):
            what = (
                f"it is given an optimizer, {construction.module.text(first)}, which is to be wrapped where it is made"
            )
            return replace(construction, reason="wrapper", detail=what)
        if base is not None and base.reason:
            return replace(construction, reason=base.reason, detail=base.why)
        why = (
            f"{cls.name} is the project's own optimizer; to wrap it, write CautiousOptimizer.wrap("
            f"{construction.module.text(construction.call.func)}(...)) or list it in [tool.cautify.optimizers]"
        )
        return replace(construction, reason="custom", detail=why, custom=cls)

    def _root(self, cls: Class) -> Optimizer | None:
        return next((o for name in self.flows.external_bases(cls) if (o := self.catalogue.optimizer(name))), None)

    def _unsuitable(self, construction: Construction, known: Iterable[Optimizer]) -> Construction:
        """The reason for which the known classes cannot, or need not, be wrapped."""
        for optimizer in known:
            if optimizer.reason:
                return replace(construction, reason=optimizer.reason, detail=optimizer.why)
            if optimizer.momentum is not None:
                value = argument(construction.call, optimizer.momentum.keyword, optimizer.momentum.position)
                absent = value is None and not any(a.star for a in construction.call.args)
                absent = absent or (value is not None and dotted(value) == "None")
                if absent or (isinstance(value, (cst.Integer, cst.Float)) and float(value.evaluated_value) == 0):
                    what = f"its {optimizer.momentum.keyword} is 0, so masking does nothing"
                    return replace(construction, reason="no-momentum", detail=what)
        return construction


def _leaves(value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The expressions of which a conditional or an ``or`` is one."""
    if isinstance(value, cst.IfExp):
        yield from (*_leaves(value.body), *_leaves(value.orelse))
    elif isinstance(value, cst.BooleanOperation):
        yield from (*_leaves(value.left), *_leaves(value.right))
    elif isinstance(value, cst.Subscript):
        yield from _leaves(value.value)
    else:
        yield value


def _given(binding: Binding) -> cst.BaseExpression | None:
    """What a variable or parameter gets, as far as that is written where it does."""
    if binding.kind in ("assign", "param"):
        return binding.value
    source = None if binding.iterated else binding.source
    for place in binding.item:
        if isinstance(source, cst.Call):
            return source  # one of the things that it gives
        if not isinstance(source, (cst.Tuple, cst.List)) or place >= len(source.elements):
            return None
        source = source.elements[place].value
    return source


def _renames_factory(binding: Binding) -> bool:
    """Whether an import gives a factory of anything another name."""
    member = binding.member or ""
    return member != binding.name and evidence.names_anything(member)


def _is_alias(value: cst.BaseExpression | None) -> bool:
    """Whether what a variable gets may be a class that is only named."""
    return isinstance(value, (cst.Name, cst.Attribute, cst.IfExp, cst.Subscript, cst.BooleanOperation))


def _looks_made(name: str, call: cst.Call) -> bool:
    """Whether a call of something that is held in a variable could make an optimizer, by its name and arguments."""
    return evidence.names_maker(name) or evidence.takes_parameters(call) or "lr" in keywords(call)
