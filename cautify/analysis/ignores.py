"""``# cautify: ignore`` and ``# cautify: ignore[why]``: what such a comment says, and which of them do nothing."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Collection, Iterator

from cautify.model import UnusedIgnore

MENTION = b"cautify:"
_IGNORE = re.compile(r"#\s*cautify:\s*ignore\b(?:\s*\[([^\]\n]*)\])?")


def told_to_ignore(text: str) -> str | None:
    """What a report says where a comment in these lines asks to leave them alone, its reason if any; else None."""
    found = _IGNORE.search(text)
    if found is None:
        return None
    why = (found[1] or "").strip()
    return f"a comment on the line says so: {why}" if why else "a comment on the line says so"


def unused_ignores(path: str, text: str, used: Collection[int]) -> Iterator[UnusedIgnore]:
    """The comments of a Python file that ask to ignore something on lines that are not in ``used``, counted from 1."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and _IGNORE.search(token.string) and token.start[0] not in used:
                yield UnusedIgnore(path, token.start[0], token.string)
    except (tokenize.TokenError, SyntaxError):
        return
