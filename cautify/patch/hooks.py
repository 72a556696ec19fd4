"""What a project's pre-commit hooks say of its style: which tools format and sort, and what they are told.

https://pre-commit.com/#pre-commit-configyaml---hooks
"""

from __future__ import annotations

import re
from pathlib import Path

from cautify.source import text_of_file

FILE_NAME = ".pre-commit-config.yaml"
_HOOK = re.compile(r"(?m)^[ \t]*-?[ \t]*id[ \t]*:[ \t]*[\"']?([\w.-]+)")
_NEXT = re.compile(r"(?m)^[ \t]*-[ \t]*(?:id|repo)[ \t]*:")
_LENGTH = re.compile(r"--line-length[=\s\"',]+(\d+)")
_OTHERWISE = re.compile(r"(?m)--config\b|(?<![\w-])-l\b|^[ \t]*(?:files|exclude)[ \t]*:")
_BLACKS = frozenset({"black", "black-jupyter", "ufmt"})
_LENGTH_OF_BLACK = 88


def hook_length(directory: Path) -> int | None:
    """The line length of a formatter that runs as a hook: what it is passed, or black's own where it is told nothing.

    None where no hook of the directory formats, and where one formats some files only or is told by other means.
    """
    text = _text(directory)
    found = _LENGTH.search(text)
    if found:
        return int(found.group(1))
    told = [body for name, body in _hooks(text) if name in _BLACKS]
    return _LENGTH_OF_BLACK if told and not any(map(_OTHERWISE.search, told)) else None


def sorted_by_usort(directory: Path) -> bool:
    """Whether a hook of the directory sorts imports as usort does. ufmt does so, too."""
    return any(name in ("usort", "ufmt") for name, _ in _hooks(_text(directory)))


def _text(directory: Path) -> str:
    return re.sub(r"(?m)^[ \t]*#.*\n?", "", text_of_file(directory / FILE_NAME) or "")


def _hooks(text: str) -> list[tuple[str, str]]:
    """The name of each hook, with the lines behind it."""
    found = []
    for match in _HOOK.finditer(text):
        following = _NEXT.search(text, match.end())
        found.append((match.group(1), text[match.end() : following.start() if following else len(text)]))
    return found
