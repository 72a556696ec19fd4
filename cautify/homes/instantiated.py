"""Where hydra makes objects of the project's classes from nodes of its config: each key is a parameter of ``__init__``.

``hydra.utils.instantiate(cfg.model)`` with ``_target_: model.Model`` calls ``Model(**cfg.model)``.
https://hydra.cc/docs/advanced/instantiate_objects/overview/
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from cautify.analysis.names import Class, Function
from cautify.analysis.nodes import keywords
from cautify.analysis.origins import Origins
from cautify.analysis.syntax import Module
from cautify.homes.hydra_files import HydraFiles
from cautify.homes.roots import Kind, Roots, hydra_main
from cautify.homes.slot import Source

_INSTANTIATE = frozenset({"hydra.utils.instantiate", "hydra.utils.call"})
_DEPTH = 4


class NodeRead(cst.Attribute):
    """A key of a node of which hydra makes an object; ``targets`` are the values of ``_target_`` that take the switch.

    They are no field of the class, because the fields of a node are its children.
    """

    targets: frozenset[str]

    @classmethod
    def of(cls, node: cst.BaseExpression, key: str, targets: frozenset[str]) -> NodeRead:
        """The read of a key of a node."""
        read = cls(value=node, attr=cst.Name(key))
        object.__setattr__(read, "targets", targets)
        return read


class FieldRead(cst.Attribute):
    """A key of a node that ``call`` splats into a class of the project, which has a field for each key."""

    call: cst.Call

    @classmethod
    def of(cls, node: cst.BaseExpression, key: str, call: cst.Call) -> FieldRead:
        """The read of a key of a node that a call splats."""
        read = cls(value=node, attr=cst.Name(key))
        object.__setattr__(read, "call", call)
        return read


def instantiating(origins: Origins, init: Function, rate: str) -> Iterator[Source]:
    """The calls by which hydra makes an object whose ``__init__`` this is, and gives it a parameter."""
    flows = origins.flows
    cls = init.module.method_class(init.node)
    if cls is None or init.node.name.value != "__init__":
        return
    roots, files = Roots(origins), HydraFiles(flows.project.root)
    for path in flows.project.mentioning_word({"instantiate"}) if flows.project.containing(b"hydra") else ():
        if b"hydra" not in flows.project.data[path]:
            continue
        module = flows.project.module(path)
        for call in module.calls_of({"instantiate"}) if module is not None else ():
            assert module is not None
            node = call.args[0].value if call.args and not call.args[0].star else None
            if node is None or rate in keywords(call) or not flows.externals(call.func, module) & _INSTANTIATE:
                continue
            targets = {t for t in _targets(roots, files, node, module) if _made(origins, t, init, module)}
            if targets:
                read = NodeRead.of(node, rate, frozenset(targets))
                module.parents[read] = call
                yield Source(module, call, read, splatted=True)


def _targets(roots: Roots, files: HydraFiles, node: cst.BaseExpression, module: Module) -> Iterator[str]:
    """What the project's files may say that a node of hydra's config is made into."""
    for root in roots.of(node, module):
        function = root.module.function(root.node) if root.kind == Kind.HYDRA else None
        main = hydra_main(function, roots.flows, root.module) if function is not None else None
        if main is not None and root.path:
            found = files.keys(main, root.module, (*root.path, "_target_"))
            yield from (key.key.target for key in found)


def _made(origins: Origins, target: str, init: Function, module: Module) -> bool:
    """Whether a dotted name is that of a class whose objects are initialized by ``init``."""
    flows = origins.flows
    made = _class(origins, target, module.path, 0)
    for cls in flows.ancestors(made) if made is not None else ():
        for binding in cls.module.scopes[cls.node].bindings.get("__init__", ()):
            return binding.node is init.node
    return False


def _class(origins: Origins, target: str, importer: str, depth: int) -> Class | None:
    """The class of the project by a dotted name, followed through the modules that import it."""
    where, _, name = target.rpartition(".")
    project = origins.flows.project
    path = project.import_target(importer, where) if where and depth < _DEPTH else None
    module = project.module(path) if isinstance(path, str) else None
    for binding in module.root.bindings.get(name, ()) if module is not None else ():
        assert module is not None
        if isinstance(binding.node, cst.ClassDef):
            return Class(module, binding.node)
        if binding.kind == "import" and binding.member is not None:
            return _class(origins, f"{binding.target}.{binding.member}", module.path, depth + 1)
    return None
