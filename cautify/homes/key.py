"""Finds the learning rates that are keys of configs; :mod:`cautify.homes.key_slot` says what is declared there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import libcst as cst

from cautify.analysis.discover import is_test
from cautify.analysis.nodes import dotted, last_name
from cautify.analysis.origins import Origins
from cautify.analysis.syntax import Module
from cautify.homes.beside import is_flag, is_number, value_of
from cautify.homes.hydra_files import DocumentKey, HydraFiles
from cautify.homes.instantiated import FieldRead, NodeRead
from cautify.homes.key_slot import KeySlot, Table, by_hand, is_rate, known
from cautify.homes.roots import (
    HAVE_ATTRIBUTES,
    HAVE_GET,
    Kind,
    Root,
    Roots,
    by_attribute,
    hydra_main,
    is_called,
    stepped,
)
from cautify.patch.styles import Styles

_OF_A_NODE = frozenset({"init_args", "params", "kwargs", "args", "class_path", "_target_", "_component_", "type"})
"""Keys whose neighbours are those of one object that is to be made: nothing may be added there."""
_OPTIMIZER_S = re.compile(r"optim|group|kwargs|params")
_MANY = 12  # dicts that may be the one that is read


class Keys:
    """Finds keys in one project. ``documents`` has the bytes of YAML files that differ from those on disk."""

    def __init__(self, origins: Origins, documents: Mapping[str, bytes] | None = None) -> None:
        self.origins = origins
        self.flows = origins.flows
        self.roots = Roots(origins)
        self.files = HydraFiles(self.flows.project.root, documents or {})
        self.styles = Styles(self.flows.project.root)

    def slot(self, node: cst.BaseExpression, module: Module) -> KeySlot | str | None:
        """The key that an expression reads, why it cannot be used, or None if it is none."""
        step = stepped(node)
        if step is None or is_called(node, module) or step[1] in _OF_A_NODE:
            return None
        base, rate = step
        roots = self.roots.of(base, module)
        kinds = known(roots)
        if not roots or Kind.TAKEN in kinds:
            return None
        if by_attribute(node):
            typed = [self.roots.class_kind(cls) for cls in self.flows.types(base, module)]
            if any(kind not in HAVE_GET for kind in typed):
                return None  # a class of the project says what it has
            if not kinds & HAVE_ATTRIBUTES or kinds - HAVE_GET - {Kind.UNKNOWN, Kind.PARAMETER}:
                return None
        elif not kinds & (HAVE_GET | {Kind.PARAMETER}) or kinds - HAVE_GET - {Kind.UNKNOWN, Kind.PARAMETER}:
            return None
        if not kinds - {Kind.MAPPING, Kind.PARAMETER} and _OPTIMIZER_S.search(last_name(base)):
            return None  # what is the optimizer's alone: its parameter carries it
        if not kinds & HAVE_GET and not self.roots.public(roots):
            if not is_rate(rate):
                return None
            return f"nothing of the project was seen to make {module.text(base)}"
        getter = kinds <= HAVE_GET or not by_attribute(node)
        targets = node.targets if isinstance(node, NodeRead) else None
        taking = node.call if isinstance(node, FieldRead) else None
        return self._made(roots, rate, module.text(base), module, getter, targets, taking)

    def node_slot(self, node: cst.BaseExpression, module: Module) -> KeySlot | str | None:
        """The key that holds a whole node which is splatted or instantiated: the switch goes beside it.

        ``node`` is ``cfg.optimizer``; None for a bare name, whose callers know more.
        """
        return self.slot(node, module) if stepped(node) is not None else None

    def object_slot(self, node: cst.BaseExpression, module: Module) -> KeySlot | str | None:
        """The config that an expression gives, where no key of it is read; None if it is none."""
        roots = self.roots.of(node, module)
        kinds = known(roots)
        if not roots or not kinds <= HAVE_GET:
            return None
        if Kind.YACS in kinds:
            return f"{module.text(node)} is a yacs config, and none of its keys says where the switch belongs"
        return self._made(roots, "", module.text(node), module, True)

    # -- where the key is declared --------------------------------------------------------------------------------

    def _made(
        self,
        roots: tuple[Root, ...],
        rate: str,
        text: str,
        module: Module,
        getter: bool,
        targets: frozenset[str] | None = None,
        taking: cst.Call | None = None,
    ) -> KeySlot | str | None:
        tables = tuple(dict.fromkeys(t for root in roots for t in self._tables(root, 0)))
        tables = tuple(dict.fromkeys(t for m, table in tables for t in self._holding(m, table, rate, 0)))
        if len(tables) > _MANY:
            return f"{text} may be any of {len(tables)} dicts"
        stores = tuple(dict.fromkeys(self._stores(roots, rate, module))) if rate else ()
        if tables:  # what is assigned later only overwrites what is written out
            stores = tuple((m, n, False) for m, n, _ in stores)
        files = tuple(dict.fromkeys(f for root in roots for f in self._files(root, rate)))
        if targets is not None:
            files = tuple(file for file in files if file.key.target in targets)
            if not files:
                return None
        elif made := next((file for file in files if file.key.target), None):
            return f"hydra makes a {made.key.target} of {text} ({made.path}), which takes no other keys"
        spelling = self.flows.switch.dashed() if "-" in rate else self.flows.switch.like(rate)
        slot = KeySlot(roots, rate, text, spelling, self.styles, getter, False, tables, stores, files)
        if Kind.YACS in known(roots):
            return self._yacs(slot)
        why = self._splatted(slot, module, taking) or self._taken(slot)
        return replace(slot, why_not=why)

    def _tables(self, root: Root, depth: int) -> Iterator[tuple[Module, Table]]:
        """The dict literals that an object is, by its root and the keys from there."""
        node = root.node
        if depth > 6:
            return
        if root.kind == Kind.TABLE and isinstance(node, (cst.Dict, cst.Call)):
            yield from self._descend(node, root.module, root.path, depth)
        elif root.kind in HAVE_GET and isinstance(node, cst.Call) and node.args:
            given = [a.value for a in node.args if a.keyword is None and not a.star]
            if not given and root.cls is None and root.kind == Kind.CONFIG and node.args[0].keyword is not None:
                yield from self._descend(node, root.module, root.path, depth)
            for value in given[:1]:
                for inner in self.roots.of(value, root.module):
                    if inner.kind == Kind.TABLE:
                        yield from self._tables(replace(inner, path=(*inner.path, *root.path)), depth + 1)

    def _holding(self, module: Module, table: Table, rate: str, depth: int) -> Iterator[tuple[Module, Table]]:
        """The dict that has the rate: the one that is asked for, or those that it takes in whole."""
        if not rate or value_of(table, rate) is not None:
            yield module, table
        elif depth < 6 and isinstance(table, cst.Dict):
            for element in table.elements:
                if isinstance(element, cst.StarredDictElement):
                    for root in self.roots.of(element.value, module):
                        for where, inner in self._tables(root, depth + 1):
                            yield from self._holding(where, inner, rate, depth + 1)

    def _descend(
        self, table: Table, module: Module, path: tuple[str, ...], depth: int
    ) -> Iterator[tuple[Module, Table]]:
        if not path:
            yield module, table
            return
        value = value_of(table, path[0])
        if value is not None:
            for inner in self.roots.of(value, module):
                yield from self._tables(replace(inner, path=(*inner.path, *path[1:])), depth + 1)

    def _stores(self, roots: tuple[Root, ...], rate: str, module: Module) -> Iterator[tuple[Module, cst.Assign, bool]]:
        """The assignments of the rate to the same object, where it is read and where it is made."""
        places = {(root.node, root.path): root for root in roots}
        for where in dict.fromkeys([module, *(root.module for root in roots)]):
            for node, base in stored(where, rate):
                for made in self.roots.of(base, where):
                    root = places.get((made.node, made.path))
                    if root is not None:
                        yield where, node, self._declares(node, where, root)
                        break

    def _declares(self, node: cst.Assign, where: Module, root: Root) -> bool:
        """Whether an assignment is the first that an object's rate gets: it stands where the object is made."""
        made_here = root.module is where and where.function(root.node) is where.function(node)
        return root.kind in (Kind.YACS, Kind.CONFIG, Kind.TABLE) and made_here and where.unconditional(node)

    def _files(self, root: Root, rate: str) -> Iterator[DocumentKey]:
        """The YAML files that declare the rate for hydra."""
        function = root.module.function(root.node) if root.kind == Kind.HYDRA else None
        main = hydra_main(function, self.flows, root.module) if function is not None else None
        if main is not None and rate:
            yield from self.files.keys(main, root.module, (*root.path, rate))

    def _yacs(self, slot: KeySlot) -> KeySlot | str:
        """The slot with what declares its key: yacs takes no other keys."""
        declaring = [s for s in slot.stores if s[2]]
        if not declaring:
            declaring = list(dict.fromkeys(self._yacs_defaults(slot)))
        if not declaring:
            return f"no file of the project declares {slot.owner}.{slot.rate}, and yacs takes no keys that are not"
        if len({where.path for where, _, _ in declaring}) > 1:
            places = ", ".join(sorted(f"{where.path}:{where.line(node)}" for where, node, _ in declaring))
            return f"{slot.owner}.{slot.rate} may be declared by any of {places}"
        made = known(slot.roots) == {Kind.YACS} and all(isinstance(r.node, cst.Call) for r in slot.roots)
        return replace(slot, stores=tuple(declaring), declared=made and bool(slot.stores))

    def _yacs_defaults(self, slot: KeySlot) -> Iterator[tuple[Module, cst.Assign, bool]]:
        """The assignments anywhere that declare a key of that name at the same place below a yacs config."""
        ends = {(*root.path, slot.rate) for root in slot.roots if root.kind == Kind.YACS}
        project = self.flows.project
        for path in project.mentioning_word({slot.rate}):
            where = project.module(path) if not is_test(path) else None
            for node, base in stored(where, slot.rate) if where is not None else ():
                assert where is not None
                for made in self.roots.of(base, where):
                    ours = any((*made.path, slot.rate)[-len(end) :] == end for end in ends)
                    default = made.kind == Kind.YACS and isinstance(made.node, cst.Call)
                    if ours and default and self._declares(node, where, made):
                        yield where, node, True

    # -- who else reads the object --------------------------------------------------------------------------------

    def _splatted(self, slot: KeySlot, module: Module, taking: cst.Call | None) -> str | None:
        """Where the config that would get two more keys is splatted, if it is, but for the call that takes them."""
        places = {(root.node, root.path) for root in slot.roots}
        tables = {table for _, table in slot.tables}
        if not tables and not slot.files and not any(declares for _, _, declares in slot.stores):
            return None
        for where in dict.fromkeys([module, *(root.module for root in slot.roots), *(m for m, _ in slot.tables)]):
            if "**" not in where.source.text:
                continue
            for call in where.calls:
                for arg in call.args:
                    if arg.star == "**" and call is not taking and not _harmless(call):
                        for made in self.roots.of(arg.value, where):
                            same = (made.node, made.path) in places
                            if same or tables & {t for _, t in self._tables(made, 0)}:
                                return f"{slot.owner} is splatted whole at {where.path}:{where.line(call)}"
        return None

    def _taken(self, slot: KeySlot) -> str | None:
        """Whether one of the names is there, in another sense."""
        spelling = slot.spelling
        for module, table in slot.tables:
            for name, ours in ((spelling.enabled, is_flag), (spelling.eps, is_number)):
                value = value_of(table, name)
                if value is not None and by_hand(value) and not ours(value):
                    return f"{slot.owner} uses the key {name} for something else{spelling.taken(name)} ({module.path})"
        return None


def stored(module: Module, rate: str) -> Iterator[tuple[cst.Assign, cst.BaseExpression]]:
    """The statements ``x.lr = …`` and ``x["lr"] = …`` of a module, and what they are of."""
    for node in module.assigning(rate) if rate.isidentifier() else ():
        if isinstance(node, cst.Assign):
            for target in node.targets:
                if isinstance(target.target, cst.Attribute) and target.target.attr.value == rate:
                    yield node, target.target.value
    for node in _subscripted(module, rate):
        for target in node.targets:
            step = stepped(target.target)
            if isinstance(target.target, cst.Subscript) and step is not None and step[1] == rate:
                yield node, step[0]


def _subscripted(module: Module, rate: str) -> Iterable[cst.Assign]:
    if f'["{rate}"] =' not in module.source.text and f"['{rate}'] =" not in module.source.text:
        return ()
    named = module.nodes_where(lambda body: rate in body.code)
    return [n for n in named if isinstance(n, cst.Assign) and isinstance(n.targets[0].target, cst.Subscript)]


def _harmless(call: cst.Call) -> bool:
    """Whether a call takes any names: ``dict(**x)``."""
    return dotted(call.func) in ("dict", "print", "SimpleNamespace", "types.SimpleNamespace", "OrderedDict")
