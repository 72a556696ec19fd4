"""Patched code goes on living: what revert takes out of it then, and what check says before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Cautify, Ended, snapshot
from drift_cases import Case
from drift_edits import Files
from drift_matrix import MATRIX
from drifting import assert_alike, assert_no_trace
from fixture_trees import contents

every_case = pytest.mark.parametrize("case", MATRIX.values(), ids=MATRIX.keys())


@every_case
def test_check_says_what_has_become_of_the_patch(case: Case, drifted: Path, cautify: Cautify) -> None:
    before = snapshot(drifted)
    ended = cautify("check", drifted, "--format", "json")
    rows = [row for row in json.loads(ended.out)["findings"] if row["fails"]]
    states: dict[str, set[str]] = {}
    for row in rows:
        states.setdefault(row["path"], set()).add(row["state"])
    assert {path: "+".join(sorted(found)) for path, found in states.items()} == dict(case.states), rows
    assert ended.code == (1 if case.states else 0)
    assert all(row["message"] and row["remedy"] for row in rows)
    assert snapshot(drifted) == before


@every_case
def test_revert_takes_ours_out_and_leaves_theirs(
    case: Case, drifted: Path, twin: Files, patched_files: Callable[[str], Files], cautify: Cautify
) -> None:
    files, before = contents(drifted), snapshot(drifted)
    ended = cautify("revert", drifted, "--yes", "-v")
    if case.refused is not None and (ended.code != 0 or not case.lenient):
        assert_refused(case, ended, files)
        assert snapshot(drifted) == before
        return
    assert ended.code == 0, ended.err
    assert_no_trace(drifted)
    found = contents(drifted)
    again = case.afterwards or dict
    assert_alike(again(found), again(twin), case.alike)
    for path, words in case.keeps:
        assert words in found[path].decode()
    written = patched_files(case.target)
    ways = {path: "exact" if files[path] == written.get(path) else "structural" for path in found}
    ways = {path: case.how.get(path, way) for path, way in ways.items() if files[path] != found[path]}
    assert {path: way for path, way in told(ended).items() if path in found} == ways


def told(ended: Ended) -> dict[str, str]:
    """The way that revert says it went for each file."""
    lines = re.findall(r"^(\S+): (exact|structural|merged)$", ended.err, re.MULTILINE)
    return dict(lines)


def assert_refused(case: Case, ended: Ended, files: Files) -> None:
    assert case.refused is not None
    path, words = case.refused
    assert ended.code == 2, ended.err
    line = next(number for number, text in enumerate(files[path].decode().splitlines(), 1) if words in text)
    place = f"{path}:{line}" if words else path
    assert re.search(rf"{re.escape(place)}(?!\d)", " ".join(ended.err.split())), ended.err
