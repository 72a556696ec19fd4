"""CI runs what the README tells people to run, word for word, on a copy of the tree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
RUN = (REPOSITORY / ".ci" / "run").read_text()
README = (REPOSITORY / "README.md").read_text()
BLOCKS = dict(re.findall(r"<!-- \.ci/run: (\w+) -->\n+```\w*\n(.*?)```", README, re.DOTALL))


def in_its_shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the functions of .ci/run are defined."""
    functions = re.findall(r"^\w+\(\) \{.*?^\}\n", RUN, re.DOTALL | re.MULTILINE)
    script = "set -euo pipefail\n" + "".join(functions) + command
    return subprocess.run(["bash", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["try", "test"])
def test_the_readme_marks_two_commands_and_ci_runs_them(name: str) -> None:
    commands = [line for line in BLOCKS[name].splitlines() if line]
    assert len(commands) == 2
    assert in_its_shell(f"readme {name}").stdout == BLOCKS[name]
    assert f"\nas_the_readme_says {name}\n" in RUN


def test_the_first_command_installs_with_the_pinned_versions() -> None:
    assert all("pip install -c constraints.txt" in block.splitlines()[0] for block in BLOCKS.values())


def test_the_readmes_test_command_runs_the_whole_suite() -> None:
    assert BLOCKS["test"].splitlines()[1] == ".venv/bin/python -m pytest -n auto"


def test_a_block_that_the_readme_lacks_fails_the_run() -> None:
    ended = in_its_shell("as_the_readme_says no-such-block\necho went on")
    assert ended.returncode != 0
    assert "went on" not in ended.stdout


def test_what_fails_is_tried_three_times_and_then_fails_the_run(tmp_path: Path) -> None:
    tried = tmp_path / "tried"
    ended = in_its_shell(f"sleep() {{ :; }}\nfails() {{ echo >> {tried}; return 7; }}\nretried fails\necho went on")
    assert ended.returncode != 0
    assert tried.read_text() == "\n" * 3
    assert "went on" not in ended.stdout


@pytest.mark.parametrize(
    "step",
    [
        "ruff check .",
        "ruff format --check .",
        ".venv/bin/mypy\n",
        "python -m build",
        "cautify apply target --yes",
        "cautify check target",
        "cautify revert target --yes",
        "pytest -m real",
    ],
)
def test_ci_has_the_step(step: str) -> None:
    assert step in RUN


def test_the_workflow_runs_the_same_script() -> None:
    assert "- run: bash .ci/run" in (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text()


def test_the_script_is_valid_and_stops_at_the_first_failure() -> None:
    assert subprocess.run(["bash", "-n", str(REPOSITORY / ".ci" / "run")], check=False).returncode == 0
    assert "set -euo pipefail" in RUN
