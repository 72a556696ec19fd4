"""The line length that pre-commit hooks stand for, and how the options that are added keep to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cautify.model import Options
from cautify.patch.hooks import hook_length, sorted_by_usort
from cautify.patch.plan import make_plan

BLACK = "repos:\n  - repo: https://github.com/psf/black\n    rev: 24.1.0\n    hooks:\n      - id: black\n"
LINTS = "  - repo: https://github.com/pycqa/flake8\n    rev: 7.0.0\n    hooks:\n      - id: flake8\n"
UFMT = "repos:\n- repo: https://github.com/omnilib/ufmt\n  rev: v2.3.0\n  hooks:\n    - id: ufmt\n"
OF_UFMT = "      additional_dependencies:\n        - black == 22.6.0\n        - usort == 1.0.4\n"


@pytest.mark.parametrize(
    ("hooks", "length"),
    [
        pytest.param("repos: []\n", None, id="nothing formats"),
        pytest.param("repos:\n" + LINTS, None, id="a linter is no formatter"),
        pytest.param(f"{BLACK}        exclude: ^old/\n", None, id="black formats some files only"),
        pytest.param(f"{BLACK}        files: ^src/\n", None, id="black formats one directory only"),
        pytest.param(f"{BLACK}        args: [--config, tools/black.toml]\n", None, id="black is told elsewhere"),
        pytest.param("repos:\n#  - id: black\n", None, id="black is only in a comment"),
        pytest.param(BLACK, 88, id="black is told nothing"),
        pytest.param(BLACK + LINTS + "        exclude: ^old/\n", 88, id="another hook is told something"),
        pytest.param(UFMT + OF_UFMT, 88, id="ufmt formats as black does"),
        pytest.param(f"{BLACK}        args: [--line-length=100]\n", 100, id="black is told a length"),
    ],
)
def test_the_length_of_a_formatter_that_runs_as_a_hook(tmp_path: Path, hooks: str, length: int | None) -> None:
    (tmp_path / ".pre-commit-config.yaml").write_text(hooks, encoding="utf-8")
    assert hook_length(tmp_path) == length


@pytest.mark.parametrize(
    ("hooks", "sorts"), [(BLACK + LINTS, False), (UFMT, True), (UFMT.replace("ufmt", "usort"), True)]
)
def test_ufmt_sorts_as_usort_does_and_black_does_not(tmp_path: Path, hooks: str, sorts: bool) -> None:
    (tmp_path / ".pre-commit-config.yaml").write_text(hooks, encoding="utf-8")
    assert sorted_by_usort(tmp_path) is sorts


PROGRAM = """import argparse

import torch


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--lr",
        type=float,
        default=1e-4,
        help="how far a step goes: the number by which what the optimizer proposes is multiplied before it is applied",
    )
    parser.add_argument("--epochs", type=int, default=3, help="how often the data are seen")
    return parser.parse_args()


def train(model):
    args = parse()
    return torch.optim.AdamW(model.parameters(), lr=args.lr)
"""


def test_options_are_broken_as_the_formatter_of_a_hook_breaks_them(tmp_path: Path) -> None:
    (tmp_path / ".pre-commit-config.yaml").write_text(UFMT + OF_UFMT, encoding="utf-8")
    (tmp_path / ".flake8").write_text("[flake8]\nmax-line-length = 120\n", encoding="utf-8")
    (tmp_path / "train.py").write_text(PROGRAM, encoding="utf-8")
    after = next(f.after for f in make_plan(tmp_path, Options()).files if f.path == "train.py")
    assert after is not None
    added = [line for line in after.decode().splitlines() if line not in PROGRAM.splitlines()]
    assert '        "--cautious_eps",' in added
    assert [line for line in added if len(line) > 88 and not line.lstrip().startswith("help=")] == []
