"""``scan --format json`` is a contract: keys, their order, their types, their nulls, and totals that add up."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from plans import EMPTY, PLAN

from cautify import __version__
from cautify.model import Checked, Finding, Problem, State, Verdict
from cautify.reports.json import check_json, scan_json

SITE_KEYS = ["path", "line", "column", "end_line", "optimizers", "form", "verdict", "reason", "switch"]


@pytest.fixture
def document() -> dict[str, Any]:
    return json.loads(scan_json(PLAN))


def sites(document: dict[str, Any], verdict: str) -> list[dict[str, Any]]:
    return [site for site in document["sites"] if site["verdict"] == verdict]


def test_the_keys_stand_in_the_order_of_the_contract(document: dict[str, Any]) -> None:
    assert list(document) == ["schema", "version", "sites", "edits", "problems", "totals"]
    assert (document["schema"], document["version"]) == (1, __version__)
    assert all(list(site) == SITE_KEYS for site in document["sites"])
    switches = [site["switch"] for site in document["sites"] if site["switch"]]
    assert all(list(switch) == ["enabled", "eps", "home", "homes"] for switch in switches)
    assert all(list(home) == ["home", "path", "line", "owner"] for switch in switches for home in switch["homes"])
    assert [list(edit) for edit in document["edits"]] == [["path", "action"]] * 2
    assert [list(problem) for problem in document["problems"]] == [["path", "reason", "detail"]]
    assert list(document["totals"]) == ["sites", "wrap", "wrapped", "skip"]


def test_the_totals_add_up(document: dict[str, Any]) -> None:
    totals = document["totals"]
    assert totals == {"sites": 6, "wrap": 3, "wrapped": 1, "skip": 2}
    assert totals["sites"] == len(document["sites"]) == totals["wrap"] + totals["wrapped"] + totals["skip"]


def test_sites_are_sorted_by_place(document: dict[str, Any]) -> None:
    places = [(site["path"], site["line"]) for site in document["sites"]]
    assert places == sorted(places)


def test_only_a_skipped_site_has_a_reason_and_only_it_has_no_switch(document: dict[str, Any]) -> None:
    for site in document["sites"]:
        skipped = site["verdict"] == "skip"
        assert (site["reason"] is not None) == skipped
        assert (site["switch"] is None) == skipped


def test_a_field_switch_lists_every_declaration(document: dict[str, Any]) -> None:
    switch = next(site["switch"] for site in sites(document, "wrap") if site["path"] == "src/x/optim.py")
    assert switch == {
        "enabled": "self.use_cautious_optimizer",
        "eps": "self.cautious_eps",
        "home": "field",
        "homes": [{"home": "field", "path": "src/x/optim.py", "line": 50, "owner": "x.optim.OptimizerConfig"}],
    }


def test_the_environment_reads_nothing_and_has_no_declaration(document: dict[str, Any]) -> None:
    switch = next(site["switch"] for site in sites(document, "wrap") if site["path"] == "examples/train.py")
    assert switch == {"enabled": None, "eps": None, "home": "environment", "homes": []}


def test_an_unknown_optimizer_is_an_empty_list(document: dict[str, Any]) -> None:
    assert next(site for site in document["sites"] if site["path"] == "src/x/any.py")["optimizers"] == []


def test_every_planned_file_is_listed_with_its_action(document: dict[str, Any]) -> None:
    assert document["edits"] == [
        {"path": "src/x/cautious_optimizer.py", "action": "create"},
        {"path": "src/x/optim.py", "action": "modify"},
    ]


def test_an_empty_plan_has_every_key() -> None:
    assert json.loads(scan_json(EMPTY)) == {
        "schema": 1,
        "version": __version__,
        "sites": [],
        "edits": [],
        "problems": [],
        "totals": {"sites": 0, "wrap": 0, "wrapped": 0, "skip": 0},
    }


def test_a_switch_of_a_skipped_site_is_not_shown() -> None:
    plan = replace(PLAN, sites=(replace(PLAN.sites[1], verdict=Verdict.SKIP, reason="declined"),))
    assert json.loads(scan_json(plan))["sites"][0]["switch"] is None


def test_a_path_that_is_no_utf8_makes_valid_json() -> None:
    path = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    data = scan_json(replace(PLAN, problems=(Problem(path, "unparsable", "…"),)))
    assert json.loads(data.decode("utf-8"))["problems"][0]["path"] == path


def test_check_lists_findings_with_null_for_an_unknown_line() -> None:
    found = (
        Finding("a.py", None, State.MISSING, "file", "it is gone", "Put it back."),
        Finding("b.py", 3, State.OLDER, "runtime", "it is older", "Run `cautify apply`."),
    )
    document = json.loads(check_json(Checked(found, frozenset({State.OLDER}))))
    keys = ["path", "line", "state", "subject", "fails", "message", "remedy"]
    assert list(document) == ["schema", "version", "findings", "totals"]
    assert [list(row) for row in document["findings"]] == [keys] * 2
    assert [(row["line"], row["state"], row["fails"]) for row in document["findings"]] == [
        (None, "missing", True),
        (3, "older", False),
    ]
    assert document["totals"] == {
        **{"findings": 2, "failing": 1, "applied": 0, "current": 0, "edited": 0, "obsolete": 0, "older": 1},
        **{"missing": 1, "new": 0, "conflict": 0},
    }
