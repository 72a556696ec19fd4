"""List every site with its verdict, its reason and its switch. Writes nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cautify.commands.options import Given, effective
from cautify.commands.target import find_root
from cautify.model import Options, Outcome, Plan
from cautify.patch import manifest, plan, write
from cautify.reports.console import Console
from cautify.reports.json import scan_json
from cautify.reports.text import scan_text


def scan(path: Path, given: Given, *, as_json: bool, console: Console) -> Outcome:
    """Print the report on stdout.

    Raises:
        CautifyError: PATH, the manifest or an option cannot be used.
    """
    root = find_root(path)
    if write.interrupted(root) and write.pending(root):
        console.warn("an earlier cautify was interrupted here and left the tree half written: run `cautify revert`")
    planned = look(root, effective(given, manifest.load(root), root), console)
    if as_json:
        console.result_bytes(scan_json(planned))
    else:
        console.result(scan_text(planned, verbose=console.verbose))
    message = "" if planned.sites else "No optimizer is made here: there is nothing to wrap."
    return Outcome(0, message)


def look(root: Path, options: Options, console: Console, *, prove: bool = False) -> Plan:
    """Make the plan, with a progress bar where that takes a while. What will be written must be proved, too."""
    with console.progress("Reading") as tick, _without_collector():
        return plan.make_plan(root, options, progress=tick, prove=prove)


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
