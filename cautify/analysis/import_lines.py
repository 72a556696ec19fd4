"""Import statements as text: what a file imports, without parsing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

_IMPORT = re.compile(rb"[ \t]*(?:from[ \t]+([A-Za-z_][\w.]*)[ \t]+import[ \t]*(\([^)]*|[^\n]*)|import[ \t]+([^\n]*))")
ANY_IMPORT = re.compile(  # relative ones too
    rb"^[ \t]*(?:from[ \t]*([\w.]+)[ \t]*import\b[ \t]*(\([^)]*|[^\n]*)|import[ \t]+([^\n]*))", re.MULTILINE
)


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


def own_name(path: str) -> str:
    """The name by which other files know a module: its own, or that of the package it opens."""
    pure = PurePosixPath(path)
    return pure.parent.name if pure.stem == "__init__" else pure.stem
