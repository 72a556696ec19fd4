"""Places in the target's Python where a library makes the optimizer: there is nothing to wrap, and a remedy to name.

Three kinds: calls of a library's builders, optimizer classes handed to something outside the project, and config dicts
whose ``type`` names an optimizer for a library's registry.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import libcst as cst

from cautify.analysis.builders import Builders
from cautify.analysis.places import DEEPSPEED, DEEPSPEEDS, NAMED, Place, is_class, named, row
from cautify.analysis.resolve import External, Resolver
from cautify.analysis.sites import Construction, says_runtime
from cautify.analysis.syntax import Module, dotted, literal
from cautify.errors import ProofFailed
from cautify.model import Options, Problem, Site
from cautify.optimizers import libraries

_HARMLESS = frozenset({"absl", "attr", "attrs", "click", "jsonargparse", "omegaconf", "pydantic", "pytest", "rich"})
_HARMLESS |= {"torch", "typing_extensions", "tyro", *sys.stdlib_module_names}
_NOTES_ONLY = re.compile(r"(?i)regist|configurable|safe_globals|subclass")
_NODES = re.compile(r"(?:^hydra_zen\.|\.LazyCall$)")
_WRAPS_TORCH = ("pyro.optim", "pyro.optim.pytorch_optimizers")

HANDED = "{callee} makes the optimizer itself; hand it a function that returns CautiousOptimizer.wrap({name}(...))"
_NO_FUNCTION = "{callee} makes the optimizer itself; make cautious what it keeps, with CautiousOptimizer.wrap(...)"


class Elsewhere:
    """Finds the places in one project's Python. ``constructions`` are the sites that are known already."""

    def __init__(
        self,
        resolver: Resolver,
        options: Options,
        excluded: frozenset[str],
        constructions: Sequence[Construction],
    ) -> None:
        self.resolver = resolver
        self.project = resolver.project
        self.catalogue = resolver.catalogue
        self.options = options
        self.excluded = excluded
        self.calls = frozenset(c.call for c in constructions)
        self.made_here = frozenset(name for c in constructions if c.reason != "test-code" for name in c.optimizers)
        self.reads_configs = any(self._reads_configs(c) for c in constructions)

    def _reads_configs(self, construction: Construction) -> bool:
        """Whether a site makes whatever a config names, so that the class in the config is a reference to it."""
        if construction.reason == "test-code" or construction.optimizers or construction.form == "call":
            return False
        values = self.resolver.values(construction.call.func, construction.module)
        factories = [f for v in values if isinstance(v, External) and (f := self.catalogue.factory(v.name))]
        return not factories or any(f.generic for f in factories)

    def rows(self) -> list[Site]:
        """One row for each place, in order. What is said inside the call of a builder is said to that builder."""
        found: dict[tuple[str, int], Site] = {}
        for site in Builders(self.project, self.catalogue, self.options, self.excluded).rows():
            found.setdefault((site.path, site.line), site)
        built = list(found.values())
        for site in [*self._handed(), *self._configured()]:
            around = next((b for b in built if b.path == site.path and b.line <= site.line <= b.end_line), None)
            if around is None:
                found.setdefault((site.path, site.line), site)
            else:
                known = found[around.path, around.line]
                names = tuple(sorted({*known.optimizers, *site.optimizers}))
                found[around.path, around.line] = replace(known, optimizers=names)
        return [found[key] for key in sorted(found)]

    def _modules(self, paths: Iterable[str]) -> Iterator[Module]:
        for path in paths:
            if path in self.excluded or says_runtime(self.project.data[path]):
                continue
            module = self.project.module(path)
            if module is not None:
                yield module

    def _row(self, module: Module, node: cst.CSTNode, optimizers: Iterable[str], detail: str) -> Iterator[Site]:
        try:
            start, end = module.span(node)
        except ProofFailed as error:
            self.project.problems[module.path] = Problem(module.path, "unparsable", error.why)
            return
        source = module.source
        line, column = source.position(start)
        text = source.slice(source.line_start(start), source.line_end(end))
        place = Place(module.path, line, column, source.position(end)[0], text)
        yield row(place, optimizers, detail, self.options, self.catalogue)

    # -- classes handed out ---------------------------------------------------------------------------------------

    def _handed(self) -> Iterator[Site]:
        """Calls of something outside the project that are given an optimizer class, and of what wraps such a class."""
        names = self.catalogue.class_names
        for module in self._modules(self._mentioning_classes()):
            for call in module.calls_of({*names, "add_optimizer_args"}):
                if call in self.calls or not isinstance(call.func, (cst.Name, cst.Attribute)):
                    continue
                classes = [name for arg in call.args for name in self._classes(arg.value, module)]
                if classes:
                    detail = self._maker(call, module, classes)
                    if detail:
                        yield from self._row(module, call, classes, detail)
                elif self.resolver.may_name(call.func, names, module):
                    for name in self.resolver.externals(call.func, module):
                        if name.rpartition(".")[0] in _WRAPS_TORCH:
                            torch = named(name.rpartition(".")[2], self.catalogue)
                            yield from self._row(module, call, torch, _NO_FUNCTION.format(callee=name))

    def _mentioning_classes(self) -> list[str]:
        """The files that use an optimizer class without calling it. The patterns begin with plain text to be fast."""
        names = "|".join(sorted(self.catalogue.class_names))
        tops = {name.partition(".")[0] for library in libraries().values() for name in library.optimizers} - {"torch"}
        qualified = self.project.mentioning(rf"optim\.(?:{names})\s*[,)\]}}]", "optim.")
        packages = rf"from (?:torch\.optim|{'|'.join(sorted(tops))})\b[\w.]* import\s*"
        imported = self.project.mentioning(rf"{packages}(?:\([^)]*?|[^\n(]*?)\b(?:{names})\b", "ptim")
        bare = re.compile(rf"[=(,\[{{:]\s*(?:{names})\s*[,)\]}}]".encode()).search
        found = {path for path in imported if bare(self.project.data[path])}
        return sorted(found.union(qualified, self.project.mentioning("pyro.optim", "pyro.optim")))

    def _classes(self, node: cst.BaseExpression, module: Module) -> Iterator[str]:
        """The known optimizer classes that an argument is, or holds in a literal."""
        match node:
            case cst.Name() | cst.Attribute():
                if self.resolver.may_name(node, self.catalogue.class_names, module):
                    yield from (n for n in self.resolver.externals(node, module) if is_class(n, self.catalogue))
            case cst.Dict(elements=elements):
                for element in elements:
                    yield from self._classes(element.value, module)
            case cst.Tuple(elements=elements) | cst.List(elements=elements):
                for item in elements:
                    yield from self._classes(item.value, module)
            case cst.Call(func=func, args=[first, *_]) if dotted(func).rpartition(".")[2] == "partial":
                yield from self._classes(first.value, module)

    def _maker(self, call: cst.Call, module: Module, classes: Sequence[str]) -> str:
        """What to do about a call that takes optimizer classes, or nothing where it is not known to make any."""
        if isinstance(call.func, cst.Attribute) and call.func.attr.value == "add_optimizer_args":
            what = "LightningCLI makes the optimizer; make it in configure_optimizers instead, and wrap it there"
            return what
        values = self.resolver.values(call.func, module)
        callees = sorted(v.name for v in values if isinstance(v, External))
        if not callees or len(callees) < len(values):
            return ""
        callee = callees[0]
        if builder := self.catalogue.builder(callee):
            return builder.remedy
        if callee.partition(".")[0] in _HARMLESS or _NOTES_ONLY.search(callee.rpartition(".")[2]):
            return ""
        if self.catalogue.optimizer(callee) or self.catalogue.factory(callee):
            return ""
        if _NODES.search(callee) and self.reads_configs:
            return ""
        name = self.catalogue.canonical(classes[0])
        return HANDED.format(callee=callee, name=name)

    # -- config dicts ---------------------------------------------------------------------------------------------

    def _configured(self) -> Iterator[Site]:
        """Dicts under a name that says optimizer, whose ``type`` is one: for mmengine, DeepSpeed and their like."""
        names = self.catalogue.class_names
        kind = rf"\btype[\"']?\s*[=:]\s*[\"']?(?:[A-Za-z_][\w.]*\.)?(?:{'|'.join(sorted(names))})\b"
        pattern = rf"ptim\w*[\"']?\s*\]?\s*[=:]\s*(?:\w+\s*\(|\{{)[^{{}}()]*?{kind}"
        for module in self._modules(self.project.mentioning(pattern, "ptim")):
            for node in module.nodes_where(lambda body: "type" in body.code and "optim" in body.code.lower()):
                entries = _entries(node)
                if "type" not in entries or "optim" not in _called(node, module).lower():
                    continue
                optimizers = self._of_type(entries["type"], module)
                if not optimizers:
                    continue
                deepspeed = "params" in entries and DEEPSPEEDS.search(module.source.text) is not None
                if not deepspeed and self.reads(literal(entries["type"]), optimizers):
                    continue
                yield from self._row(module, node, optimizers, DEEPSPEED if deepspeed else NAMED)

    def reads(self, name: str | None, optimizers: Iterable[str]) -> bool:
        """Whether the project's own code makes what a config says: by a factory, or telling its names apart."""
        return self.reads_configs or (name is not None and self.made_here.issuperset(optimizers))

    def _of_type(self, node: cst.BaseExpression, module: Module) -> tuple[str, ...]:
        text = literal(node)
        return named(text, self.catalogue) if text is not None else tuple(self._classes(node, module))


def _entries(node: cst.CSTNode) -> dict[str, cst.BaseExpression]:
    """The entries of a dict display or of a call of ``dict`` whose keys are plain strings."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value == "dict":
        return {a.keyword.value: a.value for a in node.args if a.keyword is not None}
    if isinstance(node, cst.Dict):
        pairs = [(literal(e.key), e.value) for e in node.elements if isinstance(e, cst.DictElement)]
        return {key: value for key, value in pairs if key is not None}
    return {}


def _called(node: cst.CSTNode, module: Module) -> str:
    """The name, keyword or key that an expression is given to."""
    match module.parents[node]:
        case cst.Arg(keyword=cst.Name(value=name)):
            return name
        case cst.DictElement(key=key, value=value) if value is node:
            return literal(key) or ""
        case cst.Assign(targets=[cst.AssignTarget(target=target), *_]) | cst.AnnAssign(target=target):
            if isinstance(target, cst.Subscript) and isinstance(index := target.slice[0].slice, cst.Index):
                return literal(index.value) or ""
            return dotted(target).rpartition(".")[2]
    return ""
