"""Which Python the target says it supports, in the files in which projects say that."""

from __future__ import annotations

import re
from pathlib import Path

from cautify.source import text_of_file

_VERSION_FILES = (
    ("pyproject.toml", r"(?m)^\s*requires-python\s*=\s*[\"'][^\"'\n]*?(?:>=|~=|==)\s*(3)\.(\d+)"),
    ("pyproject.toml", r"(?m)^\s*python\s*=\s*[\"'](?:\^|>=|~=|~)\s*(3)\.(\d+)"),
    ("setup.cfg", r"(?m)^\s*python_requires\s*=[^\n]*?>=\s*(3)\.(\d+)"),
    ("setup.py", r"python_requires\s*=\s*[\"'][^\"'\n]*?>=\s*(3)\.(\d+)"),
    ("pyproject.toml", r"(?m)^\s*target-version\s*=\s*[\"']py(3)(\d+)[\"']"),
    (".ruff.toml", r"(?m)^\s*target-version\s*=\s*[\"']py(3)(\d+)[\"']"),
    ("ruff.toml", r"(?m)^\s*target-version\s*=\s*[\"']py(3)(\d+)[\"']"),
)


def minimum_python(directory: Path) -> tuple[int, int] | None:
    """The oldest Python that the project around a directory says it supports, or None when it does not say."""
    for candidate in (directory, *directory.parents):
        for name, pattern in _VERSION_FILES:
            text = text_of_file(candidate / name) or ""
            versions = [(int(m.group(1)), int(m.group(2))) for m in re.finditer(pattern, text)]
            if versions:
                return min(versions)
        if (candidate / ".git").exists():
            break
    return None
