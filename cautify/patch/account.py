"""What people are told of a plan: every site with its verdict, reason and switch, and what else to know."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cautify.analysis.choice import DECLINED
from cautify.analysis.discover import is_test
from cautify.analysis.documents import Documents
from cautify.analysis.elsewhere import Elsewhere
from cautify.analysis.ignores import MENTION, unused_ignores
from cautify.analysis.sites import UNSUITABLE, Construction, argument, says_runtime
from cautify.homes import field as fields
from cautify.model import HomeKind, Site, Switch, UnusedIgnore, Verdict
from cautify.patch.compose import Composer
from cautify.patch.hashed import hashing
from cautify.patch.reached import Reached

_SAVERS = ("draccus.encode", "json.dump", "yaml.", "OmegaConf.save", "pickle.dump")
_SAVES = r"draccus\.encode|json\.dumps?\(|yaml\.(?:safe_)?dump|OmegaConf\.save|pickle\.dump"


class Account:
    """Reads the decisions of a composer. ``documents`` are the files that are not Python and may name optimizers."""

    def __init__(self, composer: Composer, documents: Sequence[str] = ()) -> None:
        self.composer = composer
        self.documents = documents
        self.project = composer.project
        self.resolver = composer.resolver
        self.switches = composer.switches
        self._ignored: dict[str, set[int]] = {}

    def sites(self) -> tuple[Site, ...]:
        """Every construction with its verdict, and every place where a library makes one, ordered by file and place.

        Files that could not be read for the latter are added to the project's problems.
        """
        found = []
        for construction in self.composer.constructions:
            site = self._site(construction)
            found.append(site)
            untouched = construction.otherwise in UNSUITABLE and construction.call not in self.switches.homes
            self._note_ignored(site, untouched)
        taken = {(site.path, site.line) for site in found}
        for site in self._elsewhere():
            if (site.path, site.line) not in taken:
                self._note_ignored(site, False)
                found.append(self.composer.choice.row(site))
        return tuple(sorted(found, key=lambda site: (site.path, site.line, site.column)))

    def _note_ignored(self, site: Site, untouched: bool) -> None:
        if site.reason == "ignored" and not untouched:
            self._ignored.setdefault(site.path, set()).update(range(site.line, site.end_line + 1))

    def unused_ignores(self) -> tuple[UnusedIgnore, ...]:
        """The comments that ask to ignore a site where none would be touched. To be asked after the sites."""
        composer = self.composer
        looked_at = [
            path
            for path in self.project.containing(MENTION)
            if path not in composer.excluded
            and (composer.options.tests or not is_test(path))
            and not says_runtime(self.project.data[path])
        ]
        modules = [module for path in looked_at if (module := self.project.module(path)) is not None]
        return tuple(u for m in modules for u in unused_ignores(m.path, m.source.text, self._ignored.get(m.path, ())))

    def _elsewhere(self) -> list[Site]:
        composer = self.composer
        elsewhere = Elsewhere(self.resolver, composer.options, composer.excluded, composer.constructions)
        sites, problems = Documents(self.project.root, elsewhere).rows(self.documents)
        self.project.problems.update({problem.path: problem for problem in problems})
        return [*elsewhere.rows(), *sites]

    def _site(self, construction: Construction) -> Site:
        module, call = construction.module, construction.call
        start, end = module.span(call)
        line, column = module.source.position(start)
        verdict = Verdict.SKIP
        if construction.reason is None:
            verdict = Verdict.WRAP if construction.wrapper is None else Verdict.WRAPPED
        warnings = []
        if construction.custom is not None and construction.reason is None:
            warnings.append(
                f"{construction.custom.name} is the project's own optimizer: its whole update is masked from outside, "
                "and what its step keeps for itself (a residual of the update, say) is not"
            )
        detail = construction.detail
        if construction.reason is None and call not in self.switches.routes and construction.wrapper is None:
            detail = self.switches.why.get(call, "")
        if construction.reason in UNSUITABLE and call in self.switches.homes:
            idle = self.composer.switch.on
            detail += f"; its config's switch {'has no effect' if idle else 'raises an error'} there"
        elif construction.reason in ("ignored", DECLINED) and call in self.switches.homes:
            detail += "; its config's switch has no effect there"
        return Site(
            path=module.path,
            line=line,
            column=column,
            end_line=module.source.position(end)[0],
            optimizers=construction.optimizers,
            form=construction.form,
            verdict=verdict,
            reason=construction.reason,
            switch=self._switch(construction) if construction.reason is None else None,
            detail=detail,
            warnings=tuple(warnings),
        )

    def _switch(self, construction: Construction) -> Switch:
        call, module = construction.call, construction.module
        switch = Reached(self.switches, self.resolver).switch(call)
        if switch is not None:
            return switch
        if construction.wrapper is not None:
            enabled = argument(construction.wrapper, "enabled", None)
            eps = argument(construction.wrapper, "eps", None)
            if enabled is not None:
                shown = module.text(eps) if eps is not None else None
                return Switch(HomeKind.CONSTANT, module.text(enabled), shown)
        return Switch(HomeKind.ENVIRONMENT)

    def warnings(self) -> tuple[str, ...]:
        """Things about the whole plan that its owner should know."""
        found = []
        if self.switches.declared and self.project.mentioning(_SAVES, *_SAVERS):
            found.append(
                f"configs that the patched code saves hold {' and '.join(self.resolver.switch.names)}; "
                "code without the patch may refuse to load them"
            )
        found += self.composer.choice.idle()
        found += self._hashed()
        found += self._separate_switches()
        found += self._tested_classes()
        for package in sorted({p.shared for p in self.composer.placements.values() if p.shared}):
            found.append(
                f"scripts import the runtime from {package}: they need the patched {package}, not a published copy"
            )
        return tuple(found)

    def _hashed(self) -> list[str]:
        """Where the object that a site asks for its switch is hashed."""
        asked: dict[str, set[str]] = {}
        for construction in self.composer.constructions:
            switch = self._switch(construction) if construction.reason is None else None
            if switch is not None and switch.enabled is not None and switch.homes:
                name = re.match(r"(?:getattr\()?([A-Za-z_]\w*)(?=[.,])", switch.enabled)
                asked.setdefault(construction.module.path, set()).update(name.groups() if name else ())
        lines = ((path, hashing(self.project.data[path], names - {"self"})) for path, names in sorted(asked.items()))
        places = [f"{path}:{line}" for path, line in lines if line is not None]
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        gained = " and ".join(self.resolver.switch.names)
        return (
            [f"{places[0]}{more}: hashes options that gain {gained}: what is cached by it is made anew"]
            if places
            else []
        )

    def _tested_classes(self) -> list[str]:
        """Where code asks an optimizer for its class: of one that is cautious the answer is another."""
        if not any(c.reason is None for c in self.composer.constructions):
            return []
        names = "|".join(sorted(self.resolver.catalogue.wrapped_names))
        asked = re.compile(rf"isinstance\(\s*[\w.]*[oO]pt[\w.]*(?:\[\w+\])?\s*,\s*\(?[^()]*\b(?:{names})\b".encode())
        places = []
        for path in self.project.containing(b"isinstance("):
            data = self.project.data[path]
            match = asked.search(data) if b"ptim" in data and not is_test(path) and not says_runtime(data) else None
            if match is not None:
                line = data[: match.start()].count(b"\n") + 1
                places.append(f"{path}:{line}")
        if not places:
            return []
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        return [f"{places[0]}{more}: isinstance asks for an optimizer's class, and a cautious one is CautiousOptimizer"]

    def _separate_switches(self) -> list[str]:
        """Configs with a switch that hold configs with a switch: turning one on does nothing for the other."""
        homes = set(self.switches.declared)
        found = []
        for declared in self.switches.declared.values():
            for field in fields.own_fields(declared.home):
                for held in self.resolver.annotated(field.node.annotation.annotation, declared.home.module):
                    below = {c.node for c in self.resolver.descendants(held)} | {
                        c.node for c in self.resolver.ancestors(held)
                    }
                    if below & homes and declared.home.node not in below:
                        found.append(
                            f"{declared.home.name} and the {held.name} it holds as {field.name} have a switch each: "
                            "neither reaches what the other builds"
                        )
        return sorted(found)
