"""The vendored files of one tree: which there are or have to be, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cautify.analysis.project import Project
from cautify.errors import RuntimeEdited
from cautify.model import Action, Edit, FilePlan, Span
from cautify.patch.disk import read
from cautify.patch.vendor import TRITON_NAME, beside, state, text_of


def runtime_paths(project: Project, used: Iterable[str], with_triton: bool) -> tuple[str, ...]:
    """Where wraps are imported from, ``used``, and every other runtime that is there; with triton, two files each."""
    versioned = project.mentioning(r"# cautify-runtime:", "# cautify-runtime:")
    paths = {*used, *(p for p in versioned if state(project.data[p], p) != "foreign")}
    if with_triton:
        paths |= {beside(path) for path in paths}
    return tuple(sorted(paths))


def runtime_files(project: Project, paths: Sequence[str]) -> list[FilePlan]:
    """The vendored files to create or to bring up to date.

    Raises:
        RuntimeEdited: a file of that name is there and is not of the runtime.
    """
    plans = []
    for path in paths:
        before, text = _on_disk(project, path), text_of(path)
        if before is None:
            plans.append(FilePlan(path, Action.CREATE, None, text))
            continue
        kind = state(before, path)
        if kind == "foreign":
            raise _taken(path)
        if kind == "older":
            edit = Edit(Span(0, len(before)), text, "runtime")
            plans.append(FilePlan(path, Action.MODIFY, before, text, (edit,)))
    return plans


def replaced(root: Path, paths: Sequence[str]) -> list[FilePlan]:
    """The vendored files that were edited by hand, as this version has them."""
    plans = []
    for path in paths:
        before, text = read(root, path), text_of(path)
        if before is not None and state(before, path) == "edited":
            edit = Edit(Span(0, len(before)), text, "runtime")
            plans.append(FilePlan(path, Action.MODIFY, before, text, (edit,)))
    return plans


def _taken(path: str) -> RuntimeEdited:
    without = "leave out --with-triton, " if path.endswith(TRITON_NAME) else ""
    next_step = f"{without}name another place with --vendor-to, or move the file away."
    what = "a file of this name is there already, and cautify did not write it"
    return RuntimeEdited(path, what, next_step[0].upper() + next_step[1:])


def _on_disk(project: Project, path: str) -> bytes | None:
    if path in project.data:
        return project.data[path]
    try:
        if not (project.root / path).is_file():  # a pipe would be waited on; that something is there stops the write
            return None
        return (project.root / path).read_bytes()
    except FileNotFoundError:
        return None
