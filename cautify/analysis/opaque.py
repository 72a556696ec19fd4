"""Calls whose callee shows no optimizer class: factories of anything, libraries that are not known, injected factories.

Nothing is guessed from a name alone. A call is wrapped when its callee, its arguments and what is done with its result
say the same; where only some of them do, it is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import libcst as cst

from cautify.analysis import evidence
from cautify.analysis.construction import Construction
from cautify.analysis.contained import OTHER_FRAMEWORKS
from cautify.analysis.deferred import Body
from cautify.analysis.flows import Flows
from cautify.analysis.names import Class, External, Function, Partial, Value
from cautify.analysis.nodes import keywords, last_name
from cautify.analysis.paths import LOCATORS
from cautify.analysis.syntax import Module, dotted

_LIKE = re.compile(r"opt|adam|sgd", re.IGNORECASE)
_ANOTHER = re.compile(r"\btype[ \t]*\([^()]*\)\s*\(")
_IN_TEXT = re.compile(r"optim(?!al)|Adam|SGD")
_ANYTHING = re.compile(r"instantiate|from_c|class_by_name$")
_LISTED = "list it in [tool.cautify.optimizers] if it is an optimizer class"


AS_ANOTHER = (
    "; the class of a wrapped one is CautiousOptimizer, which takes an optimizer: use the class of its base_optimizer, "
    "and wrap that"
)
"""What to do about a call of the class that another optimizer has."""


class Opaque:
    """Looks at such calls of one project."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self.catalogue = flows.catalogue

    def by_base(self, call: cst.Call, module: Module) -> Construction | None:
        """``super().create_optimizer()`` in a subclass of a library's trainer: the library makes it, out of sight."""
        func = call.func
        if not isinstance(func, cst.Attribute) or not func.attr.value.startswith("create_optimizer"):
            return None
        function = module.function(call)
        cls = module.method_class(function) if function is not None else None
        if cls is None or not isinstance(func.value, cst.Call) or dotted(func.value.func) != "super":
            return None
        for name in sorted(self.flows.external_bases(Class(module, cls))):
            builder = self.catalogue.builder(name)
            if builder is not None:
                return Construction(module, call, (), "factory", "built-by-library", builder.remedy)
        return None

    def may_make(self, body: Body) -> bool:
        """Whether there may be a call in the body of a function that :meth:`by_base` or :meth:`made_by_text` takes."""
        if not body.called.isdisjoint(("eval", "exec", "map")):
            return True
        code = body.code
        if any(f"{runner}(" in code for runner in evidence.RUNNERS):
            return True
        return "create_optimizer" in code or "__class__" in code or ("type" in code and bool(_ANOTHER.search(code)))

    def made_by_text(self, call: cst.Call, module: Module) -> Construction | None:
        """An optimizer that ``eval``, ``exec`` or ``map`` makes, or a second one of the class that another has."""
        func = call.func
        name = dotted(func)
        first = call.args[0].value if call.args else None
        if name in ("eval", "exec") and first is not None and _IN_TEXT.search(module.text(first)):
            parent = module.parents[call]
            if (isinstance(parent, cst.Call) and parent.func is call) or evidence.is_called_later(call, module):
                return None  # it gives a class, and what calls that is looked at
            return self._unsure(call, module, f"{name} may make an optimizer of this text; write the call out")
        last = last_name(func)
        made = self.flows.values(first, module) if first is not None and last in evidence.RUNNERS else ()
        if any(map(self._is_class, made)):
            how = "give it a function that wraps" if last == "submit" else "a comprehension could be wrapped"
            return self._unsure(call, module, f"{last} makes them; {how}")
        other = func.args[0].value if isinstance(func, cst.Call) and dotted(func.func) == "type" and func.args else None
        if isinstance(func, cst.Attribute) and func.attr.value == "__class__":
            other = func.value
        if other is not None and evidence.is_optimizer(other) and call.args:
            return self._unsure(call, module, f"it makes another {module.text(other)}{AS_ANOTHER}")
        return None

    def _is_class(self, value: Value) -> bool:
        """Whether a value is an optimizer class, or a partial of one."""
        return self._is_class(value.value) if isinstance(value, Partial) else self.flows.is_maker(value)

    def builds_anything(self, call: cst.Call, values: Iterable[Value]) -> bool:
        """Whether a function, or a registry's method, builds whatever a config names."""
        name = evidence.callee(call.func)
        for value in values:
            if isinstance(value, External) and isinstance(call.func, cst.Name):
                name = value.name.rpartition(".")[2]  # whatever it is imported as
            if isinstance(value, (Function, External)) and _ANYTHING.search(name):
                return "optim" not in name  # or it makes optimizers only, and is looked at itself
        func = call.func
        built = isinstance(func, cst.Attribute) and func.attr.value in ("build", "create")
        return built and is_registry(evidence.callee(func.value))  # type: ignore[attr-defined]

    def generic(self, call: cst.Call, module: Module) -> Construction | None:
        """A factory of anything: a site if the node it is given, or what is done with the result, says optimizer."""
        if self._is_of_another_framework(module):
            return None
        tables = [a.value for a in call.args]
        tables += [call.func.value] if isinstance(call.func, cst.Attribute) else []
        registry = any(is_registry(evidence.callee(table)) for table in tables)
        node = registry or evidence.node_of_optimizer(call)
        passed = evidence.takes_parameters(call) or any(
            evidence.is_parameters(a.value) or evidence.is_list_of_one(a.value) for a in call.args
        )
        use = evidence.use_of(call, module)
        if registry or (node and passed) or (use == "kept" and passed):
            if use in ("apart", "several"):
                return self._unsure(call, module, "several values, or something that is taken apart, come of it")
            return None if evidence.is_called_later(call, module) else Construction(module, call, (), "factory")
        if not node or use != "kept" or evidence.is_called_later(call, module):
            return None
        if evidence.is_used_as_optimizer(call, module):
            return Construction(module, call, (), "factory")
        return self._unsure(call, module, "it is given no parameters, so it may be a partial that is called elsewhere")

    def foreign(self, call: cst.Call, module: Module, names: tuple[str, ...], direct: bool) -> Construction | None:
        """Something of a library that is not in the catalogue."""
        if any(name.partition(".")[0] in OTHER_FRAMEWORKS for name in names) or self._is_of_another_framework(module):
            return None
        if not direct and evidence.names_maker(evidence.callee(call.func)):
            return self.unknown(call, module)
        named = [n for n in names if evidence.looks_like_class(n.rpartition(".")[2])]
        verbs = [n for n in names if evidence.names_verb(n.rpartition(".")[2])]
        if all(evidence.makes_parameters(n.rpartition(".")[2]) for n in verbs):
            verbs = verbs if evidence.use_of(call, module) == "kept" else []
        known = any(n.rpartition(".")[2] in self.catalogue.class_names for n in named)
        kept = bool(verbs) and evidence.use_of(call, module) == "kept"
        if not (evidence.takes_parameters(call) or kept or (known and "lr" in keywords(call))):
            return None
        if named or verbs:
            return self._unsure(call, module, f"{(named or verbs)[0]} is not known to cautify; {_LISTED}", names)
        return None

    def unknown(self, call: cst.Call, module: Module) -> Construction | None:
        """Something that nobody can say what it is, but is called and used as a maker of optimizers."""
        name = evidence.callee(call.func)
        use = evidence.use_of(call, module)
        if use == "dropped" or self._is_callable_object(call.func, module) or self._is_of_another_framework(module):
            return None
        named, takes = evidence.names_maker(name), evidence.takes_parameters(call)
        surely = named and (evidence.names_class(name) or "lr" in keywords(call))
        what = f"what {name or 'is called'} is could not be established"
        if named and takes:
            if use == "kept" or (surely and use not in ("apart", "several")):
                return Construction(module, call, (), evidence.form(call, module, self.flows))
            if not surely and evidence.gives_parameters(call, module):
                return None
            if surely or use in ("apart", "several", "returned", "passed"):
                return self._unsure(call, module, what)
            return None
        if named:
            rated = "lr" in keywords(call)
            kept = use == "kept" and (surely or (isinstance(call.func, cst.Attribute) and not self._is_method(name)))
            return self._unsure(call, module, what) if call.args and (rated or kept) else None
        if not takes:
            verb = use == "kept" and evidence.names_verb(name) and bool(call.args) and not self._is_method(name)
            return self._unsure(call, module, what) if verb else None
        if isinstance(call.func, cst.Call) and "instantiate" in name and evidence.node_of_optimizer(call.func):
            return Construction(module, call, (), "partial")
        if use in ("kept", "returned", "passed") and self._is_loaded(call.func, module):
            function = module.function(call)
            said = use == "kept" or (function is not None and "optim" in function.name.value)
            said = said or (isinstance(call.func, cst.Call) and _IN_TEXT.search(module.text(call.func)) is not None)
            if said:
                return Construction(module, call, (), evidence.form(call, module, self.flows))
            return self._unsure(call, module, what) if "lr" in keywords(call) else None
        spelled = evidence.looks_like_class(name)
        if use == "kept" and isinstance(call.func, cst.Attribute) and spelled:
            return Construction(module, call, (), evidence.form(call, module, self.flows))
        if spelled and name in self.catalogue.class_names:
            return self._unsure(call, module, f"where {name} comes from could not be established")
        if use == "kept" and (evidence.names_verb(name) or _LIKE.search(name) or "lr" in keywords(call)):
            return self._unsure(call, module, what)
        return None

    def _is_loaded(self, func: cst.BaseExpression, module: Module) -> bool:
        """Whether what is called is loaded by a function of the project that imports what a config names."""
        made = [func]
        if isinstance(func, cst.Name):
            made = [b.value for b in self.flows.bindings(func.value, func, module) if b.value is not None]
        functions = [v for m in made if isinstance(m, cst.Call) for v in self.flows.values(m.func, module)]
        if any(isinstance(v, External) and v.name in LOCATORS for v in functions):
            return True
        return any(isinstance(v, Function) and self.flows.imports_by_name(v) for v in functions)

    def _is_callable_object(self, func: cst.BaseExpression, module: Module) -> bool:
        """Whether what is called is an instance of a class of the project that says what a call of it does."""
        types = [t for t in self.flows.types(func, module) if not self.flows.is_protocol(t)]
        above = (a for t in types for a in self.flows.ancestors(t))
        return any("__call__" in cls.module.scopes[cls.node].bindings for cls in above)

    def _is_method(self, name: str) -> bool:
        """Whether the project defines a function of a name: what that makes is looked at there."""
        project = self.flows.project
        defined = re.compile(rb"\bdef[ \t]+" + name.encode("utf-8") + rb"[ \t]*\(").search
        return any(defined(project.data[path]) for path in project.mentioning_word({name}))

    def _unsure(self, call: cst.Call, module: Module, why: str, optimizers: tuple[str, ...] = ()) -> Construction:
        return Construction(module, call, optimizers, evidence.form(call, module, self.flows), "ambiguous", why)

    def _is_of_another_framework(self, module: Module) -> bool:
        """Whether a file imports another framework, and torch is not so much as mentioned."""
        if b"torch" in module.source.utf8:
            return False
        targets = {b.target.partition(".")[0] for found in module.root.bindings.values() for b in found}
        return not targets.isdisjoint(OTHER_FRAMEWORKS)


def is_registry(name: str) -> bool:
    """Whether a name is what registries of optimizers are called: ``OPTIMIZERS``."""
    return name.removesuffix("_REGISTRY").removesuffix("S") in ("OPTIMIZER", "OPTIMISER", "OPTIM")
