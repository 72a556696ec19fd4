"""Which assignments of a variable can be the ones that a use of it sees: the last ones before it, on its own path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import libcst as cst

from cautify.analysis.deferred import present
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module

_LOOPS = (cst.For, cst.While)


def reaching(bindings: Sequence[Binding], use: cst.CSTNode, module: Module) -> list[Binding]:
    """The bindings, of one scope that is also the scope of ``use``, whose value may arrive there.

    Blocks are walked outwards from the use, each backwards: what is assigned in other branches does not count, and an
    assignment that always runs hides those before it. In a loop, and where nothing is found, all of them count.
    """
    if len(bindings) < 2:
        return list(bindings)
    where = {b: [b.node, *module.ancestors(b.node)] for b in bindings}
    found: list[Binding] = []
    below: cst.CSTNode = use
    for above in module.ancestors(use):
        if isinstance(above, _LOOPS):
            return list(bindings)  # what comes later in the loop may come before
        if isinstance(above, (cst.IndentedBlock, cst.Module)):
            settled = _backwards(present(above), below, where, found)
            if settled:
                return found
        if isinstance(above, (cst.FunctionDef, cst.Module, cst.Lambda)):
            break
        below = above
    parameters = [b for b in bindings if b.kind == "param" and b not in found]
    return [*found, *parameters] or list(bindings)


def _backwards(
    body: Iterable[cst.CSTNode],
    use: cst.CSTNode,
    where: dict[Binding, list[cst.CSTNode]],
    found: list[Binding],
) -> bool:
    """Collect what a block assigns before a statement, latest first; whether something in it always runs."""
    statements = list(body)
    at = next((n for n, s in enumerate(statements) if s is use), len(statements))
    for statement in reversed(statements[:at]):
        inside = [b for b, chain in where.items() if any(node is statement for node in chain) and b not in found]
        found += inside
        if inside and isinstance(statement, (cst.SimpleStatementLine, cst.FunctionDef, cst.ClassDef)):
            return True
        if inside and isinstance(statement, cst.If) and _in_every_branch(statement, inside, where):
            return True
    return False


def _in_every_branch(statement: cst.If, inside: list[Binding], where: dict[Binding, list[cst.CSTNode]]) -> bool:
    """Whether an if with all its branches leaves none without an assignment, or without leaving by an error."""
    branch: cst.If | cst.Else | None = statement
    while branch is not None:
        block = branch.body
        assigned = any(any(node is block for node in where[b]) for b in inside)
        if not assigned and not _leaves(block):
            return False
        if isinstance(branch, cst.Else):
            return True
        branch = branch.orelse
    return False


def _leaves(block: cst.BaseSuite) -> bool:
    last = block.body[-1] if block.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    return isinstance(small, (cst.Raise, cst.Return))
