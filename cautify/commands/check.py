"""Prove that the patch is there, whole and up to date: tell the state of every part, and exit with 1 if one is not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cautify.commands.checked import print_checked
from cautify.commands.options import Given, effective
from cautify.commands.scan import look
from cautify.commands.target import common_root
from cautify.errors import InvalidOption, RuntimeEdited
from cautify.model import SOUND, Checked, Finding, Outcome, Plan, State
from cautify.patch import manifest, states, write
from cautify.patch.disk import HOME
from cautify.patch.records import Manifest
from cautify.reports.console import Console
from cautify.reports.formats import CheckFormat
from cautify.reports.text import counted


def check(
    paths: Sequence[Path],
    given: Given,
    *,
    format: CheckFormat,
    console: Console,
    allow: Sequence[str] = (),
) -> Outcome:
    """Print every finding on stdout. Where ``paths`` are files, only those are judged.

    Args:
        paths: The codebase, or files of it.
        given: What the command line said of the plan.
        format: How the report is written.
        console: Where to print.
        allow: States, with commas between, that are no failure.

    Raises:
        CautifyError: PATH, the manifest or an option cannot be used.
    """
    allowed = _states(allow)
    root = common_root(paths)
    write.require_idle(root)
    recorded = manifest.load(root)
    every = sorted(
        set(findings(root, recorded, given, console)), key=lambda f: (f.path, f.line or 0, f.state.value, f.message)
    )
    judged = _judged(root, paths)
    found = [finding for finding in every if judged is None or finding.path in judged or finding.subject == "manifest"]
    checked = Checked(tuple(found), allowed, None if recorded is None else len(recorded.files))
    print_checked(checked, format, root, console)
    if checked.failing:
        return Outcome(1, f"{counted(len(checked.failing), 'difference')}.")
    if recorded is None:
        return Outcome(0, "Nothing is recorded here, and nothing is to be wrapped.")
    allowed_now = sum(finding.state not in SOUND for finding in found)
    if allowed_now:
        return Outcome(0, f"Nothing fails: {counted(allowed_now, 'difference')} allowed.")
    return Outcome(0, f"The patch is as it was written: {counted(len(recorded.files), 'file')}.")


def findings(root: Path, recorded: Manifest | None, given: Given, console: Console) -> Iterator[Finding]:
    """The state of every recorded part, and everything that a fresh plan would change."""
    if write.interrupted(root) and write.pending(root):
        message = "an earlier cautify was interrupted and left the tree half written"
        yield Finding(HOME, None, State.CONFLICT, "manifest", message, "Run `cautify revert`.")
    try:
        planned: Plan | None = look(root, effective(given, recorded, root), console)
    except RuntimeEdited as error:
        planned = None
        yield Finding(error.what, None, State.CONFLICT, "runtime", error.why, error.next_step)
    if recorded is None:
        told = list(states.unrecorded(planned, root)) if planned is not None else []
        yield from told
        if planned is not None and told:
            yield from states.ignores(planned)
        return
    yield from states.files(root, recorded, planned)
    if planned is not None:
        yield from states.runtimes(root, recorded, planned)
        yield from states.sites(recorded, planned)
        yield from states.problems(planned, recorded)
        yield from states.unexplained(planned, recorded)
        yield from states.ignores(planned)


def _states(allow: Sequence[str]) -> frozenset[State]:
    names = [name.strip() for text in allow for name in text.split(",") if name.strip()]
    known = {state.value: state for state in State if state not in SOUND}
    for name in names:
        if name not in known:
            raise InvalidOption(
                f"--allow {name} cannot be used", "it is no state that check reports", f"Known: {', '.join(known)}."
            )
    return frozenset(known[name] for name in names)


def _judged(root: Path, paths: Sequence[Path]) -> frozenset[str] | None:
    """The files that are asked about, relative to the root; None for the whole tree."""
    if any(path.is_dir() for path in paths):
        return None
    base = os.path.realpath(root)
    places = {place for path in paths for place in (os.path.realpath(path), os.path.abspath(path))}
    return frozenset(os.path.relpath(place, base).replace(os.sep, "/") for place in places)
