"""What is known about each optimizer library, one file each.

A library file defines ``LIBRARY``, a :class:`Library`; it is registered by being in this directory.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache


@dataclass(frozen=True)
class Momentum:
    """Where a constructor takes its momentum: without one, update and gradient never disagree in sign."""

    keyword: str
    position: int


@dataclass(frozen=True)
class Optimizer:
    """One optimizer class. ``reason`` is the skip reason when masking is impossible or pointless; ``why`` explains it.

    ``momentum`` names the argument without which masking does nothing, for classes where it is optional.
    """

    name: str
    reason: str | None = None
    why: str = ""
    momentum: Momentum | None = None


@dataclass(frozen=True)
class Library:
    """The optimizers of one library by qualified name, and the other spellings of those names."""

    optimizers: Mapping[str, Optimizer]
    aliases: Mapping[str, str] = field(default_factory=dict)


@cache
def _libraries() -> tuple[Library, ...]:
    names = sorted(m.name for m in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").LIBRARY for name in names)


@cache
def lookup(qualified: str) -> Optimizer | None:
    """The optimizer that a qualified name means, under whichever of its spellings, or None."""
    for library in _libraries():
        found = library.optimizers.get(library.aliases.get(qualified, qualified))
        if found is not None:
            return found
    return None


@cache
def class_names() -> frozenset[str]:
    """The last parts of all known qualified names: what a file must mention to construct one directly."""
    return frozenset(name.rpartition(".")[2] for library in _libraries() for name in library.optimizers)
