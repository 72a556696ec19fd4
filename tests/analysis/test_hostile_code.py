"""Code that leads an analysis round in circles or to the wrong module, and documents that are none.

A tree maps paths to text. Each is scanned, explained, applied, checked and taken back; ``neighbour.py`` is always
there and always has its one site to wrap.
"""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from command_line import TRAIN, Cautify, snapshot

from cautify.model import Options, Plan
from cautify.patch.plan import make_plan

Rows = list[tuple[str, int, str]]

CIRCLES: dict[str, tuple[dict[str, str], Rows]] = {
    "names that two modules import from each other": (
        {
            "a.py": "from b import Chosen\n\noptimizer = Chosen(params, lr=1e-3)\n",
            "b.py": "import torch\n\nfrom a import Chosen\n\nother = torch.optim.Adam(params)\n",
        },
        [("a.py", 3, "skip"), ("b.py", 5, "wrap")],
    ),
    "a module that imports itself": (
        {"a.py": "import torch\n\nimport a\n\nChosen = torch.optim.Adam\noptimizer = a.Chosen(params, lr=1e-3)\n"},
        [("a.py", 6, "wrap")],
    ),
    "modules that star-import each other": (
        {
            "a.py": "from b import *\n\noptimizer = Adam(params, lr=1e-3)\n",
            "b.py": "from c import *\n",
            "c.py": "from a import *\nfrom torch.optim import *\n",
        },
        [("a.py", 3, "wrap")],
    ),
    "a package whose parts star-import the package": (
        {
            "pkg/__init__.py": "from .x import *\nfrom .y import *\n",
            "pkg/x.py": "from . import *\nfrom .y import *\n\noptimizer = RAdam(params)\n",
            "pkg/y.py": "from .x import *\nfrom pkg import *\nfrom torch.optim import RAdam\n",
        },
        [("pkg/x.py", 4, "wrap")],
    ),
    "classes of two files that derive from each other": (
        {
            "a.py": """
                from b import B

                class A(B):
                    def make(self, params):
                        return self.optimizer_class(params, lr=1e-3)
            """,
            "b.py": """
                import torch
                from a import A

                class B(A):
                    optimizer_class = torch.optim.Adam
            """,
        },
        [("a.py", 5, "wrap")],
    ),
    "an optimizer class and another that derive from each other": (
        {
            "c.py": "from d import D\n\nclass C(D):\n    pass\n\noptimizer = C(params, lr=1)\n",
            "d.py": "from torch.optim import Optimizer\nfrom c import C\n\nclass D(C, Optimizer):\n    pass\n",
        },
        [("c.py", 6, "skip")],
    ),
    "a class that derives from itself": (
        {
            "a.py": """
                import torch

                class Own(torch.optim.Adam, Own):
                    pass

                optimizer = Own(params, lr=1e-3)
            """
        },
        [("a.py", 6, "skip")],
    ),
    "functions of two files that return each other's result": (
        {
            "a.py": "from b import g\n\ndef f(params):\n    return g(params)\n\noptimizer = f(params)\n",
            "b.py": """
                import torch
                from a import f

                def g(params):
                    if not params:
                        return f(params)
                    return torch.optim.Adam(params)
            """,
        },
        [("b.py", 7, "wrap")],
    ),
    "functions that return each other's class": (
        {
            "a.py": """
                import torch

                def first(name):
                    return second(name) if name else torch.optim.Adam

                def second(name):
                    return first(name)

                optimizer = second("x")(params, lr=1e-3)
            """
        },
        [("a.py", 9, "wrap")],
    ),
    "variables that are each other": (
        {
            "a.py": """
                import torch

                left = right
                right = left
                if right is None:
                    right = torch.optim.Adam
                optimizer = right(params, lr=1e-3)
            """
        },
        [("a.py", 7, "wrap")],
    ),
    "attributes that are each other": (
        {
            "a.py": """
                import torch

                class Trainer:
                    def __init__(self, optimizer_class=torch.optim.Adam):
                        self.optimizer_class = optimizer_class or self.chosen
                        self.chosen = self.optimizer_class

                    def make(self, params):
                        return self.chosen(params, lr=1e-3)
            """
        },
        [("a.py", 9, "wrap")],
    ),
    "a function that hands its class on to itself": (
        {
            "a.py": """
                import torch

                def make(cls, params, depth):
                    if depth:
                        return make(cls, params, depth - 1)
                    return cls(params, lr=1e-3)

                make(torch.optim.Adam, params, 3)
            """
        },
        [("a.py", 6, "wrap")],
    ),
    "a registry that holds itself": (
        {
            "a.py": """
                import torch

                REGISTRY = {"adam": torch.optim.Adam}
                REGISTRY["all"] = REGISTRY
                REGISTRY["again"] = REGISTRY["all"]
                optimizer = REGISTRY["adam"](params, lr=1e-3)
            """
        },
        [("a.py", 6, "wrap")],
    ),
}
"""Trees that lead round in a circle, and the rows that are there all the same."""


def written(root: Path, files: dict[str, str]) -> Path:
    root.mkdir(exist_ok=True)
    for path, text in {**files, "neighbour.py": TRAIN.decode()}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return root


def rows(plan: Plan) -> Rows:
    """Path, line and verdict of every row; the neighbour's must be there and is left out."""
    found = [(site.path, site.line, site.verdict.value) for site in plan.sites]
    assert ("neighbour.py", 5, "wrap") in found
    return [row for row in found if row[0] != "neighbour.py"]


@pytest.mark.parametrize(("files", "expected"), CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_left_and_its_sites_are_found(tmp_path: Path, files: dict[str, str], expected: Rows) -> None:
    plan = make_plan(written(tmp_path, files), Options())
    assert rows(plan) == expected
    assert plan.problems == ()


@pytest.mark.parametrize(("files", "expected"), CIRCLES.values(), ids=CIRCLES)
def test_every_command_leaves_a_circle(tmp_path: Path, cautify: Cautify, files: dict[str, str], expected: Rows) -> None:
    root = written(tmp_path / "target", files)
    before = snapshot(root)
    for path, line, _ in expected:
        explained = cautify("scan", root, "--explain", f"{path}:{line}")
        assert (explained.code, explained.out != b"") == (0, True), explained.err
    there_and_back(root, cautify)
    assert snapshot(root) == before


def there_and_back(root: Path, cautify: Cautify) -> None:
    """Apply, again, check and revert, each to its end; the neighbour gets its wrap."""
    before = snapshot(root)
    assert cautify("apply", root, "--dry-run").code == 0
    assert snapshot(root) == before
    applied = cautify("apply", root, "--yes")
    assert applied.code == 0, applied.err
    patched = snapshot(root)
    assert b"CautiousOptimizer.wrap" in patched["neighbour.py"][1]
    checked = cautify("check", root)
    assert checked.code == 0, checked.out
    assert cautify("apply", root, "--yes").code == 0
    assert snapshot(root) == patched
    assert cautify("revert", root, "--yes").code == 0


SHADOWING: dict[str, tuple[dict[str, str], Rows]] = {
    "a folder of scripts named torch": ({"torch/notes.py": "x = 1\n"}, []),
    "a folder named optim without modules of that use": (
        {"optim/notes.py": "x = 1\n", "a.py": "from torch import optim\n\noptimizer = optim.Adam(params)\n"},
        [("a.py", 3, "wrap")],
    ),
    "a module named optim inside a package": (
        {
            "pkg/__init__.py": "",
            "pkg/optim.py": "def make(params):\n    return params\n",
            "pkg/a.py": "import torch.optim as optim\nfrom pkg.optim import make\n\noptimizer = optim.Adam(params)\n",
        },
        [("pkg/a.py", 4, "wrap")],
    ),
    "a module named optim that is imported by that name": (
        {
            "optim.py": "class Adam:\n    def __init__(self, params):\n        pass\n",
            "a.py": "import optim\n\noptimizer = optim.Adam(params)\n",
        },
        [],
    ),
    "a module named torch in another folder": (
        {"stubs/torch.py": "class optim:\n    class AdamW:\n        pass\n"},
        [],
    ),
}
"""Modules of the project that bear torch's names but are not meant, or are."""


@pytest.mark.parametrize(("files", "expected"), SHADOWING.values(), ids=SHADOWING)
def test_a_module_of_torchs_name_is_told_from_torch(
    tmp_path: Path, cautify: Cautify, files: dict[str, str], expected: Rows
) -> None:
    root = written(tmp_path / "target", files)
    before = snapshot(root)
    assert rows(make_plan(root, Options())) == expected
    there_and_back(root, cautify)
    assert snapshot(root) == before


@pytest.mark.parametrize("path", ["torch.py", "torch/__init__.py"])
def test_a_script_beside_a_module_named_torch_gets_no_wrap(tmp_path: Path, path: str) -> None:
    text = "class optim:\n    class AdamW:\n        def __init__(self, params, lr):\n            pass\n"
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)
    (tmp_path / "train.py").write_bytes(TRAIN)
    assert make_plan(tmp_path, Options()).files == ()


NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": "import torch\nopt = torch.optim.Adam(p)  # é\n"}]})

BROKEN_NOTEBOOKS = {
    "cut off": NOTEBOOK[:-3].encode(),
    "conflict markers": f"<<<<<<< HEAD\n{NOTEBOOK}\n=======\n>>>>>>> topic\n".encode(),
    "a list": b'["torch.optim.Adam(p)"]',
    "a string": b'"torch.optim.Adam(p)"',
    "cells that are none": b'{"cells": [1, null, "torch.optim.Adam(p)"]}',
    "nested too deeply": b'{"cells": ' + b"[" * 100_000 + b'"torch.optim.Adam(p)"' + b"]" * 100_000 + b"}",
    "a number that is too long": b'{"n": ' + b"9" * 5000 + b', "s": "torch.optim.Adam(p)"}',
    "a cell in Python 2": NOTEBOOK.replace("import torch", "print 1").encode(),
    "a cell that is nested too deeply": NOTEBOOK.replace("import torch", "x = " + "(" * 3000 + ")" * 3000).encode(),
    "a cell with a lone surrogate": NOTEBOOK.replace("import torch", "x = '\\ud800'").encode(),
}


@pytest.mark.parametrize("data", BROKEN_NOTEBOOKS.values(), ids=BROKEN_NOTEBOOKS)
def test_a_broken_notebook_that_names_an_optimizer_is_a_problem(tmp_path: Path, cautify: Cautify, data: bytes) -> None:
    root = written(tmp_path / "target", {"good.ipynb": NOTEBOOK})
    (root / "broken.ipynb").write_bytes(data)
    before = snapshot(root)
    plan = make_plan(root, Options())
    assert [(problem.path, problem.reason) for problem in plan.problems] == [("broken.ipynb", "unparsable")]
    assert rows(plan) == [("good.ipynb", 1, "skip")]
    there_and_back(root, cautify)
    assert snapshot(root) == before


UNUSABLE = {
    "in another encoding": (".ipynb", NOTEBOOK.replace("\\u00e9", "é").encode("latin-1")),
    "in UTF-16": (".ipynb", NOTEBOOK.encode("utf-16")),
    "that is too large": (".yaml", b"optimizer:\n  _target_: torch.optim.Adam\n" + b"# much more\n" * 420_000),
}


@pytest.mark.parametrize(("suffix", "data"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_document_that_is_not_looked_into_is_a_problem(tmp_path: Path, suffix: str, data: bytes) -> None:
    root = written(tmp_path / "target", {})
    (root / f"odd{suffix}").write_bytes(data)
    assert [problem.path for problem in make_plan(root, Options()).problems] == [f"odd{suffix}"]


def test_broken_yaml_and_json_hide_no_good_document(tmp_path: Path, cautify: Cautify) -> None:
    node = "optimizer:\n  _target_: torch.optim.Adam\n"
    broken = {
        "a.yaml": "optimizer: {" * 20_000,
        "b.yaml": "optim:\n" + "".join(f"{' ' * n}k:\n" for n in range(1000)),
        "c.json": '{"optimizer": ' * 20_000,
        "d.json": '{"optimizer": {"type": "Adam", "params": ' + "9" * 5000 + "}}",
        "e.yaml": "a: &a [*b]\nb: &b [*a]\noptimizer: *b\n",
        "f.json": '"optimizer' * 20_000,
    }
    root = written(tmp_path / "target", {**broken, "good.yaml": node})
    before = snapshot(root)
    assert rows(make_plan(root, Options())) == [("good.yaml", 2, "skip")]
    there_and_back(root, cautify)
    assert snapshot(root) == before
