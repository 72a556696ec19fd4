"""Whether somebody can set a parameter: a function that others call as they please keeps its signature.

A function that is handed on as a value, or that a library calls because it overrides one of its methods, is called
with what those know; a new parameter would be accepted and never given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

import libcst as cst

from cautify.analysis.deferred import Body
from cautify.analysis.flows import Flows
from cautify.analysis.names import UNKNOWN, Class, Function
from cautify.analysis.nodes import dotted, last_name, literal, walk
from cautify.analysis.passing import passed
from cautify.analysis.syntax import Module

# Bases that call none of the methods a project adds: whoever derives from them writes the calls too.
_QUIET = frozenset({"object", "abc.ABC", "abc.ABCMeta", "enum.Enum", "Exception", "ValueError"})
_QUIET_LIBRARIES = ("typing.", "typing_extensions.", "torch.nn.", "torch.utils.data.", "collections.abc.")
_QUIET_NAMES = frozenset({"LightningModule", "LightningDataModule", "PreTrainedModel", "ModelMixin", "ConfigMixin"})
# What makes a command line of a function's parameters.
_COMMAND_LINES = frozenset(
    {
        *("tyro.cli", "typer.run", "fire.Fire", "fire.core.Fire", "jsonargparse.CLI", "jsonargparse.auto_cli"),
        *("defopt.run", "plac.call", "clize.run", "cyclopts.run", "argh.dispatch_command", "draccus.wrap"),
    }
)
_HOPS = 3  # through the project's own functions


class Settable:
    """Judges functions of one project."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows

    def why_not(self, family: Iterable[Function], parameter: str) -> str | None:
        """Why nobody can set a parameter of functions that override each other, or None. One sentence's end."""
        members = tuple(family)
        for function in members:
            if (foreign := self._foreign_member(function)) is not None:
                return foreign
        if any(self._is_given(function, parameter) for function in members):
            return None
        for function in members:
            name = function.node.name.value
            if (base := self._overridden(function)) is not None:
                return f"{name} may be a method of {base}, which calls it with what it knows"
            used = next(self._uses(function), None) if name != "__init__" else None
            if used is not None:
                module, node = used
                where = f"{module.path}:{module.line(node)}"
                return f"{name} is handed on ({where}), and nothing was found that calls it with its {parameter}"
        return None

    def _is_given(self, function: Function, parameter: str) -> bool:
        """Whether the project's own code passes the parameter."""
        callers = self.flows.callers
        calls = [*callers.calls(function), *callers.partials(function)]
        return any(
            passed(call, parameter, function.node, bound) is not None or any(a.star for a in call.args)
            for _, call, bound in calls
        )

    # -- methods ----------------------------------------------------------------------------------------------------

    def _foreign_member(self, function: Function) -> str | None:
        """Why a class of the family may have somebody else's method by that name, or None."""
        module, name = function.module, function.node.name.value
        around = module.method_class(function.node)
        if around is None or name == "__init__":
            return None
        for cls in self.flows.descendants(Class(module, around)):
            for binding in cls.module.scopes[cls.node].bindings.get(name, ()):
                if isinstance(binding.node, cst.FunctionDef) or binding.kind == "annotation":
                    continue
                values = frozenset(self.flows.bound(binding, cls.module))
                if not values or not all(isinstance(v, Function) for v in values):
                    return f"{name} of {cls.name} may come from a library"
        return None

    def _overridden(self, function: Function) -> str | None:
        """A foreign class above a method's, which may be who calls it."""
        module, node = function.module, function.node
        around = module.method_class(node)
        if around is None or node.name.value == "__init__":
            return None
        cls = Class(module, around)
        foreign = sorted(b for b in self.flows.external_bases(cls) if not _is_quiet(b))
        if foreign:
            return foreign[0]
        if any(UNKNOWN in self.flows.bases(c) for c in self.flows.ancestors(cls)):
            return "a class that could not be resolved"
        return None

    # -- values -----------------------------------------------------------------------------------------------------

    def _uses(self, function: Function) -> Iterator[tuple[Module, cst.CSTNode]]:
        """Where a function is used without a call, for whoever gets it to call."""
        module, name = function.module, function.node.name.value
        method = module.method_class(function.node) is not None
        before = r"\.\s*" if method else r"(?<!\w)"
        said = re.compile(rb"%s%s\b(?!\s*[(\w])" % (before.encode(), re.escape(name).encode())).search
        project = self.flows.project
        for path in project.mentioning_word({name}):
            if not said(project.data[path]) or (
                path != module.path and not (method or project.may_import(path, name, module.path))
            ):
                continue
            where = project.module(path)
            if where is None:
                continue
            here = where.called({name})
            for node in where.nodes_where(partial(Body.may_say, names=here)):
                if _names(node, here) and self._is_use(node, where) and self._is(node, function, where):
                    yield where, node

    def _is(self, node: cst.CSTNode, function: Function, module: Module) -> bool:
        """Whether an expression is the function itself."""
        assert isinstance(node, (cst.Name, cst.Attribute))
        cls = function.module.method_class(function.node)
        if cls is not None:
            own = Class(function.module, cls)
            base = node.value if isinstance(node, cst.Attribute) else node
            owners = self.flows.types(base, module) | {v for v in self.flows.values(base, module) if _is_class(v)}
            return any(isinstance(owner, Class) and self.flows.related(owner, own) for owner in owners)
        return any(isinstance(v, Function) and v.node is function.node for v in self.flows.values(node, module))

    def _is_use(self, node: cst.CSTNode, module: Module) -> bool:
        """Whether an expression hands on what it names: it is not called there, nor only looked at."""
        parent = module.parents.get(node)
        match parent:
            case cst.Call(func=func) if func is node:
                return False
            case cst.Arg(keyword=keyword) if keyword is node:
                return False
            case cst.Attribute() | cst.Param() | cst.FunctionDef() | cst.ClassDef() | cst.ImportAlias() | cst.AsName():
                return False
            case cst.AssignTarget() | cst.Decorator() | cst.NameItem() | cst.Comparison() | cst.ComparisonTarget():
                return False
            case cst.Annotation() | cst.AnnAssign() | cst.Del():
                return isinstance(parent, cst.AnnAssign) and parent.value is node
        above = list(module.ancestors(node))
        if any(isinstance(a, (cst.ImportFrom, cst.Import, cst.Annotation)) for a in above):
            return False
        if any(isinstance(a, cst.If) and _is_main_guard(a) for a in above):
            return False  # a demonstration: whoever imports the file calls as they like
        calls = [a for a in above if isinstance(a, cst.Call)]
        if self._is_for_command_line(node, module):
            return False
        return not (calls and dotted(calls[0].func).rpartition(".")[2] in ("partial", "wraps", "signature"))

    def _is_for_command_line(self, node: cst.CSTNode, module: Module, depth: int = 0) -> bool:
        """Whether a value goes to what makes a command line of it, through tables and the project's own functions."""
        calls = [a for a in module.ancestors(node) if isinstance(a, cst.Call)]
        if any(self.flows.externals(call.func, module) & _COMMAND_LINES for call in calls):
            return True
        arg = module.parents.get(node)
        if depth < _HOPS and isinstance(arg, cst.Arg) and calls:
            made = self.flows.values(calls[0].func, module)
            taking = [v for v in made if isinstance(v, Function)]
            return len(taking) == len(made) > 0 and all(self._goes_on(arg, calls[0], v, depth) for v in taking)
        table = module.parents.get(arg) if isinstance(arg, cst.DictElement) else None
        statement = module.parents.get(table) if table is not None else None
        if depth >= _HOPS or not isinstance(statement, cst.Assign) or module.function(statement) is not None:
            return False
        names = [t.target.value for t in statement.targets if isinstance(t.target, cst.Name)]
        return any(self._is_for_command_line(use, module, depth + 1) for use in _uses_of(names, module.tree, module))

    def _goes_on(self, arg: cst.Arg, call: cst.Call, taking: Function, depth: int) -> bool:
        """Whether a function makes a command line of what it gets as an argument, and nothing else."""
        params = taking.node.params
        order = [p.name.value for p in (*params.posonly_params, *params.params)]
        place = [a for a in call.args if a.keyword is None].index(arg) if arg.keyword is None else -1
        if arg.keyword is not None:
            names = [arg.keyword.value]
        elif place < len(order):
            names = order[place : place + 1]
        else:
            names = [params.star_arg.name.value] if isinstance(params.star_arg, cst.Param) else []
        used = list(_uses_of(names, taking.node.body, taking.module))
        return bool(used) and all(self._is_for_command_line(use, taking.module, depth + 1) for use in used)


def _uses_of(names: Iterable[str], node: cst.CSTNode, module: Module) -> Iterator[cst.Name]:
    """Where names are read below a node."""
    wanted = set(names)
    for name in walk(node):
        if isinstance(name, cst.Name) and name.value in wanted:
            parent = module.parents.get(name)
            if not isinstance(parent, (cst.AssignTarget, cst.Param)) and getattr(parent, "keyword", None) is not name:
                yield name


def _names(node: cst.CSTNode, names: Iterable[str]) -> bool:
    if isinstance(node, cst.Name):
        return node.value in names
    return isinstance(node, cst.Attribute) and node.attr.value in names


def _is_quiet(base: str) -> bool:
    """Whether a foreign base calls none of the methods that a project adds."""
    return base in _QUIET or base.startswith(_QUIET_LIBRARIES) or base.rpartition(".")[2] in _QUIET_NAMES


def _is_class(value: object) -> bool:
    return isinstance(value, Class)


def _is_main_guard(node: cst.If) -> bool:
    """Whether a statement is ``if __name__ == "__main__":``."""
    test = node.test
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    sides = (test.left, test.comparisons[0].comparator)
    return {dotted(s) for s in sides} == {"__name__", ""} and "__main__" in {literal(s) for s in sides}


def passes_on(decorator: Function) -> bool:
    """Whether a decorator only wraps the function that it gets, and the wrapper hands everything on to it.

    It may look at the function's name; what it does besides must not let the function escape to other callers.
    """
    params = [*decorator.node.params.posonly_params, *decorator.node.params.params]
    body = decorator.node.body.body
    inner = [s for s in body if isinstance(s, cst.FunctionDef)]
    returned = decorator.module.returned(decorator.node)
    if len(params) != 1 or len(inner) != 1 or [dotted(r) for r in returned] != [inner[0].name.value]:
        return False
    rest, named = inner[0].params.star_arg, inner[0].params.star_kwarg
    if not isinstance(rest, cst.Param) or named is None or inner[0].params.kwonly_params:
        return False
    name, called = params[0].name.value, 0
    for node in walk(decorator.node.body):
        if not isinstance(node, cst.Name) or node.value != name:
            continue
        match decorator.module.parents.get(node):
            case cst.Call(func=func, args=args) if func is node:
                if [(a.star, dotted(a.value)) for a in args][-2:] != [("*", rest.name.value), ("**", named.name.value)]:
                    return False
                called += 1
            case cst.Attribute():
                continue
            case cst.Arg() as arg:
                outer = decorator.module.parents.get(arg)
                if not isinstance(outer, cst.Call) or last_name(outer.func) != "wraps":
                    return False
            case _:
                return False
    return called > 0
