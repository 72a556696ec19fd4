"""A plan as a file: it comes back as it was, and nothing in it is believed unseen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cautify import __version__
from cautify.errors import PlanUnusable
from cautify.model import Edit, Span
from cautify.patch.disk import digest, unusable
from cautify.patch.plan_text import StoredFile, StoredPlan, dump, is_plan, parse

SHA = digest(b"")
PLAN = StoredPlan(
    (
        StoredFile("a.py", digest(b"x"), digest(b"xy"), (Edit(Span(1, 1), b"caf\xe9\r\n\xe2\x80\xa8", "wrap"),)),
        StoredFile("pkg/cautious_optimizer.py", None, digest(b"new"), (Edit(Span(0, 0), b"new"),)),
    ),
    (("gone.py", None), ("seen.py", SHA)),
    ("pkg",),
    SHA,
    b'{"sch\xc3\xa9ma": 2}\n\xff',
)

names = st.text(min_size=1).filter(lambda path: unusable(path) is None)
hashes = st.binary(max_size=4).map(digest)
edits = st.builds(
    lambda start, length, text, purpose: Edit(Span(start, start + length), text, purpose),
    st.integers(0, 2**40),
    st.integers(0, 99),
    st.binary(),
    st.text(),
)


@st.composite
def plans(draw: st.DrawFn) -> StoredPlan:
    paths = sorted(draw(st.sets(names, max_size=6)))
    cut = draw(st.integers(0, len(paths)))
    files = tuple(
        StoredFile(path, draw(st.none() | hashes), draw(hashes), tuple(draw(st.lists(edits, max_size=3))))
        for path in paths[:cut]
    )
    seen = tuple((path, draw(st.none() | hashes)) for path in paths[cut:])
    directories = tuple(sorted(draw(st.sets(names, max_size=2))))
    return StoredPlan(files, seen, directories, draw(st.none() | hashes), draw(st.none() | st.binary()))


@settings(max_examples=60)
@given(plans())
def test_a_plan_comes_back_as_it_was(plan: StoredPlan) -> None:
    data = dump(plan)
    assert is_plan(data)
    assert parse(data, "plan.json") == plan
    assert dump(parse(data, "plan.json")) == data
    assert data.count(b"\n") == len(data.splitlines())


def test_each_file_has_a_line_and_nothing_tells_the_day_or_the_machine() -> None:
    lines = dump(PLAN).decode().split("\n")
    assert sum(line.startswith('{"path": "a.py"') for line in lines) == 1
    assert dump(PLAN) == dump(StoredPlan(PLAN.files[::-1], PLAN.seen[::-1], ("pkg",), PLAN.replaces, PLAN.manifest))


def test_an_editor_that_changes_newlines_or_layout_does_no_harm() -> None:
    assert parse(dump(PLAN).replace(b"\n", b"\r\n"), "p") == PLAN
    assert parse(json.dumps(json.loads(dump(PLAN)), indent=4).encode(), "p") == PLAN


@settings(max_examples=150)
@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(data: st.DataObject) -> None:
    good = dump(PLAN)
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + data.draw(st.binary(max_size=2)) + good[at + data.draw(st.integers(0, 3)) :]
    try:
        found = parse(bad, "p")
    except PlanUnusable:
        return
    assert found == PLAN


Damage = Callable[[dict[str, Any]], object]
DAMAGE: dict[str, tuple[Damage, str]] = {
    "another schema": (lambda raw: raw.update(schema=2), "another schema (2, and this cautify knows 1)"),
    "no schema": (lambda raw: raw.pop("schema"), "another schema"),
    "a deep schema": (lambda raw: raw.update(schema=[[[]]]), "another schema"),
    "true for a schema": (lambda raw: raw.update(schema=True), "another schema"),
    "another version": (lambda raw: raw.update(version="9.9"), f"by cautify 9.9, and this is cautify {__version__}"),
    "no version": (lambda raw: raw.update(version=None), "this is cautify"),
    "another kind": (lambda raw: raw.update(kind="shopping list"), "no plan of cautify's"),
    "a key too many": (lambda raw: raw.update(more=1), "'more'"),
    "a key too few": (lambda raw: raw.pop("seen"), "'seen'"),
    "another text": (lambda raw: raw["files"][0]["edits"][0].update(text="rm"), "edited or damaged"),
    "another manifest": (lambda raw: raw.update(manifest="{}"), "edited or damaged"),
    "another hash": (lambda raw: raw["files"][0].update(before=SHA), "edited or damaged"),
    "no hash": (lambda raw: raw["files"][0].update(before="abc"), "is not a SHA-256"),
    "a span backwards": (lambda raw: raw["files"][0]["edits"][0].update(at=[2, 1]), "no proper span"),
    "a span of three": (lambda raw: raw["files"][0]["edits"][0].update(at=[1, 2, 3]), "no proper span"),
    "a negative span": (lambda raw: raw["files"][0]["edits"][0].update(at=[-1, 2]), "whole number"),
    "a file twice": (lambda raw: raw["files"].append(raw["files"][0]), "twice"),
    "written and seen": (lambda raw: raw["seen"].append({"path": "a.py", "sha256": SHA}), "twice"),
    "a lone surrogate": (lambda raw: raw["files"][0]["edits"][0].update(text="\ud800"), "stands for no byte"),
    "files that are no list": (lambda raw: raw.update(files={}), "not a list"),
    "a list": (lambda raw: raw["files"].append([]), "is not an object"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_what_is_no_plan_is_refused_with_its_reason(case: str) -> None:
    change, said = DAMAGE[case]
    raw = json.loads(dump(PLAN))
    change(raw)
    with pytest.raises(PlanUnusable) as caught:
        parse(json.dumps(raw).encode(), "plan.json")
    assert said in caught.value.why
    assert "--plan-out" in caught.value.next_step


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"kind": NaN}', b'{"schema": %s}' % (b"9" * 5000)]
)
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(PlanUnusable):
        parse(data, "plan.json")


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "../x.py", "a/../../x.py", "a//b.py", "./a.py", "a\\b.py", "C:/x.py", "a\0b", "\ud800"),
        *(".git/hooks/pre-commit", "sub/.GIT/config", ".cautify/manifest.json", ".Cautify/lock"),
    ],
)
@pytest.mark.parametrize("where", ["files", "seen", "directories"])
def test_a_path_that_leads_elsewhere_is_refused(path: str, where: str) -> None:
    raw = json.loads(dump(PLAN))
    if where == "directories":
        raw[where] = [path]
    else:
        raw[where][0]["path"] = path
    with pytest.raises(PlanUnusable) as caught:
        parse(json.dumps(raw).encode(), "plan.json")
    assert "the path" in caught.value.why
