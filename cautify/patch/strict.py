"""JSON from a file that anybody may have edited: every surprise is a ValueError with a reason for people."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import NoReturn


def document(data: bytes) -> object:
    """The value that UTF-8 encoded JSON holds.

    Raises:
        ValueError: empty, cut off, not JSON, nested too deeply, a key twice in one object, or NaN.
    """
    stripped = data.strip()
    if not stripped:
        raise ValueError("it is empty")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        if stripped.startswith(b"{") and not stripped.endswith(b"}"):
            raise ValueError("it is truncated: it ends in the middle") from error
        raise ValueError(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"it has the key {next(k for k in keys if keys.count(k) > 1)!r} twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it is not JSON: {name} is no number")


def fields(value: object, what: str, required: Collection[str], optional: Collection[str] = ()) -> dict[str, object]:
    """An object that has the required keys and none but these and the optional ones."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    for key in required:
        if key not in value:
            raise ValueError(f"{what} has no {key!r}")
    for key in value:
        if key not in required and key not in optional:
            raise ValueError(f"{what} has a key that this version does not know, {key!r}")
    return value


def items(value: object, what: str) -> list[object]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError(f"{what} is not a list")
    return value


def text(value: object, what: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise ValueError(f"{what} is not a string")
    return value


def texts(value: object, what: str) -> tuple[str, ...]:
    """A list of strings."""
    return tuple(text(item, what) for item in items(value, what))


def number(value: object, what: str) -> int:
    """An integer from 0 up. True and False are none."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{what} is not a whole number")
    return value
