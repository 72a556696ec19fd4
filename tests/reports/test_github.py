"""GitHub's annotations: which findings, how grave, and nothing but what was meant, whatever a file is called."""

from __future__ import annotations

import html
import re

import pytest
from findings import ALLOWED, CHECKED, NOTHING, ODD_PATHS, WHOLE, odd

from cautify.model import Checked, Finding, State
from cautify.reports.github import check_github, check_summary
from cautify.reports.legible import legible

COMMAND = re.compile(r"::(error|warning|notice) file=([^,:]*),(?:line=(\d+),)?title=([^,:]*)::(.*)")


def commands(checked: Checked, prefix: str = "") -> list[tuple[str, str, str | None, str, str]]:
    """What a runner reads: level, file, line, title and message of every line, unescaped."""
    read = []
    for line in check_github(checked, prefix=prefix).decode("utf-8").split("\n")[:-1]:
        matched = COMMAND.fullmatch(line)
        assert matched, line
        level, file, number, title, message = matched.groups()
        read.append((level, unescaped(file), number, unescaped(title), unescaped(message)))
    return read


def unescaped(text: str) -> str:
    """As the runner does it; ``%25`` is the last."""
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def test_what_fails_is_an_error_and_what_is_allowed_a_notice() -> None:
    levels = [level for level, *_ in commands(CHECKED)]
    assert levels == ["error", "error", "notice", "error", "error", "notice", "error"]


def test_what_is_sound_is_not_mentioned() -> None:
    assert check_github(WHOLE) == check_github(NOTHING) == b""


def test_what_is_about_a_whole_file_has_no_line() -> None:
    assert commands(CHECKED)[0][1:4] == (".cautify/manifest.json", None, "cautify: conflict")


def test_the_message_names_the_place_because_the_log_shows_nothing_else() -> None:
    said = "src/x/optim.py:12: torch.optim.AdamW is not wrapped\nRun `cautify apply`."
    assert commands(CHECKED)[3] == ("error", "src/x/optim.py", "12", "cautify: new", said)


@pytest.mark.parametrize("path", ODD_PATHS.values(), ids=ODD_PATHS)
def test_a_path_makes_one_command_and_no_property(path: str) -> None:
    ((level, file, line, title, message),) = commands(odd(path))
    assert (level, line, title) == ("error", "3", "cautify: new")
    assert len(message.splitlines()) >= 3
    if path.isprintable() or path in ("a\nb::error::c.py", "a\rb.py"):
        assert file == path


def test_files_are_named_from_the_top_of_the_repository() -> None:
    assert commands(CHECKED, "pkg/sub/")[3][1] == "pkg/sub/src/x/optim.py"
    assert commands(CHECKED, "pkg/sub/")[3][4].startswith("pkg/sub/src/x/optim.py:12: ")
    assert b"pkg&#47;" not in check_summary(CHECKED, prefix="pkg/sub/")
    assert b"<code>pkg/sub/src/x/own.py" in check_summary(CHECKED, prefix="pkg/sub/")


@pytest.mark.parametrize(
    ("checked", "heading"),
    [
        (CHECKED, "5 differences"),
        (Checked(CHECKED.findings[:1]), "1 difference"),
        (ALLOWED, "only differences that are allowed"),
        (WHOLE, "the patch is whole"),
        (NOTHING, "nothing is recorded here, and nothing is to be wrapped"),
    ],
)
def test_the_summary_says_first_how_it_ended(checked: Checked, heading: str) -> None:
    assert check_summary(checked).decode().splitlines()[0] == f"### cautify check: {heading}"


@pytest.mark.parametrize("path", ODD_PATHS.values(), ids=ODD_PATHS)
def test_a_path_or_message_makes_one_row_and_no_markup(path: str) -> None:
    _, blank, head, rule, row, *rest = check_summary(odd(path)).decode("utf-8").splitlines()
    assert (blank, rest) == ("", [""])
    assert head.count("|") == rule.count("|") == row.count("|") == 5
    bare = row.replace("<code>", "").replace("</code>", "").replace("<br>", "").replace(" | ", "").strip("| ")
    assert not re.search(r"[|`*_\[\]\\~@!<>]", bare)
    assert not re.search(r"&(?!#\d+;)", bare)
    if path.isprintable():
        assert f"{path}:3" in html.unescape(row)


@pytest.mark.parametrize("path", ODD_PATHS.values(), ids=ODD_PATHS)
def test_a_reader_of_markdown_shows_a_path_as_it_is(path: str) -> None:
    reader = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    shown = reader.render(check_summary(odd(path)).decode("utf-8"))
    cells = re.findall(r"<td>(.*?)</td>", shown, re.DOTALL)
    assert len(cells) == 4
    assert {tag for cell in cells for tag in re.findall(r"</?\w+", cell)} <= {"<code", "</code", "<br"}
    assert html.unescape(re.sub(r"<[^>]*>", "", cells[0])) == f"{legible(path)}:3"


def test_a_summary_is_no_larger_than_github_shows() -> None:
    found = [Finding(f"src/{n}.py", n, State.NEW, "site", "x" * 500, "Run `cautify apply`.") for n in range(3000)]
    text = check_summary(Checked(tuple(found))).decode()
    assert len(text) < 1024 * 1024
    rows = sum(line.startswith("| <code>") for line in text.splitlines())
    assert text.endswith(f"\n{3000 - rows} more are in the log.\n\n")
