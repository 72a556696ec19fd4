"""Which calls in lines that are not parsed yet could make an optimizer, by ``ast``: it is fifteen times faster.

What :meth:`Makers.construction` asks of a call is asked here too, without following anything: whatever could be true
there is true here.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from cautify.analysis import evidence
from cautify.analysis.deferred import Body
from cautify.analysis.direct import inside

_OTHERS = frozenset({"eval", "exec"}) | evidence.RUNNERS
_LISTS_PARAMETERS = frozenset({"parameters", "named_parameters", "trainable_parameters"})


def may_hold_construction(
    body: Body,
    names: Collection[str],
    variables: Collection[str],
    attributes: Collection[str],
    built_in: Collection[str],
) -> bool:
    """Whether a call there may be of one of ``names``, of what may hold a class, or of any other maker.

    The ``built_in`` functions make none, unless the function gives their names another meaning.
    """
    nodes = body.glance()
    if nodes is None:
        return True
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    listed = "parameters" in body.text or "params" in body.text
    makers = (call.func for call in calls if _may_make(call, names, variables, attributes, listed))
    return any(
        not (isinstance(func, ast.Name) and func.id in built_in and body.whole.only_calls(func.id)) for func in makers
    )


def _may_make(
    call: ast.Call, names: Collection[str], variables: Collection[str], attributes: Collection[str], listed: bool
) -> bool:
    func = call.func
    if isinstance(func, ast.Name):
        name = func.id
        if name in names or name in variables or name in _OTHERS or _says_maker(name):
            return True
        return evidence.names_anything(name) or _has_rate(call) or _takes_parameters(call, listed)
    if isinstance(func, ast.Attribute):
        name = func.attr
        if (
            name in names
            or name in attributes
            or name == "__class__"
            or name in evidence.RUNNERS
            or _says_maker(name)
            or name.startswith("create_optimizer")
        ):
            return True
        if name in evidence.REGISTRIES and any(map(evidence.names_maker, _words(func.value))):
            return True
        return evidence.names_anything(name) or (not evidence.names_another(name) and _takes_parameters(call, listed))
    if isinstance(func, ast.Call) and isinstance(func.func, ast.Name) and func.func.id == "type":
        return True
    if _has_rate(call) or _takes_parameters(call, listed):
        return True
    return any(w in names or w in attributes or w == "optim" or evidence.names_maker(w) for w in _words(func))


def _says_maker(name: str) -> bool:
    return evidence.names_maker(name) or evidence.names_verb(name)


def _has_rate(call: ast.Call) -> bool:
    return any(keyword.arg == "lr" for keyword in call.keywords)


def takes_parameters(call: ast.Call) -> bool:
    """Whether a call may be passed a model's parameters or parameter groups."""
    return _takes_parameters(call, listed=True)


def _takes_parameters(call: ast.Call, listed: bool) -> bool:
    if any(keyword.arg in evidence.KEYWORDS for keyword in call.keywords):
        return True
    return any(_may_be_parameters(a.value if isinstance(a, ast.Starred) else a, listed) for a in call.args)


def _may_be_parameters(value: ast.expr, listed: bool) -> bool:
    if isinstance(value, (ast.Name, ast.Attribute)):
        return evidence.names_parameters(value.id if isinstance(value, ast.Name) else value.attr)
    if isinstance(value, (ast.List, ast.Tuple)):
        if isinstance(value, ast.List) and len(value.elts) == 1 and isinstance(value.elts[0], ast.Name):
            return True
        if any(_may_be_parameters(element, listed) for element in value.elts):
            return True
    if isinstance(value, ast.Call) and any(map(evidence.makes_parameters, _words(value.func))):
        return True
    return listed and any(map(_lists_parameters, inside(value)))


def _lists_parameters(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _LISTS_PARAMETERS
    return isinstance(node, ast.Dict) and any(isinstance(k, ast.Constant) and k.value == "params" for k in node.keys)


def _words(node: ast.expr) -> Iterator[str]:
    """The identifiers and plain strings in an expression."""
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                yield word
