"""Reports for people: one line for each site, then what to know, then totals that add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cautify.model import Action, Difference, HomeKind, Plan, Site, Verdict
from cautify.reports.console import Fragment

Line = list[Fragment]

_VERDICT_STYLE = {Verdict.WRAP: "bold green", Verdict.WRAPPED: "green", Verdict.SKIP: "yellow"}


def scan_text(plan: Plan, *, verbose: bool = False) -> list[Line]:
    """Every site, the warnings and problems, and the totals."""
    lines = [*_site_lines(plan.sites, verbose=verbose), *_remarks(plan), *_totals(plan)]
    return lines


def apply_text(plan: Plan, *, verbose: bool = False) -> list[Line]:
    """As for scan, without the rows of test code unless ``verbose``: nobody asked for that to be touched."""
    shown = [site for site in plan.sites if verbose or site.reason != "test-code"]
    return [*_site_lines(shown, verbose=verbose), *_remarks(plan), *_totals(plan)]


def check_text(differences: Sequence[Difference]) -> list[Line]:
    """Every difference: where, what, and what mends it."""
    lines: list[Line] = []
    for found in differences:
        where = found.path if found.line is None else f"{found.path}:{found.line}"
        lines.append([(where, "bold"), (": ", ""), (found.kind, "red"), (f": {found.message}", "")])
        lines.append([(f"    {found.remedy}", "dim")])
    return lines


def _site_lines(sites: Sequence[Site], *, verbose: bool) -> Iterator[Line]:
    ordered = sorted(sites, key=lambda site: (site.path, site.line, site.column))
    cells = [(f"{site.path}:{site.line}", site.verdict.value, _optimizers(site)) for site in ordered]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(3)]
    for site, (where, verdict, optimizers) in zip(ordered, cells, strict=True):
        yield [
            (where.ljust(widths[0]), "bold"),
            ("  ", ""),
            (verdict.ljust(widths[1]), _VERDICT_STYLE[site.verdict]),
            ("  ", ""),
            (optimizers.ljust(widths[2]), ""),
            ("  ", ""),
            (_switch_or_reason(site), "cyan" if site.switch else ""),
        ]
        if site.detail and (verbose or _wants_explaining(site)):
            yield [(f"    {site.detail}", "dim")]
        if verbose and site.switch:
            for home in site.switch.homes:
                yield [(f"    declared at {home.path}:{home.line} ({home.owner})", "dim")]
        for warning in site.warnings:
            yield [("    warning: ", "yellow"), (warning, "")]


def _optimizers(site: Site) -> str:
    """The classes, by name alone unless they are torch's: where others live is in the JSON, and makes wide rows."""
    names = (name if name.startswith("torch.optim.") else name.rpartition(".")[2] for name in site.optimizers)
    return " | ".join(names) or "an optimizer"


def _wants_explaining(site: Site) -> bool:
    """Whether a reader will ask why: the site could have been more than it is."""
    if site.verdict is Verdict.SKIP:
        return site.reason != "test-code"
    return site.verdict is Verdict.WRAP and site.switch is not None and site.switch.kind is HomeKind.ENVIRONMENT


def _switch_or_reason(site: Site) -> str:
    if site.verdict is Verdict.SKIP:
        return site.reason or ""
    if site.switch is None:
        return ""
    if site.switch.kind is HomeKind.ENVIRONMENT:
        return "environment: USE_CAUTIOUS_OPTIMIZER=1"
    return f"{site.switch.kind.value}: {site.switch.enabled}"


def _remarks(plan: Plan) -> Iterator[Line]:
    for problem in plan.problems:
        yield [("problem: ", "yellow"), (f"{problem.path}: {problem.reason}: {problem.detail}", "")]
    for warning in plan.warnings:
        yield [("warning: ", "yellow"), (warning, "")]


def _totals(plan: Plan) -> Iterator[Line]:
    count = Counter(site.verdict for site in plan.sites)
    reasons = Counter(site.reason or "" for site in plan.sites if site.verdict is Verdict.SKIP)
    skipped = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
    yield [
        (
            f"{counted(len(plan.sites), 'site')} in {counted(plan.scanned, 'Python file')}: "
            f"{count[Verdict.WRAP]} to wrap, {count[Verdict.WRAPPED]} wrapped, {count[Verdict.SKIP]} skipped"
            + (f" ({skipped})" if skipped else ""),
            "",
        )
    ]
    if plan.files:
        by_action = Counter(file.action for file in plan.files)
        words = {Action.MODIFY: "to change", Action.CREATE: "to create", Action.DELETE: "to delete"}
        parts = [f"{counted(by_action[a], 'file')} {words[a]}" for a in Action if by_action[a]]
        yield [(", ".join(parts), "")]


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
