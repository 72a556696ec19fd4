"""A patch of an earlier cautify, or one that people have worked on, is brought up to date and still comes off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, snapshot

RUNTIME = "cautious_optimizer.py"
MANIFEST = ".cautify/manifest.json"


def in_first_schema(root: Path) -> None:
    """Rewrite the manifest as the first cautify wrote it: what stood there before, and not what was written."""
    value = json.loads((root / MANIFEST).read_text())
    value["schema"] = 1
    for record in value["files"]:
        record["layers"] = [
            [{"at": edit["at"], "text": edit["old"], "purpose": "wrap"} for edit in layer] for layer in record["layers"]
        ]
    (root / MANIFEST).write_text(json.dumps(value, indent=1))


@pytest.fixture
def early(patched: Path) -> Path:
    in_first_schema(patched)
    return patched


def test_a_manifest_of_the_first_schema_serves_every_command(cautify: Cautify, early: Path) -> None:
    before = snapshot(early)
    assert cautify("check", early).code == 0
    assert cautify("apply", early, "--yes").code == 0
    assert snapshot(early) == before
    assert cautify("revert", early, "--yes").code == 0
    assert (early / "train.py").read_bytes() == TRAIN
    assert not (early / ".cautify").exists()


def test_apply_brings_it_up_to_date_where_there_is_something_to_write(cautify: Cautify, early: Path) -> None:
    (early / "finetune.py").write_bytes(TRAIN)
    assert cautify("apply", early, "--yes").code == 0
    assert json.loads((early / MANIFEST).read_text())["schema"] == 2
    assert cautify("check", early).code == 0
    assert cautify("revert", early, "--yes").code == 0
    assert {p.name: p.read_bytes() for p in early.glob("*tune.py")} == {"finetune.py": TRAIN}
    assert (early / "train.py").read_bytes() == TRAIN


def test_a_drifted_file_of_the_first_schema_is_told_and_taken_back_by_its_code(cautify: Cautify, early: Path) -> None:
    place = early / "train.py"
    place.write_bytes(place.read_bytes() + b"# mine\n")
    ended = cautify("check", early)
    assert ended.code == 1
    assert b"train.py: edited" in ended.out
    assert cautify("revert", early, "--yes").code == 0
    assert place.read_bytes() == TRAIN + b"# mine\n"


@pytest.fixture
def edited(patched: Path) -> Path:
    place = patched / RUNTIME
    place.write_bytes(place.read_bytes() + b"\nMINE = 1\n")
    return patched


def test_an_edited_runtime_stays_as_it_is_unless_forced(cautify: Cautify, edited: Path) -> None:
    mine = (edited / RUNTIME).read_bytes()
    (edited / "finetune.py").write_bytes(TRAIN)
    ended = cautify("apply", edited, "--yes")
    assert ended.code == 0
    assert f"{RUNTIME} was edited by hand" in ended.err
    assert "--force" in ended.err
    assert (edited / RUNTIME).read_bytes() == mine
    assert (edited / "finetune.py").read_bytes() != TRAIN


def test_the_edits_are_shown_before_they_are_overwritten(cautify: Cautify, edited: Path) -> None:
    mine = (edited / RUNTIME).read_bytes()
    shown = cautify("apply", edited, "--force", "--dry-run")
    assert b"-MINE = 1" in shown.out
    assert (edited / RUNTIME).read_bytes() == mine
    assert cautify("apply", edited, "--force", "--yes").code == 0
    assert b"MINE" not in (edited / RUNTIME).read_bytes()
    assert cautify("check", edited).code == 0


def test_revert_leaves_an_edited_runtime_unless_forced(cautify: Cautify, edited: Path) -> None:
    before = snapshot(edited)
    ended = cautify("revert", edited, "--yes")
    assert ended.code == 2
    assert RUNTIME in ended.err
    assert "--force" in ended.err
    assert snapshot(edited) == before
    assert cautify("revert", edited, "--yes", "--force").code == 0
    assert not (edited / RUNTIME).exists()
    assert (edited / "train.py").read_bytes() == TRAIN
