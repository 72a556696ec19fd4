"""Where optimizer instances are made, and the verdict on each place before its switch is known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import libcst as cst

from cautify.analysis.discover import is_test
from cautify.analysis.resolve import Class, External, Imported, Nothing, Resolver, Unknown
from cautify.analysis.syntax import Module, dotted
from cautify.errors import ProofFailed
from cautify.model import Options, Problem
from cautify.optimizers import Optimizer

_IGNORE = re.compile(r"#\s*cautify:\s*ignore\b")
UNSUITABLE = frozenset({"closure", "sparse", "no-momentum", "no-benefit"})
"""The reasons for which an optimizer cannot, or need not, be made cautious whatever its config says."""

_RUNTIME = "CautiousOptimizer"


@dataclass(frozen=True)
class Construction:
    """A call that makes an optimizer. ``wrapper`` is the CautiousOptimizer call around it, if there is one.

    ``reason`` is None when the construction can be made cautious. ``custom`` is the project's own optimizer class.
    """

    module: Module
    call: cst.Call
    optimizers: tuple[str, ...]
    form: str = "call"
    reason: str | None = None
    detail: str = ""
    wrapper: cst.Call | None = None
    custom: Class | None = None

    @property
    def outer(self) -> cst.Call:
        """The whole expression: the wrap where there is one."""
        return self.wrapper or self.call


class SiteFinder:
    """Finds the constructions of one project."""

    def __init__(self, resolver: Resolver, options: Options, excluded: frozenset[str]) -> None:
        self.resolver = resolver
        self.project = resolver.project
        self.options = options
        self.excluded = excluded

    def find(self, progress: Callable[[int, int], None] | None = None) -> list[Construction]:
        """Every construction, ordered by file and place. ``progress`` is told how many files are done, of how many."""
        names = "|".join(sorted(self.resolver.catalogue.class_names))
        direct = rf"\b(?:{names})(?:\s|\\)*(?:\(|as\b)|Optimizer\s*\]"  # called, renamed, or made by a parameter
        custom = self._custom_classes()
        paths = set(
            self.project.mentioning(direct, *_shortest(self.resolver.catalogue.class_names | {"Optimizer"}))
        ) | set(self.project.mentioning_word({c.name for c in custom}))
        found: list[Construction] = []
        for done, path in enumerate(sorted(paths)):
            if progress is not None:
                progress(done, len(paths))
            if path in self.excluded:
                continue
            if says_runtime(self.project.data[path]):
                continue
            module = self.project.module(path)
            if module is None:
                continue
            sites = list(self._in_module(module, custom))
            try:
                for site in sites:
                    module.span(site.outer)
            except ProofFailed as error:
                self.project.problems[path] = Problem(path, "unparsable", error.why)
                continue
            found += sites
        return found

    def _custom_classes(self) -> list[Class]:
        """The project's own subclasses of optimizer classes."""
        names = "|".join(sorted(self.resolver.catalogue.class_names | {"Optimizer"}))
        shortest = _shortest(self.resolver.catalogue.class_names | {"Optimizer"})
        found: list[Class] = []
        for path in self.project.mentioning(rf"class\s+\w+\s*\((?:[^()]*\W)?(?:{names})\b", *shortest):
            module = None if says_runtime(self.project.data[path]) else self.project.module(path)
            for node in module.classes if module else ():
                cls = Class(module, node)  # type: ignore[arg-type]
                if any(isinstance(b, External) and self._is_optimizer_class(b.name) for b in self.resolver.bases(cls)):
                    found += [c for c in self.resolver.descendants(cls) if c not in found]
        return found

    def _in_module(self, module: Module, custom: list[Class]) -> Iterator[Construction]:
        for call in module.calls:
            construction = self._construction(call, module, custom)
            if construction is not None:
                yield self._judged(construction)

    def _construction(self, call: cst.Call, module: Module, custom: list[Class]) -> Construction | None:
        if not isinstance(call.func, (cst.Name, cst.Attribute)):
            return None
        if isinstance(call.func, cst.Attribute) and not dotted(call.func):
            return None
        names = self.resolver.catalogue.class_names | {c.name for c in custom}
        if not self.resolver.may_name(call.func, names, module):
            return self._injected(call, module)
        values = self.resolver.values(call.func, module)
        known = {
            o.name: o for v in values if isinstance(v, External) and (o := self.resolver.catalogue.optimizer(v.name))
        }
        own = [v for v in values if isinstance(v, Class) and any(v.node is c.node for c in custom)]
        if known or own:
            qualified = [_qualified(c, self.project.module_name(c.module.path)[0]) for c in own]
            construction = Construction(module, call, (*sorted(known), *sorted(qualified)))
            others = [v for v in values if not isinstance(v, Nothing)]
            if len(known) + len(own) < len({self._identity(v) for v in others}):
                what = "the name may also be something that is not known to be an optimizer"
                return replace(construction, reason="ambiguous", detail=what)
            if own and known:
                return replace(construction, reason="ambiguous", detail="it may be torch's class or the project's own")
            if own:
                base = self._root_optimizer(own[0])
                why = f"{own[0].name} is the project's own optimizer; wrap it by hand with CautiousOptimizer.wrap(...)"
                if base is not None and base.reason:
                    return replace(construction, reason=base.reason, detail=base.why)
                return replace(construction, reason="custom", detail=why, custom=own[0])
            return self._unsuitable(construction, list(known.values()))
        return self._injected(call, module)

    def _is_optimizer_class(self, name: str) -> bool:
        bases = ("torch.optim.Optimizer", "torch.optim.optimizer.Optimizer")
        return name in bases or self.resolver.catalogue.optimizer(name) is not None

    def _identity(self, value: object) -> object:
        return self.resolver.catalogue.canonical(value.name) if isinstance(value, External) else value

    def _root_optimizer(self, cls: Class) -> Optimizer | None:
        return next(
            (o for name in self.resolver.external_bases(cls) if (o := self.resolver.catalogue.optimizer(name))), None
        )

    def _injected(self, call: cst.Call, module: Module) -> Construction | None:
        """A parameter that is annotated as something that makes optimizers, and called."""
        if not isinstance(call.func, cst.Name):
            return None
        for binding in self.resolver.bindings(call.func.value, call, module):
            if binding.kind == "param" and binding.annotation is not None:
                annotation = binding.annotation
                if isinstance(annotation, cst.Subscript) and self._makes_optimizers(annotation, module):
                    what = f"{call.func.value} is a parameter; which optimizer it makes is up to the caller"
                    return Construction(module, call, (), "parameter", "ambiguous", what)
        return None

    def _makes_optimizers(self, annotation: cst.Subscript, module: Module) -> bool:
        kind = dotted(annotation.value).rpartition(".")[2]
        if kind not in ("Callable", "Type", "type") or not annotation.slice:
            return False
        last = annotation.slice[-1].slice
        if not isinstance(last, cst.Index):
            return False
        return any(self._is_optimizer_class(name) for name in self.resolver.externals(last.value, module))

    def _unsuitable(self, construction: Construction, known: list[Optimizer]) -> Construction:
        """The reason for which the known classes cannot, or need not, be wrapped."""
        for optimizer in known:
            if optimizer.reason:
                return replace(construction, reason=optimizer.reason, detail=optimizer.why)
            if optimizer.momentum is not None:
                value = argument(construction.call, optimizer.momentum.keyword, optimizer.momentum.position)
                absent = value is None and not any(a.star for a in construction.call.args)
                if absent or (isinstance(value, (cst.Integer, cst.Float)) and float(value.evaluated_value) == 0):
                    what = f"its {optimizer.momentum.keyword} is 0, so masking does nothing"
                    return replace(construction, reason="no-momentum", detail=what)
        return construction

    def _judged(self, construction: Construction) -> Construction:
        """Apply what does not depend on the class: wrapped already, test code, told to ignore."""
        wrapper, ours = self._wrapper(construction)
        if wrapper is not None:
            if ours and construction.reason in UNSUITABLE:
                return replace(construction, wrapper=wrapper)
            if ours:
                return replace(construction, wrapper=wrapper, reason=None, detail="")
            return replace(construction, reason="already-cautious", detail="it is made cautious by other code already")
        if not self.options.tests and is_test(construction.module.path):
            return replace(construction, reason="test-code", detail="test code is left alone; --tests includes it")
        if self._told_to_ignore(construction):
            return replace(construction, reason="ignored", detail="a comment on the line says so")
        return construction

    def _told_to_ignore(self, construction: Construction) -> bool:
        source = construction.module.source
        if b"cautify:" not in source.utf8:
            return False
        start, end = construction.module.span(construction.call)
        text = source.slice(source.line_start(start), source.line_end(end))
        return bool(_IGNORE.search(text))

    def _wrapper(self, construction: Construction) -> tuple[cst.Call | None, bool]:
        """The call that makes the construction cautious, directly or through a variable, and whether it is ours."""
        module, call = construction.module, construction.call
        parent = module.parents[call]
        around = module.parents.get(parent) if isinstance(parent, cst.Arg) else None
        if isinstance(around, cst.Call) and around.args and around.args[0] is parent:
            kind = self._cautious(around, module)
            if kind:
                return around, kind == "ours"
        if isinstance(parent, cst.Assign) and all(isinstance(t.target, cst.Name) for t in parent.targets):
            names = {t.target.value for t in parent.targets if isinstance(t.target, cst.Name)}
            scope = module.scope(call)
            for other in module.calls:
                first = other.args[0].value if other.args else None
                if isinstance(first, cst.Name) and first.value in names and module.scope(other) is scope:
                    kind = self._cautious(other, module)
                    if kind:
                        return other, kind == "ours"
        return None, False

    def imports_runtime(self, name: str, node: cst.CSTNode, module: Module) -> bool:
        """Whether a name is imported from a vendored runtime, which need not be parsed to know that."""
        for binding in self.resolver.bindings(name, node, module):
            found = self.project.import_target(module.path, binding.target) if binding.member == _RUNTIME else None
            if isinstance(found, str) and says_runtime(self.project.data[found]):
                return True
        return False

    def _cautious(self, call: cst.Call, module: Module) -> str:
        """ "ours" for a call of a vendored CautiousOptimizer or its wrap, "other" for somebody else's, else nothing."""
        name = dotted(call.func)
        if "autious" not in name:
            return ""
        func = call.func
        if isinstance(func, cst.Attribute) and func.attr.value == "wrap":
            func = func.value
        if isinstance(func, cst.Name) and self.imports_runtime(func.value, call, module):
            return "ours"
        for value in self.resolver.values(func, module):
            if isinstance(value, Class):
                return (
                    "ours" if says_runtime(value.module.source.data) and value.name == "CautiousOptimizer" else "other"
                )
            if isinstance(value, External):
                if value.name.endswith("cautious_optimizer.CautiousOptimizer"):
                    return "ours"
                return "other" if value.name.rpartition(".")[2].startswith("Cautious") else ""
            if isinstance(value, (Unknown, Imported)) and dotted(func).endswith("CautiousOptimizer"):
                return "ours"
        return ""


def _shortest(names: frozenset[str]) -> list[str]:
    """The names that hold none of the others: every text that holds one of all holds one of these."""
    return sorted(name for name in names if not any(other != name and other in name for other in names))


def argument(call: cst.Call, keyword: str, position: int | None) -> cst.BaseExpression | None:
    """The value passed for a parameter, by name or by position, or None."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == keyword:
            return arg.value
    plain = []
    for arg in call.args:
        if arg.keyword is not None or arg.star:
            break
        plain.append(arg.value)
    return plain[position] if position is not None and position < len(plain) else None


def says_runtime(data: bytes) -> bool:
    """Whether a file is a vendored runtime: it says so in its first lines."""
    return b"cautify-runtime:" in b"\n".join(data.split(b"\n", 40)[:40])


def _qualified(cls: Class, module_name: str) -> str:
    return f"{module_name}.{cls.module.qualified(cls.node)}"
