"""Where the import goes in files that usort sorts: it sorts across blank lines, and knows few modules as the project's.

``|`` begins a line that is added. What usort itself leaves as it is was seen by running its release 1.0.5.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cautify.model import Options
from cautify.patch.plan import make_plan

USORT = "[tool.usort]\n"
USE = "\n\n\ndef build(ps):\n    return torch.optim.AdamW(ps, lr=1e-3)\n"
ENTRIES = {
    "modules beside the script are third-party to usort": """
import os

import torch
|from cautious_optimizer import CautiousOptimizer
from fancy import ndarray

from logic import steps
from yaml import dump
""",
    "the import stays on its side of a star import": """
import torch
|from cautious_optimizer import CautiousOptimizer
from base import *
from zoo import one
""",
    "the import stays on its side of a line that is skipped": """
import torch
|from cautious_optimizer import CautiousOptimizer
import base  # usort:skip
from zoo import one
""",
}


def patched(root: Path, text: str, settings: str) -> str:
    (root / "pyproject.toml").write_text(settings, encoding="utf-8")
    for name in ("base", "data", "logic", "zoo"):
        (root / f"{name}.py").write_text("", encoding="utf-8")
    (root / "train.py").write_text(text, encoding="utf-8")
    after = next(f.after for f in make_plan(root, Options()).files if f.path == "train.py")
    assert after is not None
    return after.decode().partition("\n\n\ndef build")[0]


@pytest.mark.parametrize("marked", ENTRIES.values(), ids=ENTRIES)
def test_the_import_goes_where_usort_leaves_it(tmp_path: Path, marked: str) -> None:
    lines = marked.strip("\n").split("\n")
    before = "\n".join(line for line in lines if not line.startswith("|"))
    after = "\n".join(line.removeprefix("|") for line in lines)
    assert patched(tmp_path, before + USE, USORT) == after


def test_isort_that_is_asked_for_besides_has_the_say(tmp_path: Path) -> None:
    before = "import torch\n\nfrom data import sets" + USE
    after = "import torch\n\nfrom cautious_optimizer import CautiousOptimizer\nfrom data import sets"
    assert patched(tmp_path, before, f"{USORT}[tool.isort]\n") == after


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        pytest.param(USORT, True, id="the package that a file is in is a category of its own"),
        pytest.param(f"{USORT}first_party_detection = false\n", False, id="unless nobody is to look for it"),
        pytest.param(
            f'{USORT}first_party_detection = false\nknown_first_party = ["pkg"]\n',
            True,
            id="and the settings name none",
        ),
    ],
)
def test_in_a_package(tmp_path: Path, settings: str, own: bool) -> None:
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "train.py").write_text(f"import torch\nfrom zoo import gnu{USE}", encoding="utf-8")
    after = next(f.after for f in make_plan(tmp_path, Options()).files if f.path == "pkg/train.py")
    assert after is not None
    ours = "from pkg.cautious_optimizer import CautiousOptimizer\n"
    theirs = "from zoo import gnu\n"
    assert after.decode().startswith("import torch\n" + (f"{theirs}\n{ours}" if own else f"{ours}{theirs}"))
