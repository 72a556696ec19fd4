"""field: the switch is declared in the config class that declares the learning rate.

The two fields go beside the learning rate's, so that neither a positional call nor a subclass with required fields
changes its meaning: keyword-only where the class's kind or the target's Python (3.10) has that; plain in the middle of
a class that only its own script makes, by keywords or through a command line; else plain and last, where nothing
extends the class. https://docs.python.org/3/library/dataclasses.html#dataclasses.field,
https://www.attrs.org/en/stable/api.html#attrs.field, https://docs.pydantic.dev/latest/concepts/fields/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import libcst as cst

from cautify.analysis.resolve import UNKNOWN, Class, Resolver
from cautify.analysis.syntax import Module, dotted, walk
from cautify.homes import ENABLED, EPS
from cautify.homes.field_classes import (
    ATTRS_FIELD,
    Field,
    Settings,
    after_marker,
    alien,
    declares,
    fields_in,
    inherits_from_library,
    is_extended,
    is_private,
    is_required,
    keeps_default,
    keyword_only_allowed,
    own_fields,
    positions,
    settings,
    topmost,
    topmost_node,
)
from cautify.homes.field_manner import Entry, Manner, Page, manner_of, spelled, string_alone
from cautify.model import Edit
from cautify.patch.docstrings import documented
from cautify.patch.imports import Import, ImportPlacer, comment_start
from cautify.patch.styles import Styles

__all__ = [
    "Field",
    "Settings",
    "declarations",
    "declares",
    "field_function",
    "fields_in",
    "has_switch",
    "inherits_from_library",
    "is_extended",
    "is_private",
    "keeps_default",
    "keyword_only_allowed",
    "needs_field_function",
    "own_fields",
    "place",
    "positions",
    "refusal",
    "settings",
    "topmost",
    "topmost_node",
]

_TYPES = ("bool", "float")
_HF_ARG = frozenset({"transformers.HfArg", "transformers.hf_argparser.HfArg"})


def has_switch(cls: Class, resolver: Resolver) -> bool:
    """Whether the two fields are declared in a class or above it."""
    return all(topmost(cls, name, resolver) is not None for name in resolver.switch.names)


def refusal(cls: Class, resolver: Resolver) -> str | None:
    """Why a class cannot take the fields, or None. One sentence's end, to follow "no field, because …"."""
    made = settings(cls, resolver)
    if made is None:
        return f"{cls.name} is not a dataclass"
    if made.unfit:
        return f"{cls.name} {made.unfit}"
    if not isinstance(cls.node.body, cst.IndentedBlock):
        return f"{cls.name} is written on one line"
    for member in [*resolver.ancestors(cls), *resolver.descendants(cls)[1:]]:
        if (why := _resists(member, cls, resolver)) is not None:
            return why
    if (why := alien(cls, dict(zip(resolver.switch.names, _TYPES, strict=True)), resolver)) is not None:
        return why
    if _is_hidden(cls, made, resolver):
        return f"the name field means something else around {cls.name}"
    if UNKNOWN in resolver.bases(cls):
        return f"a base class of {cls.name} could not be resolved"
    if is_extended(cls, resolver):
        needs = "msgspec has no keyword-only fields among others"
        if made.kind == "dataclass":
            needs = "the project does not say that it needs Python 3.10, for keyword-only fields"
        return f"{cls.name} is extended and {needs}"
    if made.ordered and len(resolver.descendants(cls)) > 1:
        return f"{cls.name} is extended and its objects are pickled by the order of their fields"
    return None


def _resists(member: Class, cls: Class, resolver: Resolver) -> str | None:
    """What a class of the family writes by hand that would not know the fields, or None."""
    how = settings(member, resolver)
    scope = member.module.scopes[member.node]
    if (how is not None and not how.init) or ("__init__" in scope.bindings and not _hands_on(member, how)):
        return f"{member.name} has an __init__ of its own, which would not set the switch"
    if "__slots__" in scope.bindings:
        return f"{member.name} lists its __slots__ by hand"
    if "__new__" in scope.bindings:
        return f"{member.name} has a __new__ of its own"
    if "__setattr__" in scope.bindings:
        return f"{member.name} has a __setattr__ of its own, which may not accept new names"
    for name in resolver.switch.names:
        inherited = topmost(member, name, resolver)
        if name in scope.bindings and (inherited is None or inherited.node is not topmost_node(cls, name, resolver)):
            return f"{member.name} uses the name {name} for something else{resolver.switch.taken(name)}"
    return None


def _hands_on(member: Class, how: Settings | None) -> bool:
    """Whether a pydantic model's ``__init__`` gives all keywords that it does not name to the model's own."""
    if how is None or how.kind != "pydantic":
        return False
    for binding in member.module.scopes[member.node].bindings["__init__"]:
        rest = binding.node.params.star_kwarg if isinstance(binding.node, cst.FunctionDef) else None
        if rest is None or not isinstance(binding.node, cst.FunctionDef):
            return False
        handed = [
            arg
            for node in walk(binding.node.body)
            if isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value == "__init__"
            for arg in node.args
            if arg.star == "**" and dotted(arg.value) == rest.name.value
        ]
        if not handed:
            return False
    return True


def _is_hidden(cls: Class, made: Settings, resolver: Resolver) -> bool:
    """Whether the function that declares a field cannot be called by its name at a class."""
    if made.kind == "attrs":
        return _attrs_function(cls, resolver) is None and _attrs_import(cls) is None
    if made.kw_only or not keyword_only_allowed(cls, resolver) or is_private(cls, resolver):
        return False
    function = field_function(cls)
    hidden = "field" in cls.module.scopes[cls.node].bindings
    return function in (None, "field") and (hidden or (function is None and "field" in cls.module.root.bindings))


# -- where ----------------------------------------------------------------------------------------------------------


def place(cls: Class, read: frozenset[str], everything: bool, resolver: Resolver) -> cst.SimpleStatementLine | None:
    """The line after which the fields go: the end of the run of fields around those that are read together.

    ``read`` are the attributes that arrive at the optimizer together, the learning rate among them; ``everything``
    says that the whole object does. In a class without fields it is the docstring, and None where there is none.
    """
    fields = fields_in(cls)
    made = settings(cls, resolver)
    if not fields:
        first = cls.node.body.body[0]
        return first if string_alone(first) is not None and isinstance(first, cst.SimpleStatementLine) else None
    anywhere = keyword_only_allowed(cls, resolver) or is_private(cls, resolver)
    if not anywhere or (made is not None and made.ordered):
        return _with_docstring(cls, fields[-1].line)
    first_read = next((n for n, f in enumerate(fields) if f.name in read), None)
    if first_read is None:
        return _with_docstring(cls, fields[-1].line)
    prefixes = {p for p in map(_prefix, read) if p and ("optim" in p or sum(n.startswith(p) for n in read) > 1)}
    last = first_read
    for number in range(first_read + 1, len(fields)):
        f = fields[number]
        together = everything or f.name in read or any(f.name.startswith(p) for p in prefixes)
        if not together or not _adjacent(cls, fields[number - 1].line, f.line):
            break
        last = number
    return _with_docstring(cls, _past_required(cls, last, resolver))


def _past_required(cls: Class, last: int, resolver: Resolver) -> cst.SimpleStatementLine:
    """The line of a field, or of the last that has no default, where ours would be plain positional ones."""
    fields = fields_in(cls)
    made = settings(cls, resolver)
    if made is not None and not made.kw_only and _plain(cls, fields[last].line, resolver):
        last = max([last, *(n for n, f in enumerate(fields) if is_required(f))])
    return fields[last].line


def _prefix(name: str) -> str:
    """``optimizer_`` of ``optimizer_lr``: neighbours that share it belong to the same group."""
    for ending in ("learning_rate", "lr"):
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending)
    return ""


def _adjacent(cls: Class, before: cst.SimpleStatementLine, line: cst.SimpleStatementLine) -> bool:
    """Whether a field follows another without a blank line or another statement between."""
    if any(not leading.comment for leading in line.leading_lines):
        return False
    body = list(cls.node.body.body)
    between = body[body.index(before) + 1 : body.index(line)]
    return all(string_alone(statement) is not None for statement in between)


def _with_docstring(cls: Class, line: cst.SimpleStatementLine) -> cst.SimpleStatementLine:
    """The line, or the string below it that documents it."""
    body = list(cls.node.body.body)
    following = body[body.index(line) + 1 :][:1]
    if following and string_alone(following[0]) is not None:
        assert isinstance(following[0], cst.SimpleStatementLine)
        return following[0]
    return line


# -- how ------------------------------------------------------------------------------------------------------------


def declarations(cls: Class, line: cst.SimpleStatementLine | None, function: str, resolver: Resolver) -> Iterator[Edit]:
    """The edits that add what is missing of the two fields after ``line``, or first in the class.

    ``function`` spells ``dataclasses.field``. The class's docstring gains entries where it has some for the neighbours.
    """
    module = cls.module
    source = module.source
    made = settings(cls, resolver)
    switch = resolver.switch
    pair = zip((ENABLED, EPS), switch.names, _TYPES, switch.defaults, strict=True)
    missing = [told for told in pair if topmost(cls, told[1], resolver) is None]
    if made is None or not missing:
        return
    start, end = module.span(line if line is not None else cls.node.body.body[0])
    indent = source.slice(source.line_start(start), start)
    page = Page(indent, module.tree.default_indent, Styles(resolver.project.root).of(module).line_length)
    neighbour = _neighbour(cls, line)
    manner = manner_of(cls, neighbour)
    plain = _plain(cls, line, resolver)
    if made.kind == "attrs" and not plain:
        spelling = _attrs_function(cls, resolver)
        wanted = _attrs_import(cls) if spelling is None else None
        if wanted is not None and (edit := _import(module, *wanted, resolver)) is not None:
            yield edit
        function = spelling or (wanted[1] if wanted is not None else function)
    if not plain and neighbour is not None and not _knows_kw_only(neighbour, cls, resolver):
        manner = replace(manner, help="")
    lines = spelled([_written(told, made, neighbour, manner, plain, function) for told in missing], cls, page)
    if line is None:
        at = comment_start(module, source.line_start(start))
        yield source.edit(at, at, "\n".join([*lines, "", ""]), "field")
        return
    at = source.line_end(end)
    gap = "" if fields_in(cls) else "\n"
    yield source.edit(at, at, gap + "".join(f"\n{line}" for line in lines), "field")
    if neighbour is None:
        return
    described = documented(module, cls.node.body, neighbour.name, switch, page.width)
    if described is not None:
        yield described


def _written(
    told: tuple[str, str, str, str],
    made: Settings,
    neighbour: Field | None,
    manner: Manner,
    plain: bool,
    function: str,
) -> Entry:
    """One of the two fields as it is to be declared: which it is, its name, its type and its default are told."""
    which, name, kind, default = told
    bare = neighbour is not None and isinstance(neighbour.node, cst.Assign)
    target = name if bare else f"{name}: {kind}"
    arguments = [f"default={default}"]
    if not plain:
        arguments.append("kw_only=True")
    if bare and neighbour is not None and isinstance(neighbour.node.value, cst.Call):
        typed = any(a.keyword is not None and a.keyword.value == "type" for a in neighbour.node.value.args)
        arguments += [f"type={kind}"] if typed else []
    if manner.help:
        return Entry(which, target, tuple(arguments), manner)
    if plain and made.annotated:
        return Entry(which, target, (default,), replace(manner, function="", help=""))
    return Entry(which, target, tuple(arguments), replace(manner, function=function, help=""))


def _knows_kw_only(neighbour: Field, cls: Class, resolver: Resolver) -> bool:
    """Whether what gives a field its default and help text takes ``kw_only`` too; others may hand it to argparse."""
    call = neighbour.node.value
    called = resolver.externals(call.func, cls.module) if isinstance(call, cst.Call) else frozenset()
    return bool(called) and called <= ATTRS_FIELD | _HF_ARG | {"dataclasses.field"}


def _neighbour(cls: Class, line: cst.SimpleStatementLine | None) -> Field | None:
    """The field after which ours stand."""
    body = list(cls.node.body.body)
    before = body[: body.index(line) + 1] if line is not None else []
    return next((f for f in reversed(fields_in(cls)) if f.line in before), None)


def _plain(cls: Class, line: cst.SimpleStatementLine | None, resolver: Resolver) -> bool:
    """Whether the fields need not say that they are keyword-only."""
    made = settings(cls, resolver)
    if made is None or made.kw_only or after_marker(cls, line) or not keyword_only_allowed(cls, resolver):
        return True
    return is_private(cls, resolver)


def needs_field_function(cls: Class, line: cst.SimpleStatementLine | None, resolver: Resolver) -> bool:
    """Whether the declarations call ``dataclasses.field``."""
    made = settings(cls, resolver)
    return made is not None and made.kind == "dataclass" and not _plain(cls, line, resolver)


def field_function(cls: Class) -> str | None:
    """How ``dataclasses.field`` can be called at a class, or None when it must be imported."""
    return _imported_as(cls, ("dataclasses",), ("field",))


def _imported_as(cls: Class, modules: tuple[str, ...], members: tuple[str, ...]) -> str | None:
    """How one of a library's functions can be called at a class by what its module imports, or None."""
    module = cls.module
    for name, bindings in module.root.bindings.items():
        if len(bindings) != 1 or bindings[0].kind != "import" or bindings[0].target not in modules:
            continue
        if bindings[0].member not in (None, *members) or not module.unconditional(bindings[0].node):
            continue
        if module.top_level_index(bindings[0].node) < module.top_level_index(cls.node):
            return name if bindings[0].member else f"{name}.{members[0]}"
    return None


def _attrs_function(cls: Class, resolver: Resolver) -> str | None:
    """How the neighbours call ``attrs.field`` or ``attr.ib``, or how it can be called."""
    for f in reversed(fields_in(cls)):
        call = f.node.value
        if isinstance(call, cst.Call) and resolver.externals(call.func, cls.module) & ATTRS_FIELD:
            return cls.module.text(call.func)
    if "field" in cls.module.scopes[cls.node].bindings:
        return None
    return _imported_as(cls, ("attrs",), ("field",)) or _imported_as(cls, ("attr",), ("ib", "attrib", "field"))


def _attrs_import(cls: Class) -> tuple[str, str] | None:
    """Where a class's module may import the function from, or None if its name is taken."""
    for bindings in cls.module.root.bindings.values():
        for binding in bindings:
            if binding.kind == "import" and binding.target in ("attr", "attrs"):
                name = (
                    "field" if binding.target == "attrs" or binding.member in ("define", "frozen", "mutable") else "ib"
                )
                taken = name in cls.module.root.bindings or name in cls.module.scopes[cls.node].bindings
                return None if taken else (binding.target, name)
    return None


def _import(module: Module, library: str, name: str, resolver: Resolver) -> Edit | None:
    """The edit that imports a name, with those that the module takes from there already."""
    placer = _placer(module, resolver)
    for bindings in module.root.bindings.values():
        for b in bindings:
            found = b.node if b.kind == "import" and b.target == library else None
            if isinstance(found, cst.ImportFrom) and module.unconditional(found):
                return placer.add_name(found, name)
    return placer.top_level(Import(library, name), None)


def _placer(module: Module, resolver: Resolver) -> ImportPlacer:
    project = resolver.project
    directory = module.path.rpartition("/")[0] or "."
    package = project.module_name(module.path)[0].partition(".")[0] if project.is_package(directory) else None
    return ImportPlacer(module, Styles(project.root).of(module), (project.root / module.path).resolve(), package)
