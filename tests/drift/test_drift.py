"""Patched code goes on living: what revert takes out of it then, and what check says before."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache, reduce
from pathlib import Path

import pytest
from command_line import Cautify, Ended, snapshot
from drift_cases import Case
from drift_edits import Edit, Files, code_alone, one_line
from drift_matrix import MATRIX
from drift_targets import options, original
from fixture_trees import contents

TRACE = re.compile(rb"cautious_?-?optimizer|use_?-?cautious|cautious_?-?eps", re.IGNORECASE)
ALIKE: Mapping[str, Callable[[Files], Mapping[str, bytes]]] = {
    "bytes": dict,
    "layout": one_line,
    "code": code_alone,
}
every_case = pytest.mark.parametrize("case", MATRIX.values(), ids=MATRIX.keys())


@pytest.fixture(scope="module")
def patched_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Mapping[str, bytes]]:
    """A target's files once patched, its records among them. Patched once for all cases."""
    from typer.testing import CliRunner

    from cautify.cli import app

    @cache
    def patch(target: str) -> Mapping[str, bytes]:
        root = write(tmp_path_factory.mktemp("patched") / target, original(target))
        ended = CliRunner().invoke(app, ["apply", str(root), "--yes", *options(target)])
        assert ended.exit_code == 0, ended.output
        return files_of(root)

    return patch


def write(root: Path, files: Files) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def files_of(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def after(files: Files, *edits: Edit) -> Files:
    return reduce(lambda now, edit: edit(now), edits, files)


def of_the_target(files: Files) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if not path.startswith(".cautify/")}


@pytest.fixture
def drifted(
    case: Case, tmp_path: Path, patched_files: Callable[[str], Mapping[str, bytes]]
) -> tuple[Path, dict[str, bytes]]:
    """The tree of a case as it is before revert, and the files that must be there afterwards."""
    files = patched_files(case.target)
    records = {path: data for path, data in files.items() if path.startswith(".cautify/")}
    root = write(tmp_path / "target", {**after(of_the_target(files), *case.theirs, *case.ours), **records})
    return root, dict(after(original(case.target), *case.theirs, *case.stays))


@every_case
def test_check_says_what_has_become_of_the_patch(
    case: Case, drifted: tuple[Path, dict[str, bytes]], cautify: Cautify
) -> None:
    root, _ = drifted
    before = snapshot(root)
    ended = cautify("check", root, "--format", "json")
    rows = [row for row in json.loads(ended.out)["findings"] if row["fails"]]
    states: dict[str, set[str]] = {}
    for row in rows:
        states.setdefault(row["path"], set()).add(row["state"])
    assert {path: "+".join(sorted(found)) for path, found in states.items()} == dict(case.states), rows
    assert ended.code == (1 if case.states else 0)
    assert all(row["message"] and row["remedy"] for row in rows)
    assert snapshot(root) == before


@every_case
def test_revert_takes_ours_out_and_leaves_theirs(
    case: Case,
    drifted: tuple[Path, dict[str, bytes]],
    patched_files: Callable[[str], Mapping[str, bytes]],
    cautify: Cautify,
) -> None:
    root, expected = drifted
    drifted_files, before = contents(root), snapshot(root)
    ended = cautify("revert", root, "--yes", "-v")
    if case.refused is not None and (ended.code != 0 or not case.lenient):
        assert_refused(case, ended, drifted_files)
        assert snapshot(root) == before
        return
    assert ended.code == 0, ended.err
    assert_no_trace(root)
    found = contents(root)
    assert_alike(case, found, expected)
    for path, words in case.keeps:
        assert words in found[path].decode()
    touched = {p: "exact" if drifted_files[p] == patched_files(case.target).get(p) else "structural" for p in found}
    ways = {path: case.how.get(path, way) for path, way in touched.items() if drifted_files[path] != found[path]}
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


def assert_no_trace(root: Path) -> None:
    assert not (root / ".cautify").exists()
    for path, data in files_of(root).items():
        assert path.rpartition("/")[2] != "cautious_optimizer.py"
        if path.endswith((".py", ".yaml", ".json")):
            assert not TRACE.search(data), (path, TRACE.search(data))
            assert b"mask_updates" not in data
        if path.endswith(".py"):
            compile(data, path, "exec", dont_inherit=True)


def assert_alike(case: Case, found: Files, expected: Files) -> None:
    if case.afterwards is not None:
        found, expected = case.afterwards(found), case.afterwards(expected)
    found, expected = ALIKE[case.alike](found), ALIKE[case.alike](expected)
    assert sorted(found) == sorted(expected)
    for path, data in expected.items():
        assert found[path].decode() == data.decode(), path
