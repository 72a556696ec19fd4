"""List every site with its verdict, its reason and its switch, or tell how one was resolved. Writes nothing."""

from __future__ import annotations

import gc
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cautify.analysis.choice import Place
from cautify.commands.options import Given, effective
from cautify.commands.target import find_root
from cautify.errors import InvalidOption
from cautify.model import Options, Outcome, Plan
from cautify.patch import plan
from cautify.patch.disk import HOME
from cautify.reports.console import Console

if TYPE_CHECKING:
    from cautify.patch.records import Manifest


def scan(path: Path, given: Given, *, as_json: bool, console: Console) -> Outcome:
    """Print the report on stdout.

    Raises:
        CautifyError: PATH, the manifest or an option cannot be used.
    """
    root = find_root(path)
    if os.path.lexists(root / HOME):
        from cautify.patch import write

        if write.interrupted(root) and write.pending(root):
            console.warn("an earlier cautify was interrupted here and left the tree half written: run `cautify revert`")
    planned = look(root, effective(given, _recorded(root), root), console)
    if as_json:
        from cautify.reports.json import scan_json

        console.result_bytes(scan_json(planned))
    else:
        from cautify.reports.text import scan_text

        console.result(scan_text(planned, verbose=console.verbose))
    message = "" if planned.sites else "No optimizer is made here: there is nothing to wrap."
    return Outcome(0, message)


def explain(path: Path, given: Given, place: str, *, console: Console) -> Outcome:
    """Print on stdout how ``place``, FILE:LINE, was resolved. FILE is relative to the root or the current directory.

    Raises:
        CautifyError: as for scan, or ``place`` is not a line of a file that is looked at.
    """
    from cautify.analysis.explain import Explainer
    from cautify.reports.explain import explain_text

    root = find_root(path)
    file, line = _place(root, place)
    planned = look(root, effective(given, _recorded(root), root), console)
    with _without_collector():
        explained = Explainer(planned).at(file, line)
    console.result(explain_text(explained, default_on=planned.options.default_on, verbose=console.verbose))
    return Outcome(0)


def _recorded(root: Path) -> Manifest | None:
    """The manifest, if there can be one: most trees that are looked at have none, and need nothing that reads it."""
    if not os.path.lexists(root / HOME):
        return None
    from cautify.patch import manifest

    return manifest.load(root)


def _place(root: Path, place: str) -> tuple[str, int]:
    """A place's file, relative to the root, and its line."""
    name, _, number = place.rpartition(":")
    what = f"--explain {place} cannot be used"
    if not name or not number.isascii() or not number.isdigit():
        raise InvalidOption(what, "it is not FILE:LINE", "Write it as scan does: src/train.py:12.")
    candidates = [Path(os.path.abspath(base / name)) for base in (root, Path.cwd())]
    found = next((c for c in candidates if c.is_file()), None)
    if found is None:
        raise InvalidOption(
            what, f"there is no file {name} in {root} or here", "Check the spelling, and the PATH that is scanned."
        )
    inside = next((p for p in (found, found.resolve()) if p.is_relative_to(root)), None)
    if inside is None:
        raise InvalidOption(what, f"the file lies outside {root}", "Name the PATH that holds it: scan PATH --explain.")
    return inside.relative_to(root).as_posix(), int(number)


def look(
    root: Path, options: Options, console: Console, *, prove: bool = False, leaving: Collection[Place] | None = None
) -> Plan:
    """Make the plan, with a progress bar where that takes a while. What will be written must be proved, too.

    ``leaving`` are the sites that somebody has just said no to.
    """
    with console.progress("Reading") as tick, _without_collector():
        return plan.make_plan(root, options, progress=tick, prove=prove, leaving=leaving)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Syntax trees are millions of objects without cycles: looking for some took a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()  # or the first collection would look through all of them after all
            gc.enable()
