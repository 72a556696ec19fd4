"""Who is handed all options of a command line at once: ``f(**vars(args))`` has to take two more."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial

import libcst as cst

from cautify.analysis.deferred import Body
from cautify.analysis.discover import is_test
from cautify.analysis.names import Class, External, Function
from cautify.analysis.nodes import dotted, last_name, walk
from cautify.analysis.syntax import Module
from cautify.homes.argument import Arguments, ArgumentSlot
from cautify.homes.click_options import ClickSlot

_OPTIONS = re.compile(r"(?i)^_?(?:args?|opts?|options|hparams|flags|arguments)$")
_DUMPS = re.compile(r"\bvars\b|__dict__|\bparse")
_TAKES_ANYTHING = re.compile(r"dict$|Dict$|Namespace$|Munch$|Bunch$|Box$|^print$|\.format$|\.update$|^logger?\.")


class Splatted:
    """Looks at every call of a project into which the options of a parser are splatted.

    ``takes`` says whether a function of the project will take the switch.
    """

    def __init__(self, arguments: Arguments, takes: Callable[[Function | Class], bool]) -> None:
        self.arguments = arguments
        self.flows = arguments.origins.flows
        self.takes = takes
        self._calls: list[tuple[Module, cst.Call, cst.BaseExpression]] | None = None

    def unsafe(self, slot: ArgumentSlot) -> str | None:
        """A call that may not take two more options of the parsers of a slot, or None."""
        for module, call, splatted in self.calls():
            namespace = self.arguments.namespaces.of(splatted, module)
            if namespace is None or slot.parsers.isdisjoint(namespace.parsers):
                continue
            if not self._takes(call, module):
                where = f"{module.path}:{module.line(call)}"
                return f"all options are splatted into {module.text(call.func)} ({where}), which may not take two more"
        return None

    def unsafe_command(self, slot: ClickSlot) -> str | None:
        """A call that may not take two more of a command's keyword arguments, or None."""
        function, project = slot.function, self.flows.project
        for path in project.containing(b"**") if function.params.star_kwarg is not None else ():
            module = project.module(path) if not is_test(path) else None
            for call in module.calls_where(lambda body: "**" in body.code) if module is not None else ():
                assert module is not None
                splats = [a.value for a in call.args if a.star == "**"]
                held = any(self.arguments.commands.fills(value, module, slot) for value in splats)
                if held and not self._takes(call, module):
                    where = f"{module.text(call.func)} ({module.path}:{module.line(call)})"
                    return f"all options are splatted into {where}, which may not take two more"
        return None

    def calls(self) -> list[tuple[Module, cst.Call, cst.BaseExpression]]:
        """The calls with a splat that may be the options of a parser, and what is splatted."""
        if self._calls is None:
            self._calls = list(self._find())
        return self._calls

    def _find(self) -> Iterator[tuple[Module, cst.Call, cst.BaseExpression]]:
        project = self.flows.project
        for path in project.containing(b"vars(", b"__dict__"):
            if b"**" not in project.data[path] or is_test(path):
                continue
            module = project.module(path)
            if module is None:
                continue
            for call in module.calls_where(partial(self._may_splat, module)):
                for arg in call.args:
                    if arg.star == "**" and (_is_dump(arg.value) or self._may_be_dump(arg.value, module)):
                        yield module, call, arg.value

    def _may_splat(self, module: Module, body: Body) -> bool:
        """Whether a call in lines that are not parsed yet may have such a splat, by ``ast``."""
        if "**" not in body.code:
            return False
        nodes = body.glance()
        if nodes is None:
            return True
        splats = (k.value for node in nodes if isinstance(node, ast.Call) for k in node.keywords if k.arg is None)
        return any(self._may_be(value, body, module) for value in splats)

    def _may_be(self, value: ast.expr, body: Body, module: Module) -> bool:
        """What :meth:`_may_be_dump` asks, without following names further than to the lines that say them."""
        match value:
            case ast.Attribute(attr=name):
                return name == "__dict__" or _OPTIONS.search(name) is not None
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                return name == "vars"
            case ast.Name(id=name):
                given = (part.code for part in body.whole.parts if name in part.code)
                if _OPTIONS.search(name) or any(map(_DUMPS.search, given)):
                    return True
                bound = (b.value for b in module.root.bindings.get(name, ()) if b.value is not None)
                return any(_is_dump(n) or _parses(n) for value in bound for n in walk(value))
        return False

    def _may_be_dump(self, node: cst.BaseExpression, module: Module) -> bool:
        """Whether a variable is likely to be what a parser gave, as a dict: to follow every one costs minutes."""
        if isinstance(node, cst.Attribute):
            return bool(_OPTIONS.search(node.attr.value))
        if not isinstance(node, cst.Name):
            return False
        for binding in self.flows.bindings(node.value, node, module):
            if binding.kind == "param":
                starred = isinstance(binding.node, cst.Param) and binding.node.star
                if not starred and _OPTIONS.search(node.value):
                    return True
            elif binding.value is not None and any(_is_dump(n) or _parses(n) for n in walk(binding.value)):
                return True
        return False

    def _takes(self, call: cst.Call, module: Module) -> bool:
        if _TAKES_ANYTHING.search(dotted(call.func)) or last_name(call.func) in ("format", "update"):
            return True
        values = self.flows.values(call.func, module)
        if isinstance(call.func, cst.Attribute) and not any(isinstance(v, (Class, Function, External)) for v in values):
            return False
        return all(isinstance(v, (Class, Function)) and (_takes_all(v) or self.takes(v)) for v in values)


def _takes_all(value: Class | Function) -> bool:
    """Whether a function, or what makes an object of a class, has ``**kwargs``."""
    if isinstance(value, Function):
        return isinstance(value.node.params.star_kwarg, cst.Param)
    inits = value.module.scopes[value.node].bindings.get("__init__", ())
    return any(isinstance(b.node, cst.FunctionDef) and b.node.params.star_kwarg is not None for b in inits)


def _parses(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and last_name(node.func).startswith("parse")


def _is_dump(node: cst.CSTNode) -> bool:
    """Whether an expression is ``vars(x)`` or ``x.__dict__``."""
    if isinstance(node, cst.Attribute):
        return node.attr.value == "__dict__"
    return isinstance(node, cst.Call) and last_name(node.func) == "vars"
