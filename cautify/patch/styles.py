"""The style of each file: what its tools say, or what its own longest lines show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from cautify.analysis.syntax import Module
from cautify.patch.style import DEFAULT_LINE_LENGTH, Style, style_for

_CALL = re.compile(r"[\w\])]\(")
_LONG_STRING = re.compile(r"\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''")


class Styles:
    """The styles of one project's files, each worked out once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, Style] = {}

    def of(self, module: Module) -> Style:
        """The style to follow in a file."""
        if module.path not in self._known:
            self._known[module.path] = self._find(module)
        return self._known[module.path]

    def _find(self, module: Module) -> Style:
        style = style_for((self.root / module.path).resolve().parent, self.root.resolve())
        if style.line_length_known:
            return style
        return replace(style, line_length=min(max(_longest_code(module), DEFAULT_LINE_LENGTH), style.line_length))


def _longest_code(module: Module) -> int:
    """The longest line on which something is called; no formatter breaks one that is long by a string or comment."""
    code = _LONG_STRING.sub("", module.source.text)
    lines = (line for line in code.split("\n") if len(line) > DEFAULT_LINE_LENGTH)
    return max((len(line) for line in lines if _CALL.search(line) and not set(line) & set("\"'#")), default=0)
