"""From planned changes to written ones: show the diff, ask, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cautify.errors import NotConfirmed
from cautify.model import FilePlan, Outcome
from cautify.reports.console import Console
from cautify.reports.text import counted

DRY_RUN = "This was a dry run: nothing was written."


@dataclass(frozen=True)
class Consent:
    """How far a run may go."""

    dry_run: bool = False
    yes: bool = False


def carry_out(console: Console, files: Sequence[FilePlan], consent: Consent, write: Callable[[], Outcome]) -> Outcome:
    """Show the diff and, unless this is a dry run or the answer is no, call ``write``.

    Raises:
        NotConfirmed: nobody agreed, or nobody could be asked.
    """
    if consent.dry_run:
        console.diff(files)
        return Outcome(0, DRY_RUN)
    require_someone_to_ask(console, consent)
    console.diff(files)
    if not consent.yes and not console.confirm(f"Write these changes to {counted(len(files), 'file')}?"):
        raise NotConfirmed("nothing was written", "the answer was no", "Run the command again to be asked again.")
    return write()


def require_someone_to_ask(console: Console, consent: Consent) -> None:
    """Refuse where a question could not be answered.

    Raises:
        NotConfirmed: there is no terminal, and ``--yes`` was not given.
    """
    if not consent.yes and not console.interactive:
        raise NotConfirmed(
            "nothing was written",
            "there is no terminal to ask on",
            "Pass --yes to write without being asked, or --dry-run to see the diff.",
        )
