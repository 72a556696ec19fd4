"""Import statements as text: what a file imports, without parsing it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_IMPORT = re.compile(rb"[ \t]*(?:from[ \t]+([A-Za-z_][\w.]*)[ \t]+import[ \t]*(\([^)]*|[^\n]*)|import[ \t]+([^\n]*))")
_ANY_IMPORT = re.compile(  # relative ones too
    rb"[ \t]*(?:from[ \t]*([\w.]+)[ \t]*import\b[ \t]*(\([^)]*|[^\n]*)|import[ \t]+([^\n]*))"
)
_UNUSUAL = re.compile(rb"import(?:[ \t]*\*|[^\n]*\\\r?\n)")
_UNUSUAL_BEFORE = re.compile(rb"[;:][ \t]*(?:from\b|$)|\\\r?\n[ \t]*$")
_WORD = re.compile(rb"\w+")


def imports(data: bytes) -> Iterator[re.Match[bytes]]:
    """The import statements that begin a line: package, members, modules. To search for "import" first is faster."""
    done = 0
    at = data.find(b"import")
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        match = _IMPORT.match(data, start) if start >= done else None
        done = match.end() if match is not None else done
        at = data.find(b"import", max(at + 6, done))
        if match is not None:
            yield match


def words_imported(data: bytes) -> frozenset[bytes] | None:
    """The words in a file's import statements, or None if some are unusual: with stars, on broken lines."""
    found: set[bytes] = set()
    done = 0
    at = data.find(b"import")
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        if not _WORD.match(data, at + 6):
            before = data[data.rfind(b"\n", 0, max(start - 1, 0)) + 1 : at]
            if _UNUSUAL.match(data, at) or _UNUSUAL_BEFORE.search(before):
                return None
        match = _ANY_IMPORT.match(data, start) if start >= done else None
        if match is not None:
            found.update(word for group in match.groups(b"") for word in _WORD.findall(group))
            done = match.end()
        at = data.find(b"import", max(at + 6, done))
    return frozenset(found)


def own_name(path: str) -> str:
    """The name by which other files know a module: its own, or that of the package it opens."""
    folder, _, file = path.rpartition("/")
    stem = file.rpartition(".")[0] or file
    return folder.rpartition("/")[2] if stem == "__init__" else stem
