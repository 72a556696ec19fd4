"""Bodies of functions that are parsed late: nobody can tell, but by the time it takes."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from test_forms import TABLES, programs

import cautify
from cautify.analysis import deferred, skeleton
from cautify.analysis.spans import locate
from cautify.analysis.syntax import Module, Unparsable, walk
from cautify.model import Options
from cautify.patch.plan import make_plan
from cautify.source import read_source

PACKAGE = Path(cautify.__file__).parent
FIXTURES = Path(__file__).parents[2] / "fixtures"


def lines(indent: int) -> str:
    """Enough of a body for it to wait, and not a word in it of what anybody looks for."""
    return "".join(f"{' ' * indent}unrelated_{n} = something.that_is(not_called, value={n})\n" for n in range(8))


LONG = lines(8)
SPLIT = ", ".join(f"keyword_{n}=value_{n}" for n in range(20))

# Bodies as they may begin, end, nest and be laid out. Some of them cannot be left out.
ODD = f"""\
import a

def decorated_first():

    # a comment before the first statement
    @a.wrapped
    def inner(p=lambda: a.b()):
{LONG}
        return inner
    return inner  # behind the last
    # a comment below it

class Methods:
    async def comments(self, /, x=a.default(), *, y: "é" = 1):
        '''A docstring
that ends anywhere.''' ; self.first, self.second = a.pair()
# not indented at all
        async with a.open() as f: await f
        {{"é": [n async for n in f]}}
{LONG}
        for k in f:
            pass
            # deeper than what follows

    def one_line(self): return a.short({SPLIT})

    if a.condition:
        def conditional(self):
            global assigned_in_a_function
            assigned_in_a_function = a.made()
{lines(12)}
            class Nested(a.Base):
                attribute = yes
            def generator(): yield from a.b
    else:
        def conditional(self): \\
            return a.broken({SPLIT})

try:
  def two_spaces(container):
        container[a.key] = a.value
{LONG}        match container:
            case [1, *rest] if rest: return {{**container}}
except a.Error:
    def in_handler():
{LONG}        x = 1; \\
        y = 2;
def last():
{LONG}        return a.last()"""


def shape(module: Module) -> object:
    """All that a module says, each node by its type and place."""
    spans, code = locate(module.tree)
    names = {scope: sorted(scope.bindings) for scope in module.scopes.values()}
    return (
        code,
        [(type(node).__name__, spans[node]) for node in walk(module.tree)],
        [spans[call] for call in module.calls],
        sorted(spans[cls] for cls in module.classes),
        sorted((spans[scope.node], found) for scope, found in names.items()),
        sorted((spans[node], spans[above]) for node, above in module.parents.items()),
        sorted(spans[node] for node in module.imports),
    )


def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every file parsed whole."""
    monkeypatch.setattr(skeleton, "outline", lambda text: (text, []))


def check_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    late = Module(read_source("x.py", text.encode("utf-8")))
    with monkeypatch.context() as patch:
        eager(patch)
        whole = Module(read_source("x.py", text.encode("utf-8")))
    assert shape(late) == shape(whole)
    assert late.tree.code == whole.tree.code


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_this_package_reads_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_same(path.read_text(encoding="utf-8"), monkeypatch)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_it_reads_the_same_one_statement_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skeleton, "_SMALL", 0)
    monkeypatch.setattr(skeleton, "_PART", 0)
    check_same(path.read_text(encoding="utf-8"), monkeypatch)


@pytest.mark.parametrize("ending", ["", "\n", "\n\n    # below\n", "\n# below\n\n"])
def test_odd_layouts_read_the_same(ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_same(ODD + ending, monkeypatch)
    monkeypatch.setattr(skeleton, "_SMALL", 0)
    monkeypatch.setattr(skeleton, "_PART", 0)
    check_same(ODD + ending, monkeypatch)


def test_a_body_is_not_parsed_until_somebody_looks() -> None:
    module = Module(read_source("x.py", ODD.encode("utf-8")))
    waiting = [block for block in walk_without_looking(module.tree) if isinstance(block, deferred.Block)]
    assert len(waiting) > 3
    assert [c.func.attr.value for c in module.calls_of({"last"}) if isinstance(c.func, cst.Attribute)][-1] == "last"
    assert any(isinstance(block, deferred.Block) for block in waiting)
    assert len(module.calls) > 10
    assert not any(isinstance(block, deferred.Block) for block in waiting)


def walk_without_looking(node: cst.CSTNode) -> list[cst.CSTNode]:
    found, pending = [], [node]
    while pending:
        found.append(pending.pop())
        if not isinstance(found[-1], deferred.Block):
            pending += found[-1].children
    return found


@pytest.mark.parametrize("expression", ["'a' b", "x = = 1", "print 'x'"])
def test_a_syntax_error_in_a_body_is_told_at_once_and_with_its_line(expression: str) -> None:
    text = f"def f():\n{LONG}        {expression}\n"
    with pytest.raises(Unparsable, match="line 10"):
        Module(read_source("x.py", text.encode("utf-8")))


def test_a_body_that_only_libcst_cannot_take_in_makes_the_module_broken() -> None:
    module = Module(read_source("x.py", f"def f():\n{LONG}        x = {' + '.join(['1'] * 1500)}\n".encode()))
    assert not module.broken
    assert module.calls == []
    assert module.broken == "nested too deeply"


@pytest.mark.parametrize(
    "given",
    ["made: object = KIND", "other = made = KIND", "(made := KIND)", "def made(x=KIND): return x()"],
)
def test_a_body_in_which_a_variable_is_called_is_looked_into(given: str) -> None:
    text = f"import a\n\nKIND = a.thing\n\n\ndef f():\n    {given}\n    made(1)\n{lines(4)}"
    body = Module(read_source("x.py", text.encode()))._bodies[0].parts[0]
    assert body.calls_variable
    other = text.replace(given, "made = a.call()").replace("\n    made(1)", "")
    assert not skeleton.outline(other)[1][0].parts[0].calls_variable


ALL = [(table.stem, program.heading) for table in sorted(TABLES.glob("*.txt")) for program in programs(table.stem)]


@pytest.mark.parametrize(("table", "heading"), ALL, ids=lambda value: value)
def test_what_is_found_does_not_depend_on_when_bodies_are_parsed(
    table: str, heading: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = next(p for p in programs(table) if p.heading == heading).write(tmp_path)
    monkeypatch.setattr(skeleton, "_SMALL", 0)
    monkeypatch.setattr(skeleton, "_PART", 0)
    late = make_plan(root, Options(tests=True), prove=False)
    eager(monkeypatch)
    assert late == make_plan(root, Options(tests=True), prove=False)


@pytest.mark.parametrize("tree", sorted(p for p in FIXTURES.iterdir() if p.is_dir()), ids=lambda p: p.name)
def test_the_plan_of_a_fixture_does_not_depend_on_it_either(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skeleton, "_SMALL", 0)
    monkeypatch.setattr(skeleton, "_PART", 0)
    late = make_plan(tree / "before", Options(tests=True), prove=False)
    eager(monkeypatch)
    assert late == make_plan(tree / "before", Options(tests=True), prove=False)
