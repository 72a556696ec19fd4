"""Plan, show the diff, ask, write. On a patched tree: what is new, and the runtime brought up to date."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cautify.analysis.choice import DECLINED
from cautify.commands.hard_links import warn_of_hard_links
from cautify.commands.interactive import choose, require_terminal
from cautify.commands.options import Given, effective, require_settings_of
from cautify.commands.proposal import DRY_RUN, Consent, carry_out, repair, require_someone_to_ask
from cautify.commands.scan import look
from cautify.commands.target import find_root
from cautify.commands.uncommitted import require_committed, uncommitted
from cautify.errors import NotConfirmed
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
) -> Outcome:
    """Patch a tree. With ``exit_code``, a dry run that would change something exits with 1.

    On a patched tree, files that were edited since are recorded as they are now. With ``force``, a runtime that was
    edited by hand is replaced. With ``interactive``, somebody is asked about each site first.

    Raises:
        CautifyError: something was refused; nothing was written.
    """
    if interactive:
        require_terminal(console)
    root = find_root(path)
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
        return _adopt(root, recorded, data, planned, taken, consent, console, exit_code)
    warn_of_hard_links(root, planned.files, console)
    if not allow_dirty:
        _mind_uncommitted(planned, recorded, consent, console)

    def write_all() -> Outcome:
        record = manifest.dump(manifest.updated(recorded, planned, taken))
        write.commit(root, planned.files, record, replacing=data)
        return Outcome(0, _done(planned))

    outcome = carry_out(console, under_own_names(root, planned.files), consent, write_all)
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


def _adopt(
    root: Path,
    recorded: Manifest | None,
    data: bytes | None,
    planned: Plan,
    taken: TakenBack | None,
    consent: Consent,
    console: Console,
    exit_code: bool,
) -> Outcome:
    """Nothing is to be patched: record the files that were edited since as they are now, and what was declined."""
    now = manifest.updated(recorded, planned, taken) if taken is not None else None
    before = {record.path: record for record in recorded.files} if recorded is not None else {}
    after = {record.path: record for record in now.files} if now is not None else before
    changed = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    declined = recorded is not None and planned.options.declined != recorded.options.declined
    if now is None or not (changed or declined):
        return Outcome(0, _nothing(planned))
    parts = [f"{counted(len(changed), 'file')} that changed since: {', '.join(changed)}"] if changed else []
    what = " and ".join([*parts, *(["what was declined"] if declined else [])])
    if consent.dry_run:
        return Outcome(1 if exit_code else 0, f"Would record {what}\n{DRY_RUN}")
    require_someone_to_ask(console, consent)
    if not consent.yes and not console.confirm(f"Record {what}?"):
        raise NotConfirmed("nothing was written", "the answer was no", "Run the command again to be asked again.")
    write.commit(root, (), manifest.dump(now), replacing=data)
    return Outcome(0, f"Recorded {what}")


def _mind_uncommitted(planned: Plan, recorded: Manifest | None, consent: Consent, console: Console) -> None:
    if not consent.dry_run:
        require_committed(planned.root, planned.files, recorded)
        return
    dirty = uncommitted(planned.root, planned.files, recorded)
    if dirty:
        console.warn(f"apply will refuse this without --allow-dirty: uncommitted changes in {', '.join(dirty)}")


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
