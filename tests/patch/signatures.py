"""Functions with two more parameters, and what ruff format makes of a file."""

from __future__ import annotations

import ast
import subprocess
import sys
from textwrap import dedent

import libcst as cst

from cautify.analysis.syntax import Module, walk
from cautify.patch.signature import with_parameters
from cautify.patch.style import Style
from cautify.source import apply_edits, invert, read_source

PLAIN = ("use_cautious_optimizer=False", "cautious_eps=1e-8")
TYPED = ("use_cautious_optimizer: bool = False", "cautious_eps: float = 1e-8")
NAMES = ("use_cautious_optimizer", "cautious_eps")


def function_in(module: Module, name: str) -> cst.FunctionDef:
    """The function of that name, wherever it is."""
    return next(n for n in walk(module.tree) if isinstance(n, cst.FunctionDef) and n.name.value == name)


def extended(
    data: bytes, added: tuple[str, ...] = PLAIN, beside: frozenset[str] = frozenset(), length: int = 88, name: str = "f"
) -> bytes | None:
    """A file whose function ``f`` has gained parameters, or None. The way back gives the file again."""
    module = Module(read_source("m.py", data))
    edit = with_parameters(module, function_in(module, name), added, beside, Style(line_length=length))
    if edit is None:
        return None
    after = apply_edits(data, [edit])
    assert apply_edits(after, invert(data, [edit])) == data
    return after


def parameters(data: bytes, name: str = "f") -> tuple[list[str], dict[str, str]]:
    """What a function takes by place and in stars, with annotations and defaults; and its keyword-only parameters."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    node = next(n for n in ast.walk(ast.parse(data)) if isinstance(n, functions) and n.name == name)
    args = node.args
    defaults = map(ast.unparse, args.defaults)
    rest = [f"{kind}{ast.dump(a)}" for kind, a in (("*", args.vararg), ("**", args.kwarg)) if a is not None]
    plain = [ast.dump(a) for a in args.posonlyargs] + ["/"] + [ast.dump(a) for a in args.args]
    returns = ast.unparse(node.returns) if node.returns is not None else ""
    keywords = {
        a.arg: f"{a.annotation and ast.unparse(a.annotation)} = {d and ast.unparse(d)}"
        for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    }
    return [*plain, *defaults, *rest, returns], keywords


def formatted(code: str, length: int) -> str:
    """What ruff format makes of a file."""
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={length}", "--no-cache"]
    command += ["--target-version=py312", "-"]
    return subprocess.run(command, input=dedent(code), capture_output=True, text=True, check=True).stdout
