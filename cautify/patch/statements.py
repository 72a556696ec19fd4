"""Whole statements that are added: pops of the two names out of keyword arguments, and the guard of a config."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import libcst as cst

from cautify.analysis.resolve import Resolver
from cautify.analysis.sites import Construction
from cautify.analysis.syntax import Module, dotted, walk
from cautify.analysis.whole import Splat
from cautify.homes import Spelling
from cautify.model import Edit
from cautify.patch.document import Printer
from cautify.patch.imports import comment_start, statement_line
from cautify.patch.style import Style


def pops(module: Module, splat: Splat, switch: Spelling) -> list[Edit]:
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
    behind = siblings[siblings.index(line) + 1 :]
    removed = " ".join(module.text(s) for s in behind if isinstance(s, cst.For) and ".pop(" in module.text(s))
    popped |= {name for name in switch.names if f'"{name}"' in removed or f"'{name}'" in removed}
    missing = [name for name in switch.names if name not in popped]
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


def filtered(module: Module, arg: cst.Arg, switch: Spelling) -> str | None:
    """The splatted dict without the two names, for a dict that must not be popped from. None: filtered already."""
    text = module.text(arg.value)
    if re.search(rf"[\"']{switch.enabled}[\"']", text):
        return None
    quote = _quote(module)
    names = ", ".join(f"{quote}{name}{quote}" for name in switch.names)
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


def guard(construction: Construction, test: str, switch: Spelling) -> list[Edit]:
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
        f"{inner}{quote}{switch.enabled} does not work with {name}: {quote}",
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


def handed_statements(module: Module, place: cst.CSTNode, values: Mapping[str, str], style: Style) -> list[Edit]:
    """Give an object the two names: below the assignment that gives it its learning rate, or above a call.

    Where the statement shares its line with others, or with the ``if`` that it belongs to, they go on that line too.
    """
    targets = [t.target for t in place.targets] if isinstance(place, cst.Assign) else [getattr(place, "target", None)]
    target = next((t for t in targets if isinstance(t, cst.Attribute)), None)
    function = module.function(place)
    base = module.text(target.value) if target is not None else _first_parameter(function)
    there = _assigned(function if function is not None else module.tree)
    given = [f"{base}.{name} = {value}" for name, value in values.items() if f"{base}.{name}" not in there]
    if not given:
        return []
    source = module.source
    line = _first_branch(module, module.statement(place))
    start, end = module.span(line)
    if isinstance(line, cst.SimpleStatementSuite):
        start, end = module.span(line.body[0])[0], module.span(line.body[-1])[1]
        if target is None:
            return [source.edit(start, start, "".join(f"{text}; " for text in given), "attribute")]
        return [source.edit(end, end, "".join(f"; {text}" for text in given), "attribute")]
    indent = source.slice(source.line_start(start), start)
    lines = [_fitted(indent + text, module.tree.default_indent, style) for text in given]
    if target is None:
        at = comment_start(module, source.line_start(start))
        return [source.edit(at, at, "".join(f"{line}\n" for line in lines), "attribute")]
    at = source.line_end(_with_docstring(module, line, end))
    return [source.edit(at, at, "".join(f"\n{line}" for line in lines), "attribute")]


def _assigned(block: cst.CSTNode) -> set[str]:
    """The names and attributes that are given a value in a function."""
    found: set[str] = set()
    for node in walk(block):
        if isinstance(node, cst.Assign):
            found.update(dotted(t.target) for t in node.targets)
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            found.add(dotted(node.target))
    return found


def _first_branch(module: Module, statement: cst.CSTNode) -> cst.CSTNode:
    """The ``if`` that an ``elif`` belongs to; any other statement itself."""
    above = module.parents.get(statement)
    while isinstance(statement, cst.If) and isinstance(above, cst.If) and above.orelse is statement:
        statement, above = above, module.parents.get(above)
    return statement


def _with_docstring(module: Module, line: cst.CSTNode, end: int) -> int:
    """The end of a statement, or of the string below it that documents the attribute."""
    siblings = _siblings(module, line)
    following = siblings[siblings.index(line) + 1 :][:1] if line in siblings else ()
    for below in following:
        only = below.body[0] if isinstance(below, cst.SimpleStatementLine) else None
        adjacent = not getattr(below, "leading_lines", ())
        if adjacent and isinstance(only, cst.Expr) and isinstance(only.value, cst.SimpleString):
            return module.span(below)[1]
    return end


def _fitted(line: str, unit: str, style: Style) -> str:
    """An assignment of what may be a call, over several lines if it is too long for one, as black lays it out."""
    size = Printer(style.line_length, unit).size
    if size(line) <= style.line_length:
        return line
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    deeper = indent + unit
    head, _, value = line.partition(" = ")
    called = _last_bracket(value)
    if not called:
        broken = size(deeper + value) <= style.line_length
        return f"{head} = (\n{deeper}{value}\n{indent})" if broken else line
    head, inside = f"{head} = {value[: called + 1]}", value[called + 1 : -1]
    if size(deeper + inside) <= style.line_length:
        return f"{head}\n{deeper}{inside}\n{indent})"
    return head + "".join(f"\n{deeper}{item}," for item in _items(inside)) + f"\n{indent})"


def _last_bracket(value: str) -> int:
    """Where the arguments of a call begin that a text ends with, or 0."""
    depth = 0
    for at in range(len(value) - 1, -1, -1):
        depth += (value[at] in ")]}") - (value[at] in "([{")
        if depth == 0:
            return at if value[at] == "(" else 0
    return 0


def _items(arguments: str) -> list[str]:
    """Arguments, one by one; the names among them hold no brackets."""
    items, depth = [""], 0
    for letter in arguments:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            items.append("")
        else:
            items[-1] += letter
    return [item.strip() for item in items if item.strip()]


def _first_parameter(function: cst.FunctionDef | None) -> str:
    params = [*function.params.posonly_params, *function.params.params] if function is not None else []
    return params[0].name.value if params else "self"
