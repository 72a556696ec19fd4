"""``apply --interactive``: every site that would be wrapped is shown and asked about, as git add -p does with hunks.

The plan is then made anew without the sites that were declined, so that a switch which only those would read is not
declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from cautify.analysis.choice import Place
from cautify.commands.scan import look
from cautify.errors import InvalidOption, NotConfirmed
from cautify.model import HomeKind, Options, Plan, Site, Verdict
from cautify.reports.console import Console, Fragment
from cautify.reports.text import environment, folded
from cautify.source import Undecodable, read_source

Line = list[Fragment]

_QUESTION = "Wrap this site [y,n,a,d,q,?]?"
_HELP = """\
y - wrap this site
n - do not wrap this site
a - wrap this site and all later ones of this file
d - wrap neither this site nor any later one of this file
q - wrap neither this site nor any of the rest
? - print this help"""
_BEFORE, _AFTER, _MOST = 3, 1, 16
"""Lines shown around a site, and at most for it."""


def require_terminal(console: Console) -> None:
    """Refuse where nobody could answer.

    Raises:
        InvalidOption: there is no terminal.
    """
    if not console.interactive:
        raise InvalidOption(
            "--interactive cannot be used",
            "there is no terminal to ask on",
            "Run it on a terminal, or choose with --select and --ignore.",
        )


def choose(root: Path, options: Options, console: Console) -> Plan:
    """The plan without what somebody says no to. What was declined before is asked about again.

    Raises:
        NotConfirmed: the answers ended before the questions.
        CautifyError: the plan cannot be made.
    """
    asked: set[Place] = set()
    leaving: set[Place] = set()
    planned, proved = look(root, replace(options, declined=()), console, leaving=()), False
    while waiting := [site for site in planned.sites if site.verdict is Verdict.WRAP and _place(site) not in asked]:
        asked.update(_place(site) for site in waiting)
        leaving.update(_place(site) for site in _refused(root, waiting, options, console))
        planned, proved = look(root, options, console, prove=True, leaving=leaving), True  # it may have other sites
    return planned if proved else look(root, options, console, prove=True, leaving=leaving)


def _refused(root: Path, sites: Sequence[Site], options: Options, console: Console) -> Iterator[Site]:
    """Ask about each site, and give back those that are not wanted."""
    settled: tuple[str, bool] | None = None
    for number, site in enumerate(sites, 1):
        if settled is None or settled[0] != site.path:
            answer = _answer(console, list(shown(root, site, f"({number}/{len(sites)}) ", options)))
            if answer == "q":
                yield from sites[number - 1 :]
                return
            settled = (site.path, answer == "a") if answer in "ad" else None
            wanted = answer in "ya"
        else:
            wanted = settled[1]
        if not wanted:
            yield site


def _answer(console: Console, lines: Sequence[Line]) -> str:
    console.show(lines)
    while True:
        said = console.ask(_QUESTION)
        if said is None:
            raise NotConfirmed("nothing was written", "the answers ended before the questions", "Run it again.")
        key = said.strip().lower()
        if len(key) == 1 and key in "ynadq":
            return key
        console.show([[(line, "dim")] for line in _HELP.splitlines()])


def shown(root: Path, site: Site, lead: str, options: Options) -> Iterator[Line]:
    """A site as it is asked about: where it is, its lines, and the switch that it would read."""
    yield [("", "")]
    yield [
        (lead, "dim"),
        (f"{site.path}:{site.line}", "bold"),
        (f"  {' | '.join(site.optimizers) or 'an optimizer'}", ""),
    ]
    yield from _source(root, site)
    if site.switch is None or site.switch.kind is HomeKind.ENVIRONMENT:
        reason = f": {site.detail}" if site.detail else ""
        yield from folded(f"switch: {environment(options.default_on)}{reason}", "  ", "cyan")
    else:
        yield [(f"  switch: {site.switch.kind.value}: {site.switch.enabled}", "cyan")]
        for home in site.switch.homes:
            yield [(f"    declared at {home.path}:{home.line} ({home.owner})", "dim")]
    for warning in site.warnings:
        yield from folded(warning, "  ", "", ("warning: ", "yellow"))


def _source(root: Path, site: Site) -> Iterator[Line]:
    try:
        lines = read_source(site.path, (root / site.path).read_bytes()).text.split("\n")
    except (OSError, Undecodable):
        return
    last = min(site.end_line + _AFTER, site.line + _MOST, len(lines))
    width = len(str(last))
    for number in range(max(1, site.line - _BEFORE), last + 1):
        here = site.line <= number <= site.end_line
        yield [(f"  {'>' if here else ' '} {number:>{width}}  {lines[number - 1]}", "" if here else "dim")]


def _place(site: Site) -> Place:
    return site.path, site.line, site.column
