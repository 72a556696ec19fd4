"""Expression → the set of things it may be. All of them: ambiguity is reported by the caller, never "the first".

Resolution is by scope, not by flow: a name that is bound twice may be either. What cannot be followed is ``UNKNOWN``,
so that a set which holds it says "and maybe something else".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import libcst as cst

from cautify.analysis.nodes import last_name
from cautify.analysis.project import Package, Project
from cautify.analysis.scopes import Binding, Scope
from cautify.analysis.syntax import Module
from cautify.homes import DEFAULT, Spelling
from cautify.optimizers import Catalogue


@dataclass(frozen=True)
class External:
    """Something of another project, by its dotted name: ``torch.optim.AdamW``."""

    name: str


@dataclass(frozen=True)
class Class:
    """A class of the target."""

    module: Module
    node: cst.ClassDef

    @property
    def name(self) -> str:
        """The bare name."""
        return self.node.name.value


@dataclass(frozen=True)
class Function:
    """A function or method of the target."""

    module: Module
    node: cst.FunctionDef


@dataclass(frozen=True)
class Imported:
    """A module or package of the target, used as a value."""

    path: str


@dataclass(frozen=True)
class Nothing:
    """The literal ``None``."""


@dataclass(frozen=True)
class Unknown:
    """Anything that is not followed."""


@dataclass(frozen=True)
class Container:
    """A dict, list, tuple or set that is written out."""

    module: Module
    node: cst.BaseExpression


@dataclass(frozen=True)
class Lambda:
    """A function without a name."""

    module: Module
    node: cst.Lambda


@dataclass(frozen=True)
class Partial:
    """``functools.partial`` of a value: to call it is to call that."""

    value: Value
    module: Module
    node: cst.Call


@dataclass(frozen=True)
class AnyOptimizer:
    """Something that makes optimizers when called; which ones is decided at run time. ``source`` says by what."""

    source: str


UNKNOWN = Unknown()
Value = External | Class | Function | Imported | Nothing | Unknown | Container | Lambda | Partial | AnyOptimizer


class Names:
    """Names and attributes over one project. ``switch`` is what a switch is called in it, in snake case."""

    def __init__(self, project: Project, catalogue: Catalogue, switch: Spelling = DEFAULT) -> None:
        self.project = project
        self.catalogue = catalogue
        self.switch = switch
        self._values: dict[cst.CSTNode, frozenset[Value]] = {}
        self._asked: set[tuple[str, str]] = set()
        self._depth = 0

    # -- values ---------------------------------------------------------------------------------------------------

    def values(self, node: cst.BaseExpression, module: Module) -> frozenset[Value]:
        """What an expression may be."""
        if node not in self._values:
            if self._depth >= _DEEP:
                return frozenset({UNKNOWN})
            self._values[node] = frozenset({UNKNOWN})  # a cycle sees "unknown", not itself
            self._depth += 1
            try:
                self._values[node] = frozenset(self._evaluate(node, module))
            finally:
                self._depth -= 1
        return self._values[node]

    def externals(self, node: cst.BaseExpression, module: Module) -> frozenset[str]:
        """The dotted names among :meth:`values`."""
        return frozenset(v.name for v in self.values(node, module) if isinstance(v, External))

    def _evaluate(self, node: cst.BaseExpression, module: Module) -> Iterator[Value]:
        match node:
            case cst.Name(value="None"):
                yield Nothing()
            case cst.Name(value=name):
                yield from self.lookup(name, node, module)
            case cst.Attribute(value=base, attr=cst.Name(value=name)):
                for value in self.values(base, module):
                    yield from self.member(value, name)
            case cst.IfExp(body=body, orelse=orelse):
                yield from self.values(body, module)
                yield from self.values(orelse, module)
            case cst.BooleanOperation(left=left, right=right):
                yield from self.values(left, module)
                yield from self.values(right, module)
            case cst.NamedExpr(value=value):
                yield from self.values(value, module)
            case _:
                yield UNKNOWN

    def lookup(self, name: str, node: cst.CSTNode, module: Module) -> Iterator[Value]:
        """What a name may be at a place."""
        scope: Scope | None = module.scope(node)
        first = scope
        while scope is not None:
            visible = scope is first or not isinstance(scope.node, cst.ClassDef)
            if visible and name in scope.bindings:
                bindings = self.seen(scope.bindings[name], node, module) if scope is first else scope.bindings[name]
                for binding in bindings:
                    yield from self.bound(binding, module)
                for star in scope.stars:
                    yield from self._from_star(star, name, module)
                return
            if visible and scope.stars:
                found = [v for star in scope.stars for v in self._from_star(star, name, module)]
                if found:
                    yield from found
                    return
            scope = scope.parent
        yield UNKNOWN

    def seen(self, bindings: list[Binding], node: cst.CSTNode, module: Module) -> list[Binding]:
        """Those of a name's bindings whose value a place in the same scope may see. Flow is not looked at here: all."""
        return bindings

    def bindings(self, name: str, node: cst.CSTNode, module: Module) -> tuple[Binding, ...]:
        """The bindings of a name in the scope that a place sees it from, star imports left out."""
        scope: Scope | None = module.scope(node)
        first = scope
        while scope is not None:
            visible = scope is first or not isinstance(scope.node, cst.ClassDef)
            if visible and name in scope.bindings:
                return tuple(scope.bindings[name])
            scope = scope.parent
        return ()

    def bound(self, binding: Binding, module: Module) -> Iterator[Value]:
        """What one binding gives its name."""
        if binding.kind == "import":
            yield from self._imported(binding.target, binding.member, module)
        elif binding.kind == "class":
            assert isinstance(binding.node, cst.ClassDef)
            yield Class(module, binding.node)
        elif binding.kind == "def":
            assert isinstance(binding.node, cst.FunctionDef)
            yield Function(module, binding.node)
        elif binding.kind == "assign" and binding.value is not None:
            yield from self.values(binding.value, module)
        else:
            yield UNKNOWN

    def _imported(self, target: str, member: str | None, module: Module) -> Iterator[Value]:
        found = self.project.import_target(module.path, target)
        if found is None:
            if target.startswith("."):
                yield UNKNOWN
            else:
                yield External(f"{target}.{member}" if member else target)
        elif isinstance(found, Package):
            yield from self._member_of_path(found.directory, member) if member else [Imported(found.directory)]
        elif member is None:
            yield Imported(found)
        else:
            yield from self._member_of_path(found, member)

    def _member_of_path(self, path: str, name: str) -> Iterator[Value]:
        """``name`` in a module, or the submodule of that name."""
        if path.endswith(".py"):
            module = self.project.module(path)
            if module is None:
                yield UNKNOWN
                return
            found = list(self._exported(name, module))
            if found:
                yield from found
                return
            if not path.endswith("__init__.py"):
                yield UNKNOWN
                return
        directory = path.removesuffix("__init__.py").rstrip("/")
        for candidate in (f"{directory}/{name}/__init__.py", f"{directory}/{name}.py"):
            if candidate.lstrip("/") in self.project.data:
                yield Imported(candidate.lstrip("/"))
                return
        yield UNKNOWN

    def _exported(self, name: str, module: Module) -> Iterator[Value]:
        if (name, module.path) in self._asked:
            return  # modules that import it from each other in a circle
        self._asked.add((name, module.path))
        try:
            yield from self._bound_in(name, [module])
        finally:
            self._asked.discard((name, module.path))

    def _bound_in(self, name: str, pending: list[Module]) -> Iterator[Value]:
        """What a name may be in modules, or in those that they import everything from; each is looked at once."""
        seen = {module.path for module in pending}
        while pending:
            module = pending.pop(0)
            for binding in module.root.bindings.get(name, ()):
                yield from self.bound(binding, module)
            for star in module.root.stars if name not in module.root.bindings else ():
                found = self._starred(star, name, module)
                if isinstance(found, External):
                    yield found
                elif found is not None and found.path not in seen:
                    seen.add(found.path)
                    pending.append(found)

    def _from_star(self, target: str, name: str, module: Module) -> Iterator[Value]:
        found = self._starred(target, name, module)
        if isinstance(found, External):
            yield found
        elif found is not None:
            yield from self._exported(name, found)

    def _starred(self, target: str, name: str, module: Module) -> External | Module | None:
        """Where ``from target import *`` takes a name from: a library, or a module of the project to look into."""
        found = self.project.import_target(module.path, target)
        if found is None:
            known = name in _PUBLIC.get(target, ()) or name in self.catalogue.public(target)
            return External(f"{target}.{name}") if known and not target.startswith(".") else None
        if isinstance(found, str) and found != module.path and not name.startswith("_"):
            return self.project.module(found)
        return None

    def may_name(self, node: cst.BaseExpression, names: Collection[str], module: Module) -> bool:
        """Whether an expression could be one of the project's things of these names: a cheap test before resolving."""
        while isinstance(node, cst.Subscript):
            node = node.value
        if isinstance(node, cst.Attribute):
            return node.attr.value in names
        if not isinstance(node, cst.Name):
            return False
        if node.value in names:
            return True
        bindings = self.bindings(node.value, node, module)
        return any(b.member in names or (b.value is not None and last_name(b.value) in names) for b in bindings)

    def member(self, value: Value, name: str) -> Iterator[Value]:
        """What ``value.name`` may be."""
        match value:
            case Nothing():
                return  # a read of None's attribute makes nothing
            case External(name=base):
                yield External(f"{base}.{name}")
            case Imported(path=path):
                yield from self._member_of_path(path, name)
            case Class(module=module, node=node):
                scope = module.scopes[node]
                for binding in scope.bindings.get(name, ()):
                    yield from self.bound(binding, module)
                if name not in scope.bindings:
                    yield UNKNOWN
            case _:
                yield UNKNOWN


_DEEP = 60  # expressions that lead to each other, one after another; whatever is further is not followed

_PUBLIC = {
    "torch.optim": frozenset({"Optimizer"}),
    "torch": frozenset({"optim", "nn"}),
    "dataclasses": frozenset({"dataclass", "field", "asdict", "astuple", "fields", "replace", "KW_ONLY"}),
}
