"""libcst → :class:`Module`: parents, scopes, bindings and byte spans.

One walk per module records what name resolution needs. The bodies of functions are parsed, and walked, when somebody
looks into them. Spans cost more than parsing, so they are computed only around what will be reported or edited.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial

import libcst as cst

from cautify.analysis.binding import BINDING, bind, bind_parameters, move_outwards, named_modules
from cautify.analysis.deferred import Bindings, Body, Deferred, Parents, defer, number, restore
from cautify.analysis.nodes import children, dotted, literal, walk
from cautify.analysis.scopes import Binding, Comprehension, Scope, ScopeNode
from cautify.analysis.skeleton import skeleton
from cautify.analysis.spans import Positions
from cautify.analysis.unparsable import CANNOT, Unparsable, why, why_not
from cautify.source import Source

__all__ = ["Module", "Unparsable", "children", "dotted", "literal", "walk"]


class Module:
    """One parsed file. Everything about it that name resolution and editing ask for."""

    def __init__(self, source: Source) -> None:
        """Parse ``source``.

        Raises:
            Unparsable: a syntax error, or nesting too deep.
        """
        try:
            self.tree, self._bodies = skeleton(source.text)
            self.source = source
            self.path = source.path
            self.broken = ""
            self.parents = Parents(self._parse_all)
            self.scopes: dict[cst.CSTNode, Scope] = {}
            self._calls: list[cst.Call | Body] = []
            self._classes: list[cst.ClassDef | Body] = []
            self._imports: list[cst.Import | cst.ImportFrom] = []
            self._unparsed: dict[cst.CSTNode, Deferred] = {}
            self._returned: dict[cst.CSTNode, list[cst.BaseExpression]] = {}
            self._reaching_out: list[Scope] = []
            self._stored: dict[str, list[cst.BaseExpression]] = {}
            self._assigning: dict[str, list[cst.Assign | cst.AnnAssign]] = {}
            self._positions = Positions(self.tree, source, self.parents)
            self.root = self._scope(self.tree, None)
            self._take_in(self.tree.body, self.tree, self.root)
            self._parse(lambda body: body.may_bind_outside)
        except CANNOT as error:
            raise Unparsable(why(error)) from error
        if self.broken:
            raise Unparsable(self.broken)

    # -- what is parsed later -------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[cst.Call]:
        """Every call."""
        return list(self.calls_where(lambda body: True))

    @property
    def classes(self) -> list[cst.ClassDef]:
        """Every class definition."""
        return self._classes_in(lambda body: True)

    def classes_below(self, names: Collection[str]) -> list[cst.ClassDef]:
        """The class definitions, without some whose bases cannot be called by one of ``names``."""
        here = self.called(names)
        return self._classes_in(lambda body: body.may_say(here))

    def _classes_in(self, matters: Callable[[Body], bool]) -> list[cst.ClassDef]:
        self._parse(lambda body: body.may_hold_class and matters(body))
        return [c for part in self._classes for c in (part.classes if isinstance(part, Body) else (part,))]

    @property
    def imports(self) -> list[cst.Import | cst.ImportFrom]:
        """Every import statement, in no order."""
        self._parse(lambda body: body.may_import)
        return self._imports

    def import_targets(self) -> set[str]:
        """The modules that import statements name, with their leading dots."""
        parts = [body for whole in self._unparsed.values() for body in whole.parts if body.parse is not None]
        seen = [body.imports for body in parts]
        if None in seen:
            return set(named_modules(self.imports))
        return {*named_modules(self._imports), *(target for found in seen for target in found or ())}

    def calls_where(self, matters: Callable[[Body], bool]) -> Iterator[cst.Call]:
        """The calls, in order, without some of those in bodies for which ``matters`` is false."""
        for part in self._calls:
            if not isinstance(part, Body):
                yield part
                continue
            if part.parse is not None and matters(part):
                part.parse()
            yield from part.calls

    def calls_of(self, names: Collection[str]) -> Iterator[cst.Call]:
        """The calls, in order, without some whose callee cannot be called by one of ``names``."""
        here = self.called(names)
        return self.calls_where(lambda body: body.may_say(here))

    def nodes_where(self, matters: Callable[[Body], bool]) -> list[cst.CSTNode]:
        """The nodes, without those in bodies for which ``matters`` is false, unless they are parsed already."""
        self._parse(matters)
        return list(dict.__iter__(self.parents))

    def called(self, names: Collection[str]) -> Collection[str]:
        """The names, and those by which this module imports them."""
        others = [
            n
            for n, found in self.root.bindings.items()
            if n not in names and any(b.member in names or dotted(b.value).rpartition(".")[2] in names for b in found)
        ]
        return {*names, *others} if others else names

    def forget_outline(self) -> None:
        """Let go of what ast made of bodies, and of their words: asked for while calls are looked for, and large."""
        for whole in self._bodies:
            for body in whole.parts:
                body.outline = None
                body.__dict__.pop("words", None)

    def _parse_all(self) -> None:
        for whole in list(self._unparsed.values()):
            whole()

    def _parse(self, matters: Callable[[Body], bool]) -> None:
        for whole in list(self._unparsed.values()):
            for body in whole.parts:
                if body.parse is not None and matters(body):
                    body.parse()

    def _defer(self, whole: Deferred, function: cst.FunctionDef, block: cst.IndentedBlock, scope: Scope) -> None:
        self.parents[block] = function
        self._unparsed[function] = whole
        self._positions.bound(function, whole.begin, whole.parts[-1].end)
        scope.bindings = Bindings(scope.bindings, whole)
        leading: Sequence[cst.EmptyLine] | None = block.body[0].leading_lines  # type: ignore[attr-defined]
        begin = whole.begin
        for body in whole.parts:
            body.parse = partial(self._put_back, body, begin, function, block, scope, leading)
            self._calls.append(body)
            self._classes.append(body)
            leading, begin = None, body.end
        defer(block, whole)

    def _put_back(
        self,
        body: Body,
        begin: int,
        function: cst.FunctionDef,
        block: cst.IndentedBlock,
        scope: Scope,
        leading: Sequence[cst.EmptyLine] | None,
    ) -> None:
        """Parse a part of a body and take it in. What cannot be parsed stays empty, and the module is ``broken``."""
        body.parse = None
        bindings = scope.bindings
        calls, classes = self._calls, self._classes
        self._calls, self._classes, scope.bindings = body.calls, body.classes, body.bindings  # type: ignore[assignment]
        try:
            statements = body.read(self.tree.default_indent)
            if leading is not None:
                statements = (statements[0].with_changes(leading_lines=leading), *statements[1:])
            body.statements = statements
            self._positions.standing_in(statements, body)
            for statement in statements if len(body.whole.parts) > 1 else ():
                self._positions.bound(statement, begin, body.end)
            self._take_in(statements, block, scope)
        except CANNOT as error:
            self.broken = why_not(self.source.text) or why(error)
            body.calls.clear()
            body.classes.clear()
            body.statements = ()
        finally:
            self._calls, self._classes, scope.bindings = calls, classes, bindings
            body.returned = self._returned.pop(function, [])
        if all(part.parse is None for part in body.whole.parts):
            self._finish(body.whole, function, block, scope)

    def _finish(self, whole: Deferred, function: cst.FunctionDef, block: cst.IndentedBlock, scope: Scope) -> None:
        """Make a function whose body is all parsed an ordinary one."""
        del self._unparsed[function]
        restore(block, whole.present())
        if isinstance(scope.bindings, Bindings):
            scope.bindings = scope.bindings.complete()
        self._returned[function] = [value for part in whole.parts for value in part.returned]

    # -- positions ------------------------------------------------------------------------------------------------

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Start and end of a node in the normalised buffer, without the parentheses around it."""
        return self._positions.span(node)

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

    @cached_property
    def given_by_as(self) -> frozenset[str]:
        """The names that imports, among others, give to what has another name."""
        return frozenset(_AS.findall(self.source.text))

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
        whole = self._unparsed.get(function)
        if whole is not None:
            for body in whole.parts:
                if body.parse is not None and "return" in body.code:
                    body.parse()
            return tuple(value for body in whole.parts for value in body.returned)
        return tuple(self._returned.get(function, ()))

    def stored(self, name: str) -> tuple[cst.BaseExpression, ...]:
        """The values that ``name[…] = value`` puts into something of that name, anywhere in the module."""
        last = name.rpartition(".")[2]
        self._parse(lambda body: last in body.code)
        return tuple(self._stored.get(name, ()))

    def assigning(self, name: str) -> tuple[cst.Assign | cst.AnnAssign, ...]:
        """The assignments to an attribute of that name of anything, alone or among others."""
        given = re.compile(rf"\.[\s\\]*{name}[\s\\]*[:=,)\]]").search
        self._parse(lambda body: name in body.code and given(body.code) is not None)
        return tuple(self._assigning.get(name, ()))

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

    def _take_in(self, statements: Sequence[cst.CSTNode], parent: cst.CSTNode, scope: Scope) -> None:
        for statement in statements:
            self._visit(statement, parent, scope)
        while self._reaching_out:
            move_outwards(self._reaching_out.pop(0), self.root)

    def _scope(self, node: ScopeNode, parent: Scope | None) -> Scope:
        scope = self.scopes[node] = Scope(node, parent)
        return scope

    def _visit(self, node: cst.CSTNode, parent: cst.CSTNode, scope: Scope) -> None:
        self.parents[node] = parent
        kind = type(node)
        if kind in _OPENING:
            self._open(node, scope)
            return
        if kind is cst.Call:
            self._calls.append(node)  # type: ignore[arg-type]
        elif kind is cst.Return and node.value is not None:  # type: ignore[attr-defined]
            self._returned.setdefault(scope.node, []).append(node.value)  # type: ignore[attr-defined]
        elif kind in BINDING:
            bind(node, scope)
            if kind is cst.Import or kind is cst.ImportFrom:
                self._imports.append(node)  # type: ignore[arg-type]
                return
            if kind is cst.Global or kind is cst.Nonlocal:
                if scope not in self._reaching_out:
                    self._reaching_out.append(scope)
            elif kind is cst.Assign:
                for assigned in node.targets:  # type: ignore[attr-defined]
                    self._assign(assigned.target, node)  # type: ignore[arg-type]
            elif kind is cst.AnnAssign:
                self._assign(node.target, node)  # type: ignore[attr-defined, arg-type]
        for child in children(node):
            self._visit(child, node, scope)

    def _open(self, node: cst.CSTNode, scope: Scope) -> None:
        """Visit a node that opens a scope: its decorators, defaults, bases and first iterable belong outside."""
        assert isinstance(node, (cst.FunctionDef, cst.ClassDef, cst.Lambda, cst.BaseComp))
        inner = self._scope(node, scope)
        if isinstance(node, cst.FunctionDef):
            scope.add(Binding(node.name.value, "def", node))
        elif isinstance(node, cst.ClassDef):
            scope.add(Binding(node.name.value, "class", node))
            self._classes.append(node)
        for child in children(node):
            within = _evaluated_inside(child, node)
            if isinstance(child, cst.Parameters):
                bind_parameters(child, inner)
            elif within and self._bodies and isinstance(node, cst.FunctionDef):
                left_out = number(node.body)
                if left_out is not None:
                    self._defer(self._bodies[left_out], node, child, inner)  # type: ignore[arg-type]
                    continue
            self._visit(child, node, inner if within else scope)

    def _assign(self, target: cst.BaseExpression, node: cst.Assign | cst.AnnAssign) -> None:
        """Remember what is put into containers and attributes."""
        if isinstance(target, cst.Attribute):
            self._assigning.setdefault(target.attr.value, []).append(node)
        elif isinstance(target, cst.Subscript):
            if isinstance(node, cst.Assign):
                self._stored.setdefault(dotted(target.value), []).append(node.value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                if isinstance(element.value, cst.Attribute):
                    self._assign(element.value, node)


_AS = re.compile(r"as(?:[\s\\]|#.*\n)+(\w+)")
_OPENING = frozenset({cst.FunctionDef, cst.ClassDef, cst.Lambda, *Comprehension})


def _has_parens(node: cst.CSTNode) -> bool:
    """Whether there are parentheses around a node that it can do without, as the empty tuple cannot."""
    return bool(getattr(node, "lpar", ())) and not (isinstance(node, cst.Tuple) and not node.elements)


def _evaluated_inside(child: cst.CSTNode, scope_node: cst.CSTNode) -> bool:
    """Whether names in ``child`` are looked up in the scope that ``scope_node`` opens."""
    if isinstance(scope_node, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
        return child is scope_node.body
    return True
