"""Whole config objects that are splatted into a call: ``**asdict(self)``, ``**vars(args)``, or a variable made so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from cautify.analysis.resolve import Class, Resolver
from cautify.analysis.syntax import Module, dotted

_ASDICT = "dataclasses.asdict"


@dataclass(frozen=True)
class Splat:
    """A whole config object that is splatted into a call: ``**asdict(self)``, or a variable made from that.

    ``statement`` is the assignment of that variable, ``fresh`` whether it is a dict of its own, not the object's.
    """

    arg: cst.Arg
    base: cst.BaseExpression
    owner: Class
    variable: str | None = None
    statement: cst.CSTNode | None = None
    fresh: bool = False


class WholeObjects:
    """Finds them in the calls of one project."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def splats(self, call: cst.Call, module: Module) -> Iterator[Splat]:
        """The config objects splatted whole into a call."""
        for arg in call.args:
            if arg.star != "**":
                continue
            if isinstance(arg.value, cst.Name):
                for binding in self.resolver.bindings(arg.value.value, arg.value, module):
                    if binding.kind == "assign" and binding.value is not None:
                        source = self._whole_object(binding.value, module)
                        if source is not None:
                            base, fresh = source
                            for owner in self.resolver.types(base, module):
                                yield Splat(arg, base, owner, arg.value.value, binding.node, fresh)
            else:
                source = self._whole_object(arg.value, module)
                if source is not None:
                    for owner in self.resolver.types(source[0], module):
                        yield Splat(arg, source[0], owner)

    def namespace(self, value: cst.BaseExpression) -> cst.BaseExpression | None:
        """The object behind ``vars(x)`` or ``x.__dict__``."""
        if isinstance(value, cst.Attribute) and value.attr.value == "__dict__":
            return value.value
        if isinstance(value, cst.Call) and dotted(value.func) == "vars" and len(value.args) == 1:
            return value.args[0].value
        return None

    def _whole_object(self, value: cst.BaseExpression, module: Module) -> tuple[cst.BaseExpression, bool] | None:
        """The object behind ``asdict(x)``, ``vars(x)``, ``x.__dict__`` or a copy, and whether the dict is fresh."""
        shared = self.namespace(value)
        if shared is not None:
            return shared, False
        if isinstance(value, cst.Dict) and any(isinstance(e, cst.StarredDictElement) for e in value.elements):
            inner = [e.value for e in value.elements if isinstance(e, cst.StarredDictElement)]
            found = [w for e in inner if (w := self._whole_object(e, module))]
            return (found[0][0], True) if len(found) == 1 else None
        if isinstance(value, cst.DictComp):
            iterated = value.for_in.iter
            if (
                isinstance(iterated, cst.Call)
                and isinstance(iterated.func, cst.Attribute)
                and iterated.func.attr.value == "items"
            ):
                found_one = self._whole_object(iterated.func.value, module)
                return (found_one[0], True) if found_one else None
            return None
        if not isinstance(value, cst.Call):
            return None
        func = dotted(value.func)
        first = value.args[0].value if value.args else None
        if first is not None and _ASDICT in self.resolver.externals(value.func, module):
            return first, True
        if first is not None and func in ("dict", "copy", "deepcopy", "copy.copy", "copy.deepcopy"):
            found_one = self._whole_object(first, module)
            return (found_one[0], True) if found_one else None
        if isinstance(value.func, cst.Attribute) and value.func.attr.value == "copy":
            found_one = self._whole_object(value.func.value, module)
            return (found_one[0], True) if found_one else None
        return None
