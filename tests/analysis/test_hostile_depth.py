"""Code that is nested, chained or summed too deeply, or is too long: a row or a problem of that file alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Cautify, snapshot
from test_hostile_code import rows, there_and_back, written

from cautify.model import Options
from cautify.patch.plan import make_plan


def chain(length: int, first: str, link: str, last: str) -> str:
    return "import torch\n" + first + "".join(link.format(n, n - 1) for n in range(1, length)) + last


DEEP = {
    "a chain of functions": chain(
        600,
        "def f0(params):\n    return torch.optim.Adam(params)\n",
        "def f{}(params):\n    return f{}(params)\n",
        "optimizer = f599(params)\n",
    ),
    "a chain of classes": chain(
        200, "class C0(torch.optim.Adam):\n    pass\n", "class C{}(C{}):\n    pass\n", "optimizer = C199(params)\n"
    ),
    "a chain of variables": chain(
        1000, "c0 = torch.optim.Adam\n", "c{} = c{}\n", "optimizer = c999(params, lr=1e-3)\n"
    ),
    "functions that all return each other's class": "import torch\n"
    + "".join(
        f"def f{n}(k):\n"
        + "".join(f"    if k == {m}:\n        return f{m}(k)\n" for m in range(25))
        + "    return torch.optim.Adam\n"
        for n in range(25)
    )
    + "optimizer = f0(1)(params, lr=1e-3)\n",
    "a long sum": "import torch\nx = " + "+".join("1" * 3000) + "\noptimizer = torch.optim.Adam(params)\n",
    "a long sum in the call": "import torch\noptimizer = torch.optim.Adam(params, lr=" + "+".join("1" * 3000) + ")\n",
    "many strings in a row": "import torch\nx = (" + "'a'\n" * 3000 + ")\noptimizer = torch.optim.Adam(params)\n",
    "a long elif": "import torch\nif a:\n    pass\n"
    + "elif b:\n    pass\n" * 3000
    + "optimizer = torch.optim.Adam(params)\n",
    "brackets around": "import torch\nx = " + "[" * 180 + "torch.optim.Adam(params)" + "]" * 180 + "\n",
    "calls around": "import torch\nx = " + "f(" * 180 + "torch.optim.Adam(params)" + ")" * 180 + "\n",
    "lambdas around": "import torch\nx = " + "lambda p: " * 180 + "torch.optim.Adam(params)\n",
    "ninety functions around": "import torch\n"
    + "".join(" " * n + f"def f{n}(params):\n" for n in range(90))
    + " " * 90
    + "return torch.optim.Adam(params)\n",
    "two hundred functions around": "import torch\n"
    + "".join(" " * n + f"def f{n}(params):\n" for n in range(200))
    + " " * 200
    + "return torch.optim.Adam(params)\n",
    "two hundred conditions around": "import torch\n"
    + "".join(" " * n + f"if a{n}:\n" for n in range(200))
    + " " * 200
    + "optimizer = torch.optim.Adam(params)\n",
}
"""What is nested, chained or summed too deeply."""


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_depth_is_a_row_or_a_problem_of_that_file_alone(tmp_path: Path, cautify: Cautify, text: str) -> None:
    root = written(tmp_path / "target", {})
    (root / "deep.py").write_text(text, encoding="utf-8")
    before = snapshot(root)
    scanned = cautify("scan", root, "--format", "json")
    assert scanned.code == 0, scanned.err
    report = json.loads(scanned.out)
    assert {row["path"] for row in report["sites"] + report["problems"]} == {"deep.py", "neighbour.py"}
    there_and_back(root, cautify)
    assert snapshot(root) == before


def test_brackets_that_no_python_accepts_do_not_end_the_process(tmp_path: Path) -> None:
    root = written(tmp_path / "target", {})
    (root / "deep.py").write_text(f"import torch\nx = {'[' * 3000}{']' * 3000}\noptimizer = torch.optim.Adam(params)\n")
    command = [sys.executable, "-m", "cautify", "scan", str(root), "--format", "json"]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 0
    assert [problem["path"] for problem in json.loads(ended.stdout)["problems"]] == ["deep.py"]


def test_a_file_at_the_end_of_a_long_chain_of_imports_is_no_problem(tmp_path: Path) -> None:
    files = {f"m{n}.py": f"from m{n - 1} import *\n" for n in range(1, 700)}
    files |= {"m0.py": "from torch.optim import *\n", "a.py": "from m699 import *\n\noptimizer = Adam(params, lr=1)\n"}
    plan = make_plan(written(tmp_path, files), Options())
    assert plan.problems == ()
    assert [row[0] for row in rows(plan)] == ["a.py"]


def test_a_name_that_no_star_import_gives_is_asked_for_once_in_each_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cautify.analysis.project import Project

    count = 10
    files = {f"m{n}.py": "".join(f"from m{k} import *\n" for k in range(n)) for n in range(count)}
    files["a.py"] = f"from m{count - 1} import *\n\noptimizer = Missing(params, lr=1e-3)\n"
    asked: list[str] = []
    real = Project.import_target

    def counted(self: Project, importer: str, dotted: str) -> object:
        asked.append(importer)
        return real(self, importer, dotted)

    monkeypatch.setattr(Project, "import_target", counted)
    make_plan(written(tmp_path, files), Options())
    statements = count * (count - 1) // 2 + 1
    assert len(asked) <= 5 * statements


def test_one_line_of_200_000_characters_is_edited_in_its_place(cautify: Cautify, tmp_path: Path) -> None:
    tree = written(tmp_path / "target", {})
    line = b"import torch; x = [" + b"1, " * 66_000 + b"]; optimizer = torch.optim.Adam(p, lr=1)\n"
    (tree / "line.py").write_bytes(line)
    assert cautify("apply", tree, "--yes").code == 0
    patched = (tree / "line.py").read_bytes()
    assert patched.count(b"1, ") == 66_000
    assert b"CautiousOptimizer.wrap(torch.optim.Adam(p, lr=1))" in patched
    assert cautify("revert", tree, "--yes").code == 0
    assert (tree / "line.py").read_bytes() == line
