"""How the recorded parts of a patch stand in the tree as it is now, beside a plan made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cautify.errors import CautifyError
from cautify.model import Action, Finding, Plan, Site, State, Verdict
from cautify.patch import vendor
from cautify.patch.disk import MANIFEST, digest, read
from cautify.patch.pieces import Piece, pieces
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
            yield from _edits(record, data, words, changes=record.path in changed)


def _edits(record: FileRecord, data: bytes, words: Words, *, changes: bool) -> Iterator[Finding]:
    """Each piece of the patch in a file; ``changes`` is whether a fresh plan would write to it."""
    if digest(data) == record.before:
        yield Finding(record.path, None, State.MISSING, "file", "this file is as it was before the patch", APPLY)
        return
    there = pieces(record.path, data, words)
    if digest(data) == record.after:
        for piece in there:
            yield Finding(record.path, piece.line, State.APPLIED, "edit", _shown(piece))
        return
    written = [hunk for layer in record.layers for hunk in layer]
    if any(hunk.new is None for hunk in written):
        message = "this file was edited since, and its manifest does not say what was written"
        yield Finding(record.path, None, State.EDITED, "file", message, RECORD)
        return
    lost = [piece for hunk in written for piece in pieces(record.path, hunk.new or b"", words)]
    others = []
    for piece in there:
        same = next((p for p in lost if (p.about, p.says) == (piece.about, piece.says)), None)
        if same is None:
            others.append(piece)
        else:
            lost.remove(same)
            yield Finding(record.path, piece.line, State.APPLIED, "edit", _shown(piece))
    named = {word for piece in others for word in piece.says if words.names(word.strip("\"'"))}
    for piece in lost:
        kinds = ("declaration", "filter", "statement")
        now = next((p for p in others if p.about == piece.about), None)
        if now is None and piece.about.startswith(kinds):
            now = next((p for p in others if p.about.startswith(kinds)), None)
        if now is not None:
            others.remove(now)
            message = f"{_shown(now)} was edited: cautify wrote {_shown(piece)}"
            yield Finding(record.path, now.line, State.EDITED, "edit", message, RECORD)
        elif piece.about == "comment" or named & set(piece.says):
            yield Finding(record.path, None, State.EDITED, "edit", f"{_shown(piece)} is gone", RECORD)
        elif not changes and piece.about != "wrap":
            message = f"{_shown(piece)} is gone, and nothing needs it"
            yield Finding(record.path, None, State.OBSOLETE, "edit", message, RECORD)


def _shown(piece: Piece) -> str:
    said = " ".join(piece.says)
    for closer in (" (", "( ", " )", " .", ". ", " ,", " :"):
        said = said.replace(closer, closer.strip() if closer != " ," else ",")
    return _short(f"import of {piece.says[1]}" if piece.about == "import" else said)


def _short(said: str) -> str:
    return f"`{said if len(said) <= 60 else said[:57] + '...'}`"


# -- sites ------------------------------------------------------------------------------------------------------------


def sites(recorded: Manifest, planned: Plan) -> Iterator[Finding]:
    """Each site that is recorded as wrapped, and each that is there; not those in files that cannot be read."""
    unread = {problem.path for problem in planned.problems}
    wraps = [r for r in recorded.sites if r.verdict == Verdict.WRAPPED.value and r.path not in unread]
    lost = [(r.path, r.optimizers) for r in wraps]
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
        moved = next((one for one in lost if one[0] == site.path), None)
        moved = moved or next((one for one in lost if one[1] == site.optimizers), None)
        if moved is not None:
            lost.remove(moved)
        came = f", and was in {moved[0]}" if moved is not None and moved[0] != site.path else ""
        yield Finding(site.path, site.line, State.APPLIED, "site", f"{_named(site.optimizers)} is wrapped{came}")
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


def runtimes(root: Path, recorded: Manifest, planned: Plan) -> Iterator[Finding]:
    """Each vendored file."""
    for path in recorded.runtimes:
        try:
            data = read(root, path)
        except CautifyError as error:
            yield Finding(path, None, State.CONFLICT, "runtime", error.why, PUT_BACK)
            continue
        if data is None and path not in planned.runtimes:
            message = "the vendored runtime is gone, and nothing here needs it"
            yield Finding(path, None, State.OBSOLETE, "runtime", message, "Run `cautify apply`, which forgets it.")
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


def ignores(planned: Plan) -> Iterator[Finding]:
    """Each comment that asks to ignore a site where none would be touched."""
    for unused in planned.unused_ignores:
        message = f"nothing is ignored by `{unused.comment}`"
        yield Finding(unused.path, unused.line, State.OBSOLETE, "ignore", message, "Remove the comment.")


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
            continue
        for edit in file.edits:
            line = file.before.count(b"\n", 0, edit.span.start) + 1
            said = _short(" ".join(edit.replacement.decode("utf-8", "replace").split()))
            yield Finding(file.path, line, State.MISSING, "edit", f"{said} is missing here", APPLY)
