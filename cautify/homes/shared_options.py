"""A dict of the user's that an object hands on to what it builds with its own learning rate holds the switch of both.

stable-baselines3: ``self.policy_class(…, self.lr_schedule, **self.policy_kwargs)`` makes the policy, whose optimizers
are switched by ``policy_kwargs``. An optimizer of the algorithm's own reads the switch there, too: a keyword of the
algorithm's would switch this one and leave all others as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import dotted, walk
from cautify.analysis.origins import Origins
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind

_SPLATTED = re.compile(rb"\*\*\s*self\.\w")


@dataclass(frozen=True)
class SharedOptionsSlot:
    """The attribute ``options`` of an object of ``cls``; ``built`` are the ``__init__`` that get all that it holds."""

    cls: Class
    rate: str
    options: str
    built: tuple[Function, ...]
    origins: Origins = field(compare=False, repr=False)

    kind = HomeKind.PARAMETER

    @property
    def spelling(self) -> Spelling:
        """As it is everywhere."""
        return self.origins.flows.switch

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """``self.policy_kwargs.get("use_cautious_optimizer", False)``, which any dict can answer."""
        return self.spelling.looked_up(f"{base}.{self.options}")

    def refusal(self) -> str | None:
        """None: nothing is declared."""
        return None

    def homes(self) -> tuple[Home, ...]:
        """The constructors that are given the dict."""
        flows = self.origins.flows
        found = []
        for function in self.built:
            module = function.module
            owner = f"{flows.project.module_name(module.path)[0]}.{module.qualified(function.node)}"
            found.append(Home(self.kind, module.path, module.line(function.node.name), owner))
        return tuple(found)

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """None: what is built declares the switch."""
        yield from ()

    def sources(self) -> Iterator[Source]:
        """None: users fill the dict."""
        yield from ()


class SharedOptions:
    """Finds such dicts in one project. ``refused`` are those whose switch would reach nothing."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.flows = origins.flows
        self.refused: set[SharedOptionsSlot] = set()

    def slot(self, owner: Class, rate: str) -> SharedOptionsSlot | None:
        """The dict that goes the way of an attribute of an object, into something of the project."""
        for cls in self.flows.ancestors(owner):
            module = cls.module
            if _SPLATTED.search(self.flows.project.data[module.path]) is None:
                continue
            for call in module.calls_where(lambda body: "**" in body.code):
                splats = [a.value for a in call.args if a.star == "**"]
                name = dotted(splats[0]).removeprefix("self.") if len(splats) == 1 else ""
                if not name.isidentifier() or dotted(splats[0]) == name or cls.node not in module.ancestors(call):
                    continue
                if not any(dotted(a.value) == f"self.{rate}" for a in call.args) or not self._is_users(owner, name):
                    continue
                made = [v for v in self.flows.values(call.func, module) if isinstance(v, Class)]
                inits = {f.node: f for v in made if (f := self._init(v)) is not None}
                built = tuple(sorted(inits.values(), key=lambda f: (f.module.path, f.module.line(f.node))))
                slot = SharedOptionsSlot(owner, rate, name, built, self.origins)
                if built and slot not in self.refused:
                    return slot
        return None

    def _init(self, cls: Class) -> Function | None:
        """The ``__init__`` of a class of the project."""
        for above in self.flows.ancestors(cls):
            for binding in above.module.scopes[above.node].bindings.get("__init__", ()):
                return Function(above.module, binding.node) if isinstance(binding.node, cst.FunctionDef) else None
        return None

    def _is_users(self, owner: Class, name: str) -> bool:
        """Whether an attribute is what ``__init__`` is passed, or something in its place."""
        for cls in self.flows.ancestors(owner):
            for value in self.flows.assigned_attributes(cls, name):
                function = cls.module.function(value)
                params = function.params if function is not None and function.name.value == "__init__" else None
                if params is None:
                    continue
                own = [*params.posonly_params, *params.params, *params.kwonly_params, params.star_kwarg]
                names = {p.name.value for p in own if isinstance(p, cst.Param)}
                if any(isinstance(n, cst.Name) and n.value in names for n in walk(value)):
                    return True
        return False
