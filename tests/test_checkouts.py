"""Every kind of checkout: apply, check and revert work on it, and leave it as git had it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, git, snapshot


def worktree(repository: Path, place: Path) -> Path:
    git(repository, "worktree", "add", "-q", str(place))
    return place


def shallow_clone(repository: Path, place: Path) -> Path:
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(repository, "clone", "-q", "--depth=1", f"file://{repository}", str(place))
    return place


def submodule(repository: Path, place: Path) -> Path:
    place.mkdir()
    git(place, "init", "-q")
    (place / "train.py").write_bytes(TRAIN)
    git(place, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "sub")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "with a submodule")
    return place / "sub"


def link(repository: Path, place: Path) -> Path:
    place.symlink_to(repository)
    return place


def link_to_a_folder_within(repository: Path, place: Path) -> Path:
    (repository / "inner").mkdir()
    (repository / "inner/train.py").write_bytes(TRAIN)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "inner")
    place.symlink_to(repository / "inner")
    return place


def no_repository(repository: Path, place: Path) -> Path:
    shutil.copytree(repository, place, ignore=shutil.ignore_patterns(".git"))
    return place


CHECKOUTS = (worktree, shallow_clone, submodule, link, link_to_a_folder_within, no_repository)


@pytest.mark.parametrize("with_git", [True, False], ids=["with git", "without git"])
@pytest.mark.parametrize("checkout", CHECKOUTS, ids=lambda checkout: checkout.__name__.replace("_", " "))
def test_it_is_patched_checked_and_taken_back(
    cautify: Cautify,
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkout: Callable[[Path, Path], Path],
    with_git: bool,
) -> None:
    root = checkout(repository, tmp_path / "checkout")
    before = snapshot(tmp_path)
    with monkeypatch.context() as patched:
        if not with_git:
            patched.setenv("PATH", str(tmp_path / "nowhere"))
        ended = cautify("apply", root, "--yes")
        assert ended.code == 0, ended
        assert b"CautiousOptimizer.wrap" in (root / "train.py").read_bytes()
        assert cautify("check", root).code == 0
        if with_git and checkout is not no_repository:
            git(root, "add", "-A")
            git(root, "commit", "-qm", "patched")
            assert cautify("check", root).code == 0
        ended = cautify("revert", root, "--yes")
        assert ended.code == 0, ended
    assert {path: what for path, what in snapshot(tmp_path).items() if ".git/" not in path} == {
        path: what for path, what in before.items() if ".git/" not in path
    }


def test_a_submodule_is_another_repository_and_left_alone(cautify: Cautify, repository: Path, tmp_path: Path) -> None:
    inner = submodule(repository, tmp_path / "outer")
    assert cautify("apply", inner.parent, "--yes").code == 0
    assert b"CautiousOptimizer.wrap" in (inner.parent / "train.py").read_bytes()
    assert (inner / "train.py").read_bytes() == TRAIN
    assert git(inner, "status", "--porcelain") == ""


def test_uncommitted_changes_are_seen_in_a_worktree_and_in_a_submodule(
    cautify: Cautify, repository: Path, tmp_path: Path
) -> None:
    for root in (worktree(repository, tmp_path / "tree"), submodule(repository, tmp_path / "outer")):
        (root / "train.py").write_bytes(TRAIN + b"# mine\n")
        ended = cautify("apply", root, "--yes")
        assert ended.code == 2
        assert "uncommitted changes: train.py" in ended.err


def test_a_linked_path_names_the_place_itself_in_what_it_records(cautify: Cautify, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    assert cautify("apply", tmp_path / "link", "--yes").code == 0
    assert str(tmp_path).encode() not in (tree / ".cautify/manifest.json").read_bytes()
    assert cautify("check", tree / "train.py").code == 0
    os.rename(tree, tmp_path / "moved")
    assert cautify("check", tmp_path / "moved").code == 0
    assert cautify("revert", tmp_path / "moved", "--yes").code == 0
    assert (tmp_path / "moved/train.py").read_bytes() == TRAIN
