"""field: the switch is declared in the dataclass that declares the learning rate.

The two fields go beside the learning rate's, keyword-only where the target's Python has that (3.10), so that neither a
positional call nor a subclass with required fields changes its meaning:
https://docs.python.org/3/library/dataclasses.html#dataclasses.field
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from cautify.analysis.resolve import UNKNOWN, Class, Resolver
from cautify.analysis.syntax import dotted
from cautify.homes import ENABLED, EPS
from cautify.model import Edit
from cautify.patch.imports import comment_start

_HOW_TO_DEFAULT = {ENABLED: ("bool", "False"), EPS: ("float", "1e-8")}


@dataclass(frozen=True)
class Field:
    """An annotated name in a class body, and the statement line it stands on."""

    name: str
    node: cst.AnnAssign
    line: cst.SimpleStatementLine


@dataclass(frozen=True)
class Settings:
    """The arguments of the dataclass decorator that matter here."""

    kw_only: bool
    init: bool
    slots: bool


def settings(cls: Class, resolver: Resolver) -> Settings | None:
    """How a class is made a dataclass, or None if it is not decorated as one."""
    for decorator in cls.node.decorators:
        node = decorator.decorator
        call = node if isinstance(node, cst.Call) else None
        func = call.func if call else node
        if resolver.externals(func, cls.module) & {"dataclasses.dataclass"}:
            given = {a.keyword.value: dotted(a.value) for a in (call.args if call else ()) if a.keyword}
            return Settings(given.get("kw_only") == "True", given.get("init") != "False", given.get("slots") == "True")
    return None


@lru_cache(maxsize=1024)
def own_fields(cls: Class) -> list[Field]:
    """The fields that a class body declares, in order. ``ClassVar`` and the ``KW_ONLY`` marker are none."""
    found = []
    for line in cls.node.body.body:
        if isinstance(line, cst.SimpleStatementLine):
            for node in line.body:
                if isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name):
                    annotation = node.annotation.annotation
                    if isinstance(annotation, cst.Subscript):
                        annotation = annotation.value
                    if dotted(annotation).rpartition(".")[2] not in ("ClassVar", "KW_ONLY"):
                        found.append(Field(node.target.value, node, line))
    return found


def declares(cls: Class, name: str, resolver: Resolver) -> bool:
    """Whether a class itself declares ``name`` as a dataclass field."""
    return settings(cls, resolver) is not None and any(f.name == name for f in own_fields(cls))


def topmost(cls: Class, name: str, resolver: Resolver) -> Class | None:
    """The class highest above ``cls``, or itself, that declares a field: where a subclass inherits it from."""
    found = [c for c in resolver.ancestors(cls) if declares(c, name, resolver)]
    return found[-1] if found else None


def topmost_node(cls: Class, name: str, resolver: Resolver) -> cst.ClassDef | None:
    """The node of the topmost class that declares a field, or None."""
    found = topmost(cls, name, resolver)
    return found.node if found is not None else None


def positions(cls: Class, resolver: Resolver) -> list[str]:
    """The names of the positional parameters of the generated ``__init__``, in order."""
    order: list[str] = []
    keyword_only: set[str] = set()
    for current in reversed(resolver.ancestors(cls)):
        made = settings(current, resolver)
        if made is None:
            continue
        for f in own_fields(current):
            if f.name not in order:
                order.append(f.name)
            if made.kw_only or _is_keyword_only(f.node.value) or _after_marker(current, f.line):
                keyword_only.add(f.name)
    return [name for name in order if name not in keyword_only]


def has_switch(cls: Class, resolver: Resolver) -> bool:
    """Whether the two fields are declared in a class or above it."""
    return all(topmost(cls, name, resolver) is not None for name in (ENABLED, EPS))


def refusal(cls: Class, resolver: Resolver) -> str | None:
    """Why a class cannot take the fields, or None. One sentence's end, to follow "no field, because …"."""
    made = settings(cls, resolver)
    if made is None:
        return f"{cls.name} is not a dataclass"
    if not isinstance(cls.node.body, cst.IndentedBlock):
        return f"{cls.name} is written on one line"
    family = [*resolver.ancestors(cls), *resolver.descendants(cls)[1:]]
    for member in family:
        how = settings(member, resolver)
        scope = member.module.scopes[member.node]
        if "__init__" in scope.bindings or (how is not None and not how.init):
            return f"{member.name} has an __init__ of its own, which would not set the switch"
        if "__slots__" in scope.bindings:
            return f"{member.name} lists its __slots__ by hand"
        if "__new__" in scope.bindings:
            return f"{member.name} has a __new__ of its own"
        if "__setattr__" in scope.bindings:
            return f"{member.name} has a __setattr__ of its own, which may not accept new names"
        for name in (ENABLED, EPS):
            inherited = topmost(member, name, resolver)
            if name in scope.bindings and (
                inherited is None or inherited.node is not topmost_node(cls, name, resolver)
            ):
                return f"{member.name} uses the name {name} for something else"
    function = field_function(cls)
    hidden = "field" in cls.module.scopes[cls.node].bindings
    if function in (None, "field") and (hidden or (function is None and "field" in cls.module.root.bindings)):
        return f"the name field means something else around {cls.name}"
    if UNKNOWN in resolver.bases(cls):
        return f"a base class of {cls.name} could not be resolved"
    if is_extended(cls, resolver):
        return f"{cls.name} is extended and the project does not say that it needs Python 3.10, for keyword-only fields"
    return None


def is_extended(cls: Class, resolver: Resolver) -> bool:
    """Whether plain fields in a class would come between the fields of another class."""
    return not keyword_only_allowed(cls, resolver) and len(resolver.descendants(cls)) > 1


def keyword_only_allowed(cls: Class, resolver: Resolver) -> bool:
    """Whether a field can be, or is anyway, keyword-only."""
    made = settings(cls, resolver)
    python = resolver.project.minimum_python
    modern = (python is not None and python >= (3, 10)) or (python is None and resolver.project.needs_310)
    return modern or bool(made and made.kw_only)


def place(cls: Class, read: frozenset[str], everything: bool, resolver: Resolver) -> cst.SimpleStatementLine | None:
    """The line after which the fields go: the end of the run of fields around those that are read together.

    ``read`` are the attributes that arrive at the optimizer together, the learning rate among them; ``everything``
    says that the whole object does. In a class without fields it is the docstring, and None where there is none.
    """
    fields = own_fields(cls)
    if not fields:
        first = cls.node.body.body[0]
        return first if _is_docstring(first) and isinstance(first, cst.SimpleStatementLine) else None
    if not keyword_only_allowed(cls, resolver):
        return _with_docstring(cls, fields[-1].line)
    first_read = next((n for n, f in enumerate(fields) if f.name in read), None)
    if first_read is None:
        return _with_docstring(cls, fields[-1].line)
    prefixes = {p for p in map(_prefix, read) if p and ("optim" in p or sum(n.startswith(p) for n in read) > 1)}
    last = first_read
    for number in range(first_read + 1, len(fields)):
        f = fields[number]
        together = everything or f.name in read or any(f.name.startswith(p) for p in prefixes)
        if not together or not _adjacent(cls, fields[number - 1].line, f.line):
            break
        last = number
    return _with_docstring(cls, fields[last].line)


def _prefix(name: str) -> str:
    """``optimizer_`` of ``optimizer_lr``: neighbours that share it belong to the same group."""
    for ending in ("learning_rate", "lr"):
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending)
    return ""


def _adjacent(cls: Class, before: cst.SimpleStatementLine, line: cst.SimpleStatementLine) -> bool:
    """Whether a field follows another without a blank line or another statement between."""
    if any(not leading.comment for leading in line.leading_lines):
        return False
    body = list(cls.node.body.body)
    between = body[body.index(before) + 1 : body.index(line)]
    return all(_is_docstring(statement) for statement in between)


def _is_docstring(statement: cst.CSTNode) -> bool:
    return (
        isinstance(statement, cst.SimpleStatementLine)
        and len(statement.body) == 1
        and isinstance(statement.body[0], cst.Expr)
        and isinstance(statement.body[0].value, (cst.SimpleString, cst.ConcatenatedString))
    )


def _with_docstring(cls: Class, line: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
    """The line, or the string below it that documents it."""
    body = list(cls.node.body.body)
    following = body[body.index(line) + 1 :][:1]
    if following and _is_docstring(following[0]):
        assert isinstance(following[0], cst.SimpleStatementLine)
        return following[0]
    return line


def declarations(cls: Class, line: cst.SimpleStatementLine | None, function: str, resolver: Resolver) -> Iterator[Edit]:
    """The edit that adds what is missing of the two fields after ``line``, or first in the class.

    ``function`` spells ``dataclasses.field``.
    """
    module = cls.module
    source = module.source
    first = cls.node.body.body[0]
    start, end = module.span(line if line is not None else first)
    indent = source.slice(source.line_start(start), start)
    made = settings(cls, resolver)
    plain = bool(made and made.kw_only) or _after_marker(cls, line) or not keyword_only_allowed(cls, resolver)
    lines = []
    for name, (kind, default) in _HOW_TO_DEFAULT.items():
        if topmost(cls, name, resolver) is None:
            value = default if plain else f"{function}(default={default}, kw_only=True)"
            lines.append(f"{indent}{name}: {kind} = {value}")
    if not lines:
        return
    if line is None:
        at = comment_start(module, source.line_start(start))
        yield source.edit(at, at, "\n".join([*lines, "", ""]), "field")
    else:
        at = source.line_end(end)
        gap = "" if own_fields(cls) else "\n"
        yield source.edit(at, at, gap + "".join(f"\n{line}" for line in lines), "field")


def needs_field_function(cls: Class, line: cst.SimpleStatementLine | None, resolver: Resolver) -> bool:
    """Whether the declarations call ``dataclasses.field``."""
    made = settings(cls, resolver)
    return keyword_only_allowed(cls, resolver) and not (made and made.kw_only) and not _after_marker(cls, line)


def _is_keyword_only(default: cst.BaseExpression | None) -> bool:
    """Whether a field's default is ``field(…, kw_only=True)``."""
    given = default.args if isinstance(default, cst.Call) else ()
    return any(a.keyword is not None and a.keyword.value == "kw_only" and dotted(a.value) == "True" for a in given)


def _after_marker(cls: Class, line: cst.SimpleStatementLine | None) -> bool:
    """Whether a line stands below ``_: KW_ONLY``."""
    if line is None:
        return False
    for statement in cls.node.body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            for node in statement.body:
                if (
                    isinstance(node, cst.AnnAssign)
                    and dotted(node.annotation.annotation).rpartition(".")[2] == "KW_ONLY"
                ):
                    return True
        if statement is line:
            return False
    return False


def field_function(cls: Class) -> str | None:
    """How ``dataclasses.field`` can be called at a class, or None when it must be imported."""
    module = cls.module
    for name, bindings in module.root.bindings.items():
        if len(bindings) != 1 or bindings[0].kind != "import" or bindings[0].target != "dataclasses":
            continue
        if bindings[0].member not in (None, "field") or not module.unconditional(bindings[0].node):
            continue
        if module.top_level_index(bindings[0].node) < module.top_level_index(cls.node):
            return name if bindings[0].member else f"{name}.field"
    return None
