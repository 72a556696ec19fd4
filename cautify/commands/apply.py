"""Plan, show the diff, ask, write. On a patched tree: what is new, and the runtime brought up to date."""

from __future__ import annotations

from pathlib import Path

from cautify.commands.options import Given, effective, require_settings_of
from cautify.commands.proposal import Consent, carry_out, repair
from cautify.commands.scan import look
from cautify.commands.target import find_root
from cautify.commands.uncommitted import require_committed, uncommitted
from cautify.model import HomeKind, Outcome, Plan, Verdict
from cautify.patch import manifest, write
from cautify.patch.records import Manifest
from cautify.reports.console import Console
from cautify.reports.text import apply_text, counted


def apply(
    path: Path, given: Given, consent: Consent, *, allow_dirty: bool, exit_code: bool, console: Console
) -> Outcome:
    """Patch a tree. With ``exit_code``, a dry run that would change something exits with 1.

    Raises:
        CautifyError: something was refused; nothing was written.
    """
    root = find_root(path)
    repair(root, consent, console)
    data = manifest.read(root)
    recorded = None if data is None else manifest.parse(data)
    options = effective(given, recorded, root)
    if recorded is not None:
        require_settings_of(recorded, given, root)
        if recorded.options.with_triton and given.with_triton is False:
            console.warn("the patch has cautious_triton.py, which stays: to leave it out, revert and apply anew")
    planned = look(root, options, console, prove=True)
    console.notes(apply_text(planned, verbose=console.verbose))
    if planned.empty:
        return Outcome(0, _nothing(planned))
    if not allow_dirty:
        _mind_uncommitted(planned, recorded, consent, console)

    def write_all() -> Outcome:
        record = manifest.dump(manifest.updated(recorded, planned))
        write.commit(root, planned.files, record, replacing=data)
        return Outcome(0, _done(planned))

    outcome = carry_out(console, planned.files, consent, write_all)
    return Outcome(1, outcome.message) if consent.dry_run and exit_code else outcome


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
    return "Nothing to do: no site can be wrapped."


def _done(planned: Plan) -> str:
    wrapped = [site for site in planned.sites if site.verdict is Verdict.WRAP]
    said = [f"Wrote {counted(len(planned.files), 'file')}: {counted(len(wrapped), 'site')} wrapped."]
    if any(site.switch and site.switch.kind is HomeKind.ENVIRONMENT for site in wrapped):
        turned = "off by USE_CAUTIOUS_OPTIMIZER=0" if planned.options.default_on else "on by USE_CAUTIOUS_OPTIMIZER=1"
        said.append(f"Sites without a switch of their own are turned {turned}.")
    said.append("Commit .cautify/ with the patch: `cautify check` and `cautify revert` go by it.")
    return "\n".join(said)
