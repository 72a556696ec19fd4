"""From planned changes to written ones: show the diff, ask, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cautify.errors import NotConfirmed, TransactionBusy
from cautify.model import FilePlan, Outcome
from cautify.patch import write
from cautify.reports.console import Console
from cautify.reports.text import counted

DRY_RUN = "This was a dry run: nothing was written."


@dataclass(frozen=True)
class Consent:
    """How far a run may go."""

    dry_run: bool = False
    yes: bool = False


def carry_out(
    console: Console, files: Sequence[FilePlan], consent: Consent, act: Callable[[], Outcome], question: str = ""
) -> Outcome:
    """Show the diff and, unless this is a dry run or the answer is no, call ``act``.

    Raises:
        NotConfirmed: nobody agreed, or nobody could be asked.
    """
    if consent.dry_run:
        console.diff(files)
        return Outcome(0, DRY_RUN)
    require_someone_to_ask(console, consent)
    console.diff(files)
    question = question or f"Write these changes to {counted(len(files), 'file')}?"
    if not consent.yes and not console.confirm(question):
        raise NotConfirmed("nothing was written", "the answer was no", "Run the command again to be asked again.")
    return act()


def record(root: Path, new: bytes, replacing: bytes | None, what: str, consent: Consent, console: Console) -> Outcome:
    """Write the manifest alone, which says ``what`` is new in it, unless this is a dry run or the answer is no.

    Raises:
        NotConfirmed: nobody agreed, or nobody could be asked.
    """
    if consent.dry_run:
        return Outcome(0, f"Would record {what}\n{DRY_RUN}")
    require_someone_to_ask(console, consent)
    if not consent.yes and not console.confirm(f"Record {what}?"):
        raise NotConfirmed("nothing was written", "the answer was no", "Run the command again to be asked again.")
    write.commit(root, (), new, replacing=replacing)
    return Outcome(0, f"Recorded {what}")


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


def repair(root: Path, consent: Consent, console: Console) -> None:
    """Take back what a killed run left half written, before anything is planned on top of it.

    Raises:
        NotConfirmed: nobody agreed.
        TransactionBusy: this is a dry run, which repairs nothing, or another cautify is writing.
    """
    write.require_idle(root)
    if not write.interrupted(root):
        return
    left = write.pending(root)
    if consent.dry_run:
        if left:
            raise TransactionBusy(
                f"{root} is half written",
                "an earlier cautify was interrupted, and a dry run repairs nothing",
                "Run `cautify revert`, or `cautify apply` without --dry-run, which first puts the files back.",
            )
        return
    if left:
        require_someone_to_ask(console, consent)
        if not consent.yes and not console.confirm(
            "An earlier cautify was interrupted here. Put the files back first?"
        ):
            raise NotConfirmed("nothing was written", "the answer was no", "Run `cautify revert` to put them back.")
    restored = write.recover(root)
    if restored:
        console.warn(f"an earlier cautify was interrupted here: put back {', '.join(restored)}")
