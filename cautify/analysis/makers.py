"""Whether a call makes an optimizer, by all that its callee may be, and whether that can be made cautious."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis import evidence
from cautify.analysis.flows import Flows
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
from cautify.analysis.syntax import Module, dotted
from cautify.optimizers import Optimizer

UNSUITABLE = frozenset({"closure", "sparse", "no-momentum", "no-benefit"})
"""The reasons for which an optimizer cannot, or need not, be made cautious whatever its config says."""

_OTHER_FRAMEWORKS = frozenset(
    {
        "tensorflow",
        "tf",
        "keras",
        "tf_keras",
        "jax",
        "optax",
        "flax",
        "paddle",
        "mxnet",
        "mindspore",
        "chainer",
        "haiku",
    }
    | {"scipy", "sklearn", "optuna", "mlx", "tinygrad", "oneflow", "jittor", "megengine", "cupy", "cvxpy", "ray"}
)
_REGISTRIES = frozenset({"build", "get", "create", "build_optimizer"})
_BUILT_IN = frozenset(vars(builtins)) - {"__import__"}


@dataclass(frozen=True)
class Construction:
    """A call that makes an optimizer. ``wrapper`` is the CautiousOptimizer call around it, if there is one.

    ``reason`` is None when the construction can be made cautious. ``custom`` is the project's own optimizer class.
    """

    module: Module
    call: cst.Call
    optimizers: tuple[str, ...]
    form: str = "call"
    reason: str | None = None
    detail: str = ""
    wrapper: cst.Call | None = None
    custom: Class | None = None

    @property
    def outer(self) -> cst.Call:
        """The whole expression: the wrap where there is one."""
        return self.wrapper or self.call


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
        self.own = tuple(custom)
        self.custom = {c.node for c in self.own}
        self.names = self.catalogue.class_names | self.catalogue.special_names | {c.name for c in self.own}

    def construction(self, call: cst.Call, module: Module) -> Construction | None:
        """The construction that a call is, with what speaks against wrapping it, or None if it is none."""
        if not self._may_make(call, module):
            return None
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
            return self._followed(Construction(module, call, optimizers, self._form(call, module, made)), made)
        if (factory is not None and factory.generic) or self._builds_anything(call, values, module):
            return self._generic(call, module)
        if made.inner:
            return None  # what it calls makes the optimizer itself, and is looked at there
        if made.foreign:
            return self._foreign(call, module, made.foreign, direct)
        return self._opaque(call, module) if made.unknown or not values else None

    # -- which calls are worth resolving --------------------------------------------------------------------------

    def _may_make(self, call: cst.Call, module: Module) -> bool:
        func = call.func
        if isinstance(func, cst.Name):
            if func.value in _BUILT_IN:
                return False
            bindings = self.flows.bindings(func.value, call, module)
            if self.flows.may_name(func, self.names, module):
                return True
            if any(b.kind in ("assign", "opaque", "param") for b in bindings):
                return _looks_made(func.value, call)
            return self._may_be_factory(func.value, call)
        if isinstance(func, cst.Attribute):
            name = func.attr.value
            if name in self.names or evidence.names_maker(name):
                return True
            if name in _REGISTRIES and evidence.names_maker(evidence.callee(func.value)):
                return True
            return self._may_be_factory(name, call) or (evidence.takes_parameters(call) and bool(dotted(func)))
        return _looks_made(evidence.callee(func), call)

    def _may_be_factory(self, name: str, call: cst.Call) -> bool:
        said = evidence.looks_like_class(name) or evidence.names_verb(name)
        return "instantiate" in name or name.startswith("build_from") or (said and evidence.takes_parameters(call))

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
            if isinstance(value, Partial):
                partial = True
                value = value.value
            if isinstance(value, External):
                optimizer = self.catalogue.optimizer(value.name)
                if optimizer is not None:
                    known[optimizer.name] = optimizer
                else:
                    foreign.append(value.name)
            elif isinstance(value, Class) and value.node in self.custom:
                declared = self.catalogue.optimizer(self._name(value))
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
        return _Made(chosen, tuple(own), tuple(every), partial, tuple(inner), tuple(sorted(foreign)), unknown)

    def _qualified(self, made: _Made) -> tuple[str, ...]:
        return (*(o.name for o in made.known), *sorted(map(self._name, made.own)))

    def _name(self, cls: Class) -> str:
        return f"{self.flows.project.module_name(cls.module.path)[0]}.{cls.module.qualified(cls.node)}"

    def _form(self, call: cst.Call, module: Module, made: _Made) -> str:
        func = call.func
        if made.partial:
            return "partial"
        if isinstance(func, cst.Subscript):
            return "registry"
        if isinstance(func, cst.Call):
            inner = dotted(func.func)
            if inner == "getattr":
                return "getattr"
            return "registry" if inner.rpartition(".")[2] in ("get", "pop") else "variable"
        if isinstance(func, cst.Name):
            kinds = {b.kind for b in self.flows.bindings(func.value, call, module)}
            return "parameter" if kinds == {"param"} else "variable"
        return "attribute" if isinstance(func, cst.Attribute) else "variable"

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
        rebound = name in self.catalogue.class_names
        unsure = made.unknown and (rebound or not (evidence.takes_parameters(call) or evidence.names_maker(name)))
        if unsure or any(isinstance(v, Class) for v in made.inner):
            what = f"{name or 'what is called'} may also be something that is not known to be an optimizer"
            return replace(construction, reason="ambiguous", detail=what)
        if made.any or made.foreign or made.unknown or (made.own and made.known):
            return construction
        if made.own:
            return self._custom(construction, made.own[0])
        reasons = [o for o in made.known if o.reason]
        if len(reasons) == len(made.known):
            return replace(construction, reason=reasons[0].reason, detail=reasons[0].why)
        return self._unsuitable(construction, made.known) if len(made.known) == 1 and not made.partial else construction

    def _custom(self, construction: Construction, cls: Class) -> Construction:
        base = self._root(cls)
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

    # -- factories and the unknown --------------------------------------------------------------------------------

    def _builds_anything(self, call: cst.Call, values: Iterable[Value], module: Module) -> bool:
        """Whether the project's own function, or a registry's method, builds whatever a config names."""
        name = evidence.callee(call.func)
        for value in values:
            if isinstance(value, Function) and ("instantiate" in name or "from_c" in name):
                return True
        func = call.func
        registry = isinstance(func, cst.Attribute) and func.attr.value in ("build", "create")
        return registry and isinstance(func, cst.Attribute) and _is_registry(evidence.callee(func.value))

    def _generic(self, call: cst.Call, module: Module) -> Construction | None:
        """A factory of anything: a site if the node it is given, or what is done with the result, says optimizer."""
        registry = isinstance(call.func, cst.Attribute) and _is_registry(evidence.callee(call.func.value))
        node = registry or evidence.node_of_optimizer(call)
        passed = any(
            evidence.is_parameters(a.value) or evidence.is_list_of_one(a.value) or _keyword(a) == "params"
            for a in call.args
        )
        kept = evidence.keeps_optimizer(call, module)
        if not ((node and (passed or kept or registry)) or (kept and passed)):
            return None
        if evidence.is_called_later(call, module):
            return None  # a partial: the call of that is the site
        return Construction(module, call, (), "factory")

    def _foreign(self, call: cst.Call, module: Module, names: tuple[str, ...], direct: bool) -> Construction | None:
        """Something of a library that is not in the catalogue."""
        if any(name.partition(".")[0] in _OTHER_FRAMEWORKS for name in names):
            return None
        named = [n for n in names if evidence.looks_like_class(n.rpartition(".")[2])]
        verbs = [n for n in names if evidence.names_verb(n.rpartition(".")[2])]
        known = any(n.rpartition(".")[2] in self.catalogue.class_names for n in named)
        if not evidence.takes_parameters(call) and not (known and "lr" in _keywords(call)):
            return None
        if not direct and evidence.names_maker(evidence.callee(call.func)):
            return Construction(module, call, (), self._form(call, module, self._sorted(())))
        if named or verbs:
            what = f"{(named or verbs)[0]} is not known to cautify; if it is an optimizer class, list it in "
            return Construction(module, call, names, "call", "ambiguous", what + "[tool.cautify.optimizers]")
        return None

    def _opaque(self, call: cst.Call, module: Module) -> Construction | None:
        """Something that nobody can say what it is, but is called and used as an optimizer's maker."""
        name = evidence.callee(call.func)
        empty = self._sorted(())
        if not evidence.takes_parameters(call):
            return None
        if evidence.names_maker(name):
            return Construction(module, call, (), self._form(call, module, empty))
        if evidence.looks_like_class(name) and name in self.catalogue.class_names:
            what = f"where {name} comes from could not be established"
            return Construction(module, call, (), "call", "ambiguous", what)
        if evidence.names_verb(name) and evidence.keeps_optimizer(call, module):
            what = f"what {name} is, and so where its optimizer is made, could not be established"
            return Construction(module, call, (), "factory", "ambiguous", what)
        return None


def argument(call: cst.Call, keyword: str, position: int | None) -> cst.BaseExpression | None:
    """The value passed for a parameter, by name or by position, or None."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == keyword:
            return arg.value
    plain = []
    for arg in call.args:
        if arg.keyword is not None or arg.star:
            break
        plain.append(arg.value)
    return plain[position] if position is not None and position < len(plain) else None


def _looks_made(name: str, call: cst.Call) -> bool:
    """Whether a call of something that is held in a variable could make an optimizer, by its name and arguments."""
    return evidence.names_maker(name) or evidence.takes_parameters(call) or "lr" in _keywords(call)


def _keywords(call: cst.Call) -> set[str]:
    return {a.keyword.value for a in call.args if a.keyword is not None}


def _keyword(arg: cst.Arg) -> str:
    return arg.keyword.value if arg.keyword is not None else ""


def _is_registry(name: str) -> bool:
    return name.removesuffix("_REGISTRY").removesuffix("S") in ("OPTIMIZER", "OPTIMISER", "OPTIM")
