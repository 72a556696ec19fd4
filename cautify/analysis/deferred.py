"""Function bodies that are parsed when somebody looks into them: most of a file never matters, and parsing is the cost.

``ast`` is fifteen times faster than libcst. It says where the functions of a file are; libcst is then given the file
with one short line in the place of each body. What is left out is put back, some statements at a time: those that hold
what is looked for, and all of them the first time the block itself is read, by whomever. Nobody can see a tree that
lacks something.
"""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Callable, Collection, ItemsView, Iterator, KeysView, Sequence, ValuesView
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import libcst as cst

from cautify.analysis.direct import import_targets, inside, parsed, renamed
from cautify.analysis.scopes import Binding

MARK = "__cautify_body_"
_WORD = re.compile(r"\w+")
_QUIET = re.compile(  # strings and comments; f-strings hold code, and a key that says "params" means something
    r"""(["']params["']|(?:[fFtT][rR]?|[rR][fFtT])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|\#.*"""
)
_CLASS = re.compile(r"^[ \t]*class[ \t\\]", re.MULTILINE)
_IMPORT = re.compile(r"(?:^|[;:])[ \t]*(?:import|from)[ \t\\]", re.MULTILINE)
STAR = re.compile(r"import[ \t\\(]*\*")
OUTSIDE = re.compile(rf"\b(?:global|nonlocal)[ \t\\]|\b{STAR.pattern}")
_ALIAS = re.compile(r"(\w+)[\s\\]+as[\s\\]+(\w+)")
_CALLED = re.compile(r"(?<![.\w])(\w+)[ \t]*\(")
_GIVEN = re.compile(r"(?<![.\w])(\w+)[ \t]*(?:(?=,[\w, \t]*=[^=])|(?::[^=\n]*)?:?=(?!=))")
_DEFINES = re.compile(r"(?:def|class)[\s\\]+$")
_FEW = 12
_STATEMENTS = cst.IndentedBlock.__dict__["body"]


@dataclass(eq=False)
class Body:
    """Lines of a function's body: all of it, or statements that are parsed by themselves.

    ``text`` and ``code`` are the lines; in ``code`` there is no docstring.
    ``start`` and ``end`` count characters of the file; ``whole`` is what it is a part of, ``outline`` what ast makes of
    it, as long as that is kept. ``parse`` puts the statements
    into the tree. Until then ``statements``, ``calls``, ``classes``, ``returned`` and ``bindings`` are empty; then they
    hold those of the lines in their order.
    """

    start: int
    end: int
    text: str
    code: str
    whole: Deferred
    outline: list[ast.stmt] | None = None
    parse: Callable[[], None] | None = None
    statements: Sequence[cst.BaseStatement] = ()
    calls: list[cst.Call] = field(default_factory=list)
    classes: list[cst.ClassDef] = field(default_factory=list)
    returned: list[cst.BaseExpression] = field(default_factory=list)
    bindings: dict[str, list[Binding]] = field(default_factory=dict)

    def glance(self) -> Iterator[ast.AST] | None:
        """What ast sees there but for names and constants, in no order, or None where it cannot read that."""
        if self.outline is not None:
            return chain.from_iterable(map(inside, self.outline))
        tree = parsed(f"async def _():\n{self.text}\n")
        return None if tree is None else inside(tree)

    @cached_property
    def called(self) -> frozenset[str]:
        """The bare names that are called."""
        return frozenset(_CALLED.findall(self.code))

    @property
    def calls_variable(self) -> bool:
        """Whether a name may be called that is given to something by naming that: ``f = a.b``, ``def g(f=a.b)``."""
        return not self.called.isdisjoint(self.whole.renamed)

    @cached_property
    def words(self) -> frozenset[str]:
        """The identifiers and keywords, and a little of what is said in strings."""
        return frozenset(_WORD.findall(_QUIET.sub(r"\1 ", self.code)))

    def may_say(self, names: Collection[str]) -> bool:
        """Whether one of the names, or what the function imports one as, may occur as an identifier."""
        names = self.whole.called(names)
        if len(names) < _FEW and not any(name in self.code for name in names):
            return False
        return not self.words.isdisjoint(names)

    def may_bind(self, name: str) -> bool:
        """Whether a name may get a value there, in the scope of the function itself."""
        return name in self.code and self._may_give(name) and (self._bound is None or name in self._bound)

    def _may_give(self, name: str) -> bool:
        """Whether a name occurs otherwise than where it is called or something is read from it: nothing binds it so."""
        code, at = self.code, self.code.find(name)
        while at >= 0:
            end = at + len(name)
            alone = not (code[at - 1 : at] == "." or _WORD.match(code, at - 1, at) or _WORD.match(code, end, end + 1))
            reads = code[end : end + 1] in ("(", "[") or (code[end : end + 1] == "." and not self.may_import)
            if alone and (not reads or _DEFINES.search(code, max(0, at - 20), at)):
                return True
            at = code.find(name, end)
        return False

    @cached_property
    def _bound(self) -> frozenset[str] | None:
        """The names that are bound, or None where Python does not say."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = symtable.symtable(f"async def _():\n{self.text}\n", "?", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        function = next(inner for inner in table.get_children() if inner.get_name() == "_")
        return frozenset(symbol.get_name() for symbol in function.get_symbols() if symbol.is_local())

    @cached_property
    def may_hold_class(self) -> bool:
        """Whether a class may be defined there."""
        return "class" in self.code and _CLASS.search(self.code) is not None

    @cached_property
    def may_import(self) -> bool:
        """Whether there may be an import statement."""
        return "import" in self.code and _IMPORT.search(self.code) is not None

    @cached_property
    def imports(self) -> tuple[str, ...] | None:
        """The modules that import statements there name, with their leading dots, or None where ast does not say."""
        nodes = self.glance() if self.may_import else ()
        return None if nodes is None else tuple(import_targets(nodes))

    @cached_property
    def may_bind_outside(self) -> bool:
        """Whether names of another scope, or nobody knows which names, may be bound there."""
        return self.whole.may_bind_outside and OUTSIDE.search(self.code) is not None

    def read(self, default_indent: str) -> Sequence[cst.BaseStatement]:
        """The statements, parsed. Raises what libcst raises."""
        before = "" if self.whole.indent == default_indent else f"if _:\n{default_indent}pass\n"
        tree = cst.parse_module(f"{before}async def _():\n{self.text}\n")
        function = tree.body[-1]
        assert isinstance(function, cst.FunctionDef)
        return function.body.body  # type: ignore[return-value]


@dataclass(eq=False)
class Deferred:
    """The body of one function, as the parts in which it is parsed.

    ``begin`` is where the body of a function before it ends; ``defaults`` are those ``parameters`` whose default is
    only named. ``may_bind_outside``: names of another scope, or nobody knows which names, may be bound there.
    """

    begin: int
    indent: str
    parameters: frozenset[str]
    defaults: frozenset[str]
    may_bind_outside: bool
    parts: list[Body] = field(default_factory=list)
    _only_called: dict[str, bool] = field(default_factory=dict)

    def called(self, names: Collection[str]) -> Collection[str]:
        """The names, and those by which the function may import them."""
        others = [other for name, other in self._aliases if name in names]
        return {*names, *others} if others else names

    @cached_property
    def _aliases(self) -> list[tuple[str, str]]:
        return [found for part in self.parts if part.may_import for found in _ALIAS.findall(part.code)]

    @cached_property
    def renamed(self) -> Collection[str]:
        """The names that are called and may be given to something by naming that."""
        called = {name for part in self.parts for name in part.called}
        if all(called.isdisjoint(_GIVEN.findall(part.code)) for part in self.parts):
            return ()
        found: set[str] = set()
        for part in self.parts:
            nodes = part.glance()
            if nodes is None:
                return called
            found.update(renamed(nodes))
        return called & found

    def only_calls(self, name: str) -> bool:
        """Whether a name occurs only where it is called, so that nothing in the function gives it a meaning."""
        if name not in self._only_called:
            other = re.compile(rf"\b{name}\b(?![ \t]*\()").search
            self._only_called[name] = name not in self.parameters and not any(other(part.code) for part in self.parts)
        return self._only_called[name]

    def present(self) -> list[cst.BaseStatement]:
        """The statements that are parsed, in order."""
        return [statement for part in self.parts for statement in part.statements]

    def __call__(self) -> None:
        """Parse what is not parsed yet."""
        for part in self.parts:
            if part.parse is not None:
                part.parse()


class Block(cst.IndentedBlock):
    """A body of which some is not parsed yet. It turns into an ordinary block when its statements are read."""

    __slots__ = ()  # type: ignore[misc]  # no layout of its own: its instances were made as blocks

    @property
    def body(self) -> Sequence[cst.BaseStatement]:  # type: ignore[override]
        """The statements."""
        _STATEMENTS.__get__(self)()
        return _STATEMENTS.__get__(self)  # type: ignore[no-any-return]


def present(block: cst.IndentedBlock | cst.Module) -> Sequence[cst.CSTNode]:
    """The statements of a block that are parsed: at least those that bind any name that was looked up there."""
    if isinstance(block, Block):
        return _STATEMENTS.__get__(block).present()  # type: ignore[no-any-return]
    return block.body


def saying(block: cst.IndentedBlock | cst.Module, word: str) -> Sequence[cst.CSTNode]:
    """The statements of a block, without some that do not say a word."""
    return matching(block, lambda code: word in code)


def matching(block: cst.IndentedBlock | cst.Module, matters: Callable[[str], bool]) -> Sequence[cst.CSTNode]:
    """The statements of a block, without some whose text does not matter."""
    if isinstance(block, Block):
        for part in _STATEMENTS.__get__(block).parts:
            if part.parse is not None and matters(part.code):
                part.parse()
    return present(block)


class Bindings(dict[str, list[Binding]]):
    """What the scope of a function binds: to ask for one name has those statements parsed that may bind it."""

    def __init__(self, parameters: dict[str, list[Binding]], whole: Deferred) -> None:
        super().__init__()
        self._parameters = parameters
        self._whole = whole
        self._absent: set[str] = set()

    def __missing__(self, name: str) -> list[Binding]:
        for part in self._whole.parts:
            if part.parse is not None and part.may_bind(name):
                part.parse()
        found = [
            b for bound in (self._parameters, *(p.bindings for p in self._whole.parts)) for b in bound.get(name, ())
        ]
        if not found:
            self._absent.add(name)
            raise KeyError(name)
        self[name] = found
        return found

    def __contains__(self, name: object) -> bool:
        return self.get(str(name)) is not None

    def get(self, name: str, default: object = None) -> object:  # type: ignore[override]
        """The bindings of one name."""
        if name in self._absent:
            return default
        try:
            return self[name]
        except KeyError:
            return default

    def complete(self) -> dict[str, list[Binding]]:
        """All of it, in order. Everything is parsed by then."""
        every: dict[str, list[Binding]] = {}
        for bound in (self._parameters, *(part.bindings for part in self._whole.parts)):
            for name, found in bound.items():
                every.setdefault(name, []).extend(found)
        return every

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        return self._all().keys()

    def values(self) -> ValuesView[list[Binding]]:  # type: ignore[override]
        return self._all().values()

    def items(self) -> ItemsView[str, list[Binding]]:  # type: ignore[override]
        return self._all().items()

    def _all(self) -> dict[str, list[Binding]]:
        self._whole()
        return self.complete()


class Parents(dict[cst.CSTNode, cst.CSTNode]):
    """Node → the node around it. One node is asked for where it is parsed; who asks for all gets the rest parsed."""

    def __init__(self, complete: Callable[[], None]) -> None:
        super().__init__()
        self._complete = complete

    def __iter__(self) -> Iterator[cst.CSTNode]:
        self._complete()
        return super().__iter__()

    def keys(self) -> KeysView[cst.CSTNode]:  # type: ignore[override]
        self._complete()
        return super().keys()

    def values(self) -> ValuesView[cst.CSTNode]:  # type: ignore[override]
        self._complete()
        return super().values()

    def items(self) -> ItemsView[cst.CSTNode, cst.CSTNode]:  # type: ignore[override]
        self._complete()
        return super().items()


def number(block: cst.BaseSuite) -> int | None:
    """Which body a block has a mark of, if it has one."""
    if isinstance(block, cst.IndentedBlock) and len(block.body) == 1:
        match block.body[0]:
            case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Name(value=name))]) if name.startswith(MARK):
                return int(name.removeprefix(MARK))
    return None


def defer(block: cst.IndentedBlock, whole: Deferred) -> None:
    """Have the rest of a body parsed before the statements of its block are read."""
    _STATEMENTS.__set__(block, whole)
    object.__setattr__(block, "__class__", Block)


def restore(block: cst.IndentedBlock, statements: Sequence[cst.BaseStatement]) -> None:
    """Make the block an ordinary one again."""
    object.__setattr__(block, "__class__", cst.IndentedBlock)
    _STATEMENTS.__set__(block, statements)
