"""Optimizer classes whose dotted name is a text: taken apart for an import, or given to ``eval``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from cautify.analysis.names import UNKNOWN, AnyOptimizer, External, Value
from cautify.analysis.nodes import dotted, last_name, literal
from cautify.analysis.syntax import Module

if TYPE_CHECKING:
    from cautify.analysis.flows import Flows

IMPORTERS = frozenset({"importlib.import_module", "import_module", "__import__"})
OF_ANOTHER = "the class of another"
"""The source of a class that is taken from an optimizer."""
SUBCLASS = "type()"
"""The source of a class that is made of an optimizer class without a class statement."""
LOCATORS = frozenset({"hydra.utils.get_class", "hydra.utils.get_method", "pydoc.locate", "locate"})
_SPLITS = frozenset({"rsplit", "rpartition", "split", "partition"})


def classes_of_paths(call: cst.Call, module: Module, flows: Flows) -> list[Value]:
    """The optimizer classes among dotted names that are taken apart for ``getattr(import_module(a), b)``.

    Only where all that are written out are such, and then it may be another: nothing where none is.
    """
    paths = list(dict.fromkeys(_paths_apart(call.args[0].value, module, flows, 0)))
    known = [External(path) for path in paths if flows.catalogue.optimizer(path) is not None]
    return [*known, UNKNOWN] if known and len(known) == len(paths) else []


def _paths_apart(node: cst.BaseExpression, module: Module, flows: Flows, depth: int) -> Iterator[str]:
    """The dotted names of which a module is imported by a part: ``import_module(path.rsplit(".", 1)[0])``."""
    if depth > 4:
        return
    if isinstance(node, cst.Name):
        for b in flows.bindings(node.value, node, module):
            source = b.source if b.kind == "opaque" and not b.iterated else b.value if b.kind == "assign" else None
            if source is not None:
                yield from _paths_apart(source, module, flows, depth + 1)
    elif isinstance(node, cst.Subscript):
        yield from _paths_apart(node.value, module, flows, depth + 1)
    elif isinstance(node, cst.Call) and dotted(node.func) in IMPORTERS and node.args:
        yield from _paths_apart(node.args[0].value, module, flows, depth + 1)
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in _SPLITS:
        yield from _texts(node.func.value, module, flows, 0)


def _texts(node: cst.BaseExpression, module: Module, flows: Flows, depth: int) -> Iterator[str]:
    """The plain strings that an expression may be, among others."""
    if (text := literal(node)) is not None:
        yield text
    elif isinstance(node, cst.Call) and len(node.args) == 2 and last_name(node.func) in ("get", "pop"):
        yield from _texts(node.args[1].value, module, flows, depth)
    elif isinstance(node, cst.Name) and depth < 3:
        for b in flows.bindings(node.value, node, module):
            if b.kind in ("assign", "param") and b.value is not None:
                yield from _texts(b.value, module, flows, depth + 1)
            for where, value in flows.callers.arguments(b, module) if b.kind == "param" else ():
                yield from _texts(value, where, flows, depth + 1)


def evaluated(text: cst.BaseExpression) -> Value:
    """What ``eval`` gives for a text that begins as the name of a class does: ``"torch.optim." + name``."""
    while isinstance(text, cst.BinaryOperation):
        text = text.left
    first = text.parts[0] if isinstance(text, cst.FormattedString) and text.parts else None
    said = first.value if isinstance(first, cst.FormattedStringText) else literal(text)
    return AnyOptimizer("torch.optim") if said in ("torch.optim.", "optim.") else UNKNOWN
