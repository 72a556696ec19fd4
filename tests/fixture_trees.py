"""The target codebases in fixtures/: what each is before, what it must be after, and what it is about.

``fixtures/<name>/before`` is a whole tree. ``after`` holds only the files that cautify changes, except the vendored
runtime: that one is listed in ``fixture.toml`` and compared with templates/. Written for people to review, by people:
``CAUTIFY_REGEN=1 pytest tests/test_fixtures.py`` rewrites ``after``, and ``git diff`` shows what that means.
"""

from __future__ import annotations

import ast
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cautify.model import Options, Site

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "fixtures"
TEMPLATE = ROOT / "templates" / "cautious_optimizer.py"

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Tree:
    """One fixture."""

    name: str
    about: str
    plugins: tuple[str, ...]
    options: tuple[str, ...]
    runtime: tuple[str, ...]
    sites: tuple[Mapping[str, Any], ...]
    runs: tuple[Mapping[str, Any], ...]

    @property
    def directory(self) -> Path:
        return FIXTURES / self.name

    @property
    def plan_options(self) -> Options:
        """The command line options as they reach the plan."""
        given = dict.fromkeys(self.options)
        valued = {o: self.options[n + 1] for n, o in enumerate(self.options) if o in ("--flag-name", "--default")}
        assert set(given) <= {"--tests", *valued, *valued.values()}
        return Options(
            tests="--tests" in given,
            flag_name=valued.get("--flag-name"),
            default_on=valued.get("--default") == "on",
        )

    def before(self) -> Files:
        return contents(self.directory / "before")

    def after(self) -> Files:
        """Every file that there must be after apply, the runtime included."""
        changed = contents(self.directory / "after")
        template = TEMPLATE.read_bytes()
        return {**self.before(), **changed, **dict.fromkeys(self.runtime, template)}

    def copy_to(self, root: Path) -> Path:
        shutil.copytree(self.directory / "before", root)
        return root


def load(name: str) -> Tree:
    spec = tomllib.loads((FIXTURES / name / "fixture.toml").read_text(encoding="utf-8"))
    known = {"about", "plugins", "options", "runtime", "sites", "run"}
    assert set(spec) <= known, f"{name}: unknown keys {set(spec) - known}"
    return Tree(
        name,
        spec["about"],
        tuple(spec.get("plugins", ())),
        tuple(spec.get("options", ())),
        tuple(spec.get("runtime", ())),
        tuple(spec.get("sites", ())),
        tuple(spec.get("run", ())),
    )


NAMES = sorted(path.parent.name for path in FIXTURES.glob("*/fixture.toml"))


def contents(root: Path) -> dict[str, bytes]:
    """All files of a tree but cautify's own records, by path relative to it."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".cautify", "__pycache__"} & set(path.relative_to(root).parts)
    }


def around(source: bytes, line: int) -> str:
    """The dotted name of the innermost function or class that holds a line; empty at module level."""
    names: list[str] = []
    body: list[ast.stmt] = ast.parse(source).body
    while body:
        inside = [
            node
            for statement in body
            for node in ast.walk(statement)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and node.lineno <= line <= (node.end_lineno or 0)
        ]
        if not inside:
            break
        names.append(inside[0].name)
        body = inside[0].body
    return ".".join(names)


def described(site: Site, root: Path) -> dict[str, Any]:
    """A site in the words of fixture.toml."""
    found: dict[str, Any] = {
        "path": site.path,
        "in": around((root / site.path).read_bytes(), site.line),
        "optimizers": list(site.optimizers),
        "verdict": site.verdict.value,
    }
    if site.reason is not None:
        found["reason"] = site.reason
    if site.switch is not None:
        found["home"] = site.switch.kind.value
    return found
