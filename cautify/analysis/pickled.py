"""Which objects of the project may be older than its code: those that it stores whole, and takes from files again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from cautify.analysis.calling import may_call
from cautify.analysis.discover import is_test
from cautify.analysis.flows import Flows
from cautify.analysis.names import Class
from cautify.analysis.nodes import dotted, last_name
from cautify.analysis.syntax import Module

_PICKLERS = ("pickle", "cloudpickle", "dill", "joblib", "_pickle", "cPickle", "pickle5", "torch")
_ITSELF = re.compile(rb"\b(?:pickle|cloudpickle|dill|joblib)\.dumps?\(\s*self\s*[,)]")
_ANYTHING = re.compile(rb"\bpickle_module\s*=|\bdill\.dumps?\(")
_WHOLE_NEEDLES = (b"dump", b"pickle_module")
_STORES = frozenset({"dump", "dumps", "save"})
_NAMED = _STORES | {"load", "loads"}
_OWN_STATE = frozenset({"__setstate__", "__reduce__", "__reduce_ex__"})


class Pickled:
    """Judges classes of one project."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self._known: dict[cst.ClassDef, bool] = {}
        self._named: dict[tuple[str, frozenset[str]], list[tuple[Module, cst.Call]]] = {}

    def may_be_old(self, cls: Class) -> bool:
        """Whether an object of a class may come from a file: it says how it is stored, or the project stores it whole.

        What is stored with ``torch.save`` counts only where it is seen to be such an object: most often it is a state.
        """
        if cls.node not in self._known:
            self._known[cls.node] = self._hangs_on_stored(cls) or self._find(cls)
        return self._known[cls.node]

    def _hangs_on_stored(self, cls: Class) -> bool:
        """Whether objects of a class may be part of what is stored: of anything, or of an object of a folder above."""
        return any(cls.module.path.startswith(folder) for folder in self._storing)

    @cached_property
    def _storing(self) -> frozenset[str]:
        """The folders in which something stores itself with all that hangs on it; the root where anything is stored."""
        project, found = self.flows.project, set[str]()
        for path in project.containing(*_WHOLE_NEEDLES):
            if is_test(path):
                continue
            if _ANYTHING.search(project.data[path]):
                found.add("")
            elif _ITSELF.search(project.data[path]):
                found.add(path.rpartition("/")[0])
        return frozenset(found)

    def _find(self, cls: Class) -> bool:
        family = [*self.flows.ancestors(cls), *self.flows.descendants(cls)[1:]]
        if any(_OWN_STATE & c.module.scopes[c.node].bindings.keys() for c in family):
            return True
        names = {c.name for c in self.flows.descendants(cls)}  # the name of a base class says little
        project = self.flows.project
        near = {*project.mentioning_word(names), *(c.module.path for c in family)}
        return any(
            self._stores(call, family, path in near, module)
            for path in project.mentioning_word(_PICKLERS)
            for module, call in self._calls(path, _NAMED if path in near else _STORES)
        )

    def _calls(self, path: str, names: frozenset[str]) -> list[tuple[Module, cst.Call]]:
        """The calls of a pickling library's functions of these names, or of others that are named so, in a file."""
        if (path, names) not in self._named:
            project = self.flows.project
            module = project.module(path) if may_call(project.data[path], names) else None
            calls = module.calls_of(names) if module is not None else ()
            self._named[path, names] = [(module, c) for c in calls if module is not None and last_name(c.func) in names]
        return self._named[path, names]

    def _stores(self, call: cst.Call, family: list[Class], near: bool, module: Module) -> bool:
        name, library = last_name(call.func), self._library(call, module)
        if library == "torch" or library is None:
            return library is not None and name == "save" and self._is_object(call, family, module)
        if name.startswith("dump"):
            known = frozenset(t for arg in call.args[:1] for t in self._held(arg.value, module))
            return self._is_object(call, family, module) or (near and not known and _is_name(call))
        return near and name.startswith("load")

    def _library(self, call: cst.Call, module: Module) -> str | None:
        """The pickling library that a call is of."""
        for name in self.flows.externals(call.func, module):
            first = name.partition(".")[0]
            if first in _PICKLERS and name.count(".") == 1:
                return first
        return None

    def _is_object(self, call: cst.Call, family: list[Class], module: Module) -> bool:
        """Whether what is stored is an object of the family, or a dict with one."""
        nodes = {c.node for c in family}
        return any(t.node in nodes for arg in call.args[:1] for t in self._held(arg.value, module))

    def _held(self, stored: cst.BaseExpression, module: Module) -> Iterator[Class]:
        if isinstance(stored, cst.Dict):
            for element in stored.elements:
                yield from self.flows.types(element.value, module)
        else:
            yield from self.flows.types(stored, module)


def _is_name(call: cst.Call) -> bool:
    return any(dotted(arg.value) for arg in call.args[:1])
