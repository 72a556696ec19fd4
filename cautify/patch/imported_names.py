"""More names in a ``from`` import that is there, in the order of the names and in the layout that they have."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from cautify.analysis.nodes import dotted
from cautify.analysis.syntax import Module
from cautify.model import Edit
from cautify.patch.style import Style


def with_names(
    module: Module, statement: cst.ImportFrom, names: Sequence[str], style: Style, purpose: str = "import"
) -> list[Edit]:
    """The edits that add names to an import, each where isort has it; none where the import is of a star."""
    if isinstance(statement.names, cst.ImportStar) or not names:
        return []
    source = module.source
    aliases = list(statement.names)
    start, end = module.span(statement)
    if style.force_single_line:
        at = source.line_end(module.span(module.statement(statement))[1])
        head = source.slice(start, module.span(aliases[0])[0])
        return [source.edit(at, at, "".join(f"\n{head}{name}" for name in names), purpose)]
    places: dict[int, list[str]] = {}
    for name in sorted(names, key=_order):
        places.setdefault(sum(_order(dotted(a.name)) <= _order(name) for a in aliases), []).append(name)
    multiline = "\n" in source.slice(start, end)
    if not multiline and not statement.lpar:
        broken = _broken(module, statement, places, style)
        if broken is not None:
            return [source.edit(start, end, broken, purpose)]
    return [_added(module, statement, aliases[at - 1] if at else None, new, purpose) for at, new in places.items()]


def _broken(module: Module, statement: cst.ImportFrom, places: dict[int, list[str]], style: Style) -> str | None:
    """The import over several lines, if it is too long for one with the new names."""
    assert not isinstance(statement.names, cst.ImportStar)
    source = module.source
    start = module.span(statement)[0]
    aliases = list(statement.names)
    texts = [source.slice(*module.span(a)).rstrip(", ") for a in aliases]
    every = [name for n, text in enumerate([None, *texts]) for name in ([text] if text else []) + places.get(n, [])]
    before = source.slice(start, module.span(aliases[0])[0])
    prefix = source.slice(source.line_start(start), start)
    if len(prefix) + len(before) + len(", ".join(every)) <= style.line_length:
        return None
    inner = prefix + module.tree.default_indent
    return before + "(\n" + "".join(f"{inner}{name},\n" for name in every) + prefix + ")"


def _added(
    module: Module, statement: cst.ImportFrom, after: cst.ImportAlias | None, names: list[str], purpose: str
) -> Edit:
    """The edit that puts names behind one that is there, or before the first."""
    assert not isinstance(statement.names, cst.ImportStar)
    source = module.source
    anchor = after if after is not None else statement.names[0]
    first = module.span(anchor)[0]
    indent = source.slice(source.line_start(first), first)
    own_line = not indent.strip() and statement.lpar is not None
    if after is None:
        separator = f",\n{indent}" if own_line else ", "
        return source.edit(first, first, "".join(f"{name}{separator}" for name in names), purpose)
    at = _before_comma(source.utf8, module.span(after)[1])
    if not own_line:
        return source.edit(at, at, "".join(f", {name}" for name in names), purpose)
    end_of_line = source.line_end(at)
    rest = source.slice(at, end_of_line)
    if rest.lstrip().startswith(","):
        return source.edit(end_of_line, end_of_line, "".join(f"\n{indent}{name}," for name in names), purpose)
    if rest.strip().startswith(")"):
        return source.edit(at, at, "".join(f",\n{indent}{name}" for name in names), purpose)
    text = f",{rest}" + ",".join(f"\n{indent}{name}" for name in names)
    return source.edit(at, end_of_line, text, purpose)


def _before_comma(text: bytes, at: int) -> int:
    """An alias's span may or may not take in its comma; step back over it and the blanks."""
    while at > 0 and text[at - 1 : at] in (b",", b" ", b"\n", b"\t"):
        at -= 1
    return at


def _order(name: str) -> tuple[int, str]:
    """Where isort puts a name: constants, then classes, then the rest, each by name."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower()
