"""The manifest: what was done, how to undo it, and nothing in it believed unseen."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cautify import __version__
from cautify.errors import ManifestUnusable
from cautify.model import Action, Edit, FilePlan, Options, Plan, Problem, Site, Span, Verdict
from cautify.patch.disk import digest
from cautify.patch.manifest import FileRecord, Manifest, SiteRecord, dump, load, original, parse, updated
from cautify.source import apply_edits

ROOT = Path("/nowhere")


def modify(path: str, before: bytes, *edits: Edit) -> FilePlan:
    return FilePlan(path, Action.MODIFY, before, apply_edits(before, edits), edits)


def insert(at: int, text: bytes) -> Edit:
    return Edit(Span(at, at), text, "wrap")


def plan(*files: FilePlan, **other: object) -> Plan:
    return replace(Plan(ROOT, Options(), (), tuple(files)), **other)


BEFORE = b"# caf\xe9\r\nopt = AdamW()\r\n"
ONCE = modify("a.py", BEFORE, insert(14, b"wrap(\xe9"), insert(21, b")"))
TWICE = modify("a.py", ONCE.after or b"", Edit(Span(0, 1), b"##", "guard"))
RUNTIME = FilePlan("pkg/cautious_optimizer.py", Action.CREATE, None, b"class CautiousOptimizer: ...\n")
SITES = (
    Site("a.py", 2, 6, 2, ("torch.optim.AdamW",), "call", Verdict.WRAP),
    Site("a.py", 9, 6, 9, ("torch.optim.LBFGS",), "call", Verdict.SKIP, "closure"),
)
FULL = plan(
    ONCE,
    RUNTIME,
    modify("new\nli\u00f1e\u2028.py", b"x", insert(1, b"\n\xf0\x9f\x98\x80\xff\xe2\x80\xa8")),
    options=Options(("src/**",), ("docs",), True, "pkg"),
    sites=SITES,
    problems=(Problem("y.py", "unparsable", "…"),),
    runtimes=(RUNTIME.path,),
)


def only(manifest: Manifest) -> FileRecord:
    (record,) = manifest.files
    return record


def test_a_plan_becomes_a_manifest() -> None:
    manifest = updated(None, FULL)

    assert (manifest.schema, manifest.version) == (2, __version__)
    assert (manifest.options, manifest.runtimes) == (FULL.options, (RUNTIME.path,))
    assert manifest.problems == ("y.py",)
    assert manifest.directories == ("pkg",)
    assert manifest.sites == (
        SiteRecord("a.py", ("torch.optim.AdamW",), "wrapped"),
        SiteRecord("a.py", ("torch.optim.LBFGS",), "skip", "closure"),
    )
    assert [(r.path, r.action, r.before is None) for r in manifest.files] == [
        ("a.py", Action.MODIFY, False),
        ("new\nli\u00f1e\u2028.py", Action.MODIFY, False),
        (RUNTIME.path, Action.CREATE, True),
    ]


def test_the_text_has_one_line_per_file_sorted_and_ends_in_a_newline() -> None:
    data = dump(updated(None, plan(*FULL.files[::-1])))

    lines = [line for line in data.split(b"\n") if line.startswith(b'{"path"') and b"action" in line]
    assert data.endswith(b"]\n}\n") or data.endswith(b"}\n")
    assert len(lines) == 3
    assert lines == sorted(lines)
    assert data.decode("utf-8").count("\n") == len(data.decode("utf-8").splitlines())


def test_the_text_is_read_back_and_written_the_same_to_the_byte() -> None:
    manifest = updated(None, FULL)

    assert parse(dump(manifest)) == manifest
    assert dump(parse(dump(manifest))) == dump(manifest)


def test_edits_and_names_can_be_read_by_people() -> None:
    edit = modify("\u00fcber.py", b"AdamW()", Edit(Span(0, 5), "größe".encode()))
    text = dump(updated(None, plan(edit, modify("b.py", "schön".encode(), Edit(Span(0, 6), b"x"))))).decode("utf-8")

    assert '"über.py"' in text
    assert '"old": "AdamW()", "new": "größe()"' in text
    assert '"old": "schön"' in text


def test_the_order_of_files_in_a_plan_does_not_matter() -> None:
    manifest = updated(None, FULL)

    assert dump(updated(None, replace(FULL, files=FULL.files[::-1], sites=SITES[::-1]))) == dump(manifest)
    assert dump(replace(manifest, files=manifest.files[::-1], sites=manifest.sites[::-1])) == dump(manifest)


def test_branches_that_patch_different_files_merge_without_conflict(tmp_path: Path) -> None:
    files = [modify(f"{name}.py", b"x", insert(0, name.encode())) for name in "abcdefgh"]
    base = updated(None, plan(*files))
    ours = updated(base, plan(modify("a.py", b"ax", insert(0, b"1"))))
    theirs = updated(base, plan(modify("h.py", b"hx", insert(0, b"2"))))
    names = []
    for name, manifest in (("ours", ours), ("base", base), ("theirs", theirs)):
        (tmp_path / name).write_bytes(dump(manifest))
        names.append(str(tmp_path / name))

    subprocess.run(["git", "merge-file", *names], check=True)

    both = updated(ours, plan(modify("h.py", b"hx", insert(0, b"2"))))
    assert (tmp_path / "ours").read_bytes() == dump(both)


def test_the_original_comes_back() -> None:
    assert original(only(updated(None, plan(ONCE))), ONCE.after or b"") == BEFORE


def test_a_plan_without_edits_can_be_undone_too() -> None:
    whole = FilePlan("a.py", Action.MODIFY, b"old", b"new", ())

    assert original(only(updated(None, plan(whole))), b"new") == b"old"


def test_a_file_patched_again_keeps_its_first_before() -> None:
    record = only(updated(updated(None, plan(ONCE)), plan(TWICE)))

    assert (record.before, record.after) == (digest(BEFORE), digest(TWICE.after or b""))
    assert len(record.layers) == 1
    assert original(record, TWICE.after or b"") == BEFORE


def test_other_files_keep_their_records() -> None:
    first = updated(None, FULL)

    second = updated(first, plan(TWICE))

    assert second.files[1:] == first.files[1:]
    assert (second.runtimes, second.directories) == (first.runtimes, first.directories)


def test_a_file_edited_between_two_applies_is_recorded_but_not_restored() -> None:
    edited = modify("a.py", b"# mine\r\n" + (ONCE.after or b""), insert(0, b"!"))

    record = only(updated(updated(None, plan(ONCE)), plan(edited)))

    assert (record.before, record.after, len(record.layers)) == (digest(BEFORE), digest(edited.after or b""), 2)
    with pytest.raises(ValueError, match=r"a\.py"):
        original(record, edited.after or b"")


FIRST_SCHEMA = b"""{
"schema": 1,
"version": "0.1.0",
"options": {"include": [], "exclude": [], "tests": false, "vendor_to": null},
"runtimes": [],
"directories": [],
"files": [
{"path": "a.py", "action": "modify", "before": "%s", "after": "%s",
"layers": [[{"at": [0, 1], "text": "old", "purpose": "wrap"}]]}
],
"problems": [],
"sites": [
]
}
""" % (digest(b"old").encode(), digest(b"n").encode())


def test_a_manifest_of_the_first_schema_is_read_and_written_again_as_it_was() -> None:
    record = only(parse(FIRST_SCHEMA))

    assert original(record, b"n") == b"old"
    assert record.layers[0][0].new is None
    assert only(parse(dump(parse(FIRST_SCHEMA)))) == record


def test_a_file_put_back_by_hand_starts_anew() -> None:
    record = only(updated(updated(None, plan(TWICE)), plan(TWICE)))

    assert len(record.layers) == 1
    assert original(record, TWICE.after or b"") == TWICE.before


def test_a_created_file_that_is_brought_up_to_date_stays_created() -> None:
    upgrade = FilePlan(RUNTIME.path, Action.MODIFY, RUNTIME.after, b"newer\n")

    record = only(updated(updated(None, plan(RUNTIME)), plan(upgrade)))

    assert record == FileRecord(RUNTIME.path, Action.CREATE, None, digest(b"newer\n"), ())
    with pytest.raises(ValueError, match="created"):
        original(record, b"newer\n")


def test_a_deleted_file_is_forgotten() -> None:
    gone = FilePlan(RUNTIME.path, Action.DELETE, RUNTIME.after, None)

    assert updated(updated(None, plan(RUNTIME)), plan(gone)).files == ()


def test_only_directories_that_do_not_exist_yet_are_ours(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    deep = replace(RUNTIME, path="pkg/a/b/c.py")

    assert updated(None, plan(deep, root=tmp_path)).directories == ("pkg/a", "pkg/a/b")


def test_a_tree_without_manifest_has_none(tmp_path: Path) -> None:
    assert load(tmp_path) is None


def text_of(**changes: object) -> bytes:
    value = json.loads(dump(updated(None, plan(ONCE, RUNTIME))))
    for key, change in changes.items():
        if key.startswith("file_"):
            value["files"][0][key.removeprefix("file_")] = change
        elif change is ...:
            del value[key]
        else:
            value[key] = change
    return json.dumps(value).encode()


GOOD = dump(updated(None, plan(ONCE, RUNTIME)))
MERGED = GOOD.replace(b'{"path": "a.py"', b'<<<<<<< HEAD\n{"path": "a.py"', 1)
EDIT = {"at": [0, 1], "text": "x", "purpose": ""}
BAD = {
    "empty": (b"", "empty"),
    "white space": (b" \n", "empty"),
    "conflict markers": (MERGED, "conflict markers, the first in line"),
    "an end of a conflict alone": (GOOD + b">>>>>>> theirs\r\n", "conflict markers"),
    "cut off in a list": (GOOD[: len(GOOD) // 2], "truncated"),
    "cut off in its first line": (GOOD[:3], "truncated"),
    "not JSON": (b"schema: 1\n", "not JSON"),
    "JSON with a trailing comma": (b'{"schema": 1,}', "not JSON"),
    "not UTF-8": (b'{"schema": 1, "version": "\xff"}', "not UTF-8"),
    "a list": (b"[]", "no schema number"),
    "another program's JSON": (b'{"name": "x"}', "no schema number"),
    "a schema that is true": (text_of(schema=True), "no schema number"),
    "schema nought": (text_of(schema=0), "no schema number"),
    "a newer schema": (text_of(schema=3), "newer cautify (schema 3"),
    "a newer schema of another shape": (b'{"schema": 3, "records": {}}', "newer cautify (schema 3"),
    "NaN": (GOOD.replace(b'"schema": 2', b'"schema": NaN'), "NaN"),
    "a number of ten thousand digits": (b'{"schema": ' + b"9" * 10_000 + b"}", "limit"),
    "nesting without end": (b'{"schema":' * 100_000 + b"}", "nested too deeply"),
    "a key twice": (b'{"schema": 1, "schema": 1}', "twice"),
    "a missing key": (text_of(files=...), "no 'files'"),
    "an unknown key": (text_of(more=1), "does not know, 'more'"),
    "files that are an object": (text_of(files={}), "not a list"),
    "a file that is a string": (text_of(files=["a.py"]), "not an object"),
    "a version that is a number": (text_of(version=1), "not a string"),
    "tests that are a string": (
        text_of(options={"include": [], "exclude": [], "tests": "", "vendor_to": None}),
        "tests",
    ),
    "an unknown action": (text_of(file_action="execute"), "unknown action 'execute'"),
    "a deletion": (text_of(file_action="delete"), "do not go with its action"),
    "a created file with a before": (text_of(file_action="create"), "do not go with its action"),
    "a modified file without a before": (text_of(file_before=None), "do not go with its action"),
    "a modified file without layers": (text_of(file_layers=[]), "do not go with its action"),
    "a hash that is none": (text_of(file_after="../x"), "not a SHA-256"),
    "a hash in capitals": (text_of(file_after="A" * 64), "not a SHA-256"),
    "a span backwards": (text_of(file_layers=[[{**EDIT, "at": [2, 1]}]]), "no proper span"),
    "a span of three": (text_of(file_layers=[[{**EDIT, "at": [1, 2, 3]}]]), "no proper span"),
    "a negative offset": (text_of(file_layers=[[{**EDIT, "at": [-1, 1]}]]), "not a whole number"),
    "an offset that is true": (text_of(file_layers=[[{**EDIT, "at": [True, 1]}]]), "not a whole number"),
    "a fractional offset": (text_of(file_layers=[[{**EDIT, "at": [0.5, 1]}]]), "not a whole number"),
    "text that no bytes decode to": (text_of(file_layers=[[{**EDIT, "text": "\ud800"}]]), "stands for no byte"),
    "an absolute path": (text_of(file_path="/etc/passwd"), "absolute"),
    "a path that climbs": (text_of(file_path="../x.py"), "climbs out"),
    "a path that climbs later": (text_of(file_path="pkg/../../x.py"), "climbs out"),
    "a path with a backslash": (text_of(file_path="..\\x.py"), "backslash"),
    "a path with a drive": (text_of(file_path="C:/x.py"), "drive letter"),
    "a path with a NUL": (text_of(file_path="x\0.py"), "NUL"),
    "a path into git": (text_of(file_path="sub/.Git/hooks/pre-commit"), "version control"),
    "a path to ourselves": (text_of(file_path=".cautify/lock"), "cautify's own"),
    "a path that is not shortest": (text_of(file_path="./x.py"), "shortest"),
    "an empty path": (text_of(file_path=""), "empty"),
    "a path that no file can have": (text_of(file_path="\ud800"), "no file name"),
    "a path twice": (text_of(file_path=RUNTIME.path), "twice"),
    "a runtime outside": (text_of(runtimes=["/x.py"]), "absolute"),
    "a runtime that is no list": (text_of(runtimes="x.py"), "not a list"),
    "a directory outside": (text_of(directories=[".."]), "climbs out"),
}


@pytest.mark.parametrize(("data", "reason"), [pytest.param(*case, id=name) for name, case in BAD.items()])
def test_a_bad_manifest_is_refused_with_its_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / ".cautify").mkdir()
    (tmp_path / ".cautify/manifest.json").write_bytes(data)

    with pytest.raises(ManifestUnusable) as caught:
        load(tmp_path)

    assert caught.value.what == ".cautify/manifest.json cannot be used"
    assert reason in caught.value.why
    assert len(caught.value.next_step) > 40
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("data", "advice"),
    [(MERGED, "Resolve the conflict"), (text_of(schema=3), "Upgrade cautify"), (GOOD[:50], "Restore the file")],
    ids=["conflict", "newer", "truncated"],
)
def test_each_kind_of_bad_manifest_has_its_own_advice(data: bytes, advice: str) -> None:
    with pytest.raises(ManifestUnusable) as caught:
        parse(data)

    assert advice in caught.value.next_step


def test_an_enormous_manifest_is_not_even_read(tmp_path: Path) -> None:
    (tmp_path / ".cautify").mkdir()
    with open(tmp_path / ".cautify/manifest.json", "wb") as file:
        file.truncate(1 << 40)

    with pytest.raises(ManifestUnusable, match="1,099,511,627,776 bytes"):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["directory", "link"])
def test_what_is_no_file_is_no_manifest(tmp_path: Path, kind: str) -> None:
    (tmp_path / ".cautify").mkdir()
    place = tmp_path / ".cautify/manifest.json"
    place.mkdir() if kind == "directory" else place.symlink_to("/dev/zero")

    with pytest.raises(ManifestUnusable, match=r"a directory|not a regular file"):
        load(tmp_path)


def test_windows_newlines_from_a_checkout_do_no_harm() -> None:
    assert parse(GOOD.replace(b"\n", b"\r\n")) == parse(GOOD)


@st.composite
def edited_bytes(draw: st.DrawFn) -> tuple[bytes, tuple[Edit, ...]]:
    data = draw(st.binary(max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    spans = [Span(*pair) for pair in zip(cuts[::2], cuts[1::2], strict=False)]
    return data, tuple(Edit(span, draw(st.binary(max_size=8))) for span in spans)


@given(first=edited_bytes(), data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_layers_on_any_bytes_lead_back_after_a_round_trip(
    first: tuple[bytes, tuple[Edit, ...]], data: st.DataObject
) -> None:
    before, edits = first
    manifest, now = None, before
    for _ in range(3):
        file = modify("a.py", now, *edits)
        manifest = parse(dump(updated(manifest, plan(file))))
        now = file.after or b""
        end = len(now)
        edits = (Edit(Span(end // 2, end), data.draw(st.binary(max_size=5))),)

    assert manifest is not None
    if now == before:
        assert manifest.files == ()
    else:
        assert original(only(manifest), now) == before


@given(at=st.integers(0, len(GOOD)), length=st.integers(0, 20), put=st.binary(max_size=6))
def test_damage_anywhere_is_refused_or_harmless_and_never_a_crash(at: int, length: int, put: bytes) -> None:
    try:
        manifest = parse(GOOD[:at] + put + GOOD[at + length :])
    except ManifestUnusable:
        return
    assert parse(dump(manifest)).files == tuple(sorted(manifest.files, key=lambda record: record.path))
