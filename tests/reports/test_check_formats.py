"""Every format of check has an expected file, and none is led astray by a path or a message."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from command_line import Stream
from findings import CHECKED, ODD_PATHS, odd

from cautify import __version__
from cautify.commands.checked import print_checked
from cautify.model import Checked
from cautify.reports import github, junit, sarif
from cautify.reports.console import Console
from cautify.reports.formats import CheckFormat
from cautify.reports.github import check_summary
from cautify.reports.legible import legible, uri

EXPECTED = Path(__file__).parent / "expected"
EVERY_ODD = [pytest.param(odd(path), id=name) for name, path in ODD_PATHS.items()]


@pytest.fixture(autouse=True)
def outside_of_github(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


def printed(checked: Checked, format: CheckFormat, root: Path) -> bytes:
    stdout = Stream(terminal=False)
    print_checked(checked, format, root, Console(stdout=stdout, stderr=io.StringIO()))
    return stdout.written()


def expected(name: str) -> bytes:
    return (EXPECTED / name).read_bytes().replace(b"@VERSION@", __version__.encode())


def test_every_format_has_an_expected_file() -> None:
    missing = [f"tests/reports/expected/check.{format.value}" for format in CheckFormat]
    assert [path for path in missing if not (EXPECTED / Path(path).name).is_file()] == []


def test_every_expected_file_of_check_is_of_a_format() -> None:
    formats = {path.name.removeprefix("check.") for path in EXPECTED.glob("check.*")}
    assert formats == {format.value for format in CheckFormat}


@pytest.mark.parametrize("format", CheckFormat)
def test_a_report_is_as_expected(format: CheckFormat, tmp_path: Path) -> None:
    assert printed(CHECKED, format, tmp_path).decode() == expected(f"check.{format.value}").decode()


def test_the_summary_is_as_expected() -> None:
    assert check_summary(CHECKED).decode() == expected("summary.md").decode()


@pytest.mark.parametrize("format", [CheckFormat.github, CheckFormat.sarif, CheckFormat.junit])
@pytest.mark.parametrize("checked", EVERY_ODD)
def test_what_is_odd_arrives_as_utf8_without_control_characters(
    checked: Checked, format: CheckFormat, tmp_path: Path
) -> None:
    text = printed(checked, format, tmp_path).decode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]", text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain größe 🔥", "plain größe 🔥"),
        ("\x1b[0m", "\\x1b[0m"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\ufffe", "\\ufffe"),
    ],
)
def test_what_cannot_be_shown_is_escaped(text: str, shown: str) -> None:
    assert legible(text) == shown


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("src/x.py", "src/x.py"),
        ("a b,c:d.py", "a%20b%2Cc%3Ad.py"),
        ("100%.py", "100%25.py"),
        (b"\xff/\xe9.py".decode("utf-8", "surrogateescape"), "%FF/%E9.py"),
        ("ö.py", "%C3%B6.py"),
        ("a\nb.py", "a%0Ab.py"),
        ("#?.py", "%23%3F.py"),
    ],
)
def test_a_path_is_a_uri_by_its_bytes(path: str, encoded: str) -> None:
    assert uri(path) == encoded


@pytest.mark.parametrize("function", [github.check_github, check_summary, sarif.check_sarif, junit.check_junit])
def test_a_report_is_made_of_the_findings_alone(
    function: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert callable(function)
    here = function(CHECKED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    assert function(CHECKED) == here
