"""Arguments that a call gains: where the lines of the call are its author's own, they come behind the last."""

from __future__ import annotations

import ast

import libcst as cst
import pytest
from signatures import formatted

from cautify.analysis.syntax import Module, walk
from cautify.patch.layout import Change, Rewriter
from cautify.patch.style import Style
from cautify.source import apply_edits, invert, read_source


def appended(code: str, length: int = 88, name: str = "f") -> str:
    """A file in which the call of ``f`` has two more arguments. The way back gives the file again."""
    data = code.encode()
    module = Module(read_source("m.py", data))
    calls = [n for n in walk(module.tree) if isinstance(n, cst.Call) and module.text(n.func).endswith(name)]
    rewriter = Rewriter(module, Style(line_length=length), {calls[0]: Change(arguments=("use=on", "eps=small"))})
    edits = rewriter.edits()
    after = apply_edits(data, edits)
    assert apply_edits(after, invert(data, edits)) == data
    ast.parse(after)
    return after.decode()


AS_ITS_AUTHOR_WRITES_IT = {
    "aligned with the bracket": ("f(a,\n  b)\n", "f(a,\n  b,\n  use=on,\n  eps=small)\n"),
    "aligned with the bracket, several a line": ("f(a, b,\n  c, d)\n", "f(a, b,\n  c, d, use=on, eps=small)\n"),
    "aligned with the bracket, several a line, with no room": (
        "f(a, b,\n  the_first_of_the_last_line, the_second_of_the_last_line, the_third_of_the_line)\n",
        "f(a, b,\n  the_first_of_the_last_line, the_second_of_the_last_line, the_third_of_the_line,\n"
        "  use=on, eps=small)\n",
    ),
    "hanging from the call": (
        "x = f(\n        a=1, \n        b=tuple(2))\n",
        "x = f(\n        a=1, \n        b=tuple(2),\n        use=on,\n        eps=small)\n",
    ),
    "one a line without a comma at the end": (
        "f(\n    a,\n    b\n)\n",
        "f(\n    a,\n    b,\n    use=on,\n    eps=small\n)\n",
    ),
    "one a line with a comment and no comma at the end": (
        "f(\n    a,\n    b  # (last\n)\n",
        "f(\n    a,\n    b,  # (last\n    use=on,\n    eps=small\n)\n",
    ),
    "a comma before the bracket": (
        "f(a,\n  b,)\n",
        "f(a,\n  b,\n  use=on,\n  eps=small,)\n",
    ),
    "commas in front": (
        "f(a\n  , b\n  )\n",
        "f(a\n  , b,\n  use=on,\n  eps=small\n  )\n",
    ),
    "a star at the end": (
        "f(a,\n  **b)\n",
        "f(a,\n  **b,\n  use=on,\n  eps=small)\n",
    ),
    "a value of several lines": (
        "f(a,\n  b=[\n   1], # one\n  )\n",
        "f(a,\n  b=[\n   1], # one\n  use=on,\n  eps=small,\n  )\n",
    ),
    "other newlines and wide letters": (
        'f("學習率",\r\n  b)  # é\r\n',
        'f("學習率",\r\n  b,\r\n  use=on,\r\n  eps=small)  # é\r\n',
    ),
}


@pytest.mark.parametrize("name", AS_ITS_AUTHOR_WRITES_IT)
def test_a_call_keeps_the_layout_of_its_author_with(name: str) -> None:
    before, after = AS_ITS_AUTHOR_WRITES_IT[name]
    assert appended(before) == after


AS_RUFF_WRITES_IT = {
    "no arguments": "x = f()\n",
    "one line": "x = f(a, b=2)\n",
    "one line, too long": f"x = f({'a' * 40}, {'b' * 30})\n",
    "one more line": f"x = self.{'f' * 30}(\n    {'a' * 30}, {'b' * 30}\n)\n",
    "one a line": "x = f(\n    a,\n    b=2,\n)\n",
    "comments": "x = f(\n    a,  # (first\n    # second\n    b=2,  # third)\n    # the end\n)\n",
    "a comment behind the bracket": "x = f(  # why\n    a,\n    b,\n)\n",
    "a bracket as the last argument": f"x = f({'a' * 40}, [\n        {'b' * 40},\n    ],\n)\n",
    "another call around": "g(1, f(a))\n",
    "another call around, over several lines": "g(\n    1,\n    f(\n        a,  # first\n    ),\n)\n",
    "a star at the end": f"x = f({'a' * 40}, *args, **{'k' * 20})\n",
}


@pytest.mark.parametrize("length", [79, 88, 100])
@pytest.mark.parametrize("name", AS_RUFF_WRITES_IT)
def test_a_formatted_call_stays_formatted_with(name: str, length: int) -> None:
    before = formatted(AS_RUFF_WRITES_IT[name], length)
    after = appended(before, length)
    assert formatted(after, length) == after
    assert "use=on" in after
    assert "eps=small" in after
