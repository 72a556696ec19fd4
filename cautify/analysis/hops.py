"""The steps of a resolution, told to people: one hop for each place in the source that had a part in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from cautify.analysis.names import (
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
from cautify.analysis.scopes import Binding
from cautify.analysis.syntax import Module, dotted
from cautify.analysis.tracing import Step, Tracing, unknown

_LONG, _SHORT = 60, 40


@dataclass(frozen=True)
class Hop:
    """One place on the way, what is said there, and the hops that follow from it. ``ends`` is what it comes to."""

    path: str
    line: int
    text: str
    ends: tuple[str, ...] = ()
    inner: tuple[Hop, ...] = ()


class Teller:
    """Tells the steps of one project. What was told is not told again: the second time it is only pointed to."""

    def __init__(self, flows: Tracing) -> None:
        self.flows = flows
        self._told: set[object] = set()

    def hops(self, step: Step, *, ends: bool = True) -> tuple[Hop, ...]:
        """The hops below a step. ``ends`` says whether to tell what each comes to."""
        self._told = {id(step)}
        return tuple(self._below(step, ends))

    def _below(self, step: Step, ends: bool) -> Iterator[Hop]:
        for inner in step.inner:
            yield from self._told_step(inner, step, ends)

    def _told_step(self, step: Step, above: Step, ends: bool) -> Iterator[Hop]:
        place, text = self._label(step, above)
        if place is None:
            if id(step) not in self._told:
                self._told.add(id(step))
                yield from self._below(step, ends)
            return
        path, line = step.module.path, step.module.line(place)
        key = place if isinstance(step.subject, (Binding, str)) else step.subject
        if (key, text) in self._told:
            if not _is_import(step):
                yield Hop(path, line, f"{text} (as above)")
            return
        self._told.add((key, text))
        if not ends and _is_import(step):
            return
        inner = tuple(self._below(step, ends))
        # an import is no end of its own, unless of the very class
        last = ends and all(hop.text.startswith(("import ", "from ")) and not (hop.ends or hop.inner) for hop in inner)
        told = self.ends(step) if last and (not _is_import(step) or self._makes(step)) else ()
        yield Hop(path, line, text, told if self._is_news(step) else (), inner)

    def _makes(self, step: Step) -> bool:
        """Whether a step comes to something that makes an optimizer, or to nothing known."""
        catalogue = self.flows.catalogue
        names = [v.name for v in step.values if isinstance(v, External)]
        makers = [n for n in names if self.flows.is_optimizer_class(n) or catalogue.factory(n) or catalogue.builder(n)]
        return bool(makers) or unknown(step) is not None

    def _is_news(self, step: Step) -> bool:
        """Whether what a step comes to is more than its own place."""
        return not all(isinstance(v, (Container, Function, Imported, Lambda)) for v in step.values)

    # -- what is said of a step -----------------------------------------------------------------------------------

    def _label(self, step: Step, above: Step) -> tuple[cst.CSTNode | None, str]:
        """The place of a step and its text; no place where it says nothing that the step above has not said."""
        subject, module = step.subject, step.module
        if isinstance(subject, str):
            return _star_import(subject, module), f"from {subject} import *"
        if isinstance(subject, Binding):
            return subject.node, self._of_binding(subject, module)
        return self._of_expression(subject, module, above)

    def _of_binding(self, binding: Binding, module: Module) -> str:
        name = binding.name
        match binding.kind:
            case "import":
                alias = "" if name == (binding.member or binding.target) else f" as {name}"
                if binding.member is None:
                    return f"import {binding.target}{alias}"
                return f"from {binding.target} import {binding.member}{alias}"
            case "class":
                assert isinstance(binding.node, cst.ClassDef)
                bases = ", ".join(brief(a.value, module) for a in binding.node.bases)
                return f"class {name}({bases})" if bases else f"class {name}"
            case "def":
                return f"def {name}"
            case "param":
                function = module.function(binding.node)
                said = f": {brief(binding.annotation, module)}" if binding.annotation is not None else ""
                return (
                    f"parameter {name}" + (f" of {module.qualified(function)}" if function is not None else "") + said
                )
            case "assign" if binding.value is not None:
                return f"{name} = {brief(binding.value, module)}{_branch(binding.node, module)}"
            case "annotation" if binding.annotation is not None:
                return f"{name}: {brief(binding.annotation, module)}"
        node = binding.node
        if isinstance(node, (cst.For, cst.CompFor)):
            return f"for {brief(node.target, module)} in {brief(node.iter, module)}"
        return brief(node, module) + _branch(node, module)

    def _of_expression(self, node: cst.BaseExpression, module: Module, above: Step) -> tuple[cst.CSTNode | None, str]:
        text = brief(node, module)
        bound = isinstance(above.subject, Binding)
        match module.parents.get(node):
            case cst.Param():
                return node, f"its default is {text}"
            case cst.Arg() as arg if bound:
                call = module.parents[arg]
                assert isinstance(call, cst.Call)
                return node, f"{brief(call.func, module)}(...) is passed {text}"
            case cst.Arg() as arg:
                call = module.parents[arg]
                late = isinstance(call, cst.Call) and call.args[0] is not arg
                return (node if late else None), f"otherwise {text}"
            case cst.Return():
                function = module.function(node)
                name = function.name.value if function is not None else ""
                return node, f"{name} returns {text}{_branch(node, module)}"
            case cst.Lambda(body=body) if body is node:
                return node, f"the lambda gives {text}"
            case (cst.Assign() | cst.AnnAssign()) as statement if not bound:
                targets = [statement.target] if isinstance(statement, cst.AnnAssign) else statement.targets
                first = targets[0].target if isinstance(targets[0], cst.AssignTarget) else targets[0]
                return node, f"{brief(first, module)} = {text}{_branch(statement, module)}"
            case cst.DictElement(key=key, value=value) if value is node:
                return node, f"entry {brief(key, module)}: {text}"
            case cst.Element():
                return node, f"element {text}"
            case cst.IfExp(test=test, body=body):
                return node, f"{text}, {'if' if body is node else 'unless'} {brief(test, module, _SHORT)}"
            case cst.BooleanOperation(left=left):
                return node, f"{text}" if left is node else f"or {text}"
        return None, text

    # -- what a step comes to -------------------------------------------------------------------------------------

    def ends(self, step: Step) -> tuple[str, ...]:
        """Everything that a step may be, by qualified name, in order; what is not known comes last, with the reason."""
        known = sorted({told for value in step.values if (told := self.named(value))})
        reason = unknown(step)
        return (*known, f"unknown: {self.why(reason)}") if reason is not None else tuple(known)

    def named(self, value: Value) -> str:
        """One value, by its qualified name; nothing for what is not known."""
        match value:
            case External(name=name):
                return self.flows.catalogue.canonical(name)
            case Class(module=module, node=node):
                return self._own(module, node)
            case Function(module=module, node=node):
                return f"the function {self._own(module, node)}"
            case Imported(path=path):
                return f"the module {path}"
            case Nothing():
                return "None"
            case Container(module=module, node=node):
                kind = type(node).__name__.lower()
                return f"a {kind} ({module.path}:{module.line(node)})"
            case Lambda(module=module, node=node):
                return f"a lambda ({module.path}:{module.line(node)})"
            case Partial(value=inner):
                return f"a partial of {self.named(inner) or 'something that is not known'}"
            case AnyOptimizer(source="its annotation"):
                return "an optimizer class, by its annotation"
            case AnyOptimizer(source="whoever calls"):
                return "any other optimizer, from whoever calls"
            case AnyOptimizer(source=source):
                return f"any optimizer of {source}"
        return ""

    def _own(self, module: Module, node: cst.ClassDef | cst.FunctionDef) -> str:
        name = f"{self.flows.project.module_name(module.path)[0]}.{module.qualified(node)}"
        return f"{self.flows.catalogue.canonical(name)} ({module.path}:{module.line(node)})"

    def why(self, step: Step) -> str:
        """Why the values of a step are not all known, where the steps below it are not to blame."""
        subject, module = step.subject, step.module
        if isinstance(subject, Binding):
            match subject.kind:
                case "param":
                    return f"no call that could be followed passes {subject.name}"
                case "import":
                    return f"{subject.member or subject.target} was not found in {subject.target}"
                case "annotation":
                    return f"{subject.name} is declared here without a value"
            taken = (
                f"{brief(subject.source, module)} is not" if subject.source is not None else "what it gets here is not"
            )
            return f"{taken} followed into {subject.name}"
        match subject:
            case cst.Name(value=name) if not step.inner:
                return f"nothing in {module.path} binds {name}"
            case cst.Attribute(value=base, attr=cst.Name(value=name)):
                return f"the class of {brief(base, module)} is not known, so neither is its {name}"
            case cst.Call(func=func):
                return f"what {brief(func, module)}(...) returns is not followed"
            case cst.Subscript(value=base):
                return f"{brief(base, module)} may hold more than what is written out"
        return f"{brief(subject, module) if isinstance(subject, cst.CSTNode) else subject} is not followed"


def brief(node: cst.CSTNode, module: Module, width: int = _LONG) -> str:
    """The source of a node on one line, cut where it gets long."""
    text = " ".join(module.text(node).split())
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."


def _branch(node: cst.CSTNode, module: Module) -> str:
    """In which branch a statement stands, within its function."""
    for above in module.ancestors(node):
        if isinstance(above, (cst.FunctionDef, cst.ClassDef)):
            break
        if isinstance(above, cst.If):
            return f", if {brief(above.test, module, _SHORT)}"
        if isinstance(above, cst.Else) and isinstance(module.parents[above], cst.If):
            return ", else"
        if isinstance(above, cst.ExceptHandler):
            return ", where an import or a try failed"
    return ""


def _star_import(target: str, module: Module) -> cst.CSTNode | None:
    """The statement of a star import."""
    stars = (n for n in module.parents if isinstance(n, cst.ImportFrom) and isinstance(n.names, cst.ImportStar))
    return next((n for n in stars if "." * len(n.relative) + dotted(n.module) == target), None)


def _is_import(step: Step) -> bool:
    return isinstance(step.subject, str) or (isinstance(step.subject, Binding) and step.subject.kind == "import")


def flattened(hops: Iterable[Hop], depth: int = 0) -> Iterator[tuple[int, Hop]]:
    """The hops in order, each with how deep it lies."""
    for hop in hops:
        yield depth, hop
        yield from flattened(hop.inner, depth + 1)
