"""``apply --plan``: write exactly what a plan file says, or say why the tree is no longer the one it was made for."""

from __future__ import annotations

import os
from pathlib import Path

from cautify.commands.hard_links import warn_of_hard_links
from cautify.commands.proposal import Consent, carry_out, record, repair
from cautify.commands.target import find_root
from cautify.commands.uncommitted import mind_uncommitted
from cautify.errors import CautifyError, PlanUnusable, TargetNotFound
from cautify.model import Outcome
from cautify.patch import manifest, plan_text, write
from cautify.patch.disk import look
from cautify.patch.plan_text import StoredPlan
from cautify.patch.stored import fitted
from cautify.patch.survey import under_own_names
from cautify.reports.console import Console
from cautify.reports.text import counted


def apply_plan(
    path: Path, place: Path, consent: Consent, *, allow_dirty: bool, exit_code: bool, console: Console
) -> Outcome:
    """Write the plan in the file ``place`` to the tree that ``path`` stands for, and its manifest.

    With ``exit_code``, a dry run that would change something exits with 1.

    Raises:
        FileChanged: the tree has changed since the plan was made; every such file is named.
        PlanUnusable: the plan is damaged, forged or of another version.
        CautifyError: something else was refused; nothing was written.
    """
    root = find_root(path)
    plan = _read(place)
    repair(root, consent, console)
    data = manifest.read(root)
    recorded = None if data is None else manifest.parse(data)
    files, new = fitted(root, plan, data, str(place)), plan.manifest
    if new is None:
        return Outcome(0, "Nothing to do: the plan changes nothing.")
    if not files:
        outcome = record(root, new, data, _recording(plan), consent, console)
        return Outcome(1, outcome.message) if consent.dry_run and exit_code else outcome
    warn_of_hard_links(root, files, console)
    if not allow_dirty:
        mind_uncommitted(root, files, recorded, console, dry_run=consent.dry_run)

    def write_all() -> Outcome:
        write.commit(root, files, new, replacing=data)
        return Outcome(0, f"Wrote {counted(len(files), 'file')}, as planned.\n{_COMMIT}")

    outcome = carry_out(console, under_own_names(root, files), consent, write_all)
    return Outcome(1, outcome.message) if consent.dry_run and exit_code else outcome


_COMMIT = "Commit .cautify/ with the patch: `cautify check` and `cautify revert` go by it."


def _recording(plan: StoredPlan) -> str:
    paths = ", ".join(path for path, _ in plan.seen)
    return f"what the plan says of {paths}" if paths else "what was declined when the plan was made"


def _read(place: Path) -> StoredPlan:
    real, what = os.path.realpath(place), f"{place} cannot be used"
    try:
        if os.path.isfile(real) and os.path.getsize(real) > manifest.LIMIT:
            size = f"it has {os.path.getsize(real):,} bytes, more than cautify ever writes"
            raise PlanUnusable(what, size, plan_text.ANEW)
        found = look(real, str(place))
    except PlanUnusable:
        raise
    except CautifyError as error:
        raise PlanUnusable(what, error.why, "Nothing was changed. Name a file that --plan-out has written.") from error
    if found is None:
        raise TargetNotFound(what, "it does not exist", "Check the spelling; make a plan with apply --plan-out.")
    return plan_text.parse(found.data, str(place))
