"""Which objects of the project may be older than its code: those that it stores whole, and takes from files again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property

import libcst as cst

from cautify.analysis.discover import is_test
from cautify.analysis.flows import Flows
from cautify.analysis.names import Class
from cautify.analysis.nodes import dotted, last_name
from cautify.analysis.syntax import Module

_PICKLERS = ("pickle", "cloudpickle", "dill", "joblib", "_pickle", "cPickle", "pickle5", "torch")
_ITSELF = re.compile(rb"\b(?:pickle|cloudpickle|dill|joblib)\.dumps?\(\s*self\s*[,)]")
_ANYTHING = re.compile(rb"\bpickle_module\s*=|\bdill\.dumps?\(")
_VARIABLE = rb"\s*[\w.]+\s*[,)]"
_OF = re.compile(rb"(?:(\w*)[\s\\]*\.[\s\\]*|(?<!\w))$")
_WHOLE_NEEDLES = (b"dump", b"pickle_module")
_STORES = frozenset({"dump", "dumps", "save"})
_NAMED = _STORES | {"load", "loads"}
_TEXT = frozenset({b"json", b"yaml"})
_QUEUES = frozenset({"submit", "map_array", "DelayedSubmission"})
_QUEUE = "submitit"
_OWN_STATE = frozenset({"__setstate__", "__reduce__", "__reduce_ex__"})


class Pickled:
    """Judges classes of one project."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self._known: dict[cst.ClassDef, bool] = {}
        self._away: dict[cst.ClassDef, bool] = {}
        self._named: dict[tuple[str, frozenset[str]], list[tuple[Module, cst.Call]]] = {}

    def may_be_old(self, cls: Class) -> bool:
        """Whether an object of a class may come from a file: it says how it is stored, or the project stores it whole.

        What is stored with ``torch.save`` counts only where it is seen to be such an object: most often it is a state.
        """
        if cls.node not in self._known:
            self._known[cls.node] = self._hangs_on_stored(cls) or self._find(cls) or self._is_queued(cls)
        return self._known[cls.node]

    def goes_away(self, cls: Class) -> bool:
        """Whether the project itself stores an object of a class whole, or hands it to a queue that does.

        What hangs on such an object then is as old as the object: the arguments of a job that waits to be run.
        """
        if cls.node not in self._away:
            family = {c.node for c in (*self.flows.ancestors(cls), *self.flows.descendants(cls)[1:])}
            self._away[cls.node] = not (self._stored | self._queued).isdisjoint(family)
        return self._away[cls.node]

    def queues(self, call: cst.CSTNode | None, module: Module) -> bool:
        """Whether a call puts what it is given into a queue, from which another process takes it, perhaps much later.

        https://github.com/facebookincubator/submitit pickles it into a folder, as does what requeues a preempted job.
        """
        named = isinstance(call, cst.Call) and last_name(call.func) in _QUEUES
        return named and _QUEUE.encode() in self.flows.project.data[module.path]

    @cached_property
    def _stored(self) -> frozenset[cst.ClassDef]:
        """The classes of the variables that the project stores whole."""
        project = self.flows.project
        paths = (
            p
            for p in project.mentioning_word(_PICKLERS)
            if not is_test(p) and self._may_call(project.data[p], _STORES, p, _VARIABLE)
        )
        calls = (found for path in paths for found in self._calls(path, _STORES))
        return frozenset(
            cls.node
            for module, call in calls
            if _is_name(call)
            and (library := self._library(call, module))
            and (last_name(call.func) == "save") == (library == "torch")
            for cls in self.flows.types(call.args[0].value, module)
        )

    @cached_property
    def _queued(self) -> frozenset[cst.ClassDef]:
        """The classes of what is put into a queue, and of what such objects hold."""
        found: dict[cst.ClassDef, None] = {}
        for path in self.flows.project.mentioning_word({_QUEUE}):
            for module, call in self._calls(path, _QUEUES) if not is_test(path) else ():
                for arg in call.args:
                    value = arg.value.value if isinstance(arg.value, cst.Attribute) else arg.value
                    for cls in {*self.flows.types(arg.value, module), *self.flows.types(value, module)}:
                        found.update(dict.fromkeys((cls.node, *(held.node for held in self._holds(cls)))))
        return frozenset(found)

    def _is_queued(self, cls: Class) -> bool:
        return not self._queued.isdisjoint(c.node for c in self.flows.descendants(cls))

    def _holds(self, cls: Class) -> Iterator[Class]:
        """The classes of what methods of a class put on ``self``."""
        for above in self.flows.ancestors(cls):
            module = above.module
            for node in module.nodes_where(lambda body: "self." in body.code):
                if not isinstance(node, (cst.Assign, cst.AnnAssign)) or above.node not in module.ancestors(node):
                    continue
                targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
                if node.value is not None and any(dotted(t).startswith("self.") for t in targets):
                    yield from self.flows.types(node.value, module)

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
            module = project.module(path) if self._may_call(project.data[path], names, path) else None
            calls = (
                module.calls_where(lambda body: self._may_call(body.code.encode(), names, path))
                if module is not None
                else ()
            )
            self._named[path, names] = [(module, c) for c in calls if module is not None and last_name(c.func) in names]
        return self._named[path, names]

    def _may_call(self, code: bytes, names: frozenset[str], path: str, then: bytes = b"") -> bool:
        """Whether some code of a file may call a pickling library's function of one of ``names``, by its text.

        ``then`` is a pattern of what follows the bracket. Most of what is told to save something is no library.
        """
        imported = self.flows.project.import_words(path)
        for name in map(str.encode, names):
            for match in _called(name, then).finditer(code):
                of = _OF.search(code, max(0, match.start() - 99), match.start())
                if of is None:
                    continue
                owner = name if of[1] is None else of[1]
                if owner not in _TEXT and (name != b"save" or imported is None or owner in imported):
                    return True
        return False

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


@cache
def _called(name: bytes, then: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"%s(?:[\s\\)]|#[^\n]*\n)*\(%s" % (name, then))


def _is_name(call: cst.Call) -> bool:
    return any(dotted(arg.value) for arg in call.args[:1])
