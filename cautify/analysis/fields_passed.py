"""What is passed for a field of a class whose ``__init__`` nobody wrote: a dataclass, a named tuple."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from cautify.analysis.callers import Callers
from cautify.analysis.names import Class
from cautify.analysis.passing import passed_at
from cautify.analysis.resolve import Resolver
from cautify.analysis.scopes import Scope
from cautify.analysis.syntax import Module


class PassedForFields:
    """Finds it in the calls of one project."""

    def __init__(self, resolver: Resolver, callers: Callers) -> None:
        self.resolver = resolver
        self.callers = callers
        self._calls: dict[cst.ClassDef, list[tuple[Module, cst.Call]]] = {}

    def of(self, cls: Class, name: str) -> Iterator[tuple[Module, cst.BaseExpression]]:
        """The expressions that the project's calls pass for a field, each with the module it stands in."""
        scopes = [c.module.scopes[c.node] for c in self.resolver.ancestors(cls)]
        if any("__init__" in s.bindings for s in scopes) or not any(_declares(s, name) for s in scopes):
            return
        if cls.node not in self._calls:
            self._calls[cls.node] = []  # for whoever asks in a circle
            self._calls[cls.node] = [(where, call) for where, call, _ in self.callers.constructions(cls)]
        fields = [n for n in scopes[0].bindings if _declares(scopes[0], n)]
        position = fields.index(name) if len(scopes) == 1 and name in fields else None
        for where, call in self._calls[cls.node]:
            value = passed_at(call, name, position)
            if value is not None:
                yield where, value


def _declares(scope: Scope, name: str) -> bool:
    """Whether a class body declares a field."""
    return any(b.annotation is not None for b in scope.bindings.get(name, ()))
