"""Function bodies that are parsed when somebody looks into them: most of a file never matters, and parsing is the cost.

``ast`` is fifteen times faster than libcst. It says where the functions of a file are; libcst is then given the file
with one short line in the place of each body. What is left out is put back, statement by statement, the first time its
block or its scope is read, by whomever: nobody can see a tree that lacks something.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, ItemsView, Iterator, KeysView, Sequence, ValuesView
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import libcst as cst

from cautify.analysis.direct import parsed
from cautify.analysis.scopes import Scope

_MARK = "__cautify_body_"
_SMALL = 160  # characters; parsing less at once is cheaper than coming back for it
_WORD = re.compile(r"\w+")
_QUIET = re.compile(  # strings and comments; f-strings hold code, and a key that says "params" means something
    r"""(["']params["']|(?:[fFtT][rR]?|[rR][fFtT])(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|\#.*"""
)
_CLASS = re.compile(r"^[ \t]*class[ \t\\]", re.MULTILINE)
_IMPORT = re.compile(r"(?:^|[;:])[ \t]*(?:import|from)[ \t\\]", re.MULTILINE)
_GLOBAL = re.compile(r"\bglobal[ \t\\]")
_CALLED = re.compile(r"(?<![.\w])(\w+)[ \t]*\(")
_GIVEN = re.compile(r"(?<![.\w])(\w+)[ \t]*(?::[^=\n]*)?:?=(?!=)")
_NAMED = (ast.Name, ast.Attribute, ast.IfExp, ast.Subscript, ast.BoolOp)
_FEW = 12
_DEEPEST = 200
_BRACKET = re.compile(r"[()\[\]{}]")
_STATEMENTS = cst.IndentedBlock.__dict__["body"]
_BOUND = ("bindings", "stars", "outwards")


@dataclass(eq=False)
class Body:
    """The lines of a function's body. ``code`` is the same without its docstring.

    ``start`` and ``end`` count characters of the file, ``number`` the bodies before it; ``defaults`` are the parameters
    whose default is only named. ``parse`` puts the statements into the tree. Until then ``calls`` and ``classes`` are
    empty; they hold those of the body in their order.
    """

    start: int
    end: int
    text: str
    code: str
    indent: str
    number: int
    defaults: frozenset[str]
    parse: Callable[[], None] | None = None
    calls: list[cst.Call] = field(default_factory=list)
    classes: list[cst.ClassDef] = field(default_factory=list)

    @cached_property
    def called(self) -> frozenset[str]:
        """The bare names that are called."""
        return frozenset(_CALLED.findall(self.code))

    @cached_property
    def calls_variable(self) -> bool:
        """Whether a name may be called that is given to something by naming that: ``f = a.b``, ``def g(f=a.b)``."""
        called = self.called
        if called.isdisjoint(_GIVEN.findall(self.code)):
            return False
        tree = parsed(f"async def _():\n{self.text}\n")
        return tree is None or any(name in called for name in _renamed(tree))

    @cached_property
    def words(self) -> frozenset[str]:
        """The identifiers and keywords, and a little of what is said in strings."""
        return frozenset(_WORD.findall(_QUIET.sub(r"\1 ", self.code)))

    def may_say(self, names: Collection[str]) -> bool:
        """Whether one of the names may occur as an identifier."""
        if len(names) < _FEW and not any(name in self.code for name in names):
            return False
        return not self.words.isdisjoint(names)

    @cached_property
    def may_hold_class(self) -> bool:
        """Whether a class may be defined there."""
        return "class" in self.code and _CLASS.search(self.code) is not None

    @cached_property
    def may_import(self) -> bool:
        """Whether there may be an import statement."""
        return "import" in self.code and _IMPORT.search(self.code) is not None

    @cached_property
    def may_bind_outside(self) -> bool:
        """Whether names of the module may be bound there."""
        return "global" in self.code and _GLOBAL.search(self.code) is not None

    def statements(self, default_indent: str) -> Sequence[cst.BaseStatement]:
        """The body, parsed. Raises what libcst raises."""
        before = "" if self.indent == default_indent else f"if _:\n{default_indent}pass\n"
        tree = cst.parse_module(f"{before}async def _():\n{self.text}\n")
        function = tree.body[-1]
        assert isinstance(function, cst.FunctionDef)
        return function.body.body  # type: ignore[return-value]


class Block(cst.IndentedBlock):
    """A body that is not parsed yet. It turns into an ordinary block when its statements are read."""

    __slots__ = ()  # type: ignore[misc]  # no layout of its own: its instances were made as blocks

    @property
    def body(self) -> Sequence[cst.BaseStatement]:  # type: ignore[override]
        """The statements."""
        _STATEMENTS.__get__(self)()
        return _STATEMENTS.__get__(self)  # type: ignore[no-any-return]


class Inside(Scope):
    """The scope of a function whose body is not parsed yet. It turns into an ordinary one when it is read."""

    def __getattribute__(self, name: str) -> object:
        if name in _BOUND:
            _parse_of(self)()
        return object.__getattribute__(self, name)


def _parse_of(scope: Inside) -> Callable[[], None]:
    return object.__getattribute__(scope, "parse")  # type: ignore[no-any-return]


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


def skeleton(text: str) -> tuple[cst.Module, list[Body]]:
    """The tree without the bodies of functions, and these; or all of it where libcst does not accept it so.

    Raises what libcst raises.
    """
    short, bodies = outline(text)
    if bodies:
        try:
            return cst.parse_module(short), bodies
        except (cst.ParserSyntaxError, cst.CSTValidationError):
            pass
    elif _MARK not in text and _depth(text) > _DEEPEST:
        raise RecursionError("more brackets in brackets than Python itself allows")  # libcst's parser would overflow
    return cst.parse_module(text), []


def _depth(text: str) -> int:
    """How deep brackets are nested at most, those in strings and comments counted too. Only for what ast refuses."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(text):
        depth = depth + 1 if bracket in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def outline(text: str) -> tuple[str, list[Body]]:
    """The text with a mark in the place of each function's body, and these bodies, numbered by the marks."""
    tree = parsed(text) if _MARK not in text else None
    if tree is None:
        return text, []
    lines = text.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    bodies: list[Body] = []
    pieces: list[str] = []
    done = 0
    for function in _functions(tree.body):
        body = _body(function, text, lines, starts, len(bodies))
        if body is not None:
            pieces += (text[done : body.start], f"{body.indent}{_MARK}{len(bodies)}")
            done = body.end
            bodies.append(body)
    return "".join([*pieces, text[done:]]), bodies


def _functions(statements: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions and methods that stand in no other, in order."""
    for node in statements:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node
            case ast.ClassDef() | ast.With():
                yield from _functions(node.body)
            case ast.If() | ast.For() | ast.While():
                yield from _functions(node.body)
                yield from _functions(node.orelse)
            case ast.Try():
                yield from _functions(node.body)
                for handler in node.handlers:
                    yield from _functions(handler.body)
                yield from _functions(node.orelse)
                yield from _functions(node.finalbody)
            case _:
                pass


def _body(
    function: ast.FunctionDef | ast.AsyncFunctionDef, text: str, lines: list[str], starts: list[int], number: int
) -> Body | None:
    """The body of a function, if it fills whole lines and is not too short."""
    first, last = function.body[0], function.body[-1]
    decorators = getattr(first, "decorator_list", ())
    top = min((first.lineno, *(d.lineno for d in decorators))) - 1
    bottom = (last.end_lineno or last.lineno) - 1
    start, end = starts[top], starts[bottom] + len(lines[bottom])
    if end - start < _SMALL or top < function.lineno:
        return None
    indent = lines[top][: len(lines[top]) - len(lines[top].lstrip())]
    begins = first.col_offset if not decorators else len(indent)
    after = lines[bottom].encode("utf-8")[last.end_col_offset :].lstrip()
    if begins != len(indent) or lines[top - 1].endswith("\\") or after[:1] not in (b"", b"#", b";") or b"\\" in after:
        return None
    code = text[start:end]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        below = first.end_lineno or first.lineno
        if len(function.body) == 1 or function.body[1].lineno > below:
            code = text[starts[below] : end]
    defaults = frozenset(_defaults(function.args))
    return Body(start, end, text[start:end], code, indent, number, defaults)


def _defaults(arguments: ast.arguments) -> Iterator[str]:
    """The parameters whose default is only named."""
    plain = [*arguments.posonlyargs, *arguments.args]
    with_default = [*plain[len(plain) - len(arguments.defaults) :], *arguments.kwonlyargs]
    pairs = zip(with_default, [*arguments.defaults, *arguments.kw_defaults], strict=True)
    return (argument.arg for argument, default in pairs if _is_named(default))


def _is_named(value: ast.expr | None) -> bool:
    return isinstance(value, _NAMED) or (isinstance(value, ast.Constant) and value.value in (None, True, False))


def _renamed(tree: ast.AST) -> Iterator[str]:
    """The names that are given to something by naming that."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and _is_named(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.arguments):
            yield from _defaults(node)


def number(block: cst.BaseSuite) -> int | None:
    """Which body a block has a mark of, if it has one."""
    if isinstance(block, cst.IndentedBlock) and len(block.body) == 1:
        match block.body[0]:
            case cst.SimpleStatementLine(body=[cst.Expr(value=cst.Name(value=name))]) if name.startswith(_MARK):
                return int(name.removeprefix(_MARK))
    return None


def defer(block: cst.IndentedBlock, scope: Scope, parse: Callable[[], None]) -> None:
    """Have ``parse`` called before the statements of the block, or what its scope binds, are read."""
    _STATEMENTS.__set__(block, parse)
    object.__setattr__(block, "__class__", Block)
    scope.__dict__["parse"] = parse
    scope.__class__ = Inside


def restore(block: cst.IndentedBlock, scope: Scope, statements: Sequence[cst.BaseStatement]) -> None:
    """Make both ordinary again."""
    object.__setattr__(block, "__class__", cst.IndentedBlock)
    _STATEMENTS.__set__(block, statements)
    scope.__class__ = Scope
