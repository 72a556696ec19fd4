"""What is known about each library that makes optimizers, one file each.

A library file defines ``LIBRARY``, a :class:`Library`; it is registered by being in this directory, unless its name
begins with an underscore. Classes of the target's own choosing join them, or are taken out, through
``[tool.cautify.optimizers]``, in a :class:`Catalogue`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from cautify.model import Verdict

_DECLINED = "[tool.cautify.optimizers] in pyproject.toml says to skip it"


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
class Factory:
    """A function of a library that returns an optimizer: the call of it is wrapped.

    ``generic`` ones build whatever a config names; a call is a site only where it shows that this is an optimizer.
    ``reason`` and ``why`` are as for an optimizer: what it returns cannot be wrapped, or should not be.
    """

    name: str
    generic: bool = False
    reason: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Builder:
    """A class or function of a library that makes an optimizer out of sight: there is nothing in the target to wrap.

    ``given`` is the keyword that hands it a finished optimizer: a call with that is no site. ``only_with`` is the
    keyword without which it makes none. ``remedy`` is one sentence: what to do to make that optimizer cautious.
    """

    name: str
    remedy: str
    given: str | None = None
    only_with: str | None = None


@dataclass(frozen=True)
class Library:
    """What one library makes, by qualified name, and the other spellings of those names.

    A spelling may be a whole module: ``{"pkg.old": "pkg.new"}`` stands for every name below it. ``loaders`` are
    functions that return an optimizer class, alone or as the first of several values: no site, but the call of what
    they return is one.
    """

    optimizers: Mapping[str, Optimizer] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    factories: tuple[Factory, ...] = ()
    builders: tuple[Builder, ...] = ()
    loaders: tuple[str, ...] = ()


@cache
def libraries() -> Mapping[str, Library]:
    """Every library file, by its name."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}").LIBRARY for name in names}


class Catalogue:
    """All that is known to make optimizers: the libraries, and the ``own`` classes the target's settings name.

    Each of those is to be wrapped or to be skipped, whatever a library file says about it.
    """

    def __init__(self, own: Iterable[tuple[str, Verdict]] = ()) -> None:
        self._optimizers: dict[str, Optimizer] = {}
        self._factories: dict[str, Factory] = {}
        self._builders: dict[str, Builder] = {}
        self._aliases: dict[str, str] = {}
        self._loaders: set[str] = set()
        for library in libraries().values():
            self._optimizers.update(library.optimizers)
            self._factories.update({f.name: f for f in library.factories})
            self._builders.update({b.name: b for b in library.builders})
            self._aliases.update(library.aliases)
            self._loaders.update(library.loaders)
        for name, verdict in own:
            known = self.canonical(name)
            wrap = verdict is Verdict.WRAP
            self._optimizers[known] = Optimizer(known) if wrap else Optimizer(known, "declined", _DECLINED)

    def canonical(self, qualified: str) -> str:
        """The one name that a library's entry goes by, for any of its spellings."""
        if qualified in self._aliases:
            return self._aliases[qualified]
        module, dot, name = qualified.rpartition(".")
        return f"{self._aliases[module]}.{name}" if dot and module in self._aliases else qualified

    def optimizer(self, qualified: str) -> Optimizer | None:
        """The optimizer class of a qualified name, under whichever of its spellings, or None."""
        return self._optimizers.get(self.canonical(qualified))

    def factory(self, qualified: str) -> Factory | None:
        """The function of a qualified name that returns an optimizer, or None."""
        return self._factories.get(self.canonical(qualified))

    def builder(self, qualified: str) -> Builder | None:
        """The class or function of a qualified name that makes an optimizer out of sight, or None."""
        return self._builders.get(self.canonical(qualified))

    def loads(self, qualified: str) -> bool:
        """Whether a qualified name is a function of a library that returns an optimizer class."""
        return self.canonical(qualified) in self._loaders

    @cached_property
    def class_names(self) -> frozenset[str]:
        """The last parts of the qualified names of all optimizers: what a file must mention to construct one."""
        spellings = (spelling for spelling, name in self._aliases.items() if name in self._optimizers)
        return frozenset(_last(name) for name in (*self._optimizers, *spellings))

    @cached_property
    def wrapped_names(self) -> frozenset[str]:
        """The same for those of which an instance may be wrapped."""
        spellings = ((spelling, name) for spelling, name in self._aliases.items() if name in self._optimizers)
        every = (*((name, name) for name in self._optimizers), *spellings)
        return frozenset(_last(spelling) for spelling, name in every if self._optimizers[name].reason is None)

    @cached_property
    def factory_names(self) -> frozenset[str]:
        """The same for the factories."""
        return frozenset(_last(name) for name in self._factories)

    @cached_property
    def special_names(self) -> frozenset[str]:
        """The same for the factories that build optimizers and nothing else."""
        return frozenset(_last(f.name) for f in self._factories.values() if not f.generic)

    @cached_property
    def builder_names(self) -> frozenset[str]:
        """The same for the builders."""
        return frozenset(_last(name) for name in self._builders)

    @cached_property
    def loader_names(self) -> frozenset[str]:
        """The same for the functions that return a class."""
        return frozenset(_last(name) for name in self._loaders)

    @cached_property
    def packages(self) -> frozenset[str]:
        """The top-level packages of all libraries, under every spelling."""
        names = (*self._optimizers, *self._factories, *self._builders, *self._aliases)
        return frozenset(name.partition(".")[0] for name in names) - {"torch"}

    def public(self, module: str) -> frozenset[str]:
        """What a star import of a library's module brings that makes optimizers."""
        names = (*self._optimizers, *self._factories, *self._builders, *self._loaders, *self._aliases)
        return frozenset(_last(name) for name in names if name.rpartition(".")[0] == module)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
