"""The hooks for pre-commit: each entry is a command that exists, and does its work on the files it is given."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import TRAIN, Cautify, git

HOOKS: dict[str, dict[str, Any]] = {
    hook["id"]: hook
    for hook in yaml.safe_load((Path(__file__).parent.parent / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}


@pytest.fixture
def hook(cautify: Cautify, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a hook's entry as pre-commit does: from the repository's top, with the staged files where it wants them."""

    def run(name: str, root: Path) -> int:
        monkeypatch.chdir(root)
        program, *arguments = shlex.split(HOOKS[name]["entry"])
        assert program == "cautify"
        staged = git(root, "diff", "--cached", "--name-only", "--diff-filter=d").split()
        names = [path for path in staged if path.endswith((".py", ".yaml"))]
        return cautify(*arguments, *(names if HOOKS[name].get("pass_filenames", True) else ())).code

    return run


@pytest.fixture
def committed(patched: Path) -> Path:
    git(patched, "init", "-q")
    git(patched, "add", "-A")
    git(patched, "commit", "-qm", "patched")
    return patched


def test_there_are_two_hooks() -> None:
    assert set(HOOKS) == {"cautify-check", "cautify-apply"}


def test_one_process_judges_a_commit() -> None:
    assert all(hook["require_serial"] for hook in HOOKS.values())


def test_the_hook_that_writes_runs_before_a_commit_only() -> None:
    assert HOOKS["cautify-apply"]["stages"] == ["pre-commit", "manual"]


def test_check_passes_what_is_patched(hook: Callable[..., int], committed: Path) -> None:
    (committed / "other.py").write_text("x = 1\n")
    git(committed, "add", "-A")
    assert hook("cautify-check", committed) == 0


def test_check_fails_a_commit_with_a_new_site(hook: Callable[..., int], committed: Path) -> None:
    (committed / "new.py").write_bytes(TRAIN)
    git(committed, "add", "-A")
    assert hook("cautify-check", committed) == 1


def test_apply_patches_what_is_staged_and_pre_commit_can_see_it(hook: Callable[..., int], committed: Path) -> None:
    (committed / "new.py").write_bytes(TRAIN)
    git(committed, "add", "-A")
    assert hook("cautify-apply", committed) == 0
    assert git(committed, "diff", "--name-only").split() == [".cautify/manifest.json", "new.py"]
    git(committed, "add", "-A")
    assert hook("cautify-check", committed) == 0
    assert hook("cautify-apply", committed) == 0
    assert git(committed, "diff", "--name-only") == ""
