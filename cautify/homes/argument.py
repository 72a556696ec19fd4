"""argument: the switch is two command line options beside the one that sets the learning rate.

They are added to every parser that declares the learning rate's option and whose result reaches the construction, and
written as their neighbours are: https://docs.python.org/3/library/argparse.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

import libcst as cst

from cautify.analysis.generated import knows_booleans, only_turns_on
from cautify.analysis.names import Class
from cautify.analysis.namespaces import Namespace, Namespaces
from cautify.analysis.nodes import dotted, last_name, literal
from cautify.analysis.origins import Origins
from cautify.analysis.parsers import EXCLUSIVE, GROUPS, Option, Parser, Parsers, dest_of, option_strings
from cautify.analysis.same_run import SameRun
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.absl_flags import AbslFlags, FlagSlot
from cautify.homes.argparse_options import Manner, in_block, is_number, is_switch
from cautify.homes.click_options import ClickSlot, Commands
from cautify.homes.dict_entries import entry_edit
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind
from cautify.patch.style import Style, style_for


@dataclass(frozen=True)
class ArgumentSlot:
    """The option of a learning rate, on every parser from which one object may come.

    ``sometimes``: the object may lack the options, because it may be something else or from another parser.
    ``mapping``: it is read as a dict. ``rate`` is empty where the switch stands by itself, after any option.
    """

    rate: str
    spelling: Spelling
    options: tuple[Option, ...]
    sometimes: bool
    mapping: bool
    arguments: Arguments = field(compare=False, repr=False)

    @property
    def kind(self) -> HomeKind:
        """An argument."""
        return HomeKind.ARGUMENT

    @property
    def parsers(self) -> frozenset[Parser]:
        """The parsers that get the options. Slots that share one share the switch."""
        return frozenset(p for o in self.options for p in o.parsers)

    def refusal(self) -> str | None:
        """Why the options cannot be declared, or None."""
        return self.arguments.refusal(self)

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """The expressions that read the two options of ``base``."""
        if self.mapping:
            return self.spelling.looked_up(base)
        return self.spelling.asked(base) if sometimes or self.sometimes else self.spelling.attributes(base)

    def homes(self) -> tuple[Home, ...]:
        """The declarations of the learning rate, beside each of which the two options stand."""
        return tuple(
            dict.fromkeys(
                Home(self.kind, o.module.path, o.module.line(o.node), self.arguments.owner(o)) for o in self.options
            )
        )

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """The edits that add the options where they are not."""
        yield from self.arguments.declare([(self, together)])

    def sources(self) -> Iterable[Source]:
        """None: a command line comes from outside."""
        return ()


class Arguments:
    """Finds the command line options of one project."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.parsers = Parsers(origins)
        self.namespaces = Namespaces(self.parsers, origins)
        self.flags = AbslFlags(origins)
        self.same_run = SameRun(self.parsers)
        self.commands = Commands(self.namespaces)

    # -- slots ----------------------------------------------------------------------------------------------------

    def slot(self, node: cst.BaseExpression, module: Module) -> ArgumentSlot | FlagSlot | ClickSlot | str | None:
        """The slot of an option that is read as ``args.lr``, ``args["lr"]``, ``args.get("lr")`` or with getattr.

        None where that is no command line option; a string says why an option cannot be used.
        """
        read = _read(node)
        if read is None:
            return None
        base, name, mapping = read
        flag = self.flags.slot(base, name, module) if not mapping else None
        found = flag or self.commands.slot(base, name, mapping, module)
        if found is not None:
            return found
        namespace = self.namespaces.of(base, module) if self.parsers.may_declare(name) else None
        if namespace is None:
            return None
        options, lacking = self._options(namespace, name)
        if not options:
            return f"no parser that was found declares an option {name}"
        chosen = self._with_others(self._chosen(options), namespace, name, frozenset())
        spelling = self.origins.flows.switch.like(name)
        slot = ArgumentSlot(name, spelling, chosen, namespace.elsewhere or lacking, mapping, self)
        return slot.refusal() or slot

    def object_slot(
        self, node: cst.BaseExpression, module: Module, names: frozenset[str] = frozenset()
    ) -> ArgumentSlot | str | None:
        """A slot of the object itself, where no option sets the learning rate.

        The options go after the last of those that set ``names``, else after the last that each parser has.
        """
        mapping = _is_mapping(node, module, self.origins)
        namespace = self.namespaces.of(node, module)
        if namespace is None:
            return None
        options: dict[Option, None] = {}
        for parser in namespace.parsers:
            last = self._last(parser, names)
            if last is None:
                return "one of the parsers it may come from has no option of its own to stand beside"
            options[last] = None
        chosen = self._with_others(tuple(options), namespace, "", names)
        slot = ArgumentSlot("", self.origins.flows.switch, chosen, namespace.elsewhere, mapping, self)
        return slot.refusal() or slot

    def are_fields(self, node: cst.BaseExpression, module: Module, cls: Class) -> bool:
        """Whether an object has the options that loops make of the fields of a class, and comes from nowhere else."""
        namespace = self.namespaces.of(node, module)
        if namespace is None or namespace.elsewhere:
            return False
        return all(self.parsers.makes_fields(parser, cls) for parser in namespace.parsers)

    def _options(self, namespace: Namespace, name: str) -> tuple[list[Option], bool]:
        """The declarations of an option on the parsers of a namespace, and whether some of these lack it."""
        found: dict[Option, None] = {}
        lacking = False
        for parser in namespace.parsers:
            own = self.parsers.on(parser, name)
            if not own:
                below = [self.parsers.on(p, name) for p in self.parsers.below(parser)]
                own = tuple(o for options in below for o in options)
                lacking |= not own or not all(below)
            found.update(dict.fromkeys(own))
        return list(found), lacking

    def _with_others(
        self, options: tuple[Option, ...], namespace: Namespace, name: str, names: frozenset[str]
    ) -> tuple[Option, ...]:
        """The options, and one on each other parser that would stop at an option it does not know.

        One that stops at the learning rate's option already is left as it is.
        """
        found = dict.fromkeys(options)
        for parser in namespace.parsers:
            for other in self.same_run.others(parser):
                own = self.parsers.on(other, name)[-1:] if name else (self._last(other, names),)
                if not any(other in o.parsers for o in found):
                    found.update(dict.fromkeys(o for o in own if o is not None))
        return tuple(found)

    def _chosen(self, options: list[Option]) -> tuple[Option, ...]:
        """One declaration of those that a parser has for the same attribute under several names.

        Those of the same name never run on one parser: argparse would raise. So the switch may stand beside each.
        """
        chosen: list[Option] = []
        order = sorted(options, key=lambda o: not o.module.unconditional(o.node))  # stable
        for option in order:
            names = set(_strings(option))
            rivals = [o for o in chosen if o.parsers & option.parsers and not names & set(_strings(o))]
            if not any(o.module.unconditional(o.node) or _same_block(o, option) for o in rivals):
                chosen.append(option)
        return tuple(o for o in options if o in chosen)

    def _last(self, parser: Parser, names: frozenset[str]) -> Option | None:
        """The last option of a parser that sets one of ``names``, else the last in its main group."""
        module = parser.module
        found: list[tuple[cst.Call, tuple[Parser, ...], bool]] = []
        for call in module.calls_where(lambda body: "add_arg" in body.code or ".add(" in body.code):
            receiver = self.parsers.receiver(call, module)
            parsers = self.parsers.of(receiver, module) if receiver is not None and option_strings(call) else ()
            if receiver is not None and parser in parsers and _always_with(call, parser.node, module):
                found.append((call, parsers, self._is_group(receiver, module)))
        wanted = [f for f in found if dest_of(f[0]) in names]
        last = (wanted or [f for f in found if not f[2]] or found)[-1:]
        return next((Option(call, module, dest_of(call) or "", frozenset(parsers)) for call, parsers, _ in last), None)

    def _is_group(self, receiver: cst.BaseExpression, module: Module) -> bool:
        for origin in self.origins.of(receiver, module):
            if isinstance(origin.node, cst.Call) and last_name(origin.node.func) in GROUPS:
                return True
        return False

    def refusal(self, slot: ArgumentSlot) -> str | None:
        """Why the options of a slot cannot be declared."""
        for option in slot.options:
            loop, around = option.loop, option.loop_module
            if loop is not None and around is not None and not knows_booleans(loop, around):
                return "the options are made from a dict by the types of its values, which fails for True and False"
            if loop is not None and around is not None and slot.spelling.on and only_turns_on(loop, around):
                return "the options are made in a loop, and none of them turns off what is on"
            if isinstance(option.node, cst.Call) and self._add(option) is None:
                return f"the option {option.dest} is in a group of options that exclude each other, made elsewhere"
            for name, right in ((slot.spelling.enabled, is_switch), (slot.spelling.eps, is_number)):
                for there in self._there(option, name):
                    if isinstance(there.node, cst.Call) and not right(there.node):
                        where = f"{there.module.path}:{there.module.line(there.node)}"
                        taken = slot.spelling.taken(name)
                        return f"the option {name} is declared at {where} and means something else{taken}"
        return None

    def _there(self, option: Option, name: str) -> list[Option]:
        """The declarations of ``name`` on the parsers that an option is on."""
        return [o for p in option.parsers for o in self.parsers.on(p, name)]

    def owner(self, option: Option) -> str:
        """The qualified name of the function that declares an option, or of its module."""
        name, _ = self.parsers.project.module_name(option.module.path)
        return ".".join(part for part in (name, option.module.qualified(option.node)) if part)

    # -- declarations ---------------------------------------------------------------------------------------------

    def declare(self, slots: Iterable[tuple[ArgumentSlot, frozenset[str]]]) -> Iterator[tuple[Module, Edit]]:
        """The edits for several slots. Where two share a parser, that gets the options once."""
        pairs = list(slots)
        done: set[tuple[Parser, str]] = set()
        for slot, together in pairs:
            names = together.union(*(t for s, t in pairs if s.parsers & slot.parsers))
            for option in slot.options:
                if any((p, slot.spelling.enabled) in done for p in option.parsers):
                    continue
                if not self._beside_another(option, slot):
                    missing = [n for n in slot.spelling.names if not self._there(option, n)]
                    if missing:
                        yield option.module, self._edit(option, slot, missing, names)
            done.update((p, slot.spelling.enabled) for o in slot.options for p in o.parsers)

    def _beside_another(self, option: Option, slot: ArgumentSlot) -> bool:
        """Whether the place of an option is that of an earlier one in the same block."""
        earlier = slot.options[: slot.options.index(option)]
        return any(_same_block(o, option) and o.parsers & option.parsers for o in earlier)

    def _edit(self, option: Option, slot: ArgumentSlot, missing: list[str], together: frozenset[str]) -> Edit:
        module = option.module
        if not isinstance(option.node, cst.Call):
            values = dict(zip(slot.spelling.names, slot.spelling.defaults, strict=True))
            return entry_edit(option.node, module, [(n, values[n]) for n in missing], "argument")
        anchor, line = option.node, module.statement(option.node)
        for call, statement in in_block(anchor, module, module.text(anchor.func)):
            if dest_of(call) in together and module.span(call)[0] > module.span(anchor)[0]:
                anchor, line = call, statement
        add = self._add(option)
        assert add is not None
        source = module.source
        start, end = module.span(line)
        text = source.slice(source.line_start(start), start)
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        style, both = self._style(module.path), self._both(module)
        manner = Manner(anchor, module, style, slot.spelling.on, both=both, example=bool(slot.rate))
        written = {
            slot.spelling.enabled: manner.enabled(add, slot.spelling.enabled, indent),
            slot.spelling.eps: manner.eps(add, slot.spelling.eps, indent),
        }
        if isinstance(line, cst.SimpleStatementSuite):  # if full: parser.add_argument("--lr")
            return source.edit(end, end, "".join(f"; {' '.join(written[n].split())}" for n in missing), "argument")
        at = source.line_end(end)
        return source.edit(at, at, "".join(f"\n{indent}{written[n]}" for n in missing), "argument")

    def _both(self, module: Module) -> str:
        """How a module can name ``argparse.BooleanOptionalAction``; empty where it, or an old Python, cannot."""
        project = self.parsers.project
        python = project.minimum_python
        if not (python >= (3, 9) if python is not None else project.needs_310):
            return ""
        imported = ((n, b) for n, found in module.root.bindings.items() for b in found if b.kind == "import")
        whole = (n for n, b in imported if (b.target, b.member) == ("argparse", None) and module.unconditional(b.node))
        name = next(whole, "")
        return f"{name}.BooleanOptionalAction" if name else ""

    def _add(self, option: Option) -> str | None:
        """What to call to add an option beside one: never a group whose options exclude each other."""
        module = option.module
        assert isinstance(option.node, cst.Call)
        func = option.node.func
        receiver = self.parsers.receiver(option.node, module)
        if receiver is None:
            return None
        if isinstance(receiver, cst.Call) and last_name(receiver.func) in GROUPS:
            assert isinstance(receiver.func, cst.Attribute)
            return f"{module.text(receiver.func.value)}.add_argument"
        for origin in self.origins.of(receiver, module):
            made = origin.node
            if (
                isinstance(made, cst.Call)
                and isinstance(made.func, cst.Attribute)
                and made.func.attr.value == EXCLUSIVE
            ):
                if origin.module is not module or module.scope(made) is not module.scope(option.node):
                    return None
                return f"{module.text(made.func.value)}.add_argument"
        return module.text(func)

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def _style(self, path: str) -> Style:
        root = self.parsers.project.root
        return style_for((root / path).resolve().parent, root.resolve())


def _strings(option: Option) -> list[str]:
    return option_strings(option.node) if isinstance(option.node, cst.Call) else [f"--{option.dest}"]


def _always_with(call: cst.Call, made: cst.CSTNode, module: Module) -> bool:
    """Whether a statement always runs, or runs where another does."""
    block = module.parents.get(module.statement(call))
    return module.unconditional(call) or block is module.parents.get(module.statement(made))


def _same_block(one: Option, other: Option) -> bool:
    if one.module is not other.module:
        return False
    parents = one.module.parents
    return parents.get(one.module.statement(one.node)) is parents.get(other.module.statement(other.node))


def _read(node: cst.BaseExpression) -> tuple[cst.BaseExpression, str, bool] | None:
    """The object that is read from, the name, and whether it is read as a dict."""
    match node:
        case cst.Attribute(value=base, attr=cst.Name(value=name)):
            return base, name, False
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            text = literal(key)
            return (base, text, True) if text is not None else None
        case cst.Call(func=cst.Name(value="getattr"), args=[first, second, *_]):
            text = literal(second.value)
            return (first.value, text, False) if text is not None else None
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(value="get" | "pop")), args=[first, *_]):
            text = literal(first.value)
            return (base, text, True) if text is not None else None
    return None


def _is_mapping(node: cst.BaseExpression, module: Module, origins: Origins) -> bool:
    """Whether an object is ``vars(args)`` or another dict."""
    for origin in origins.of(node, module):
        made = origin.node
        if isinstance(made, cst.Call) and dotted(made.func) in ("vars", "dict"):
            return True
        if isinstance(made, cst.Attribute) and made.attr.value == "__dict__":
            return True
    return False
