"""Sites, switches and the runtime → edits for each file. Pure: the disk is read, never written."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cautify.analysis.choice import Place
from cautify.analysis.discover import discover
from cautify.analysis.project import Project
from cautify.analysis.syntax import Unparsable
from cautify.errors import ProofFailed
from cautify.homes import ENABLED
from cautify.model import Action, FilePlan, Options, Plan
from cautify.patch.account import Account
from cautify.patch.compose import Composer, Progress
from cautify.patch.traces import Words
from cautify.patch.vendor import text_of
from cautify.source import Undecodable, apply_edits, invert


def make_plan(
    root: Path,
    options: Options,
    *,
    progress: Progress | None = None,
    prove: bool = True,
    leaving: Collection[Place] | None = None,
) -> Plan:
    """Everything cautify would do to the tree at ``root``.

    Args:
        root: Directory that holds the target.
        options: What to look at and where the runtime goes.
        progress: Called with how many files with sites are done, and how many there are.
        leaving: Sites that somebody has just said no to, instead of those that the options record.
        prove: Whether to hold the planned files to their proof. What is to be written must be; a report need not.

    Raises:
        ProofFailed: the planned result of a file does not parse, undo or settle; nothing may be written then.
        RuntimeEdited: a file of the runtime's name is there that is not cautify's.
    """
    found = discover(root, options)
    project = Project(root, found.files)
    composer = Composer(project, options, found.excluded, progress, leaving=leaving)
    if leaving is not None:
        options = replace(options, declined=composer.choice.declined)
    edited = composer.edits()
    files: list[FilePlan] = []
    for path, edits in sorted(edited.items()):
        before = project.data[path]
        after = apply_edits(before, edits)
        if after != before:
            if apply_edits(after, invert(before, edits)) != before:
                raise ProofFailed(path, "undoing the planned edits does not give the file back", _REPORT)
            files.append(FilePlan(path, Action.MODIFY, before, after, tuple(edits)))
    for path, (before, document_edits) in sorted(composer.documents().items()):
        after = apply_edits(before, document_edits)
        files.append(FilePlan(path, Action.MODIFY, before, after, tuple(document_edits)))
    files += composer.runtimes()
    files.sort(key=lambda f: f.path)
    if prove:
        _prove(composer, options, {f.path: f.after for f in files if f.after is not None})
    account = Account(composer, found.documents)
    sites = account.sites()
    problems = tuple(project.problems[p] for p in sorted(project.problems) if p not in found.excluded)
    return Plan(
        root=root,
        options=options,
        sites=sites,
        files=tuple(files),
        problems=problems,
        warnings=account.warnings(),
        runtimes=composer.runtime_paths,
        named=tuple(sorted(_named(project, Words(options.flag_name or ENABLED)))),
        scanned=len(found.files),
        unused_ignores=account.unused_ignores(),
    )


def _named(project: Project, words: Words) -> Iterator[str]:
    for path, data in project.data.items():
        if words.anywhere(data) and b"# cautify-runtime:" not in data:
            text = data.decode("utf-8", "replace")
            if any(True for _ in words.in_code(text)):
                yield path


def _prove(composer: Composer, options: Options, after: Mapping[str, bytes]) -> None:
    """The planned tree, still in memory, parses and has nothing left to plan."""
    if not after:
        return
    documents = {path: data for path, data in after.items() if not path.endswith(".py")}
    project = composer.project.with_overlay({p: data for p, data in after.items() if p not in documents})
    for path, data in after.items():
        if data == text_of(path) or not path.endswith(".py"):
            continue
        if project.module(path) is None:
            problem = project.problems[path]
            raise ProofFailed(path, f"the planned result does not parse ({problem.detail})", _REPORT)
        before = composer.project.data.get(path)
        if before is not None and _compiles(before) and not _compiles(data):
            raise ProofFailed(path, "the planned result does not compile", _REPORT)
    again = Composer(project, options, composer.excluded, documents=documents)
    try:
        left = {path: edits for path, edits in again.edits().items() if edits}
        left |= {path: edits for path, (_, edits) in again.documents().items()}
    except (Unparsable, Undecodable) as error:
        raise ProofFailed(sorted(after)[0], f"the planned result cannot be planned again ({error})", _REPORT) from error
    if left:
        path, edits = sorted(left.items())[0]
        first = edits[0].replacement.decode("utf-8", "replace").strip()[:80]
        what = f"the planned result would be edited again ({edits[0].purpose}: {first!r})"
        raise ProofFailed(path, what, _REPORT)


def _compiles(data: bytes) -> bool:
    """Whether this Python accepts a file; some errors (a late ``__future__`` import) no parser sees. Nothing is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "<planned>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


_REPORT = "Nothing was written. Leave the file out with --exclude, and please report this as a bug in cautify."
