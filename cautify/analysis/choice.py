"""Which of the sites that could be wrapped a user wants: what ``--select`` and ``--ignore`` say, and who said no.

A site that is left out stays in the account, as ``declined``. What is wrapped stays wrapped, and what a comment ignores
stays ignored, whatever the options say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace

import libcst as cst

from cautify.analysis.construction import Construction
from cautify.analysis.selectors import Selector, selector
from cautify.model import Declined, Options, Site, Verdict
from cautify.optimizers import Catalogue

Place = tuple[str, int, int]
"""A site's path, line and column."""

DECLINED = "declined"
_SETTLED = ("ignored", DECLINED)
_ASKED = "it was declined when the patch was made; apply --interactive asks again"


class Choice:
    """Decides about the sites of one tree, in their order.

    ``leaving`` are the places that somebody has just said no to; without it, what the options record counts.
    """

    def __init__(self, options: Options, catalogue: Catalogue, leaving: Collection[Place] | None = None) -> None:
        self._selected = [selector("--select", text, catalogue) for text in options.select]
        self._ignored = [selector("--ignore", text, catalogue) for text in options.ignore]
        self._matched: set[Selector] = set()
        self._leaving = leaving
        self._recorded = Counter({_key(d): d.count for d in options.declined})
        self._left: Counter[tuple[str, str, tuple[str, ...]]] = Counter()

    def of(self, construction: Construction, before: str | None = None) -> Construction:
        """The construction, declined if it is left out. ``before`` is a reason against it that may be gone.

        A custom class is wrapped only under a switched config: whether it is, has to be known here.
        """
        wrapped = construction.wrapper is not None
        free = construction.reason is None and not wrapped
        verdict = Verdict.WRAP if free else Verdict.WRAPPED if wrapped and not construction.reason else Verdict.SKIP
        path = construction.module.path
        why = self._why_not(path, construction.optimizers, verdict, (construction.reason, before))
        if free and not why and self._said_no(construction):
            why = _ASKED
        if not why or wrapped or construction.reason in _SETTLED:
            return construction
        return replace(construction, reason=DECLINED, detail=why, otherwise=construction.reason)

    def row(self, site: Site) -> Site:
        """A place where a library makes an optimizer, declined if it is left out."""
        why = self._why_not(site.path, site.optimizers, site.verdict, (site.reason,))
        return replace(site, reason=DECLINED, detail=why) if why and site.reason not in _SETTLED else site

    @property
    def declined(self) -> tuple[Declined, ...]:
        """What somebody has just said no to, in words that outlive a move of lines."""
        return tuple(sorted(Declined(*key, count) for key, count in self._left.items()))

    def idle(self) -> Iterator[str]:
        """What was named and matches no site: spelled wrongly, perhaps."""
        for said in (*self._selected, *self._ignored):
            if said not in self._matched:
                yield f"{said.option} {said.text} matches no site"

    def _why_not(
        self, path: str, optimizers: Collection[str], verdict: Verdict, reasons: tuple[str | None, ...]
    ) -> str:
        matching = [s for s in (*self._ignored, *self._selected) if s.matches(path, optimizers, verdict.value, reasons)]
        self._matched.update(matching)
        if matching and matching[0].option == "--ignore":
            return f"--ignore {matching[0].text} leaves it out"
        if self._selected and not matching:
            return f"--select names others only: {', '.join(s.text for s in self._selected)}"
        return ""

    def _said_no(self, construction: Construction) -> bool:
        module, call = construction.module, construction.call
        key = (module.path, _scope(construction), construction.optimizers)
        if self._leaving is None:
            self._recorded[key] -= 1
            return self._recorded[key] >= 0
        line, column = module.source.position(module.span(call)[0])
        if (module.path, line, column) not in self._leaving:
            return False
        self._left[key] += 1
        return True


def _key(declined: Declined) -> tuple[str, str, tuple[str, ...]]:
    return declined.path, declined.scope, declined.optimizers


def _scope(construction: Construction) -> str:
    """The classes and functions around a construction, dotted; empty at the top of a file."""
    around = construction.module.ancestors(construction.call)
    names = [node.name.value for node in around if isinstance(node, (cst.FunctionDef, cst.ClassDef))]
    return ".".join(reversed(names))
