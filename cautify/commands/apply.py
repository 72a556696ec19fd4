"""Plan, show the diff, ask, write. On a patched tree: what is new, and the runtime brought up to date."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cautify.analysis.choice import DECLINED
from cautify.commands.hard_links import warn_of_hard_links
from cautify.commands.interactive import choose, require_terminal
from cautify.commands.keeping import keep, require_free
from cautify.commands.options import Given, effective, require_settings_of
from cautify.commands.proposal import DRY_RUN, Consent, carry_out, record, repair
from cautify.commands.scan import look
from cautify.commands.target import find_root
from cautify.commands.uncommitted import mind_uncommitted
from cautify.model import HomeKind, Outcome, Plan, Verdict
from cautify.patch import manifest, write
from cautify.patch.records import Manifest
from cautify.patch.runtimes import replaced
from cautify.patch.survey import under_own_names
from cautify.patch.taking_back import taken_back
from cautify.patch.undone import Refused, TakenBack
from cautify.reports.console import Console
from cautify.reports.text import apply_text, counted


def apply(
    path: Path,
    given: Given,
    consent: Consent,
    *,
    allow_dirty: bool,
    exit_code: bool,
    console: Console,
    force: bool = False,
    interactive: bool = False,
    plan_out: Path | None = None,
) -> Outcome:
    """Patch a tree. With ``exit_code``, a dry run that would change something exits with 1.

    With ``plan_out``, which goes with a dry run, the plan is written to that file.

    On a patched tree, files that were edited since are recorded as they are now. With ``force``, a runtime that was
    edited by hand is replaced. With ``interactive``, somebody is asked about each site first.

    Raises:
        CautifyError: something was refused; nothing was written.
    """
    if interactive:
        require_terminal(console)
    root = find_root(path)
    if plan_out is not None:
        require_free(plan_out, root)  # before anything is asked
    repair(root, consent, console)
    data = manifest.read(root)
    recorded = None if data is None else manifest.parse(data)
    options = effective(given, recorded, root)
    if recorded is not None:
        require_settings_of(recorded, given, root)
        if recorded.options.with_triton and given.with_triton is False:
            console.warn("the patch has cautious_triton.py, which stays: to leave it out, revert and apply anew")
    planned = choose(root, options, console) if interactive else look(root, options, console, prove=True)
    edited = replaced(root, planned.runtimes)
    if force:
        planned = replace(planned, files=tuple(sorted((*planned.files, *edited), key=lambda file: file.path)))
    else:
        for file in edited:
            console.warn(f"{file.path} was edited by hand and stays as it is: --force replaces it")
    console.notes(apply_text(planned, verbose=console.verbose))
    taken = _taken(root, recorded, planned, console)
    if planned.empty:
        now = _adopted(recorded, planned, taken)
        new = None if now is None else manifest.dump(now.manifest)
        ended = Outcome(0, _nothing(planned))
        if now is not None and new is not None:
            ended = record(root, new, data, now.what, consent, console)
        ended = ended if plan_out is None else _kept(ended, keep(plan_out, root, (), data, new))
        return replace(ended, exit_code=int(now is not None and consent.dry_run and exit_code))
    warn_of_hard_links(root, planned.files, console)
    if not allow_dirty:
        mind_uncommitted(root, planned.files, recorded, console, dry_run=consent.dry_run)

    def write_all() -> Outcome:
        new = manifest.dump(manifest.updated(recorded, planned, taken))
        write.commit(root, planned.files, new, replacing=data)
        return Outcome(0, _done(planned))

    outcome = carry_out(console, under_own_names(root, planned.files), consent, write_all)
    if plan_out is not None:
        new = manifest.dump(manifest.updated(recorded, planned, taken))
        outcome = _kept(outcome, keep(plan_out, root, planned.files, data, new))
    return Outcome(1, outcome.message) if consent.dry_run and exit_code else outcome


def _taken(root: Path, recorded: Manifest | None, planned: Plan, console: Console) -> TakenBack | None:
    """What the files hold without the patch, where there is one already."""
    if recorded is None and not any(site.verdict is Verdict.WRAPPED for site in planned.sites):
        return None
    taken = taken_back(root, recorded, {})
    for name, undone in taken.files.items():
        if isinstance(undone, Refused):
            place = name if undone.line is None else f"{name}:{undone.line}"
            console.warn(f"{place}: what cautify wrote cannot be told from what was edited since: {undone.why}")
    return taken


@dataclass(frozen=True)
class _Adopted:
    """A manifest for a tree in which nothing is to be patched, and what is new in it."""

    manifest: Manifest
    what: str


def _adopted(recorded: Manifest | None, planned: Plan, taken: TakenBack | None) -> _Adopted | None:
    """Files that were edited since, recorded as they are now, and what was declined; None where that is nothing."""
    if taken is None:
        return None
    now = manifest.updated(recorded, planned, taken)
    before = {record.path: record for record in recorded.files} if recorded is not None else {}
    after = {record.path: record for record in now.files}
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    declined = recorded is not None and planned.options.declined != recorded.options.declined
    parts = [f"{counted(len(changed), 'file')} that changed since: {', '.join(changed)}"] if changed else []
    what = " and ".join([*parts, *(["what was declined"] if declined else [])])
    return _Adopted(now, what) if what else None


def _kept(outcome: Outcome, said: str) -> Outcome:
    parts = (outcome.message.removesuffix(DRY_RUN).rstrip(), said)
    return replace(outcome, message="\n".join(part for part in parts if part))


def _nothing(planned: Plan) -> str:
    if not planned.sites:
        return "Nothing to do: no optimizer is made here."
    if any(site.verdict is Verdict.WRAPPED for site in planned.sites):
        return "Nothing to do: everything that can be wrapped is wrapped."
    if any(site.reason == DECLINED for site in planned.sites):
        return "Nothing to do: what could be wrapped is declined."
    return "Nothing to do: no site can be wrapped."


def _done(planned: Plan) -> str:
    wrapped = [site for site in planned.sites if site.verdict is Verdict.WRAP]
    said = [f"Wrote {counted(len(planned.files), 'file')}: {counted(len(wrapped), 'site')} wrapped."]
    if any(site.switch and site.switch.kind is HomeKind.ENVIRONMENT for site in wrapped):
        turned = "off by USE_CAUTIOUS_OPTIMIZER=0" if planned.options.default_on else "on by USE_CAUTIOUS_OPTIMIZER=1"
        said.append(f"Sites without a switch of their own are turned {turned}.")
    said.append("Commit .cautify/ with the patch: `cautify check` and `cautify revert` go by it.")
    return "\n".join(said)
