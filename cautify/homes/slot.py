"""A place that holds a learning rate, and so the switch beside it: what every kind of home has in common.

A *slot* is a dataclass field, a command line option, a parameter, an attribute, a constant or a key of a dict. One
file of this package for each kind finds slots in expressions, says how the switch is read there, and spells out its
declarations. Where a slot gets its learning rate from the project's own code, it says so by its sources: these are the
hops by which the switch travels on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import libcst as cst

from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.model import Edit, Home, HomeKind


@dataclass(frozen=True)
class Source:
    """An expression of the project that gives a slot its learning rate, and the node at which the switch is handed on.

    A call gets two keywords, a dict two entries; after an assignment come two more, and before any other statement too.
    Where a whole object is ``splatted`` into a call, the switch is among what it holds: ``rate`` is its attribute.
    """

    module: Module
    place: cst.CSTNode
    rate: cst.BaseExpression
    splatted: bool = False


class Slot(Protocol):
    """One place that holds a learning rate. Equal slots are one place: slots are frozen dataclasses."""

    @property
    def kind(self) -> HomeKind:
        """Which kind of home this is."""

    @property
    def rate(self) -> str:
        """What the learning rate is called there."""

    @property
    def spelling(self) -> Spelling:
        """What the switch is called there."""

    def refusal(self) -> str | None:
        """Why the switch cannot be declared here, or None. One sentence's end, to follow "no switch, because …"."""

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """The expressions that read the two names where ``base`` is the text of the object, empty for plain names.

        ``sometimes`` says that the object may not have them: the reads then give the defaults.
        """

    def homes(self) -> tuple[Home, ...]:
        """The declarations of the switch that this slot is, or will be. More than one for several parsers."""

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """The edits that add what is missing of the declarations; nothing where they are there.

        ``together`` are the names that a construction reads of the same object, the learning rate's among them: the
        declarations go after the last of these.
        """

    def sources(self) -> Iterable[Source]:
        """Where the project's own code gives this slot its learning rate."""


class Reader(Protocol):
    """Finds slots of one kind. It may have more: ``object_slot`` for a config object in scope, ``node_slot``."""

    def slot(self, node: cst.BaseExpression, module: Module) -> Slot | str | None:
        """The slot that an expression reads; why it cannot be one; or None if it is nothing of this kind."""
