"""What a dict, list, tuple or set that is written out holds, however it is written."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from cautify.analysis.syntax import dotted, literal

_CALLS = frozenset({"dict", "OrderedDict", "defaultdict", "MappingProxyType"})


def is_table(node: cst.BaseExpression) -> bool:
    """Whether an expression is a dict by its own text: a literal, a comprehension, ``dict(…)`` or a union of such."""
    if isinstance(node, cst.BinaryOperation):
        return isinstance(node.operator, cst.BitOr) and (is_table(node.left) or is_table(node.right))
    if isinstance(node, cst.Call):
        return dotted(node.func).rpartition(".")[2] in _CALLS
    return isinstance(node, (cst.Dict, cst.DictComp))


def entries(node: cst.BaseExpression) -> Iterator[tuple[str | None, cst.BaseExpression | None]]:
    """Key and value of each entry; no key where it is not a plain string, no value where more entries come in."""
    if isinstance(node, cst.Dict):
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                yield literal(element.key), element.value
            else:
                yield from entries(element.value)
    elif isinstance(node, cst.DictComp):
        yield None, node.value
    elif isinstance(node, cst.BinaryOperation):
        yield from entries(node.left)
        yield from entries(node.right)
    elif isinstance(node, cst.Call) and is_table(node):
        for arg in node.args:
            if arg.keyword is not None:
                yield arg.keyword.value, arg.value
            elif isinstance(arg.value, cst.Lambda) and arg is node.args[0]:
                yield None, arg.value.body  # what a defaultdict makes for a key that it does not have
            elif isinstance(arg.value, (cst.List, cst.Tuple)):
                yield from _pairs(arg.value)
            elif is_table(arg.value):
                yield from entries(arg.value)
    else:
        yield None, None


def _pairs(node: cst.List | cst.Tuple) -> Iterator[tuple[str | None, cst.BaseExpression | None]]:
    for element in node.elements:
        pair = element.value
        if isinstance(pair, cst.Tuple) and len(pair.elements) == 2:
            yield literal(pair.elements[0].value), pair.elements[1].value
        else:
            yield None, None
