"""Who would choke on two more fields: places that hand on all fields of an object, by name or by position."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from functools import cached_property

import libcst as cst

from cautify.analysis.discover import is_test
from cautify.analysis.resolve import Class, External, Function, Resolver
from cautify.analysis.route import Router
from cautify.analysis.syntax import Module, dotted, walk

_PATTERN = (
    r"\b(?:asdict|astuple|vars|fields)[ \t]*\(|\.__dict__\b|\b(?:asdict|astuple|fields)[ \t]+as\b|__dataclass_fields__"
)
_NEEDLES = (
    "asdict",
    "astuple",
    "__dict__",
    "__dataclass_fields__",
    *(f"{n}{c}" for n in ("vars", "fields") for c in "( \t"),
)
_USE = re.compile(_PATTERN.encode())
_SHOWN = re.compile(rb"\b(?:print|pprint|pformat|repr|str)\([ \t]*(?:dataclasses\.)?$")
_READ_BY_NAME = re.compile(rb"(?s)\bgetattr\(.{0,200}?\.name\b")
_ANNOTATION = re.compile(rb"[ \t]+\w+[ \t]*:(?!=)[^=,()]*$")
_FIELD_END = re.compile(rb"[^,()\r\n]*(?:=.*)?\r?(?:\n|$)")
_CLASS = re.compile(rb"(?m)^[ \t]*class\s")
_HARMLESS = frozenset({"dataclasses.replace", "dict", "print"})
_BY_POSITION = frozenset({"tuple", "list", "iter", "next", "zip", "map"})


class Consumers:
    """Looks at every place where a project turns a config object into its fields."""

    def __init__(self, resolver: Resolver, router: Router, constructions: Collection[cst.Call]) -> None:
        self.resolver = resolver
        self.router = router
        self.constructions = constructions
        self._attributes: set[str] = set()
        self._dumped: dict[str, list[cst.BaseExpression]] = {}

    def unsafe(self, home: Class) -> str | None:
        """A place that may not take two more fields of a class, its ancestors or descendants, or None."""
        members = [*self.resolver.descendants(home), *self.resolver.ancestors(home)]
        family = {c.node for c in members}
        self._attributes = {name for c in members for name in c.module.scopes[c.node].bindings}
        for cls in members:
            scope = cls.module.scopes[cls.node]
            if "__iter__" in scope.bindings or "keys" in scope.bindings:
                return f"{cls.name} is iterated in its own way, perhaps over its fields"
        holders = self._holders(members)
        project = self.resolver.project
        aware = set(project.mentioning_word({c.name for c in members} | {c.name.value for c in holders}))
        for path in self._dumping:
            if is_test(path) or not (path in aware or path in self._splatting):
                continue
            module = project.module(path)
            for node in self._dumps(module) if module is not None else ():
                assert module is not None
                problem = self._problem(node, module, family, holders)
                if problem is not None:
                    return f"{problem} ({path}:{module.line(node)})"
        return None

    def _holders(self, members: list[Class]) -> set[cst.ClassDef]:
        """Classes that hold one of the family in an annotated field: asdict of them holds its fields too."""
        found: set[cst.ClassDef] = set()
        family = {c.node for c in members}
        names = {c.name for c in members}
        for path in self.resolver.project.mentioning_word(names):
            if is_test(path) or not _may_annotate_field(self.resolver.project.data[path], names):
                continue
            module = self.resolver.project.module(path)
            for cls in module.classes if module else ():
                assert module is not None
                for bindings in module.scopes[cls].bindings.values():
                    for b in bindings:
                        if b.annotation is None or b.kind not in ("assign", "annotation"):
                            continue
                        if any(held.node in family for held in self.resolver.annotated(b.annotation, module)):
                            found.add(cls)
        return found

    @cached_property
    def _dumping(self) -> tuple[str, ...]:
        """The files that do more with all fields of something than to show them."""
        data = self.resolver.project.data
        return tuple(p for p in self.resolver.project.mentioning(_PATTERN, *_NEEDLES) if _does_more(data[p]))

    @cached_property
    def _splatting(self) -> frozenset[str]:
        """The files that splat what asdict gives: there it matters even if nobody can say of what."""
        data = self.resolver.project.data
        mentioned = self.resolver.project.mentioning("asdict", "asdict")
        return frozenset(path for path in mentioned if _splats_asdict(data[path]))

    def _dumps(self, module: Module) -> list[cst.BaseExpression]:
        if module.path not in self._dumped:
            self._dumped[module.path] = list(self._find_dumps(module))
        return self._dumped[module.path]

    def _find_dumps(self, module: Module) -> Iterator[cst.BaseExpression]:
        """The expressions that are all fields of something: ``asdict(x)``, ``vars(x)``, ``x.__dict__`` and the like."""
        names = ("asdict", "astuple", "vars", "fields")
        for call in module.calls_of(names):
            if call.args and self.resolver.may_name(call.func, names, module):
                yield call
        if b"__dict__" in module.source.utf8:
            for node in module.nodes_where(lambda body: "__dict__" in body.code):
                if isinstance(node, cst.Attribute) and node.attr.value == "__dict__":
                    yield node

    def _problem(
        self, node: cst.BaseExpression, module: Module, family: set[cst.ClassDef], holders: set[cst.ClassDef]
    ) -> str | None:
        subject = node.args[0].value if isinstance(node, cst.Call) else getattr(node, "value", None)
        assert subject is not None
        types = self.resolver.types(subject, module) | {
            v for v in self.resolver.values(subject, module) if isinstance(v, Class)
        }
        ours = any(t.node in family for t in types)
        func = dotted(node.func).rpartition(".")[2] if isinstance(node, cst.Call) else "__dict__"
        if func == "fields":
            return self._fields_problem(node, module) if ours else None
        if func == "astuple":
            return "its fields are read by position with astuple" if ours or not types else None
        nested = any(t.node in holders for t in types)
        if types and not ours and not nested:
            return None
        known = ours or (nested and func == "asdict")
        if not types and (func != "asdict" or self._is_another(subject, module)):
            return None  # a parser's namespace or anything else; only dataclasses can be given to asdict
        return self._use(node, module, family, known, nested, 0)

    def _is_another(self, subject: cst.BaseExpression, module: Module) -> bool:
        """Whether an object of unknown type has an attribute, read in the same function, that the family has not."""
        name = dotted(subject)
        scope = module.function(subject) or module.tree
        read = {
            node.attr.value
            for node in walk(scope)
            if name and isinstance(node, cst.Attribute) and dotted(node.value) == name
        }
        return bool(read - self._attributes)

    def _fields_problem(self, node: cst.BaseExpression, module: Module) -> str | None:
        for above in module.ancestors(node):
            if isinstance(above, (cst.ListComp, cst.GeneratorExp, cst.SetComp, cst.DictComp)):
                dumped = any(isinstance(n, cst.Call) and dotted(n.func) == "getattr" for n in walk(above))
                return "its fields are read one by one into something else" if dumped else None
            if isinstance(above, cst.BaseSuite):
                return None
        return None

    def _use(
        self, node: cst.CSTNode, module: Module, family: set[cst.ClassDef], known: bool, nested: bool, depth: int
    ) -> str | None:
        """What is wrong with how a dict of all fields is used, or None."""
        parent = module.parents[node]
        if depth > 4:
            return None
        if isinstance(parent, cst.Arg):
            return self._argument(parent, module, family, known, nested, depth)
        if isinstance(parent, cst.Subscript) and parent.value is node:
            return self._use(parent, module, family, known, False, depth + 1) if nested else None
        if isinstance(parent, cst.Attribute) and parent.value is node:
            if parent.attr.value == "values" and known:
                return self._by_position(module.parents[parent], module)
            if parent.attr.value in ("copy", "items"):
                return self._use(module.parents[parent], module, family, known, nested, depth + 1)
            return None
        if isinstance(parent, (cst.CompFor, cst.DictComp)):
            comp = parent if isinstance(parent, cst.DictComp) else module.parents[parent]
            return self._use(comp, module, family, known, nested, depth + 1) if isinstance(comp, cst.DictComp) else None
        if isinstance(parent, cst.StarredDictElement):
            return self._use(module.parents[parent], module, family, known, nested, depth + 1)
        if isinstance(parent, (cst.DictElement, cst.Element)):
            starred = isinstance(node, cst.Dict)  # {"params": ..., **asdict(cfg)} in a list of parameter groups
            return "all its fields are put into a parameter group" if starred and known and not nested else None
        if isinstance(parent, (cst.Assign, cst.NamedExpr, cst.AnnAssign)):
            return self._variable(parent, module, family, known, nested, depth)
        return None

    def _argument(
        self, arg: cst.Arg, module: Module, family: set[cst.ClassDef], known: bool, nested: bool, depth: int
    ) -> str | None:
        call = module.parents[arg]
        if not isinstance(call, cst.Call) or call in self.constructions:
            return None
        name = dotted(call.func)
        if arg.star == "**":
            if nested and not known:
                return None
            return (
                None
                if self._takes_all(call, module, family)
                else (f"all its fields are splatted into {module.text(call.func)}, which may not take two more")
            )
        if name in ("dict", "copy.copy", "copy.deepcopy", "deepcopy"):
            return self._use(call, module, family, known, nested, depth + 1)
        if known and not nested and any(isinstance(v, Function) for v in self.resolver.values(call.func, module)):
            return f"all its fields are passed to {name}, which may not take two more"
        return None

    def _by_position(self, call: cst.CSTNode, module: Module) -> str | None:
        """``….values()`` where the order or the number of the fields matters."""
        parent = module.parents[call]
        problem = "its fields are read by position"
        if isinstance(parent, cst.Arg):
            around = module.parents[parent]
            counted = isinstance(around, cst.Call) and dotted(around.func) in _BY_POSITION
            return problem if parent.star == "*" or counted else None
        if isinstance(parent, cst.Assign):
            return problem if any(isinstance(t.target, (cst.Tuple, cst.List)) for t in parent.targets) else None
        return problem if isinstance(parent, (cst.StarredElement, cst.Return)) else None

    def _variable(
        self, assignment: cst.CSTNode, module: Module, family: set[cst.ClassDef], known: bool, nested: bool, depth: int
    ) -> str | None:
        """The same for every use of the variable that an assignment gives the dict to."""
        targets = (
            [t.target for t in assignment.targets]
            if isinstance(assignment, cst.Assign)
            else [getattr(assignment, "target", None)]
        )
        names = {t.value for t in targets if isinstance(t, cst.Name)}
        scope = module.scope(assignment)
        for node in walk(scope.node):
            if isinstance(node, cst.Name) and node.value in names and node not in targets:
                if isinstance(module.parents.get(node), cst.AssignTarget):
                    continue
                problem = self._use(node, module, family, known, nested, depth + 1)
                if problem is not None:
                    return problem
        return None

    def _takes_all(self, call: cst.Call, module: Module, family: set[cst.ClassDef]) -> bool:
        if dotted(call.func) in _HARMLESS:
            return True
        values = self.resolver.values(call.func, module)
        return all(
            (isinstance(v, Class) and v.node in family) or (isinstance(v, External) and v.name in _HARMLESS)
            for v in values
        )


def _does_more(data: bytes) -> bool:
    """Whether a file has a use of all fields that is not shown at once, and for ``fields`` one that may read them."""
    for match in _USE.finditer(data):
        if _SHOWN.search(data, max(0, match.start() - 40), match.start()):
            continue
        if match.group().startswith(b"fields") and not _READ_BY_NAME.search(data, *_around(match)):
            continue
        return True
    return False


def _around(match: re.Match[bytes]) -> tuple[int, int]:
    """Where the comprehension over some fields may begin and end, generously."""
    return max(0, match.start() - 600), match.end() + 600


def _may_annotate_field(data: bytes, names: Collection[str]) -> bool:
    """Whether a dataclass in a file may have a field that is annotated with one of the names."""
    if b"dataclass" not in data:
        return False
    renamed = b"dataclass as" in data
    heads: list[int] | None = None
    for name in names:
        word = name.encode()
        at = data.find(word)
        while at >= 0:
            line = data[data.rfind(b"\n", 0, at) + 1 : at]
            if _ANNOTATION.match(line) and _FIELD_END.match(data, at + len(word)):
                if renamed:
                    return True
                heads = heads if heads is not None else [m.start() for m in _CLASS.finditer(data)]
                before = bisect_right(heads, at)
                if before and b"dataclass" in data[data.rfind(b"\n\n", 0, heads[before - 1]) + 1 : heads[before - 1]]:
                    return True
            at = data.find(word, at + 1)
    return False


def _splats_asdict(data: bytes) -> bool:
    """Whether a file splats what asdict gives, at once or by a variable."""
    if b"**" not in data:
        return False
    for line in _lines_with(data, b"asdict("):
        if re.search(rb"\*\*[ \t]*[\w.]*asdict\(", line):
            return True
        assigned = re.match(rb"[ \t]*(\w+)[ \t]*(?::[^=]*)?=[^=]*asdict\(", line)
        if assigned and b"**" + assigned.group(1) in data:
            return True
    return False


def _lines_with(data: bytes, needle: bytes) -> Iterator[bytes]:
    at = data.find(needle)
    while at >= 0:
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        yield data[data.rfind(b"\n", 0, at) + 1 : end]
        at = data.find(needle, end)
