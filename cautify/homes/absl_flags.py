"""argument: the switch is two absl flags beside the one that sets the learning rate.

Flags are read from ``FLAGS``, which is one object for the whole program: https://abseil.io/docs/python/guides/flags
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from cautify.analysis.nodes import dotted, last_name, literal
from cautify.analysis.origins import Origins
from cautify.analysis.parsers import keyword, option_strings
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.argparse_options import Manner
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind
from cautify.patch.style import style_for

_FLAGS = frozenset({"absl.flags.FLAGS"})
_SWITCHES = frozenset({"DEFINE_bool", "DEFINE_boolean"})


@dataclass(frozen=True)
class FlagSlot:
    """The flag of a learning rate: every definition of it that may be the one of this program.

    ``held`` says that it is read of the variable that its definition is assigned to: ``_LR.value``.
    """

    rate: str
    spelling: Spelling
    definitions: tuple[tuple[cst.Call, Module], ...]
    flags: AbslFlags = field(compare=False, repr=False)
    held: bool = False

    @property
    def kind(self) -> HomeKind:
        """An argument."""
        return HomeKind.ARGUMENT

    def refusal(self) -> str | None:
        """Why the flags cannot be defined, or None."""
        if self.held and not all(self.holder(name) for name in self.spelling.names):
            return f"the flag of {self.rate} is not held by a variable of its own"
        for name, right in ((self.spelling.enabled, _SWITCHES), (self.spelling.eps, {"DEFINE_float"})):
            for call, module in self.flags.definitions(name):
                if last_name(call.func) not in right:
                    where = f"{module.path}:{module.line(call)}"
                    taken = self.spelling.taken(name)
                    return f"the flag {name} is defined at {where} and means something else{taken}"
        return None

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """The expressions that read the two flags."""
        if self.held:
            inside = base[: base.rfind(".") + 1]
            enabled, eps = map(self.holder, self.spelling.names)
            return f"{inside}{enabled}.value", f"{inside}{eps}.value"
        return self.spelling.asked(base) if sometimes else self.spelling.attributes(base)

    def homes(self) -> tuple[Home, ...]:
        """The definitions of the learning rate's flag."""
        name = self.flags.flows.project.module_name
        return tuple(
            Home(self.kind, m.path, m.line(c), ".".join(p for p in (name(m.path)[0], m.qualified(c)) if p))
            for c, m in self.definitions
        )

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """The edits that define the flags where they are not."""
        yield from self.flags.declare([self])

    def missing(self, module: Module) -> list[str]:
        """Those of the two names that a module does not define."""
        return [n for n in self.spelling.names if not any(m is module for _, m in self.flags.definitions(n))]

    def holder(self, name: str) -> str:
        """The variable that holds a flag, or will: named as the learning rate's is."""
        call, module = self.definitions[0]
        there = next((c for c, m in self.flags.definitions(name) if m is module), None)
        if there is not None:
            return _variable(there, module)
        like = _variable(call, module)
        at = like.lower().find(self.rate.lower())
        before, after = (like[:at], like[at + len(self.rate) :]) if at >= 0 else (like[: -len(like.lstrip("_"))], "")
        return f"{before}{name.upper() if like.isupper() else name}{after}" if like else ""

    def edit(self, anchor: cst.Call, module: Module, missing: list[str]) -> Edit:
        """The edit that defines some of the flags below another."""
        root = self.flags.flows.project.root
        source = module.source
        start, end = module.span(module.statement(anchor))
        text = source.slice(source.line_start(start), start)
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        style = style_for((root / module.path).resolve().parent, root.resolve())
        manner = _FlagManner(anchor, module, style, self.spelling.on)
        made = module.text(anchor.func).removesuffix(last_name(anchor.func))
        near = {last_name(w.call.func) for w in manner.near}
        boolean = "DEFINE_boolean" if "DEFINE_boolean" in near and "DEFINE_bool" not in near else "DEFINE_bool"
        enabled, eps = self.spelling.enabled, self.spelling.eps
        hold = {n: f"{self.holder(n)} = " if _variable(anchor, module) else "" for n in (enabled, eps)}
        written = {
            enabled: manner.enabled(f"{hold[enabled]}{made}{boolean}", enabled, indent),
            eps: manner.eps(f"{hold[eps]}{made}DEFINE_float", eps, indent),
        }
        at = source.line_end(end)
        return source.edit(at, at, "".join(f"\n{indent}{written[n]}" for n in missing), "argument")

    def sources(self) -> Iterable[Source]:
        """None: a command line comes from outside."""
        return ()


class AbslFlags:
    """Finds the absl flags of one project."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.flows = origins.flows
        self._known: dict[str, tuple[tuple[cst.Call, Module], ...]] = {}

    def slot(self, base: cst.BaseExpression, name: str, module: Module) -> FlagSlot | str | None:
        """The slot of ``FLAGS.lr``, or of ``_LR.value`` where that holds the flag.

        None where the object is not absl's, a string where the flag cannot be used.
        """
        if name == "value" and dotted(base) and self.flows.project.containing(b"DEFINE_"):
            return self._held(base, module)
        found = self.definitions(name)
        if not found or not last_name(base) or _FLAGS.isdisjoint(self.flows.externals(base, module)):
            return None
        own = tuple((c, m) for c, m in found if m is module)
        slot = FlagSlot(name, self.flows.switch.like(name), own or found, self)
        return slot.refusal() or slot

    def _held(self, base: cst.BaseExpression, module: Module) -> FlagSlot | str | None:
        made = [(o.node, o.module) for o in self.origins.of(base, module) if self._defines(o.node, o.module)]
        if len(made) != 1:
            return None
        call, where = made[0]
        assert isinstance(call, cst.Call)
        if isinstance(base, cst.Name) and where is not module:
            return f"{base.value} is imported by its own name"
        name = option_strings(call)[0]
        slot = FlagSlot(name, self.flows.switch, ((call, where),), self, held=True)
        return slot.refusal() or slot

    def _defines(self, node: cst.CSTNode, module: Module) -> bool:
        if not isinstance(node, cst.Call) or not last_name(node.func).startswith("DEFINE_") or not option_strings(node):
            return False
        return any(e.startswith("absl.flags.DEFINE_") for e in self.flows.externals(node.func, module))

    def declare(self, slots: Iterable[FlagSlot]) -> Iterator[tuple[Module, Edit]]:
        """The edits for several slots: one pair for each module, however many rates it defines."""
        done: set[tuple[str, str]] = set()
        for slot in slots:
            for anchor, module in slot.definitions:
                key = (module.path, slot.spelling.enabled)
                missing = slot.missing(module) if key not in done else []
                done.add(key)
                if missing:
                    yield module, slot.edit(anchor, module, missing)

    def definitions(self, name: str) -> tuple[tuple[cst.Call, Module], ...]:
        """The calls of ``flags.DEFINE_…`` that define a flag of that name."""
        if name not in self._known:
            self._known[name] = tuple(self._find(name))
        return self._known[name]

    def _find(self, name: str) -> Iterator[tuple[cst.Call, Module]]:
        for path in self.flows.project.containing(b"DEFINE_"):
            data = self.flows.project.data[path]
            module = self.flows.project.module(path) if name.encode() in data else None
            for call in module.calls_where(lambda b: "DEFINE_" in b.code) if module is not None else ():
                assert module is not None
                if option_strings(call)[:1] == [name] and self._defines(call, module):
                    yield call, module


def _variable(call: cst.Call, module: Module) -> str:
    """The variable of a module that what a call gives is assigned to, or nothing."""
    statement = module.parents.get(call)
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1 and module.function(call) is None:
        target = statement.targets[0].target
        return target.value if isinstance(target, cst.Name) else ""
    return ""


class _FlagManner(Manner):
    """As for parsers: name, default and help in this order, by position or keyword."""

    def option(self, name: str) -> str:
        """The flag's name."""
        return name

    def _default(self, value: str) -> list[str]:
        named = keyword(self.anchor, "default") is not None
        return [f"default{self._equal}{value}" if named else value]

    def _boolean(self, name: str) -> list[str]:
        return self._default(str(self.on))

    def _number(self) -> list[str]:
        return self._default("1e-8")

    def _help(self, texts: Sequence[str], default: str) -> tuple[str, ...]:
        positional = [a.value for a in self.anchor.args if a.keyword is None]
        given = positional[2] if len(positional) > 2 else keyword(self.anchor, "help")
        said = literal(given) or ""
        texts = tuple(t[:1].upper() + t[1:] if said[:1].isupper() else t for t in texts)
        texts = tuple(t + "." if said.endswith(".") else t for t in texts)
        if self.quote == "'":
            texts = tuple(t for t in texts if "'" not in t)
        key = f"help{self._equal}" if keyword(self.anchor, "help") is not None else ""
        return tuple(f"{key}{self.quote}{t}{self.quote}" for t in texts)
