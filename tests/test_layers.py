"""Data flows one way: a file imports only from its own layer and those below it, and nothing imports in a circle."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import cautify

PACKAGE = Path(cautify.__file__).parent

# From the bottom up. A name that ends in a dot stands for every file of that package that no other layer names.
LAYERS = (
    ("cautify", "cautify.model", "cautify.errors", "cautify.source", "cautify.git", "cautify.homes"),
    ("cautify.optimizers.",),
    ("cautify.analysis.",),
    (
        *(
            "cautify.patch.document",
            "cautify.patch.bare",
            "cautify.patch.layout",
            "cautify.patch.style",
            "cautify.patch.imports",
        ),
        *("cautify.patch.signature", "cautify.patch.docstrings", "cautify.patch.styles"),
        *("cautify.patch.imported_names", "cautify.patch.hooks", "cautify.patch.usort"),
    ),
    ("cautify.homes.",),
    (
        *("cautify.analysis.sites", "cautify.analysis.route", "cautify.analysis.splats"),
        *("cautify.analysis.consumers", "cautify.analysis.switches", "cautify.analysis.readings"),
        *("cautify.analysis.agreement", "cautify.analysis.handing", "cautify.analysis.splatted"),
        *("cautify.analysis.elsewhere", "cautify.analysis.documents", "cautify.analysis.notebooks"),
        *("cautify.analysis.builders", "cautify.analysis.explain"),
    ),
    ("cautify.patch.",),
    ("cautify.commands.", "cautify.reports."),
    ("cautify.cli",),
    ("cautify.__main__",),
)
ALLOWED_OUTSIDE = {"libcst", "pathspec", "rich", "tomli", "tomllib", "typer"}


def modules() -> Mapping[str, Path]:
    """Every module of the package, by dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("cautify", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: path for name, path in found.items() if "templates" not in name}


MODULES = modules()


def layer(name: str) -> int:
    """The number of a module's layer, from the bottom."""
    for number, members in enumerate(LAYERS):
        if name in members:
            return number
    for number, members in enumerate(LAYERS):
        if any(member.endswith(".") and f"{name}.".startswith(member) for member in members):
            return number
    raise AssertionError(f"{name} belongs to no layer: say in test_layers.py where it stands")


def imported(path: Path) -> Iterator[tuple[str, int, bool]]:
    """What a file imports: absolute name, line, and whether it happens as the module is loaded."""
    tree = ast.parse(path.read_bytes())
    late = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or _only_for_types(function)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        at_load = id(node) not in late
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: imports are absolute here"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in MODULES else str(node.module)), node.lineno, at_load


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_its_layer_and_below(name: str) -> None:
    for target, line, _ in imported(MODULES[name]):
        if target.partition(".")[0] == "cautify":
            assert layer(target) <= layer(name), f"{name}:{line} imports {target}, which lies above it"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_nothing_but_the_declared_dependencies(name: str) -> None:
    for target, line, _ in imported(MODULES[name]):
        top = target.partition(".")[0]
        assert top == "cautify" or top in sys.stdlib_module_names or top in ALLOWED_OUTSIDE, f"{name}:{line}: {target}"


def test_nothing_imports_in_a_circle() -> None:
    graph = {
        name: {target for target, _, at_load in imported(path) if at_load and target in MODULES and target != name}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def descend(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join((*above[above.index(name) :], name))
        if name not in done:
            for target in sorted(graph[name]):
                descend(target, (*above, name))
            done.add(name)

    for name in graph:
        descend(name, ())


def test_libcst_metadata_has_one_user() -> None:
    users = {
        name for name, path in MODULES.items() if any(t.startswith("libcst.metadata") for t, _, _ in imported(path))
    }
    assert users <= {"cautify.analysis.syntax"}


def test_the_runtime_imports_torch_and_its_kernels_triton_too_and_nothing_of_ours() -> None:
    template = next(d for d in (PACKAGE / "templates", PACKAGE.parent / "templates") if d.is_dir())
    for path in template.glob("*.py"):
        tops = {target.partition(".")[0] for target, _, _ in imported(path)}
        allowed = {"torch", "triton"} if path.name == "cautious_triton.py" else {"torch"}
        assert tops <= allowed | set(sys.stdlib_module_names), path


@pytest.mark.parametrize("name", MODULES)
def test_a_file_is_short_enough_to_be_read_at_once(name: str) -> None:
    assert len(MODULES[name].read_text().splitlines()) <= 400
