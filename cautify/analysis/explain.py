"""How one line of the target was judged: what its calls were resolved to, hop by hop, or why it is no site."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from cautify.analysis import evidence
from cautify.analysis.construction import argument
from cautify.analysis.discover import discover
from cautify.analysis.hops import Hop, Teller, brief, flattened
from cautify.analysis.names import (
    AnyOptimizer,
    Class,
    External,
    Function,
    Lambda,
    Nothing,
    Partial,
    Unknown,
    Value,
)
from cautify.analysis.project import Project
from cautify.analysis.sites import says_runtime
from cautify.analysis.syntax import Module
from cautify.analysis.tracing import Step, Tracing, unknown
from cautify.errors import InvalidOption
from cautify.model import Plan, Site
from cautify.optimizers import Catalogue

_BUILT_IN = frozenset(vars(builtins))
_RATES = ("lr", "learning_rate")
_FEW = 50  # sites that are traced to see whether a reference comes to them
_LIST_IT = "so far as cautify knows; if it is an optimizer class, list it in [tool.cautify.optimizers]"


@dataclass(frozen=True)
class Explanation:
    """What is known of one place. ``called`` is the source of what is called there, empty where nothing is.

    ``hops`` lead from there to what it is, ``ends``, by qualified names. ``rate`` says how the learning rate arrives,
    and ``rate_hops`` where from. ``said`` are sentences: why it is no site, or who makes the optimizer instead.
    """

    path: str
    line: int
    called: str = ""
    hops: tuple[Hop, ...] = ()
    ends: tuple[str, ...] = ()
    rate: str = ""
    rate_hops: tuple[Hop, ...] = ()
    site: Site | None = None
    said: tuple[str, ...] = ()


class Explainer:
    """Explains places of the tree that a plan was made for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.found = discover(plan.root, plan.options)
        self.project = Project(plan.root, self.found.files)
        self.flows = Tracing(self.project, Catalogue(plan.options.optimizers))
        self.teller = Teller(self.flows)

    def at(self, path: str, line: int) -> tuple[Explanation, ...]:
        """What there is to say about a line: one explanation for each site on it, else one for each call, else one.

        Raises:
            InvalidOption: cautify does not look at the file, or it has no such line.
        """
        data = self._data(path)
        lines = len(data.splitlines())
        if not 1 <= line <= max(lines, 1):
            held = f"it has {lines} line{'' if lines == 1 else 's'}"
            raise InvalidOption(f"{path}:{line} cannot be explained", held, "Name a line of the file, from 1 on.")
        around = [s for s in self.plan.sites if s.path == path and s.line <= line <= s.end_line]
        sites = [s for s in around if s.line == line] or around
        if not path.endswith(".py"):
            return tuple(self._document(s) for s in sites) or (self._nothing(path, line, self._no_row(path)),)
        if path in self.found.excluded:
            return (self._nothing(path, line, "the options leave this file out (--include, --exclude)"),)
        if says_runtime(data):
            return (self._nothing(path, line, "this file is the runtime, which cautify put there"),)
        module = self.project.module(path)
        broken = "" if module is None else _broken(module)
        if module is None or broken:
            problem = self.project.problems.get(path)
            why = f"{problem.reason}: {problem.detail}" if problem is not None else f"unparsable: {broken}"
            return (self._nothing(path, line, f"the file cannot be used: {why}"),)
        if sites:
            return tuple(self._site(site, module) for site in sites)
        return tuple(self._no_site(module, line))

    def _data(self, path: str) -> bytes:
        if path not in self.found.files and path not in self.found.documents:
            raise InvalidOption(
                f"{path} cannot be explained",
                "cautify does not look at it: it is no Python, YAML, JSON or notebook, git ignores it, or the options "
                "leave it out",
                "Name a file that `cautify scan` looks at.",
            )
        try:
            return (self.plan.root / path).read_bytes()
        except OSError as error:
            raise InvalidOption(
                f"{path} cannot be read", error.strerror or str(error), "Allow reading it (chmod u+r)."
            ) from error

    # -- sites ----------------------------------------------------------------------------------------------------

    def _document(self, site: Site) -> Explanation:
        return Explanation(site.path, site.line, site=site, said=("a library reads this and makes the optimizer",))

    def _site(self, site: Site, module: Module) -> Explanation:
        call = self._call_of(site, module)
        if call is None:
            return self._document(site)
        step = self.flows.trace(call.func, module)
        hops, ends = self.teller.hops(step), self.teller.ends(step)
        said = (*self._of_libraries(step.values), *self._of_own(step.values), *self._by_evidence(step, site))
        rate, rate_hops = ("", ()) if site.switch is None else self._rate(call, step, site)
        return Explanation(
            site.path, site.line, brief(call.func, module), hops, ends, rate, rate_hops, site=site, said=said
        )

    def _call_of(self, site: Site, module: Module) -> cst.Call | None:
        """The call that a row stands for. Of those that begin there, the one of something that makes an optimizer."""
        calls = [c for c in module.calls if self._position(c, module) == (site.line, site.column)]
        makers = [c for c in calls if self._makes(self.flows.values(c.func, module), site)]
        plain = [c for c in calls if brief(c.func, module) not in _BUILT_IN]  # a dict(...) is a config, not a maker
        inward = sorted(makers or plain, key=lambda c: module.span(c)[1])
        return inward[0] if inward else None

    def _makes(self, values: Iterable[Value], site: Site) -> bool:
        catalogue = self.flows.catalogue
        for value in values:
            inner = value.value if isinstance(value, Partial) else value
            if isinstance(inner, AnyOptimizer):
                return True
            if isinstance(inner, External) and (
                catalogue.canonical(inner.name) in site.optimizers
                or catalogue.builder(inner.name)
                or catalogue.factory(inner.name)
            ):
                return True
            if isinstance(inner, Class) and self.flows.is_own_optimizer(inner):
                return True
        return False

    def _of_libraries(self, values: Iterable[Value]) -> Iterator[str]:
        """What is known of the functions and classes of libraries that make optimizers of their own."""
        catalogue = self.flows.catalogue
        for name in sorted(v.name for v in values if isinstance(v, External)):
            factory = catalogue.factory(name)
            if factory is not None:
                what = "whatever a config names" if factory.generic else "an optimizer"
                yield f"{catalogue.canonical(name)} makes {what}"
            elif catalogue.builder(name):
                yield f"{catalogue.canonical(name)} makes an optimizer itself"

    def _of_own(self, values: Iterable[Value]) -> Iterator[str]:
        """What the project's own classes are by their bases."""
        for value in values:
            foreign = sorted(self.flows.external_bases(value) - {"object"}) if isinstance(value, Class) else []
            if foreign:
                yield f"{value.name} extends {', '.join(foreign)}"  # type: ignore[union-attr]

    def _by_evidence(self, step: Step, site: Site) -> Iterator[str]:
        """What a site goes by whose class is not known."""
        if site.form == "factory" and any(isinstance(v, Function) for v in step.values):
            yield "it builds what a config names; the names around the call say that this is an optimizer"
        elif not site.optimizers and all(isinstance(v, (Unknown, Nothing)) for v in step.values):
            yield "by its name and its arguments it makes an optimizer"

    def _rate(self, call: cst.Call, step: Step, site: Site) -> tuple[str, tuple[Hop, ...]]:
        """The learning rate as the call, or a partial that is called, is given it, and where that comes from."""
        module = step.module
        given = [(call, module), *((v.node, v.module) for v in step.values if isinstance(v, Partial))]
        named = [(v, m) for c, m in given for name in _RATES if (v := argument(c, name, None)) is not None]
        second = argument(call, "", 1) if site.form != "factory" else None
        if second is not None:
            named.append((second, module))
        if named:
            value, where = named[0]
            return brief(value, where), self.teller.hops(self.flows.trace(value, where), ends=False)
        splats = [a.value for a in call.args if a.star == "**"]
        if splats:
            hops = [h for s in splats for h in self.teller.hops(self.flows.trace(s, module), ends=False)]
            return ", ".join(f"perhaps in **{brief(s, module)}" for s in splats), tuple(hops)
        return "none is passed here", ()

    # -- lines that are no site -----------------------------------------------------------------------------------

    def _nothing(self, path: str, line: int, *said: str) -> Explanation:
        return Explanation(path, line, said=said)

    def _no_row(self, path: str) -> str:
        rows = [f"{s.line}" for s in self.plan.sites if s.path == path]
        where = f"; line {', '.join(rows[:9])} of this file does" if rows else ""
        return f"nothing here names an optimizer for a library that cautify knows{where}"

    def _no_site(self, module: Module, line: int) -> Iterator[Explanation]:
        here = [c for c in module.calls if module.line(c) == line]
        around = [c for c in module.calls if module.line(c) < line <= self._end(c, module)]
        inside = {
            site
            for call in here
            for site in self.plan.sites
            if site.path == module.path and module.line(call) <= site.line and site.end_line <= self._end(call, module)
        }
        if inside:
            yield from (self._site(s, module) for s in sorted(inside, key=lambda s: (s.line, s.column)))
            return
        references = list(self._references(module, line))
        yield from references
        calls = here or sorted(around, key=lambda c: module.span(c)[0])[-1:]
        if not references:
            yield from self._telling(calls, module)
        if not calls and not references:
            yield self._nothing(module.path, line, "nothing is called on this line, and a call makes an optimizer")

    def _telling(self, calls: Iterable[cst.Call], module: Module) -> list[Explanation]:
        """The calls that say most: those of the project's own, else those of libraries, else any."""
        ranked: dict[int, list[Explanation]] = {}
        for call in calls:
            values = self.flows.values(call.func, module)
            own = any(isinstance(v, (Function, Class, Lambda)) for v in values)
            rank = 0 if own else 1 if any(isinstance(v, External) for v in values) else 2
            rank = 3 if brief(call.func, module) in _BUILT_IN else rank
            ranked.setdefault(rank, []).append(self._call(call, module))
        return ranked[min(ranked)] if ranked else []

    def _call(self, call: cst.Call, module: Module) -> Explanation:
        """A call that is no site, and why."""
        step = self.flows.trace(call.func, module)
        called = brief(call.func, module)
        said = tuple(self._verdicts(step, called, module))
        return Explanation(
            module.path, module.line(call), called, self.teller.hops(step), self.teller.ends(step), said=said
        )

    def _verdicts(self, step: Step, called: str, module: Module) -> Iterator[str]:
        if called in _BUILT_IN:
            yield f"{called} is built into Python and makes no optimizer"
            return
        for value in sorted(step.values, key=self.teller.named):
            name = self.teller.named(value)
            if isinstance(value, (Function, Lambda)):
                yield f"{called}(...) runs {name}, whose own calls are looked at there"
            elif isinstance(value, Class):
                yield f"{called}(...) makes a {name}, which is not an optimizer by its bases"
            elif isinstance(value, External):
                known = list(self._of_libraries([value]))
                listed = f", {_LIST_IT}" if evidence.looks_like_class(name.rpartition(".")[2]) else ""
                yield f"{known[0]}, but nothing says that here" if known else f"{name} makes no optimizer{listed}"
        reason = unknown(step)
        if reason is not None:
            yield f"what {called} is, is not known: {self.teller.why(reason)}"
            yield "nothing else about the call was taken as a sign that it makes an optimizer"

    def _references(self, module: Module, line: int) -> Iterator[Explanation]:
        """Optimizer classes that a line speaks of without calling them."""
        names = self.flows.catalogue.class_names
        for node in list(module.parents):
            if not isinstance(node, (cst.Name, cst.Attribute)) or not self.flows.may_name(node, names, module):
                continue
            above = module.parents[node]
            part = isinstance(above, (cst.Attribute, cst.AssignTarget, cst.ImportAlias, cst.Arg)) and (
                not isinstance(above, cst.Arg) or above.keyword is node
            )
            called = isinstance(above, cst.Call) and above.func is node
            if part or called or module.line(node) != line:
                continue
            known = sorted(n for n in self.flows.externals(node, module) if self.flows.is_optimizer_class(n))
            if known:
                what = f"{brief(node, module)} is an optimizer class, not a call of it: a site is where it is called"
                step = self.flows.trace(node, module)
                reached = self._reached(module.path, line)
                said = (what, f"it comes to {', '.join(reached)}") if reached else (what,)
                ends, hops = self.teller.ends(step), self.teller.hops(step)
                yield Explanation(module.path, line, brief(node, module), hops, ends, said=said)

    def _reached(self, path: str, line: int) -> list[str]:
        """The sites whose class comes by a line."""
        sites = sorted((s for s in self.plan.sites if s.form != "call"), key=lambda s: s.path != path)
        found = []
        for site in sites[:_FEW]:
            module = self.project.module(site.path) if site.path.endswith(".py") else None
            call = self._call_of(site, module) if module is not None else None
            if call is None or module is None:
                continue
            hops = self.teller.hops(self.flows.trace(call.func, module))
            if any((hop.path, hop.line) == (path, line) for _, hop in flattened(hops)):
                found.append(f"{site.path}:{site.line}")
        return found

    def _position(self, node: cst.CSTNode, module: Module) -> tuple[int, int]:
        return module.source.position(module.span(node)[0])

    def _end(self, node: cst.CSTNode, module: Module) -> int:
        return module.source.position(module.span(node)[1])[0]


def _broken(module: Module) -> str:
    """Why a part of a file cannot be parsed. That shows when all of it has been."""
    _ = module.calls
    return module.broken
