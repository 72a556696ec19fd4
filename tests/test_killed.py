"""Killed for good, or interrupted, at any step of apply, upgrade and revert: either command then makes the tree whole.

Each step is one of a child's own, struck by a real signal. What is asked of the tree afterwards is asked of the
command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, Snapshot, snapshot
from forked import Left, hooked, in_a_child, struck_at

from cautify.patch import runtimes, vendor

CONFIG = b"""\
from dataclasses import dataclass

import torch


@dataclass
class OptimizerConfig:
    lr: float = 1e-3

    def build(self, params):
        return torch.optim.AdamW(params, lr=self.lr)
"""
WHERE = ("--vendor-to", "src/pkg/third_party/cautious", "--with-triton")


def older(path: str) -> bytes:
    """A vendored file as another version of cautify would have written it."""
    data = b"# cautify-runtime: 0.0.1 tree:0000000000000000\nimport torch  # %s\n" % path.encode()
    return data.replace(b"0000000000000000", (vendor.tree_hash(data) or "").encode())


def build(root: Path) -> None:
    """A package and a script, with several modes and kinds of newlines; one file has a second name, a link."""
    for path, data, mode in (
        ("src/pkg/__init__.py", b"", 0o444),
        ("src/pkg/optim.py", CONFIG.replace(b"\n", b"\r\n"), 0o600),
        ("src/pkg/inner/__init__.py", b"", 0o644),
        ("src/pkg/inner/deep.py", b"\xef\xbb\xbf" + TRAIN, 0o755),
        ("scripts/train.py", b"import pkg\n" + TRAIN, 0o664),
    ):
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(mode)
    (root / "src/pkg").chmod(0o750)
    (root / "train.py").symlink_to("scripts/train.py")


@dataclass(frozen=True)
class Scene:
    """A tree before the patch, a copy of it that the command is about to be run on, and the command."""

    root: Path
    original: Snapshot
    ready: Path
    command: tuple[str, ...]

    def again(self, source: Path | None = None) -> None:
        """Put the tree back as it was directly before the command, or as it was in another copy."""
        shutil.rmtree(self.root)
        shutil.copytree(source or self.ready, self.root, symlinks=True)

    def strike(self, number: int, blow: signal.Signals) -> Left:
        return in_a_child(*self.command, self.root, "--yes", first=struck_at(number, blow))

    def steps(self) -> list[str]:
        """The names of the command's steps."""
        names = self.root.with_name("names")
        self.again()
        assert in_a_child(*self.command, self.root, "--yes", first=lambda: hooked(recorder(names))).code == 0
        return names.read_text().splitlines()


def recorder(names: Path) -> Callable[[str], None]:
    def record(name: str) -> None:
        with open(names, "a") as file:
            file.write(f"{name}\n")

    return record


@pytest.fixture(params=["apply", "upgrade", "revert"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, cautify: Cautify, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """apply on an unpatched tree; on one with older runtimes and a new site; and revert, that has to remove folders."""
    root, ready = tmp_path / "tree", tmp_path / "ready"
    build(root)
    if request.param == "upgrade":
        (root / "src/pkg/new.py").write_bytes(TRAIN)
    original = snapshot(root)
    if request.param == "upgrade":
        (root / "src/pkg/new.py").unlink()
        with monkeypatch.context() as patched:
            patched.setattr(runtimes, "text_of", older)
            assert cautify("apply", root, "--yes", *WHERE).code == 0
        (root / "src/pkg/new.py").write_bytes(TRAIN)
    if request.param == "revert":
        assert cautify("apply", root, "--yes", *WHERE).code == 0
    shutil.copytree(root, ready, symlinks=True)
    return Scene(root, original, ready, ("revert",) if request.param == "revert" else ("apply", *WHERE))


def test_after_a_kill_at_any_step_either_command_makes_the_tree_whole(scene: Scene, cautify: Cautify) -> None:
    half = scene.root.with_name("half")
    assert cautify("apply", scene.root, "--yes", *WHERE).code == 0
    assert cautify("check", scene.root).code == 0
    patched = snapshot(scene.root)
    for number, name in enumerate(scene.steps(), 1):
        scene.again()
        left = scene.strike(number, signal.SIGKILL)
        assert left.code == -signal.SIGKILL, (name, left)
        shutil.copytree(scene.root, half, symlinks=True)

        ended = cautify("apply", scene.root, "--yes", *WHERE)
        assert ended.code == 0, (name, ended.err)
        assert snapshot(scene.root) == patched, name

        scene.again(half)
        ended = cautify("revert", scene.root, "--yes")
        if snapshot(half) != scene.original:
            assert ended.code == 0, (name, ended.err)
        assert snapshot(scene.root) == scene.original, name
        shutil.rmtree(half)


POINTS = ("commands.target._nested", "patch.plan.discover", "patch.manifest.updated", "patch.write.survey")


@pytest.mark.parametrize("point", POINTS)
def test_ctrl_c_before_the_first_step_writes_nothing(
    cautify: Cautify, tree: Path, point: str, unchanged: Callable[[Path], None]
) -> None:
    unchanged(tree)

    def arm() -> None:
        module, _, name = f"cautify.{point}".rpartition(".")
        real = getattr(sys.modules[module], name)

        def pressed(*arguments: object, **named: object) -> object:
            os.kill(os.getpid(), signal.SIGINT)
            return real(*arguments, **named)

        setattr(sys.modules[module], name, pressed)

    left = in_a_child("apply", tree, "--yes", first=arm)
    assert left.code == 130, left
    assert "interrupted: nothing was written" in left.said


def test_ctrl_c_that_a_library_turns_into_an_error_of_its_own_is_still_ctrl_c(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> object:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as pressed:
            raise SystemError("returned a result with an exception set") from pressed

    monkeypatch.setattr("cautify.patch.plan.discover", fails)
    ended = cautify("apply", tree, "--yes")
    assert (ended.code, ended.err) == (130, "error: interrupted: nothing was written\n")


def test_ctrl_c_after_the_last_step_does_not_deny_what_was_written(cautify: Cautify, tree: Path) -> None:
    def arm() -> None:
        from cautify.reports.console import Console

        Console.note = lambda *_: os.kill(os.getpid(), signal.SIGINT)  # type: ignore[method-assign]

    left = in_a_child("apply", tree, "--yes", first=arm)
    assert left.code == 0, left
    assert "nothing was written" not in left.said
    assert cautify("check", tree).code == 0


def test_ctrl_c_at_any_step_leaves_the_tree_as_it_was_or_finished(scene: Scene, cautify: Cautify) -> None:
    steps = scene.steps()
    finished, before = snapshot(scene.root), snapshot(scene.ready)
    for number, name in enumerate(steps, 1):
        scene.again()
        left = scene.strike(number, signal.SIGINT)
        if number <= steps.index("sync"):
            assert (left.code, snapshot(scene.root)) == (130, before), (name, left)
            assert "interrupted: nothing was written" in left.said
        assert (left.code, snapshot(scene.root)) in ((130, before), (0, finished)), (name, left)
