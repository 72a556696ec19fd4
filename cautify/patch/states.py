"""How the recorded parts of a patch stand in the tree as it is now, beside a plan made anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cautify.errors import CautifyError
from cautify.model import Action, Finding, Plan, Site, State, Verdict
from cautify.patch import vendor
from cautify.patch.disk import MANIFEST, digest, read
from cautify.patch.hunks import Hunk, placed
from cautify.patch.logical import logical_lines
from cautify.patch.records import FileRecord, Manifest
from cautify.patch.taking_back import words_of
from cautify.patch.traces import Words
from cautify.patch.undo import CONFLICT

APPLY = "Run `cautify apply`."
RECORD = "Run `cautify apply`, which records it as it is now."
PUT_BACK = "Put the file back as cautify wrote it (git diff shows what changed since)."


def unrecorded(planned: Plan, root: Path) -> Iterator[Finding]:
    """What there is to say of a tree without a manifest."""
    wrapped = any(site.verdict is Verdict.WRAPPED for site in planned.sites)
    if wrapped and any(read(root, path) is not None for path in planned.runtimes):
        message = "the patch is here, and the manifest is not: nothing says what belongs to it"
        remedy = "Commit the manifest with the patch, or run `cautify apply`, which records it anew."
        yield Finding(MANIFEST, None, State.MISSING, "manifest", message, remedy)
    for site in planned.sites:
        if site.verdict is Verdict.WRAP:
            yield _unwrapped(site, State.NEW)


def files(root: Path, recorded: Manifest, planned: Plan | None) -> Iterator[Finding]:
    """Each recorded file, and each edit in it."""
    problems = {problem.path: problem for problem in planned.problems} if planned is not None else {}
    changed = {file.path for file in planned.files} if planned is not None else set()
    words = words_of(recorded)
    for record in recorded.files:
        if record.action is Action.CREATE:
            continue
        try:
            data = read(root, record.path)
        except CautifyError as error:
            yield Finding(record.path, None, State.CONFLICT, "file", error.why, PUT_BACK)
            continue
        if data is None:
            message = "cautify patched this file, and it is gone"
            yield Finding(record.path, None, State.OBSOLETE, "file", message, "Run `cautify apply`, which forgets it.")
        elif digest(data) != record.after and (marker := CONFLICT.search(data)) is not None:
            line = data.count(b"\n", 0, marker.start()) + 1
            message = "this patched file has merge conflict markers"
            yield Finding(record.path, line, State.CONFLICT, "file", message, "Resolve the conflict.")
        elif digest(data) != record.after and record.path in problems:
            problem = problems[record.path]
            message = f"this patched file cannot be read any more: {problem.detail}"
            yield Finding(record.path, None, State.CONFLICT, "file", message, PUT_BACK)
        else:
            yield from _edits(record, data, words, missing=record.path in changed)


def _edits(record: FileRecord, data: bytes, words: Words, *, missing: bool) -> Iterator[Finding]:
    if digest(data) == record.before:
        yield Finding(record.path, None, State.MISSING, "file", "this file is as it was before the patch", APPLY)
        return
    as_written = digest(data) == record.after
    for layer in record.layers:
        lines = placed(data, layer) if not as_written else {}
        for hunk in layer:
            if as_written and layer is record.layers[0]:
                at = data.count(b"\n", 0, hunk.span.start) + 1
                yield Finding(record.path, at, State.APPLIED, "edit", _shown(hunk))
            elif as_written or hunk.new is None:
                state = State.APPLIED if as_written else State.EDITED
                remedy = "" if as_written else RECORD
                yield Finding(record.path, None, state, "edit", _shown(hunk), remedy)
            else:
                yield _edit(record.path, data, hunk, lines.get(hunk), words, missing=missing)


def _edit(path: str, data: bytes, hunk: Hunk, line: int | None, words: Words, *, missing: bool) -> Finding:
    new = hunk.new or b""
    if line is not None or _says_the_same(new, data):
        return Finding(path, line, State.APPLIED, "edit", _shown(hunk))
    text = data.decode("utf-8", "replace")
    left = {word for _, word in words.in_code(text)}
    written = {word for _, word in words.in_code(new.decode("utf-8", "replace"))}
    if written and not written & left:
        if missing:
            return Finding(path, None, State.MISSING, "edit", f"{_shown(hunk)} was taken out", APPLY)
        return Finding(path, None, State.OBSOLETE, "edit", f"{_shown(hunk)} is gone, and nothing needs it", RECORD)
    return Finding(path, None, State.EDITED, "edit", f"{_shown(hunk)} was edited since, or moved", RECORD)


def _says_the_same(new: bytes, data: bytes) -> bool:
    """Whether each statement of an edit is still there, however it is laid out by now."""
    sought = Counter(line.tokens for line in logical_lines(new.decode("utf-8", "replace").replace("\r\n", "\n")))
    there = Counter(line.tokens for line in logical_lines(data.decode("utf-8", "replace").replace("\r\n", "\n")))
    return bool(sought) and all(there[tokens] >= number for tokens, number in sought.items())


def _shown(hunk: Hunk) -> str:
    """The line of an edit that tells most, for people."""
    lines = (hunk.new if hunk.new is not None else hunk.old).decode("utf-8", "replace").split("\n")
    stated = [line.strip() for line in lines if line.strip()]
    said = next((line for line in stated if "autious" in line.lower()), stated[0] if stated else "an edit")
    return f"`{said if len(said) <= 60 else said[:57] + '...'}`"


# -- sites ------------------------------------------------------------------------------------------------------------


def sites(recorded: Manifest, planned: Plan) -> Iterator[Finding]:
    """Each site that is recorded as wrapped, and each that is there."""
    lost = [(r.path, r.optimizers) for r in recorded.sites if r.verdict == Verdict.WRAPPED.value]
    wrapped = [site for site in planned.sites if site.verdict is Verdict.WRAPPED]
    unmatched: list[Site] = []
    for site in wrapped:
        if (site.path, site.optimizers) in lost:
            lost.remove((site.path, site.optimizers))
            yield Finding(site.path, site.line, State.APPLIED, "site", f"{_named(site.optimizers)} is wrapped")
        else:
            unmatched.append(site)
    unwrapped = [site for site in planned.sites if site.verdict is Verdict.WRAP]
    for site in unwrapped:
        known = (site.path, site.optimizers) in lost
        if known:
            lost.remove((site.path, site.optimizers))
        yield _unwrapped(site, State.MISSING if known else State.NEW)
    for site in unmatched:
        found = next((one for one in lost if one[0] == site.path), None)
        moved = found or next((one for one in lost if one[1] == site.optimizers), None)
        what = _named(site.optimizers)
        if moved is None:
            message = f"{what} is wrapped, and nothing is recorded of it"
        else:
            lost.remove(moved)
            message = (
                f"{what} was moved here from {moved[0]}" if found is None else f"{what} is wrapped, and edited since"
            )
        yield Finding(site.path, site.line, State.EDITED, "site", message, RECORD)
    for site in planned.sites:
        if site.verdict is Verdict.SKIP and (site.path, site.optimizers) in lost:
            lost.remove((site.path, site.optimizers))
            message = f"{_named(site.optimizers)} is not wrapped any more ({site.reason})"
            yield Finding(site.path, site.line, State.MISSING, "site", message, "See `cautify scan` for what to do.")
    for path, optimizers in lost:
        message = f"{_named(optimizers)} is not made here any more"
        yield Finding(path, None, State.OBSOLETE, "site", message, "Run `cautify apply`, which forgets it.")


def _unwrapped(site: Site, state: State) -> Finding:
    what = "is not wrapped any more" if state is State.MISSING else "is not wrapped"
    return Finding(site.path, site.line, state, "site", f"{_named(site.optimizers)} {what}", APPLY)


def _named(optimizers: Sequence[str]) -> str:
    return " | ".join(optimizers) or "an optimizer"


# -- the rest ---------------------------------------------------------------------------------------------------------


def runtimes(root: Path, recorded: Manifest) -> Iterator[Finding]:
    """Each vendored file."""
    for path in recorded.runtimes:
        try:
            data = read(root, path)
        except CautifyError as error:
            yield Finding(path, None, State.CONFLICT, "runtime", error.why, PUT_BACK)
            continue
        if data is None:
            yield Finding(path, None, State.MISSING, "runtime", "the vendored runtime is gone", APPLY)
            continue
        state, message, remedy = _RUNTIMES[vendor.state(data, path)]
        yield Finding(path, None, state, "runtime", message, remedy)


_RUNTIMES: Mapping[str, tuple[State, str, str]] = {
    "current": (State.CURRENT, "the vendored runtime is of this version", ""),
    "older": (State.OLDER, "the vendored runtime is an older version", APPLY),
    "edited": (
        State.EDITED,
        "the vendored runtime was edited by hand",
        "Put it back with `cautify apply --force`, which shows what changes.",
    ),
    "foreign": (State.CONFLICT, "this is not the runtime that cautify put here", PUT_BACK),
}


def problems(planned: Plan, recorded: Manifest) -> Iterator[Finding]:
    """Files that could be read when the patch was made, and now cannot."""
    known = {*recorded.problems, *(record.path for record in recorded.files)}
    for problem in planned.problems:
        if problem.path not in known:
            message = f"this file could be read when the patch was made, and now cannot: {problem.detail}"
            yield Finding(problem.path, None, State.CONFLICT, "file", message, "Mend the file.")


def unexplained(planned: Plan, recorded: Manifest) -> Iterator[Finding]:
    """What a fresh plan would write although no site there is unwrapped."""
    explained = {*recorded.runtimes}
    for site in planned.sites:
        if site.verdict is Verdict.WRAP:
            explained |= {site.path, *planned.runtimes, *(h.path for h in (site.switch.homes if site.switch else ()))}
    for file in planned.files:
        if file.path in explained:
            continue
        if file.before is None or not file.edits:
            yield Finding(file.path, None, State.MISSING, "edit", "apply would write this file", APPLY)
        for edit in file.edits if file.before is not None else ():
            line = file.before.count(b"\n", 0, edit.span.start) + 1 if file.before is not None else None
            said = " ".join(edit.replacement.decode("utf-8", "replace").split())
            message = f"`{said if len(said) <= 60 else said[:57] + '...'}` is missing here"
            yield Finding(file.path, line, State.MISSING, "edit", message, APPLY)
