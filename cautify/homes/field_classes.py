"""Config classes: which kind a class is, which fields it has, and how that kind treats one more.

https://docs.python.org/3/library/dataclasses.html, https://www.attrs.org/en/stable/api.html,
https://docs.pydantic.dev/latest/concepts/models/, https://jcristharif.com/msgspec/structs.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst

from cautify.analysis.resolve import Class, Resolver
from cautify.analysis.syntax import Module, dotted

_DECORATORS = {
    "dataclasses.dataclass": "dataclass",
    "pydantic.dataclasses.dataclass": "dataclass",
    "pydantic.v1.dataclasses.dataclass": "dataclass",
    **dict.fromkeys(("attr.s", "attr.attrs", "attr.attributes"), "attrs"),
    **{f"{package}.{how}": "attrs" for package in ("attr", "attrs") for how in ("define", "frozen", "mutable")},
    "attr.dataclass": "attrs",
    **dict.fromkeys(("chex.dataclass", "flax.struct.dataclass"), "pytree"),
}
_BASES = {
    **dict.fromkeys(("pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel"), "pydantic"),
    **dict.fromkeys(
        ("pydantic.BaseSettings", "pydantic.v1.BaseSettings", "pydantic.generics.GenericModel"), "pydantic"
    ),
    **dict.fromkeys(("pydantic_settings.BaseSettings", "pydantic_settings.main.BaseSettings"), "pydantic"),
    "msgspec.Struct": "msgspec",
    **dict.fromkeys(("tap.Tap", "tap.TypedArgumentParser"), "tap"),
    **dict.fromkeys(("typing.NamedTuple", "typing_extensions.NamedTuple"), "tuple"),
}
_UNFIT = {
    "pytree": "is a pytree, whose fields are traced as arrays",
    "tuple": "is a NamedTuple, which would unpack to two values more",
}
ATTRS_FIELD = frozenset({"attr.ib", "attr.attrib", "attr.attr", "attr.field", "attrs.field"})
_ATTRS_SPELLINGS = frozenset({"ib", "attrib", "attr.ib", "attr.attrib", "attr.field", "attrs.field", "field"})
_DECLARING = frozenset({"field", "ib", "attrib", "Field"})
_ATTRS_DECORATORS = frozenset({"s", "attrs", "attributes", "define", "frozen", "mutable", "dataclass"})
_ALWAYS_KEYWORDS = frozenset({"pydantic", "tap"})
_PARTIAL = frozenset({"partial", "map", "starmap"})


@dataclass(frozen=True)
class Field:
    """A name in a class body that is a field, and the statement line it stands on."""

    name: str
    node: cst.AnnAssign | cst.Assign
    line: cst.SimpleStatementLine


@dataclass(frozen=True)
class AnnotatedField(Field):
    """A field that says its type."""

    node: cst.AnnAssign


@dataclass(frozen=True)
class Settings:
    """What makes a class a config class, and how.

    ``kind`` is dataclass, attrs, pydantic, msgspec or tap. ``ordered`` says that its objects are pickled as values in
    the order of the fields, ``annotated`` that an annotation alone makes a field. ``unfit`` is why no class of that
    kind can take a field, or empty; it continues a sentence that begins with the class's name.
    """

    kind: str
    kw_only: bool
    init: bool = True
    slots: bool = False
    ordered: bool = False
    annotated: bool = True
    unfit: str = ""


def settings(cls: Class, resolver: Resolver) -> Settings | None:
    """How a class is made a config class, or None if it is none: by its decorator, else by what is above it."""
    for decorator in cls.node.decorators:
        node = decorator.decorator
        call = node if isinstance(node, cst.Call) else None
        for name in resolver.externals(call.func if call else node, cls.module):
            if name in _DECORATORS:
                return _decorated(cls, name, _options(call.args if call else ()))
    kind = next((_BASES[b] for b in sorted(resolver.external_bases(cls)) if b in _BASES), None)
    if kind is None:
        return None
    given = _options(cls.node.keywords)
    kw_only = kind in _ALWAYS_KEYWORDS or given.get("kw_only") == "True"
    unfit = _UNFIT.get(kind, "")
    if kind == "msgspec" and given.get("array_like") == "True":
        unfit = "is written as an array, whose length would change"
    return Settings(kind, kw_only, slots=False, ordered=kind == "msgspec" and not kw_only, unfit=unfit)


def _decorated(cls: Class, name: str, given: dict[str, str]) -> Settings:
    kind = _DECORATORS[name]
    slots = given.get("slots") == "True"
    unfit = _UNFIT.get(kind, "")
    annotated = True
    if kind == "attrs":
        if "these" in given:
            unfit = "names its fields in these= of its decorator"
        slots = False  # written by attrs, which writes the __init__ too
        if name in ("attr.s", "attr.attrs", "attr.attributes"):
            annotated = given.get("auto_attribs") == "True"
        else:
            guessed = not any(isinstance(f.node, cst.Assign) for f in fields_in(cls))
            annotated = given.get("auto_attribs") == "True" or ("auto_attribs" not in given and guessed)
    ordered = kind == "dataclass" and slots and given.get("frozen") == "True"
    return Settings(
        kind, given.get("kw_only") == "True", given.get("init") != "False", slots, ordered, annotated, unfit
    )


def _options(args: Sequence[cst.Arg]) -> dict[str, str]:
    return {arg.keyword.value: dotted(arg.value) for arg in args if arg.keyword is not None}


# -- fields -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def fields_in(cls: Class) -> tuple[Field, ...]:
    """The fields that a class body declares, in order. ``ClassVar`` and the ``KW_ONLY`` marker are none."""
    found: list[Field] = []
    unannotated = any(_names_attrs(d.decorator) for d in cls.node.decorators)
    for line in cls.node.body.body:
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        for node in line.body:
            if isinstance(node, cst.AnnAssign) and isinstance(node.target, cst.Name):
                annotation = node.annotation.annotation
                if isinstance(annotation, cst.Subscript):
                    annotation = annotation.value
                if dotted(annotation).rpartition(".")[2] not in ("ClassVar", "KW_ONLY"):
                    found.append(AnnotatedField(node.target.value, node, line))
            elif unannotated and isinstance(node, cst.Assign) and isinstance(node.value, cst.Call):
                target = node.targets[0].target
                if dotted(node.value.func) in _ATTRS_SPELLINGS and isinstance(target, cst.Name):
                    found.append(Field(target.value, node, line))
    return tuple(found)


def own_fields(cls: Class) -> list[AnnotatedField]:
    """The annotated ones among the fields of a class."""
    return [f for f in fields_in(cls) if isinstance(f, AnnotatedField)]


def _names_attrs(decorator: cst.BaseExpression) -> bool:
    name = dotted(decorator.func if isinstance(decorator, cst.Call) else decorator)
    return name.rpartition(".")[2] in _ATTRS_DECORATORS and name != "dataclasses.dataclass"


def declares(cls: Class, name: str, resolver: Resolver) -> bool:
    """Whether a class itself declares ``name`` as a field."""
    made = settings(cls, resolver)
    own = next((f for f in fields_in(cls) if f.name == name), None) if made is not None else None
    return made is not None and own is not None and (made.annotated or isinstance(own.node.value, cst.Call))


def inherits_from_library(cls: Class, name: str, resolver: Resolver) -> bool:
    """Whether a foreign config class above ``cls`` is known to declare the learning rate ``name``.

    https://huggingface.co/docs/transformers/main_classes/trainer#transformers.TrainingArguments
    """
    return name == "learning_rate" and any(map(_is_training_arguments, resolver.external_bases(cls)))


def _is_training_arguments(base: str) -> bool:
    top, last = base.partition(".")[0], base.rpartition(".")[2]
    return (top in ("transformers", "sentence_transformers", "optimum") and last.endswith("TrainingArguments")) or (
        top == "trl" and last.endswith("Config")
    )


def topmost(cls: Class, name: str, resolver: Resolver) -> Class | None:
    """The class highest above ``cls``, or itself, that declares a field: where a subclass inherits it from.

    Where only a foreign class declares it, that is the nearest class which can have fields of its own.
    """
    above = resolver.ancestors(cls)
    found = [c for c in above if declares(c, name, resolver)]
    if found:
        return found[-1]
    if inherits_from_library(cls, name, resolver):
        return next((c for c in above if settings(c, resolver) is not None), None)
    return None


def topmost_node(cls: Class, name: str, resolver: Resolver) -> cst.ClassDef | None:
    """The node of the topmost class that declares a field, or None."""
    found = topmost(cls, name, resolver)
    return found.node if found is not None else None


def positions(cls: Class, resolver: Resolver) -> list[str]:
    """The names of the positional parameters of the generated ``__init__``, in order.

    None are known where a class of a library comes first.
    """
    if any(map(_is_training_arguments, resolver.external_bases(cls))):
        return []
    order: list[str] = []
    without: set[str] = set()
    for current in reversed(resolver.ancestors(cls)):
        made = settings(current, resolver)
        if made is None:
            continue
        for f in fields_in(current):
            if f.name not in order:
                order.append(f.name)
            absent = _says(f.node.value, "kw_only", "True") or _says(f.node.value, "init", "False")
            if made.kw_only or absent or after_marker(current, f.line):
                without.add(f.name)
    return [name for name in order if name not in without]


def _says(default: cst.BaseExpression | None, option: str, value: str) -> bool:
    """Whether a field's default is a call with an option: ``field(…, kw_only=True)``."""
    return isinstance(default, cst.Call) and _options(default.args).get(option) == value


def is_required(field: Field) -> bool:
    """Whether a field has no default. A call that is none of those that declare fields is one."""
    value = field.node.value
    if not isinstance(value, cst.Call) or dotted(value.func).rpartition(".")[2] not in _DECLARING:
        return value is None
    given = value.args[0] if value.args else None
    positional = given is not None and given.keyword is None and dotted(given.value) != "NOTHING"
    return not positional and _options(value.args).keys().isdisjoint({"default", "default_factory", "factory"})


def after_marker(cls: Class, line: cst.SimpleStatementLine | None) -> bool:
    """Whether a line stands below ``_: KW_ONLY``."""
    if line is None:
        return False
    for statement in cls.node.body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            for node in statement.body:
                marks = dotted(node.annotation.annotation) if isinstance(node, cst.AnnAssign) else ""
                if marks.rpartition(".")[2] == "KW_ONLY":
                    return True
        if statement is line:
            return False
    return False


# -- one field more -----------------------------------------------------------------------------------------------


def keyword_only_allowed(cls: Class, resolver: Resolver) -> bool:
    """Whether a field can be, or is anyway, keyword-only."""
    made = settings(cls, resolver)
    if made is None or made.kind != "dataclass":
        return made is not None and (made.kind == "attrs" or made.kw_only)
    python = resolver.project.minimum_python
    modern = (python is not None and python >= (3, 10)) or (python is None and resolver.project.needs_310)
    return modern or made.kw_only


def is_extended(cls: Class, resolver: Resolver) -> bool:
    """Whether plain fields in a class would come between the fields of another class."""
    return not keyword_only_allowed(cls, resolver) and len(resolver.descendants(cls)) > 1


def keeps_default(cls: Class, resolver: Resolver) -> bool:
    """Whether an object pickled before the field was there gives the default when it is read.

    The default of a dataclass stays in the class, a msgspec.Struct is made anew; other kinds hold it in each object.
    """
    made = settings(cls, resolver)
    return made is not None and ((made.kind == "dataclass" and not made.slots) or made.kind == "msgspec")


def is_private(cls: Class, resolver: Resolver) -> bool:
    """Whether only its own script makes objects of a class, never by position, and nothing extends it.

    A command line that is made from the class gives keywords. No call can be broken by a field in the middle then.
    """
    module = cls.module
    if module.parents.get(cls.node) is not module.tree or len(resolver.descendants(cls)) > 1:
        return False
    if not _is_script(module, cls.name):
        return False
    project = resolver.project
    others = (p for p in project.mentioning_word({cls.name}) if p != module.path)
    if any(project.may_import(path, cls.name, cls.module.path) and _imports(path, cls, resolver) for path in others):
        return False
    for call in module.calls_of({cls.name, *_PARTIAL}):
        made = resolver.may_name(call.func, {cls.name}, module)
        handed = dotted(call.func).rpartition(".")[2] in _PARTIAL
        positional = [a for a in call.args if a.keyword is None and a.star != "**"]
        if made and positional:
            return False
        if handed and any(dotted(a.value) == cls.name for a in positional):
            return False
    return True


def _is_script(module: Module, name: str) -> bool:
    """Whether a file does something when it is run, with a class of its own."""
    for statement in module.tree.body:
        if isinstance(statement, cst.If) and "__name__" in module.text(statement.test):
            return True
    for call in module.calls_of({"cli", "parse", "CLI", "HfArgumentParser"}):
        if module.function(call) is None and any(dotted(a.value) == name for a in call.args):
            return True
    return False


def _imports(path: str, cls: Class, resolver: Resolver) -> bool:
    """Whether another file gets a class under its name; what cannot be read or followed may."""
    module = resolver.project.module(path)
    if module is None:
        return False
    for bindings in module.root.bindings.values():
        for binding in bindings:
            if binding.kind == "import" and binding.member in (None, cls.name):
                if resolver.project.import_target(path, binding.target) == cls.module.path:
                    return True
                if any(isinstance(v, Class) and v.node is cls.node for v in resolver.bound(binding, module)):
                    return True
    return any(resolver.project.import_target(path, star) == cls.module.path for star in module.root.stars)


def alien(cls: Class, types: Mapping[str, str], resolver: Resolver) -> str | None:
    """Which field of a family of classes has one of the names and another type than that, in a few words; or None."""
    for member in [*resolver.ancestors(cls), *resolver.descendants(cls)[1:]]:
        for f in own_fields(member):
            if f.name in types and types[f.name] not in member.module.text(f.node.annotation.annotation):
                return f"{member.name} uses the name {f.name} for something else{resolver.switch.taken(f.name)}"
    return None
