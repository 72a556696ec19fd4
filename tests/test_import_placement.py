"""Where the import of CautiousOptimizer goes: never too early, never too late, and where isort would have put it."""

from __future__ import annotations

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from cautify.model import Options
from cautify.patch.plan import make_plan

TABLES = Path(__file__).parent / "import_placement"
PYPROJECT = '[project]\nname = "pkg"\nversion = "0"\nrequires-python = ">=3.10"\n'

ISORT_SETTINGS = {
    "the defaults": "",
    "combine-as-imports": "combine-as-imports = true",
    "known-first-party": 'known-first-party = ["pkg"]',
    "known-third-party": 'known-third-party = ["pkg"]',
    "force-sort-within-sections": "force-sort-within-sections = true",
    "from-first": "from-first = true",
    "no-sections": "no-sections = true",
    "case-sensitive": "case-sensitive = true",
    "relative-imports-order": 'relative-imports-order = "closest-to-furthest"',
    "lines-after-imports": "lines-after-imports = 2",
    "no-lines-before": 'no-lines-before = ["first-party", "local-folder"]',
}

FIELD_IMPORTS = {
    "alone": ("from dataclasses import dataclass", "from dataclasses import dataclass, field"),
    "between": ("from dataclasses import dataclass, replace", "from dataclasses import dataclass, field, replace"),
    "after": ("from dataclasses import asdict, dataclass", "from dataclasses import asdict, dataclass, field"),
    "after a constant": (
        "from dataclasses import KW_ONLY, dataclass",
        "from dataclasses import KW_ONLY, dataclass, field",
    ),
    "after a class": ("from dataclasses import Field, dataclass", "from dataclasses import Field, dataclass, field"),
    "with its comment kept": (
        "from dataclasses import dataclass  # of course",
        "from dataclasses import dataclass, field  # of course",
    ),
    "in parentheses": (
        "from dataclasses import (\n    asdict,\n    dataclass,\n    replace,\n)",
        "from dataclasses import (\n    asdict,\n    dataclass,\n    field,\n    replace,\n)",
    ),
    "in parentheses, last": (
        "from dataclasses import (\n    asdict,\n    dataclass,  # of course\n)",
        "from dataclasses import (\n    asdict,\n    dataclass,  # of course\n    field,\n)",
    ),
    "beyond the line's end": (
        "from dataclasses import MISSING, FrozenInstanceError, asdict, astuple, dataclass, fields",
        "from dataclasses import (\n    MISSING,\n    FrozenInstanceError,\n    asdict,\n    astuple,\n    dataclass,\n"
        "    field,\n    fields,\n)",
    ),
    "already there": ("from dataclasses import dataclass, field", "from dataclasses import dataclass, field"),
    "of the module": ("import dataclasses", "import dataclasses"),
    "of the module under a name": ("import dataclasses as dc", "import dataclasses as dc"),
}


def table(name: str) -> list[object]:
    entries = (TABLES / f"{name}.txt").read_text(encoding="utf-8").split("#### ")[1:]
    return [
        pytest.param(text.strip("\n") + "\n", id=heading)
        for heading, text in (entry.split("\n", 1) for entry in entries)
    ]


def before_and_after(marked: str) -> tuple[str, str]:
    """Lines that begin with + are what is added, and WRAP[…] is what is wrapped."""
    lines = marked.splitlines(keepends=True)
    before = "".join(line for line in lines if not line.startswith("+"))
    after = "".join(line.removeprefix("+") for line in lines)
    inner = re.compile(r"WRAP\[(.*?\))\]")
    return inner.sub(r"\1", before), inner.sub(r"CautiousOptimizer.wrap(\1)", after)


def package(root: Path, text: str, settings: str = "") -> Path:
    """A package with the module in question, its neighbours, and the isort settings of its project."""
    for name in ("__init__", "attic", "zoo", "Barn", "Dairy"):
        (root / "pkg").mkdir(parents=True, exist_ok=True)
        (root / "pkg" / f"{name}.py").write_text("", encoding="utf-8")
    table_of_isort = f"\n[tool.ruff.lint.isort]\n{settings}\n" if settings else ""
    (root / "pyproject.toml").write_text(PYPROJECT + table_of_isort, encoding="utf-8")
    (root / "pkg" / "module.py").write_text(text, encoding="utf-8")
    return root


def planned(root: Path, name: str = "pkg/module.py") -> str:
    """What the module becomes."""
    found = {f.path: f.after for f in make_plan(root, Options()).files}
    after = found.get(name)
    assert after is not None, f"{name} was not patched"
    return after.decode("utf-8")


def lint(root: Path, text: str) -> set[str]:
    """What ruff says to the module with this text."""
    (root / "pkg" / "module.py").write_text(text, encoding="utf-8")
    (root / "pkg" / "cautious_optimizer.py").touch()
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--no-cache",
        "--select",
        "E4,E7,E9,F,I",
        "--output-format",
        "concise",
    ]
    result = subprocess.run([*command, "pkg/module.py"], cwd=root, capture_output=True, text=True, check=False)
    assert result.returncode in (0, 1), result.stderr
    return {line.split(" ", 1)[1] for line in result.stdout.splitlines() if line.startswith("pkg/module.py:")}


class Optimizer:
    """Stands in for every class of torch.optim."""

    def __init__(self, params: object, lr: float = 1e-3) -> None:
        self.params = params


class CautiousOptimizer:
    """Stands in for the runtime, and counts."""

    wrapped = 0

    @classmethod
    def wrap(cls, optimizer: Optimizer, **settings: object) -> Optimizer:
        assert isinstance(optimizer, Optimizer)
        cls.wrapped += 1
        return optimizer


def run(text: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Execute a module and call its build; returns how many optimizers were wrapped."""
    torch = types.ModuleType("torch")
    torch.optim = types.ModuleType("torch.optim")  # type: ignore[attr-defined]
    torch.optim.Adam = torch.optim.AdamW = Optimizer  # type: ignore[attr-defined]
    pkg = types.ModuleType("pkg")
    pkg.__path__ = []  # type: ignore[attr-defined]
    runtime = types.ModuleType("pkg.cautious_optimizer")
    runtime.CautiousOptimizer = CautiousOptimizer  # type: ignore[attr-defined]
    modules = {"torch": torch, "torch.optim": torch.optim, "pkg": pkg, "pkg.cautious_optimizer": runtime}  # type: ignore[attr-defined]
    for name, member in (("attic", "box lamp"), ("zoo", "Zebra gnu"), ("Barn", "hay"), ("Dairy", "milk")):
        module = types.ModuleType(f"pkg.{name}")
        module.__dict__.update(dict.fromkeys(member.split(), object()))
        setattr(pkg, name, module)
        modules[f"pkg.{name}"] = module
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(CautiousOptimizer, "wrapped", 0)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    module = types.ModuleType("pkg.module")
    module.__package__ = "pkg"
    exec(compile(text, "pkg/module.py", "exec"), module.__dict__)
    module.__dict__["build"]([])
    return CautiousOptimizer.wrapped


@pytest.mark.parametrize("marked", table("exact"))
def test_the_import_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marked: str) -> None:
    before, after = before_and_after(marked)
    root = package(tmp_path, before)
    result = planned(root)
    assert result == after
    assert run(result, monkeypatch) > 0
    assert lint(root, result) <= lint(root, before)


@pytest.mark.parametrize("before", table("works"))
def test_the_import_works_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    assert run(before, monkeypatch) == 0
    root = package(tmp_path, before)
    result = planned(root)
    assert run(result, monkeypatch) > 0
    assert [line for line in before.splitlines() if line not in result and "Adam" not in line] == []
    known = lint(root, before)
    dense = re.search(r"^def .*\): \S", before, re.MULTILINE) is not None  # no formatter leaves it so
    if not dense and not any(complaint.startswith("E70") for complaint in known):
        assert lint(root, result) <= known


def test_a_lambda_that_outlives_a_missing_torch_has_no_place_for_an_import(tmp_path: Path) -> None:
    text = "try:\n    import torch\nexcept ImportError:\n    torch = None\n\nbuild = lambda ps: torch.optim.Adam(ps)\n"
    plan = make_plan(package(tmp_path, text), Options())
    assert plan.files == ()
    assert [(site.verdict.value, site.reason) for site in plan.sites] == [("skip", "no-import-root")]


def test_a_file_that_means_something_else_by_the_name_is_left_alone_and_says_so(tmp_path: Path) -> None:
    text = "import torch\n\n\nclass CautiousOptimizer:\n    pass\n\n\nopt = torch.optim.Adam([])\n"
    plan = make_plan(package(tmp_path, text), Options())
    assert plan.files == ()
    assert [(site.verdict.value, site.reason) for site in plan.sites] == [("skip", "ambiguous")]
    assert "CautiousOptimizer" in plan.sites[0].detail


@pytest.mark.parametrize("settings", [pytest.param(s, id=i) for i, s in ISORT_SETTINGS.items()])
@pytest.mark.parametrize("style", ["absolute", "relative", "mixed"])
def test_the_import_is_sorted_as_the_target_sorts(tmp_path: Path, settings: str, style: str) -> None:
    imports = {
        "absolute": "from pkg.attic import box\nfrom pkg.Dairy import milk\nfrom pkg.zoo import Zebra\n",
        "relative": "from .attic import box\nfrom .Dairy import milk\nfrom .zoo import Zebra\n",
        "mixed": "import pkg.attic\nfrom pkg.Dairy import milk\n\nfrom .zoo import Zebra\n",
    }[style]
    body = "\n\ndef build(ps):\n    return os.name, AdamW(ps), torch.optim.Adam(ps)\n"
    text = f"import os\n\nimport torch\nfrom torch.optim import AdamW\n\n{imports}{body}"
    root = package(tmp_path, text, settings)
    fix = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "I", "--fix", "--quiet", "pkg/module.py"]
    subprocess.run(fix, cwd=root, check=True)
    before = (root / "pkg" / "module.py").read_text(encoding="utf-8")
    assert "I001" not in " ".join(lint(root, before))
    (root / "pkg" / "cautious_optimizer.py").unlink()
    result = planned(root)
    assert "cautious_optimizer import CautiousOptimizer" in result
    assert "I001" not in " ".join(lint(root, result))


@pytest.mark.parametrize(("before", "after"), [pytest.param(*pair, id=i) for i, pair in FIELD_IMPORTS.items()])
def test_field_is_imported_beside_dataclass(tmp_path: Path, before: str, after: str) -> None:
    decorator = {"import dataclasses": "dataclasses.", "import dataclasses as dc": "dc."}.get(before, "")
    text = (
        f"{before}\n\nimport torch\n\n\n@{decorator}dataclass\nclass Config:\n"
        "    lr: float = 1e-3\n    steps: int = 3\n\n"
        "    def build(self, ps):\n        return torch.optim.Adam(ps, lr=self.lr)\n"
    )
    root = package(tmp_path, text)
    result = planned(root)
    imported, _, rest = result.partition("\n\nimport torch\n")
    assert imported == after
    assert f"use_cautious_optimizer: bool = {decorator}field(default=False, kw_only=True)" in rest
    assert lint(root, result) <= lint(root, text)
