"""Our spans are libcst's, node for node."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

import cautify
from cautify.analysis.spans import locate
from cautify.analysis.syntax import Module
from cautify.source import read_source

PACKAGE = Path(cautify.__file__).parent
EVERYTHING = """\
# é: a comment before anything
@decorated(1)
class A(B, metaclass=C):
    "doc"; x: int = 1

    async def f(self, a, /, b=2, *c, d: "é" = 3, **e) -> None:
        async with g() as h, i:
            await j[1:2, ...]
        return (yield), f"{a!r:>{b}}" 'é'


for k in (1,), [2], {3}, {4: 5, **l}:
    m = n if o else lambda p: not p  # end
else:
    del q, r[0]
try:
    pass
except* (S, T) as u:
    raise v from w
match x:
    case [1, *y] | {"z": _} if True:
        pass
print("é", *a, **{k: v for k, v in b if c})
"""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_spans_of_this_package_are_those_of_libcst(path: Path) -> None:
    assert_equal(path.read_text(encoding="utf-8"))


def test_spans_of_all_kinds_of_syntax_are_those_of_libcst() -> None:
    assert_equal(EVERYTHING)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_statement_is_found_by_its_text_where_the_whole_module_has_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    whole, _ = locate(Module(read_source("x.py", text.encode())).tree)
    module = Module(read_source("x.py", text.encode()))
    theirs = list(whole.values())
    ours = list(locate(module.tree)[0])
    assert len(ours) == len(theirs)
    for node, expected in zip(ours, theirs, strict=True):
        if node is not module.tree:
            assert module.span(node) == expected


def test_statements_of_the_same_text_are_told_apart() -> None:
    module = Module(read_source("x.py", b"if a:\n    f(1)\nelif b:\n    f(1)\nelse:\n    g(\n        2)\nf(1)\n"))
    assert [module.span(call)[0] for call in module.calls] == [10, 27, 42, 56]


def assert_equal(text: str) -> None:
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    spans, code = locate(wrapper.module)
    theirs = wrapper.resolve(ByteSpanPositionProvider)
    assert code == text
    assert len(spans) > 50 or len(text) < 400
    assert spans == {node: (span.start, span.start + span.length) for node, span in theirs.items()}


LONG = "parser.add_argument('--name', help='what this option does, told at some length; é')\n"
STATEMENTS = f"""\
# é: a comment before anything
def options(parser):
    \"\"\"What it does.\"\"\"
    {LONG}    (parser.add_argument('--other'))  # in brackets
    first = 1; parser.add_argument('--a'); parser.add_argument(
        '--b'
    )

    if first:
        pass
    (parser.add_argument)('--c', help='{"long " * 60}')
    {LONG}    {LONG}"""


def test_calls_that_are_statements_stand_where_libcst_says() -> None:
    module = Module(read_source("a.py", STATEMENTS.encode()))
    spans = [module.span(call) for call in module.calls]
    expected, code = locate(module.tree)
    assert code == STATEMENTS
    assert len(spans) == 7
    assert spans == [expected[call] for call in module.calls]
