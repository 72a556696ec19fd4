"""Classes and types: what is above and below a class, and of which classes an expression's value may be an instance."""

from __future__ import annotations

from collections import deque

import libcst as cst

from cautify.analysis.names import (
    UNKNOWN,
    Class,
    External,
    Function,
    Imported,
    Names,
    Nothing,
    Unknown,
    Value,
)
from cautify.analysis.project import Project
from cautify.analysis.scopes import Binding
from cautify.analysis.simple_parsing import held_under
from cautify.analysis.syntax import Module, dotted, literal
from cautify.analysis.typed_calls import made_by, part
from cautify.homes import DEFAULT, Spelling
from cautify.optimizers import Catalogue

__all__ = ["UNKNOWN", "Class", "External", "Function", "Imported", "Nothing", "Resolver", "Unknown", "Value"]

_FEW = 12  # files
_OPAQUE_WRAPPERS = frozenset({"typing.Optional", "typing.Annotated", "typing.Final", "typing.Union", "typing.ClassVar"})


class Resolver(Names):
    """Names, attributes, types and class hierarchies over one project.

    ``follows_calls``: an object that a function or library makes without saying so is looked into, which costs.
    """

    follows_calls = True

    def __init__(self, project: Project, catalogue: Catalogue, switch: Spelling = DEFAULT) -> None:
        super().__init__(project, catalogue, switch)
        self._types: dict[cst.CSTNode, frozenset[Class]] = {}
        self._subclasses: dict[cst.ClassDef, tuple[Class, ...]] = {}
        self.given: dict[tuple[cst.FunctionDef, tuple[int, ...]], frozenset[Class]] = {}
        self._assignments: dict[tuple[cst.ClassDef, str], list[cst.Assign | cst.AnnAssign]] = {}

    # -- classes --------------------------------------------------------------------------------------------------

    def bases(self, cls: Class) -> tuple[Value, ...]:
        """The direct bases, in order. Subscripts (``Generic[T]``) are looked through.

        ``object`` is no base of its own where it stands in for a library's class that may be missing.
        """
        found: list[Value] = []
        for arg in cls.node.bases:
            node = arg.value
            while isinstance(node, cst.Subscript):
                node = node.value
            values = self.values(node, cls.module)
            if len(values) == 2 and isinstance(node, cst.Name):
                bindings = self.bindings(node.value, node, cls.module)
                if any(b.value is not None and dotted(b.value) == "object" for b in bindings):
                    values = frozenset(v for v in values if v != UNKNOWN)
            found.extend(values if len(values) == 1 else [UNKNOWN])
        return tuple(found)

    def ancestors(self, cls: Class) -> list[Class]:
        """``cls`` and the classes of this project above it, nearest first, without repetition."""
        order: dict[cst.ClassDef, Class] = {}
        pending = deque([cls])
        while pending:
            current = pending.popleft()
            if current.node not in order:
                order[current.node] = current
                pending += [base for base in self.bases(current) if isinstance(base, Class)]
        return list(order.values())

    def qualified(self, cls: Class) -> str:
        """The dotted name by which others of the project import a class."""
        return f"{self.project.module_name(cls.module.path)[0]}.{cls.module.qualified(cls.node)}"

    def external_bases(self, cls: Class) -> frozenset[str]:
        """Dotted names of the foreign classes anywhere above ``cls``."""
        return frozenset(b.name for c in self.ancestors(cls) for b in self.bases(c) if isinstance(b, External))

    def related(self, one: Class, other: Class) -> bool:
        """Whether one of two classes is above the other: the way up is shorter than to look for all below."""
        return any(c.node is other.node for c in self.ancestors(one)) or any(
            c.node is one.node for c in self.ancestors(other)
        )

    def subclasses(self, cls: Class) -> tuple[Class, ...]:
        """The direct subclasses in this project."""
        if cls.node not in self._subclasses:
            found: dict[cst.ClassDef, Class] = {}
            for path in self.project.deriving(cls.name):
                module = self.project.module(path)
                for node in module.classes_below({cls.name}) if module else ():
                    candidate = Class(module, node)  # type: ignore[arg-type]
                    if any(
                        self.may_name(a.value, {cls.name}, module)  # type: ignore[arg-type]
                        and any(isinstance(b, Class) and b.node is cls.node for b in self.bases(candidate))
                        for a in node.bases
                    ):
                        found[node] = candidate
            self._subclasses[cls.node] = tuple(found.values())
        return self._subclasses[cls.node]

    def descendants(self, cls: Class) -> list[Class]:
        """``cls`` and every class of the project below it."""
        order: dict[cst.ClassDef, Class] = {}
        pending = deque([cls])
        while pending:
            current = pending.popleft()
            if current.node not in order:
                order[current.node] = current
                pending += self.subclasses(current)
        return list(order.values())

    def below_with(self, cls: Class, name: str) -> list[Class]:
        """The classes of the project below ``cls``, without some that neither bind a name nor give it to themselves.

        Where few files say the name, the way up from their classes is shorter than the way down through all others.
        """
        if not self.project.deriving(cls.name):
            return []
        paths = self.project.mentioning_word({name})
        if len(paths) > _FEW:
            return self.descendants(cls)[1:]
        found = []
        for path in paths:
            module = self.project.module(path)
            for node in module.classes_below({name}) if module else ():
                candidate = Class(module, node)  # type: ignore[arg-type]
                bound = name in module.scopes[node].bindings or self._assigning(candidate, name)  # type: ignore[union-attr]
                if bound and any(above.node is cls.node for above in self.ancestors(candidate)[1:]):
                    found.append(candidate)
        return found

    # -- types ----------------------------------------------------------------------------------------------------

    def types(self, node: cst.BaseExpression, module: Module, depth: int = 0) -> frozenset[Class]:
        """The classes of this project that an expression's value may be an instance of. Empty: not known."""
        if depth > 12:
            return frozenset()
        if node not in self._types:
            found = frozenset(self._typed(node, module, depth))
            if depth > 6:
                return found  # cut short, perhaps
            self._types[node] = found
        return self._types[node]

    def _typed(self, node: cst.BaseExpression, module: Module, depth: int) -> frozenset[Class]:
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
                owners = self.types(base, module, depth + 1)
                if not owners and self.follows_calls and self.project.containing(b"simple_parsing"):
                    return held_under(name, base, module, self)
                return frozenset(t for owner in owners for t in self._attribute_types(owner, name, depth))
            case cst.Call(func=func):
                found = set()
                for value in self.values(func, module):
                    if isinstance(value, Class):
                        found.add(value)
                    elif isinstance(value, Function) and value.node.returns:
                        found |= self.annotated(value.node.returns.annotation, value.module)
                if found or not self.follows_calls:
                    return frozenset(found)
                return made_by(node, module, self, (), depth)
            case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=cst.Integer(value=at)))]):
                return part(base, (int(at, 0),), module, self, depth + 1)
            case cst.NamedExpr(value=value):
                return self.types(value, module, depth + 1)
            case cst.BooleanOperation(left=left, right=right):
                return self.types(left, module, depth + 1) | self.types(right, module, depth + 1)
            case _:
                return frozenset()

    def _self_type(self, name: str, node: cst.CSTNode, module: Module) -> Class | None:
        """The class of ``self``, if the name is the first parameter of an ordinary method around the node."""
        functions = [above for above in module.ancestors(node) if isinstance(above, cst.FunctionDef)]
        if not any(_is_first(name, above) for above in functions):
            return None
        for above in functions:
            if name in module.scopes[above].bindings:
                cls = module.method_class(above)
                plain = not any(dotted(d.decorator) in ("staticmethod", "classmethod") for d in above.decorators)
                bindings = module.scopes[above].bindings[name]
                if cls and plain and _is_first(name, above) and len(bindings) == 1:
                    return Class(module, cls)
                return None
        return None

    def _binding_types(self, binding: Binding, module: Module, depth: int) -> frozenset[Class]:
        if binding.annotation is not None:
            return self.annotated(binding.annotation, module)
        if binding.kind == "assign" and binding.value is not None:
            return self.types(binding.value, module, depth + 1)
        if binding.kind == "opaque" and binding.source is not None and not binding.iterated:
            return part(binding.source, binding.item, module, self, depth + 1)
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
        return [s.value for s in self._self_assignments(cls, name) if s.value is not None]

    def unpacked_attributes(self, cls: Class, name: str) -> list[tuple[cst.BaseExpression, int]]:
        """The values that methods of a class unpack into ``self.name`` and others, each with the place of this one."""
        found = []
        for node in self._assigning(cls, name):
            if not isinstance(node, cst.Assign):
                continue
            for target in node.targets:
                elements = target.target.elements if isinstance(target.target, (cst.Tuple, cst.List)) else ()
                for place, element in enumerate(elements):
                    if dotted(element.value) == f"self.{name}":
                        found.append((node.value, place))
        return found

    def _annotated_attributes(self, cls: Class, name: str) -> list[cst.BaseExpression]:
        statements = self._self_assignments(cls, name)
        return [s.annotation.annotation for s in statements if isinstance(s, cst.AnnAssign)]

    def _self_assignments(self, cls: Class, name: str) -> list[cst.Assign | cst.AnnAssign]:
        """The assignments to an attribute of ``self`` in the methods of a class."""
        return [
            node
            for node in self._assigning(cls, name)
            for target in ([t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target])
            if isinstance(target, cst.Attribute) and dotted(target) == f"self.{name}"
        ]

    def _assigning(self, cls: Class, name: str) -> list[cst.Assign | cst.AnnAssign]:
        """The statements in a class that give something to an attribute of that name."""
        if (cls.node, name) not in self._assignments:
            module = cls.module
            found = [node for node in module.assigning(name) if cls.node in module.ancestors(node)]
            self._assignments[cls.node, name] = found
        return self._assignments[cls.node, name]

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
            case cst.Subscript(slice=elements):
                if not _is_wrapper(annotation):
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
            elif (
                isinstance(node, cst.Subscript)
                and f"typing.{dotted(node.value).rpartition('.')[2]}" in _OPAQUE_WRAPPERS
            ):
                pending += [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
            elif name := dotted(node):
                values = set(self.lookup(name.partition(".")[0], place, module))
                for part in name.split(".")[1:]:
                    values = {v for value in values for v in self.member(value, part)}
                found |= {v for v in values if isinstance(v, Class)}
        return frozenset(found)


def _is_first(name: str, function: cst.FunctionDef) -> bool:
    first = [*function.params.posonly_params, *function.params.params][:1]
    return bool(first) and first[0].name.value == name


def _is_wrapper(node: cst.Subscript) -> bool:
    """Whether a subscript is one of typing's that only say something about the type inside."""
    return f"typing.{dotted(node.value).rpartition('.')[2]}" in _OPAQUE_WRAPPERS
