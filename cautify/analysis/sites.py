"""Where optimizer instances are made, and the verdict on each place before its switch is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import libcst as cst

from cautify.analysis.construction import UNSUITABLE, Construction, argument
from cautify.analysis.discover import is_test
from cautify.analysis.flows import Flows
from cautify.analysis.ignores import MENTION, told_to_ignore
from cautify.analysis.makers import Makers
from cautify.analysis.prefilter import candidates, defining
from cautify.analysis.resolve import Class, External, Imported, Resolver, Unknown
from cautify.analysis.syntax import Module, dotted
from cautify.errors import ProofFailed
from cautify.model import Options, Problem

__all__ = ["UNSUITABLE", "Construction", "SiteFinder", "argument", "says_runtime"]

_DEEPEST = 40  # calls around one that is to be laid out anew
_RUNTIME = "CautiousOptimizer"


class SiteFinder:
    """Finds the constructions of one project."""

    def __init__(self, resolver: Resolver, options: Options, excluded: frozenset[str]) -> None:
        self.resolver = resolver
        self.flows = Flows(resolver.project, resolver.catalogue)
        self.project = resolver.project
        self.options = options
        self.excluded = excluded

    def find(self, progress: Callable[[int, int], None] | None = None) -> list[Construction]:
        """Every construction, ordered by file and place. ``progress`` is told how many files are done, of how many."""
        custom = self._custom_classes()
        makers = Makers(self.flows, custom)
        paths = candidates(self.project, self.flows.catalogue, {c.name for c in custom}, self.flows.holders)
        found: list[Construction] = []
        for done, path in enumerate(paths):
            if progress is not None:
                progress(done, len(paths))
            if path in self.excluded:
                continue
            if says_runtime(self.project.data[path]):
                continue
            module = self.project.module(path)
            if module is None:
                continue
            try:
                sites = list(self._in_module(module, makers))
            except RecursionError:
                self.project.problems[path] = Problem(
                    path, "unparsable", "its code is nested too deeply to be followed"
                )
                continue
            module.forget_outline()
            if module.broken:
                self.project.problems[path] = Problem(path, "unparsable", module.broken)
                continue
            try:
                for site in sites:
                    module.span(site.outer)
            except ProofFailed as error:
                self.project.problems[path] = Problem(path, "unparsable", error.why)
                continue
            found += sites
        self.project.forget_outlines()
        return [site for site in found if not site.module.broken]

    def _custom_classes(self) -> list[Class]:
        """The project's own subclasses of optimizer classes."""
        found: dict[cst.ClassDef, Class] = {}
        for path in defining(self.project, self.flows.catalogue):
            module = None if says_runtime(self.project.data[path]) else self.project.module(path)
            for node in module.classes if module else ():
                cls = Class(module, node)  # type: ignore[arg-type]
                if self.flows.is_own_optimizer(cls):
                    found.update({c.node: c for c in self.resolver.descendants(cls)})
        return list(found.values())

    def _in_module(self, module: Module, makers: Makers) -> Iterator[Construction]:
        for call in module.calls_where(makers.looking_into(module)):
            construction = makers.construction(call, module)
            if construction is not None:
                yield self._judged(construction)

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
        if sum(isinstance(a, cst.Arg) for a in construction.module.ancestors(construction.call)) > _DEEPEST:
            what = f"it stands inside more than {_DEEPEST} calls; give it a line of its own"
            return replace(construction, reason="ambiguous", detail=what)
        if said := self._told_to_ignore(construction):
            return replace(construction, reason="ignored", detail=said, otherwise=construction.reason)
        return construction

    def _told_to_ignore(self, construction: Construction) -> str | None:
        source = construction.module.source
        if MENTION not in source.utf8:
            return None
        start, end = construction.module.span(construction.call)
        text = source.slice(source.line_start(start), source.line_end(end))
        return told_to_ignore(text)

    def _wrapper(self, construction: Construction) -> tuple[cst.Call | None, bool]:
        """The call that makes the construction cautious, directly or through a variable, and whether it is ours."""
        module, call = construction.module, construction.call
        parent = module.parents[call]
        around = module.parents.get(parent) if isinstance(parent, cst.Arg) else None
        if isinstance(around, cst.Call) and around.args and around.args[0] is parent:
            kind = self._cautious(around, module)
            if kind:
                return around, kind == "ours"
        said = b"autious" in module.source.utf8
        if said and isinstance(parent, cst.Assign) and all(isinstance(t.target, cst.Name) for t in parent.targets):
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
        func = call.func
        if isinstance(func, cst.Attribute) and func.attr.value == "wrap":
            func = func.value
        named = "autious" in dotted(call.func)
        if not named and b"autious" not in module.source.utf8:
            return ""
        if isinstance(func, cst.Name) and self.imports_runtime(func.value, call, module):
            return "ours"
        if not named:
            return ""
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


def says_runtime(data: bytes) -> bool:
    """Whether a file is a vendored runtime: it says so in its first lines."""
    return b"cautify-runtime:" in b"\n".join(data.split(b"\n", 40)[:40])
