"""Reports for people: nothing is left out, and the figures agree with the rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plans import EMPTY, PLAN, site

from cautify.model import Difference, Verdict
from cautify.reports.text import Line, apply_text, check_text, counted, scan_text


def plain(lines: list[Line]) -> list[str]:
    return ["".join(part for part, _ in line).rstrip() for line in lines]


def test_each_site_has_a_row_with_place_verdict_class_and_switch_or_reason() -> None:
    shown = plain(scan_text(PLAN))
    expected = [
        ("examples/train.py:9 ", " wrap ", "torch.optim.AdamW", "environment: USE_CAUTIOUS_OPTIMIZER=1"),
        ("src/x/any.py:4 ", " skip ", "an optimizer", "ambiguous"),
        ("src/x/old.py:3 ", " wrapped ", "torch.optim.AdamW", "field: self.use_cautious_optimizer"),
        ("src/x/optim.py:116 ", " wrap ", "torch.optim.AdamW", "field: self.use_cautious_optimizer"),
        ("src/x/optim.py:130 ", " skip ", "torch.optim.AdamW", "closure"),
        ("src/x/two.py:7 ", " wrap ", "torch.optim.Adam | Lamb", "field: self.use_cautious_optimizer"),
    ]
    rows = [line for line in shown if line.startswith(("src/", "examples/"))]
    for row, parts in zip(rows, expected, strict=True):
        assert all(part in row for part in parts), row


def test_the_columns_are_aligned() -> None:
    rows = [line for line in plain(scan_text(PLAN)) if line.startswith(("src/", "examples/"))]
    verdicts = {row.index(verdict) for row in rows for verdict in (" wrap", " skip") if verdict in row}
    assert len(verdicts) == 1


def test_a_skip_is_explained_under_its_row() -> None:
    shown = plain(scan_text(PLAN))
    assert "two callers disagree" in shown[[line.startswith("src/x/any.py") for line in shown].index(True) + 1]


def test_problems_and_warnings_are_shown() -> None:
    shown = "\n".join(plain(scan_text(PLAN)))
    assert "problem: y.py: unparsable: line 1: not Python" in shown
    assert "warning: saved configs hold two more keys" in shown


def test_the_totals_count_what_the_rows_show() -> None:
    assert plain(scan_text(PLAN))[-2:] == [
        "6 sites in 12 Python files: 3 to wrap, 1 wrapped, 2 skipped (1 ambiguous, 1 closure)",
        "1 file to change, 1 file to create",
    ]


def test_nothing_found_is_said_in_figures() -> None:
    assert plain(scan_text(EMPTY)) == ["0 sites in 0 Python files: 0 to wrap, 0 wrapped, 0 skipped"]


def test_apply_counts_test_code_without_listing_it() -> None:
    plan = replace(PLAN, sites=(*PLAN.sites, site("tests/test_x.py", 1, Verdict.SKIP, reason="test-code")))
    assert any("tests/test_x.py" in line for line in plain(scan_text(plan)))
    shown = plain(apply_text(plan))
    assert not any("tests/test_x.py" in line for line in shown)
    assert any("3 skipped (1 ambiguous, 1 closure, 1 test-code)" in line for line in shown)
    assert any("tests/test_x.py" in line for line in plain(apply_text(plan, verbose=True)))


def test_verbose_says_where_each_switch_is_declared() -> None:
    assert any("src/x/optim.py:50 (x.optim.OptimizerConfig)" in line for line in plain(scan_text(PLAN, verbose=True)))


def test_a_difference_says_where_what_and_what_next() -> None:
    found = [
        Difference("a.py", 3, "unwrapped", "torch.optim.AdamW is not wrapped", "Run `cautify apply`."),
        Difference("b.py", None, "missing", "it is gone", "Put it back."),
    ]
    assert plain(check_text(found)) == [
        "a.py:3: unwrapped: torch.optim.AdamW is not wrapped",
        "    Run `cautify apply`.",
        "b.py: missing: it is gone",
        "    Put it back.",
    ]


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_singular(number: int, said: str) -> None:
    assert counted(number, "file") == said
