"""Which files of the target are looked at: those that git knows or would add, else what a .gitignore-aware walk finds.

Python files are the target; documents (YAML, JSON, notebooks) are only looked at for optimizers that they name.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cautify import git
from cautify.errors import InvalidOption
from cautify.model import Options
from cautify.source import text_of_file

if TYPE_CHECKING:
    import pathspec

_NEVER = frozenset({".git", ".hg", ".svn", ".cautify", "__pycache__", ".tox", ".nox", ".venv", "venv", "node_modules"})
_NEVER |= {".mypy_cache", ".pytest_cache", ".ruff_cache", ".eggs", "site-packages"}

_SUFFIXES = (".py", ".yaml", ".yml", ".json", ".ipynb")

PLAN_KIND = "cautify plan"
_PLAN = re.compile(rb'\s*\{\s*"kind"\s*:\s*"cautify plan"')

_TEST_DIRECTORIES = frozenset({"test", "tests", "testing", "unit_tests", "unittests"})
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_tests?|conftest)\.py$")


@dataclass(frozen=True)
class Discovered:
    """The Python files of a tree, sorted, relative to its root. ``excluded`` are those the options left out.

    ``documents`` are the files of other kinds that may name an optimizer, without those that the options left out.
    """

    files: tuple[str, ...]
    excluded: frozenset[str]
    documents: tuple[str, ...] = ()


def is_test(path: str) -> bool:
    """Whether a path is test code by the names that pytest, unittest and their users give it."""
    return bool(_TEST_FILE.search(path)) or not _TEST_DIRECTORIES.isdisjoint(PurePosixPath(path).parts[:-1])


def discover(root: Path, options: Options) -> Discovered:
    """List the regular ``.py`` files and documents below ``root``. Symbolic links to directories are not followed."""
    found = _git_files(root)
    every = sorted(set(found if found is not None else _walk(root)))
    include, exclude = glob_spec("--include", options.include), glob_spec("--exclude", options.exclude)
    excluded = {
        path for path in every if (include and not include.match_file(path)) or (exclude and exclude.match_file(path))
    }
    files = tuple(path for path in every if path.endswith(".py"))
    documents = tuple(path for path in every if not path.endswith(".py") and path not in excluded)
    return Discovered(files, frozenset(excluded.intersection(files)), documents)


def is_plan(data: bytes) -> bool:
    """Whether a file is a plan of ``apply --plan-out``: it may lie in the tree, and is nothing of the target's."""
    return _PLAN.match(data) is not None


def glob_spec(option: str, patterns: tuple[str, ...]) -> pathspec.GitIgnoreSpec | None:
    """What matches the globs of an option, None where there are none.

    Raises:
        InvalidOption: one of them cannot be used.
    """
    if not patterns:
        return None
    import pathspec  # late: trees that git lists need none

    try:
        return pathspec.GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error) as error:
        what = f"{', '.join(patterns)}: {error}"
        raise InvalidOption(f"{option} cannot be used", what, "Write globs as in a .gitignore file.") from error


def _git_files(root: Path) -> list[str] | None:
    """``git ls-files``, or None where git is missing or ``root`` is not (a visible part of) a work tree."""
    status, inside = git.ask(root, "rev-parse", "--is-inside-work-tree")
    if status or inside.strip() != b"true":
        return None
    if git.ask(root, "check-ignore", "-q", ".")[0] == 0:
        return None
    patterns = [f"*{suffix}" for suffix in _SUFFIXES]
    status, listed = git.ask(root, "ls-files", "-co", "--exclude-standard", "-z", "--", *patterns)
    if status:
        return None
    names = (os.fsdecode(name) for name in listed.split(b"\0") if name)
    return [
        name
        for name in names
        if _NEVER.isdisjoint(PurePosixPath(name).parts) and os.path.isfile(os.path.join(root, name))
    ]


def _walk(root: Path) -> Iterator[str]:
    """Every ``.py`` file and document that no ``.gitignore`` on the way down excludes."""

    def descend(directory: str, prefix: str, specs: tuple[tuple[str, pathspec.GitIgnoreSpec], ...]) -> Iterator[str]:
        try:
            entries = sorted(os.scandir(directory), key=lambda e: e.name)
        except OSError:
            return
        if any(e.name == ".gitignore" for e in entries):
            import pathspec

            lines = (text_of_file(Path(directory, ".gitignore")) or "").splitlines()
            with contextlib.suppress(ValueError, re.error):  # an unreadable .gitignore excludes nothing
                specs = (*specs, (prefix, pathspec.GitIgnoreSpec.from_lines(lines)))
        for entry in entries:
            path = prefix + entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            if entry.name in _NEVER or _ignored(path + "/" * is_directory, specs):
                continue
            if is_directory:
                if not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                    yield from descend(entry.path, path + "/", specs)
            elif entry.name.endswith(_SUFFIXES) and os.path.isfile(entry.path):
                yield path

    yield from descend(str(root), "", ())


def _ignored(path: str, specs: tuple[tuple[str, pathspec.GitIgnoreSpec], ...]) -> bool:
    """Git's rule: the last matching pattern of the deepest .gitignore decides."""
    for prefix, spec in reversed(specs):
        result = spec.check_file(path[len(prefix) :])
        if result.include is not None:
            return result.include
    return False
