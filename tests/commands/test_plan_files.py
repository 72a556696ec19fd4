"""apply --plan-out and apply --plan: one plan, made here and written there, exactly or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, Snapshot, snapshot
from plan_clones import CONFIG, build, refused

from cautify.model import Options
from cautify.patch import manifest
from cautify.patch.records import Manifest

Unchanged = Callable[[Path], None]

MANIFEST = ".cautify/manifest.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build(tmp_path / "target")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def copy(root: Path, name: str) -> Path:
    """Another clone of the same commit, with what is not committed too."""
    return Path(shutil.copytree(root, root.parent / name, symlinks=True))


def directly(cautify: Cautify, root: Path, *options: str) -> Snapshot:
    """What apply makes of such a tree."""
    other = copy(root, "directly")
    ended = cautify("apply", other, "--yes", *options)
    assert ended.code == 0, ended.err
    return snapshot(other)


# -- made here, written there -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [[], ["--ignore", "train.py"], ["--vendor-to", "deep/in/vendor"], ["--default", "on"]]
)
def test_a_plan_writes_in_another_clone_what_apply_would_have_written(
    cautify: Cautify, root: Path, plan: Path, unchanged: Unchanged, options: list[str]
) -> None:
    other, expected = copy(root, "other"), directly(cautify, root, *options)
    unchanged(root)
    shown = cautify("apply", root, "--dry-run", *options)
    made = cautify("apply", root, "--plan-out", plan, *options)
    assert (made.code, made.out) == (0, shown.out)
    assert f"cautify apply --plan {plan}" in made.err
    assert str(root.parent).encode() not in plan.read_bytes()
    again = cautify("apply", other, "--plan", plan, "--dry-run")
    assert (again.code, again.out) == (0, shown.out)
    ended = cautify("apply", other, "--plan", plan, "--yes")
    assert (ended.code, ended.out) == (0, shown.out), ended.err
    assert snapshot(other) == expected
    assert cautify("check", other).code == 0
    assert cautify("revert", other, "--yes").code == 0
    assert snapshot(other) == snapshot(root)


def test_the_same_plan_is_the_same_bytes(cautify: Cautify, root: Path, plan: Path) -> None:
    assert cautify("apply", root, "--plan-out", plan).code == 0
    first = plan.read_bytes()
    assert cautify("apply", copy(root, "other"), "--plan-out", plan).code == 0
    assert plan.read_bytes() == first


def test_what_was_chosen_on_a_terminal_is_written_without_one(cautify: Cautify, root: Path, plan: Path) -> None:
    chosen = cautify("apply", root, "-i", "--plan-out", plan, answer="n\ny\nn\n")
    assert chosen.code == 0, chosen.err
    assert not (root / ".cautify").exists()
    assert cautify("apply", root, "--plan", plan, "--yes").code == 0
    text = {path: (root / path).read_bytes() for path in ("old/\u00fcbung.py", "pkg/config.py", "train.py")}
    assert [b"CautiousOptimizer.wrap(" in data for data in text.values()] == [False, True, False]
    assert cautify("check", root).code == 0


@pytest.mark.parametrize(
    "drift",
    [
        lambda root: (root / "new.py").write_bytes(TRAIN),
        lambda root: (root / "train.py").write_bytes(b"# mine\n" + (root / "train.py").read_bytes()),
        lambda root: (root / "train.py").unlink(),
        lambda root: (root / "pkg" / "config.py").write_bytes(CONFIG),
        lambda root: (root / "pkg" / "cautious_optimizer.py").unlink(),
        lambda root: (root / MANIFEST).unlink(),
    ],
    ids=["new", "edited", "deleted", "put back", "runtime gone", "manifest lost"],
)
def test_on_a_drifted_tree_too(cautify: Cautify, root: Path, plan: Path, drift: Callable[[Path], object]) -> None:
    assert cautify("apply", root, "--yes").code == 0
    drift(root)
    other, expected = copy(root, "other"), directly(cautify, root, "--allow-dirty")
    assert cautify("apply", root, "--plan-out", plan).code == 0
    ended = cautify("apply", other, "--plan", plan, "--yes", "--allow-dirty")
    assert ended.code == 0, ended.err
    assert snapshot(other) == expected


def test_a_plan_that_changes_nothing_is_written_and_does_nothing(cautify: Cautify, root: Path, plan: Path) -> None:
    assert cautify("apply", root, "--yes").code == 0
    assert cautify("apply", root, "--plan-out", plan).code == 0
    then = snapshot(root)
    ended = cautify("apply", root, "--plan", plan)
    assert (ended.code, ended.out) == (0, b"")
    assert "Nothing to do" in ended.err
    assert snapshot(root) == then


def test_a_plan_that_lies_in_the_tree_is_nothing_of_the_targets(cautify: Cautify, root: Path) -> None:
    plan = root / "plan.json"
    scanned = cautify("scan", root, "--format", "json").out
    assert cautify("apply", root, "--plan-out", plan).code == 0
    assert cautify("scan", root, "--format", "json").out == scanned
    kept = plan.read_bytes()
    assert cautify("apply", root, "--plan", plan, "--yes").code == 0
    assert cautify("check", root).code == 0
    (root / MANIFEST).unlink()
    assert cautify("apply", root, "--yes").code == 0
    assert "plan.json" not in (root / MANIFEST).read_text()
    assert cautify("revert", root, "--yes").code == 0
    assert plan.read_bytes() == kept


# -- consent ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def made(cautify: Cautify, root: Path, plan: Path) -> Path:
    assert cautify("apply", root, "--plan-out", plan).code == 0
    return plan


def test_it_is_asked_about_and_the_diff_is_shown(cautify: Cautify, root: Path, made: Path) -> None:
    then = snapshot(root)
    refused = cautify("apply", root, "--plan", made)
    assert refused.code == 2
    assert "--yes" in refused.err
    no = cautify("apply", root, "--plan", made, answer="n\n")
    assert (no.code, b"CautiousOptimizer" in no.out) == (2, True)
    assert snapshot(root) == then
    assert cautify("apply", root, "--plan", made, answer="y\n").code == 0
    assert snapshot(root) != then


def test_a_dry_run_of_a_plan_says_by_its_exit_code_that_it_would_change_something(
    cautify: Cautify, root: Path, made: Path, unchanged: Unchanged
) -> None:
    unchanged(root)
    assert cautify("apply", root, "--plan", made, "--dry-run", "--exit-code").code == 1
    assert cautify("apply", root, "--plan-out", made, "--dry-run", "--exit-code").code == 1


def test_uncommitted_changes_are_refused(cautify: Cautify, root: Path, plan: Path) -> None:
    (root / "train.py").write_bytes(TRAIN + b"# mine\n")
    made = cautify("apply", root, "--plan-out", plan)
    assert (made.code, "uncommitted changes in train.py" in made.err) == (0, True)
    ended = cautify("apply", root, "--plan", plan, "--yes")
    assert (ended.code, "uncommitted" in ended.err) == (2, True)
    assert cautify("apply", root, "--plan", plan, "--yes", "--allow-dirty").code == 0


SHAPING = [
    *(["--plan-out", "x.json"], ["--interactive"], ["--force"], ["--include", "a"], ["--exclude", "a"], ["--tests"]),
    *(["--no-tests"], ["--vendor-to", "a"], ["--flag-name", "a_b"], ["--default", "off"], ["--with-triton"]),
    *(["--select", "SGD"], ["--ignore", "SGD"]),
]


@pytest.mark.parametrize("options", SHAPING, ids=" ".join)
def test_what_shapes_a_plan_cannot_shape_one_that_is_made(
    cautify: Cautify, root: Path, made: Path, unchanged: Unchanged, options: list[str]
) -> None:
    unchanged(root)
    ended = cautify("apply", root, "--plan", made, "--yes" if options[0] != "--plan-out" else "--dry-run", *options)
    assert (ended.code, ended.out) == (2, b"")
    assert f"{options[0].replace('--no-', '--')} cannot be used with --plan" in ended.err


def test_yes_says_nothing_where_a_plan_is_only_made(cautify: Cautify, root: Path, plan: Path) -> None:
    assert cautify("apply", root, "--plan-out", plan, "--yes").code == 2
    assert not plan.exists()


# -- where a plan may be put ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        *("train.py", "pkg", "pkg/cautious_optimizer.py", MANIFEST, ".cautify", ".cautify/plan.json", "link.py"),
        *("pkg/__init__.py/plan.json", "no/such/plan.json", ".git/config", "pipe"),
    ],
)
def test_a_plan_does_not_overwrite_what_is_none(cautify: Cautify, root: Path, unchanged: Unchanged, place: str) -> None:
    (root / "link.py").symlink_to("train.py")
    os.mkfifo(root / "pipe")
    config = (root / ".git" / "config").read_bytes()
    unchanged(root)
    ended = cautify("apply", root, "--plan-out", root / place)
    assert ended.code == 2
    assert f"the plan cannot be written to {root / place}" in ended.err
    assert (root / ".git" / "config").read_bytes() == config


def test_an_older_plan_or_an_empty_file_is_replaced_also_through_a_link(
    cautify: Cautify, root: Path, made: Path
) -> None:
    kept, link = made.read_bytes(), made.with_name("link.json")
    link.symlink_to(made.name)
    for before in (b"", kept.replace(b'"schema": 1', b'"schema": 99')):
        made.write_bytes(before)
        assert cautify("apply", root, "--plan-out", link).code == 0
        assert (made.read_bytes(), link.is_symlink()) == (kept, True)
    assert [path.name for path in made.parent.iterdir() if path.suffix == ".tmp"] == []


# -- a tree that has changed ------------------------------------------------------------------------------------------


def test_every_file_that_has_changed_since_is_named(cautify: Cautify, root: Path, made: Path) -> None:
    (root / "train.py").write_bytes(TRAIN + b"\n")
    (root / "pkg" / "config.py").unlink()
    (root / "old" / "\u00fcbung.py").unlink()
    (root / "old" / "\u00fcbung.py").mkdir()
    (root / "pkg" / "cautious_optimizer.py").write_bytes(b"")
    (root / "old" / "cautious_optimizer.py").write_bytes(b"")
    (root / ".cautify").mkdir()
    (root / MANIFEST).write_bytes(manifest.dump(Manifest(2, "0", Options(), (), (), (), ())))
    said = refused(cautify, root, made)
    for what in (
        *("train.py was changed", "pkg/config.py was deleted", "old/\u00fcbung.py cannot be used (it is a directory)"),
        *("pkg/cautious_optimizer.py is there by now", f"{MANIFEST} is there by now"),
    ):
        assert what in said


def test_a_manifest_that_changed_since_is_named(cautify: Cautify, root: Path, plan: Path) -> None:
    assert cautify("apply", root, "--yes").code == 0
    (root / "new.py").write_bytes(TRAIN)
    assert cautify("apply", root, "--plan-out", plan).code == 0
    recorded = (root / MANIFEST).read_bytes()
    (root / MANIFEST).write_bytes(recorded + b"\n")
    assert f"{MANIFEST} was changed" in refused(cautify, root, plan)
    (root / MANIFEST).unlink()
    assert f"{MANIFEST} was deleted" in refused(cautify, root, plan)


def test_a_file_that_is_only_recorded_must_be_as_it_was_seen(cautify: Cautify, root: Path, plan: Path) -> None:
    assert cautify("apply", root, "--yes").code == 0
    patched = (root / "train.py").read_bytes()
    (root / "train.py").write_bytes(patched + b"# one\n")
    assert cautify("apply", root, "--plan-out", plan).code == 0
    (root / "train.py").write_bytes(patched + b"# two\n")
    assert "train.py was changed" in refused(cautify, root, plan)


def test_a_directory_that_came_meanwhile_is_named(cautify: Cautify, root: Path, plan: Path) -> None:
    assert cautify("apply", root, "--plan-out", plan, "--vendor-to", "vendor").code == 0
    (root / "vendor").mkdir()
    assert "vendor/ is there by now" in refused(cautify, root, plan)


@pytest.mark.parametrize("size", [0, 10, 64 * 1024 * 1024 + 1])
def test_what_is_no_plan_is_refused(cautify: Cautify, root: Path, plan: Path, size: int) -> None:
    with plan.open("wb") as file:
        file.truncate(size)
    assert f"{plan} cannot be used" in refused(cautify, root, plan)


def test_a_plan_that_is_not_there_or_no_file_is_refused(cautify: Cautify, root: Path, plan: Path) -> None:
    assert "does not exist" in cautify("apply", root, "--plan", plan, "--yes").err
    plan.mkdir()
    assert "it is a directory" in refused(cautify, root, plan)
