"""Prove that the patch is there, whole and up to date: list every difference, and exit with 1 if there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cautify.commands.options import Given, effective
from cautify.commands.scan import look
from cautify.commands.target import common_root
from cautify.errors import CautifyError, RuntimeEdited
from cautify.model import Action, Checked, Finding, Outcome, Plan, Problem, State, Verdict
from cautify.patch import manifest, vendor, write
from cautify.patch.disk import HOME, digest, locate
from cautify.patch.disk import look as look_at
from cautify.patch.records import FileRecord, Manifest
from cautify.reports.console import Console
from cautify.reports.json import check_json
from cautify.reports.text import check_text, counted

_APPLY = "Run `cautify apply`."
_PUT_BACK = "Put the file back as cautify wrote it (git diff shows what changed since)."


def check(paths: Sequence[Path], given: Given, *, as_json: bool, console: Console) -> Outcome:
    """Print every difference on stdout.

    Raises:
        CautifyError: PATH, the manifest or an option cannot be used.
    """
    root = common_root(paths)
    recorded = manifest.load(root)
    found = sorted(set(differences(root, recorded, given, console)), key=lambda f: (f.path, f.line or 0, f.state.value))
    checked = Checked(tuple(found), patched=None if recorded is None else len(recorded.files))
    if as_json:
        console.result_bytes(check_json(checked))
    else:
        console.result(check_text(checked, verbose=console.verbose))
    if checked.failing:
        return Outcome(1, f"{counted(len(checked.failing), 'difference')}.")
    if recorded is None:
        return Outcome(0, "Nothing is recorded here, and nothing is to be wrapped.")
    return Outcome(0, f"The patch is as it was written: {counted(len(recorded.files), 'file')}.")


def differences(root: Path, recorded: Manifest | None, given: Given, console: Console) -> Iterator[Finding]:
    """Everything that is not as the manifest says, or that a fresh plan would change."""
    if write.interrupted(root) and write.pending(root):
        yield Finding(
            HOME,
            None,
            State.CONFLICT,
            "manifest",
            "an earlier cautify was killed and left the tree half written",
            "Run `cautify revert`.",
        )
    try:
        planned: Plan | None = look(root, effective(given, recorded, root), console)
    except RuntimeEdited as error:
        planned = None
        yield Finding(error.what, None, State.CONFLICT, "runtime", error.why, error.next_step)
    problems = {problem.path: problem for problem in planned.problems} if planned else {}
    if recorded is not None:
        for record in recorded.files:
            if record.path not in recorded.runtimes:
                yield from _file(root, record, problems.get(record.path))
        for path in recorded.runtimes if planned is not None else ():
            yield from _runtime(root, path)
    if planned is not None:
        yield from _new_problems(planned, recorded)
        yield from _unplanned(planned, recorded)


def _file(root: Path, record: FileRecord, problem: Problem | None) -> Iterator[Finding]:
    try:
        data = _read(root, record.path)
    except CautifyError as error:
        yield Finding(record.path, None, State.CONFLICT, "file", error.why, _PUT_BACK)
        return
    if data is None:
        yield Finding(record.path, None, State.MISSING, "file", "cautify patched this file, and it is gone", _PUT_BACK)
    elif digest(data) == record.after:
        return
    elif problem is not None:
        message = f"this patched file cannot be read any more: {problem.detail}"
        yield Finding(record.path, None, State.CONFLICT, "file", message, _PUT_BACK)
    elif digest(data) == record.before:
        yield Finding(record.path, None, State.MISSING, "file", "this file is as it was before the patch", _APPLY)
    else:
        yield Finding(record.path, None, State.EDITED, "file", "this file was edited since cautify wrote it", _PUT_BACK)


def _runtime(root: Path, path: str) -> Iterator[Finding]:
    try:
        data = _read(root, path)
    except CautifyError as error:
        yield Finding(path, None, State.CONFLICT, "runtime", error.why, _PUT_BACK)
        return
    if data is None:
        yield Finding(path, None, State.MISSING, "runtime", "the vendored runtime is gone", _APPLY)
        return
    state = vendor.state(data, path)
    if state == "older":
        yield Finding(path, None, State.OLDER, "runtime", "the vendored runtime is an older version", _APPLY)
    elif state == "edited":
        yield Finding(path, None, State.EDITED, "runtime", "the vendored runtime was edited by hand", _PUT_BACK)
    elif state != "current":
        yield Finding(path, None, State.CONFLICT, "runtime", "this is not the runtime that cautify put here", _PUT_BACK)


def _new_problems(planned: Plan, recorded: Manifest | None) -> Iterator[Finding]:
    if recorded is None:
        return
    known = {*recorded.problems, *(record.path for record in recorded.files)}
    for problem in planned.problems:
        if problem.path not in known:
            message = f"this file could be read when the patch was made, and now cannot: {problem.detail}"
            yield Finding(problem.path, None, State.CONFLICT, "file", message, "Mend the file.")


def _unplanned(planned: Plan, recorded: Manifest | None) -> Iterator[Finding]:
    """What a fresh plan would do: each unwrapped site, and each file that no such site explains."""
    if planned.empty:
        return
    explained = set()
    for site in planned.sites:
        if site.verdict is Verdict.WRAP:
            explained.add(site.path)
            explained.update(home.path for home in (site.switch.homes if site.switch else ()))
            what = " | ".join(site.optimizers) or "an optimizer"
            yield Finding(site.path, site.line, State.NEW, "site", f"{what} is not wrapped", _APPLY)
    runtimes = {*(recorded.runtimes if recorded else ()), *(planned.runtimes if explained else ())}
    for file in planned.files:
        if file.path not in explained and file.path not in runtimes:
            verb = "create" if file.action is Action.CREATE else "change"
            yield Finding(file.path, None, State.MISSING, "edit", f"apply would {verb} this file", _APPLY)


def _read(root: Path, path: str) -> bytes | None:
    """A recorded file's bytes, None when it is gone.

    Raises:
        CautifyError: it is no file by now, cannot be read, or is a link that leads out of the tree.
    """
    content = look_at(locate(os.path.realpath(root), path), path)
    return content.data if content else None
