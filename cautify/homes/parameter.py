"""parameter: the switch is two keyword-only parameters beside the learning rate's.

Keyword-only parameters with defaults change no call that is there:
https://docs.python.org/3/reference/compound_stmts.html#function-definitions
The callers that pass a learning rate from a home of their own hand the switch on; a caller with a literal stays as it
is. Methods that override each other all gain the two, so that a call takes them whichever it reaches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from cautify.analysis.callers import hands_up, makes_own
from cautify.analysis.flows import Flows
from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import dotted, literal, small_statements, walk
from cautify.analysis.origins import Origins
from cautify.analysis.passing import passed
from cautify.analysis.settable import Settable, passes_on
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.instantiated import instantiating
from cautify.homes.roots import HAVE_GET, Roots
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind
from cautify.patch.docstrings import documented, documented_beside
from cautify.patch.layout import Change, Rewriter
from cautify.patch.signature import with_parameters
from cautify.patch.style import Style

StyleOf = Callable[[Module], Style]

# Decorators that leave the signature to the function: whatever is passed arrives, and nobody counts the parameters.
_TRANSPARENT = frozenset(
    {
        *("staticmethod", "classmethod", "abstractmethod", "override", "final", "contextmanager", "cache", "lru_cache"),
        *("no_grad", "inference_mode", "enable_grad", "record", "deprecated", "rank_zero_only", "torch_distributed"),
        *("wraps", "command", "callback", "cli", "main_decorator", "beartype", "typechecked", "jaxtyped", "profile"),
    }
)
_RATE = re.compile(r"(?:^|_)(?:lr|learning_?rate)\d*(?:_(?!\w*(?:fac|scal|mul|ratio|decay|sched))\w+)?$", re.IGNORECASE)
_SPECIAL = frozenset({"__init__", "__call__", "__new__"})


@dataclass(frozen=True)
class ParameterSlot:
    """A parameter of a function of the project that carries a learning rate, by name or in ``**kwargs``.

    ``owner`` is the class of the objects whose optimizer it sets, where the function is the ``__init__`` of a class
    above or below: other classes that share the ``__init__`` have no use for the switch.
    """

    function: Function
    rate: str
    origins: Origins = field(compare=False, repr=False)
    style_of: StyleOf = field(compare=False, repr=False)
    owner: Class | None = None

    kind = HomeKind.PARAMETER

    @property
    def spelling(self) -> Spelling:
        """As the parameter is spelled."""
        return self.origins.flows.switch.like(self.rate)

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """The two parameters themselves."""
        return self.spelling.names

    def refusal(self) -> str | None:
        """Why the function, or one that overrides it, cannot take the parameters."""
        for member in self._family:
            if member != self.function and self._hands_all(member):
                continue
            why = self._refusal(member)
            if why is not None:
                return why
        own = [p for p in _parameters(self.function.node) if p.name.value == self.rate]
        if _RATE.search(self.rate) and any(map(_is_text, own)):
            return f"{self.rate} is a text, which names a learning rate somewhere else"
        if any(self.origins.flows.callers.told(member, self.rate) for member in self._family):
            return f"{self.rate} is passed by place through something that runs {self.function.node.name.value}"
        return Settable(self.origins.flows).why_not(self._family, self.rate)

    def _refusal(self, function: Function) -> str | None:
        node, module = function.node, function.module
        name = node.name.value
        if name.startswith("__") and name.endswith("__") and name not in _SPECIAL:
            return f"{name} has a fixed signature"
        strange = next((d for d in node.decorators if not self._leaves_signature(d, module)), None)
        if strange is not None:
            return f"{name} is decorated with {module.text(strange.decorator)}, which may look at its parameters"
        taken = {*_names(node), *module.scopes[node].bindings}
        taken &= set(self.spelling.names)
        if taken and not self._declared(function):
            return f"{name} uses the name {min(taken)} for something else{self.spelling.taken(min(taken))}"
        if not self._declared(function) and self._edit(function) is None:
            return f"the signature of {name} has comments between its parameters"
        return None

    def _leaves_signature(self, decorator: cst.Decorator, module: Module) -> bool:
        """Whether whatever is passed to what a decorator makes arrives at the function, and nobody counts it."""
        node = decorator.decorator
        if dotted(node.func if isinstance(node, cst.Call) else node).rpartition(".")[2] in _TRANSPARENT:
            return True
        values = self.origins.flows.values(node, module) if not isinstance(node, cst.Call) else frozenset()
        return bool(values) and all(isinstance(v, Function) and passes_on(v) for v in values)

    def _declared(self, function: Function) -> bool:
        params = function.node.params
        own = {p.name.value for p in params.kwonly_params if p.default is not None}
        return own.issuperset(self.spelling.names)

    @property
    def _family(self) -> list[Function]:
        """The function, and the methods that it overrides or that override it."""
        module, node = self.function.module, self.function.node
        cls = module.method_class(node)
        name = node.name.value
        if cls is None or name == "__init__":
            return [self.function]
        flows = self.origins.flows
        top = [c for c in flows.ancestors(Class(module, cls)) if name in c.module.scopes[c.node].bindings][-1]
        found = [self.function]
        for below in flows.descendants(top):
            for binding in below.module.scopes[below.node].bindings.get(name, ()):
                if (
                    isinstance(binding.node, cst.FunctionDef)
                    and binding.node is not node
                    and self._may_get(binding.node)
                ):
                    found.append(Function(below.module, binding.node))
        given = [g for f in found if self.rate not in _names(f.node) for g in self._given(f)]
        return list(dict.fromkeys([*found, *given]))

    def _may_get(self, function: cst.FunctionDef) -> bool:
        """Whether a method can be called as the slot's function is with a learning rate."""
        if function.params.star_kwarg is not None or isinstance(function.params.star_arg, cst.Param):
            return True
        order = [p.name.value for p in (*self.function.node.params.posonly_params, *self.function.node.params.params)]
        places = len(function.params.posonly_params) + len(function.params.params)
        return self.rate in _names(function) or (self.rate in order and places > order.index(self.rate))

    def _hands_all(self, function: Function) -> bool:
        """Whether a method of the family gives all keywords on that it does not name, the learning rate's among them.

        What it gives them to is of the family too.
        """
        rest = function.node.params.star_kwarg
        return rest is not None and self.rate not in {*_names(function.node)} and bool(self._given(function))

    def _given(self, function: Function) -> list[Function]:
        """The methods that get everything that a method is given by keyword."""
        rest, found = function.node.params.star_kwarg, []
        flows = self.origins.flows
        for node in walk(function.node.body) if rest is not None else ():
            if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute):
                continue
            if not any(a.star == "**" and dotted(a.value) == rest.name.value for a in node.args if rest is not None):
                continue
            owners = flows.types(node.func.value, function.module)
            methods = [m for owner in owners if (m := _method(owner, node.func.attr.value, flows)) is not None]
            if not methods or any(self.rate not in _names(m.node) for m in methods):
                return []
            found += methods
        return found

    def idle(self, used: set[cst.FunctionDef]) -> Function | None:
        """A function of the family that would accept the switch and do something else than use it."""
        for member in self._family:
            if member.node not in used and not _is_stub(member.node) and not self._hands_all(member):
                return member
        return None

    def homes(self) -> tuple[Home, ...]:
        """The function's own declaration, at the line of the learning rate's parameter."""
        module, node = self.function.module, self.function.node
        found = next((p for p in _parameters(node) if p.name.value == self.rate), None)
        owner = f"{self.origins.flows.project.module_name(module.path)[0]}.{module.qualified(node)}"
        return (Home(self.kind, module.path, module.line(found if found is not None else node.name), owner),)

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """The parameters in every signature of the family, and what the docstrings say of them."""
        for function in self._family:
            if self._declared(function) or (function != self.function and self._hands_all(function)):
                continue
            edit = self._edit(function, together)
            if edit is not None:
                yield function.module, edit
            width = self.style_of(function.module).line_length
            cls = function.module.method_class(function.node)
            bodies = [function.node.body]
            if cls is not None and function.node.name.value == "__init__":
                bodies.append(cls.body)
            said = next(filter(None, self._said(function, bodies, width)), None)
            if said is not None:
                yield function.module, said

    def _said(self, function: Function, bodies: list[cst.BaseSuite], width: int) -> Iterator[Edit | None]:
        """What may be added to the docstrings: behind a learning rate's entry, else behind the last parameter's."""
        module, named = function.module, [p.name.value for p in _parameters(function.node)]
        rates = _rates(function.node)[::-1] or [self.rate]
        for body in bodies:
            yield from (documented(module, body, rate, self.spelling, width) for rate in rates)
        if not set(rates) & set(named):
            others = [name for name in named if name not in ("self", "cls")]
            yield from (documented_beside(module, body, others, self.spelling, width) for body in bodies)

    def _edit(self, function: Function, together: frozenset[str] = frozenset()) -> Edit | None:
        params = _parameters(function.node)
        rate = next((p for p in params if p.name.value == self.rate), None)
        like = [rate] if rate is not None else [p for p in params if p.name.value not in ("self", "cls")]
        annotated = any(p.annotation is not None for p in like)
        (enabled, eps), (flag, number) = self.spelling.names, self.spelling.defaults
        equal = _equal(params, annotated)
        if annotated:
            added = (f"{enabled}: bool{equal}{flag}", f"{eps}: float{equal}{number}")
        else:
            added = (f"{enabled}{equal}{flag}", f"{eps}{equal}{number}")
        beside = frozenset(_rates(function.node)) or together | {self.rate}
        return with_parameters(function.module, function.node, added, beside, self.style_of(function.module))

    def sources(self) -> Iterator[Source]:
        """The project's calls that pass the parameter."""
        for function in self._family:
            callers, name = self.origins.flows.callers, function.node.name.value
            calls = [*callers.calls(function), *callers.partials(function)]
            for module, call, bound in sorted(calls, key=lambda c: hands_up(c[0], c[1], name)):
                rate = passed(call, self.rate, function.node, bound) or self._in_rest(call, function.node)
                if not self._concerns(call, module):
                    continue
                if rate is not None:
                    yield Source(module, call, rate)
                    continue
                rest = function.node.params.star_kwarg
                for whole in _whole_objects(call):
                    as_it_is = rest is not None and rest.name.value == self.rate
                    if whole in [a.value for a in call.args] and (as_it_is or self._is_node(whole, module)):
                        yield Source(module, call, whole)  # goes on as it is: the switch is beside it, not in it
                        continue
                    if isinstance(whole, cst.Subscript):
                        continue
                    read = cst.Attribute(value=whole, attr=cst.Name(self.rate))
                    module.parents[read] = call
                    yield Source(module, call, read, splatted=True)
            yield from instantiating(self.origins, function, self.rate)

    def _is_node(self, whole: cst.BaseExpression, module: Module) -> bool:
        """Whether an object is a node of a config, whose keys are the arguments of one call."""
        roots = Roots(self.origins).of(whole, module) if isinstance(whole, (cst.Attribute, cst.Subscript)) else ()
        return bool(roots) and all(root.path and root.kind in HAVE_GET for root in roots)

    def _in_rest(self, call: cst.Call, function: cst.FunctionDef) -> cst.BaseExpression | None:
        """The learning rate among what a call passes to ``**kwargs``, where these are what carries it."""
        rest = function.params.star_kwarg
        if rest is None or rest.name.value != self.rate:
            return None
        own = _names(function)
        given = (a for a in call.args if a.keyword is not None and a.keyword.value not in own)
        return next((a.value for a in given if a.keyword is not None and _RATE.search(a.keyword.value)), None)

    @property
    def is_local(self) -> bool:
        """Whether the function is defined in another, which alone can call it, or give it to others to call."""
        module, node = self.function.module, self.function.node
        return module.function(node) is not None and module.method_class(node) is None

    @property
    def _bound_calls(self) -> frozenset[cst.Call]:
        return frozenset(call for _, call, _ in self.origins.flows.callers.partials(self.function))

    def _concerns(self, call: cst.Call, module: Module) -> bool:
        """Whether a call makes an object of the owner's class, or one of its kin."""
        if self.owner is None or self.function.node.name.value != "__init__":
            return True
        flows = self.origins.flows
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "__init__":
            around = next((a for a in module.ancestors(call) if isinstance(a, cst.ClassDef)), None)
            return around is not None and flows.related(Class(module, around), self.owner)
        around = next((a for a in module.ancestors(call) if isinstance(a, cst.ClassDef)), None)
        if around is not None and makes_own(call, Class(module, around)):
            return flows.related(Class(module, around), self.owner)
        called = call.args[0].value if call in self._bound_calls else call.func
        made = [v for v in flows.values(called, module) if isinstance(v, Class)]
        return any(flows.related(cls, self.owner) for cls in made)


@dataclass(frozen=True)
class HparamsSlot(ParameterSlot):
    """A parameter of ``__init__`` that Lightning keeps in ``self.hparams``: it is read there, by the same name.

    https://lightning.ai/docs/pytorch/stable/common/hyperparameters.html
    """

    named: tuple[cst.Call, ...] = field(default=(), compare=False)
    """The calls that save by their names what they save: they must name the switch too."""

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """``self.hparams.use_cautious_optimizer``."""
        return self.spelling.attributes(base)

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """The parameters, and their names where ``save_hyperparameters("lr")`` names what it saves."""
        yield from super().declarations(together)
        module = self.function.module
        for call in self.named:
            plain = [a for a in call.args if a.keyword is None]
            there = {literal(a.value) for a in plain}
            quote = module.text(plain[-1].value)[0]
            missing = [f"{quote}{n}{quote}" for n in self.spelling.names if n not in there]
            if missing and len(plain) == len(call.args):
                rewriter = Rewriter(module, self.style_of(module))
                rewriter.changes[call] = Change(arguments=tuple(missing))
                yield from ((module, edit) for edit in rewriter.edits())
            elif missing:
                at = module.outer_span(plain[-1].value)[1]
                yield module, module.source.edit(at, at, "".join(f", {name}" for name in missing), "parameter")


def _whole_objects(call: cst.Call) -> Iterator[cst.BaseExpression]:
    """The objects whose attributes are all splatted into a call: ``**vars(args)``, ``**args.__dict__``."""
    for arg in call.args:
        node = arg.value
        if arg.star == "**" and isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
            yield node.value
        elif arg.star == "**" and isinstance(node, cst.Call) and dotted(node.func) == "vars" and len(node.args) == 1:
            yield node.args[0].value
        elif arg.star == "**" and (dotted(node) or isinstance(node, cst.Subscript)):
            yield node


def _parameters(function: cst.FunctionDef) -> list[cst.Param]:
    params = function.params
    return [*params.posonly_params, *params.params, *params.kwonly_params]


def _equal(params: list[cst.Param], annotated: bool) -> str:
    """The sign between a parameter and its default, with the spaces that most of its kind have around it."""
    signs = [p.equal for p in params if p.default is not None and (p.annotation is not None) == annotated]
    spaced = [not s.whitespace_before.empty for s in signs if isinstance(s, cst.AssignEqual)]
    return " = " if (sum(spaced) * 2 > len(spaced) if spaced else annotated) else "="


def _rates(function: cst.FunctionDef) -> list[str]:
    """The parameters that are learning rates by their names: a function that has several gains one pair behind them."""
    return [p.name.value for p in _parameters(function) if _RATE.search(p.name.value)]


def _names(function: cst.FunctionDef) -> set[str]:
    stars = (function.params.star_arg, function.params.star_kwarg)
    return {p.name.value for p in (*_parameters(function), *stars) if isinstance(p, cst.Param)}


def _is_text(parameter: cst.Param) -> bool:
    """Whether a parameter says that it is a string."""
    annotation = parameter.annotation.annotation if parameter.annotation is not None else None
    return dotted(annotation) == "str" or literal(parameter.default) is not None


def _is_stub(function: cst.FunctionDef) -> bool:
    """Whether a function only promises what others do: a docstring, ``pass``, or an error that it raises."""
    lines = small_statements(function)
    return lines is not None and all(isinstance(s, (cst.Expr, cst.Pass, cst.Raise)) for s in lines)


def _method(owner: Class, name: str, flows: Flows) -> Function | None:
    """The method that objects of a class have by a name."""
    for cls in flows.ancestors(owner):
        for binding in cls.module.scopes[cls.node].bindings.get(name, ()):
            return Function(cls.module, binding.node) if isinstance(binding.node, cst.FunctionDef) else None
    return None
