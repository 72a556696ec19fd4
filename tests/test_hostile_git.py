"""A repository that names programs for git to run: cautify asks git about it, and none of them is run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, git, snapshot


class Trap:
    """A program that leaves a mark, and what would run it."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository = repository
        self.mark = folder / "mark"
        self.program = folder / "program"
        self.program.write_text(f"#!/bin/sh\necho ran >> {self.mark}\nexit 1\n")
        self.program.chmod(0o755)

    def config(self, *settings: str, file: Path | None = None) -> None:
        with open(file or self.repository / ".git/config", "a") as config:
            config.write("\n".join(settings) + "\n")

    def sprung(self) -> bool:
        return self.mark.exists()


def monitor(trap: Trap) -> None:
    trap.config("[core]", f"fsmonitor = {trap.program}")


def hook(trap: Trap) -> None:
    hooks = trap.program.parent / "hooks"
    hooks.mkdir()
    trap.program.rename(hooks / "post-index-change")
    trap.config("[core]", f"hooksPath = {hooks}")


def own_hook(trap: Trap) -> None:
    (trap.repository / ".git/hooks").mkdir(exist_ok=True)
    trap.program.rename(trap.repository / ".git/hooks/post-index-change")


def clean_filter(trap: Trap, name: str = "evil", key: str = "clean") -> None:
    (trap.repository / ".gitattributes").write_text(f"*.py filter={name}\n")
    trap.config(f'[filter "{name}"]', f"{key} = {trap.program}", "required = true")


def included_filter(trap: Trap) -> None:
    clean_filter(trap)
    (trap.repository / ".git/config").rename(trap.repository / ".git/more")
    git(trap.repository, "config", "--file", ".git/config", "core.repositoryFormatVersion", "0")
    trap.config("[include]", "path = more")


def filter_process(trap: Trap) -> None:
    clean_filter(trap, key="process")


def filter_with_an_odd_name(trap: Trap) -> None:
    clean_filter(trap, name="a=b.clean")


def submodule_with_a_monitor(trap: Trap) -> None:
    inner = trap.repository / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "a.txt").write_text("")
    git(inner, "add", "-A")
    git(inner, "commit", "-qm", "inner")
    git(trap.repository, "add", "inner")
    git(trap.repository, "commit", "-qm", "outer")
    trap.config("[core]", f"fsmonitor = {trap.program}", file=inner / ".git/config")


def missing_tree_to_fetch(trap: Trap) -> None:
    tree = git(trap.repository, "rev-parse", "HEAD^{tree}").strip()
    (trap.repository / ".git/objects" / tree[:2] / tree[2:]).unlink()
    trap.config("[core]", "repositoryFormatVersion = 1", "[extensions]", "partialClone = origin")
    trap.config('[remote "origin"]', "promisor = true", f"url = {trap.repository}", f"uploadpack = {trap.program}")
    trap.config("[protocol]", "allow = always")


TRAPS = (
    *(monitor, hook, own_hook, clean_filter, included_filter, filter_process, filter_with_an_odd_name),
    *(submodule_with_a_monitor, missing_tree_to_fetch),
)


@pytest.fixture
def repo(repository: Path) -> Path:
    """With a file that only its time makes look changed, so that git has to read it."""
    os.utime(repository / "train.py", (1, 1))
    return repository


@pytest.mark.parametrize("laid", TRAPS, ids=lambda laid: laid.__name__.replace("_", " "))
def test_no_program_that_the_repository_names_is_run(
    cautify: Cautify, repo: Path, tmp_path: Path, laid: Callable[[Trap], None]
) -> None:
    folder = tmp_path / "trap"
    folder.mkdir()
    trap = Trap(repo, folder)
    laid(trap)
    before = snapshot(repo)

    codes = [
        cautify(*command, repo).code for command in (["scan"], ["apply", "--yes"], ["apply", "--yes", "--allow-dirty"])
    ]
    codes += [cautify(*command, repo).code for command in (["check"], ["revert", "--yes"])]

    assert not trap.sprung()
    assert codes[0] == 0
    assert codes[2:] == [0, 0, 0]
    assert snapshot(repo) == before
    os.utime(repo / "train.py", (2, 2))
    subprocess.run(["git", "status"], cwd=repo, capture_output=True, check=False, timeout=20)
    assert trap.sprung(), "the trap would not have caught anything"


def test_what_git_cannot_tell_counts_as_uncommitted(cautify: Cautify, repo: Path, tmp_path: Path) -> None:
    (repo / ".git/index").write_bytes(b"not an index")
    ended = cautify("apply", repo, "--yes")
    assert ended.code == 2
    assert "uncommitted changes: train.py" in ended.err
    assert (repo / "train.py").read_bytes() == TRAIN


@pytest.mark.parametrize("relative", [".", "", "bin"])
def test_a_git_that_lies_in_the_target_is_not_run(
    cautify: Cautify, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, relative: str
) -> None:
    mark = tmp_path / "mark"
    place = repo / relative / "git"
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\necho ran > {mark}\n")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{relative}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(repo)

    assert cautify("apply", ".", "--yes").code == 0
    assert cautify("check", ".").code == 0

    assert not mark.exists()
    subprocess.run(["git", "status"], check=False)
    assert mark.exists()


def test_what_a_hook_says_of_its_own_repository_is_not_taken_for_the_targets(
    cautify: Cautify, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    ended = cautify("apply", repository, "--yes")
    assert ended.code == 0, ended.err


def test_a_pipe_that_git_waits_on_is_not_waited_on_for_ever(
    cautify: Cautify, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(repository / ".gitignore")
    monkeypatch.setattr("cautify.git.PATIENCE", 0.2)
    ended = cautify("scan", repository)
    assert ended.code == 0
    assert b"train.py" in ended.out
