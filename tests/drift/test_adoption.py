"""Apply on a drifted tree patches what is new, keeps what was changed by hand, and goes on from there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Cautify, snapshot
from drift_cases import RUNTIME, Case
from drift_edits import Files
from drift_matrix import MATRIX
from drift_targets import original
from drifting import RECORDS, assert_alike, assert_no_trace, of_the_target, write
from fixture_trees import contents

SOUND = {
    name: case
    for name, case in MATRIX.items()
    if not name.startswith(("the code around", "formatted", "bytes")) and "conflict" not in case.states.values()
}
KEPT = ("edited", "obsolete")
TARGETS = ("explicit", "vars", "guard", "argument", "parameter", "key", "constant", "hydra", "manners")


@pytest.mark.parametrize("case", SOUND.values(), ids=SOUND.keys())
def test_a_drifted_tree_is_patched_and_recorded_and_still_comes_back(
    case: Case, drifted: Path, twin: Files, cautify: Cautify
) -> None:
    before = contents(drifted)
    applied = cautify("apply", drifted, "--yes")
    assert applied.code == 0, applied.err
    if all(state in KEPT for state in case.states.values()):
        assert contents(drifted) == before
    checked = cautify("check", drifted)
    assert checked.code == 0, checked.out.decode()
    after = snapshot(drifted)
    assert cautify("apply", drifted, "--yes").code == 0
    assert snapshot(drifted) == after
    reverted = cautify("revert", drifted, "--yes")
    if case.refused is not None and (reverted.code != 0 or not case.lenient):
        assert reverted.code == 2, reverted.err
        assert snapshot(drifted) == after
        return
    assert reverted.code == 0, reverted.err
    assert_no_trace(drifted)
    assert_alike(contents(drifted), twin, "layout" if case.alike == "bytes" else case.alike)


@pytest.mark.parametrize("case", [*SOUND.values()][::8], ids=[*SOUND][::8])
def test_a_plan_of_a_drifted_tree_is_what_apply_writes(
    case: Case, drifted: Path, cautify: Cautify, tmp_path: Path
) -> None:
    plan, planned = tmp_path / "plan.json", Path(shutil.copytree(drifted, tmp_path / "planned", symlinks=True))
    assert cautify("apply", drifted, "--plan-out", plan).code == 0
    assert cautify("apply", planned, "--plan", plan, "--yes").code == 0
    assert cautify("apply", drifted, "--yes").code == 0
    assert snapshot(planned) == snapshot(drifted), case.name


@pytest.mark.parametrize("target", TARGETS)
def test_a_patch_whose_manifest_was_not_committed_is_recorded_anew(
    target: str, tmp_path: Path, patched_files: Callable[[str], Files], cautify: Cautify
) -> None:
    root = write(tmp_path / "clone", of_the_target(patched_files(target)))
    before = contents(root)
    checked = cautify("check", root, "--format", "json")
    rows = json.loads(checked.out)["findings"]
    assert checked.code == 1
    assert [row["path"] for row in rows if row["subject"] == "manifest"] == [".cautify/manifest.json"]
    assert all("missing" in row["message"] or row["state"] == "missing" for row in rows if row["subject"] == "manifest")
    applied = cautify("apply", root, "--yes")
    assert applied.code == 0, applied.err
    assert contents(root) == before
    assert (root / RECORDS / "manifest.json").is_file()
    assert cautify("check", root).code == 0
    reverted = cautify("revert", root, "--yes")
    assert reverted.code == 0, reverted.err
    assert_no_trace(root)
    assert_alike(contents(root), original(target), "layout")


def test_without_a_manifest_the_text_of_check_says_so(
    tmp_path: Path, patched_files: Callable[[str], Files], cautify: Cautify
) -> None:
    root = write(tmp_path / "clone", of_the_target(patched_files("explicit")))
    ended = cautify("check", root)
    assert ended.code == 1
    assert ".cautify/manifest.json" in ended.out.decode()
    assert "missing" in ended.out.decode()


@pytest.mark.parametrize("state", ["edited", "obsolete", "missing", "new"])
def test_what_is_no_failure_can_be_said(
    state: str, tmp_path: Path, patched_files: Callable[[str], Files], cautify: Cautify
) -> None:
    case = next(case for case in MATRIX.values() if set(case.states.values()) == {state})
    files = patched_files(case.target)
    root = write(tmp_path / "target", files)
    drifted = of_the_target(files)
    for edit in (*case.theirs, *case.ours):
        drifted = edit(drifted)
    for path in of_the_target(files).keys() - drifted.keys():
        (root / path).unlink()
    write(root, drifted)
    assert cautify("check", root).code == 1
    allowed = cautify("check", root, "--allow", f"conflict,{state}", "--format", "json")
    rows = json.loads(allowed.out)["findings"]
    assert allowed.code == 0
    assert state in {row["state"] for row in rows}
    assert not any(row["fails"] for row in rows)
    assert cautify("check", root, "--allow", "older").code == 1
    assert cautify("check", root, "--allow", "no-such-state").code == 2


def test_an_edited_runtime_is_reverted_when_that_is_asked_for(
    tmp_path: Path, patched_files: Callable[[str], Files], cautify: Cautify
) -> None:
    root = write(tmp_path / "target", patched_files("explicit"))
    (root / RUNTIME).write_bytes((root / RUNTIME).read_bytes() + b"\nprint('mine')\n")
    before = snapshot(root)
    refused = cautify("revert", root, "--yes")
    assert refused.code == 2
    assert "--force" in refused.err
    assert snapshot(root) == before
    assert cautify("revert", root, "--yes", "--force").code == 0
    assert contents(root) == original("explicit")


def test_two_patched_branches_merge_and_the_result_comes_back(
    tmp_path: Path, patched_files: Callable[[str], Files], cautify: Cautify
) -> None:
    """Somebody takes the manifest of a merge from one side only, as people do."""
    case = MATRIX["wrapped by hand: not at all: a new site"]
    root = write(tmp_path / "target", patched_files(case.target))
    manifest = (root / RECORDS / "manifest.json").read_bytes()
    write(root, case.theirs[0](of_the_target(patched_files(case.target))))
    assert cautify("apply", root, "--yes").code == 0
    (root / RECORDS / "manifest.json").write_bytes(manifest)
    assert cautify("revert", root, "--yes").code == 0
    assert_no_trace(root)
    assert_alike(contents(root), case.theirs[0](original(case.target)), "layout")
