"""Text as it can stand in any document, and bytes as they can stand in any URI, whatever a path or a message holds."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

# What XML 1.0 forbids, what a terminal obeys, and what is no character: lone surrogates and two noncharacters.
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile(r"[\t\n\u2028\u2029]")


def legible(text: str, *, lines: bool = False) -> str:
    r"""The text with escapes (``\x1b``, ``\xff`` for a byte of a path that is no UTF-8) for what cannot be shown.

    Line breaks and tabs are left as they are only where ``lines`` says so.
    """
    text = _UNFIT.sub(_escape, text)
    return text if lines else _BREAKS.sub(_escape, text)


def place(path: str, line: int | None) -> str:
    """``path:line``, or the path alone, legible."""
    return legible(path) if line is None else f"{legible(path)}:{line}"


def uri(path: str) -> str:
    """A relative path with ``/`` as a relative URI (RFC 3986): its bytes, percent-encoded where they must be."""
    try:
        data = os.fsencode(path)
    except UnicodeEncodeError:
        data = legible(path).encode()  # no file has such a name
    return quote(data, safe="/")


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # how Python holds the byte of a path that is no UTF-8
        number -= 0xDC00
    named = {9: "\\t", 10: "\\n", 13: "\\r"}
    return named.get(number) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")
