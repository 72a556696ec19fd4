"""What libcst cannot read, and why."""

from __future__ import annotations

import libcst as cst


class Unparsable(ValueError):
    """libcst cannot read the file."""


CANNOT = (RecursionError, cst.ParserSyntaxError, cst.CSTValidationError, UnicodeError)


def why_not(text: str) -> str:
    """Why a file cannot be read, or the empty string if it can."""
    try:
        cst.parse_module(text)
    except CANNOT as error:
        return why(error)
    return ""


def why(error: Exception) -> str:
    """What one of :data:`CANNOT` says, for people."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"line {error.raw_line}: {error.message}" if isinstance(error, cst.ParserSyntaxError) else str(error)
