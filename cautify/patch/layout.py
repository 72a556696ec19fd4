"""Changed expressions → edits, laid out as ruff format and black would, where the code around is laid out so already.

Whether it is, is tested on the code itself: the unchanged expression is laid out, and if that is not what stands there,
its own layout is kept and only moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst

from cautify.analysis.syntax import Module, children, walk
from cautify.model import Edit
from cautify.patch.bare import without_parentheses
from cautify.patch.document import Document, Group, Printer, Row, Ternary, Text, filled
from cautify.patch.style import Style


@dataclass(frozen=True)
class Change:
    """What happens to one expression: put it into a call, give a call more arguments, replace its text or unwrap it."""

    wrap: str | None = None
    arguments: tuple[str, ...] = ()
    replacement: str | None = None
    unwrapped: cst.BaseExpression | None = None


@dataclass
class Rewriter:
    """Turns changed expressions of one module into edits."""

    module: Module
    style: Style
    changes: dict[cst.CSTNode, Change] = field(default_factory=dict)
    _above: dict[cst.CSTNode, frozenset[int]] = field(default_factory=dict)

    def edits(self) -> list[Edit]:
        """One edit for each region: the widest expression around a change that stood on one line with it."""
        regions: dict[cst.CSTNode, set[cst.CSTNode]] = {}
        appended = {node: edit for node in self.changes if (edit := self._appended(node)) is not None}
        for node in self.changes:
            if node in appended:
                continue
            regions.setdefault(self._region(node), set()).add(node)
        outer = [r for r in regions if not any(above in regions for above in self.module.ancestors(r))]
        return [*appended.values(), *(edit for region in outer for edit in self._edits(region))]

    def _appended(self, node: cst.CSTNode) -> Edit | None:
        """More arguments for a call whose lines are its author's own: behind the last, and nothing moves."""
        change = self.changes[node]
        if not isinstance(node, cst.Call) or change.wrap is not None or not change.arguments or not node.args:
            return None
        if any(n is not node and self._nested(n, node) for n in self.changes):
            return None
        first, last = self._lines(node)
        if first == last or (not self._commented(node) and self._as_formatted(node)):
            return None
        return self._behind_last(node, change.arguments)

    def _as_formatted(self, node: cst.Call) -> bool:
        """Whether a call is laid out as it would be here."""
        source = self.module.source
        start, end = self.module.span(node)
        before, after = source.slice(source.line_start(start), start), source.slice(end, source.line_end(end))
        indent = before[: len(before) - len(before.lstrip(" \t"))]
        printer = Printer(self.style.line_length, self.module.tree.default_indent)
        shown = printer.show(
            self._bare(node, {}, reflow=True), indent, printer.size(before), printer.size(visible(after))
        )
        return shown == source.slice(start, end)

    def _behind_last(self, node: cst.Call, arguments: tuple[str, ...]) -> Edit | None:
        """Arguments on lines below the last one, one a line if the others are. None where it is on the call's first."""
        source = self.module.source
        starts = [source.line_start(self.module.span(arg)[0]) for arg in node.args]
        start, end = self.module.span(node.args[-1])[0], self.module.outer_span(node.args[-1].value)[1]
        if starts[-1] <= self.module.span(node)[0]:
            return None
        before = source.slice(starts[-1], start)
        indent = before[: len(before) - len(before.lstrip(" \t"))]
        one_a_line = len(set(starts)) == len(starts)
        first, *others = arguments
        text = first + "".join(f",\n{indent}{other}" if one_a_line else f", {other}" for other in others)
        rest = source.slice(end, source.line_end(end))
        code = _code(rest)
        if code.strip() == ",":
            return source.edit(source.line_end(end), source.line_end(end), f"\n{indent}{text},", "wrap")
        if not code.strip() and rest.strip():
            return source.edit(end, source.line_end(end), f",{rest}\n{indent}{text}", "wrap")
        if not one_a_line:
            column, width = source.position(end)[1], self.style.line_length
            return source.edit(end, end, filled(arguments, column, indent, width, len(code)), "wrap")
        return source.edit(end, end, f",\n{indent}{text}", "wrap")

    def _nested(self, one: cst.CSTNode, other: cst.CSTNode) -> bool:
        return self._inside(one, other) or self._inside(other, one)

    def _inside(self, node: cst.CSTNode, other: cst.CSTNode) -> bool:
        if node not in self._above:
            self._above[node] = frozenset(map(id, self.module.ancestors(node)))
        return id(other) in self._above[node]

    def _region(self, node: cst.CSTNode) -> cst.CSTNode:
        """The widest expression whose layout the change of ``node`` can touch."""
        region, item = node, node
        for above in self.module.ancestors(node):
            if isinstance(above, (cst.Arg, cst.BaseElement, cst.BaseDictElement)):
                item = above
                continue
            if not isinstance(above, cst.BaseExpression):
                break
            first, last = self._lines(above)
            if first != last and self._alone(item):
                break
            region = item = above
        return region

    def _alone(self, item: cst.CSTNode) -> bool:
        """Whether an item of a bracket has its lines for itself."""
        start, end = self.module.span(item)
        source = self.module.source
        before = source.slice(source.line_start(start), start)
        after = _code(source.slice(end, source.line_end(end)))
        return not before.strip() and after.strip() in ("", ",")

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        start, end = self.module.outer_span(node)
        source = self.module.source
        return source.position(start)[0], source.position(end)[0]

    def _edits(self, region: cst.CSTNode) -> Iterator[Edit]:
        """The edit of a region; where its layout is its author's own, of just the changed expressions in it."""
        source = self.module.source
        start, end = self.module.outer_span(region) if self._owns_parentheses(region) else self.module.span(region)
        line_start = source.line_start(start)
        before, after = source.slice(line_start, start), source.slice(end, source.line_end(end))
        indent = before[: len(before) - len(before.lstrip(" \t"))]
        inside_string = any(isinstance(above, cst.FormattedString) for above in self.module.ancestors(region))
        width = _UNLIMITED if inside_string else self.style.line_length  # older Pythons want one line there
        printer = Printer(width, self.module.tree.default_indent)
        column, trailing = printer.size(before), printer.size(visible(after))
        kept = printer.show(self._bare(region, {}, reflow=True), indent, column, trailing) == source.slice(start, end)
        if not kept and region not in self.changes:
            inside = [n for n in self.changes if self._inside(n, region)]
            for node in inside:
                if not any(self._inside(node, other) for other in inside):
                    yield from self._edits(node)
            return
        changed = self._bare(region, self.changes, reflow=kept)
        if not kept and isinstance(changed, Group) and not any(c.arguments for c in self.changes.values()):
            items = (printer.show(i, indent, column + len(changed.open), 1) for i in changed.items)
            text = changed.open + ", ".join(items) + changed.close
            if column > width or column + printer.size(text.split("\n")[0]) <= width:
                yield source.edit(start, end, text, "wrap")
                return
        text = printer.show(changed, indent, column, trailing)
        followed = self._with_pragma(region, text, after) if b"\n" not in source.utf8[start:end] else None
        if followed is not None:
            yield source.edit(start, source.line_end(end), followed, "wrap")
        else:
            yield source.edit(start, end, text, "wrap")

    def _with_pragma(self, region: cst.CSTNode, text: str, after: str) -> str | None:
        """The text with the pragma comment behind it where it still works: what types say is about the inner call."""
        change = self.changes.get(region)
        if change is None or change.wrap is None or not _PRAGMA.match(after.lstrip()) or "\n" not in text:
            return None
        lines = text.split("\n")
        lines[_ABOUT_CALL.match(after.lstrip()) is not None] += f"  {after.strip()}"
        return "\n".join(lines)

    # -- source → document ------------------------------------------------------------------------------------------

    def _owns_parentheses(self, node: cst.CSTNode) -> bool:
        """Whether the parentheses around an expression are laid out with it: a tuple's, and those that come and go."""
        if isinstance(node, cst.Tuple):
            return len(node.lpar) == 1
        return isinstance(node, cst.IfExp) and self._whole(node)

    def _document(self, node: cst.CSTNode, changes: Mapping[cst.CSTNode, Change], reflow: bool) -> Document:
        """The document of a node with the parentheses around it."""
        if not getattr(node, "lpar", ()) or self._owns_parentheses(node):
            return self._bare(node, changes, reflow)
        if node not in changes and not any(self._inside(n, node) for n in changes):
            return self._text(node)
        start, end = self.module.span(node)
        first, last = self.module.outer_span(node)
        source = self.module.source
        opening, closing = Text(source.slice(first, start)), Text(source.slice(end, last))
        return Row((opening, self._bare(node, changes, reflow), closing))

    def _bare(self, node: cst.CSTNode, changes: Mapping[cst.CSTNode, Change], reflow: bool) -> Document:
        change = changes.get(node)
        if change is not None and change.replacement is not None:
            return Text(change.replacement)
        if change is not None and change.unwrapped is not None:
            rest = {n: c for n, c in changes.items() if n is not node}
            bare = (
                without_parentheses(self.module, node, change.unwrapped)
                if not any(self._inside(n, change.unwrapped) for n in rest)
                else None
            )
            return bare or self._document(change.unwrapped, rest, reflow)
        if change is not None and change.wrap is not None:
            rest = {n: c for n, c in changes.items() if n is not node}
            inner = self._bare(node, rest, reflow)
            return Group(change.wrap, (inner, *map(Text, change.arguments)), ")")
        holds = any(n is not node and self._inside(n, node) for n in changes)
        if isinstance(node, cst.Call) and any(n is node.func or self._inside(n, node.func) for n in changes):
            return self._split(node, changes, reflow)  # a change in what is called: opt(...).state_dict()
        if not reflow and not holds and change is None:
            return self._text(node)
        match node:
            case cst.Call() if not self._commented(node) or holds or change is not None:
                arguments = change.arguments if change else ()
                return self._call(node, changes, reflow, arguments)
            case cst.List() | cst.Set() | cst.Tuple() if (
                node.elements and self._bracketed(node) and not self._commented(node)
            ):
                items = tuple(self._document(e, changes, reflow) for e in node.elements)
                opening, closing = self._brackets(node)
                single = isinstance(node, cst.Tuple) and len(items) == 1
                magic = self._magic(node, node.elements[-1])
                return self._text(node) if single else Group(opening, items, closing, exploded=magic, one_line=False)
            case cst.Tuple() if self._stands_alone(node) and not self._commented(node):
                items = tuple(self._document(e, changes, reflow) for e in node.elements)
                return Group("(", items, ")", one_line=False, bare=True)
            case cst.Dict() if node.elements and not self._commented(node):
                items = tuple(self._document(e, changes, reflow) for e in node.elements)
                return Group("{", items, "}", exploded=self._magic(node, node.elements[-1]), one_line=False)
            case cst.ListComp() | cst.SetComp() | cst.DictComp() if not self._commented(node):
                return self._comprehension(node, changes, reflow)
            case cst.IfExp():
                body, test, orelse = (self._document(n, changes, reflow) for n in (node.body, node.test, node.orelse))
                return Ternary(body, test, orelse, bare=self._whole(node))
            case cst.Arg(keyword=cst.Name(value=name), star=""):
                return Row((Text(f"{name}="), self._document(node.value, changes, reflow)))
            case cst.DictElement(key=key, value=value):
                return Row((self._text(key), Text(": "), self._document(value, changes, reflow)))
            case cst.Arg(star="") | cst.Element():
                return self._document(node.value, changes, reflow)
            case _ if not holds:
                return self._text(node)
            case _:
                return self._split(node, changes, reflow)

    def _stands_alone(self, node: cst.Tuple) -> bool:
        """Whether a tuple without parentheses is all that is returned or assigned: it has them when it is broken."""
        alone = isinstance(self.module.parents[node], (cst.Assign, cst.AnnAssign, cst.Return))
        return alone and not node.lpar and len(node.elements) > 1

    def _comprehension(
        self, node: cst.ListComp | cst.SetComp | cst.DictComp, changes: Mapping[cst.CSTNode, Change], reflow: bool
    ) -> Group:
        if isinstance(node, cst.DictComp):
            value = self._document(node.value, changes, reflow)
            items: list[Document] = [Row((self._text(node.key), Text(": "), value))]
        else:
            items = [self._document(node.elt, changes, reflow)]
        loop: cst.CompFor | None = node.for_in
        while loop is not None:
            start, end = self.module.span(loop)[0], self.module.outer_span(loop.iter)[0]
            begin = Text(" ".join(self.module.source.slice(start, end).split()) + " ")
            items.append(Row((begin, self._document(loop.iter, changes, reflow))))
            items += [Row((Text("if "), self._document(c.test, changes, reflow))) for c in loop.ifs]
            loop = loop.inner_for_in
        opening, closing = ("[", "]") if isinstance(node, cst.ListComp) else ("{", "}")
        return Group(opening, tuple(items), closing, trailing_comma=False, comma="")

    def _whole(self, node: cst.IfExp) -> bool:
        """Whether a conditional expression is all that is returned or assigned: parentheses come and go there."""
        return isinstance(self.module.parents[node], (cst.Assign, cst.AnnAssign, cst.Return)) and len(node.lpar) < 2

    def _call(
        self, node: cst.Call, changes: Mapping[cst.CSTNode, Change], reflow: bool, extra: tuple[str, ...]
    ) -> Document:
        items = tuple(self._document(arg, changes, reflow) for arg in node.args) + tuple(map(Text, extra))
        opening = self._func(node)
        if not items:
            return Text(opening + ")")
        lone = len(node.args) == 1 and not extra and isinstance(node.args[0].value, cst.GeneratorExp)
        magic = bool(node.args) and self._magic(node, node.args[-1])
        comments = self._commented(node)
        return Group(opening, items, ")", exploded=magic or comments, trailing_comma=not lone)

    def _func(self, node: cst.Call) -> str:
        start, _ = self.module.span(node)
        end = self.module.outer_span(node.func)[1]
        return self.module.source.slice(start, end) + "("

    def _split(self, node: cst.CSTNode, changes: Mapping[cst.CSTNode, Change], reflow: bool) -> Document:
        """Text of ``node`` with the changed expressions in it as documents."""
        start, end = self.module.span(node)
        inner = [n for n in self._direct(node, changes)]
        parts: list[Document] = []
        for child in sorted(inner, key=lambda n: self.module.span(n)[0]):
            first, last = self.module.span(child)
            if first > start:
                parts.append(Text(self.module.source.slice(start, first)))
            parts.append(self._document(child, changes, reflow))
            start = last
        if end > start:
            parts.append(Text(self.module.source.slice(start, end)))
        return parts[0] if len(parts) == 1 else Row(tuple(parts))

    def _direct(self, node: cst.CSTNode, changes: Mapping[cst.CSTNode, Change]) -> list[cst.CSTNode]:
        """The nearest expressions below ``node`` that are changed, or are brackets that hold a change."""
        brackets = (cst.Call, cst.List, cst.Tuple, cst.Set, cst.Dict)
        found: list[cst.CSTNode] = []
        for child in children(node):
            loop = isinstance(child, (cst.ListComp, cst.SetComp, cst.DictComp)) and not self._commented(child)
            if child in changes or (
                (loop or isinstance(child, brackets))
                and any(self._inside(n, child) for n in changes)
                and self._bracketed(child)
            ):
                found.append(child)
            else:
                found += self._direct(child, changes)
        return found

    def _bracketed(self, node: cst.CSTNode) -> bool:
        return not isinstance(node, cst.Tuple) or len(node.lpar) == 1

    def _brackets(self, node: cst.CSTNode) -> tuple[str, str]:
        return ("[", "]") if isinstance(node, cst.List) else ("{", "}") if isinstance(node, cst.Set) else ("(", ")")

    def _magic(self, node: cst.CSTNode, last: cst.CSTNode) -> bool:
        comma = isinstance(getattr(last, "comma", None), cst.Comma)
        lines = self._lines(node)
        return comma and lines[0] != lines[1] and not self.style.skip_magic_trailing_comma

    def _commented(self, node: cst.CSTNode) -> bool:
        return (
            b"#" in self.module.source.utf8
            and "#" in self.module.text(node)
            and any(isinstance(n, cst.Comment) for n in _every(node))
        )

    def _text(self, node: cst.CSTNode) -> Text:
        start, end = self.module.outer_span(node)
        source = self.module.source
        value = source.slice(start, end)
        if isinstance(node, (cst.Arg, cst.BaseElement, cst.BaseDictElement)):
            value = value.rstrip().removesuffix(",").rstrip()
        column = Printer(0, "").size(source.slice(source.line_start(start), start))
        fixed: set[int] = set()
        if "\n" in value:
            for part in walk(node):
                if isinstance(part, (cst.SimpleString, cst.FormattedString)):
                    text = self.module.text(part)
                    if "\n" in text:
                        first = source.slice(start, self.module.span(part)[0]).count("\n")
                        fixed.update(range(first + 1, first + 1 + text.count("\n")))
        line = source.slice(source.line_start(start), start)
        indent = line[: len(line) - len(line.lstrip(" \t"))]
        return Text(value, column, indent if _hangs(value, indent, column) else None, frozenset(fixed))


def _every(node: cst.CSTNode) -> list[cst.CSTNode]:
    """All nodes, white space and comments included."""
    found, pending = [], [node]
    while pending:
        current = pending.pop()
        found.append(current)
        pending.extend(current.children)
    return found


def _hangs(value: str, indent: str, column: int) -> bool:
    """Whether the later lines of a text are indented from its line, not aligned with its first character."""
    lines = [line for line in value.split("\n")[1:] if line.strip()]
    if not lines:
        return False
    last = lines[-1]
    closes = last.strip()[:1] in ")]}" and last.startswith(indent) and last[len(indent) :][:1] not in (" ", "\t")
    return closes or any(len(line) - len(line.lstrip(" \t")) < column for line in lines)


_UNLIMITED = 1_000_000
_PRAGMA = re.compile(r"#\s*(?:noqa|type:|pyright:|pylint:|flake8:|ruff:|pyrefly:|ty:)", re.IGNORECASE)


_ABOUT_CALL = re.compile(r"#\s*(?:type|pyright|pyrefly|ty):(?!.*\b(?:assignment|return-value|no-any-return)\b)")


def _code(after: str) -> str:
    """What stands behind an expression on its line, without the comment."""
    return after.split("#")[0].rstrip()


def visible(after: str) -> str:
    """What counts towards the length of a line behind an expression: pragma comments do not."""
    return _code(after) if _PRAGMA.search(after) else after.rstrip()
