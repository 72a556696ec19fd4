"""What the README tells people to do for CI is done here, word for word, in a repository of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from action_steps import ACTION
from command_line import git

REPOSITORY = Path(__file__).parent.parent
SECTION = re.split(r"(?m)^## ", (REPOSITORY / "README.md").read_text(encoding="utf-8").partition("\n## In CI\n")[2])[0]
BLOCKS = [(language, body) for language, body in re.findall(r"```(\w+)\n(.*?)```", SECTION, re.DOTALL)]
HOOKS = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def shown(language: str) -> list[str]:
    return [body for written, body in BLOCKS if written == language]


def test_the_commands_leave_a_checked_repository(repository: Path, tmp_path: Path) -> None:
    (commands,) = shown("bash")
    program = tmp_path / "bin" / "cautify"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m cautify "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    for part in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{part}_NAME": "t", f"GIT_{part}_EMAIL": "t@example.org"}
    done = subprocess.run(
        ["bash", "-e", "-c", commands], cwd=repository, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert git(repository, "status", "--porcelain") == ""
    written = git(repository, "show", "--name-only", "--format=").split()
    assert {"train.py", "cautious_optimizer.py", ".cautify/manifest.json", ".github/workflows/cautify.yml"} <= {
        *written
    }


def test_the_action_is_shown_as_it_is_called_and_every_input_is_named() -> None:
    steps: list[dict[str, Any]] = yaml.safe_load(shown("yaml")[0])["steps"]
    assert [next(iter(step)) for step in steps] == ["uses", "uses"]
    assert [name for name in ACTION["inputs"] if f"`{name}`" not in SECTION] == []


def test_the_hooks_that_are_shown_exist() -> None:
    (repo,) = yaml.safe_load(shown("yaml")[1])["repos"]
    assert {hook["id"] for hook in repo["hooks"]} <= {hook["id"] for hook in HOOKS}
    assert all(f"`{hook['id']}`" in SECTION for hook in HOOKS)


@pytest.mark.parametrize("format", ["json", "github", "sarif", "junit"])
def test_every_format_for_programs_is_named(format: str) -> None:
    assert f"\n| `{format}` | " in SECTION
