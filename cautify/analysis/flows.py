"""What a callable may be, however it came there: variables, parameters, attributes, registries, returned classes.

Names are resolved as everywhere; on top of that values are followed through what Python code does with classes before
it calls one. Of a variable's assignments those count that reach the place; of callers, all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import libcst as cst

from cautify.analysis.callers import Callers
from cautify.analysis.contained import MANY, Contained
from cautify.analysis.evidence import is_optimizer
from cautify.analysis.fields_passed import PassedForFields
from cautify.analysis.given import given_classes, handed_classes, renamed_classes
from cautify.analysis.names import (
    UNKNOWN,
    AnyOptimizer,
    Class,
    Container,
    External,
    Function,
    Imported,
    Lambda,
    Nothing,
    Partial,
    Value,
)
from cautify.analysis.nodes import keywords, last_name
from cautify.analysis.paths import IMPORTERS, LOCATORS, OF_ANOTHER, SUBCLASS, classes_of_paths, evaluated
from cautify.analysis.project import Project
from cautify.analysis.reaching import reaching
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module, dotted, literal, walk
from cautify.analysis.tables import entries, is_table
from cautify.homes import DEFAULT, Spelling
from cautify.optimizers import Catalogue

_MAKES = re.compile(r"[tT]ype\[[\s\w.]*Optimizer\s*\]|Callable\[(?:\.\.\.|\[.*\]),[\s\w.]*Optimizer\s*\]")  # in quotes
_WRAPPERS = frozenset({"Optional", "Union", "Annotated", "Final", "ClassVar"})
_FIELDS = frozenset({"dataclasses.field", "attr.ib", "attr.field", "attrs.field", "pydantic.Field"})
_LOOKUPS = frozenset({"get", "pop", "setdefault", "__getitem__"})
_PROTOCOLS = frozenset({"typing.Protocol", "typing_extensions.Protocol"})
_HOPS = 6  # from a parameter to its callers, to theirs, and so on


class Flows(Contained):
    """A resolver that also follows classes through variables, calls and containers. It has a memory of its own."""

    def __init__(
        self, project: Project, catalogue: Catalogue, switch: Spelling = DEFAULT, mentions: bytes = b"ptim"
    ) -> None:
        super().__init__(project, catalogue, switch)
        self.mentions = mentions
        self.follows_calls = not mentions
        self.most_hops = _HOPS if mentions else 0  # where objects are traced, that is for analysis.origins to do
        self._hops = 0

    @cached_property
    def holders(self) -> frozenset[str]:
        """The names that are given an optimizer class somewhere, by the text of a line."""
        return given_classes(self.project, self.catalogue)

    @cached_property
    def handed(self) -> frozenset[str]:
        """What is called with an optimizer class among its arguments, by its bare name."""
        return handed_classes(self.project, self.catalogue)

    @cached_property
    def passed_for_fields(self) -> PassedForFields:
        """What is passed for the fields of classes of the project."""
        return PassedForFields(self, self.callers)

    @cached_property
    def callers(self) -> Callers:
        """Who calls a function of the project."""
        also = renamed_classes(self.project, self.catalogue) if self.mentions else frozenset()
        return Callers(self, self.mentions, also)

    def seen(self, bindings: list[Binding], node: cst.CSTNode, module: Module) -> list[Binding]:
        """Only the assignments that reach a place: the last before it, on each path that leads there."""
        return reaching(bindings, node, module)

    def _typed(self, node: cst.BaseExpression, module: Module, depth: int) -> frozenset[Class]:
        """As for a resolver; an object that a table of the project holds is one of those written there."""
        found = super()._typed(node, module, depth)
        if found or not self.mentions or not isinstance(node, cst.Subscript):
            return found
        tables = [v for v in self.values(node.value, module) if isinstance(v, Container) and is_table(v.node)]
        held = [(t, e) for t in tables for _, e in entries(t.node) if isinstance(e, cst.Call)]
        return frozenset(cls for t, e in held for cls in self.types(e, t.module, depth + 1))

    def is_protocol(self, cls: Class) -> bool:
        """Whether a class only says what others can do."""
        return not _PROTOCOLS.isdisjoint(self.external_bases(cls))

    # -- expressions ----------------------------------------------------------------------------------------------

    def _evaluate(self, node: cst.BaseExpression, module: Module) -> Iterator[Value]:
        match node:
            case cst.List() | cst.Tuple() | cst.Set():
                yield Container(module, node)
            case _ if is_table(node):
                yield Container(module, node)
            case cst.Lambda():
                yield Lambda(module, node)
            case cst.Await(expression=expression):
                yield from self.values(expression, module)
            case cst.Attribute(value=base, attr=cst.Name(value=name)):
                yield from self._attribute(base, name, module)
            case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
                if isinstance(base, cst.Name) and isinstance(key, cst.Integer) and (b := self._star(base, module)):
                    given = self.callers.starred(b, int(key.value, 0), module)
                    yield from [v for where, value in given for v in self.values(value, where)] or [UNKNOWN]
                    return
                for value in self.values(base, module):
                    yield from self._item(value, key)
            case cst.Call():
                yield from self._result(node, module)
            case _:
                yield from super()._evaluate(node, module)

    def _attribute(self, base: cst.BaseExpression, name: str, module: Module) -> Iterator[Value]:
        if isinstance(base, cst.Call) and dotted(base.func) == "super":
            yield from ([] if name.startswith("__") else self._inherited(base, name, module)) or [UNKNOWN]
            return
        if name == "__class__" and is_optimizer(base):
            yield AnyOptimizer(OF_ANOTHER)
            return
        if name == "value" and self.mentions and name in self.holders and (held := self._enumerated(base, module)):
            yield from held
            return
        passed = isinstance(base, cst.Name) and any(
            b.kind in ("param", "opaque") for b in self.bindings(base.value, base, module)
        )  # an object, then, not a module or a class
        known = [] if passed else [v for value in self.values(base, module) for v in self.member(value, name)]
        if all(v == UNKNOWN for v in known):
            owners = self.types(base, module) or self.own_class(base, module)
            held = [v for owner in owners for v in self._held(owner, name)]
            yield from held or [UNKNOWN]
        else:
            yield from known

    def _enumerated(self, base: cst.BaseExpression, module: Module) -> list[Value]:
        """What ``.value`` gives of a member of an enum: the class that the enum's body gives to the member."""
        held = [v for v in self.values(base, module) if isinstance(v, Partial) or self.is_maker(v)]
        return held or [v for cls in self.types(base, module) if self.is_enum(cls) for v in self.members(cls, None)]

    def member(self, value: Value, name: str) -> Iterator[Value]:
        """As for names; an attribute that a class does not bind itself is looked for above it."""
        if isinstance(value, Class) and name not in value.module.scopes[value.node].bindings:
            for cls in self.ancestors(value)[1:]:
                if name in cls.module.scopes[cls.node].bindings:
                    yield from super().member(cls, name)
                    return
            foreign = sorted(self.external_bases(value) - {"object"})
            if foreign:
                yield from (External(f"{base}.{name}") for base in foreign)
                return
        yield from super().member(value, name)

    def _held(self, owner: Class, name: str) -> Iterator[Value]:
        """What ``owner().name`` may be: bound in a class body, or assigned to self, above the class or below it."""
        passed = list(self.passed_for_fields.of(owner, name)) if self.mentions and owner.name in self.handed else []
        bound = bool(passed)
        for cls in [*self.ancestors(owner), *self.below_with(owner, name)]:
            for binding in cls.module.scopes[cls.node].bindings.get(name, ()):
                if passed and binding.kind == "annotation":
                    continue  # what it gets is passed
                bound = True
                if isinstance(binding.node, cst.FunctionDef) and _is_property(binding.node):
                    yield from self.returned(Function(cls.module, binding.node))
                else:
                    yield from self.bound(binding, cls.module)
            for value in self.assigned_attributes(cls, name):
                bound = True
                yield from self.values(value, cls.module)
            for value, place in self.unpacked_attributes(cls, name):
                bound = True
                yield from (v for held in self.values(value, cls.module) for v in self._place(held, place))
        if self.mentions and name in self.holders:
            for where, given in self._set_outside(owner, name):
                bound = True
                yield from self.values(given, where)
        for where, given in passed:
            yield from self.values(given, where)
        if not bound:
            yield from (External(f"{base}.{name}") for base in sorted(self.external_bases(owner)))

    def _set_outside(self, owner: Class, name: str) -> Iterator[tuple[Module, cst.BaseExpression]]:
        """What others than its own methods assign to an attribute of an object, or of its class."""
        for path in self.project.mentioning_word({name}):
            module = self.project.module(path)
            if module is None:
                continue
            pairs = [
                (target.target.value, node.value)
                for node in module.assigning(name)
                for target in (node.targets if isinstance(node, cst.Assign) else ())
                if isinstance(target.target, cst.Attribute) and target.target.attr.value == name and node.value
            ]
            told = [c.args for c in module.calls_of({"setattr"}) if dotted(c.func) == "setattr" and len(c.args) == 3]
            pairs += [(args[0].value, args[2].value) for args in told if literal(args[1].value) == name]
            yield from ((module, value) for base, value in pairs if self._is_of(base, owner, module))

    def _is_of(self, node: cst.BaseExpression, owner: Class, module: Module) -> bool:
        """Whether an expression other than self may be an object of a class, or the class."""
        if dotted(node) == "self":
            return False
        classes = [v for v in self.values(node, module) if isinstance(v, Class)]
        return any(self.related(cls, owner) for cls in classes or self.types(node, module))

    def bound(self, binding: Binding, module: Module) -> Iterator[Value]:
        """As for names, and what parameters, loop variables and unpacked variables get."""
        if binding.kind == "param":
            yield from self._parameter(binding, module)
        elif binding.kind == "opaque" and binding.source is not None:
            if binding.iterated:
                items = list(self._elements(binding.source, binding.item, module))
            else:
                items = list(self.values(binding.source, module))
                for place in binding.item:
                    items = [v for value in items for v in self._place(value, place)]
            yield from items[:MANY] or [UNKNOWN]
        elif binding.kind == "annotation" and binding.annotation is not None:
            yield self._annotated_maker(binding.annotation, module) or UNKNOWN
        else:
            if binding.kind == "assign" and binding.annotation is not None:
                maker = self._annotated_maker(binding.annotation, module)
                if maker is not None:
                    yield maker
            yield from super().bound(binding, module)

    def _parameter(self, binding: Binding, module: Module) -> Iterator[Value]:
        found: list[Value] = []
        if binding.value is not None:
            found += [v for v in self.values(binding.value, module) if not isinstance(v, Nothing)]
            if any(isinstance(v, External) and self.catalogue.optimizer(v.name) for v in found):
                found.append(AnyOptimizer("whoever calls"))  # a default is there to be replaced
        maker = self._annotated_maker(binding.annotation, module) if binding.annotation is not None else None
        found += [maker] if maker is not None else []
        if self._hops < self.most_hops:
            self._hops += 1
            for where, value in self.callers.arguments(binding, module):
                found += [v for v in self.values(value, where) if not isinstance(v, Nothing)]
            self._hops -= 1
        yield from found or [UNKNOWN]

    # -- annotations ----------------------------------------------------------------------------------------------

    def _annotated_maker(self, annotation: cst.BaseExpression, module: Module, depth: int = 0) -> AnyOptimizer | None:
        """Something that makes optimizers, when that is what an annotation says: ``type[Optimizer]``, a Callable."""
        if isinstance(annotation, cst.SimpleString):
            return AnyOptimizer("its annotation") if _MAKES.search(literal(annotation) or "") else None
        if isinstance(annotation, cst.BinaryOperation):
            sides = (annotation.left, annotation.right)
            return next((m for s in sides if (m := self._annotated_maker(s, module, depth))), None)
        if isinstance(annotation, cst.Name) and depth < 3:
            for b in self.bindings(annotation.value, annotation, module):
                if b.kind == "assign" and isinstance(b.value, (cst.Subscript, cst.BinaryOperation)):
                    return self._annotated_maker(b.value, module, depth + 1)
            return None
        if not isinstance(annotation, cst.Subscript):
            return None
        kind = dotted(annotation.value).rpartition(".")[2]
        inner = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
        if kind in _WRAPPERS:
            return next((m for i in inner if (m := self._annotated_maker(i, module, depth))), None)
        if kind not in ("Callable", "Type", "type") or not inner:
            return None
        made = self.values(inner[-1], module)
        if any(isinstance(v, External) and self.is_optimizer_class(v.name) for v in made):
            return AnyOptimizer("its annotation")
        if any(isinstance(v, Class) and self.is_own_optimizer(v) for v in made):
            return AnyOptimizer("its annotation")
        return None

    # -- calls ----------------------------------------------------------------------------------------------------

    def _result(self, call: cst.Call, module: Module) -> Iterator[Value]:
        """What a call returns, as far as that can be called in turn or taken apart."""
        name = dotted(call.func)
        if name == "getattr" and len(call.args) >= 2:
            yield from self._getattr(call, module)
            return
        if name == "vars" and len(call.args) == 1:
            for value in self.values(call.args[0].value, module):
                yield from self.member(value, "__dict__") if isinstance(value, External) else [UNKNOWN]
            return
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _LOOKUPS and call.args:
            tables = [v for v in self.values(call.func.value, module) if isinstance(v, (Container, External))]
            tables = [t for t in tables if isinstance(t, Container) or t.name.endswith("__dict__")]
            default = [v for arg in call.args[1:2] for v in self.values(arg.value, module)]
            if tables or any(isinstance(v, (External, Class, AnyOptimizer)) for v in default):
                yield from (v for table in tables for v in self._item(table, call.args[0].value))
                yield from default if tables else [*default, UNKNOWN]
                return
        if name == "type" and len(call.args) == 1:
            yield AnyOptimizer(OF_ANOTHER) if is_optimizer(call.args[0].value) else UNKNOWN
            return
        if name == "type" and len(call.args) == 3 and isinstance(call.args[1].value, cst.Tuple):
            bases = [v for e in call.args[1].value.elements for v in self.values(e.value, module)]
            yield AnyOptimizer(SUBCLASS) if any(map(self.is_maker, bases)) else UNKNOWN
            return
        if name == "eval" and call.args:
            yield evaluated(call.args[0].value)
            return
        if name == "globals":
            yield Imported(module.path)
            return
        if name == "__import__" and call.args and (imported := literal(call.args[0].value)) is not None:
            yield External(imported if "fromlist" in keywords(call) else imported.partition(".")[0])
            return
        made = call.func if isinstance(call.func, cst.Call) else None
        if made is not None and last_name(made.func) == "attrgetter" and len(made.args) == len(call.args) == 1:
            yield from self._named_in(call.args[0].value, literal(made.args[0].value), module)
            return
        for value in self.values(call.func, module):
            yield from self._returned_by(value, call, module)

    def _returned_by(self, value: Value, call: cst.Call, module: Module) -> Iterator[Value]:
        first = call.args[0].value if call.args else None
        text = literal(first)
        if isinstance(value, Function):
            named = [External(t) for a in call.args if (t := literal(a.value)) and self.catalogue.optimizer(t)]
            yield from named if named and self.imports_by_name(value) else self.returned(value)
        elif isinstance(value, Lambda):
            yield from self.values(value.node.body, value.module)
        elif isinstance(value, External) and self.catalogue.loads(value.name):
            yield AnyOptimizer(value.name)
        elif isinstance(value, External) and value.name in _FIELDS:
            said = {a.keyword.value: a.value for a in call.args if a.keyword is not None}
            if "default" in said:
                yield from self.values(said["default"], module)
            elif (factory := said.get("default_factory", said.get("factory"))) is not None:
                yield from self._called(factory, module)
            else:
                yield UNKNOWN
        elif isinstance(value, External) and value.name == "functools.partial" and first is not None:
            yield from (Partial(v, module, call) for v in self.values(first, module))
        elif isinstance(value, External) and text is not None and value.name in LOCATORS | IMPORTERS:
            yield External(text)
        else:
            yield UNKNOWN

    def _called(self, factory: cst.BaseExpression, module: Module) -> Iterator[Value]:
        """What something returns that is called without arguments."""
        for value in self.values(factory, module):
            if isinstance(value, Lambda):
                yield from self.values(value.node.body, value.module)
            elif isinstance(value, Function):
                yield from self.returned(value)
            else:
                yield UNKNOWN

    def _getattr(self, call: cst.Call, module: Module) -> Iterator[Value]:
        named = classes_of_paths(call, module, self)
        yield from named or self._named_in(call.args[0].value, literal(call.args[1].value), module)
        for arg in call.args[2:3]:
            yield from self.values(arg.value, module)

    def _named_in(self, owner: cst.BaseExpression, name: str | None, module: Module) -> Iterator[Value]:
        """An attribute of something, whose name may only be known when it runs."""
        for value in self.values(owner, module):
            if isinstance(value, External) or (isinstance(value, Imported) and name is None):
                yield from self._in_module(value, name)
            elif name is not None:
                yield from self._attribute(owner, name, module)
            else:
                yield UNKNOWN

    def returned(self, function: Function) -> Iterator[Value]:
        """What a function of the project may return."""
        returns = function.node.returns
        maker = self._annotated_maker(returns.annotation, function.module) if returns is not None else None
        if maker is not None:
            yield maker
        for expression in function.module.returned(function.node):
            yield from self.values(expression, function.module)

    def imports_by_name(self, function: Function) -> bool:
        """Whether a function imports what a string names."""
        module = function.module
        for node in walk(function.node.body):
            if isinstance(node, cst.Call):
                names = {dotted(node.func), *self.externals(node.func, module)}
                if not names.isdisjoint(IMPORTERS | LOCATORS):
                    return True
        return False


def _is_property(function: cst.FunctionDef) -> bool:
    names = (dotted(d.decorator) for d in function.decorators)
    return any(name.rpartition(".")[2] in ("property", "cached_property") for name in names)
