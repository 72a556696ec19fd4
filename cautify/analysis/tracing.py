"""Resolution that remembers its steps: which expression was looked into to know what another one may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from cautify.analysis.callers import Callers
from cautify.analysis.flows import Flows
from cautify.analysis.names import UNKNOWN, Class, Function, Value
from cautify.analysis.project import Project
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module
from cautify.optimizers import Catalogue


@dataclass(eq=False)
class Step:
    """One expression, or one way in which a name gets its value, and the steps that were needed to know it.

    ``subject`` is a text for a star import: those bind no name of their own.
    """

    subject: cst.BaseExpression | Binding | str
    module: Module
    values: frozenset[Value] = frozenset()
    inner: list[Step] = field(default_factory=list)


class Tracing(Flows):
    """Flows that record. Who calls what, and what is an instance of what, is asked of another and not recorded."""

    def __init__(self, project: Project, catalogue: Catalogue) -> None:
        super().__init__(project, catalogue)
        self._quiet = Flows(project, catalogue)
        self._steps: dict[cst.BaseExpression, Step] = {}
        self._open: list[Step] = []

    def trace(self, node: cst.BaseExpression, module: Module) -> Step:
        """The step of an expression, with all that are below it."""
        self.values(node, module)
        return self._steps[node]

    @cached_property
    def callers(self) -> Callers:
        """Who calls a function of the project."""
        return Callers(self._quiet)

    def types(self, node: cst.BaseExpression, module: Module, depth: int = 0) -> frozenset[Class]:
        """As for a resolver."""
        return self._quiet.types(node, module, depth)

    def bases(self, cls: Class) -> tuple[Value, ...]:
        """As for a resolver."""
        return self._quiet.bases(cls)

    def imports_by_name(self, function: Function) -> bool:
        """As for flows."""
        return self._quiet.imports_by_name(function)

    def values(self, node: cst.BaseExpression, module: Module) -> frozenset[Value]:
        """As for names."""
        known = self._steps.get(node)
        step = known or self._steps.setdefault(node, Step(node, module))
        if self._open and step not in self._open[-1].inner:
            self._open[-1].inner.append(step)
        if known is None:
            self._open.append(step)
            try:
                step.values = super().values(node, module)
            finally:
                self._open.pop()
        return super().values(node, module)

    def bound(self, binding: Binding, module: Module) -> Iterator[Value]:
        """As for names."""
        yield from self._recorded(Step(binding, module), super().bound(binding, module))

    def _from_star(self, target: str, name: str, module: Module) -> Iterator[Value]:
        yield from self._recorded(Step(target, module), super()._from_star(target, name, module), empty=False)

    def _recorded(self, step: Step, values: Iterator[Value], *, empty: bool = True) -> list[Value]:
        """The values, all of them at once: what is looked into meanwhile belongs to this step."""
        self._open.append(step)
        try:
            found = list(values)
        finally:
            self._open.pop()
        step.values = frozenset(found)
        if self._open and (found or empty):
            self._open[-1].inner.append(step)
        return found


def unknown(step: Step) -> Step | None:
    """The innermost step that is the reason why a step may also be something that is not known, or None."""
    seen: set[int] = set()
    while UNKNOWN in step.values and id(step) not in seen:
        seen.add(id(step))
        below = next((s for s in step.inner if UNKNOWN in s.values and id(s) not in seen), None)
        if below is None:
            return step
        step = below
    return step if UNKNOWN in step.values else None
