"""libcst → :class:`Module`: parents, scopes, bindings and byte spans.

One walk per module records what name resolution needs. Spans cost more than parsing, so they are computed only for
modules in which something will be reported or edited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache, cached_property

import libcst as cst

from cautify.analysis.scopes import Binding, Comprehension, Scope
from cautify.analysis.spans import locate, locate_statement
from cautify.errors import ProofFailed
from cautify.source import Source

_SKIPPED: tuple[str, ...] = (
    *("whitespace", "lpar", "rpar", "leading_lines", "lines_after", "trailing_", "header", "footer", "indent"),
    *("comma", "semicolon", "equal", "operator", "dot", "colon", "newline"),
)

_LEAVES = frozenset({type(None), str, bool, cst.MaybeSentinel})


class Unparsable(ValueError):
    """libcst cannot read the file."""


@cache
def _child_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(
        f.name
        for f in fields(kind)
        if not f.name.startswith(_SKIPPED) and f.name not in ("encoding", "value_type", "asynchronous")
    )


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The child nodes that mean something: no white space, commas, parentheses or operators."""
    for name in _child_fields(type(node)):
        value = getattr(node, name)
        kind = type(value)
        if kind is tuple or kind is list:
            yield from value
        elif kind not in _LEAVES:
            yield value


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """``node`` and all that is in it, in source order of siblings."""
    yield node
    for child in children(node):
        yield from walk(child)


def dotted(node: cst.CSTNode | None) -> str:
    """``a.b.c`` for a name or a chain of attributes, else the empty string."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return ""
    return ".".join([node.value, *reversed(parts)])


def literal(node: cst.CSTNode | None) -> str | None:
    """The value of a plain string literal, or None."""
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


class Module:
    """One parsed file. Everything about it that name resolution and editing ask for."""

    def __init__(self, source: Source) -> None:
        """Parse ``source``.

        Raises:
            Unparsable: a syntax error, or nesting too deep.
        """
        try:
            self.tree = cst.parse_module(source.text)
            self.source = source
            self.path = source.path
            self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
            self.scopes: dict[cst.CSTNode, Scope] = {}
            self.calls: list[cst.Call] = []
            self.classes: list[cst.ClassDef] = []
            self._returned: dict[cst.CSTNode, list[cst.BaseExpression]] = {}
            self._stored: dict[str, list[cst.BaseExpression]] = {}
            self._located: dict[cst.CSTNode, tuple[int, int]] = {}
            self.root = Scope(self.tree, None)
            self.scopes[self.tree] = self.root
            for statement in self.tree.body:
                self._visit(statement, self.tree, self.root)
            for scope in list(self.scopes.values()):
                self._move_outwards(scope)
        except RecursionError as error:
            raise Unparsable("nested too deeply") from error
        except cst.ParserSyntaxError as error:
            raise Unparsable(f"line {error.raw_line}: {error.message}") from error
        except (cst.CSTValidationError, UnicodeError) as error:
            raise Unparsable(str(error)) from error

    # -- positions ------------------------------------------------------------------------------------------------

    @cached_property
    def _spans(self) -> Mapping[cst.CSTNode, tuple[int, int]]:
        spans, code = locate(self.tree)
        self._reproduced = _common_prefix(code, self.source.text)
        return spans

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Start and end of a node in the normalised buffer, without the parentheses around it."""
        if node not in self._located and "_spans" not in self.__dict__:
            self._locate_around(node)
        if node in self._located:
            return self._located[node]
        start, end = self._spans[node]
        if end > self._reproduced:
            raise ProofFailed(self.path, "its parser does not reproduce it to the byte", "Leave it out with --exclude.")
        return start, end

    def _locate_around(self, node: cst.CSTNode) -> None:
        """Find the statement around a node by its text, where no other has the same: most files are never written out.

        Positions take longer than parsing, and few statements of a file are ever asked for.
        """
        chain = [node, *self.ancestors(node)]
        place = next(
            (n for n, above in enumerate(chain[1:]) if isinstance(above, (cst.IndentedBlock, cst.Module))), None
        )
        if place is None:
            return
        blocks = [b for b in reversed(chain[place + 1 :]) if isinstance(b, cst.IndentedBlock)]
        indents = [self.tree.default_indent if b.indent is None else b.indent for b in blocks]
        spans, code = locate_statement(chain[place], indents, self.tree)
        text, data = code.encode("utf-8"), self.source.utf8
        at = data.find(text)
        while at > 0 and data[at - 1 : at] != b"\n":
            at = data.find(text, at + 1)
        if at >= 0 and text.strip() and data.find(text, at + 1) < 0:
            self._located.update((n, (start + at, end + at)) for n, (start, end) in spans.items())

    def outer_span(self, node: cst.CSTNode) -> tuple[int, int]:
        """The same with the parentheses that belong to the expression."""
        start, end = self.span(node)
        text = self.source.utf8
        for _ in getattr(node, "lpar", ()):
            start = text.rindex(b"(", 0, start)
        for _ in getattr(node, "rpar", ()):
            end = text.index(b")", end) + 1
        return start, end

    def text(self, node: cst.CSTNode) -> str:
        """The source of a node, on one line or many, without parentheses around it."""
        return (
            self.tree.code_for_node(node.with_changes(lpar=(), rpar=()))
            if _has_parens(node)
            else self.tree.code_for_node(node)
        )

    def line(self, node: cst.CSTNode) -> int:
        """1-based line on which a node starts."""
        return self.source.position(self.span(node)[0])[0]

    # -- structure ------------------------------------------------------------------------------------------------

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around ``node``, from the inside out."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def top_level_index(self, node: cst.CSTNode) -> int:
        """Which of the module's statements, counted from 0, a node stands in."""
        while (above := self.parents[node]) is not self.tree:
            node = above
        return self._index[node]

    @cached_property
    def _index(self) -> Mapping[cst.CSTNode, int]:
        return {statement: n for n, statement in enumerate(self.tree.body)}

    def scope(self, node: cst.CSTNode) -> Scope:
        """The scope in which the names of an expression or statement are looked up."""
        below = node
        for above in self.ancestors(node):
            scope = self.scopes.get(above)
            if scope is not None and _evaluated_inside(below, above):
                return scope
            below = above
        return self.root

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The nearest function definition around a node."""
        return next((a for a in self.ancestors(node) if isinstance(a, cst.FunctionDef)), None)

    def returned(self, function: cst.FunctionDef) -> tuple[cst.BaseExpression, ...]:
        """What a function's own return statements give, in order."""
        return tuple(self._returned.get(function, ()))

    def stored(self, name: str) -> tuple[cst.BaseExpression, ...]:
        """The values that ``name[…] = value`` puts into something of that name, anywhere in the module."""
        return tuple(self._stored.get(name, ()))

    def method_class(self, function: cst.FunctionDef) -> cst.ClassDef | None:
        """The class whose body directly holds a function."""
        for above in self.ancestors(function):
            if isinstance(above, cst.ClassDef):
                return above
            if isinstance(above, (cst.FunctionDef, cst.Lambda)):
                return None
        return None

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """The innermost statement line or compound statement around a node."""
        statements = (cst.SimpleStatementLine, cst.BaseCompoundStatement, cst.SimpleStatementSuite)
        if isinstance(node, statements):
            return node
        return next(a for a in self.ancestors(node) if isinstance(a, statements))

    def qualified(self, node: cst.CSTNode) -> str:
        """Names of the classes and functions around and including a node, joined by dots."""
        chain = [node, *self.ancestors(node)]
        return ".".join(reversed([n.name.value for n in chain if isinstance(n, (cst.FunctionDef, cst.ClassDef))]))

    def unconditional(self, node: cst.CSTNode) -> bool:
        """Whether a statement runs whenever its function, class or module body runs to its end."""
        for above in self.ancestors(node):
            if isinstance(above, (cst.FunctionDef, cst.ClassDef, cst.Module)):
                return True
            if isinstance(above, (cst.If, cst.Else, cst.Try, cst.TryStar, cst.For, cst.While, cst.Match, cst.With)):
                return False
        return True

    # -- the walk -------------------------------------------------------------------------------------------------

    def _visit(self, node: cst.CSTNode, parent: cst.CSTNode, scope: Scope) -> None:
        self.parents[node] = parent
        kind = type(node)
        if kind in _OPENING:
            self._open(node, scope)
            return
        if kind is cst.Call:
            self.calls.append(node)  # type: ignore[arg-type]
        elif kind is cst.Return and node.value is not None:  # type: ignore[attr-defined]
            self._returned.setdefault(scope.node, []).append(node.value)  # type: ignore[attr-defined]
        elif kind in _BINDING:
            self._bind(node, scope)
            if kind is cst.Import or kind is cst.ImportFrom:
                return
        for child in children(node):
            self._visit(child, node, scope)

    def _move_outwards(self, scope: Scope) -> None:
        """Bindings of a name declared ``global`` or ``nonlocal`` belong to the scope outside."""
        for name, how in scope.outwards.items():
            target = self.root
            above = scope.parent
            while how is cst.Nonlocal and above is not None:
                if isinstance(above.node, cst.FunctionDef) and name in above.bindings:
                    target = above
                    break
                above = above.parent
            target.bindings.setdefault(name, []).extend(scope.bindings.pop(name, ()))

    def _open(self, node: cst.CSTNode, scope: Scope) -> None:
        """Visit a node that opens a scope: its decorators, defaults, bases and first iterable belong outside."""
        assert isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda, cst.BaseComp))
        inner = self.scopes[node] = Scope(node, scope)
        if isinstance(node, cst.FunctionDef):
            scope.add(Binding(node.name.value, "def", node))
        elif isinstance(node, cst.ClassDef):
            scope.add(Binding(node.name.value, "class", node))
            self.classes.append(node)
        for child in children(node):
            within = _evaluated_inside(child, node)
            if isinstance(child, cst.Parameters):
                self._parameters(child, inner)
            self._visit(child, node, inner if within else scope)

    def _parameters(self, parameters: cst.Parameters, inner: Scope) -> None:
        every = [*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]
        every += [p for p in (parameters.star_arg, parameters.star_kwarg) if isinstance(p, cst.Param)]
        for p in every:
            annotation = p.annotation.annotation if p.annotation else None
            inner.add(Binding(p.name.value, "param", p, p.default, annotation))

    def _bind(self, node: cst.CSTNode, scope: Scope) -> None:
        match node:
            case cst.Import(names=names):
                for alias in names:
                    name = dotted(alias.name)
                    if alias.asname and isinstance(alias.asname.name, cst.Name):
                        scope.add(Binding(alias.asname.name.value, "import", node, target=name))
                    else:
                        top = name.partition(".")[0]
                        scope.add(Binding(top, "import", node, target=top))
            case cst.ImportFrom(module=module, names=names, relative=relative):
                target = "." * len(relative) + dotted(module)
                if isinstance(names, cst.ImportStar):
                    scope.stars.append(target)
                    return
                for alias in names:
                    name = dotted(alias.name)
                    bound = (
                        alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else name
                    )
                    scope.add(Binding(bound, "import", node, target=target, member=name))
            case cst.Assign(targets=targets, value=value):
                for assigned in targets:
                    self._assign(assigned.target, value, node, scope)
            case cst.AnnAssign(target=cst.Name(value=name), annotation=annotation, value=value):
                kind = "assign" if value is not None else "annotation"
                scope.add(Binding(name, kind, node, value, annotation.annotation))
            case cst.NamedExpr(target=cst.Name(value=name), value=value):
                while isinstance(scope.node, cst.BaseComp) and scope.parent:
                    scope = scope.parent
                scope.add(Binding(name, "assign", node, value))
            case cst.Global(names=names) | cst.Nonlocal(names=names):
                scope.outwards.update({n.name.value: type(node) for n in names})
            case cst.For(target=target, iter=iterated) | cst.CompFor(target=target, iter=iterated):
                self._opaque(target, node, scope, iterated, iterated=True)
            case cst.AugAssign(target=target):
                self._opaque(target, node, scope)
            case cst.Del(target=target):
                self._opaque(target, node, scope)
            case cst.AsName(name=target):
                self._opaque(target, node, scope)
            case cst.MatchAs(name=cst.Name() as target) | cst.MatchStar(name=cst.Name() as target):
                self._opaque(target, node, scope)
            case cst.MatchMapping(rest=cst.Name() as target):
                self._opaque(target, node, scope)
            case _:
                pass

    def _assign(self, target: cst.BaseExpression, value: cst.BaseExpression, node: cst.CSTNode, scope: Scope) -> None:
        if isinstance(target, cst.Name):
            scope.add(Binding(target.value, "assign", node, value))
        elif isinstance(target, cst.Subscript):
            self._stored.setdefault(dotted(target.value), []).append(value)
        else:
            self._opaque(target, node, scope, value)

    def _opaque(
        self,
        target: cst.CSTNode,
        node: cst.CSTNode,
        scope: Scope,
        source: cst.BaseExpression | None = None,
        item: tuple[int, ...] = (),
        iterated: bool = False,
    ) -> None:
        if isinstance(target, cst.Name):
            scope.add(Binding(target.value, "opaque", node, source=source, item=item, iterated=iterated))
        elif isinstance(target, (cst.Tuple, cst.List)):
            for place, element in enumerate(target.elements):
                known = source if all(isinstance(e, cst.Element) for e in target.elements[: place + 1]) else None
                self._opaque(element.value, node, scope, known, (*item, place), iterated)


_OPENING = frozenset({cst.FunctionDef, cst.ClassDef, cst.Lambda, *Comprehension})
_BINDING = frozenset({cst.Import, cst.ImportFrom, cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.Global, cst.Nonlocal})
_BINDING |= {cst.AugAssign, cst.For, cst.CompFor, cst.Del, cst.AsName, cst.MatchAs, cst.MatchStar, cst.MatchMapping}


def _common_prefix(code: str, text: str) -> int:
    """How many bytes are the same. libcst loses a blank line at the end of some files; spans before that are right."""
    if code == text:
        return len(text.encode("utf-8"))
    same = next(
        (n for n, (one, two) in enumerate(zip(code, text, strict=False)) if one != two), min(len(code), len(text))
    )
    return len(text[:same].encode("utf-8"))


def _has_parens(node: cst.CSTNode) -> bool:
    return bool(getattr(node, "lpar", ()))


def _evaluated_inside(child: cst.CSTNode, scope_node: cst.CSTNode) -> bool:
    """Whether names in ``child`` are looked up in the scope that ``scope_node`` opens."""
    if isinstance(scope_node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
        return child is scope_node.body
    return True
