"""What was done to a file, as groups of lines: exact by offset, and found again by what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cautify.patch.document_keys import without_keys, without_pairs
from cautify.patch.hunks import Hunk, hunks_between, placed, put_back
from cautify.patch.logical import Logical, comments_in, logical_lines, moved, relaid
from cautify.patch.sequences import Part, without
from cautify.patch.traces import Words
from cautify.source import apply_edits, read_source

LINES = st.sampled_from(
    [b"a = 1\n", b"f(\n", b")\n", b"\n", b"b = 2\r\n", b"'''\n", b"# c\n", b"x = \\\n", b"\xff\n", b"end", b"    d\n"]
)
CODE = st.lists(LINES, max_size=12).map(b"".join)


@given(CODE | st.binary(max_size=60), CODE | st.binary(max_size=60))
def test_the_groups_of_any_two_files_lead_back_by_their_offsets(before: bytes, after: bytes) -> None:
    hunks = hunks_between(before, after)
    assert apply_edits(after, [hunk.back() for hunk in hunks]) == before
    assert all(after[hunk.span.start : hunk.span.end] == hunk.new for hunk in hunks)


@given(CODE, CODE, st.lists(st.sampled_from([b"new = 1\n", b"\n", b"other(2)\n"]), max_size=5).map(b"".join))
def test_groups_that_are_all_found_lead_back_below_new_lines(before: bytes, after: bytes, above: bytes) -> None:
    before, after = before + b"\n", after + b"\n"
    hunks = hunks_between(before, after)
    standing = placed(above + after, hunks)
    if len(standing) == len(hunks) and all(
        line == 1 + (above + after)[: len(above) + hunk.span.start].count(b"\n") for hunk, line in standing.items()
    ):
        assert put_back(above + after, standing) == above + before


@given(CODE, CODE)
def test_groups_are_found_at_lines_that_say_what_they_say(before: bytes, after: bytes) -> None:
    for hunk, line in placed(after, hunks_between(before, after)).items():
        said = (hunk.new or b"").replace(b"\r\n", b"\n").rstrip(b"\r\n")
        there = b"\n".join(after.replace(b"\r\n", b"\n").split(b"\n")[line - 1 :])
        assert there.startswith(said)


def test_a_statement_that_changed_is_taken_whole() -> None:
    (hunk,) = hunks_between(b"a\nf(\n    1,\n    2,\n)\nb\n", b"a\nf(\n    1,\n    3,\n)\nb\n")
    assert (hunk.old, hunk.new) == (b"f(\n    1,\n    2,\n)\n", b"f(\n    1,\n    3,\n)\n")


def test_of_groups_that_are_alike_all_are_found_or_none() -> None:
    before, after = b"a\nb\nc\n", b"a\nx\nb\nx\nc\n"
    hunks = hunks_between(before, after)
    assert sorted(placed(after, hunks).values()) == [2, 4]
    assert placed(after + b"x\n", hunks) == {}
    assert placed(b"a\nb\nx\nc\n", hunks) == {}


def test_lines_put_back_among_other_newlines_have_those() -> None:
    hunks = hunks_between(b"a\nb\nc\n", b"a\nB\nc\n")
    now = b"a\r\nB\r\nc\r\n"
    assert put_back(now, placed(now, hunks)) == b"a\r\nb\r\nc\r\n"


def test_a_group_of_a_manifest_that_did_not_record_it_is_not_found() -> None:
    (hunk,) = hunks_between(b"a\n", b"b\n")
    assert placed(b"b\n", [Hunk(hunk.span, hunk.old, None)]) == {}


# -- lines of code ----------------------------------------------------------------------------------------------------


def only(text: str) -> Logical:
    (line,) = logical_lines(text)
    return line


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("f(a, b)", "f(\n    a,\n    b,\n)"),
        ("return f(a)", "return (\n    f(a)\n)"),
        ("a = b + c", "a = \\\n    b + c"),
        ("x = '''a\nb'''", "x   =  '''a\nb'''"),
    ],
)
def test_statements_that_differ_in_layout_say_the_same(one: str, other: str) -> None:
    assert only(one).tokens == only(other).tokens


@pytest.mark.parametrize(("one", "other"), [("f(a)", "f(b)"), ("a = (b)", "a = b"), ("f('a')", "f('a ')")])
def test_statements_that_say_something_else_are_told_apart(one: str, other: str) -> None:
    assert only(one).tokens != only(other).tokens


def test_a_statement_is_laid_out_as_another_of_its_shape() -> None:
    was = "f(  # all\n    a,\n    lr=1,\n)"
    assert relaid(was, only(was), only("f( # all\n a, lr=2)").tokens) == "f(  # all\n    a,\n    lr=2,\n)"


def test_the_lines_of_a_string_are_not_indented_anew() -> None:
    assert moved("f(\n        '''\n        a''',\n    )", "    ", "") == "f(\n    '''\n        a''',\n)"


def test_a_hash_in_a_string_is_no_comment() -> None:
    assert list(comments_in("f('#a', '''\n#b\n''')  # c\n")) == [(21, "# c")]


# -- lists with commas, and documents ---------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=5), st.booleans(), st.booleans())
def test_items_taken_out_leave_the_others_in_a_list_that_reads(
    items: list[tuple[str, bool]], lines: bool, comma: bool
) -> None:
    between = ",\n    " if lines else ", "
    text = "f(" + ("\n    " if lines else "") + between.join(f"{name}=1" for name, _ in items)
    text += ("," if comma else "") + ("\n" if lines else "") + ")\n"
    parts, at = [], 0
    for _, goes in items:
        at = text.index("=1", at) + 2
        parts.append(Part(at - 3, at, goes))
    source = read_source("a.py", text.encode())
    cuts = [source.edit(*cut, "revert") for cut in without(source, parts)]
    left = "".join(apply_edits(text.encode(), cuts).decode().split())
    assert left.replace(",)", ")") == "f(" + ",".join(f"{name}=1" for name, goes in items if not goes) + ")"


@pytest.mark.parametrize(
    ("document", "left"),
    [
        (b"a: 1\nuse_cautious_optimizer: true\nb: 2\n", b"a: 1\nb: 2\n"),
        (b"a: 1\n\ncautious_eps: 1.0e-8\n\nb: 2\n", b"a: 1\n\nb: 2\n"),
        (b"a: 1\r\nUSE_CAUTIOUS_OPTIMIZER: false\r\n", b"a: 1\r\n"),
        (b"say: use_cautious_optimizer\n", b"say: use_cautious_optimizer\n"),
    ],
)
def test_yaml_loses_the_keys_alone(document: bytes, left: bytes) -> None:
    assert without_keys(document, Words()) == left


@pytest.mark.parametrize(
    ("document", "left"),
    [
        (b'{"lr": 1, "cautious_eps": 1e-8}', b'{"lr": 1}'),
        (b'{\n  "use_cautious_optimizer": true,\n  "lr": 1\n}\n', b'{\n  "lr": 1\n}\n'),
        (b'{\n  "lr": 1,\n  "cautious_eps": 1\n}\n', b'{\n  "lr": 1\n}\n'),
        (b'{"cautious_eps": {"a": 1}}', b'{"cautious_eps": {"a": 1}}'),
        (b'{"a": "\\"cautious_eps\\": 1,"}', b'{"a": "\\"cautious_eps\\": 1,"}'),
        (b'{"cautious_eps": 1,', b'{"cautious_eps": 1,'),
    ],
)
def test_json_loses_the_pairs_or_nothing(document: bytes, left: bytes) -> None:
    assert without_pairs(document, Words()) == left
