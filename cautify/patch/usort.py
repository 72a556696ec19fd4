"""Where usort would put an import: categories and order of https://usort.readthedocs.io/en/stable/guide.html

Unlike isort, it takes for the project's own only what the settings name and the package that the file itself is in,
and it sorts across the blank lines that stand between imports.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import libcst as cst

STDLIB, THIRD, FIRST = range(1, 4)
_SKIPPED = re.compile(r"#\s*[ui]sort:\s*skip")


def category(name: str, known: frozenset[str], package: str | None) -> int:
    """The category of a module; ``known`` are the top-level names of the project's own, ``package`` is the file's."""
    top = name.partition(".")[0]
    if not top or top == package or top in known:
        return FIRST
    return STDLIB if top in sys.stdlib_module_names else THIRD


def key(name: str, is_from: bool) -> tuple[object, ...]:
    """What the statements of one category are ordered by."""
    level = len(name) - len(name.lstrip("."))
    return (int(is_from), 100 - level if level else 0, name.casefold(), name)


def is_barrier(statement: cst.SimpleStatementLine) -> bool:
    """Whether an import stays where it is, and nothing is sorted past it."""
    small = statement.body[0]
    comment = statement.trailing_whitespace.comment
    star = isinstance(small, cst.ImportFrom) and isinstance(small.names, cst.ImportStar)
    return star or len(statement.body) > 1 or (comment is not None and bool(_SKIPPED.search(comment.value)))


def package_of(file: Path) -> str | None:
    """The top-level package that a file lies in, going by ``__init__.py`` alone."""
    at = file
    while (at.parent / "__init__.py").exists() and at.parent != at:
        at = at.parent
    return at.name if at != file else None
