"""Who calls a function of the project, and with what: a parameter may be whatever its callers pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from cautify.analysis.calling import may_call
from cautify.analysis.deferred import Body
from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import last_name
from cautify.analysis.passing import passed_at, told
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module, dotted

if TYPE_CHECKING:
    from cautify.analysis.resolve import Resolver


class Callers:
    """Finds the calls of functions and methods, only in files that hold ``mentions``, or ``also`` as a word.

    A file that passes an optimizer class along says "optim" somewhere; one that passes a learning rate need not.
    """

    def __init__(self, resolver: Resolver, mentions: bytes = b"ptim", also: frozenset[bytes] = frozenset()) -> None:
        self.resolver = resolver
        self.mentions = mentions
        self.also = also
        self._calls: dict[cst.FunctionDef, tuple[tuple[Module, cst.Call, bool], ...]] = {}
        self._runs: dict[str, list[tuple[Module, cst.Call]]] = {}
        self._used_in: dict[tuple[frozenset[str], str | None], tuple[str, ...]] = {}
        self._partials: dict[cst.FunctionDef, tuple[tuple[Module, cst.Call, int], ...]] = {}

    def arguments(self, parameter: Binding, module: Module) -> Iterator[tuple[Module, cst.BaseExpression]]:
        """The expressions that the project's calls pass for a parameter, each with the module it stands in."""
        function = next(
            (a for a in module.ancestors(parameter.node) if isinstance(a, (cst.FunctionDef, cst.Lambda))), None
        )
        if isinstance(function, cst.Lambda):
            yield from self._to_lambda(function, parameter.name, module)
        if not isinstance(function, cst.FunctionDef):
            return
        names = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
        if parameter.name in names:
            yield from self._through_others(Function(module, function), names.index(parameter.name), parameter.name)
        for where, call, bound in self.calls(Function(module, function)):
            position = names.index(parameter.name) - bound if parameter.name in names else None
            value = passed_at(call, parameter.name, position)
            if value is not None:
                yield where, value

    def _to_lambda(
        self, function: cst.Lambda, parameter: str, module: Module
    ) -> Iterator[tuple[Module, cst.BaseExpression]]:
        """What calls of the variable pass that a lambda is assigned to."""
        statement = module.parents[function]
        targets = statement.targets if isinstance(statement, cst.Assign) else ()
        held = {t.target.value for t in targets if isinstance(t.target, cst.Name)}
        names = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
        for where, call in self._mentioning(held, module.path) if held else ():
            if any(getattr(v, "node", None) is function for v in self._values(call.func, where)):
                value = passed_at(call, parameter, names.index(parameter) if parameter in names else None)
                if value is not None:
                    yield where, value

    def starred(self, parameter: Binding, index: int, module: Module) -> Iterator[tuple[Module, cst.BaseExpression]]:
        """What the project's calls pass as one of the further arguments that ``*args`` takes."""
        function = module.function(parameter.node)
        if function is None:
            return
        before = len(function.params.posonly_params) + len(function.params.params)
        for where, call, bound in self.calls(Function(module, function)):
            plain = [a.value for a in call.args if a.keyword is None and not a.star]
            at = before - bound + index
            if at < len(plain) and not any(a.star == "*" for a in call.args):
                yield where, plain[at]

    def told(self, function: Function, parameter: str) -> bool:
        """Whether something that runs a function by its name is told to pass a parameter, where no keyword can go."""
        names = [p.name.value for p in (*function.node.params.posonly_params, *function.node.params.params)]
        if parameter not in names:
            return False
        return any(self._through_others(function, names.index(parameter), parameter, direct=False))

    def _through_others(
        self, function: Function, position: int, parameter: str, direct: bool = True
    ) -> Iterator[tuple[Module, cst.BaseExpression]]:
        """What others are told to pass: ``Process(target=f, args=(…))``, ``spawn(f, args=(…))``, ``partial(f, …)``."""
        name, module = function.node.name.value, function.module
        if module.method_class(function.node) is not None:
            return
        for path in self._files({name}, module.path):
            for where, call in self._running(path):
                how = _RUNNERS[last_name(call.func)]
                before = self.put_before(call, where)
                if not direct and before is not None:
                    continue
                if not any(last_name(a.value) == name for a in call.args):
                    continue
                target = next(a.value for a in call.args if last_name(a.value) == name)
                if not any(isinstance(v, Function) and v.node is function.node for v in self._values(target, where)):
                    continue
                value = told(
                    call, target, parameter, position - (how if before is None else before), before is not None
                )
                if value is not None:
                    yield where, value

    def _running(self, path: str) -> list[tuple[Module, cst.Call]]:
        """The calls in a file of what runs a function that it is given."""
        if path not in self._runs:
            project = self.resolver.project
            where = project.module(path) if may_call(project.data[path], _RUNNERS) else None
            calls = where.calls_of(_RUNNERS) if where is not None else ()
            self._runs[path] = [(where, c) for c in calls if where is not None and last_name(c.func) in _RUNNERS]
        return self._runs[path]

    def _values(self, node: cst.BaseExpression, module: Module) -> frozenset[object]:
        return frozenset(self.resolver.values(node, module))

    def calls(self, function: Function) -> tuple[tuple[Module, cst.Call, bool], ...]:
        """The calls of a function; the last of each triple says whether its first parameter is filled by itself."""
        if function.node not in self._calls:
            self._calls[function.node] = ()  # for whoever asks in a circle
            self._calls[function.node] = tuple(self._find(function))
        return self._calls[function.node]

    def _find(self, function: Function) -> Iterator[tuple[Module, cst.Call, bool]]:
        module, name = function.module, function.node.name.value
        cls_node = module.method_class(function.node)
        if cls_node is None:
            yield from self._plain(function, {name})
            return
        cls = Class(module, cls_node)
        decorators = {dotted(d.decorator) for d in function.node.decorators}
        static = "staticmethod" in decorators
        if name == "__init__":
            yield from self.constructions(cls)
            yield from self._own_constructions(cls)
        else:
            something = r"(?!\s*\))" if _needs_argument(function.node, static) else ""
            for where, call in self._mentioning({name}, called=rf"\.[\s\\]*{name}[\s\\)]*\({something}"):
                if not isinstance(call.func, cst.Attribute) or call.func.attr.value != name:
                    continue
                base = call.func.value
                owners = self.resolver.types(base, where)
                if any(self.resolver.related(o, cls) for o in owners):
                    yield where, call, not static
                    continue
                values = self.resolver.values(base, where)
                if any(isinstance(v, Class) and self.resolver.related(v, cls) for v in values):
                    yield where, call, "classmethod" in decorators
                    continue
                if is_super(base) and self._is_above(function, call, where):
                    yield where, call, not static

    def _is_above(self, function: Function, call: cst.Call, where: Module) -> bool:
        """Whether a function is the one that ``super().name`` reaches from the class around a call."""
        around = next((a for a in where.ancestors(call) if isinstance(a, cst.ClassDef)), None)
        name = function.node.name.value
        for cls in self.resolver.ancestors(Class(where, around))[1:] if around is not None else ():
            bindings = cls.module.scopes[cls.node].bindings.get(name, ())
            if bindings:
                return any(b.node is function.node for b in bindings)
        return False

    def _plain(self, function: Function, names: set[str]) -> Iterator[tuple[Module, cst.Call, bool]]:
        for where, call in self._mentioning(names, function.module.path):
            values = self.resolver.values(call.func, where)
            if any(isinstance(v, Function) and v.node is function.node for v in values):
                yield where, call, False

    def constructions(self, cls: Class) -> Iterator[tuple[Module, cst.Call, bool]]:
        """The calls that run a class's ``__init__``: of the class, of subclasses without one, and through super()."""
        below = self.resolver.descendants(cls)
        inheriting = [c for c in below if c is cls or "__init__" not in c.module.scopes[c.node].bindings]
        nodes = {c.node for c in inheriting}
        for where, call in self._mentioning({c.name for c in inheriting}):
            if any(isinstance(v, Class) and v.node in nodes for v in self.resolver.values(call.func, where)):
                yield where, call, True
        for sub in below[1:]:
            for call in sub.module.calls_of({"__init__"}):
                if isinstance(call.func, cst.Attribute) and call.func.attr.value == "__init__":
                    above = call.func.value
                    if sub.node not in sub.module.ancestors(call):
                        continue
                    if isinstance(above, cst.Call) and dotted(above.func) == "super":
                        direct = self._next_init(sub)
                        if direct is not None and direct.node in nodes:
                            yield sub.module, call, True
                    elif any(isinstance(v, Class) and v.node in nodes for v in self.resolver.values(above, sub.module)):
                        yield sub.module, call, False

    def _own_constructions(self, cls: Class) -> Iterator[tuple[Module, cst.Call, bool]]:
        """The calls by which methods make another object of their own class: ``cls(…)``, ``type(self)(…)``."""
        for owner in [*self.resolver.ancestors(cls)[1:], *self.resolver.descendants(cls)]:
            if self._init_of(owner) is not None and self._init_of(owner) != cls:
                continue
            for call in making_own(owner):
                yield owner.module, call, True

    def _init_of(self, cls: Class) -> Class | None:
        """The class whose ``__init__`` its objects have."""
        return next((c for c in self.resolver.ancestors(cls) if "__init__" in c.module.scopes[c.node].bindings), None)

    def _next_init(self, cls: Class) -> Class | None:
        """The class above ``cls`` whose ``__init__`` super() reaches."""
        above = self.resolver.ancestors(cls)[1:]
        return next((c for c in above if "__init__" in c.module.scopes[c.node].bindings), None)

    def partials(self, function: Function) -> tuple[tuple[Module, cst.Call, int], ...]:
        """The calls of ``functools.partial`` that bind arguments of a function, and of what runs it with arguments.

        The number is by how many places an argument stands before its parameter; the function itself is the first.
        """
        if function.node not in self._partials:
            self._partials[function.node] = tuple(self._find_partials(function))
        return self._partials[function.node]

    def _find_partials(self, function: Function) -> Iterator[tuple[Module, cst.Call, int]]:
        module, project = function.module, self.resolver.project
        around = module.method_class(function.node)
        init = around is not None and function.node.name.value == "__init__"
        name = around.name.value if init and around is not None else function.node.name.value
        for path in project.mentioning_word({name}):
            calls = self._running(path)
            if not calls or (
                path != module.path and around is None and not project.may_import(path, name, module.path)
            ):
                continue
            for where, call in calls:
                before = self.put_before(call, where)
                bound = call.args[0].value if before is not None else None
                if before is None or bound is None or not self.resolver.may_name(bound, {name}, where):
                    continue
                if init:
                    made = [v for v in self._values(bound, where) if isinstance(v, Class)]
                    if any((own := self._init_of(v)) is not None and own.node is around for v in made):
                        yield where, call, before
                elif any(isinstance(v, Function) and v.node is function.node for v in self._values(bound, where)):
                    base = bound.value if isinstance(bound, cst.Attribute) else None
                    held = around is not None and base is not None and self.resolver.types(base, where)
                    yield where, call, (0 if held else -1) + before

    def put_before(self, call: cst.Call, module: Module) -> int | None:
        """How many arguments come before those that a call is given with a function, its first; None if it is none.

        Whatever else such a call is given goes to the function, keywords too: ``partial(f, …)`` and what runs it,
        ``executor.submit(f, …)`` and Lightning's ``fabric.launch(f, …)``.
        https://docs.python.org/3/library/concurrent.futures.html#concurrent.futures.Executor.submit
        https://lightning.ai/docs/fabric/stable/api/fabric_methods.html#launch
        """
        runner = last_name(call.func)
        if runner not in _DIRECT or not call.args or call.args[0].star or call.args[0].keyword is not None:
            return None
        if runner == "launch":
            return 1 if isinstance(call.func, cst.Attribute) and self._is_fabric(call.func.value, module) else None
        return None if any(isinstance(v, Function) for v in self._values(call.func, module)) else 0

    def _is_fabric(self, node: cst.BaseExpression, module: Module) -> bool:
        """Whether an expression is Lightning's Fabric, which passes itself to what it launches."""
        bindings = self.resolver.bindings(node.value, node, module) if isinstance(node, cst.Name) else ()
        made = [b.value.func if isinstance(b.value, cst.Call) else b.annotation for b in bindings]
        return bool(made) and all(m is not None and last_name(m) == "Fabric" for m in made)

    def _mentioning(
        self, names: set[str], home: str | None = None, called: str = ""
    ) -> Iterator[tuple[Module, cst.Call]]:
        """The calls that could be of something with one of the names, without some that do not match ``called``.

        Where the names are those of functions of one module (``home``), another file has to import them first.
        """
        project = self.resolver.project
        in_file, in_body = re.compile(called.encode()).search, re.compile(called).search

        def matters(body: Body) -> bool:
            return any(name in body.code for name in names) and in_body(body.code) is not None

        for path in self._files(names, home):
            data = project.data[path]
            module = project.module(path) if may_call(data, names) and in_file(data) else None
            if module is None:
                continue
            for call in module.calls_where(matters) if called else module.calls_of(names):
                if self.resolver.may_name(call.func, names, module):
                    yield module, call

    def _files(self, names: set[str], home: str | None) -> tuple[str, ...]:
        """The files in which something with one of the names may be used."""
        key = (frozenset(names), home)
        if key not in self._used_in:
            self._used_in[key] = tuple(self._find_files(names, home))
        return self._used_in[key]

    def _find_files(self, names: set[str], home: str | None) -> Iterator[str]:
        project = self.resolver.project
        if home is not None and not project.is_imported_by_name(home):
            yield from [home] if self._may_pass(home) else []
            return
        for path in project.mentioning_word(names):
            if not self._may_pass(path):
                continue
            if home is None or home == path or any(project.may_import(path, name, home) for name in names):
                yield path

    def _may_pass(self, path: str) -> bool:
        """Whether a file says what is looked for, or one of the names that imports give it."""
        project = self.resolver.project
        return self.mentions in project.data[path] or bool(self.also and self.also & project.words(path))


_OWN = re.compile(r"(?:\b(?:cls|klass)|\btype\(\w+\)|__class__)[\s\\)]*\(")


def is_super(node: cst.BaseExpression) -> bool:
    """Whether an expression is ``super()``."""
    return isinstance(node, cst.Call) and dotted(node.func) == "super"


def _needs_argument(function: cst.FunctionDef, static: bool) -> bool:
    """Whether a call of a method cannot leave the brackets empty: some parameter but the first has no default."""
    given = [*function.params.posonly_params, *function.params.params][0 if static else 1 :]
    return any(parameter.default is None for parameter in (*given, *function.params.kwonly_params))


def making_own(cls: Class) -> Iterator[cst.Call]:
    """The calls by which methods of a class make another object of it: ``cls(…)``, ``type(self)(…)``."""
    calls = cls.module.calls_where(lambda body: _OWN.search(body.code) is not None)
    return (call for call in calls if makes_own(call, cls))


def makes_own(call: cst.Call, cls: Class) -> bool:
    """Whether a call in a method makes another object of the class around it: ``cls(…)``, ``type(self)(…)``."""
    module = cls.module
    function = module.function(call) if cls.node in module.ancestors(call) else None
    if function is None or module.method_class(function) is not cls.node:
        return False
    first = [*function.params.posonly_params, *function.params.params][:1]
    name = first[0].name.value if first else ""
    if any(dotted(d.decorator) == "classmethod" for d in function.decorators):
        return bool(name) and dotted(call.func) == name
    return bool(name) and module.text(call.func) in (f"type({name})", f"{name}.__class__")


def hands_up(module: Module, call: cst.Call, name: str) -> bool:
    """Whether a call hands on to the method that the one around it overrides: ``super().name(…)`` in ``name``."""
    around = module.function(call)
    base = call.func.value if isinstance(call.func, cst.Attribute) else call.func
    return around is not None and around.name.value == name and is_super(base)


# What runs a function that it is given, and how many arguments it puts before those it is told to pass.
_RUNNERS = {"Process": 0, "Thread": 0, "spawn": 1, "start_processes": 1, "launch": 0, "partial": 0, "submit": 0}
_DIRECT = frozenset({"partial", "submit", "launch"})
