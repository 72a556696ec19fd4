"""The kinds of homes that are found in expressions, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cautify.analysis.origins import Origins
from cautify.analysis.syntax import Module
from cautify.homes.absl_flags import FlagSlot
from cautify.homes.argument import Arguments, ArgumentSlot
from cautify.homes.bag import Bags
from cautify.homes.constant import Constants, ConstantSlot
from cautify.homes.key import Keys
from cautify.homes.slot import Reader, Slot
from cautify.model import Edit


def readers(origins: Origins, documents: Mapping[str, bytes]) -> tuple[Reader, ...]:
    """What finds the slots of one project. Parameters and attributes are found by following code, not here.

    ``documents`` are files other than Python whose bytes differ from those on disk.
    """
    return (Arguments(origins), Constants(origins), Keys(origins, documents), Bags(origins))


def declared_in(slots: Mapping[Slot, set[str]]) -> Iterator[tuple[Module, Edit]]:
    """The edits of the declarations of many slots, each with the names read together with its learning rate.

    Options are declared once for each parser, flags once for each module, however many rates it has.
    """
    options = [(slot, frozenset(names)) for slot, names in slots.items() if isinstance(slot, ArgumentSlot)]
    if options:
        yield from options[0][0].arguments.declare(options)
    flags = [slot for slot in slots if isinstance(slot, FlagSlot)]
    if flags:
        yield from flags[0].flags.declare(flags)
    beside: dict[object, set[str]] = {}
    for slot, names in slots.items():
        beside.setdefault(_place(slot), set()).update(names)
    for slot in slots:
        if not isinstance(slot, (ArgumentSlot, FlagSlot)):
            yield from slot.declarations(frozenset(beside[_place(slot)]))


def _place(slot: Slot) -> object:
    """What is the same for slots that differ only in how they are read."""
    return (slot.module, slot.scope) if isinstance(slot, ConstantSlot) else slot
