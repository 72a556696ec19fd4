"""Who calls a function of the project, and with what: a parameter may be whatever its callers pass."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from cautify.analysis.deferred import Body
from cautify.analysis.names import Class, Function
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module, dotted

if TYPE_CHECKING:
    from cautify.analysis.resolve import Resolver

_MENTIONS = b"ptim"  # a file that passes an optimizer class along says "optim" somewhere


class Callers:
    """Finds the calls of functions and methods, only in files that mention optimizers at all."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self._calls: dict[cst.FunctionDef, tuple[tuple[Module, cst.Call, bool], ...]] = {}

    def arguments(self, parameter: Binding, module: Module) -> Iterator[tuple[Module, cst.BaseExpression]]:
        """The expressions that the project's calls pass for a parameter, each with the module it stands in."""
        function = next(
            (a for a in module.ancestors(parameter.node) if isinstance(a, (cst.FunctionDef, cst.Lambda))), None
        )
        if not isinstance(function, cst.FunctionDef):
            return
        names = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
        for where, call, bound in self.calls(Function(module, function)):
            position = names.index(parameter.name) - bound if parameter.name in names else None
            value = _passed(call, parameter.name, position)
            if value is not None:
                yield where, value

    def calls(self, function: Function) -> tuple[tuple[Module, cst.Call, bool], ...]:
        """The calls of a function; the last of each triple says whether its first parameter is filled by itself."""
        if function.node not in self._calls:
            self._calls[function.node] = ()  # for whoever asks in a circle
            self._calls[function.node] = tuple(self._find(function))
        return self._calls[function.node]

    def _find(self, function: Function) -> Iterator[tuple[Module, cst.Call, bool]]:
        module, name = function.module, function.node.name.value
        cls_node = module.method_class(function.node)
        if cls_node is None:
            yield from self._plain(function, {name})
            return
        cls = Class(module, cls_node)
        decorators = {dotted(d.decorator) for d in function.node.decorators}
        static = "staticmethod" in decorators
        if name == "__init__":
            yield from self._constructions(cls)
        else:
            called = re.compile(rf"\.[\s\\]*{name}[\s\\)]*\(").search
            for where, call in self._mentioning(
                {name}, matters=lambda b: name in b.code and called(b.code) is not None
            ):
                if not isinstance(call.func, cst.Attribute) or call.func.attr.value != name:
                    continue
                base = call.func.value
                owners = self.resolver.types(base, where)
                if any(self._related(o, cls) for o in owners):
                    yield where, call, not static
                elif any(isinstance(v, Class) and self._related(v, cls) for v in self.resolver.values(base, where)):
                    yield where, call, "classmethod" in decorators

    def _related(self, one: Class, other: Class) -> bool:
        """Whether one of the classes is above the other: the way up is shorter than to look for all below."""
        return any(c.node is other.node for c in self.resolver.ancestors(one)) or any(
            c.node is one.node for c in self.resolver.ancestors(other)
        )

    def _plain(self, function: Function, names: set[str]) -> Iterator[tuple[Module, cst.Call, bool]]:
        for where, call in self._mentioning(names, function.module.path):
            values = self.resolver.values(call.func, where)
            if any(isinstance(v, Function) and v.node is function.node for v in values):
                yield where, call, False

    def _constructions(self, cls: Class) -> Iterator[tuple[Module, cst.Call, bool]]:
        """The calls that run a class's ``__init__``: of the class, of subclasses without one, and through super()."""
        below = self.resolver.descendants(cls)
        inheriting = [c for c in below if c is cls or "__init__" not in c.module.scopes[c.node].bindings]
        nodes = {c.node for c in inheriting}
        for where, call in self._mentioning({c.name for c in inheriting}):
            if any(isinstance(v, Class) and v.node in nodes for v in self.resolver.values(call.func, where)):
                yield where, call, True
        for sub in below[1:]:
            for call in sub.module.calls_of({"__init__"}):
                if isinstance(call.func, cst.Attribute) and call.func.attr.value == "__init__":
                    above = call.func.value
                    if sub.node not in sub.module.ancestors(call):
                        continue
                    if isinstance(above, cst.Call) and dotted(above.func) == "super":
                        direct = self._next_init(sub)
                        if direct is not None and direct.node in nodes:
                            yield sub.module, call, True
                    elif any(isinstance(v, Class) and v.node in nodes for v in self.resolver.values(above, sub.module)):
                        yield sub.module, call, False

    def _next_init(self, cls: Class) -> Class | None:
        """The class above ``cls`` whose ``__init__`` super() reaches."""
        above = self.resolver.ancestors(cls)[1:]
        return next((c for c in above if "__init__" in c.module.scopes[c.node].bindings), None)

    def _mentioning(
        self, names: set[str], home: str | None = None, matters: Callable[[Body], bool] | None = None
    ) -> Iterator[tuple[Module, cst.Call]]:
        """The calls, in files that mention optimizers, that could be of something with one of the names.

        Where the names are those of functions of one module (``home``), another file has to import them first.
        """
        project = self.resolver.project
        for path in project.mentioning_word(names):
            if _MENTIONS not in project.data[path]:
                continue
            if home not in (None, path) and not any(project.may_import(path, name) for name in names):
                continue
            module = project.module(path)
            if module is None:
                continue
            for call in module.calls_where(matters) if matters is not None else module.calls_of(names):
                if self.resolver.may_name(call.func, names, module):
                    yield module, call


def _passed(call: cst.Call, name: str, position: int | None) -> cst.BaseExpression | None:
    plain = []
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == name:
            return arg.value
        if arg.keyword is None and not arg.star:
            plain.append(arg.value)
        elif arg.star == "*":
            return None
    return plain[position] if position is not None and 0 <= position < len(plain) else None
