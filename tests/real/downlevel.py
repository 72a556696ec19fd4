"""Rewrite Python 3.12 type parameters so that a copy of lerobot 0.6.1 imports on Python 3.11.

``class C[T](Base)`` becomes ``T = TypeVar("T")`` and ``class C(Base, Generic[T])``; ``def f[T: Bound]`` likewise,
without the base; ``type X = ...`` becomes a plain assignment. Only files that the running interpreter cannot parse are
touched, so on 3.12 the copy stays as cautify patched it.
"""

from __future__ import annotations

import ast
from pathlib import Path

import libcst as cst


def downlevel_tree(root: Path) -> list[Path]:
    """Rewrite, in place, every file below `root` that this interpreter cannot parse; return those files."""
    rewritten = []
    for path in sorted(root.rglob("*.py")):
        source = path.read_bytes()
        if parses(source):
            continue
        result = cst.parse_module(source).visit(_TypeParameters()).bytes
        ast.parse(result, filename=str(path))
        path.write_bytes(result)
        rewritten.append(path)
    return rewritten


def parses(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _type_var(parameter: cst.TypeParam) -> cst.SimpleStatementLine:
    variable = parameter.param
    if not isinstance(variable, cst.TypeVar):
        raise TypeError(f"only plain type variables are rewritten, not {type(variable).__name__}")
    bound = [] if variable.bound is None else [cst.Arg(variable.bound, keyword=cst.Name("bound"))]
    call = cst.Call(
        func=cst.parse_expression('__import__("typing").TypeVar'),
        args=[cst.Arg(cst.SimpleString(f'"{variable.name.value}"')), *bound],
    )
    target = cst.AssignTarget(cst.Name(variable.name.value))
    return cst.SimpleStatementLine([cst.Assign([target], call)])


class _TypeParameters(cst.CSTTransformer):
    def leave_ClassDef(
        self, original_node: cst.ClassDef, updated_node: cst.ClassDef
    ) -> cst.ClassDef | cst.FlattenSentinel[cst.BaseStatement]:
        parameters = updated_node.type_parameters
        if parameters is None:
            return updated_node
        names = ", ".join(parameter.param.name.value for parameter in parameters.params)
        generic = cst.Arg(cst.parse_expression(f'__import__("typing").Generic[{names}]'))
        plain = updated_node.with_changes(type_parameters=None, bases=[*updated_node.bases, generic])
        return cst.FlattenSentinel([*map(_type_var, parameters.params), plain])

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        parameters = updated_node.type_parameters
        if parameters is None:
            return updated_node
        plain = updated_node.with_changes(type_parameters=None)
        return cst.FlattenSentinel([*map(_type_var, parameters.params), plain])

    def leave_TypeAlias(self, original_node: cst.TypeAlias, updated_node: cst.TypeAlias) -> cst.Assign:
        return cst.Assign([cst.AssignTarget(updated_node.name)], updated_node.value)
