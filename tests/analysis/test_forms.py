"""Programs as people write them, and where in them optimizers are made. What is left alone comes first.

A table holds programs, each under a heading that reads as a sentence; ``==== path`` begins another file, the first is
train.py. A line on which an optimizer is made ends in ``#: wrap FORM`` or ``#: skip REASON``, one such pair for each,
with commas between; no other line may have a row. A program that imports ``probe`` is also run, patched and not.

Under a heading, ``!! why`` says what is known to be wrong with the rows, ``!look why`` with the patch, ``!run why``
when it runs. ``~~ N`` is how many optimizers become cautious when that is not all of them. ``>> pattern`` is found in
the patched files, ``<< pattern`` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from test_training import Server

from cautify.model import Options, Site
from cautify.patch.plan import make_plan

TABLES = Path(__file__).parent / "forms"
_MARK = re.compile(r"[ \t]*#: (.*)$")


@dataclass
class Program:
    """One entry of a table. ``expected`` are (path, line, words) of each row."""

    heading: str
    files: dict[str, str] = field(default_factory=dict)
    expected: list[tuple[str, int, str]] = field(default_factory=list)
    wrong: str = ""
    wrong_when_run: str = ""
    wrong_patch: str = ""
    cautious: int | None = None
    found: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)

    def write(self, root: Path) -> Path:
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return root


def programs(table: str) -> Iterator[Program]:
    text = (TABLES / f"{table}.txt").read_text(encoding="utf-8")
    for entry in re.split(r"(?m)^#### ", text)[1:]:
        heading, _, body = entry.partition("\n")
        program = Program(heading.strip())
        path, lines = "train.py", list[str]()
        program.files[path] = ""
        for line in [*body.strip("\n").split("\n"), "==== "]:
            if line.startswith("!! "):
                program.wrong = line[3:]
            elif line.startswith("!run "):
                program.wrong_when_run = line[5:]
            elif line.startswith("!look "):
                program.wrong_patch = line[6:]
            elif line.startswith("~~ "):
                program.cautious = int(line[3:])
            elif line.startswith((">> ", "<< ")):
                (program.found if line[0] == ">" else program.not_found).append(line[3:])
            elif line.startswith("==== "):
                program.files[path] = "\n".join(lines).strip("\n") + "\n" if lines else ""
                path, lines = line[5:].strip(), []
            else:
                marked = _MARK.search(line)
                lines.append(line[: marked.start()] if marked else line)
                for words in marked[1].split(", ") if marked else ():
                    program.expected.append((path, len(lines), words.strip()))
        if not program.files["train.py"].strip():
            del program.files["train.py"]
        yield program


def parametrized(*tables: str, of: str = "rows") -> list[object]:
    """The programs of some tables, for a test of their rows, their patch, their run or their way back."""
    found = []
    for table in tables:
        for program in programs(table):
            if of == "run" and "import probe" not in "".join(program.files.values()):
                continue
            known = {"rows": program.wrong, "patch": program.wrong_patch, "run": program.wrong_when_run}
            why = known.get(of, "")
            marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
            found.append(pytest.param(program, id=program.heading, marks=marks))
    return found


def words(site: Site, expected: str) -> str:
    """A row in the words of a table; of what is skipped the form is only said where the table says it."""
    if site.reason is None:
        return f"{site.verdict.value} {site.form}"
    return f"skip {site.reason}" + (f" {site.form}" if expected.count(" ") == 2 else "")


def rows(root: Path, program: Program) -> list[tuple[str, int, str]]:
    plan = make_plan(root, Options())
    assert plan.problems == ()
    said = {(path, line): text for path, line, text in program.expected}
    return [(s.path, s.line, words(s, said.get((s.path, s.line), ""))) for s in plan.sites]


LEFT_ALONE = ("left_alone",)
FORMS = ("held", "looked_up", "factories", "chains", "across_files", "expressions", "modern")


@pytest.mark.parametrize("program", parametrized(*LEFT_ALONE))
def test_what_looks_like_an_optimizer_is_left_alone(tmp_path: Path, program: Program) -> None:
    root = program.write(tmp_path)
    assert sorted(rows(root, program)) == sorted(program.expected)
    assert make_plan(root, Options()).files == ()


@pytest.mark.parametrize("program", parametrized(*FORMS))
def test_each_place_that_makes_an_optimizer_has_its_one_row(tmp_path: Path, program: Program) -> None:
    root = program.write(tmp_path)
    assert sorted(rows(root, program)) == sorted(program.expected)


@pytest.mark.parametrize("program", parametrized(*FORMS, of="patch"))
def test_a_second_look_at_the_patched_program_finds_nothing_to_do(tmp_path: Path, program: Program) -> None:
    root = program.write(tmp_path)
    before = {(s.path, s.form, s.reason) for s in make_plan(root, Options()).sites}
    _patch(root)
    again = make_plan(root, Options())
    assert again.files == ()
    assert "wrap" not in {s.verdict.value for s in again.sites}
    assert {(s.path, s.form, s.reason) for s in again.sites} == before
    text = "".join((root / path).read_text(encoding="utf-8") for path in program.files)
    assert [pattern for pattern in program.found if not re.search(pattern, text)] == []
    assert [pattern for pattern in program.not_found if re.search(pattern, text)] == []


@pytest.mark.parametrize("program", parametrized(*FORMS, of="way back"))
def test_what_was_applied_is_checked_and_taken_back_to_the_byte(tmp_path: Path, program: Program, cautify) -> None:
    root = program.write(tmp_path)
    before = _contents(root)
    assert cautify("apply", root, "--yes").code == 0
    patched = _contents(root)
    assert cautify("apply", root, "--yes").code == 0
    assert _contents(root) == patched
    if patched != before:
        checked = cautify("check", root)
        assert checked.code == 0, checked.out
        assert cautify("revert", root, "--yes").code == 0
    assert _contents(root) == before


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("torch")
    started = Server()
    yield started
    started.close()


@pytest.mark.parametrize("program", parametrized(*FORMS, of="run"))
def test_the_patched_program_trains_as_before_and_cautiously_when_told_to(
    tmp_path: Path, server: Server, program: Program
) -> None:
    before, after = program.write(tmp_path / "before"), program.write(tmp_path / "after")
    _patch(after)
    run = {"script": "train.py"} if "train.py" in program.files else {"module": "app.train"}
    plain = server.run(before, run, "", {})
    off = server.run(after, run, "", {})
    assert plain != []
    assert off == plain
    _switch_on(after)
    on = server.run(after, run, "", {})
    expected = len(plain) if program.cautious is None else program.cautious
    assert [o["steps"] for o in on] == [o["steps"] for o in plain]
    assert sum(o["cautious"] for o in on) == expected


def _patch(root: Path) -> None:
    for file in make_plan(root, Options()).files:
        assert file.after is not None
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_bytes(file.after)


def _switch_on(root: Path) -> None:
    """Every wrap is on, wherever its switch is: that has tests of its own."""
    for runtime in root.rglob("cautious_optimizer.py"):
        runtime.write_text(runtime.read_text(encoding="utf-8") + "\n\n_switched_on = lambda *_: True\n", "utf-8")


def _contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
