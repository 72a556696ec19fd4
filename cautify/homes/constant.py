"""constant: the switch is two assignments beside that of the learning rate, in a module or in the body of a class.

``learning_rate = 6e-4`` at the top level, read by its name, through the module, or overwritten in ``globals()`` by what
the script executes before it reads it, which may compare the types: hence a bool and a float, never None.
https://docs.python.org/3/reference/executionmodel.html#naming-and-binding
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from cautify.analysis.names import UNKNOWN, Class, External, Imported
from cautify.analysis.nodes import dotted, literal
from cautify.analysis.origins import Origins
from cautify.analysis.scopes import Binding, Scope
from cautify.analysis.syntax import Module
from cautify.homes import Spelling
from cautify.homes.beside import alone, entries, is_flag, is_number, is_plain, statements, value_of
from cautify.homes.slot import Source
from cautify.model import Edit, Home, HomeKind
from cautify.patch.imported_names import with_names
from cautify.patch.styles import Styles

_COMMENTS = ("mask updates that disagree with the gradient", "added to the mean of the mask")
_PLAIN_BASES = frozenset({"object", "abc.ABC", "torch.nn.Module", "torch.nn.modules.module.Module"})
_PLAIN_BASES |= {"pytorch_lightning.LightningModule", "lightning.LightningModule", "lightning.pytorch.LightningModule"}


@dataclass(frozen=True)
class ConstantSlot:
    """A learning rate that a module, or the body of a class, assigns once, as a number.

    ``scope`` is the module or class; two constants of one scope are one place.
    """

    module: Module
    scope: cst.CSTNode
    rate: str = field(compare=False)
    owner: str = field(compare=False)
    spelling: Spelling = field(compare=False)
    styles: Styles = field(compare=False, repr=False)
    starred: bool = False
    """Whether it is read where a star import gives it."""
    importer: tuple[Module, cst.ImportFrom] | None = None
    """The module that reads it, and the import by its name there, to which the two names are added."""

    @property
    def kind(self) -> HomeKind:
        """Always a constant."""
        return HomeKind.CONSTANT

    @cached_property
    def _names(self) -> Scope:
        return self.module.scopes[self.scope]

    @cached_property
    def _binding(self) -> Binding:
        return next(b for b in self._names.bindings[self.rate] if _settles(b, self.module))

    def refusal(self) -> str | None:
        """Why the assignments cannot be added, or None."""
        line = alone(self.module, self._binding.node)
        if line is None:
            return f"{self.rate} shares its line with other code"
        if not _bare(self._binding.node):
            return f"{self.rate} is assigned together with other names"
        if isinstance(self.scope, cst.ClassDef) and not isinstance(self.scope.body, cst.IndentedBlock):
            return f"{self.owner} is written on one line"
        for name, ours in ((self.spelling.enabled, is_flag), (self.spelling.eps, is_number)):
            for binding in self._names.bindings.get(name, ()):
                other = binding.kind != "assign" or not (ours(binding.value) or self._may_be_read(binding.value))
                if other and self.module.function(binding.node) is None:
                    return f"{self.owner} uses the name {name} for something else{self.spelling.taken(name)}"
        if self.starred and self._exported is None and "__all__" in self.module.root.bindings:
            return f"{self.module.path} does not list plainly what a star import of it gives"
        return self._taken_by_importer()

    def _may_be_read(self, value: cst.BaseExpression | None) -> bool:
        """Whether a value comes from somewhere else: ``args.use_cautious_optimizer``."""
        return isinstance(value, (cst.Call, cst.Attribute, cst.Subscript))

    def _taken_by_importer(self) -> str | None:
        """Which of the names the importing module has for something else."""
        if self.importer is None:
            return None
        reader, statement = self.importer
        if alone(reader, statement) is None or isinstance(statement.names, cst.ImportStar):
            return f"the import of {self.rate} shares its line with other code"
        names = reader.scope(statement).bindings
        home = {b.target for found in names.values() for b in found if b.node is statement}
        for name in self.spelling.names:
            for binding in names.get(name, ()):
                if binding.kind != "import" or binding.target not in home:
                    return f"{reader.path} uses the name {name} for something else{self.spelling.taken(name)}"
        return None

    def read(self, base: str, sometimes: bool) -> tuple[str, str]:
        """The names themselves, or those names of the module or class whose text is ``base``."""
        if not base:
            return self.spelling.names
        return self.spelling.asked(base) if sometimes else self.spelling.attributes(base)

    def homes(self) -> tuple[Home, ...]:
        """The one place."""
        line = self.module.line(self._binding.node)
        return (Home(HomeKind.CONSTANT, self.module.path, line, self.owner),)

    def declarations(self, together: frozenset[str]) -> Iterator[tuple[Module, Edit]]:
        """Two assignments below the learning rate's, or below the last of ``together`` that follows on it."""
        node = self._binding.node
        line = self._last(node, together)
        if line is None:
            return
        missing = [
            (text, comment)
            for name, text, comment in zip(self.spelling.names, self._texts(node), _COMMENTS, strict=True)
            if name not in self._names.bindings
        ]
        if missing:
            texts, comments = [t for t, _ in missing], [c for _, c in missing]
            own = alone(self.module, node)
            commented = own is not None and own.trailing_whitespace.comment is not None
            yield (
                self.module,
                statements(self.module, line, texts, "constant", comments if commented else (), own),
            )

        yield from self._imports()

    def _imports(self) -> Iterator[tuple[Module, Edit]]:
        """The names added to what the module says it exports, and to the import of the one that reads them."""
        names = self.spelling.names
        exported = self._exported
        if exported is not None and value_of(exported, self.rate) is not None:
            new = [(name, "") for name in names if value_of(exported, name) is None]
            width = self.styles.of(self.module).line_length
            edit = entries(self.module, exported, {self.rate}, new, "constant", width)
            if edit is not None:
                yield self.module, edit
        if self.importer is not None:
            reader, statement = self.importer
            missing = [name for name in names if name not in reader.scope(statement).bindings]
            for edit in with_names(reader, statement, missing, self.styles.of(reader), "constant"):
                yield reader, edit

    @property
    def _exported(self) -> cst.List | cst.Tuple | None:
        """The module's ``__all__``, where it is written out once."""
        found = self.module.root.bindings.get("__all__", ()) if isinstance(self.scope, cst.Module) else ()
        value = found[0].value if len(found) == 1 else None
        return value if isinstance(value, (cst.List, cst.Tuple)) else None

    def sources(self) -> Iterable[Source]:
        """Nothing of the project gives a number its value."""
        return ()

    def _texts(self, node: cst.CSTNode) -> tuple[str, str]:
        kinds = ("", "")
        if isinstance(node, cst.AnnAssign):
            said = dotted(node.annotation.annotation)
            whole = said if said.rpartition(".")[2] in ("Final", "ClassVar") else ""
            around = node.annotation.annotation
            if isinstance(around, cst.Subscript):
                outer = self.module.text(around.value)
                kinds = (f": {outer}[bool]", f": {outer}[float]")
            else:
                kinds = (f": {whole}", f": {whole}") if whole else (": bool", ": float")
        (enabled, eps), (flag, number) = self.spelling.names, self.spelling.defaults
        return f"{enabled}{kinds[0]} = {flag}", f"{eps}{kinds[1]} = {number}"

    def _last(self, node: cst.CSTNode, together: frozenset[str]) -> cst.SimpleStatementLine | None:
        """The line of the last of some names in the run of assignments that begins at the learning rate's."""
        first = alone(self.module, node)
        block = self.module.parents.get(first) if first is not None else None
        body: Sequence[cst.CSTNode] = getattr(block, "body", ())
        if first is None or first not in body:
            return None
        last = first
        for statement in body[list(body).index(first) + 1 :]:
            if not isinstance(statement, cst.SimpleStatementLine) or statement.leading_lines:
                break
            names = _assigned(statement)
            if not names:
                break
            if names & together:
                last = statement
        return last


class Constants:
    """Finds the learning rates of one project that are constants."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.flows = origins.flows
        self.styles = Styles(self.flows.project.root)

    def slot(self, node: cst.BaseExpression, module: Module) -> ConstantSlot | str | None:
        """The constant that an expression reads, why it cannot be used, or None if it is none."""
        if isinstance(node, cst.Name):
            return self._named(node, module)
        if isinstance(node, cst.Attribute) and dotted(node.value):
            return self._attribute(node, module)
        return None

    # -- by a bare name -------------------------------------------------------------------------------------------

    def _named(self, node: cst.Name, module: Module) -> ConstantSlot | str | None:
        scope = _binding_scope(node, module)
        if scope is None:
            return self._starred(node.value, module)
        imports = [b for b in scope.bindings[node.value] if b.kind == "import"]
        if imports and len(imports) == len(scope.bindings[node.value]) and not isinstance(scope.node, cst.ClassDef):
            return self._imported(imports, module)
        if scope is module.root:
            return self._in_module(node.value, module)
        if isinstance(scope.node, cst.ClassDef):
            return self._in_class(node.value, Class(module, scope.node))
        return None

    def _in_module(
        self,
        name: str,
        module: Module,
        starred: bool = False,
        importer: tuple[Module, cst.ImportFrom] | None = None,
    ) -> ConstantSlot | str | None:
        bindings = module.root.bindings.get(name, [])
        unclear = _unclear(name, bindings, module)
        if unclear is not None:
            return unclear or None
        owner = self.flows.project.module_name(module.path)[0]
        spelling = self.flows.switch.like(name)
        return ConstantSlot(module, module.tree, name, owner, spelling, self.styles, starred, importer)

    def _imported(self, bindings: list[Binding], module: Module) -> ConstantSlot | str | None:
        if len(bindings) != 1 or bindings[0].member is None:
            return None
        path = self.flows.project.import_target(module.path, bindings[0].target)
        other = self.flows.project.module(path) if isinstance(path, str) else None
        statement = bindings[0].node
        if other is None or not isinstance(statement, cst.ImportFrom):
            return None
        return self._in_module(bindings[0].member, other, importer=(module, statement))

    def _starred(self, name: str, module: Module) -> ConstantSlot | str | None:
        """A name that only a star import can bind: the names beside it come along."""
        for star in module.root.stars:
            path = self.flows.project.import_target(module.path, star)
            other = self.flows.project.module(path) if isinstance(path, str) else None
            if other is not None and name in other.root.bindings:
                return self._in_module(name, other, starred=True)
        return None

    # -- by an attribute ------------------------------------------------------------------------------------------

    def _attribute(self, node: cst.Attribute, module: Module) -> ConstantSlot | str | None:
        name = node.attr.value
        first = dotted(node.value).partition(".")[0]
        passed = any(b.kind == "param" for b in self.flows.bindings(first, node, module))  # an object, then
        values = frozenset() if passed else self.flows.values(node.value, module)
        modules = [v for v in values if isinstance(v, Imported) and v.path.endswith(".py")]
        if modules:
            other = self.flows.project.module(modules[0].path) if len(values) == 1 else None
            return self._in_module(name, other) if other is not None else None
        named = [v for v in values if isinstance(v, Class)]
        owners = named or sorted(self.flows.types(node.value, module), key=self.flows.qualified)
        if not owners or (named and len(named) != len(values)):
            return None
        found: dict[ConstantSlot | str, None] = {}
        for owner in owners:
            slot = self._declared(owner, name)
            if slot is None:
                return None
            found[slot] = None
        if len(found) > 1:
            return f"{module.text(node)} may be a constant of several classes"
        return next(iter(found))

    def _declared(self, owner: Class, name: str) -> ConstantSlot | str | None:
        """The class at or above ``owner`` whose body assigns a name, the topmost."""
        family = self.flows.ancestors(owner)
        holding = [c for c in family if name in c.module.scopes[c.node].bindings]
        if not holding or any(self.flows.assigned_attributes(c, name) for c in family):
            return None
        return self._in_class(name, holding[-1])

    def _in_class(self, name: str, cls: Class) -> ConstantSlot | str | None:
        if not all(self._is_plain(c) for c in self.flows.ancestors(cls)):
            return None
        unclear = _unclear(name, cls.module.scopes[cls.node].bindings[name], cls.module)
        if unclear is not None:
            return unclear or None
        spelling = self.flows.switch.like(name)
        return ConstantSlot(cls.module, cls.node, name, self.flows.qualified(cls), spelling, self.styles)

    def _is_plain(self, cls: Class) -> bool:
        """Whether the names of a class body are nothing but names: no fields, no members of an enumeration."""
        bases = self.flows.bases(cls)
        foreign = {b.name for b in bases if isinstance(b, External)}
        unknown = UNKNOWN in bases and any(dotted(a.value) != "object" for a in cls.node.bases)
        return not cls.node.decorators and not cls.node.keywords and not unknown and foreign <= _PLAIN_BASES


def _binding_scope(node: cst.Name, module: Module) -> Scope | None:
    """The scope that binds a name for a place, or None."""
    scope: Scope | None = module.scope(node)
    first = scope
    while scope is not None:
        visible = scope is first or not isinstance(scope.node, cst.ClassDef)
        if visible and node.value in scope.bindings:
            return scope
        scope = scope.parent
    return None


def _unclear(name: str, bindings: Sequence[Binding], module: Module) -> str | None:
    """Why what is assigned to a name is no constant: in words, or an empty string where it is something else."""
    settling = [b for b in bindings if _settles(b, module)]
    own = [b for b in bindings if module.function(b.node) is None]
    if not settling:
        return ""
    if len(settling) > 1 or len(own) > 1:
        return f"{name} is assigned more than once in {module.path}"
    return None


def _settles(binding: Binding, module: Module) -> bool:
    """Whether a binding is the unconditional assignment of a number outside functions."""
    unconditional = module.function(binding.node) is None and module.unconditional(binding.node)
    return binding.kind == "assign" and unconditional and is_plain(binding.value) and not _is_none(binding.value)


def _is_none(value: cst.BaseExpression | None) -> bool:
    return isinstance(value, cst.Name) and literal(value) is None


def _bare(node: cst.CSTNode) -> bool:
    """Whether a statement assigns one name."""
    if isinstance(node, cst.Assign):
        return len(node.targets) == 1 and isinstance(node.targets[0].target, cst.Name)
    return isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name)


def _assigned(statement: cst.SimpleStatementLine) -> set[str]:
    """The names that a line assigns, nothing else done in it."""
    found: set[str] = set()
    for small in statement.body:
        if isinstance(small, cst.Assign) and not isinstance(small.value, cst.Call):
            for target in small.targets:
                if not isinstance(target.target, (cst.Name, cst.Tuple)):
                    return set()
                parts = target.target.elements if isinstance(target.target, cst.Tuple) else ()
                found |= {dotted(e.value) for e in parts} or {dotted(target.target)}
        elif isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name) and small.value is not None:
            found.add(small.target.value)
        else:
            return set()
    return found
