"""The edits at the places where a switch is handed on from one home to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import libcst as cst

from cautify.analysis.handing import Handed
from cautify.analysis.nodes import keywords
from cautify.analysis.syntax import Module
from cautify.homes.beside import entries, value_of
from cautify.model import Edit
from cautify.patch.layout import Change, Rewriter
from cautify.patch.statements import handed_statements
from cautify.patch.styles import Styles


def hand_on(
    handed: Handed,
    rewriter: Callable[[Module], Rewriter],
    insert: Callable[[Module, list[Edit]], None],
    styles: Styles,
) -> None:
    """Keywords of a call, entries of a dict, or statements beside another; nothing where a whole object is splatted."""
    module, place = handed.source.module, handed.source.place
    names = handed.slot.spelling
    values = {names.enabled: handed.route.enabled, names.eps: handed.route.eps}
    if handed.source.splatted:
        return
    if isinstance(place, cst.Call):
        missing = tuple(f"{name}={value}" for name, value in values.items() if name not in keywords(place))
        if missing:
            rewriter(module).changes[place] = Change(arguments=missing)
    elif isinstance(place, cst.Dict):
        new = [(name, value) for name, value in values.items() if value_of(place, name) is None]
        edit = entries(module, place, {handed.slot.rate}, new, "key", styles.of(module).line_length)
        insert(module, [edit] if edit is not None else [])
    else:
        insert(module, handed_statements(module, place, values, styles.of(module)))


def each_once(every: Iterable[Handed]) -> Iterator[Handed]:
    """The hand-overs, without those that assign in a block what another assigns there: one object has one switch."""
    said = set()
    for handed in every:
        module, place = handed.source.module, handed.source.place
        if isinstance(place, (cst.Assign, cst.AnnAssign)):
            target = place.targets[0].target if isinstance(place, cst.Assign) else place.target
            of = module.text(target.value) if isinstance(target, cst.Attribute) else ""
            block = module.parents.get(module.statement(place))
            key = (module.path, block, of, handed.slot.spelling, handed.route.enabled)
            if key in said:
                continue
            said.add(key)
        yield handed
