"""Take imports out that nothing uses any more: the runtime's, and those that the patch needed itself."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from cautify.analysis.deferred import saying
from cautify.analysis.nodes import children, dotted, literal
from cautify.analysis.syntax import Module
from cautify.patch.cuts import Cut, lines_without, small_without, spliced
from cautify.patch.sequences import Part, without
from cautify.patch.traces import Words
from cautify.patch.vendor import CLASS_NAME


def without_imports(module: Module, data: bytes, words: Words, added: frozenset[str]) -> bytes:
    """The file without them. ``added`` are the names that the patch imported for its own use."""
    gone: dict[cst.Import | cst.ImportFrom, list[cst.ImportAlias]] = {}
    for statement in module.imports:
        ours = [a for a in aliases(statement) if _alias_goes(module, statement, a, words, added)]
        if ours:
            gone[statement] = ours
    whole = [s for s in gone if len(gone[s]) == len(aliases(s))]
    cuts: list[Cut] = []
    lines: list[cst.CSTNode] = []
    for statement in whole:
        line = module.statement(statement)
        attempt = _attempt(module, line, whole)
        if attempt is not None:
            lines += [attempt] if attempt not in lines else []
        elif isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 and _may_go(module, line):
            lines.append(line)
        else:
            cuts += small_without(module, getattr(line, "body", ()), [statement])
    for statement in gone:
        if statement not in whole:
            items = aliases(statement)
            spans = [(module.span(a.name)[0], module.span(a.asname.name if a.asname else a.name)[1]) for a in items]
            parts = [Part(*span, goes=a in gone[statement]) for span, a in zip(spans, items, strict=True)]
            cuts += without(module.source, parts)
    return spliced(module, data, [*cuts, *lines_without(module, lines)])


def aliases(statement: cst.Import | cst.ImportFrom) -> Sequence[cst.ImportAlias]:
    return () if isinstance(statement.names, cst.ImportStar) else statement.names


def _alias_goes(
    module: Module, statement: cst.Import | cst.ImportFrom, alias: cst.ImportAlias, words: Words, added: frozenset[str]
) -> bool:
    name = dotted(alias.name)
    local = dotted(alias.asname.name) if alias.asname else name.partition(".")[0]
    if not of_runtime(statement, alias, words) and not (isinstance(statement, cst.ImportFrom) and words.names(name)):
        return isinstance(statement, cst.ImportFrom) and local in added and not _used(module.tree, local)
    return not _used(module.tree, local)


def of_runtime(statement: cst.Import | cst.ImportFrom, alias: cst.ImportAlias, words: Words) -> bool:
    """Whether a name that is imported is the runtime's class, or its module."""
    name = dotted(alias.name)
    return words.imports(name) or (isinstance(statement, cst.ImportFrom) and name == CLASS_NAME)


def _used(node: cst.CSTNode, name: str) -> bool:
    """Whether a name is read anywhere below a node, or offered by ``__all__``."""
    if isinstance(node, (cst.Import, cst.ImportFrom)):
        return False
    if isinstance(node, cst.Name):
        return node.value == name
    if isinstance(node, cst.SimpleString):
        return literal(node) == name
    if isinstance(node, cst.Attribute):
        return _used(node.value, name)
    if isinstance(node, cst.Arg):
        return _used(node.value, name)
    inside = saying(node, name) if isinstance(node, (cst.IndentedBlock, cst.Module)) else children(node)
    return any(_used(child, name) for child in inside)


def _attempt(module: Module, line: cst.CSTNode, gone: Sequence[cst.CSTNode]) -> cst.CSTNode | None:
    """The ``try`` around an import of the runtime that holds nothing else."""
    for above in module.ancestors(line):
        if isinstance(above, cst.Try):
            blocks = [above.body, *(h.body for h in above.handlers)]
            small = [s for b in blocks for row in b.body for s in getattr(row, "body", (row,))]
            return above if all(s in gone for s in small) and above.orelse is None else None
    return None


def _may_go(module: Module, line: cst.CSTNode) -> bool:
    block = module.parents.get(line)
    return isinstance(block, cst.Module) or len(getattr(block, "body", ())) > 1
