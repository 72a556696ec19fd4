"""What tables, lists and modules hold that can be called: looked up by a key, by a name, or one after another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from cautify.analysis.names import UNKNOWN, AnyOptimizer, Class, Container, External, Imported, Value
from cautify.analysis.resolve import Resolver
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module, dotted, literal
from cautify.analysis.tables import entries, is_table

_OPTIMIZER_BASES = frozenset({"torch.optim.Optimizer", "torch.optim.optimizer.Optimizer"})
_FOREIGN_BASE = re.compile(r"Optimizer(?:\d\w*)?$|Adam\w*Base$|^_?AdamBase$|Optimizer\dState$|Optimizer8bit$")
OTHER_FRAMEWORKS = frozenset(
    {"tensorflow", "tf", "keras", "tf_keras", "jax", "optax", "flax", "haiku", "paddle", "mxnet"}
)
OTHER_FRAMEWORKS |= {"mindspore", "chainer", "scipy", "sklearn", "optuna", "mlx", "tinygrad", "oneflow", "jittor"}
OTHER_FRAMEWORKS |= {"megengine", "cupy", "cvxpy", "ray"}
MANY = 200  # values of one expression; whatever has more is a table of everything


class Contained(Resolver):
    """A resolver that also looks into what holds classes."""

    def is_optimizer_class(self, name: str) -> bool:
        """Whether a qualified name is torch's base class of optimizers or a class of the catalogue."""
        return name in _OPTIMIZER_BASES or self.catalogue.optimizer(name) is not None

    def is_own_optimizer(self, cls: Class) -> bool:
        """Whether a class of the project is an optimizer by its bases, or because the catalogue names it."""
        if any(self.is_optimizer_class(name) or _is_foreign_base(name) for name in self.external_bases(cls)):
            return True
        return self.catalogue.optimizer(self.qualified(cls)) is not None

    def _item(self, value: Value, key: cst.BaseExpression) -> Iterator[Value]:
        """What ``value[key]`` may be."""
        if isinstance(value, External):
            yield from self._in_module(External(value.name.removesuffix(".__dict__")), literal(key))
        elif isinstance(value, Imported):
            yield from self._in_module(value, literal(key))
        elif isinstance(value, Class) and self.is_enum(value):
            yield from self.members(value, literal(key))
        elif isinstance(value, Container) and is_table(value.node):
            wanted = literal(key)
            all_entries = list(entries(value.node))
            named = [v for k, v in all_entries if wanted is not None and k == wanted]
            stored = [] if named else list(self._stored(value))
            held = [v for v in named or [v for _, v in all_entries] if v is not None]
            found = [v for e in held for v in self.values(e, value.module)] + stored
            complete = all(v is not None for _, v in all_entries)
            yield from found[:MANY] if found and complete else [*found[:MANY], UNKNOWN]
        elif isinstance(value, Container):
            index = int(key.value) if isinstance(key, cst.Integer) and key.value.isdigit() else None
            yield from self._place(value, index)
        else:
            yield UNKNOWN

    def is_maker(self, value: Value) -> bool:
        """Whether a value is an optimizer class."""
        if isinstance(value, External):
            return self.catalogue.optimizer(value.name) is not None
        return isinstance(value, Class) and self.is_own_optimizer(value)

    def _inherited(self, call: cst.Call, name: str, module: Module) -> list[Value]:
        """What ``super().name`` is in a class of the project: what the next class above it binds."""
        around = next((a for a in module.ancestors(call) if isinstance(a, cst.ClassDef)), None)
        for cls in self.ancestors(Class(module, around))[1:] if around is not None else ():
            if name in cls.module.scopes[cls.node].bindings:
                return [v for b in cls.module.scopes[cls.node].bindings[name] for v in self.bound(b, cls.module)]
        return []

    def own_class(self, node: cst.BaseExpression, module: Module) -> list[Class]:
        """The class that ``cls`` is in a class method."""
        function = module.function(node) if isinstance(node, cst.Name) else None
        around = module.method_class(function) if function is not None else None
        decorators = [dotted(d.decorator) for d in function.decorators] if function is not None else []
        if function is None or around is None or "classmethod" not in decorators:
            return []
        first = [p.name.value for p in (*function.params.posonly_params, *function.params.params)][:1]
        return [Class(module, around)] if first == [dotted(node)] else []

    def _star(self, name: cst.Name, module: Module) -> Binding | None:
        """The parameter that takes all further arguments, where a name stands for it and for nothing else."""
        bindings = self.bindings(name.value, name, module)
        only = bindings[0] if len(bindings) == 1 else None
        return only if only is not None and isinstance(only.node, cst.Param) and only.node.star == "*" else None

    def is_enum(self, cls: Class) -> bool:
        """Whether a class is an enum: its members are what its body assigns, with that as their value."""
        return any(name.partition(".")[0] == "enum" or name.endswith("Enum") for name in self.external_bases(cls))

    def members(self, cls: Class, name: str | None) -> Iterator[Value]:
        """What the members of an enum hold, or the one of that name."""
        bindings = cls.module.scopes[cls.node].bindings
        for member in bindings if name is None else [name]:
            for binding in bindings.get(member, ()):
                if binding.kind == "assign":
                    yield from self.bound(binding, cls.module)

    def _stored(self, table: Container) -> Iterator[Value]:
        """What ``NAME[key] = value`` puts into a dict elsewhere in its module."""
        statement = table.module.parents.get(table.node)
        targets = statement.targets if isinstance(statement, cst.Assign) else ()
        names = {dotted(t.target) for t in targets} - {""}
        for name in names:
            for stored in table.module.stored(name):
                yield from self.values(stored, table.module)

    def _place(self, value: Value, index: int | None) -> Iterator[Value]:
        """One element of a list or tuple, or all of them. What loads a class may return its arguments behind it."""
        if isinstance(value, AnyOptimizer) and index == 0:
            yield value
            return
        if isinstance(value, Container) and isinstance(value.node, (cst.List, cst.Tuple, cst.Set)):
            elements = value.node.elements
            if index is not None and all(isinstance(e, cst.Element) for e in elements):
                elements = elements[index : index + 1]
            for element in elements:
                yield from self.values(element.value, value.module)
        else:
            yield UNKNOWN

    def _elements(self, iterated: cst.BaseExpression, item: tuple[int, ...], module: Module) -> Iterator[Value]:
        """What a loop over an expression gives its variable; ``item`` is the variable's place in what is unpacked."""
        func = iterated.func if isinstance(iterated, cst.Call) else None
        if isinstance(func, cst.Attribute) and func.attr.value in ("items", "values"):
            if func.attr.value == "items" and item[:1] != (1,):
                yield UNKNOWN
                return
            for value in self.values(func.value, module):
                if isinstance(value, Container):
                    for _, held in entries(value.node):
                        yield from self.values(held, value.module) if held is not None else [UNKNOWN]
                elif isinstance(value, External) and value.name.endswith(".__dict__"):
                    yield from self._in_module(External(value.name.removesuffix(".__dict__")), None)
            return
        name = dotted(func) if func is not None else ""
        if isinstance(iterated, cst.Call) and name == "enumerate" and iterated.args and item[:1] == (1,):
            iterated, item = iterated.args[0].value, item[1:]
        elif isinstance(iterated, cst.Call) and name == "zip" and item and item[0] < len(iterated.args):
            iterated, item = iterated.args[item[0]].value, item[1:]
        elif isinstance(iterated, cst.Call) and name.endswith("getmembers") and iterated.args and item == (1,):
            for value in self.values(iterated.args[0].value, module):
                yield from self._in_module(value, None) if isinstance(value, (External, Imported)) else [UNKNOWN]
            return
        values: Iterable[Value] = [v for value in self.values(iterated, module) for v in self._place(value, None)]
        for place in item:
            values = [v for value in values for v in self._place(value, place)]
        yield from values

    def _in_module(self, value: External | Imported, name: str | None) -> Iterator[Value]:
        """A member of a module, foreign or the project's, named or not."""
        if name is not None:
            yield from self.member(value, name)
        elif isinstance(value, External):
            known = self.catalogue.public(self.catalogue.canonical(value.name))
            yield AnyOptimizer(value.name) if known else UNKNOWN
        else:
            module = self.project.module(value.path) if value.path.endswith(".py") else None
            yield from self._optimizers_of(module) if module is not None else [UNKNOWN]

    def _optimizers_of(self, module: Module) -> Iterator[Value]:
        """The optimizer classes among the names of a module of the project."""
        every = [v for bindings in module.root.bindings.values() for b in bindings for v in self.bound(b, module)]
        found: list[Value] = [v for v in every if isinstance(v, External) and self.catalogue.optimizer(v.name)]
        found += [v for v in every if isinstance(v, Class) and self.is_own_optimizer(v)]
        yield from found or [UNKNOWN]


def _is_foreign_base(name: str) -> bool:
    """Whether a class of a library is, by its name, what that library derives its optimizers from."""
    module, _, bare = name.rpartition(".")
    return "optim" in module and bool(_FOREIGN_BASE.search(bare)) and module.partition(".")[0] not in OTHER_FRAMEWORKS
