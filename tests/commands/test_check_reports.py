"""check in the formats of other programs: where the report goes, and from where its paths lead."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from command_line import TRAIN, Cautify, git

Unchanged = Callable[[Path], None]


@pytest.fixture(autouse=True)
def outside_of_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that a job's summary is appended to; something is in it already."""
    place = tmp_path / "summary.md"
    place.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    return place


@pytest.mark.parametrize("format", ["json", "github", "sarif", "junit"])
def test_every_format_exits_as_text_does_and_writes_nothing(
    cautify: Cautify, patched: Path, format: str, unchanged: Unchanged
) -> None:
    assert cautify("check", patched, "--format", format).code == 0
    (patched / "new.py").write_bytes(TRAIN)
    unchanged(patched)
    ended = cautify("check", patched, "--format", format)
    assert ended.code == 1
    assert b"new.py" in ended.out
    assert "1 difference." in ended.err


def test_the_jobs_summary_is_appended_to(cautify: Cautify, patched: Path, summary: Path) -> None:
    (patched / "new.py").write_bytes(TRAIN)
    cautify("check", patched, "--format", "github")
    assert summary.read_text().startswith("before\n### cautify check: 1 difference\n")


@pytest.mark.parametrize("format", ["text", "json", "sarif", "junit"])
def test_no_other_format_writes_a_summary(cautify: Cautify, patched: Path, summary: Path, format: str) -> None:
    cautify("check", patched, "--format", format)
    assert summary.read_text() == "before\n"


def test_a_summary_that_cannot_be_written_is_an_error_and_the_annotations_are_there(
    cautify: Cautify, patched: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (patched / "new.py").write_bytes(TRAIN)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    ended = cautify("check", patched, "--format", "github")
    assert ended.code == 2
    assert ended.out.startswith(b"::error file=new.py,")
    assert "GITHUB_STEP_SUMMARY" in ended.err


@pytest.fixture
def below(tmp_path: Path, cautify: Cautify) -> Path:
    """A patched directory of a repository, with something new in it."""
    root = tmp_path / "repository" / "pkg"
    root.mkdir(parents=True)
    (root / "train.py").write_bytes(TRAIN)
    assert cautify("apply", root, "--yes").code == 0
    (root / "new.py").write_bytes(TRAIN)
    return root


def named(cautify: Cautify, root: Path) -> tuple[str, str]:
    """The file as an annotation names it, and as SARIF does."""
    annotation = cautify("check", root, "--format", "github").out.decode()
    (result,) = json.loads(cautify("check", root, "--format", "sarif").out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    return annotation.partition("file=")[2].partition(",")[0], place


def test_paths_lead_from_the_repositorys_top(cautify: Cautify, below: Path) -> None:
    git(below.parent, "init", "-q")
    assert named(cautify, below) == ("pkg/new.py", "pkg/new.py")


def test_without_git_paths_lead_from_githubs_workspace(
    cautify: Cautify, below: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(below.parents[1]))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(below.parent))
    assert named(cautify, below) == ("pkg/new.py", "pkg/new.py")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(below))
    assert named(cautify, below) == ("new.py", "new.py")


def test_elsewhere_paths_lead_from_the_root(cautify: Cautify, below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(below.parents[1]))
    assert named(cautify, below) == ("new.py", "new.py")
    monkeypatch.setenv("GITHUB_WORKSPACE", "/nonexistent")
    assert named(cautify, below) == ("new.py", "new.py")


def test_junit_and_json_name_files_from_the_root(cautify: Cautify, below: Path) -> None:
    git(below.parent, "init", "-q")
    cases = ElementTree.fromstring(cautify("check", below, "--format", "junit").out).iter("testcase")
    (failing,) = [case for case in cases if case.find("failure") is not None]
    assert failing.attrib["name"].startswith("new.py:5: ")
    rows = json.loads(cautify("check", below, "--format", "json").out)["findings"]
    assert [row["path"] for row in rows if row["fails"]] == ["new.py"]


def test_a_file_whose_name_is_no_utf8_makes_a_report(cautify: Cautify, patched: Path) -> None:
    place = patched / b"caf\xe9,x.py".decode("utf-8", "surrogateescape")
    place.write_bytes(TRAIN)
    annotation = cautify("check", patched, "--format", "github")
    assert annotation.out.startswith(b"::error file=caf\\xe9%2Cx.py,line=5,")
    assert b"caf%E9%2Cx.py" in cautify("check", patched, "--format", "sarif").out
    assert ElementTree.fromstring(cautify("check", patched, "--format", "junit").out) is not None
