"""Methods that users of the project implement: what calls them on an object from outside may pass nothing new.

A method that is abstract only says how it will be called. Where a call reaches it on an object that somebody else
brings, an implementation that is not in the project has the signature of today, and any other keyword is a TypeError.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import dotted, small_statements, walk
from cautify.analysis.origins import Origins
from cautify.analysis.syntax import Module

_ABSTRACT = frozenset({"abstractmethod", "abstractproperty"})


class Injected:
    """Finds such methods in one project."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.flows = origins.flows
        self._answers: dict[cst.FunctionDef, bool] = {}

    def implements(self, function: Function) -> bool:
        """Whether a method is, or implements, one that the project calls on objects from outside."""
        if function.node not in self._answers:
            self._answers[function.node] = self._is_promised(function) and any(
                self._is_from_outside(call, where) for where, call, _ in self.flows.callers.calls(function)
            )
        return self._answers[function.node]

    def kept(self, function: Function) -> Iterator[cst.Attribute]:
        """What a method reads of its object that ``__init__`` is passed: beside it the object can keep more."""
        module, node = function.module, function.node
        around = module.method_class(node)
        first = [*node.params.posonly_params, *node.params.params][:1]
        for read in walk(node.body) if around is not None and first else ():
            if not isinstance(read, cst.Attribute) or dotted(read.value) != first[0].name.value:
                continue
            assert around is not None
            given = [
                value
                for cls in self.flows.ancestors(Class(module, around))
                for value in self.flows.assigned_attributes(cls, read.attr.value)
                if self._is_parameter(value, cls.module)
            ]
            if given:
                yield read

    def _is_promised(self, function: Function) -> bool:
        """Whether a method is abstract where it is declared first."""
        around = function.module.method_class(function.node)
        if around is None or function.node.name.value == "__init__":
            return False
        above = self.flows.ancestors(Class(function.module, around))
        return any(self._abstract(cls, function.node.name.value) for cls in above)

    def _is_from_outside(self, call: cst.Call, module: Module) -> bool:
        """Whether a call reaches the abstract method itself, on an object that users may bring."""
        if not isinstance(call.func, cst.Attribute):
            return False
        base, name = call.func.value, call.func.attr.value
        owners = [owner for owner in self.flows.types(base, module) if self._is_left_open(owner, name)]
        if not owners or dotted(base) in ("self", "cls"):
            return False  # an object's own methods hand nothing to each other
        if any("." in self.flows.project.module_name(owner.module.path)[0] for owner in owners):
            return True  # whoever imports the package may implement it
        made = self.origins.of(base, module)
        return not made or any(origin.parameter or origin.open for origin in made)

    def _is_left_open(self, cls: Class, name: str) -> bool:
        """Whether objects of a class have nothing but the promise of a method."""
        holder = next((c for c in self.flows.ancestors(cls) if name in c.module.scopes[c.node].bindings), None)
        return holder is not None and self._abstract(holder, name)

    def _abstract(self, cls: Class, name: str) -> bool:
        found = [b.node for b in cls.module.scopes[cls.node].bindings.get(name, ())]
        return any(isinstance(n, cst.FunctionDef) and (_is_abstract(n) or self.flows.is_protocol(cls)) for n in found)

    def _is_parameter(self, value: cst.BaseExpression, module: Module) -> bool:
        """Whether an expression is a parameter of the ``__init__`` that it stands in."""
        function = module.function(value)
        if not isinstance(value, cst.Name) or function is None or function.name.value != "__init__":
            return False
        own = (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params)
        return any(p.name.value == value.value for p in own)


def _is_abstract(function: cst.FunctionDef) -> bool:
    """Whether a method says that others implement it: by its decorator, or because all it does is raise."""
    if any(dotted(d.decorator).rpartition(".")[2] in _ABSTRACT for d in function.decorators):
        return True
    lines = small_statements(function)
    raised = [s.exc for s in lines or () if isinstance(s, cst.Raise) and s.exc is not None]
    named = {dotted(exc.func if isinstance(exc, cst.Call) else exc) for exc in raised}
    plain = lines is not None and all(isinstance(s, (cst.Expr, cst.Raise)) for s in lines)
    return plain and "NotImplementedError" in named
