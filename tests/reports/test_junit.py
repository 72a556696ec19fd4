"""JUnit's XML: well-formed whatever a file is called, a case for each finding, and counts that agree."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from findings import ALLOWED, CHECKED, NOTHING, ODD_PATHS, WHOLE, odd

from cautify.model import Checked, Finding, State
from cautify.reports.junit import check_junit

EVERYTHING = [CHECKED, ALLOWED, WHOLE, NOTHING, *(pytest.param(odd(p), id=name) for name, p in ODD_PATHS.items())]


def suite(checked: Checked) -> ElementTree.Element:
    root = ElementTree.fromstring(check_junit(checked))
    assert root.tag == "testsuites"
    (only,) = root
    return only


@pytest.mark.parametrize("checked", EVERYTHING)
def test_the_counts_are_those_of_the_cases(checked: Checked) -> None:
    cases = suite(checked)
    counted = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
        "errors": 0,
    }
    assert {name: int(cases.attrib[name]) for name in counted} == counted
    assert counted["failures"] == len(checked.failing)


@pytest.mark.parametrize("checked", EVERYTHING)
def test_a_reader_of_such_files_reads_it(checked: Checked) -> None:
    junitparser = pytest.importorskip("junitparser")
    read = junitparser.JUnitXml.fromstring(check_junit(checked))
    cases = [case for suite in read for case in suite]
    assert len(cases) == (len(checked.findings) or 1)
    assert (read.tests, read.failures) == (len(cases), len(checked.failing))
    assert sum(case.is_passed for case in cases) == sum(not list(case) for case in suite(checked))


def test_sound_findings_pass_allowed_ones_are_skipped_and_the_rest_fails() -> None:
    ended = ["".join(child.tag for child in case) for case in suite(CHECKED)]
    assert ended == ["failure", "failure", "skipped", "failure", "failure", "", "skipped", "", "failure"]


def test_a_failure_says_where_what_and_what_next() -> None:
    failure = suite(CHECKED)[3].find("failure")
    assert failure is not None
    assert failure.attrib == {"message": "torch.optim.AdamW is not wrapped", "type": "new"}
    assert failure.text == "src/x/optim.py:12: torch.optim.AdamW is not wrapped\nRun `cautify apply`."


def test_no_two_cases_have_one_name() -> None:
    twice = Finding("a.py", None, State.MISSING, "edit", "a field was taken out", "Run `cautify apply`.")
    for checked in (CHECKED, Checked((twice, twice))):
        names = [(case.attrib["classname"], case.attrib["name"]) for case in suite(checked)]
        assert len(names) == len(set(names))


def test_where_nothing_was_found_one_case_says_so() -> None:
    assert [case.attrib["name"] for case in suite(NOTHING)] == ["nothing is recorded"]
    assert [case.attrib["name"] for case in suite(Checked((), patched=3))] == ["the patch is as it was written"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a\x00\x1b[31m.py", "a\\x00\\x1b[31m.py:3: site: "),
        (b"\xff.py".decode("utf-8", "surrogateescape"), "\\xff.py:3: site: "),
        ("<&\"'>.py", "<&\"'>.py:3: site: "),
        ("a\nb.py", "a\\nb.py:3: site: "),
    ],
)
def test_a_name_is_readable(path: str, shown: str) -> None:
    assert suite(odd(path))[0].attrib["name"].startswith(shown)
