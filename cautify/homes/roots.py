"""What made a config object, and by which keys it was reached from there: the ``OmegaConf.load(path)`` behind
``self.cfg.optim``, with the key ``optim``.

An object is followed back to the call or literal that made it. What such an object can do is known from its maker, from
an annotation, or not at all; the kinds of home that live in such objects ask here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import libcst as cst

from cautify.analysis.discover import is_test
from cautify.analysis.flows import Flows
from cautify.analysis.names import Class
from cautify.analysis.nodes import dotted, literal
from cautify.analysis.origins import Origin, Origins
from cautify.analysis.syntax import Module
from cautify.analysis.tables import is_table

_DEPTH = 12


class Kind(str, Enum):
    """What an object is, as far as it matters for reading one more name of it."""

    OMEGACONF = "an OmegaConf config"
    HYDRA = "hydra's config"
    YACS = "a yacs config"
    CONFIG = "a config object"  # attributes and .get: ml_collections, mmengine, easydict, addict, box, munch, wandb
    MAPPING = "a dict"  # .get, and no attributes
    TABLE = "a dict that is written out"
    BAG = "an object that takes any attribute"
    OBJECT = "an object of the project"
    PARAMETER = "a parameter that nobody in the project fills"
    TAKEN = "an object of another kind"  # parsed arguments, a dataclass as a dict: other homes know these
    UNKNOWN = "not known"


HAVE_GET = frozenset({Kind.OMEGACONF, Kind.HYDRA, Kind.YACS, Kind.CONFIG, Kind.MAPPING, Kind.TABLE})
HAVE_ATTRIBUTES = frozenset({Kind.OMEGACONF, Kind.HYDRA, Kind.YACS, Kind.CONFIG})

_OMEGACONF = ("omegaconf.", "hydra.compose", "hydra.experimental.compose")
_YACS = frozenset({"yacs.config.CfgNode", "fvcore.common.config.CfgNode", "detectron2.config.CfgNode"})
_YACS |= {"detectron2.config.get_cfg", "yacs.config.load_cfg"}
_CONFIGS = frozenset(
    {
        *("ml_collections.ConfigDict", "ml_collections.config_dict.ConfigDict", "ml_collections.FrozenConfigDict"),
        *("ml_collections.config_dict.config_dict.ConfigDict", "mmengine.Config", "mmengine.config.Config"),
        *("mmengine.Config.fromfile", "mmengine.config.Config.fromfile", "mmcv.Config", "mmcv.Config.fromfile"),
        *("mmengine.ConfigDict", "mmengine.config.ConfigDict", "mmcv.ConfigDict", "easydict.EasyDict", "addict.Dict"),
        *("box.Box", "munch.Munch", "munch.munchify", "munch.DefaultMunch", "wandb.config"),
    }
)
_MAPPINGS = frozenset(
    {
        *("yaml.safe_load", "yaml.load", "yaml.full_load", "yaml.unsafe_load", "json.load", "json.loads"),
        *("toml.load", "toml.loads", "tomllib.load", "tomllib.loads", "tomli.load", "tomli.loads"),
        *("hyperpyyaml.load_hyperpyyaml", "ruamel.yaml.safe_load", "json5.load"),
        *("collections.OrderedDict", "collections.UserDict", "collections.defaultdict", "builtins.dict"),
        *("typing.Dict", "typing.Mapping", "typing.MutableMapping", "collections.abc.Mapping"),
        *("collections.abc.MutableMapping",),
    }
)
_BAGS = frozenset({"types.SimpleNamespace", "argparse.Namespace"})
_TAKEN_METHODS = frozenset({"parse_args", "parse_known_args", "parse_args_into_dataclasses", "parse_intermixed_args"})
_TAKEN_CALLS = frozenset(
    {"OmegaConf.structured", "vars", "asdict", "dataclasses.asdict", "attr.asdict", "attrs.asdict", "astuple"}
)
_TAKEN_ATTRIBUTES = frozenset({"__dict__", "hparams", "_hparams"})
_SAME = frozenset({"clone", "copy", "copy_and_resolve_references", "to_dict", "dict", "model_dump", "deepcopy"})
_SAME_ARGUMENT = ("OmegaConf.to_container", "OmegaConf.to_object", "OmegaConf.masked_copy")
_HYDRA_MAIN = frozenset({"hydra.main", "hydra.experimental.main"})


@dataclass(frozen=True)
class Root:
    """What made an object, the keys by which the object is reached from there, and of which class it is, if one."""

    kind: Kind
    node: cst.CSTNode
    module: Module
    path: tuple[str, ...] = ()
    cls: Class | None = None


class Roots:
    """Finds what made an object, in one project."""

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.flows = origins.flows

    def of(self, node: cst.BaseExpression, module: Module) -> tuple[Root, ...]:
        """The roots of an expression's value, each once; what tests make counts only for tests."""
        found = dict.fromkeys(self._of(node, module, (), 0))
        return tuple(root for root in found if is_test(module.path) or not is_test(root.module.path))

    def _of(self, node: cst.BaseExpression, module: Module, path: tuple[str, ...], depth: int) -> Iterator[Root]:
        if depth > _DEPTH:
            yield Root(Kind.UNKNOWN, node, module, path)
            return
        own = self._own_class(node, module)
        if own is not None:
            yield Root(self.class_kind(own), own.node, own.module, path, own)
            return
        said = self.annotated(node, module)
        for origin in self.origins.of(node, module):
            for root in self._origin(origin, path, depth):
                blank = root.kind in (Kind.UNKNOWN, Kind.PARAMETER)
                better = said is not None and (blank or said == Kind.TAKEN)
                yield Root(said or root.kind, root.node, root.module, root.path) if better else root

    def _own_class(self, node: cst.BaseExpression, module: Module) -> Class | None:
        """The class of ``self``."""
        if not isinstance(node, cst.Name) or node.value != "self":
            return None
        types = self.flows.types(node, module)
        return next(iter(types)) if len(types) == 1 else None

    def public(self, roots: tuple[Root, ...]) -> bool:
        """Whether parameters that nobody is seen to fill are those of functions that the project never mentions.

        Where it does, somebody of the project brings an object of which nothing is known.
        """
        project = self.flows.project
        for root in roots:
            function = root.module.function(root.node)
            if root.kind != Kind.PARAMETER or function is None:
                return False
            cls = root.module.method_class(function)
            name = (cls.name if cls is not None and function.name.value == "__init__" else function.name).value
            word = re.compile(rb"\b" + name.encode() + rb"\b")
            if sum(len(word.findall(project.data[path])) for path in project.mentioning_word({name})) > 1:
                return False
        return True

    # -- where following stopped ----------------------------------------------------------------------------------

    def _origin(self, origin: Origin, path: tuple[str, ...], depth: int) -> Iterator[Root]:
        node, module = origin.node, origin.module
        step = None if origin.item or origin.parameter else stepped(node)
        if origin.parameter and isinstance(node, (cst.Param, cst.Name)):
            yield self._parameter(node, module, path)
        elif isinstance(node, cst.Call) and _is_taken(node):
            yield Root(Kind.TAKEN, node, module, path)
        elif origin.item or origin.open:
            yield Root(Kind.UNKNOWN, node, module, path)
        elif step is not None:
            yield from self._step(node, step, module, path, depth)
        elif isinstance(node, cst.Call):
            yield from self._call(node, module, path, depth)
        elif isinstance(node, cst.BaseExpression) and is_table(node):
            yield Root(Kind.TABLE, node, module, path)
        else:
            yield Root(Kind.UNKNOWN, node, module, path)

    def _step(
        self, node: cst.CSTNode, step: tuple[cst.BaseExpression, str], module: Module, path: tuple[str, ...], depth: int
    ) -> Iterator[Root]:
        base, key = step
        known = self._externals_kind(node, module) if isinstance(node, cst.Attribute) else None
        if known is not None:
            yield Root(known, node, module, path)
        elif isinstance(node, cst.Attribute) and key in _TAKEN_ATTRIBUTES:
            yield Root(Kind.TAKEN, node, module, path)
        else:
            yield from self._of(base, module, (key, *path), depth + 1)

    def _externals_kind(self, node: cst.BaseExpression, module: Module) -> Kind | None:
        found = {kind_of(name) for name in self.flows.externals(node, module)}
        return found.pop() if len(found) == 1 else None

    def _parameter(self, node: cst.CSTNode, module: Module, path: tuple[str, ...]) -> Root:
        param = node if isinstance(node, cst.Param) else module.parents.get(node)
        function = next((a for a in module.ancestors(node) if isinstance(a, cst.FunctionDef)), None)
        if function is not None and hydra_main(function, self.flows, module) is not None:
            return Root(Kind.HYDRA, node, module, path)
        annotation = param.annotation if isinstance(param, cst.Param) else None
        kind = self._annotation_kind(annotation.annotation, module) if annotation is not None else None
        return Root(kind or Kind.PARAMETER, node, module, path)

    def _call(self, call: cst.Call, module: Module, path: tuple[str, ...], depth: int) -> Iterator[Root]:
        name = dotted(call.func)
        first = call.args[0].value if call.args and not call.args[0].star and call.args[0].keyword is None else None
        of_dict = name == "dict" and len(call.args) == 1 and first is not None and not is_table(first)
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _SAME and not call.args:
            yield from self._of(call.func.value, module, path, depth + 1)
        elif first is not None and (of_dict or name.endswith(_SAME_ARGUMENT)):
            yield from self._of(first, module, path, depth + 1)
        elif is_table(call):
            yield Root(Kind.TABLE, call, module, path)
        elif name.endswith("OmegaConf.merge") and any(
            Kind.TAKEN in {r.kind for r in self._of(a.value, module, (), depth + 1)} for a in call.args if not a.star
        ):
            yield Root(Kind.TAKEN, call, module, path)
        else:
            yield self._made(call, module, path)

    def _made(self, call: cst.Call, module: Module, path: tuple[str, ...]) -> Root:
        kinds: set[tuple[Kind, Class | None]] = set()
        for value in self.flows.values(call.func, module):
            if isinstance(value, Class):
                kinds.add((self.class_kind(value), value))
        kinds |= {(kind_of(n) or Kind.UNKNOWN, None) for n in self.flows.externals(call.func, module)}
        kind, cls = kinds.pop() if len(kinds) == 1 else (Kind.UNKNOWN, None)
        return Root(kind, call, module, path, cls)

    def class_kind(self, cls: Class) -> Kind:
        """What the objects of a class of the project can do, by what is above it."""
        above = self.flows.external_bases(cls)
        found = {kind for name in above if (kind := kind_of(name))}
        if any(name.rpartition(".")[2] in ("dict", "Mapping", "UserDict") for name in above):
            found.add(Kind.MAPPING)
        if any(dotted(a.value) == "dict" for c in self.flows.ancestors(cls) for a in c.node.bases):
            found.add(Kind.MAPPING)
        methods = {n for c in self.flows.ancestors(cls) for n in c.module.scopes[c.node].bindings}
        if not found and {"get", "__getitem__", "__getattr__"} <= methods:
            found.add(Kind.CONFIG)
        elif Kind.MAPPING in found and ("__getattr__" in methods or "__getattribute__" in methods):
            found = {Kind.CONFIG}
        return found.pop() if len(found) == 1 else Kind.OBJECT

    def _is_typed_dict(self, cls: Class) -> bool:
        """Whether a class says which keys a dict has, and that there are no more."""
        return any(name.rpartition(".")[2] == "TypedDict" for name in self.flows.external_bases(cls))

    # -- annotations ----------------------------------------------------------------------------------------------

    def annotated(self, node: cst.BaseExpression, module: Module) -> Kind | None:
        """What the annotation of a variable or parameter says that it is."""
        if not isinstance(node, cst.Name):
            return None
        bindings = self.flows.bindings(node.value, node, module)
        kinds = {self._annotation_kind(b.annotation, module) for b in bindings if b.annotation is not None}
        return kinds.pop() if len(kinds) == 1 else None

    def _annotation_kind(self, annotation: cst.BaseExpression, module: Module) -> Kind | None:
        match annotation:
            case cst.BinaryOperation(left=left, right=right):
                return self._annotation_kind(left, module) or self._annotation_kind(right, module)
            case cst.Subscript(value=value, slice=elements):
                if dotted(value).rpartition(".")[2] in ("Optional", "Union", "Annotated"):
                    inner = [e.slice.value for e in elements if isinstance(e.slice, cst.Index)]
                    return next((k for i in inner if (k := self._annotation_kind(i, module))), None)
                return self._annotation_kind(value, module)
            case cst.SimpleString():
                said = (literal(annotation) or "").rpartition(".")[2]
                return {"DictConfig": Kind.OMEGACONF, "CfgNode": Kind.YACS, "ConfigDict": Kind.CONFIG}.get(said)
            case cst.Name(value="dict"):
                return Kind.MAPPING
            case cst.Name() | cst.Attribute():
                for made in self.flows.values(annotation, module):
                    if isinstance(made, Class):
                        kind = self.class_kind(made)
                        closed = Kind.TAKEN if self._is_typed_dict(made) else None
                        return kind if kind in HAVE_GET else closed
                return self._externals_kind(annotation, module)
        return None


def kind_of(name: str) -> Kind | None:
    """What a foreign class or function gives, by its dotted name."""
    if name.startswith(_OMEGACONF):
        return Kind.OMEGACONF
    if name in _YACS:
        return Kind.YACS
    if name in _CONFIGS:
        return Kind.CONFIG
    if name in _MAPPINGS:
        return Kind.MAPPING
    return Kind.BAG if name in _BAGS else None


def stepped(node: cst.CSTNode) -> tuple[cst.BaseExpression, str] | None:
    """The object and the key of ``cfg.lr``, ``cfg["lr"]``, ``cfg.get("lr", 1e-3)`` or ``getattr(cfg, "lr")``."""
    match node:
        case cst.Attribute(value=base, attr=cst.Name(value=name)):
            return base, name
        case cst.Subscript(value=base, slice=[cst.SubscriptElement(slice=cst.Index(value=key))]):
            text = literal(key)
            return (base, text) if text is not None else None
        case cst.Call(func=cst.Attribute(value=base, attr=cst.Name(value="get" | "pop")), args=[first, *_]):
            text = literal(first.value)
            return (base, text) if text is not None else None
        case cst.Call(func=cst.Name(value="getattr"), args=[of, named, *_]):
            text = literal(named.value)
            return (of.value, text) if text is not None else None
    return None


def by_attribute(node: cst.CSTNode) -> bool:
    """Whether a read is one of an attribute, not of a key."""
    return isinstance(node, cst.Attribute) or (isinstance(node, cst.Call) and dotted(node.func) == "getattr")


def is_called(node: cst.CSTNode, module: Module) -> bool:
    """Whether an expression is what a call calls: a method, then."""
    above = module.parents.get(node)
    return isinstance(above, cst.Call) and above.func is node


def hydra_main(function: cst.FunctionDef, flows: Flows, module: Module) -> cst.Call | None:
    """The ``hydra.main(…)`` that decorates a function."""
    for decorator in function.decorators:
        call = decorator.decorator
        if isinstance(call, cst.Call) and flows.externals(call.func, module) & _HYDRA_MAIN:
            return call
    return None


def _is_taken(call: cst.Call) -> bool:
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in _TAKEN_METHODS:
        return True
    return dotted(call.func) in _TAKEN_CALLS
