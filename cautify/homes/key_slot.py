"""key: the switch is two keys of a config: a dict, OmegaConf's or hydra's, yacs, ml_collections and their like.

It is read with a default, so that a config from before the patch still works and a free key is enough to set it. It is
declared where a user could not set it otherwise, or would look for it: among yacs' defaults, in a dict that is written
out, in the YAML behind ``@hydra.main``, which takes no new keys.
https://omegaconf.readthedocs.io/en/latest/usage.html#default-values https://github.com/rbgirshick/yacs#usage
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from cautify.analysis.nodes import literal
from cautify.analysis.syntax import Module
from cautify.analysis.tables import is_table
from cautify.homes import Spelling
from cautify.homes.beside import alone, entries, is_plain, statements, value_of
from cautify.homes.hydra_files import DocumentKey
from cautify.homes.roots import Kind, Root
from cautify.homes.slot import Source
from cautify.homes.yaml_keys import declare
from cautify.model import Edit, Home, HomeKind
from cautify.patch.styles import Styles

Table = cst.Dict | cst.Call
_RATE = re.compile(r"(?:^|_)lr(?:$|_)|learning_?rate|^rate$|step_size")


@dataclass(frozen=True)
class KeySlot:
    """A learning rate that is a key of a config. Two keys of one config are one place.

    ``getter`` says that the config has ``.get``; ``declared`` that whoever reads it can only have one that declares
    the switch. ``rate`` is empty where the config itself was asked for, not a key of it.
    """

    roots: tuple[Root, ...]
    rate: str = field(compare=False)
    owner: str = field(compare=False)
    spelling: Spelling = field(compare=False)
    styles: Styles = field(compare=False, repr=False)
    getter: bool = field(default=True, compare=False)
    declared: bool = field(default=False, compare=False)
    tables: tuple[tuple[Module, Table], ...] = field(default=(), compare=False)
    stores: tuple[tuple[Module, cst.Assign, bool], ...] = field(default=(), compare=False)
    """Assignments of the rate, and whether each is what declares it."""
    files: tuple[DocumentKey, ...] = field(default=(), compare=False)
    why_not: str | None = field(default=None, compare=False)

    @property
    def kind(self) -> HomeKind:
        """Always a key."""
        return HomeKind.KEY

    def refusal(self) -> str | None:
        """Why the keys cannot be declared or read, or None."""
        return self.why_not

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """``base.get("use_cautious_optimizer", False)``, or whatever gives the default otherwise."""
        base = base if base.endswith((")", "]")) or " " not in base else f"({base})"
        if self.declared and not sometimes:
            return self.spelling.attributes(base)
        return self.spelling.looked_up(base) if self.getter else self.spelling.asked(base)

    def homes(self) -> tuple[Home, ...]:
        """The declarations of the learning rate where they are known, else where the config comes from."""
        found = [(module.path, module.line(value_of(table, self.rate) or table)) for module, table in self.tables]
        found += [(module.path, module.line(node)) for module, node, declares in self.stores if declares]
        found += [(file.path, file.key.line + 1) for file in self.files]
        made = [root for root in self.roots if root.kind != Kind.UNKNOWN] or self.roots
        found = found or [(root.module.path, root.module.line(root.node)) for root in made]
        return tuple(Home(HomeKind.KEY, path, line, self.owner) for path, line in sorted(set(found)))

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """Two entries in each dict that is written out, two assignments below each that declares the rate."""
        values = tuple(zip(self.spelling.names, self.spelling.defaults, strict=True))
        for module, table in self.tables:
            value = value_of(table, self.rate) if self.rate else None
            if value is None or by_hand(value):
                new = [pair for pair in values if value_of(table, pair[0]) is None]
                after = together | {self.rate} if self.rate else ()
                edit = entries(module, table, after, new, "key", self.styles.of(module).line_length)
                if edit is not None:
                    yield module, edit
        for module, node in first_of_each_block((m, n) for m, n, declares in self.stores if declares):
            if by_hand(node.value) or Kind.YACS in known(self.roots):
                yield from below(module, node, values, "key")

    def document_declarations(self) -> Iterator[tuple[str, bytes, Edit]]:
        """The path, the bytes and the edit of each YAML file that declares the rate."""
        for file in self.files:
            edit = declare(file.data, file.key, self.spelling)
            if edit is not None:
                yield file.path, file.data, edit

    def sources(self) -> Iterable[Source]:
        """The values that dicts and assignments give the rate, where they are not written out there."""
        for module, table in self.tables:
            value = value_of(table, self.rate) if self.rate else None
            if value is not None and not by_hand(value):
                yield Source(module, table, value)
        for module, node, declares in self.stores:
            if not by_hand(node.value) and not (declares and Kind.YACS in known(self.roots)):
                yield Source(module, node, node.value)


def below(
    module: Module,
    node: cst.Assign,
    values: Iterable[tuple[str, str]],
    purpose: str,
    after: cst.SimpleStatementLine | None = None,
) -> Iterator[tuple[Module, Edit]]:
    """The edit that assigns what is missing of two names and their values beside an assignment, or below ``after``."""
    line = alone(module, node)
    target = node.targets[0].target
    if line is None or len(node.targets) != 1:
        return
    lines = []
    for name, default in values:
        if isinstance(target, cst.Attribute):
            text = f"{module.text(target.value)}.{name}"
            there = any(
                module.text(t.target) == text
                for other in module.assigning(name)
                if isinstance(other, cst.Assign)
                for t in other.targets
            )
        elif isinstance(target, cst.Subscript):
            key = module.text(target)[len(module.text(target.value)) :]
            quote = "'" if "'" in key else '"'
            text = f"{module.text(target.value)}[{quote}{name}{quote}]"
            there = text in module.source.text
        else:
            return
        if not there:
            lines.append(f"{text} = {default}")
    if lines:
        yield module, statements(module, after or line, lines, purpose)


def first_of_each_block(stores: Iterable[tuple[Module, cst.Assign]]) -> list[tuple[Module, cst.Assign]]:
    """The first of the assignments that stand in one block: those below overwrite it, and need nothing beside them."""
    found: dict[cst.CSTNode | None, tuple[Module, cst.Assign]] = {}
    for module, node in stores:
        line = module.parents.get(node)
        found.setdefault(module.parents.get(line) if line is not None else None, (module, node))
    return list(found.values())


def by_hand(value: cst.BaseExpression) -> bool:
    """Whether somebody wrote a value there: a number, a text, or a node of keys of its own."""
    return is_plain(value) or literal(value) is not None or is_table(value)


def known(roots: Iterable[Root]) -> frozenset[Kind]:
    """What kinds of objects there are among some roots."""
    return frozenset(root.kind for root in roots)


def is_rate(name: str) -> bool:
    """Whether a name says learning rate."""
    return _RATE.search(name.lower().replace("-", "_")) is not None
