"""Programs as people write them, and from where in them the learning rate is set: the switch arrives from there.

A table holds programs, each under a heading that reads as a sentence; ``==== path`` begins another file, the first is
train.py. A line on which an optimizer is made ends in ``#: wrap HOME``, where a user's hand sets the switch, or in
``#: skip REASON``, one for each with commas between; no other line may have a row. ``HOME/OTHER`` leaves two open,
where several hands reach one place. A program that imports ``probe`` is also run, patched and not.

Directly under a heading: ``on ARGV`` switches it on from the command line, always with 1e-5 for the epsilon, and
``==== on.py`` is a program of the user that does so from outside the project. Without either, and without a home, the
environment does. ``off ARGV`` is the command line of the plain run. ``resume ARGV`` runs the patched program on the
files that the plain run left. ``needs PACKAGE`` says without which packages it cannot run. ``~~ N`` is how many
optimizers become cautious when that is not all. ``>> pattern`` is found in the patched files, ``<< pattern`` is not;
``path :: pattern`` is about one file. How brackets are broken over lines makes no difference to a pattern.

``flag NAME`` and ``default on`` are options that the program is patched with. Where the switch is on by default, it is
switched off instead: by ``off ARGV`` or by the user's program, ``==== off.py``; the plain run has no arguments. Without
a home the environment switches it off.

What is known to be wrong: ``!! why`` with the rows, ``!look why`` with the patch, ``!back why`` with the way back,
``!run why`` when it runs switched off, and ``!on why`` when it runs switched on.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fixture_trees import TEMPLATE
from test_training import CAUTIOUS, Server, alike

from cautify.model import HomeKind, Options, Plan, Site, Verdict
from cautify.patch.plan import make_plan

TABLES = Path(__file__).parent / "programs"
EPS = 1e-5
TESTS = {"rows": "!! ", "patch": "!look ", "back": "!back ", "off": "!run ", "on": "!on "}
_MARK = re.compile(r"[ \t]*#: (.*)$")
_SWITCH = re.compile(r"use[-_]?cautious[-_]?optimizer|cautious[-_]?eps", re.IGNORECASE)


@dataclass
class Program:
    """One entry of a table. ``expected`` are (path, line, words) of each row; ``user`` is the text of on.py."""

    heading: str
    files: dict[str, str] = field(default_factory=dict)
    expected: list[tuple[str, int, str]] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    on: list[str] | None = None
    off: list[str] = field(default_factory=list)
    resume: list[str] | None = None
    needs: list[str] = field(default_factory=list)
    user: str = ""
    cautious: int | None = None
    flag: str | None = None
    default: str = "off"
    found: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)

    @property
    def options(self) -> Options:
        return Options(flag_name=self.flag, default_on=self.default == "on")

    @property
    def arguments(self) -> list[str]:
        """The options as they are given on cautify's command line."""
        named = ["--flag-name", self.flag] if self.flag is not None else []
        return [*named, "--default", self.default]

    @property
    def runs(self) -> bool:
        return any("import probe" in text for text in self.files.values())

    @property
    def switched(self) -> bool:
        """Whether a row has a home of the project's own."""
        return any(words.startswith("wrap ") and words != "wrap environment" for _, _, words in self.expected)

    def write(self, root: Path) -> Path:
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return root

    def text(self, root: Path) -> str:
        return "".join((root / path).read_text(encoding="utf-8") for path in self.files)

    def holds(self, root: Path, pattern: str) -> bool:
        """Whether the files of a tree, or the one that is named, hold a pattern, brackets broken over lines or not."""
        path, named, rest = pattern.partition(" :: ")
        text = (root / path).read_text(encoding="utf-8") if named else self.text(root)
        search = re.compile(rest if named else pattern, re.MULTILINE).search
        return search(text) is not None or search(_joined(text)) is not None


def _joined(text: str) -> str:
    """Code with each pair of brackets on one line."""
    text = re.sub(r"([(\[{])\s*\n\s*", r"\1", text)
    text = re.sub(r",?[ \t]*\n\s*([)\]}])", r"\1", text)
    return re.sub(r",[ \t]*\n\s*", ", ", text)


def programs(table: str) -> Iterator[Program]:
    for entry in re.split(r"(?m)^#### ", (TABLES / f"{table}.txt").read_text(encoding="utf-8"))[1:]:
        heading, _, body = entry.partition("\n")
        program = Program(heading.strip())
        rest = body.strip("\n").split("\n")
        while rest and _directive(program, rest[0]):
            del rest[0]
        path, lines = "train.py", list[str]()
        for line in [*rest, "==== "]:
            if line.startswith("==== "):
                text = "\n".join(lines).strip("\n")
                if text or path != "train.py":
                    program.files[path] = text + "\n" if text else ""
                path, lines = line[5:].strip(), []
                continue
            marked = _MARK.search(line)
            lines.append(line[: marked.start()] if marked else line)
            for words in marked[1].split(", ") if marked else ():
                program.expected.append((path, len(lines), words.strip()))
        program.user = program.files.pop("off.py" if program.default == "on" else "on.py", "")
        yield program


def _directive(program: Program, line: str) -> bool:
    """Take in one of the lines directly under a heading; False where the program begins."""
    word, _, rest = line.partition(" ")
    for test, mark in TESTS.items():
        if line.startswith(mark):
            program.wrong[test] = rest
            return True
    if word in ("on", "off", "resume"):
        setattr(program, word, shlex.split(rest))
    elif word == "needs":
        program.needs += rest.split()
    elif word in ("flag", "default"):
        setattr(program, word, rest)
    elif word == "~~":
        program.cautious = int(rest)
    elif word in (">>", "<<"):
        (program.found if word == ">>" else program.not_found).append(rest)
    else:
        return False
    return True


NAMES = ("left_alone", "argument", "parameter", "attribute", "constant", "key", "field", "flag_name", "default_on")
ALL = [(table, program) for table in NAMES for program in programs(table)]


def parametrized(test: str) -> list[object]:
    """The programs that a test is about; what is known to be wrong is expected to fail."""
    found = []
    for table, program in ALL:
        if test in ("off", "on") and not program.runs:
            continue
        why = program.wrong.get(test, "")
        marks = [pytest.mark.xfail(strict=True, reason=why)] if why else []
        found.append(pytest.param(program, id=f"{table}: {program.heading}", marks=marks))
    return found


@dataclass(frozen=True)
class Pair:
    """A program before and after, and the plan that led from one to the other."""

    before: Path
    after: Path
    plan: Plan


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Program], Pair]:
    made: dict[int, Pair] = {}

    def get(program: Program) -> Pair:
        if id(program) not in made:
            directory = tmp_path_factory.mktemp("homes")
            before, after = program.write(directory / "before"), program.write(directory / "after")
            made[id(program)] = Pair(before, after, patched(after, program.options))
        return made[id(program)]

    return get


def patched(root: Path, options: Options) -> Plan:
    plan = make_plan(root, options)
    for file in plan.files:
        assert file.after is not None
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        (root / file.path).write_bytes(file.after)
    return plan


def words(site: Site, expected: set[str]) -> str:
    """A row in the words of a table, as far as they leave something open."""
    if site.verdict is Verdict.SKIP:
        return f"skip {site.reason}"
    assert site.switch is not None
    kind = site.switch.kind.value
    return next((e for e in sorted(expected) if "/" in e and kind in e[5:].split("/")), f"wrap {kind}")


def rows(plan: Plan, program: Program) -> list[tuple[str, int, str]]:
    assert plan.problems == ()
    expected = {said for _, _, said in program.expected}
    return sorted((site.path, site.line, words(site, expected)) for site in plan.sites)


@pytest.mark.parametrize("program", parametrized("rows"))
def test_each_construction_has_its_row_and_its_home(program: Program, pair: Callable[[Program], Pair]) -> None:
    plan = pair(program).plan
    assert rows(plan, program) == sorted(program.expected)
    for site in plan.sites:
        if site.switch is not None and site.verdict is Verdict.WRAP:
            environment = site.switch.kind is HomeKind.ENVIRONMENT
            assert (site.switch.enabled is None) == (site.switch.eps is None) == environment
            declared = {home.kind for home in site.switch.homes}
            assert not (environment and declared)
            assert environment or site.switch.kind in declared or site.switch.kind is HomeKind.KEY  # a free key


@pytest.mark.parametrize("program", parametrized("patch"))
def test_a_patched_program_has_the_switch_and_nothing_is_left_to_do(
    program: Program, pair: Callable[[Program], Pair]
) -> None:
    trees = pair(program)
    for path in program.files:
        if path.endswith(".py"):
            compile((trees.after / path).read_bytes(), path, "exec")
    again = make_plan(trees.after, program.options)
    assert again.files == ()
    assert Verdict.WRAP not in {site.verdict for site in again.sites}
    assert sorted(w for *_, w in rows(again, program)) == sorted(w for *_, w in program.expected)
    assert [pattern for pattern in program.found if not program.holds(trees.after, pattern)] == []
    assert [pattern for pattern in program.not_found if program.holds(trees.after, pattern)] == []
    if not program.switched:
        assert _SWITCH.findall(program.text(trees.after)) == _SWITCH.findall(program.text(trees.before))


@pytest.mark.parametrize("program", parametrized("back"))
def test_what_was_applied_is_checked_and_taken_back_to_the_byte(tmp_path: Path, program: Program, cautify) -> None:
    root = program.write(tmp_path)
    before = _contents(root)
    assert cautify("apply", root, "--yes", *program.arguments).code == 0
    applied = _contents(root)
    assert cautify("apply", root, "--yes").code == 0
    assert _contents(root) == applied
    checked = cautify("check", root)
    assert checked.code == 0, checked.out
    if applied != before:
        assert cautify("revert", root, "--yes").code == 0
    assert _contents(root) == before


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("torch")
    started = Server()
    yield started
    started.close()


def run(server: Server, root: Path, program: Program, argv: list[str], **environment: str) -> list[dict[str, Any]]:
    """What the optimizers of a program did that was started with these arguments."""
    start = "run_path('train.py'" if "train.py" in program.files else "run_module('app.train', alter_sys=True"
    code = f"""
import runpy, sys
sys.argv = {["train.py", *argv]!r}
try:
    runpy.{start}, run_name='__main__')
except SystemExit as end:  # click and absl always end so
    if end.code not in (None, 0):
        raise
"""
    return server.run(root, {}, code, environment)


@pytest.mark.parametrize("program", parametrized("off"))
def test_switched_off_the_patched_program_leaves_the_same_bits(
    server: Server, program: Program, pair: Callable[[Program], Pair]
) -> None:
    for package in program.needs:
        pytest.importorskip(package)
    trees = pair(program)
    already_there = _contents(trees.before).keys()
    on_by_default = program.default == "on"
    plain = run(server, trees.before, program, [] if on_by_default else program.off)
    assert plain != []
    if on_by_default and program.user:
        off = server.run(trees.after, {}, program.user, {})
    else:
        environment = {"USE_CAUTIOUS_OPTIMIZER": "0"} if on_by_default and not program.switched else {}
        off = run(server, trees.after, program, program.off, **environment)
    assert alike(off) == alike(plain)
    assert not any(o["cautious"] for o in off)
    if program.resume is not None:
        left = {path: data for path, data in _contents(trees.before).items() if path not in already_there}
        assert left != {}
        for path, data in left.items():
            (trees.after / path).write_bytes(data)
        resumed = run(server, trees.before, program, program.resume)
        again = run(server, trees.after, program, program.resume)
        assert alike(again) == alike(resumed)
        assert resumed != []


@pytest.mark.parametrize("program", parametrized("on"))
def test_switched_on_as_its_users_would_the_patched_program_trains_cautiously(
    server: Server, program: Program, pair: Callable[[Program], Pair]
) -> None:
    for package in program.needs:
        pytest.importorskip(package)
    trees = pair(program)
    eps = EPS
    if program.default == "on":
        on, eps = run(server, trees.after, program, []), 1e-8
    elif program.user:
        on = server.run(trees.after, {}, program.user, {})
    elif program.on is not None:
        on = run(server, trees.after, program, program.on)
    else:
        assert not program.switched, "the table does not say how to switch this on"
        on, eps = run(server, trees.after, program, program.off, USE_CAUTIOUS_OPTIMIZER="1"), 1e-8
    cautious = [o for o in on if o["cautious"]]
    assert len(cautious) == (len(on) if program.cautious is None else program.cautious)
    assert cautious != []
    assert {o["eps"] for o in cautious} == {eps}
    assert all(o["class"].endswith(CAUTIOUS) and o["steps"] for o in cautious)
    assert [(trees.after / path).read_bytes() == TEMPLATE.read_bytes() for path in trees.plan.runtimes] != []
    assert all((trees.after / path).read_bytes() == TEMPLATE.read_bytes() for path in trees.plan.runtimes)


@pytest.mark.parametrize("table", NAMES)
def test_headings_are_unlike_and_marks_are_words_of_the_contract(table: str) -> None:
    headings = [program.heading for name, program in ALL if name == table]
    assert len(set(headings)) == len(headings)
    kinds = {kind.value for kind in HomeKind}
    for name, program in ALL:
        if name == table:
            assert program.expected != [], program.heading
            for _, _, said in program.expected:
                verdict, _, what = said.partition(" ")
                assert verdict == "skip" or (verdict == "wrap" and kinds.issuperset(what.split("/"))), program.heading
            told = program.off != [] if program.default == "on" else program.on is not None
            assert not program.runs or not program.switched or program.user or told, program.heading
            if program.default == "off" and (program.on is not None or program.user):
                assert re.search(r"1(\.0)?e-5", " ".join([*(program.on or ()), program.user])), program.heading


def _contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
