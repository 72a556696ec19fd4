"""Trouble on the way to the disk: files that are replaced meanwhile, or may not be, or that have other names."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, Ended, snapshot

from cautify.model import Options
from cautify.patch import plan, write

WRITING = ("apply", "revert")


def refused(ended: Ended, *words: str) -> None:
    assert ended.code == 2, ended
    assert " bug" not in ended.err
    assert all(word in ended.err for word in words), ended.err


def by_a_directory(place: Path, outside: Path) -> None:
    place.unlink()
    place.mkdir()


def by_a_link_out_of_the_tree(place: Path, outside: Path) -> None:
    outside.write_bytes(place.read_bytes())
    place.unlink()
    place.symlink_to(outside)


def by_a_rename(place: Path, outside: Path) -> None:
    other = place.with_name("other")
    other.write_bytes(b"# another version\n")
    other.rename(place)


def by_a_pipe(place: Path, outside: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def by_nothing(place: Path, outside: Path) -> None:
    place.unlink()


WAYS = (by_a_directory, by_a_link_out_of_the_tree, by_a_rename, by_a_pipe, by_nothing)


@pytest.mark.parametrize("when", ["plan", "journal", "stage train.py"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.replace("_", " "))
def test_a_file_that_is_replaced_after_planning_is_not_written(
    cautify: Cautify,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Path, Path], None],
    when: str,
) -> None:
    outside = tmp_path / "outside.py"
    commit, make_plan = write.commit, plan.make_plan

    def strike(step: str) -> None:
        if step == when:
            way(tree / "train.py", outside)

    def plan_and_strike(root: Path, options: Options, **rest: object) -> object:
        made = make_plan(root, options, **rest)  # type: ignore[arg-type]
        strike("plan")
        return made

    monkeypatch.setattr(plan, "make_plan", plan_and_strike)
    monkeypatch.setattr(write, "commit", lambda *a, **k: commit(*a, **k, hook=strike))
    refused(cautify("apply", tree, "--yes"), "train.py")
    if outside.exists():
        assert outside.read_bytes() == TRAIN
    left = set(os.listdir(tree)) - {"train.py", "plot.py"}
    if left:  # what replaced the file is not ours to remove, so the way back waits until it is mended
        assert left == {".cautify"}
        refused(cautify("apply", tree, "--yes"), "train.py")
        place = tree / "train.py"
        place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink(missing_ok=True)
        assert cautify("revert", tree, "--yes").code == 0
        assert (tree / "train.py").read_bytes() == TRAIN
        assert not (tree / ".cautify").exists()


def test_a_directory_that_becomes_a_link_while_writing_leads_nothing_astray(
    cautify: Cautify, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree / "inner").mkdir()
    (tree / "inner/train.py").write_bytes(TRAIN)
    before = snapshot(tree)
    commit = write.commit

    def strike(step: str) -> None:
        if step == "journal":
            (tree / "inner").rename(tmp_path / "moved")
            (tree / "inner").symlink_to(outside)

    with monkeypatch.context() as patched:
        patched.setattr(write, "commit", lambda *a, **k: commit(*a, **k, hook=strike))
        refused(cautify("apply", tree, "--yes"), "inner/train.py")
    assert os.listdir(outside) == []
    (tree / "inner").unlink()
    (tmp_path / "moved").rename(tree / "inner")
    assert cautify("revert", tree, "--yes").code == 0
    assert snapshot(tree) == before


Freeze = Callable[[Path, str], None]


@pytest.fixture
def freeze() -> Iterator[Freeze]:
    """Has the system refuse changes to a place, to root as well: i to all of it, a to what is there already."""
    places: list[Path] = []

    def change(place: Path, attribute: str) -> None:
        try:
            subprocess.run(["chattr", f"+{attribute}", place], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("this file system, or this user, cannot make a file immutable")
        places.append(place)

    yield change
    for place in places:
        subprocess.run(["chattr", "-ia", place], check=True)


@pytest.mark.parametrize("command", WRITING)
@pytest.mark.parametrize("name", ["train.py", "inner"])
def test_what_is_immutable_is_named_and_all_is_as_before(
    cautify: Cautify, tree: Path, freeze: Freeze, command: str, name: str
) -> None:
    (tree / "inner").mkdir()
    (tree / "inner/finetune.py").write_bytes(TRAIN)
    if command == "revert":
        assert cautify("apply", tree, "--yes").code == 0
    before = snapshot(tree)
    freeze(tree / name, "i")
    refused(cautify(command, tree, "--yes"), name, "read-only")
    assert snapshot(tree) == before


def test_what_cannot_be_taken_back_now_is_taken_back_when_it_can(cautify: Cautify, tree: Path, freeze: Freeze) -> None:
    (tree / "inner").mkdir()
    (tree / "inner/finetune.py").write_bytes(TRAIN)
    before = snapshot(tree)
    freeze(tree / "inner", "a")  # new files are let in, and then neither renamed nor removed
    refused(cautify("apply", tree, "--yes"), "could not be taken back", "run `cautify revert`")
    refused(cautify("revert", tree, "--yes"), "inner", "not permitted")
    subprocess.run(["chattr", "-a", tree / "inner"], check=True)
    assert cautify("revert", tree, "--yes").code == 0
    assert snapshot(tree) == before


@pytest.mark.parametrize("twin", ["Cautious_Optimizer.py", "CAUTIOUS_OPTIMIZER.PY"])
def test_a_runtime_whose_name_differs_in_case_alone_is_not_put_beside(
    cautify: Cautify, tree: Path, twin: str, unchanged: Callable[[Path], None]
) -> None:
    (tree / twin).write_bytes(b"# mine\n")
    unchanged(tree)
    refused(cautify("apply", tree, "--yes"), "cautious_optimizer.py", twin, "--vendor-to")


def test_a_directory_whose_name_differs_in_case_alone_is_not_put_beside(
    cautify: Cautify, tree: Path, unchanged: Callable[[Path], None]
) -> None:
    (tree / "Vendor").mkdir()
    unchanged(tree)
    refused(cautify("apply", tree, "--yes", "--vendor-to", "vendor/deep"), "vendor/deep", "Vendor is there")


def test_a_file_with_another_name_is_patched_under_this_one_alone_and_that_is_said(
    cautify: Cautify, tree: Path, tmp_path: Path
) -> None:
    os.link(tree / "train.py", tmp_path / "store.py")
    ended = cautify("apply", tree, "--yes", "--quiet")
    assert ended.code == 0
    assert "warning: train.py is a hard link" in ended.err
    assert "plot.py" not in ended.err
    assert b"CautiousOptimizer.wrap" in (tree / "train.py").read_bytes()
    assert (tmp_path / "store.py").read_bytes() == TRAIN
    assert "hard link" not in cautify("revert", tree, "--yes").err
    assert (tree / "train.py").read_bytes() == (tmp_path / "store.py").read_bytes() == TRAIN


def test_a_file_that_a_link_leads_to_is_in_the_diff_once_and_git_applies_it(
    cautify: Cautify, tree: Path, tmp_path: Path
) -> None:
    (tree / "scripts").mkdir()
    (tree / "train.py").rename(tree / "scripts/train.py")
    (tree / "train.py").symlink_to("scripts/train.py")
    other = tmp_path / "other"
    shutil.copytree(tree, other, symlinks=True)
    before = snapshot(other)
    for command in WRITING:
        diff = cautify(command, tree, "--yes")
        assert diff.code == 0
        assert diff.out.count(b"scripts/train.py b/scripts/train.py") == 1
        assert b"a/train.py" not in diff.out
        subprocess.run(["git", "apply"], input=diff.out, cwd=other, check=True)
        patched = {path: what for path, what in snapshot(tree).items() if not path.startswith(".cautify")}
        assert snapshot(other) == patched
    assert snapshot(tree) == before
