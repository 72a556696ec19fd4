"""Whole statements that are added: pops of the two names out of keyword arguments, and the guard of a config."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from cautify.analysis.resolve import Resolver
from cautify.analysis.route import Splat
from cautify.analysis.sites import Construction
from cautify.analysis.syntax import Module, dotted, walk
from cautify.homes import ENABLED, NAMES
from cautify.model import Edit
from cautify.patch.imports import comment_start, statement_line


def pops(module: Module, splat: Splat) -> list[Edit]:
    """Take the switch out of a dict of all fields, below the pops that are there, or below its assignment."""
    assert splat.variable is not None and splat.statement is not None
    line = module.statement(splat.statement)
    siblings = _siblings(module, line)
    if not siblings or not isinstance(line, cst.SimpleStatementLine):
        return []
    last: cst.CSTNode = line
    quote = None
    popped: set[str] = set()
    for following in siblings[siblings.index(line) + 1 :]:
        popping = _pop(following, splat.variable)
        if popping is None:
            break
        last = following
        if isinstance(popping, cst.SimpleString):
            quote = popping.quote[-1]
            popped.add(str(popping.evaluated_value))
    missing = [name for name in NAMES if name not in popped]
    if not missing:
        return []
    quote = quote or _quote(module)
    value = splat.statement.value if isinstance(splat.statement, (cst.Assign, cst.AnnAssign)) else None
    default = "" if isinstance(value, cst.Call) else ", None"  # a comprehension may have left the names out
    source = module.source
    start, end = module.span(line)
    indent = source.slice(source.line_start(start), start)
    text = "".join(f"\n{indent}{splat.variable}.pop({quote}{name}{quote}{default})" for name in missing)
    at = source.line_end(module.span(last)[1] if last is not line else end)
    return [source.edit(at, at, text, "pop")]


def can_pop(module: Module, call: cst.Call, splat: Splat, resolver: Resolver) -> bool:
    """Whether the splatted dict is a variable of its own, assigned on a line of its own, once, where the call is."""
    if not splat.fresh or splat.variable is None or splat.statement is None:
        return False
    line = module.statement(splat.statement)
    alone = isinstance(line, cst.SimpleStatementLine) and list(line.body) == [splat.statement]
    block = module.parents.get(line)
    once = len(resolver.bindings(splat.variable, call, module)) == 1
    same = module.function(splat.statement) is module.function(call)
    return alone and once and same and isinstance(block, (cst.IndentedBlock, cst.Module))


def filtered(module: Module, arg: cst.Arg) -> str | None:
    """The splatted dict without the two names, for a dict that must not be popped from. None: filtered already."""
    text = module.text(arg.value)
    if ENABLED in text:
        return None
    quote = _quote(module)
    names = ", ".join(f"{quote}{name}{quote}" for name in NAMES)
    return f"{{k: v for k, v in {text}.items() if k not in ({names})}}"


def can_guard(construction: Construction) -> bool:
    """Whether a statement can be put before a construction that is reached exactly when the construction is."""
    module = construction.module
    statement = module.statement(construction.call)
    conditional = (cst.Lambda, cst.IfExp, cst.BooleanOperation, cst.BaseComp)
    for above in module.ancestors(construction.call):
        if above is statement:
            break
        if isinstance(above, conditional):
            return False
    own_line = isinstance(statement, cst.SimpleStatementLine)
    return own_line and isinstance(module.parents.get(statement), (cst.IndentedBlock, cst.Module))


def guard(construction: Construction, test: str) -> list[Edit]:
    """An error where a switched config builds an optimizer that cannot be cautious: the flag must not do nothing."""
    module = construction.module
    statement = module.statement(construction.call)
    siblings = _siblings(module, statement)
    if statement in siblings:
        before = siblings[: siblings.index(statement)]
        if any(isinstance(s, cst.If) and module.text(s.test) == test for s in before):
            return []
    source = module.source
    line = statement_line(module, statement)
    text = source.slice(line, source.line_end(line))
    indent = text[: len(text) - len(text.lstrip(" \t"))]
    unit = module.tree.default_indent
    name = construction.optimizers[0].rpartition(".")[2]
    inner = indent + unit * 2
    quote = _quote(module)
    lines = (
        f"{inner}{quote}{ENABLED} does not work with {name}: {quote}",
        f"{inner}{quote}{construction.detail}{quote}",
    )
    text = "\n".join((f"{indent}if {test}:", f"{indent}{unit}raise ValueError(", *lines, f"{indent}{unit})", ""))
    at = comment_start(module, line)
    return [source.edit(at, at, text, "guard")]


def _siblings(module: Module, statement: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """The statements of the block that holds a statement."""
    parent = module.parents.get(statement)
    body = getattr(parent, "body", ())
    return body if isinstance(body, (list, tuple)) else ()


def _pop(statement: cst.CSTNode, variable: str) -> cst.CSTNode | None:
    """The key of a statement that is ``variable.pop(key)`` and nothing else."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    expression = statement.body[0]
    value = expression.value if isinstance(expression, (cst.Expr, cst.Assign)) else None
    if isinstance(value, cst.Call) and dotted(value.func) == f"{variable}.pop" and value.args:
        return value.args[0].value
    return None


def _quote(module: Module) -> str:
    """The quotes that the file's strings mostly have."""
    double = single = 0
    for node in walk(module.tree):
        if isinstance(node, cst.SimpleString):
            double += node.quote == '"'
            single += node.quote == "'"
    return "'" if single > double else '"'
