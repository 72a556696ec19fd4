"""Reports for people: nothing is left out, and the figures agree with the rows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from plans import EMPTY, EVERYTHING, PLAN, REASONS, site

from cautify.model import Checked, Finding, State, Verdict
from cautify.reports.groups import directories
from cautify.reports.remedies import REMEDIES
from cautify.reports.text import Line, apply_text, check_text, counted, scan_text


def plain(lines: list[Line]) -> list[str]:
    return ["".join(part for part, _ in line).rstrip() for line in lines]


def expected(name: str) -> list[str]:
    """A report as it is to be, without the last newline."""
    return (Path(__file__).parent / "expected" / f"{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("scan", scan_text(EVERYTHING)),
        ("scan_verbose", scan_text(EVERYTHING, verbose=True)),
        ("apply", apply_text(EVERYTHING)),
    ],
)
def test_a_report_is_by_verdict_and_reason(name: str, lines: list[Line]) -> None:
    assert plain(lines) == expected(name)


def test_no_line_is_wider_than_80_columns() -> None:
    for line in plain(scan_text(EVERYTHING)):
        assert len(line) <= 80 or line.strip().startswith("a/very/long/"), line


def test_the_groups_add_up_to_the_totals() -> None:
    shown = plain(scan_text(EVERYTHING))
    headed = [
        int(line.rpartition(": ")[2]) for line in shown if re.fullmatch(r"(to wrap|wrapped|skip, \S+): \d+", line)
    ]
    assert sum(headed) == len(EVERYTHING.sites)
    total = next(line for line in shown if " sites in " in line)
    assert total.startswith(f"{len(EVERYTHING.sites)} sites in ")


def test_the_lines_of_a_group_count_all_of_its_places() -> None:
    shown = plain(scan_text(EVERYTHING))
    start = shown.index("skip, built-by-library: 32")
    counts = [int(n) for line in shown[start : shown.index("", start)] for n in re.findall(r"  (\d+) places?$", line)]
    assert sum(counts) == 32


def test_verbose_lists_every_place() -> None:
    shown = plain(scan_text(EVERYTHING, verbose=True))
    for place in EVERYTHING.sites:
        assert any(f"{place.path}:{place.line}" in line.split() for line in shown), place


def test_a_site_of_the_environment_says_why_it_has_no_switch_of_its_own() -> None:
    shown = plain(scan_text(EVERYTHING))
    row = next(n for n, line in enumerate(shown) if "examples/train.py:9" in line)
    assert shown[row - 1] == "  environment: USE_CAUTIOUS_OPTIMIZER=1: its learning rate is a literal"


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_has_a_remedy_of_one_line(reason: str) -> None:
    assert 0 < len(REMEDIES[reason]) <= 78
    assert "\n" not in REMEDIES[reason]


def test_there_are_no_remedies_but_for_reasons() -> None:
    assert set(REMEDIES) == REASONS


@pytest.mark.parametrize("count", [1, 12, 13, 400])
def test_however_many_directories_there_are_a_detail_takes_few_lines(count: int) -> None:
    sites = [site(f"a/{n % 40}/{n}/x.yaml", 1, Verdict.SKIP, reason="built-by-library") for n in range(count)]
    lines = list(directories(sites))
    assert len(lines) <= 12
    assert sum(number for _, number in lines) == count


def test_a_directory_is_told_apart_from_what_lies_below_it() -> None:
    paths = ["c.yaml", "d.yaml", "a/1.yaml", "a/2.yaml", *(f"a/b{n}/x.yaml" for n in range(20))]
    sites = [site(path, 1, Verdict.SKIP, reason="notebook") for path in paths]
    assert list(directories(sites)) == [("*.yaml", 2), ("a/**/*.yaml", 20), ("a/*.yaml", 2)]


def test_problems_and_warnings_are_shown() -> None:
    shown = "\n".join(plain(scan_text(PLAN)))
    assert "problem: y.py: unparsable: line 1: not Python" in shown
    assert "warning: saved configs hold two more keys" in shown


def test_the_totals_count_what_the_rows_show() -> None:
    assert plain(scan_text(PLAN))[-3:] == [
        "6 sites in 12 Python files: 3 to wrap, 1 wrapped, 2 skipped (1 ambiguous,",
        "1 closure)",
        "1 file to change, 1 file to create",
    ]


def test_nothing_found_is_said_in_figures() -> None:
    assert plain(scan_text(EMPTY)) == ["0 sites in 0 Python files: 0 to wrap, 0 wrapped, 0 skipped"]


def test_apply_counts_test_code_without_listing_it() -> None:
    plan = replace(PLAN, sites=(*PLAN.sites, site("tests/test_x.py", 1, Verdict.SKIP, reason="test-code")))
    assert any("tests/test_x.py" in line for line in plain(scan_text(plan)))
    shown = plain(apply_text(plan))
    assert not any("tests/test_x.py" in line for line in shown)
    assert "3 skipped (1 ambiguous, 1 closure, 1 test-code)" in " ".join(shown)
    assert any("tests/test_x.py" in line for line in plain(apply_text(plan, verbose=True)))


def test_verbose_says_where_each_switch_is_declared() -> None:
    assert any("src/x/optim.py:50 (x.optim.OptimizerConfig)" in line for line in plain(scan_text(PLAN, verbose=True)))


FINDINGS = Checked(
    (
        Finding("a.py", 3, State.NEW, "site", "torch.optim.AdamW is not wrapped", "Run `cautify apply`."),
        Finding("b.py", None, State.MISSING, "file", "it is gone", "Put it back."),
        Finding("c.py", 7, State.APPLIED, "site", "torch.optim.AdamW is wrapped"),
        Finding("d.py", 9, State.EDITED, "edit", "the switch was edited", "Run `cautify apply`."),
    ),
    frozenset({State.EDITED}),
)


def test_a_finding_says_where_what_and_what_next() -> None:
    assert plain(check_text(FINDINGS)) == [
        "a.py:3: new: torch.optim.AdamW is not wrapped",
        "    Run `cautify apply`.",
        "b.py: missing: it is gone",
        "    Put it back.",
        "d.py:9: edited (allowed): the switch was edited",
        "    Run `cautify apply`.",
    ]


def test_verbose_names_what_is_as_it_should_be_too() -> None:
    assert "c.py:7: applied: torch.optim.AdamW is wrapped" in plain(check_text(FINDINGS, verbose=True))


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_singular(number: int, said: str) -> None:
    assert counted(number, "file") == said
