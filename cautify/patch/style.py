"""How the target wants its code laid out: line length and import order, from the settings of its own tools."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from cautify.patch.hooks import hook_length, sorted_by_usort
from cautify.source import text_of_file

DEFAULT_LINE_LENGTH = 88
_LONGEST = 120  # what a file without a formatter's settings is taken to allow, if it has such lines


@dataclass(frozen=True)
class Style:
    """What the edits follow. ``source_roots`` are the directories, absolute, in which isort looks for own modules.

    A ``line_length`` that is not known is the most that lines may have; a file with shorter lines is laid out by those.
    ``usort`` sorts the imports, not isort or ruff; ``finds_package`` is whether it looks for the file's own package.
    """

    line_length: int = DEFAULT_LINE_LENGTH
    line_length_known: bool = True
    skip_magic_trailing_comma: bool = False
    known_first_party: frozenset[str] = frozenset()
    source_roots: tuple[Path, ...] = ()
    force_single_line: bool = False
    force_sort_within_sections: bool = False
    case_sensitive: bool = False
    usort: bool = False
    finds_package: bool = True


@cache
def style_for(directory: Path, root: Path) -> Style:
    """The style in force for files of a directory: that of the nearest configuration above it, as ruff finds it.

    Where there is none, own modules are looked for in ``root``, and the line length is that of a hook, or not known.
    """
    for above in (directory, *directory.parents):
        tool = _table(_toml(above / "pyproject.toml") or {}, "tool")
        style = _configured(above, tool)
        if style is not None:
            return _with_usort(style, above, tool)
        if (above / ".git").exists():
            root = above
            break
    return _unknown(root, _LONGEST)


def _configured(above: Path, tool: Mapping[str, Any]) -> Style | None:
    """What a directory's own files say, or None where they say nothing of style."""
    for name in (".ruff.toml", "ruff.toml"):
        settings = _toml(above / name)
        if settings is not None:
            return _from_ruff(settings, above)
    if "ruff" in tool:
        style = _from_ruff(_table(tool, "ruff"), above, _table(tool, "black"))
        if "isort" in tool and not _sorts_imports(_table(tool, "ruff")):
            black = _from_black(_table(tool, "black"), _table(tool, "isort"), above)
            return replace(
                black, line_length=style.line_length, skip_magic_trailing_comma=style.skip_magic_trailing_comma
            )
        return style
    if "black" in tool or "isort" in tool:
        return _from_black(_table(tool, "black"), _table(tool, "isort"), above)
    length = hook_length(above)
    if length is not None:
        return Style(line_length=length, source_roots=(above, above / "src"))
    length = _flake8_length(above)
    if length is not None:  # what may not be exceeded; a formatter may be told another length, on its command line
        return _unknown(above, length)
    return _unknown(above, _LONGEST) if "usort" in tool or sorted_by_usort(above) else None


def _unknown(above: Path, length: int) -> Style:
    return Style(line_length=length, source_roots=(above, above / "src"), line_length_known=False)


def _with_usort(style: Style, above: Path, tool: Mapping[str, Any]) -> Style:
    """A style with usort's settings, where that sorts the imports and neither isort nor ruff does."""
    asked = "usort" in tool or "ufmt" in tool or sorted_by_usort(above)
    if not asked or "isort" in tool or _sorts_imports(_table(tool, "ruff")):
        return style
    settings = _table(tool, "usort")
    known = {*settings.get("known_first_party", ()), *_table(settings, "known").get("first_party", ())}
    finds = settings.get("first_party_detection", True) is not False
    return replace(style, usort=True, known_first_party=frozenset(known), finds_package=finds)


def _from_ruff(ruff: Mapping[str, Any], above: Path, black: Mapping[str, Any] | None = None) -> Style:
    isort = _table(_table(ruff, "lint"), "isort") or _table(ruff, "isort")
    sources = ruff.get("src", [".", "src"])
    return Style(
        line_length=_integer(ruff.get("line-length"), _integer((black or {}).get("line-length"), DEFAULT_LINE_LENGTH)),
        skip_magic_trailing_comma=bool(_table(ruff, "format").get("skip-magic-trailing-comma", False)),
        known_first_party=frozenset(isort.get("known-first-party", ())),
        source_roots=tuple(above / s for s in sources if isinstance(s, str)),
        force_single_line=bool(isort.get("force-single-line", False)),
        force_sort_within_sections=bool(isort.get("force-sort-within-sections", False)),
        case_sensitive=bool(isort.get("case-sensitive", False)),
    )


def _sorts_imports(ruff: Mapping[str, Any]) -> bool:
    """Whether ruff is asked to sort imports: its rules I are not among the default ones."""
    chosen = [*_list(_table(ruff, "lint")), *_list(ruff)]
    return any(rule == "ALL" or rule.startswith("I0") or rule == "I" for rule in chosen)


def _list(table: Mapping[str, Any]) -> list[str]:
    return [r for key in ("select", "extend-select") for r in table.get(key, ()) if isinstance(r, str)]


def _from_black(black: Mapping[str, Any], isort: Mapping[str, Any], above: Path) -> Style:
    return Style(
        line_length=_integer(black.get("line-length"), _integer(isort.get("line_length"), DEFAULT_LINE_LENGTH)),
        skip_magic_trailing_comma=bool(black.get("skip-magic-trailing-comma", False)),
        known_first_party=frozenset(isort.get("known_first_party", ())),
        source_roots=(above, above / "src"),
        force_single_line=bool(isort.get("force_single_line", False)),
        force_sort_within_sections=bool(isort.get("force_sort_within_sections", False)),
        case_sensitive=bool(isort.get("case_sensitive", False)),
    )


def _flake8_length(directory: Path) -> int | None:
    import configparser

    for name in (".flake8", "setup.cfg", "tox.ini"):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            text = text_of_file(directory / name)
            if text is not None:
                parser.read_string(text)
                return parser.getint("flake8", "max-line-length")
        except (configparser.Error, ValueError, UnicodeDecodeError):
            continue
    return None


@cache
def _toml(path: Path) -> dict[str, Any] | None:
    text = text_of_file(path)
    if text is None:
        return None
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # pragma: no cover - the same library under its PyPI name
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _table(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = settings.get(name, {})
    return table if isinstance(table, dict) else {}


def _integer(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
