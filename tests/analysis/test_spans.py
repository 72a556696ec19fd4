"""Our spans are libcst's, node for node."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest
from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

import cautify
from cautify.analysis.spans import locate

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


def assert_equal(text: str) -> None:
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    spans, code = locate(wrapper.module)
    theirs = wrapper.resolve(ByteSpanPositionProvider)
    assert code == text
    assert len(spans) > 50 or len(text) < 400
    assert spans == {node: (span.start, span.start + span.length) for node, span in theirs.items()}
