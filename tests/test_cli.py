"""The command line as a whole: exit codes, the error boundary, what is imported, and who gets which stream."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, snapshot

from cautify import __version__
from cautify.cli import app

COMMANDS = ("scan", "apply", "check", "revert", "init-ci")
HEAVY = ("torch", "libcst", "rich", "pathspec", "numpy")


def test_the_version_is_printed_by_both_ways_to_start(cautify: Cautify) -> None:
    module = subprocess.run([sys.executable, "-m", "cautify", "--version"], capture_output=True, text=True, check=True)
    assert cautify("--version").out.decode() == module.stdout == f"cautify {__version__}\n"


def test_every_command_is_listed_with_one_line(cautify: Cautify) -> None:
    shown = cautify("--help").out.decode()
    for command in COMMANDS:
        line = next(line for line in shown.splitlines() if line.strip().startswith(command))
        assert not line.endswith("..."), f"the summary of {command} is cut off: {line}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_text(command: str) -> None:
    registered = next(c for c in app.registered_commands if c.callback and command in (c.name, c.callback.__name__))
    assert registered.callback is not None
    for name, hint in registered.callback.__annotations__.items():
        if name != "return":
            assert "help=" in str(hint) or hint.startswith("_"), f"{command} --{name}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan", "--no-such-option"],
        ["no-such-command"],
        ["scan", "--format", "xml"],
        ["scan", "--explain", "x.py:1"],
        ["apply", "--interactive"],
        ["apply", "--force"],
        ["check", "--format", "xml"],
        ["scan", "--format", "sarif"],
        ["apply", ".", "--exit-code"],
        ["apply", ".", "--plan", "plan.json"],
        ["apply", ".", "--plan-out", "train.py"],
        ["apply", ".", "--plan-out", "plan.json", "--yes"],
        ["scan", ".", "--quiet", "--verbose"],
    ],
    ids=" ".join,
)
def test_what_does_not_exist_is_refused_with_2(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tree)
    before = snapshot(tree)
    ended = cautify(*arguments)
    assert (ended.code, ended.out) == (2, b"")
    assert ended.err
    assert snapshot(tree) == before


def _loaded(arguments: list[str], cwd: Path) -> set[str]:
    """The top-level modules in a process after a run of the command line."""
    code = (
        "import sys\n"
        "from cautify.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print('LOADED', *sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    return set(done.stderr.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], *([c, "--help"] for c in COMMANDS), ["--version"]], ids=" ".join)
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    loaded = _loaded(arguments, tmp_path)
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_imports_torch_or_the_target(command: str, tree: Path, cautify: Cautify) -> None:
    (tree / "sitecustomized.py").write_text("raise SystemExit('the target was imported')\n")
    if command in ("check", "revert"):
        cautify("apply", tree, "--yes")
    loaded = _loaded([command, str(tree), *(["--yes"] if command not in ("scan", "check") else [])], tree)
    assert "libcst" in loaded or command == "revert"
    assert loaded.isdisjoint({"torch", "numpy", "train", "plot", "cautious_optimizer", "sitecustomized"})


def test_everything_works_without_torch_installed(tree: Path) -> None:
    """As in an environment that has none: importing it fails."""
    before = snapshot(tree)
    code = "import sys; sys.modules['torch'] = None; from cautify.cli import main; main(sys.argv[1:])"
    for arguments in (["apply", "--yes"], ["check"], ["scan"], ["revert", "--yes"]):
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=tree, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
    assert snapshot(tree) == before


def test_an_unforeseen_error_names_itself_a_bug_and_the_file(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cautify.source import read_source

    def crash(root: Path, options: object, **_: object) -> None:
        source = read_source("train.py", b"x = 1\n")
        raise KeyError(source.text)

    monkeypatch.setattr("cautify.patch.plan.make_plan", crash)
    before = snapshot(tree)
    ended = cautify("apply", tree, "--yes")
    assert ended.code == 2
    assert ended.out == b""
    assert "bug in cautify" in ended.err
    assert "train.py" in ended.err
    assert "KeyError" in ended.err
    assert "--verbose" in ended.err
    assert "Traceback" not in ended.err
    assert snapshot(tree) == before
    assert "Traceback" in cautify("apply", tree, "--yes", "--verbose").err


def test_an_interrupt_while_planning_exits_with_130(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch, unchanged: Callable[[Path], None]
) -> None:
    def interrupt(root: Path, options: object, **_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cautify.patch.plan.make_plan", interrupt)
    unchanged(tree)
    ended = cautify("apply", tree, "--yes")
    assert ended.code == 130
    assert "nothing was written" in ended.err


def _on_a_terminal(arguments: list[str], cwd: Path, typed: bytes, **environment: str) -> tuple[int, bytes]:
    """Run the command with a pseudo-terminal on all three streams; ``typed`` is sent when it asks."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.environ.update({"TERM": "xterm", "COLUMNS": "40", **environment})
        os.environ.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
        os.environ.pop("FORCE_COLOR", None)
        os.execv(sys.executable, [sys.executable, "-m", "cautify", *arguments])
    shown, sent, deadline = b"", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if b"[y/N]" in shown and not sent:
            if typed == b"^C":
                os.kill(pid, signal.SIGINT)
            else:
                os.write(terminal, typed)
            sent = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_on_a_terminal_yes_writes_and_the_diff_is_coloured_and_never_wrapped(tree: Path) -> None:
    code, shown = _on_a_terminal(["apply"], tree, b"y\n")
    assert code == 0
    assert (tree / "cautious_optimizer.py").exists()
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", shown)
    assert shown != plain
    wrapped = b"+    optimizer = CautiousOptimizer.wrap(torch.optim.AdamW(model.parameters(), lr=1e-3))\r\n"
    assert wrapped in plain


@pytest.mark.parametrize("typed", [b"n\n", b"\n", b"\x04", b"maybe\n"], ids=["n", "return", "end of input", "maybe"])
def test_on_a_terminal_anything_but_yes_writes_nothing(
    tree: Path, typed: bytes, unchanged: Callable[[Path], None]
) -> None:
    unchanged(tree)
    code, shown = _on_a_terminal(["apply"], tree, typed)
    assert code == 2
    assert b"nothing was written" in shown


def test_ctrl_c_at_the_question_exits_with_130_and_writes_nothing(
    tree: Path, unchanged: Callable[[Path], None]
) -> None:
    unchanged(tree)
    code, shown = _on_a_terminal(["apply"], tree, b"^C")
    assert code == 130
    assert b"nothing was written" in shown


def test_no_color_is_honoured_on_a_terminal(tree: Path) -> None:
    (tree / "train.py").write_bytes(TRAIN + b"# \x1b]0;owned\x07\n")
    code, shown = _on_a_terminal(["apply", "--dry-run"], tree, b"", NO_COLOR="1")
    assert code == 0
    assert rb"\x1b]0;owned\x07" in shown
    assert b"\x1b" not in shown, "neither colours nor the target's own escape sequences"


def test_force_color_colours_a_pipe(cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert b"\x1b[" not in cautify("scan", tree).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert b"\x1b[" in cautify("scan", tree).out


def test_colour_is_never_read_as_markup(cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = b"    # [i for i in order][bold] x[/red] :smile: \x1b]0;owned\x07\n"
    (tree / "train.py").write_bytes((tree / "train.py").read_bytes().replace(b"    return", line + b"    return"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = re.sub(rb"\x1b\[[0-9;]*m", b"", cautify("apply", tree, "--dry-run").out)
    assert b"# [i for i in order][bold] x[/red] :smile: " in shown
    assert b"\x1b" not in shown, "the target's escape sequences reached the terminal"


@pytest.mark.parametrize("coloured", [False, True], ids=["plain", "coloured"])
def test_a_reader_that_goes_away_stops_apply_before_it_writes(
    tree: Path, coloured: bool, unchanged: Callable[[Path], None]
) -> None:
    unchanged(tree)
    environment = {**os.environ, "FORCE_COLOR": "1"} if coloured else dict(os.environ)
    command = [sys.executable, "-m", "cautify", "apply", "--yes"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, cwd=tree, stdout=write, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(write)
    assert done.returncode == 2
    assert b"stdout was closed" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_away_from_a_scan_is_no_bug(tree: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "cautify", "scan"]
    done = subprocess.run(command, cwd=tree, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (2, b"")


def test_quiet_leaves_the_result_and_nothing_else(cautify: Cautify, tree: Path) -> None:
    ended = cautify("apply", tree, "--dry-run", "--quiet")
    assert ended.out.startswith(b"diff --git ")
    assert ended.err == ""
