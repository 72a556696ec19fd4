"""Put a workflow into the target's repository that runs check. It is no part of the patch: revert leaves it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cautify import git
from cautify.commands import installed
from cautify.commands.proposal import Consent, carry_out
from cautify.commands.target import find_root
from cautify.errors import FileChanged, InvalidOption
from cautify.model import Action, FilePlan, Outcome
from cautify.patch import manifest, vendor, write
from cautify.patch.disk import locate, look
from cautify.reports.console import Console

TEMPLATE = "cautify-check.yml"
WORKFLOW = ".github/workflows/cautify.yml"


def init_ci(path: Path, requirement: str | None, consent: Consent, *, console: Console) -> Outcome:
    """Write the workflow at the top of the repository, the only place where GitHub looks for it.

    Raises:
        FileChanged: another file is there already.
        InvalidOption: ``requirement`` is nothing that pip installs.
        CautifyError: PATH cannot be used, nobody agreed, or the file cannot be written.
    """
    root = find_root(path)
    top = _repository(root)
    data = workflow(_wanted(requirement, console), root.relative_to(top).as_posix())
    there = look(locate(os.path.realpath(top), WORKFLOW), WORKFLOW)
    if there is not None and there.data == data:
        return Outcome(0, f"Nothing to do: {top / WORKFLOW} is there already.")
    if there is not None:
        raise FileChanged(
            f"{top / WORKFLOW} was not written",
            "it exists, and is not what this command would write",
            "Remove or rename that file first, if it is to be replaced.",
        )
    files = (FilePlan(WORKFLOW, Action.CREATE, None, data),)

    def act() -> Outcome:
        recorded = manifest.read(top)
        write.commit(top, files, recorded, replacing=recorded)
        return Outcome(0, f"Wrote {top / WORKFLOW}. It is yours: commit it, and delete it to be rid of it.")

    return carry_out(console, files, consent, act)


def workflow(requirement: str, target: str) -> bytes:
    """The template, with what pip installs and the directory that is checked.

    Raises:
        InvalidOption: one of them would mean something else to GitHub or to YAML.
    """
    text = vendor.template(TEMPLATE).decode("utf-8")
    for name, value, default in (("REQUIREMENT", requirement, "cautify"), ("TARGET", target, ".")):
        if not value or not value.isprintable() or "${{" in value:
            raise InvalidOption(
                f"{value!r} cannot stand in a workflow",
                "it is empty, or holds a control character or ${{",
                "Give --install what pip installs, such as cautify==1.0, and PATH a plain name.",
            )
        line = f'{name}: "{default}" #'
        if line not in text:
            raise ValueError(f"the template has no line {line}")
        # A string of JSON is one of YAML, too, as long as it needs no surrogate pairs.
        text = text.replace(line, f"{name}: {json.dumps(value, ensure_ascii=False)} #")
    return text.encode("utf-8")


def _wanted(requirement: str | None, console: Console) -> str:
    """What the workflow installs: what was asked for, else the cautify that runs, from where it came."""
    found = installed.source() if requirement is None else requirement
    if found is None:
        console.warn(
            f"this cautify was installed from a path of this machine, so the workflow installs {installed.FROM_INDEX} "
            "from PyPI: if it is not there, name what pip is to install with --install"
        )
    return installed.FROM_INDEX if found is None else found


def _repository(root: Path) -> Path:
    """The top of the git repository that ``root`` lies in, or ``root``."""
    status, said = git.ask(root, "rev-parse", "--show-toplevel")
    top = Path(os.fsdecode(said.removesuffix(b"\n"))) if status == 0 else root
    return top if root.is_relative_to(top) else root
