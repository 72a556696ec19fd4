"""The explanation of a place, for people: an expected file for a site, and what is said where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plans import ENVIRONMENT, FIELD, site, skipped

from cautify.analysis.explain import Explanation
from cautify.analysis.hops import Hop
from cautify.model import Site, Verdict
from cautify.reports.explain import explain_text

SMALL = Hop("src/x/train.py", 6, "cls = bnb.optim.AdamW8bit, if small", ("bitsandbytes.optim.AdamW8bit",))
PLAIN = Hop("src/x/train.py", 8, "cls = choose()", (), (Hop("src/x/pick.py", 2, "def choose", ("torch.optim.AdamW",)),))
RATE = Hop("src/x/train.py", 3, "parameter lr of main")


def page(*explanations: Explanation, verbose: bool = False) -> list[str]:
    return ["".join(part for part, _ in line) for line in explain_text(explanations, verbose=verbose)]


def explanation(of: Site | None) -> Explanation:
    ends = ("bitsandbytes.optim.AdamW8bit", "torch.optim.AdamW")
    return Explanation("src/x/train.py", 9, "cls", (SMALL, PLAIN), ends, "lr", (RATE,), of)


def test_a_site_of_the_environment_is_told_from_the_call_to_what_was_tried() -> None:
    where = replace(site("src/x/train.py", 9, Verdict.WRAP, switch=ENVIRONMENT), detail="no config object was found")
    expected = (Path(__file__).parent / "expected" / "explain.txt").read_text(encoding="utf-8").splitlines()
    assert page(explanation(where)) == expected


def test_a_field_is_told_with_every_declaration() -> None:
    assert page(explanation(site("src/x/train.py", 9, Verdict.WRAP, switch=FIELD)))[-2:] == [
        "switch: field: self.use_cautious_optimizer",
        "  declared at src/x/optim.py:50  x.optim.OptimizerConfig",
    ]


def test_a_skip_is_told_with_its_remedy_and_without_a_switch() -> None:
    shown = page(replace(explanation(skipped("src/x/train.py", 9, "closure", "it has no single update")), rate=""))
    assert shown[-2:] == [
        "verdict: skip, closure: it has no single update",
        "remedy: Nothing to do: there is no single update to mask.",
    ]


def test_the_remedy_of_a_library_s_place_is_its_own() -> None:
    shown = page(explanation(skipped("src/x/train.py", 9, "built-by-library", "hand it a finished one")))
    assert "verdict: skip, built-by-library: hand it a finished one" in shown
    assert not any(line.startswith("remedy") for line in shown)


def test_a_warning_is_told() -> None:
    where = replace(site("src/x/train.py", 9, Verdict.WRAP, switch=FIELD), warnings=("mind the gap",))
    assert "warning: mind the gap" in page(explanation(where))


def test_no_site_is_no_verdict() -> None:
    assert page(Explanation("a.py", 1, said=("nothing is called on this line",))) == [
        "a.py:1",
        "nothing is called on this line",
        "verdict: none, this is no site",
    ]


def test_several_are_told_apart_by_an_empty_line() -> None:
    assert page(Explanation("a.py", 1), Explanation("a.py", 2)).count("") == 1


@pytest.mark.parametrize(("verbose", "hops"), [(False, 60), (True, 100)])
def test_more_hops_than_a_page_holds_are_counted(verbose: bool, hops: int) -> None:
    many = tuple(Hop("a.py", n, "cls = A") for n in range(1, 101))
    shown = page(Explanation("a.py", 200, "cls", many), verbose=verbose)
    assert sum("cls = A" in line for line in shown) == hops
    assert ("  and 40 more hops (--verbose)" in shown) is not verbose
