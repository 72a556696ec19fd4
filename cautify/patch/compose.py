"""What one tree needs, decided site by site and spelled out as edits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath

import libcst as cst

from cautify.analysis.choice import DECLINED, Choice, Place
from cautify.analysis.flows import Flows
from cautify.analysis.origins import Origins
from cautify.analysis.project import Project
from cautify.analysis.readings import Readings
from cautify.analysis.resolve import Class, Resolver
from cautify.analysis.route import Router
from cautify.analysis.scopes import Scope
from cautify.analysis.sites import UNSUITABLE, Construction, SiteFinder, says_runtime
from cautify.analysis.splats import may_hold_fields
from cautify.analysis.switches import Switches, SwitchPlanner
from cautify.analysis.syntax import Module, dotted
from cautify.analysis.whole import Splat
from cautify.errors import ProofFailed
from cautify.homes import ENABLED, Spelling
from cautify.homes import field as fields
from cautify.homes.key_slot import KeySlot
from cautify.homes.registry import declared_in, readers
from cautify.model import Edit, FilePlan, Options
from cautify.optimizers import Catalogue
from cautify.patch.handover import each_once, hand_on
from cautify.patch.imports import Import, ImportPlacer, there_either_way
from cautify.patch.layout import Change, Rewriter
from cautify.patch.runtimes import runtime_files, runtime_paths
from cautify.patch.statements import can_guard, can_pop, filtered, guard, pops
from cautify.patch.styles import Styles
from cautify.patch.vendor import CLASS_NAME, Placement, Vendor

Progress = Callable[[int, int], None]


class Composer:
    """Holds the decisions for one project and turns them into edits, sites and warnings."""

    def __init__(
        self,
        project: Project,
        options: Options,
        excluded: frozenset[str],
        progress: Progress | None = None,
        documents: Mapping[str, bytes] | None = None,
        leaving: Collection[Place] | None = None,
    ) -> None:
        self.project = project
        self.options = options
        self.excluded = excluded
        self.switch = Spelling(options.flag_name or ENABLED, on=options.default_on)
        self.resolver = Resolver(project, Catalogue(options.optimizers), self.switch)
        self.choice = Choice(options, self.resolver.catalogue, leaving)
        self.styles = Styles(project.root)
        self.vendor = Vendor(project, options.vendor_to)
        self.placements: dict[cst.Call, Placement] = {}
        found = SiteFinder(self.resolver, options, excluded).find(progress)
        placed = [self._chosen(self._placed(c)) for c in found]
        origins = Origins(Flows(project, self.resolver.catalogue, self.switch, mentions=b""))
        self.router = Router(self.resolver, Readings(origins, readers(origins, documents or {}), self.styles.of))
        self.switches: Switches = SwitchPlanner(self.resolver, self.router, placed, options.tests).decide()
        self.constructions = placed
        self.constructions = [self._custom(c) for c in placed]

    def _chosen(self, construction: Construction) -> Construction:
        """A construction as the user wants it. Whether a custom one is wrapped depends on what the others read."""
        chosen = construction if construction.reason == "custom" else self.choice.of(construction)
        if chosen.reason == DECLINED:
            self.placements.pop(construction.call, None)
        return chosen

    def _placed(self, construction: Construction) -> Construction:
        """Give a construction the place its runtime comes from, or the reason why there is none."""
        if construction.wrapper is not None:
            place = self.vendor.placement(construction.module)
            if not isinstance(place, str) and self._lacks_runtime(construction, place):
                self.placements[construction.call] = place
        if construction.reason not in (None, "custom") or construction.wrapper is not None:
            return construction
        placement = self.vendor.placement(construction.module)
        if isinstance(placement, str):
            return replace(construction, reason="no-import-root", detail=f"{placement}; --vendor-to names a place")
        taken = construction.module.root.bindings.get(CLASS_NAME, [])
        if any(not self._is_ours(b.target, b.member, construction.module) for b in taken):
            what = f"the name {CLASS_NAME} means something else in this file"
            return replace(construction, reason="ambiguous", detail=what)
        if self._has_no_place_for_import(construction):
            what = "torch is imported only sometimes, and here is no line on which the runtime could be"
            return replace(construction, reason="no-import-root", detail=what)
        self.placements[construction.call] = placement
        return construction

    def _lacks_runtime(self, construction: Construction, place: Placement) -> bool:
        """Whether somebody took the import out that a wrap needs, or the file that it imports."""
        module, wrapper = construction.module, construction.wrapper
        if wrapper is None or dotted(wrapper.func).partition(".")[0] != CLASS_NAME:
            return False
        bindings = self.resolver.bindings(CLASS_NAME, construction.call, module)
        sources = {b.target for b in bindings if b.member == CLASS_NAME}
        ours = {s.module for s in (place.statement, place.by_path) if s is not None}
        return not bindings or (bool(sources & ours) and place.path not in self.project.data)

    def _has_no_place_for_import(self, construction: Construction) -> bool:
        """Whether torch's import does not always run and the use is in a lambda outside functions."""
        module = construction.module
        anchor = self._anchor(construction)
        if anchor is None or module.unconditional(anchor) or there_either_way(anchor, module):
            return False
        return _runs_in(construction) is None and isinstance(module.scope(construction.call).node, cst.Lambda)

    def _anchor(self, construction: Construction) -> cst.CSTNode | None:
        """The import that gives a construction its optimizer class, or torch where the top of the file has none."""
        module, call = construction.module, construction.call
        first = dotted(call.func).partition(".")[0]
        named = next((b.node for b in self.resolver.bindings(first, call, module) if b.kind == "import"), None)
        if named is not None or self._definition_import(module) is not None:
            return named
        scope: Scope | None = module.scope(call)
        while scope is not None:
            imports = (b for found in scope.bindings.values() for b in found if b.kind == "import")
            late = next((b.node for b in imports if b.target.partition(".")[0] == "torch"), None)
            if late is not None:
                return late
            scope = scope.parent
        return None

    def _is_ours(self, target: str, member: str | None, module: Module) -> bool:
        if member != CLASS_NAME:
            return False
        found = self.project.import_target(module.path, target)
        named = target.endswith("cautious_optimizer")
        return named or (isinstance(found, str) and says_runtime(self.project.data[found]))

    def _custom(self, construction: Construction) -> Construction:
        """A project's own optimizer under a switched config is wrapped, unless it is only a shell around others."""
        cls = construction.custom
        if construction.reason != "custom":
            return construction
        found = construction if cls is None else self._under_switch(construction, cls)
        return self.choice.of(found, "custom")

    def _under_switch(self, construction: Construction, cls: Class) -> Construction:
        if self._is_shell(cls):
            what = f"{cls.name} updates nothing itself; what it holds is made cautious where that is made"
            return replace(construction, reason="wrapper", detail=what)
        if construction.call not in self.switches.routes or construction.call not in self.placements:
            return construction
        return replace(construction, reason=None, detail="")

    def _is_shell(self, cls: Class) -> bool:
        """Whether an optimizer class holds optimizers that are sites themselves, or does nothing in its step."""
        for above in self.resolver.ancestors(cls):
            if any(c.module is above.module and above.node in c.module.ancestors(c.call) for c in self.constructions):
                return True
            for binding in reversed(above.module.scopes[above.node].bindings.get("step", ())):  # overloads come first
                if isinstance(binding.node, cst.FunctionDef):
                    return all(_does_nothing(s) for s in binding.node.body.body)
        return False

    # -- edits ----------------------------------------------------------------------------------------------------

    def edits(self) -> dict[str, list[Edit]]:
        """The edits of every file of the target, the runtime left out."""
        return {path: edits for path, edits in self._edits.items() if edits}

    @cached_property
    def _edits(self) -> dict[str, list[Edit]]:
        rewriters: dict[str, Rewriter] = {}
        inserted: dict[str, dict[tuple[int, str], Edit]] = {}
        imports: dict[Module, list[tuple[bool, list[Edit]]]] = {}

        def rewriter(module: Module) -> Rewriter:
            if module.path not in rewriters:
                rewriters[module.path] = Rewriter(module, self.styles.of(module))
            return rewriters[module.path]

        def insert(module: Module, edits: list[Edit]) -> None:
            for edit in edits:
                inserted.setdefault(module.path, {})[edit.span.start, edit.purpose] = edit

        def wrap(construction: Construction) -> None:
            module, call = construction.module, construction.call
            rewriter(module).changes[call] = Change(f"{CLASS_NAME}.wrap(", self._keywords(call))
            imports.setdefault(module, []).append(self._import(construction))

        for construction in self.constructions:
            module, call = construction.module, construction.call
            home = self.switches.homes.get(call)
            if construction.reason is None and construction.wrapper is None:
                wrap(construction)
            elif construction.wrapper is not None and call in self.placements:
                imports.setdefault(module, []).append(self._import(construction))
            for arg, splat in self._field_splats(construction):
                if splat is not None and can_pop(module, call, splat, self.resolver):
                    insert(module, pops(module, splat, self.switch))
                elif (text := filtered(module, arg, self.switch)) is not None:
                    rewriter(module).changes[arg.value] = Change(replacement=text)
            if home is None or construction.reason not in UNSUITABLE or construction.wrapper is not None:
                continue
            if self.switch.on:
                continue  # nobody turned it on: a run that worked must not end in an error
            if can_guard(construction):
                insert(module, guard(construction, self.switches.routes[call].enabled, self.switch))
            elif not isinstance(placement := self.vendor.placement(module), str):
                self.placements[call] = placement  # the wrap refuses such an optimizer when the switch is on
                wrap(construction)
        for forward in self.switches.forwards:
            if forward.splatted:
                continue
            given = {a.keyword.value for a in forward.call.args if a.keyword}
            values = {self.switch.enabled: forward.route.enabled, self.switch.eps: forward.route.eps}
            missing = tuple(f"{name}={value}" for name, value in values.items() if name not in given)
            if missing:
                rewriter(forward.module).changes[forward.call] = Change(arguments=missing)
        for handed in each_once(self.switches.handed):
            hand_on(handed, rewriter, insert, self.styles)
        for module, edit in declared_in(self.switches.slots):
            insert(module, [edit])
        for declared in self.switches.declared.values():
            insert(declared.home.module, self._fields(declared.home, frozenset(declared.read)))
        for module, placed in imports.items():
            tops = [edits for top, edits in placed if top]
            for statement in tops or [found for _, found in placed]:  # one at the top serves all functions too
                insert(module, statement)
        edits: dict[str, list[Edit]] = {}
        for path, r in rewriters.items():
            try:
                edits[path] = r.edits()
            except RecursionError as error:
                what = "a call to wrap stands too deep in other calls to be laid out"
                raise ProofFailed(path, what, f"Nothing was written. Leave it out with --exclude {path}.") from error
        for path, found in inserted.items():
            edits.setdefault(path, []).extend(found.values())
        return edits

    def documents(self) -> dict[str, tuple[bytes, list[Edit]]]:
        """The files other than Python that declare a switch: what they hold, and their edits."""
        found: dict[str, tuple[bytes, list[Edit]]] = {}
        for slot in self.switches.slots:
            for path, data, edit in slot.document_declarations() if isinstance(slot, KeySlot) else ():
                edits = found.setdefault(path, (data, []))[1]
                edits += [edit] if edit not in edits else []
        return found

    def _field_splats(self, construction: Construction) -> list[tuple[cst.Arg, Splat | None]]:
        """The ``**`` arguments of a construction that hold, or may hold, the two fields of a switched config."""
        module, call = construction.module, construction.call
        if construction.reason == "test-code" or not any(a.star == "**" for a in call.args):
            return []
        found: dict[cst.Arg, Splat | None] = {}
        for splat in self.router.whole.splats(call, module):
            family = self.resolver.ancestors(splat.owner) + self.resolver.descendants(splat.owner)
            if any(c.node in self.switches.declared for c in family):
                found[splat.arg] = splat
        if call in self.switches.homes:
            for arg in call.args:
                if arg.star == "**" and arg not in found and may_hold_fields(arg.value, module, self.resolver):
                    found[arg] = None
        return list(found.items())

    def _keywords(self, call: cst.Call) -> tuple[str, ...]:
        route = self.switches.routes.get(call)
        if route is None:
            return ("default=True",) if self.switch.on else ()
        return f"enabled={route.enabled}", f"eps={route.eps}"

    def _fields(self, home: Class, read: frozenset[str]) -> list[Edit]:
        """The declarations in one class, and the import of ``field`` that they need."""
        if fields.has_switch(home, self.resolver):
            return []
        line = fields.place(home, read - {"*"}, "*" in read, self.resolver)
        module = home.module
        edits: list[Edit] = []
        function = fields.field_function(home)
        if function is None:
            function = "field"
            if fields.needs_field_function(home, line, self.resolver):
                placer = self._placer(module)
                statement = _dataclasses_import(module)
                edit = (
                    placer.add_name(statement, "field")
                    if statement is not None
                    else placer.top_level(Import("dataclasses", "field"), None)
                )
                edits += [edit] if edit is not None else []
        return [*edits, *fields.declarations(home, line, function, self.resolver)]

    def _import(self, construction: Construction) -> tuple[bool, list[Edit]]:
        """The import of CautiousOptimizer for one construction, unless it is there; and whether it is at the top."""
        module, call = construction.module, construction.call
        if any(self._is_ours(b.target, b.member, module) for b in self.resolver.bindings(CLASS_NAME, call, module)):
            return False, []
        placer = self._placer(module)
        placement = self.placements[call]
        new = placement.statement
        anchor = self._anchor(construction)
        if placement.by_path is not None:
            both = placer.either_way(new, placement.by_path, anchor)
            return True, [both] if both is not None else []
        if anchor is not None and (not module.unconditional(anchor) or _in_class_body(module, anchor)):
            return False, self._late_import(new, construction, placer)
        within = module.function(anchor) if anchor is not None else None
        if anchor is not None and within is not None:
            if within not in module.ancestors(call):
                return False, self._late_import(new, construction, placer)
            return False, [placer.in_function(new, anchor, call)]
        if anchor is None:
            anchor = self._definition_import(module)
        edit = placer.top_level(new, anchor)
        if edit is None:
            return False, self._late_import(new, construction, placer)
        return True, [edit]

    def _definition_import(self, module: Module) -> cst.CSTNode | None:
        """For a class that is not imported: the module's import of torch, if it always runs."""
        for bindings in module.root.bindings.values():
            for b in bindings:
                if b.kind == "import" and b.target.partition(".")[0] == "torch" and module.unconditional(b.node):
                    return b.node
        return None

    def _late_import(self, new: Import, construction: Construction, placer: ImportPlacer) -> list[Edit]:
        """The import close to its use, where torch itself is imported only sometimes."""
        function = _runs_in(construction)
        if function is not None:
            return [placer.at_start_of(new, function)]
        return [placer.before_statement(new, construction.call)]

    def _placer(self, module: Module) -> ImportPlacer:
        name, _ = self.project.module_name(module.path)
        directory = str(PurePosixPath(module.path).parent)
        package = name.partition(".")[0] if self.project.is_package(directory) else None  # as ruff sees it
        return ImportPlacer(module, self.styles.of(module), (self.project.root / module.path).resolve(), package)

    # -- the runtime ------------------------------------------------------------------------------------------------

    @cached_property
    def runtime_paths(self) -> tuple[str, ...]:
        """Where wraps are imported from, or will be, and what lies beside."""
        used = {
            self.placements[c.call].path
            for c in self.constructions
            if (c.reason is None or c.reason in UNSUITABLE) and c.call in self.placements
        }
        return runtime_paths(self.project, used, self.options.with_triton)

    def runtimes(self) -> list[FilePlan]:
        """The files of the runtime to create or bring up to date.

        Raises:
            RuntimeEdited: a file of that name is there and is not of the runtime.
        """
        return runtime_files(self.project, self.runtime_paths)


def _in_class_body(module: Module, node: cst.CSTNode) -> bool:
    return isinstance(module.scope(node).node, cst.ClassDef)


def _runs_in(construction: Construction) -> cst.FunctionDef | None:
    """The function in whose body a construction is evaluated: defaults and decorators belong outside."""
    scope = construction.module.scope(construction.call)
    while scope.parent is not None and not isinstance(scope.node, cst.FunctionDef):
        scope = scope.parent
    return scope.node if isinstance(scope.node, cst.FunctionDef) else None


def _does_nothing(statement: cst.CSTNode) -> bool:
    """Whether a statement is a docstring, ``pass`` or a bare return."""
    if isinstance(statement, cst.SimpleStatementLine):
        return all(_does_nothing(s) for s in statement.body)
    if isinstance(statement, cst.Expr):
        return isinstance(statement.value, (cst.SimpleString, cst.ConcatenatedString, cst.Ellipsis))
    return isinstance(statement, cst.Pass) or (isinstance(statement, cst.Return) and statement.value is None)


def _dataclasses_import(module: Module) -> cst.ImportFrom | None:
    for bindings in module.root.bindings.values():
        for b in bindings:
            found = b.node if b.kind == "import" and b.target == "dataclasses" else None
            if isinstance(found, cst.ImportFrom) and module.unconditional(found):
                return found
    return None
