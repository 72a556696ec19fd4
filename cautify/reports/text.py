"""Reports for people: the sites by what becomes of them and why, then what to know, then totals that add up."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from cautify.model import SOUND, Action, Checked, HomeKind, Options, Plan, Site, Verdict
from cautify.reports.console import Fragment
from cautify.reports.groups import BY_DIRECTORY, MANY, by_detail, directories, in_order
from cautify.reports.remedies import EXPLAINED, REMEDIES, SAID_BY_COMMENT, UNKNOWN_REASON

Line = list[Fragment]

_WIDTH = 80
_HEADINGS = {Verdict.WRAP: "to wrap", Verdict.WRAPPED: "wrapped"}
_STYLES = {Verdict.WRAP: "bold green", Verdict.WRAPPED: "green", Verdict.SKIP: "yellow"}
_TOGETHER = "\u00a0"  # a space at which no line is broken


def scan_text(plan: Plan, *, verbose: bool = False) -> list[Line]:
    """Every site by verdict and reason, the warnings and problems, and the totals.

    Where a library decides, in test code and wherever there are many, rows are counted by directory unless
    ``verbose``.
    """
    return [*_groups(plan.sites, plan.options, verbose=verbose), *_remarks(plan), *_totals(plan)]


def apply_text(plan: Plan, *, verbose: bool = False) -> list[Line]:
    """As for scan, without the rows of test code unless ``verbose``: nobody asked for that to be touched."""
    shown = [site for site in plan.sites if verbose or site.reason != "test-code"]
    return [*_groups(shown, plan.options, verbose=verbose), *_remarks(plan), *_totals(plan)]


def check_text(checked: Checked, *, verbose: bool = False) -> list[Line]:
    """Every finding that is not as it should be: where, what, and what mends it. With ``verbose`` the others too."""
    lines: list[Line] = []
    for found in checked.findings:
        if found.state in SOUND and not verbose:
            continue
        where = found.path if found.line is None else f"{found.path}:{found.line}"
        style = "red" if checked.fails(found) else "green" if found.state in SOUND else "yellow"
        allowed = "" if checked.fails(found) or found.state in SOUND else " (allowed)"
        lines.append([(where, "bold"), (": ", ""), (found.state.value, style), (f"{allowed}: {found.message}", "")])
        lines += [[(f"    {found.remedy}", "dim")]] if found.remedy else []
    return lines


# -- groups -----------------------------------------------------------------------------------------------------------


def _groups(sites: Sequence[Site], options: Options, *, verbose: bool) -> Iterator[Line]:
    for verdict, heading in _HEADINGS.items():
        chosen = [site for site in sites if site.verdict is verdict]
        if chosen:
            yield [(f"{heading}: {len(chosen)}", _STYLES[verdict])]
            yield from _made(chosen, options, verbose=verbose)
            yield [("", "")]
    skipped: dict[str, list[Site]] = {reason: [] for reason in REMEDIES}
    for site in sites:
        if site.verdict is Verdict.SKIP:
            skipped.setdefault(site.reason or "", []).append(site)
    for reason, chosen in skipped.items():
        if chosen:
            yield [(f"skip, {reason}: {len(chosen)}", _STYLES[Verdict.SKIP])]
            yield [(f"  {REMEDIES.get(reason, UNKNOWN_REASON)}", "")]
            yield from _left_alone(reason, chosen, verbose=verbose)
            yield [("", "")]


def _made(sites: Sequence[Site], options: Options, *, verbose: bool) -> Iterator[Line]:
    """Sites with a switch: first those that have one of their own, then those of the environment, and why."""
    own = [site for site in sites if not _in_environment(site)]
    yield from _rows(own, "  ", verbose=verbose)
    for detail, chosen in by_detail(site for site in sites if _in_environment(site)):
        yield from folded(f"{environment(options.default_on)}{': ' if detail else ''}{detail}", "  ", "cyan")
        yield from _rows(chosen, "    ", verbose=verbose)


def environment(default_on: bool) -> str:
    """What the environment variable does where a site has no switch of its own."""
    return "environment: on unless USE_CAUTIOUS_OPTIMIZER=0" if default_on else "environment: USE_CAUTIOUS_OPTIMIZER=1"


def _in_environment(site: Site) -> bool:
    return site.switch is not None and site.switch.kind is HomeKind.ENVIRONMENT


def _left_alone(reason: str, sites: Sequence[Site], *, verbose: bool) -> Iterator[Line]:
    counted_only = not verbose and (reason in BY_DIRECTORY or len(sites) > MANY)
    for detail, chosen in by_detail(sites):
        told = detail and (verbose or (reason not in EXPLAINED and detail != SAID_BY_COMMENT))
        indent = "    " if told else "  "
        yield from folded(detail, "  ", "dim") if told else ()
        yield from _counts(chosen, indent) if counted_only else _rows(chosen, indent, verbose=verbose)


def _counts(sites: Sequence[Site], indent: str) -> Iterator[Line]:
    cells = list(directories(sites))
    width = max(len(name) for name, _ in cells)
    for name, count in cells:
        yield [(f"{indent}{name.ljust(width)}", "bold"), (f"  {counted(count, 'place')}", "")]


def _rows(sites: Sequence[Site], indent: str, *, verbose: bool) -> Iterator[Line]:
    """One row for each site, in two lines where one would be too wide, and its warnings."""
    ordered = in_order(sites)
    cells = [(f"{site.path}:{site.line}", _optimizers(site), _switch(site)) for site in ordered]
    room = _WIDTH - len(indent)
    short = [[len(cell) for cell in row] for row in cells if sum(map(len, row)) + 4 <= room]
    widths = [max((row[column] for row in short), default=0) for column in range(2)]
    if short and sum(widths) + 4 + max(row[2] for row in short) > room:
        widths = [0, 0]
    for site, (where, optimizers, switch) in zip(ordered, cells, strict=True):
        rest = f"{optimizers.ljust(widths[1])}  {switch}".rstrip()
        if len(where) + len(rest) + 2 <= room:
            yield [(f"{indent}{where.ljust(widths[0])}", "bold"), (f"  {rest}", "")]
        else:
            yield [(f"{indent}{where}", "bold")]
            yield [(f"{indent}    {optimizers}", "")]
            yield from [[(f"{indent}    {switch}", "cyan")]] if switch else ()
        for home in site.switch.homes if verbose and site.switch else ():
            yield [(f"{indent}    declared at {home.path}:{home.line} ({home.owner})", "dim")]
        for warning in site.warnings:
            yield from folded(warning, f"{indent}    ", "", ("warning: ", "yellow"))


def _optimizers(site: Site) -> str:
    """The classes, by name alone unless they are torch's: where others live is in the JSON, and makes wide rows."""
    names = (name if name.startswith("torch.optim.") else name.rpartition(".")[2] for name in site.optimizers)
    return " | ".join(names) or "an optimizer"


def _switch(site: Site) -> str:
    """A site's own switch; that of the environment is in the heading."""
    own = site.switch is not None and not _in_environment(site) and site.verdict is not Verdict.SKIP
    return f"{site.switch.kind.value}: {site.switch.enabled}" if own and site.switch else ""


def folded(text: str, indent: str, style: str, lead: Fragment | None = None) -> Iterator[Line]:
    """A sentence on as many lines as it needs, each indented; ``lead`` stands before it."""
    first, before = lead or ("", "")
    lines = textwrap.wrap(first + text, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    for number, line in enumerate(lines):
        if number == 0 and first:
            yield [(indent, ""), (first, before), (line.removeprefix(first), style)]
        else:
            yield [(indent, ""), (line, style)]


# -- what follows -----------------------------------------------------------------------------------------------------


def _remarks(plan: Plan) -> Iterator[Line]:
    for problem in plan.problems:
        what = f"{problem.path}: {problem.reason}: {problem.detail}"
        yield from folded(what, "", "", ("problem: ", "yellow"))
    for unused in plan.unused_ignores:
        what = (
            f"{unused.path}:{unused.line}: nothing is ignored by `{unused.comment}`: remove it, or move it to the call"
        )
        yield from folded(what, "", "", ("warning: ", "yellow"))
    for warning in plan.warnings:
        yield from folded(warning, "", "", ("warning: ", "yellow"))


def _totals(plan: Plan) -> Iterator[Line]:
    count = Counter(site.verdict for site in plan.sites)
    reasons = Counter(site.reason or "" for site in plan.sites if site.verdict is Verdict.SKIP)
    skipped = ", ".join(f"{number}{_TOGETHER}{reason}" for reason, number in sorted(reasons.items()))
    total = (
        f"{counted(len(plan.sites), 'site')} in {counted(plan.scanned, 'Python file')}: "
        f"{count[Verdict.WRAP]} to wrap, {count[Verdict.WRAPPED]} wrapped, {count[Verdict.SKIP]} skipped"
    )
    for line in folded(total + (f" ({skipped})" if skipped else ""), "", ""):
        yield [(part.replace(_TOGETHER, " "), style) for part, style in line]
    if plan.files:
        by_action = Counter(file.action for file in plan.files)
        words = {Action.MODIFY: "to change", Action.CREATE: "to create", Action.DELETE: "to delete"}
        parts = [f"{counted(by_action[a], 'file')} {words[a]}" for a in Action if by_action[a]]
        yield [(", ".join(parts), "")]


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
