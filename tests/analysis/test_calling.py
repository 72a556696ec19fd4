"""Bytes say which files cannot call or import something. What they rule out is never parsed, so they may not err."""

from __future__ import annotations

import pytest

from cautify.analysis.calling import may_call
from cautify.analysis.import_lines import own_name, words_imported

CALLED = {
    "a plain call": "train(x)",
    "a call of an attribute, with space": "a.train (x)",
    "a call in brackets over lines": "(\n    a.train  # why\n    (x)\n)",
    "a callee in brackets": "((a.train))(x)",
    "a subscripted callee": "train[int](x)",
    "a broken line": "train \\\n(x)",
    "an import under another name": "from m import train as t\nt(x)",
    "the last of several": "retrain(x); def train(y): train\na.train(x)",
    "at the end of the file": "x = train()",
    "a value under another name": "f = a.train  # why\nf(x)",
}
NOT_CALLED = {
    "a definition": "def train(self): pass",
    "a class": "class train(Base): pass",
    "a part of a longer name": "retrain(x); train_all(x)",
    "a value among others": "f = [train]\nx = (1, 2)",
    "a part of another value": "f = train.x\nx = (1, 2)",
    "an argument": "f(train, x)",
    "a string": "'train'",
    "an import": "from m import train\n",
    "nothing": "",
}


@pytest.mark.parametrize("code", CALLED.values(), ids=CALLED.keys())
def test_a_file_that_may_call_is_let_through(code: str) -> None:
    assert may_call(code.encode(), {"other", "train"})


@pytest.mark.parametrize("code", NOT_CALLED.values(), ids=NOT_CALLED.keys())
def test_a_file_that_only_mentions_is_ruled_out(code: str) -> None:
    assert not may_call(code.encode(), {"other", "train"})


def test_imported_words_are_those_of_all_import_statements() -> None:
    code = b"import a.b as c\nx = 'important'\nif y:\n    from .d import (\n        e,\n        f as g,\n    )\n"
    assert words_imported(code) == {b"a", b"b", b"as", b"c", b"d", b"e", b"f", b"g"}


@pytest.mark.parametrize(
    "code",
    [
        "from a import *\n",
        "from a import b, \\\n    c\n",
        "from a \\\n    import b\n",
        "if x: import a\n",
        "y; from a import b",
    ],
)
def test_imports_that_are_written_in_unusual_ways_may_be_of_anything(code: str) -> None:
    assert words_imported(code.encode()) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/b.py", "b"), ("b.py", "b"), ("a/b/__init__.py", "b"), ("__init__.py", ""), ("a/b.c.py", "b.c")],
)
def test_a_module_is_known_by_its_own_name_or_its_package(path: str, name: str) -> None:
    assert own_name(path) == name
