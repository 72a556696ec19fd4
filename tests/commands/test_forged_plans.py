"""apply --plan with plans that somebody made up: nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify
from plan_clones import build, refused

from cautify.model import Action, Edit, Span
from cautify.patch import manifest, plan_text
from cautify.patch.disk import digest
from cautify.patch.plan_text import StoredFile, StoredPlan
from cautify.patch.records import FileRecord, Manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return build(tmp_path / "target")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


@pytest.fixture
def made(cautify: Cautify, root: Path, plan: Path) -> Path:
    assert cautify("apply", root, "--plan-out", plan).code == 0
    return plan


def forged(plan: Path, change: Callable[[StoredPlan], StoredPlan]) -> Path:
    plan.write_bytes(plan_text.dump(change(plan_text.parse(plan.read_bytes(), "p"))))
    return plan


def recording(change: Callable[[Manifest], Manifest]) -> Callable[[StoredPlan], StoredPlan]:
    """The plan with another manifest in it."""
    return lambda plan: replace(plan, manifest=manifest.dump(change(manifest.parse(plan.manifest or b""))))


def with_record(record: FileRecord) -> Callable[[StoredPlan], StoredPlan]:
    return recording(lambda m: replace(m, files=tuple(sorted((*m.files, record), key=lambda r: r.path))))


def of_train(**changes: object) -> Callable[[StoredPlan], StoredPlan]:
    """The plan with another record of train.py."""
    return recording(
        lambda m: replace(m, files=tuple(replace(r, **changes) if r.path == "train.py" else r for r in m.files))
    )


def writing(file: StoredFile) -> Callable[[StoredPlan], StoredPlan]:
    return lambda plan: replace(plan, files=(*plan.files, file))


MINE = FileRecord("pkg/__init__.py", Action.CREATE, None, digest(b""), ())
EXTRA = StoredFile("extra.py", None, digest(b"x"), (Edit(Span(0, 0), b"x"),))
FORGED: dict[str, tuple[Callable[[StoredPlan], StoredPlan], str]] = {
    "records a file of the target's as made by cautify": (with_record(MINE), "which it does not write"),
    "records it and has seen it": (
        lambda plan: replace(with_record(MINE)(plan), seen=(("pkg/__init__.py", digest(b"")),)),
        "as made by cautify, and it is not",
    ),
    "writes a file and does not record it": (writing(EXTRA), "does not record it"),
    "has no manifest": (lambda plan: replace(plan, manifest=None), "has no manifest"),
    "has a manifest that is none": (lambda plan: replace(plan, manifest=b"{}"), "of the manifest in it"),
    "has a manifest of another layout": (
        lambda plan: replace(plan, manifest=(plan.manifest or b"") + b"\n"),
        "not as cautify writes it",
    ),
    "has a manifest of the future": (
        lambda plan: replace(plan, manifest=(plan.manifest or b"").replace(b'"schema": 2', b'"schema": 99')),
        "newer cautify",
    ),
    "records another text": (of_train(after=digest(b"x")), "records something else of it"),
    "records that it was made": (
        of_train(action=Action.CREATE, before=None, layers=()),
        "records something else of it",
    ),
    "records another original": (of_train(before=digest(b"x")), "does not take it back"),
    "records no way back": (of_train(layers=((),)), "does not take it back"),
    "records more directories": (recording(lambda m: replace(m, directories=("pkg",))), "other directories"),
    "records more runtimes": (recording(lambda m: replace(m, runtimes=("train.py", "x.py"))), "a runtime"),
    "makes something else": (
        lambda plan: replace(plan, files=tuple(replace(f, after=digest(b"y")) for f in plan.files)),
        "do not make what it says",
    ),
    "edits beyond the end": (
        lambda plan: replace(
            plan, files=tuple(replace(f, edits=(Edit(Span(10**30, 10**31), b""),)) for f in plan.files)
        ),
        "outside the file",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_plan_that_contradicts_itself_is_refused(cautify: Cautify, root: Path, made: Path, case: str) -> None:
    change, said = FORGED[case]
    assert said in refused(cautify, root, forged(made, change))


def test_a_plan_does_not_forget_what_was_recorded(cautify: Cautify, root: Path, plan: Path) -> None:
    assert cautify("apply", root, "--yes").code == 0
    (root / "new.py").write_bytes(TRAIN)
    assert cautify("apply", root, "--plan-out", plan).code == 0
    without = recording(lambda m: replace(m, files=tuple(r for r in m.files if r.path != "train.py")))
    assert "it forgets 'train.py'" in refused(cautify, root, forged(plan, without))


@pytest.mark.parametrize("path", ["../evil.py", "/tmp/evil.py", ".git/hooks/pre-commit", ".cautify/evil", "a/../b.py"])
def test_a_path_out_of_the_tree_is_refused(cautify: Cautify, root: Path, made: Path, path: str) -> None:
    evil = writing(replace(EXTRA, path=path))
    made.write_bytes(plan_text.dump(evil(plan_text.parse(made.read_bytes(), "p"))))
    assert "the path" in refused(cautify, root, made)


@pytest.mark.parametrize("leads_to", ["..", ".git"])
def test_a_link_out_of_the_tree_is_refused(cautify: Cautify, root: Path, made: Path, leads_to: str) -> None:
    (root / "way").symlink_to(leads_to)
    evil = replace(EXTRA, path="way/evil.py")
    record = FileRecord("way/evil.py", Action.CREATE, None, EXTRA.after, ())
    change = with_record(record)
    assert "way/evil.py" in refused(cautify, root, forged(made, lambda plan: writing(evil)(change(plan))))


def test_damage_anywhere_is_refused_and_never_a_crash(cautify: Cautify, root: Path, made: Path) -> None:
    good = made.read_bytes()
    for number in range(40):
        at = number * (len(good) - 1) // 39
        made.write_bytes(good[:at] if number % 2 else good[:at] + b"#" + good[at + 1 :])
        if json_of(made.read_bytes()) != json.loads(good):
            assert "cannot be used" in refused(cautify, root, made)


def json_of(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None
