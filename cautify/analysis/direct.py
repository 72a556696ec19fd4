"""Calls whose names come straight from imports, by ``ast``: enough where nothing is edited, and ten times faster."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from cautify.optimizers import Builder, Catalogue


@dataclass
class Imports:
    """What names mean so far: the dotted name of each that was imported, dots in front if that was relative."""

    names: dict[str, str] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    def learn(self, nodes: Iterable[ast.AST]) -> None:
        """Take in the imports, and forget the names that are given to a class or function instead."""
        for node in nodes:
            match node:
                case ast.Import(names=aliases):
                    for alias in aliases:
                        top = alias.name.partition(".")[0]
                        self.names[alias.asname or top] = alias.name if alias.asname else top
                case ast.ImportFrom(names=aliases):
                    module = "." * node.level + (node.module or "")
                    for alias in aliases:
                        if alias.name == "*":
                            self.stars.append(module)
                        else:
                            dot = "" if module.endswith(".") else "."
                            self.names[alias.asname or alias.name] = f"{module}{dot}{alias.name}"
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    self.names.pop(name, None)

    def qualified(self, node: ast.expr, catalogue: Catalogue) -> str:
        """The dotted name that an expression stands for, or the empty string."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        base = self.names.get(node.id)
        if base is None:
            base = next((f"{star}.{node.id}" for star in self.stars if node.id in catalogue.public(star)), None)
        return ".".join([base, *parts]) if base else ""


def parsed(code: str | bytes) -> ast.Module | None:
    """The syntax tree of a file or cell, or None where this Python does not accept it. Nothing is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def statements_and_calls(tree: ast.Module) -> list[ast.AST]:
    """All imports, classes, functions and calls of a tree, in order. The rest, most of it, is not kept."""
    found = [node for node in inside(tree) if type(node) in _KEPT]
    found.sort(key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]
    return found


def inside(tree: ast.AST) -> Iterator[ast.AST]:
    """A node and all that is in it but names and constants, in no order: three times faster than :func:`ast.walk`."""
    pending: list[ast.AST] = [] if type(tree) in _LEAVES else [tree]
    while pending:
        node = pending.pop()
        yield node
        for name in _fields(type(node)):  # type: ignore[arg-type]
            value = getattr(node, name, None)
            if type(value) is list:
                pending.extend([item for item in value if type(item) not in _LEAVES])
            elif type(value) not in _LEAVES:
                pending.append(value)  # type: ignore[arg-type]


@cache
def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    return tuple(name for name in kind._fields if name not in _PLAIN)


_KEPT = frozenset({ast.Call, ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef})
_LEAVES = frozenset({ast.Name, ast.Constant, ast.alias, type(None), str, int, bool})
_PLAIN = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "type_comment", "kind", "type_ignores", "is_async", "level"}
)


def import_targets(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The modules that the import statements among some nodes name, with their leading dots."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def calls(nodes: Iterable[ast.AST], last: Collection[str], imports: Imports) -> Iterator[ast.Call]:
    """The calls that may be of something whose bare name is one of ``last``, under whichever name it was imported."""
    here = {name for name, full in imports.names.items() if full.rpartition(".")[2] in last}
    for node in nodes:
        if isinstance(node, ast.Call):
            func = node.func
            bare = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
            if bare in last or (bare in here and isinstance(func, ast.Name)):
                yield node


def makes_one(call: ast.Call, builder: Builder) -> bool:
    """Whether a call of a builder makes an optimizer: it needs to be told to, or is not handed one."""
    given = {k.arg: k.value for k in call.keywords if k.arg and not _is_none(k.value)}
    return not (builder.given in given or (builder.only_with and builder.only_with not in given))


def remedy(call: ast.Call, builder: Builder) -> str:
    """What to do about a call of a builder."""
    if builder.given and any(k.arg is None for k in call.keywords):
        return f"{builder.remedy} (unless the ** hands it one as {builder.given})"
    return builder.remedy


def _is_none(node: ast.expr) -> bool:
    """Whether an argument is None, or a pair that begins with None."""
    if isinstance(node, ast.Tuple) and node.elts:
        node = node.elts[0]
    return isinstance(node, ast.Constant) and node.value is None


def named_defaults(arguments: ast.arguments) -> Iterator[str]:
    """The parameters whose default is only named."""
    plain = [*arguments.posonlyargs, *arguments.args]
    with_default = [*plain[len(plain) - len(arguments.defaults) :], *arguments.kwonlyargs]
    pairs = zip(with_default, [*arguments.defaults, *arguments.kw_defaults], strict=True)
    return (argument.arg for argument, default in pairs if _is_named(default))


def _is_named(value: ast.expr | None) -> bool:
    """Whether a value, or what it is under some condition, is something that is only named."""
    if isinstance(value, ast.IfExp):
        return _is_named(value.body) or _is_named(value.orelse)
    if isinstance(value, ast.BoolOp):
        return any(map(_is_named, value.values))
    while isinstance(value, (ast.Attribute, ast.Subscript)):
        value = value.value
    return isinstance(value, ast.Name)


GIVING = frozenset({"eval", "get", "getattr", "partial", "pop"})
"""What is called to get at a class, or at a partial of one."""


def renamed(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that are given to something by naming that, or by looking it up."""
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from _given_by_name(target, node.value)
        elif isinstance(node, ast.arguments):
            yield from named_defaults(node)


def _given_by_name(target: ast.expr, value: ast.expr | None) -> Iterator[str]:
    if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        for inner, part in zip(target.elts, value.elts, strict=False):
            yield from _given_by_name(inner, part)
    elif isinstance(target, ast.Name) and (_is_named(value) or _is_looked_up(value)):
        yield target.id


def _is_looked_up(value: ast.expr | None) -> bool:
    func = value.func if isinstance(value, ast.Call) else None
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    return name in GIVING
