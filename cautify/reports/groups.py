"""Rows that are alike, told together: by directory where there are many, so that a report stays one to be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from cautify.model import Site

MANY = 20
"""More rows than these are told by directory."""
BY_DIRECTORY = frozenset({"built-by-library", "notebook", "test-code"})
"""The reasons of which each row says the same as the next."""
_PLACES = 12  # lines for one detail


def by_detail(sites: Iterable[Site]) -> list[tuple[str, list[Site]]]:
    """The sites by what is said of them, in the order of their first places."""
    found: dict[str, list[Site]] = {}
    for site in in_order(sites):
        found.setdefault(site.detail, []).append(site)
    return list(found.items())


def in_order(sites: Iterable[Site]) -> list[Site]:
    """The sites by file and place."""
    return sorted(sites, key=lambda site: (site.path, site.line, site.column))


def directories(sites: Sequence[Site]) -> Iterator[tuple[str, int]]:
    """Patterns that stand for the files of all the sites, each with its count; few enough to be read.

    A file alone in its directory is named itself. Directories are told apart as deep as the number of lines allows.
    """
    deepest = max(len(PurePosixPath(site.path).parts) for site in sites) - 1
    for depth in range(deepest, -1, -1):
        counted = Counter(_pattern(site.path, depth) for site in sites)
        if len(counted) <= _PLACES:
            break
    files: dict[str, set[str]] = {}
    for site in sites:
        files.setdefault(_pattern(site.path, depth), set()).add(f"{site.path}:{site.line}")
    for pattern, count in sorted(counted.items()):
        places = files[pattern]
        paths = {place.rpartition(":")[0] for place in places}
        name = pattern if len(paths) > 1 else min(places) if len(places) == 1 else min(paths)
        yield name, count


def _pattern(path: str, depth: int) -> str:
    """The files of the same ending in the same directory, or below the one that is ``depth`` levels down."""
    pure = PurePosixPath(path)
    parts = pure.parts[:-1]
    deeper = ("**",) if len(parts) > depth else ()
    return "/".join((*parts[:depth], *deeper, f"*{pure.suffix}"))
