"""Take out the declarations of a switch, and everything that hands it on, by what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from cautify.analysis.deferred import present
from cautify.analysis.nodes import children, dotted, last_name, literal, walk
from cautify.analysis.syntax import Module
from cautify.patch.cuts import Cut, lines_without, small_without, spliced
from cautify.patch.sequences import Part, without
from cautify.patch.traces import Words

_ENTRY = re.compile(r"\s*(?::(?:param|type)\s+(?:[\w.\[\], ]+\s+)?)?(?P<name>\w+)\s*(?:[:(]|$)")


def without_declarations(module: Module, data: bytes, words: Words) -> bytes:
    """The file without what is on the outside; what lies within something that goes is found the next time."""
    return spliced(module, data, list(_Finder(module, words).cuts()))


def found_declarations(module: Module, words: Words) -> Iterator[Cut]:
    """Where each of the outermost stands, and for a filter what it filters; the bare ``*`` of a signature is none."""
    return _Lister(module, words).cuts()


class _Finder:
    def __init__(self, module: Module, words: Words) -> None:
        self.module = module
        self.words = words

    def cuts(self) -> Iterator[Cut]:
        self.module.nodes_where(lambda body: self.words.anywhere(body.text.encode("utf-8", "replace")))
        yield from self._block(self.module.tree)

    def _without_lines(self, gone: Sequence[cst.CSTNode]) -> Iterator[Cut]:
        return lines_without(self.module, gone)

    def _without_parts(self, parts: Sequence[Part]) -> Iterator[Cut]:
        return without(self.module.source, parts)

    def _block(self, block: cst.IndentedBlock | cst.Module) -> Iterator[Cut]:
        body = present(block)
        if any(self._goes(statement) for statement in body):
            body = block.body
        gone: list[cst.CSTNode] = []
        for above, statement in zip([None, *body], body, strict=False):
            if self._goes(statement) or (gone and gone[-1] is above and _declares(above) and _is_string(statement)):
                gone.append(statement)
        kept = [s for s in body if s not in gone]
        if gone and not kept and not isinstance(block, cst.Module):
            start, end = self.module.span(gone[0])[0], self.module.span(gone[-1])[1]
            yield start, end, "pass"
            return
        yield from self._without_lines(gone)
        for statement in kept:
            yield from self._inside(statement)

    def _inside(self, node: cst.CSTNode) -> Iterator[Cut]:
        if isinstance(node, (cst.IndentedBlock, cst.Module)):
            yield from self._block(node)
            return
        if isinstance(node, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            yield from self._small(node)
            return
        if isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString):
            yield from self._entries(node.value)
            return
        if isinstance(node, (cst.FunctionDef, cst.Lambda)):
            yield from self._parameters(node)
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
            gone = [d for d in node.decorators if self._names_option(d.decorator)]
            yield from self._without_lines(gone)
        if isinstance(node, cst.Call):
            listed = self._listed(node)
            yield from self._items(node.args, [a for a in node.args if a in listed or self._argument_goes(a)])
        if isinstance(node, cst.Dict):
            yield from self._items(node.elements, [e for e in node.elements if self._pair_goes(e)])
        if isinstance(node, cst.Tuple) and (single := self._single(node)) is not None:
            yield from single
        elif isinstance(node, (cst.List, cst.Tuple, cst.Set)):
            yield from self._items(node.elements, [e for e in node.elements if self.words.names(literal(e.value))])
        if isinstance(node, (cst.Global, cst.Nonlocal)):
            yield from self._items(node.names, [n for n in node.names if self.words.names(n.name.value)])
        if isinstance(node, cst.DictComp) and (kept := self._filtered(node)) is not None:
            start, end = self.module.outer_span(node)
            first, last = self.module.outer_span(kept)
            yield start, end, self.module.source.slice(first, last)
            return
        for child in children(node):
            yield from self._inside(child)

    def _goes(self, node: cst.CSTNode) -> bool:
        match node:
            case cst.SimpleStatementLine(body=body):
                return all(self._goes(small) for small in body)
            case cst.Assign(targets=targets):
                return all(self._target_goes(t.target) for t in targets)
            case cst.AnnAssign(target=target):
                return self._target_goes(target)
            case cst.Expr(value=cst.Call() as call):
                return self._names_option(call)
            case cst.Global(names=names) | cst.Nonlocal(names=names):
                return all(self.words.names(n.name.value) for n in names)
            case cst.Del(target=target):
                return self._target_goes(target)
            case cst.If(test=test, body=cst.IndentedBlock(body=[only]), orelse=None):
                raises = isinstance(only, cst.SimpleStatementLine) and isinstance(only.body[0], cst.Raise)
                return raises and self._mentions(test)
            case cst.For(iter=iterated, body=cst.IndentedBlock(body=[only])):
                if not isinstance(iterated, (cst.Tuple, cst.List)) or not iterated.elements:
                    return False
                return all(self.words.names(literal(e.value)) for e in iterated.elements)
        return False

    def _target_goes(self, target: cst.CSTNode) -> bool:
        if isinstance(target, cst.Subscript):
            index = target.slice[0].slice if len(target.slice) == 1 else None
            return isinstance(index, cst.Index) and self.words.names(literal(index.value))
        return isinstance(target, (cst.Name, cst.Attribute)) and self.words.names(last_name(target))

    def _names_option(self, node: cst.CSTNode) -> bool:
        """Whether a call is about an option, key or attribute of that name."""
        if not isinstance(node, cst.Call):
            return False
        given = [literal(a.value) or "" for a in node.args if a.keyword is None]
        return any(self.words.names(g.lstrip("-")) for n, g in enumerate(given) if n == 0 or g.startswith("-"))

    def _mentions(self, node: cst.CSTNode) -> bool:
        return any(
            self.words.names(n.value if isinstance(n, cst.Name) else literal(n))
            for n in walk(node)
            if isinstance(n, (cst.Name, cst.SimpleString))
        )

    def _argument_goes(self, arg: cst.Arg) -> bool:
        return arg.keyword is not None and self.words.names(arg.keyword.value)

    def _listed(self, call: cst.Call) -> list[cst.Arg]:
        """The names among other names that a call is given: where ours are the only ones, they mean something else."""
        given = [a for a in call.args if a.keyword is None and not a.star and literal(a.value) is not None]
        ours = [a for a in given if self.words.names(literal(a.value))]
        return ours if len(ours) < len(given) else []

    def _pair_goes(self, element: cst.BaseDictElement) -> bool:
        return isinstance(element, cst.DictElement) and self.words.names(literal(element.key))

    def _single(self, node: cst.Tuple) -> list[Cut] | None:
        """The cuts in a tuple of which one element stays, with the comma that makes it a tuple."""
        gone = [e for e in node.elements if self.words.names(literal(e.value))]
        if not gone or len(gone) != len(node.elements) - 1:
            return None
        (kept,) = (e for e in node.elements if e not in gone)
        start, end = self._item(kept)
        first, last = self._item(node.elements[0])[0], self._item(node.elements[-1])[1]
        comma = "" if isinstance(node.elements[-1].comma, cst.Comma) else ","
        return [cut for cut in ((first, start, ""), (end, last, comma)) if cut[0] < cut[1] or cut[2]]

    def _filtered(self, node: cst.DictComp) -> cst.BaseExpression | None:
        """What ``{k: v for k, v in X.items() if k not in (our names)}`` filters."""
        loop = node.for_in
        iterated = loop.iter
        if len(loop.ifs) != 1 or loop.inner_for_in is not None or not isinstance(iterated, cst.Call):
            return None
        target, test = loop.target, loop.ifs[0].test
        if not isinstance(target, cst.Tuple) or not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
            return None
        names = [dotted(e.value) for e in target.elements]
        kept = names == [dotted(node.key), dotted(node.value)] and last_name(iterated.func) == "items"
        only = test.comparisons[0]
        among = only.comparator
        if (
            not kept
            or not isinstance(only.operator, cst.NotIn)
            or not isinstance(among, (cst.Tuple, cst.List, cst.Set))
        ):
            return None
        if not among.elements or not all(self.words.names(literal(e.value)) for e in among.elements):
            return None
        return iterated.func.value if isinstance(iterated.func, cst.Attribute) else None

    def _small(self, line: cst.SimpleStatementLine | cst.SimpleStatementSuite) -> Iterator[Cut]:
        gone = [s for s in line.body if self._goes(s)]
        for small in line.body:
            if small not in gone:
                yield from self._inside(small)
        yield from small_without(self.module, line.body, gone) if gone else ()

    def _entries(self, docstring: cst.SimpleString) -> Iterator[Cut]:
        """What a docstring says of the two names: their lines, and those below that are indented further."""
        source = self.module.source
        start, end = self.module.span(docstring)
        depth: int | None = None
        at = source.line_start(start)
        while at < end:
            after = source.line_end(at) + 1
            line = source.slice(at, after - 1)
            indent = len(line) - len(line.lstrip())
            entry = _ENTRY.match(line)
            if entry is not None and self.words.names(entry["name"]) and at > start and after <= end:
                depth = indent
            elif depth is not None and (not line.strip() or indent <= depth or after > end):
                depth = None
            if depth is not None:
                yield at, after, ""
            at = after

    def _items(self, items: Sequence[cst.CSTNode], gone: Sequence[cst.CSTNode]) -> Iterator[Cut]:
        if gone:
            parts = [Part(*self._item(i), goes=i in gone) for i in items]
            yield from self._without_parts(parts)

    def _item(self, item: cst.CSTNode) -> tuple[int, int]:
        """Where an argument, element or pair starts and ends, without its comma."""
        value = (
            item.value
            if isinstance(item, (cst.Arg, cst.BaseElement, cst.DictElement, cst.StarredDictElement))
            else item.name
            if isinstance(item, cst.NameItem)
            else item
        )
        start, end = self.module.outer_span(value)
        if isinstance(item, cst.Arg) and item.keyword is not None:
            start = self.module.span(item.keyword)[0]
        elif isinstance(item, cst.DictElement):
            start = self.module.outer_span(item.key)[0]
        elif getattr(item, "star", "") or isinstance(item, (cst.StarredElement, cst.StarredDictElement)):
            start = self.module.source.utf8.rindex(b"*", 0, start)
            start -= self.module.source.utf8[start - 1 : start] == b"*"
        return start, end

    def _parameters(self, function: cst.FunctionDef | cst.Lambda) -> Iterator[Cut]:
        given = function.params
        ours = [
            p for p in (*given.posonly_params, *given.params, *given.kwonly_params) if self.words.names(p.name.value)
        ]
        if not ours:
            return
        parts: list[Part] = []
        for param in given.posonly_params:
            parts.append(self._parameter(param, param in ours))
        source = self.module.source.utf8
        if given.posonly_params and isinstance(given.posonly_ind, cst.ParamSlash):
            slash = source.index(b"/", parts[-1].end)
            parts.append(Part(slash, slash + 1, goes=all(p.goes for p in parts)))
        parts += [self._parameter(p, p in ours) for p in given.params]
        if isinstance(given.star_arg, cst.Param):
            parts.append(self._parameter(given.star_arg, False))
        elif isinstance(given.star_arg, cst.ParamStar):
            at = source.rindex(b"*", 0, self.module.span(given.kwonly_params[0])[0])
            parts.append(Part(at, at + 1, goes=all(p in ours for p in given.kwonly_params)))
        parts += [self._parameter(p, p in ours) for p in given.kwonly_params]
        if given.star_kwarg is not None:
            parts.append(self._parameter(given.star_kwarg, False))
        yield from self._without_parts(parts)

    def _parameter(self, param: cst.Param, goes: bool) -> Part:
        start = self.module.span(param.name)[0]
        if isinstance(param.star, str) and param.star:
            start = self.module.source.utf8.rindex(b"*", 0, start) + 1 - len(param.star)
        last = param.default or (param.annotation.annotation if param.annotation else None) or param.name
        return Part(start, self.module.outer_span(last)[1], goes=goes)


def _declares(statement: cst.CSTNode | None) -> bool:
    only = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    return isinstance(only, (cst.Assign, cst.AnnAssign))


def _is_string(statement: cst.CSTNode) -> bool:
    """Whether a statement is nothing but a string: below a field, it says what that is."""
    only = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    return isinstance(only, cst.Expr) and literal(only.value) is not None


class _Lister(_Finder):
    """Names what would be cut, one by one."""

    def _without_lines(self, gone: Sequence[cst.CSTNode]) -> Iterator[Cut]:
        for node in gone:
            yield (*self.module.span(node), "")

    def _without_parts(self, parts: Sequence[Part]) -> Iterator[Cut]:
        text = self.module.source.utf8
        yield from ((p.start, p.end, "") for p in parts if p.goes and text[p.start : p.end] not in (b"*", b"/"))
