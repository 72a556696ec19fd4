"""How one place was resolved, for people: what is called, each hop, the verdict, the switch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cautify.analysis.explain import Explanation
from cautify.analysis.hops import Hop, flattened
from cautify.model import HomeKind, Site, Verdict
from cautify.reports.remedies import REMEDIES, UNKNOWN_REASON
from cautify.reports.text import Line, environment, folded

_MANY = 60


def explain_text(explanations: Sequence[Explanation], *, default_on: bool = False, verbose: bool = False) -> list[Line]:
    """All there is to say about a line. More hops than a page holds are counted, unless ``verbose``."""
    lines: list[Line] = []
    for explanation in explanations:
        lines += [[("", "")]] if lines else []
        lines += _explained(explanation, default_on, None if verbose else _MANY)
    return lines


def _explained(explanation: Explanation, default_on: bool, limit: int | None) -> Iterator[Line]:
    called = f"  {explanation.called}" if explanation.called else ""
    yield [(f"{explanation.path}:{explanation.line}", "bold"), (called, "")]
    yield from _hops(explanation.hops, limit)
    if explanation.ends:
        yield [("is:", "bold")]
        yield from ([(f"  {end}", "")] for end in explanation.ends)
    for sentence in explanation.said:
        yield from folded(sentence, "", "")
    if explanation.site is None:
        yield [("verdict: ", "bold"), ("none, this is no site", "")]
        return
    yield from _verdict(explanation.site)
    if explanation.rate:
        yield [("learning rate: ", "bold"), (explanation.rate, "")]
        yield from _hops(explanation.rate_hops, limit)
    yield from _switch(explanation.site, default_on)


def _hops(hops: Iterable[Hop], limit: int | None) -> Iterator[Line]:
    every = list(flattened(hops))
    for depth, hop in every[:limit]:
        indent = "  " * (depth + 1)
        yield [(indent, ""), (f"{hop.path}:{hop.line}", "cyan"), (f"  {hop.text}", "")]
        yield from ([(f"{indent}  -> {end}", "green")] for end in hop.ends)
    if limit is not None and len(every) > limit:
        yield [(f"  and {len(every) - limit} more hops (--verbose)", "dim")]


def _verdict(site: Site) -> Iterator[Line]:
    reason = f", {site.reason}" if site.reason else ""
    detail = f": {site.detail}" if site.verdict is Verdict.SKIP and site.detail else ""
    yield from folded(f"{site.verdict.value}{reason}{detail}", "", "", ("verdict: ", "bold"))
    if site.verdict is Verdict.SKIP and site.reason != "built-by-library":  # whose detail says what to do
        yield from folded(REMEDIES.get(site.reason or "", UNKNOWN_REASON), "", "dim", ("remedy: ", "bold"))
    for warning in site.warnings:
        yield from folded(warning, "", "", ("warning: ", "yellow"))


def _switch(site: Site, default_on: bool) -> Iterator[Line]:
    if site.switch is None:
        return
    if site.switch.kind is HomeKind.ENVIRONMENT:
        tried = f", because {site.detail}" if site.detail else ""
        yield from folded(f"{environment(default_on)}{tried}", "", "", ("switch: ", "bold"))
        return
    yield [("switch: ", "bold"), (f"{site.switch.kind.value}: {site.switch.enabled}", "")]
    for number, home in enumerate(site.switch.homes):
        said = "forwarded from" if number else "declared at"
        yield [(f"  {said} ", ""), (f"{home.path}:{home.line}", "cyan"), (f"  {home.owner}", "")]
