"""The settings in a target's pyproject.toml, below ``[tool.cautify]``.

    [tool.cautify]
    flag-name = "cautious"
    default = "on"
    with-triton = true
    exclude = ["third_party/**"]
    ignore = ["optimizer:SGD"]

    [tool.cautify.optimizers]
    "acme.optim.Shampoo" = "wrap"
    "acme.optim.Sketchy" = "skip"

They are the target's own, so they are read from its root each time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cautify.errors import InvalidOption
from cautify.homes import unfit
from cautify.model import Verdict
from cautify.source import bytes_of_file

_FILE = "pyproject.toml"
_TABLE = "tool.cautify"
_LISTS = ("include", "exclude", "select", "ignore")
_KNOWN = frozenset({"default", "flag-name", "optimizers", "tests", "vendor-to", "with-triton", *_LISTS})
_VERDICTS: Mapping[object, Verdict] = {"wrap": Verdict.WRAP, "skip": Verdict.SKIP}
_EXAMPLE = 'Write it like this: "acme.optim.Shampoo" = "wrap" (or "skip").'


@dataclass(frozen=True)
class Settings:
    """What the target says: the classes that it names, sorted, and of the rest what it says, None where nothing."""

    optimizers: tuple[tuple[str, Verdict], ...] = ()
    flag_name: str | None = None
    default_on: bool | None = None
    with_triton: bool | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    tests: bool | None = None
    vendor_to: str | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None


def read(root: Path) -> Settings:
    """The settings of the tree at ``root``.

    Raises:
        InvalidOption: pyproject.toml cannot be read though it mentions cautify, has a key below ``[tool.cautify]``
            that means nothing, or one of the wrong type; the message names the file and the key.
    """
    path = root / _FILE
    own = _own_table(path)
    for key in own:
        if key not in _KNOWN:
            known = ", ".join(sorted(_KNOWN))
            raise _refusal(path, f"[{_TABLE}] has no key {key!r}", f"Remove it, or correct it; known: {known}.")
    key = f"{_TABLE}.optimizers"
    named = _leaves(_table(path, own, "optimizers", key), "")
    optimizers = tuple(sorted((name, _verdict(path, key, name, value)) for name, value in named))
    name, on = _flag_name(path, own.get("flag-name")), _default(path, own.get("default"))
    triton, tests = (_bool(path, key, own.get(key)) for key in ("with-triton", "tests"))
    include, exclude, select, ignore = (_texts(path, key, own.get(key)) for key in _LISTS)
    vendor_to = own.get("vendor-to")
    if vendor_to is not None and (not isinstance(vendor_to, str) or not vendor_to):
        raise _refusal(path, f"{_TABLE}.vendor-to is not a directory's name", 'Write vendor-to = "src/pkg".')
    where = (include, exclude, tests, vendor_to if isinstance(vendor_to, str) else None)
    return Settings(optimizers, name, on, triton, *where, select, ignore)


def _flag_name(path: Path, value: object) -> str | None:
    why = None if value is None else unfit(value) if isinstance(value, str) else "it is not a text"
    if why is not None:
        raise _refusal(path, f"{_TABLE}.flag-name cannot be {value!r}: {why}", 'Write it like this: "use_cautious".')
    return value if isinstance(value, str) else None


def _default(path: Path, value: object) -> bool | None:
    if value not in (None, "on", "off"):
        raise _refusal(path, f'{_TABLE}.default is neither "on" nor "off"', 'Write default = "on" or default = "off".')
    return None if value is None else value == "on"


def _bool(path: Path, key: str, value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise _refusal(path, f"{_TABLE}.{key} is neither true nor false", f"Write {key} = true, or nothing.")
    return value


def _texts(path: Path, key: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise _refusal(path, f"{_TABLE}.{key} is not a list of texts", f'Write {key} = ["examples/**"], or nothing.')
    return tuple(value)


def _own_table(path: Path) -> Mapping[str, object]:
    try:
        data = bytes_of_file(path) if path.is_file() else b""
    except OSError as error:
        raise _refusal(path, error.strerror or str(error), f"Allow reading it (chmod u+r {path}).") from error
    if b"cautify" not in data:  # whatever else is wrong with the file is not for us to say
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise _refusal(path, f"it is not TOML: {error}", "Correct it, then run the command again.") from error
    return _table(path, _table(path, document, "tool", "tool"), "cautify", _TABLE)


def _table(path: Path, above: Mapping[str, object], name: str, key: str) -> Mapping[str, object]:
    found = above.get(name, {})
    if not isinstance(found, dict):
        raise _refusal(path, f"{key} is not a table", f"Write it as a table, below a line [{key}].")
    return found


def _leaves(table: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Names and values. A dotted name without quotes is a table of tables to TOML, and means the same to us."""
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _verdict(path: Path, key: str, name: str, value: object) -> Verdict:
    where = f"{key}.{name!r}"
    if not isinstance(value, str) or value not in _VERDICTS:
        raise _refusal(path, f'{where} is neither "wrap" nor "skip"', _EXAMPLE)
    if "." not in name or not all(part.isidentifier() for part in name.split(".")):
        raise _refusal(path, f"{where} is not the qualified name of a class", _EXAMPLE)
    return _VERDICTS[value]


def _refusal(path: Path, why: str, next_step: str) -> InvalidOption:
    return InvalidOption(f"{path} cannot be used", why, next_step)
