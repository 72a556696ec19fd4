"""Expression → the set of things it may be. All of them: ambiguity is reported by the caller, never "the first".

Resolution is by scope, not by flow: a name that is bound twice may be either. What cannot be followed is ``UNKNOWN``,
so that a set which holds it says "and maybe something else".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import libcst as cst

from cautify.analysis.project import Package, Project
from cautify.analysis.syntax import Binding, Module, Scope, dotted, literal, walk

_OPAQUE_WRAPPERS = frozenset({"typing.Optional", "typing.Annotated", "typing.Final", "typing.Union", "typing.ClassVar"})


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


UNKNOWN = Unknown()
Value = External | Class | Function | Imported | Nothing | Unknown


class Resolver:
    """Names, attributes, types and class hierarchies over one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._values: dict[cst.CSTNode, frozenset[Value]] = {}
        self._subclasses: dict[cst.ClassDef, tuple[Class, ...]] = {}
        self._assignments: dict[cst.ClassDef, dict[str, list[cst.Assign | cst.AnnAssign]]] = {}

    # -- values ---------------------------------------------------------------------------------------------------

    def values(self, node: cst.BaseExpression, module: Module) -> frozenset[Value]:
        """What an expression may be."""
        if node not in self._values:
            self._values[node] = frozenset({UNKNOWN})  # a cycle sees "unknown", not itself
            self._values[node] = frozenset(self._evaluate(node, module))
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
                for binding in scope.bindings[name]:
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
        for binding in module.root.bindings.get(name, ()):
            yield from self.bound(binding, module)
        if name not in module.root.bindings:
            for star in module.root.stars:
                yield from self._from_star(star, name, module)

    def _from_star(self, target: str, name: str, module: Module) -> Iterator[Value]:
        found = self.project.import_target(module.path, target)
        if found is None:
            if not target.startswith(".") and name in _PUBLIC.get(target, ()):
                yield External(f"{target}.{name}")
        elif isinstance(found, str) and found != module.path:
            other = self.project.module(found)
            if other is not None and not name.startswith("_"):
                yield from self._exported(name, other)

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

    # -- classes --------------------------------------------------------------------------------------------------

    def bases(self, cls: Class) -> tuple[Value, ...]:
        """The direct bases, in order. Subscripts (``Generic[T]``) are looked through."""
        found: list[Value] = []
        for arg in cls.node.bases:
            node = arg.value
            while isinstance(node, cst.Subscript):
                node = node.value
            values = self.values(node, cls.module)
            found.extend(values if len(values) == 1 else [UNKNOWN])
        return tuple(found)

    def ancestors(self, cls: Class) -> list[Class]:
        """``cls`` and the classes of this project above it, nearest first, without repetition."""
        order: list[Class] = []
        pending = [cls]
        while pending:
            current = pending.pop(0)
            if all(current.node is not seen.node for seen in order):
                order.append(current)
                pending += [base for base in self.bases(current) if isinstance(base, Class)]
        return order

    def external_bases(self, cls: Class) -> frozenset[str]:
        """Dotted names of the foreign classes anywhere above ``cls``."""
        return frozenset(b.name for c in self.ancestors(cls) for b in self.bases(c) if isinstance(b, External))

    def subclasses(self, cls: Class) -> tuple[Class, ...]:
        """The direct subclasses in this project."""
        if cls.node not in self._subclasses:
            found: dict[cst.ClassDef, Class] = {}
            mark = re.compile(rb"\bclass\s+\w+\s*[\[(][^:]*\b%(n)s\b|\b%(n)s\s+as\b" % {b"n": cls.name.encode()}).search
            for path in self.project.mentioning_word({cls.name}):
                module = self.project.module(path) if mark(self.project.data[path]) else None
                for node in module.classes if module else ():
                    candidate = Class(module, node)  # type: ignore[arg-type]
                    if any(
                        self.may_name(a.value, {cls.name}, module)  # type: ignore[arg-type]
                        and any(isinstance(b, Class) and b.node is cls.node for b in self.bases(candidate))
                        for a in node.bases
                    ):
                        found[node] = candidate
            self._subclasses[cls.node] = tuple(found.values())
        return self._subclasses[cls.node]

    def may_name(self, node: cst.BaseExpression, names: Collection[str], module: Module) -> bool:
        """Whether an expression could be one of the project's things of these names: a cheap test before resolving."""
        while isinstance(node, cst.Subscript):
            node = node.value
        if isinstance(node, cst.Attribute):
            return node.attr.value in names
        if not isinstance(node, cst.Name):
            return False
        return node.value in names or any(b.member in names for b in self.bindings(node.value, node, module))

    def descendants(self, cls: Class) -> list[Class]:
        """``cls`` and every class of the project below it."""
        order: list[Class] = []
        pending = [cls]
        while pending:
            current = pending.pop(0)
            if all(current.node is not seen.node for seen in order):
                order.append(current)
                pending += self.subclasses(current)
        return order

    # -- types ----------------------------------------------------------------------------------------------------

    def types(self, node: cst.BaseExpression, module: Module, depth: int = 0) -> frozenset[Class]:
        """The classes of this project that an expression's value may be an instance of. Empty: not known."""
        if depth > 12:
            return frozenset()
        match node:
            case cst.Name(value=name):
                own = self._self_type(name, node, module)
                if own is not None:
                    return frozenset({own})
                found: set[Class] = set()
                for binding in self.bindings(name, node, module):
                    found |= self._binding_types(binding, module, depth)
                return frozenset(found)
            case cst.Attribute(value=base, attr=cst.Name(value=name)):
                return frozenset(
                    t for owner in self.types(base, module, depth + 1) for t in self._attribute_types(owner, name, depth)
                )
            case cst.Call(func=func):
                found = set()
                for value in self.values(func, module):
                    if isinstance(value, Class):
                        found.add(value)
                    elif isinstance(value, Function) and value.node.returns:
                        found |= self.annotated(value.node.returns.annotation, value.module)
                return frozenset(found)
            case cst.NamedExpr(value=value):
                return self.types(value, module, depth + 1)
            case cst.BooleanOperation(left=left, right=right):
                return self.types(left, module, depth + 1) | self.types(right, module, depth + 1)
            case _:
                return frozenset()

    def _self_type(self, name: str, node: cst.CSTNode, module: Module) -> Class | None:
        """The class of ``self``, if the name is the first parameter of an ordinary method around the node."""
        for above in module.ancestors(node):
            if isinstance(above, cst.FunctionDef) and name in module.scopes[above].bindings:
                cls = module.method_class(above)
                first = [*above.params.posonly_params, *above.params.params][:1]
                plain = not any(dotted(d.decorator) in ("staticmethod", "classmethod") for d in above.decorators)
                bindings = module.scopes[above].bindings[name]
                if cls and plain and first and first[0].name.value == name and len(bindings) == 1:
                    return Class(module, cls)
                return None
        return None

    def _binding_types(self, binding: Binding, module: Module, depth: int) -> frozenset[Class]:
        if binding.annotation is not None:
            return self.annotated(binding.annotation, module)
        if binding.kind == "assign" and binding.value is not None:
            return self.types(binding.value, module, depth + 1)
        if binding.kind == "import":
            return frozenset()
        return frozenset()

    def _attribute_types(self, owner: Class, name: str, depth: int) -> frozenset[Class]:
        """The types of ``owner().name``: its annotation, a property's return type, or what methods assign to it."""
        for cls in self.ancestors(owner):
            scope = cls.module.scopes[cls.node]
            for binding in scope.bindings.get(name, ()):
                if binding.annotation is not None:
                    return self.annotated(binding.annotation, cls.module)
                if isinstance(binding.node, cst.FunctionDef) and binding.node.returns:
                    return self.annotated(binding.node.returns.annotation, cls.module)
            found: set[Class] = set()
            annotations = self._annotated_attributes(cls, name)
            for annotation in annotations:
                found |= self.annotated(annotation, cls.module)
            for value in [] if annotations else self.assigned_attributes(cls, name):
                found |= self.types(value, cls.module, depth + 1)
            if found:
                return frozenset(found)
        return frozenset()

    def assigned_attributes(self, cls: Class, name: str) -> list[cst.BaseExpression]:
        """The values that methods of a class assign to ``self.name``."""
        return [s.value for s in self._self_assignments(cls).get(name, ()) if s.value is not None]

    def _annotated_attributes(self, cls: Class, name: str) -> list[cst.BaseExpression]:
        statements = self._self_assignments(cls).get(name, ())
        return [s.annotation.annotation for s in statements if isinstance(s, cst.AnnAssign)]

    def _self_assignments(self, cls: Class) -> dict[str, list[cst.Assign | cst.AnnAssign]]:
        """Attribute name → the assignments to it on ``self`` in the methods of a class."""
        if cls.node not in self._assignments:
            found: dict[str, list[cst.Assign | cst.AnnAssign]] = {}
            for node in walk(cls.node.body):
                if isinstance(node, cst.Assign):
                    targets = [t.target for t in node.targets]
                elif isinstance(node, cst.AnnAssign):
                    targets = [node.target]
                else:
                    continue
                for target in targets:
                    if isinstance(target, cst.Attribute) and dotted(target.value) == "self":
                        found.setdefault(target.attr.value, []).append(node)
            self._assignments[cls.node] = found
        return self._assignments[cls.node]

    def annotated(self, annotation: cst.BaseExpression, module: Module) -> frozenset[Class]:
        """The classes of this project named by a type annotation; unions give several, ``None`` and foreigners none."""
        match annotation:
            case cst.SimpleString():
                text = literal(annotation)
                try:
                    parsed = cst.parse_expression(text or "None")
                except cst.ParserSyntaxError:
                    return frozenset()
                return self._annotated_string(parsed, annotation, module)
            case cst.BinaryOperation(left=left, right=right):
                return self.annotated(left, module) | self.annotated(right, module)
            case cst.Subscript(value=value, slice=elements):
                name = dotted(value).rpartition(".")[2]
                if f"typing.{name}" not in _OPAQUE_WRAPPERS:
                    return frozenset()
                found: frozenset[Class] = frozenset()
                for element in elements:
                    if isinstance(element.slice, cst.Index):
                        found |= self.annotated(element.slice.value, module)
                return found
            case cst.Name() | cst.Attribute():
                return frozenset(v for v in self.values(annotation, module) if isinstance(v, Class))
            case _:
                return frozenset()

    def _annotated_string(self, parsed: cst.BaseExpression, place: cst.CSTNode, module: Module) -> frozenset[Class]:
        found: set[Class] = set()
        pending = [parsed]
        while pending:
            node = pending.pop()
            if isinstance(node, cst.BinaryOperation):
                pending += [node.left, node.right]
            elif isinstance(node, cst.Subscript) and f"typing.{dotted(node.value).rpartition('.')[2]}" in _OPAQUE_WRAPPERS:
                pending += [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
            elif name := dotted(node):
                values = set(self.lookup(name.partition(".")[0], place, module))
                for part in name.split(".")[1:]:
                    values = {v for value in values for v in self.member(value, part)}
                found |= {v for v in values if isinstance(v, Class)}
        return frozenset(found)


_PUBLIC = {
    "torch.optim": frozenset(
        "Adafactor Adadelta Adagrad Adam Adamax AdamW ASGD LBFGS NAdam Optimizer RAdam RMSprop Rprop SGD SparseAdam Muon".split()
    ),
    "torch": frozenset({"optim", "nn"}),
    "dataclasses": frozenset({"dataclass", "field", "asdict", "astuple", "fields", "replace", "KW_ONLY"}),
}
