"""What a scope binds: each name, and each way in which it gets its value."""

from __future__ import annotations

from dataclasses import dataclass, field

import libcst as cst

Comprehension = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)
ScopeNode = cst.Module | cst.FunctionDef | cst.ClassDef | cst.Lambda | cst.BaseComp


@dataclass(frozen=True)
class Binding:
    """One way in which a name gets its value in a scope.

    ``kind`` is import, class, def, param, assign, annotation or opaque (anything whose value is not looked into: loop
    variables, ``with``, ``except``, ``del``, unpacking, augmented assignment). ``value`` is the assigned expression, or
    the default of a parameter; ``target`` is an imported dotted name with its leading dots (``..nn.optim``), and
    ``member`` the name taken out of it by a ``from`` import. An opaque binding that unpacks or loops has the ``source``
    of what it gets, the places of its name in the unpacked tuple (``item``), and whether ``source`` is ``iterated``.
    """

    name: str
    kind: str
    node: cst.CSTNode
    value: cst.BaseExpression | None = None
    annotation: cst.BaseExpression | None = None
    target: str = ""
    member: str | None = None
    source: cst.BaseExpression | None = None
    item: tuple[int, ...] = ()
    iterated: bool = False


@dataclass(eq=False)
class Scope:
    """A module, class, function, lambda or comprehension, and what it binds. Built once, then only read."""

    node: ScopeNode
    parent: Scope | None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    outwards: dict[str, type[cst.CSTNode]] = field(default_factory=dict)

    def add(self, binding: Binding) -> None:
        self.bindings.setdefault(binding.name, []).append(binding)
