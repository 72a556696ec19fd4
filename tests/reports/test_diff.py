"""The diff is what git would print, and git applies it whole, whatever bytes the files hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cautify.model import Action, Edit, FilePlan, Span
from cautify.reports.diff import file_diff, git_diff, quoted
from cautify.source import apply_edits

CASES = {
    "plain": (b"a\nb\nc\nd\n", b"a\nB\nc\nd\n"),
    "crlf": (b"a\r\nb\r\nc\r\n", b"a\r\nx\r\nb\r\nc\r\n"),
    "mixed newlines": (b"a\r\nb\nc\rd\r\ne\n", b"a\r\nb\nnew\r\nc\rd\r\ne\n"),
    "lone carriage returns": (b"a\rb\rc\r", b"a\rB\rc\r"),
    "latin-1": (b"# coding: latin-1\nx = '\xe9'\ny = 1\n", b"# coding: latin-1\nx = '\xe8'\ny = 1\n"),
    "byte order mark": (b"\xef\xbb\xbfimport a\nb\n", b"\xef\xbb\xbfimport a\nimport c\nb\n"),
    "change in the first line after a byte order mark": (b"\xef\xbb\xbfa\n", b"\xef\xbb\xbfb\n"),
    "no final newline before and after": (b"a\nb", b"a\nc"),
    "final newline lost": (b"a\nb\n", b"a\nb"),
    "final newline gained": (b"a\nb", b"a\nb\n"),
    "change far above a missing final newline": (b"a\n" * 20 + b"end", b"x\n" + b"a\n" * 19 + b"end"),
    "change within reach of a missing final newline": (b"a\nb\nc\nend", b"a\nB\nc\nend"),
    "form feed": (b"a\n\x0c\nb\n", b"a\n\x0c\nc\n"),
    "lines that look like a diff": (b"--- a\n+++ b\n@@ -1 +1 @@\n", b"--- a\n+++ c\n@@ -1 +1 @@\n-- \n"),
    "two hunks": (
        b"".join(b"%d\n" % n for n in range(40)),
        b"".join(b"%d\n" % n for n in range(40) if n not in (3, 33)),
    ),
    "two changes that share their context": (b"1\n2\n3\n4\n5\n6\n7\n8\n9\n", b"1\nB\n3\n4\n5\n6\n7\n8\nI\n"),
    "from nothing": (b"", b"a\nb\n"),
    "to nothing": (b"a\nb\n", b""),
    "trailing white space": (b"a\nb\n", b"a \t\nb\n"),
}
PATHS = [
    "a.py",
    "src/pkg/mod.py",
    "with space.py",
    "dir with space/x.py",
    "naïve/öptim.py",
    'quo"te.py',
    "back\\slash.py",
    "tab\there.py",
    "new\nline.py",
    "sp ace and ünicode.py",
]


def git(directory: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    settings = ("-c", "core.autocrlf=false", "-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", *settings, *arguments], cwd=directory, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / ".git" / "info" / "attributes").write_text("* -text\n")
    return tmp_path


def put(directory: Path, path: str, data: bytes) -> None:
    place = directory / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)


def as_git_prints(repository: Path) -> list[bytes]:
    """The lines of ``git diff`` against the index, without the blobs' names."""
    git(repository, "add", "-A", "-N")
    lines = git(repository, "diff", "--no-renames", "--diff-algorithm=minimal").split(b"\n")
    return [line for line in lines if not line.startswith(b"index ")]


@pytest.mark.parametrize("case", CASES)
def test_git_applies_the_diff_of_a_changed_file(repository: Path, case: str) -> None:
    before, after = CASES[case]
    put(repository, "x.py", before)
    git(
        repository, "apply", "--whitespace=nowarn", "-", stdin=file_diff(FilePlan("x.py", Action.MODIFY, before, after))
    )
    assert (repository / "x.py").read_bytes() == after


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("from nothing", "to nothing")])
def test_the_diff_is_the_one_that_git_prints(repository: Path, case: str) -> None:
    before, after = CASES[case]
    put(repository, "x.py", before)
    git(repository, "add", "-A")
    put(repository, "x.py", after)
    ours = file_diff(FilePlan("x.py", Action.MODIFY, before, after)).split(b"\n")
    assert [_without_function(line) for line in ours] == [_without_function(line) for line in as_git_prints(repository)]


def _without_function(line: bytes) -> bytes:
    """A hunk's header without the function's name that git puts after it."""
    return line[: line.index(b"@@", 2) + 2] if line.startswith(b"@@ ") else line


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_written_as_git_writes_it(repository: Path, path: str) -> None:
    put(repository, path, b"a\n")
    git(repository, "add", "-A")
    put(repository, path, b"b\n")
    assert file_diff(FilePlan(path, Action.MODIFY, b"a\n", b"b\n")).split(b"\n") == as_git_prints(repository)


@pytest.mark.parametrize("path", PATHS)
def test_a_created_file_is_written_as_git_writes_it(repository: Path, path: str) -> None:
    put(repository, path, b"a\nb\n")
    assert file_diff(FilePlan(path, Action.CREATE, None, b"a\nb\n")).split(b"\n") == as_git_prints(repository)


@pytest.mark.parametrize("path", PATHS)
def test_git_applies_creations_changes_and_deletions_together(repository: Path, path: str) -> None:
    files = [
        FilePlan(f"deleted/{path}", Action.DELETE, b"gone\r\n", None),
        FilePlan(f"made/{path}", Action.CREATE, None, b"new, without a final newline"),
        FilePlan(path, Action.MODIFY, b"\xefold\r\n", b"\xefnew\r\n"),
    ]
    for file in files:
        if file.before is not None:
            put(repository, file.path, file.before)
    git(repository, "apply", "--whitespace=nowarn", "-", stdin=git_diff(files))
    for file in files:
        place = repository / file.path
        assert (place.read_bytes() if place.exists() else None) == file.after, file.action


def test_a_path_that_is_no_utf8_comes_through(repository: Path) -> None:
    path = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    assert quoted(f"a/{path}") == b'"a/caf\\351.py"'
    put(repository, path, b"a\n")
    git(repository, "apply", "-", stdin=file_diff(FilePlan(path, Action.MODIFY, b"a\n", b"b\n")))
    assert (repository / path).read_bytes() == b"b\n"


def test_a_file_that_stays_as_it_is_has_no_section() -> None:
    assert file_diff(FilePlan("x.py", Action.MODIFY, b"a\n", b"a\n")) == b""


def test_edits_keep_hunks_to_the_lines_they_touch() -> None:
    before = b"".join(b"same\n" for _ in range(30))
    edits = (Edit(Span(5 * 10, 5 * 10), b"same\n", "field"), Edit(Span(5 * 20, 5 * 20 + 4), b"other", "wrap"))
    hunks = file_diff(FilePlan("x.py", Action.MODIFY, before, apply_edits(before, edits), edits)).count(b"\n@@ ")
    assert hunks == 2


texts = st.lists(st.sampled_from([b"a", b"b", b"\n", b"\r\n", b"\r", b"\xe9", b"\\", b"@@"]), max_size=30).map(b"".join)


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes, tuple[Edit, ...]]:
    """A text and edits on it that do not overlap."""
    before = draw(texts)
    cuts = sorted(draw(st.lists(st.integers(0, len(before)), max_size=8)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    return before, tuple(Edit(Span(a, b), draw(texts)) for a, b in spans)


@given(edited())
@settings(max_examples=300, deadline=None)
def test_the_hunks_turn_before_into_after(case: tuple[bytes, tuple[Edit, ...]]) -> None:
    before, edits = case
    after = apply_edits(before, edits)
    for given_edits in (edits, ()):
        assert _patched(before, file_diff(FilePlan("x.py", Action.MODIFY, before, after, given_edits))) == after


def _patched(before: bytes, diff: bytes) -> bytes:
    """Apply a diff strictly: every context and removed line must be where its hunk says."""
    old = before.split(b"\n")
    old = [line + b"\n" for line in old[:-1]] + [line for line in old[-1:] if line]
    new: list[bytes] = []
    at = 0
    lines = diff.split(b"\n")[3:-1] if diff else []
    for index, line in enumerate(lines):
        if line.startswith(b"@@ -"):
            first, _, length = line.split()[1][1:].partition(b",")
            start = int(first) - (1 if length != b"0" else 0)
            new += old[at:start]
            at = start
            continue
        last = index + 1 < len(lines) and lines[index + 1].startswith(b"\\ No newline")
        content = line[1:] + (b"" if last else b"\n")
        if line[:1] in (b" ", b"-"):
            assert old[at] == content
            at += 1
        if line[:1] in (b" ", b"+"):
            new.append(content)
    return b"".join([*new, *old[at:]])
