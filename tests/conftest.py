"""The command line in this process, and small trees to work on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, Ended, Snapshot, Stream, git, snapshot


@pytest.fixture
def cautify(monkeypatch: pytest.MonkeyPatch) -> Cautify:
    """Run the command line. With ``answer`` all three streams are a terminal's, and somebody types that."""
    from cautify.cli import main

    for name in ("NO_COLOR", "FORCE_COLOR", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # only a power failure could tell, and it takes long

    def run(*arguments: str | Path, answer: str | None = None) -> Ended:
        terminal = answer is not None
        out, err = Stream(terminal=terminal), Stream(terminal=terminal)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", Stream((answer or "").encode(), terminal=terminal))
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 1, out.written(), err.written().decode())

    return run


@pytest.fixture
def unchanged() -> Iterator[Callable[[Path], None]]:
    """Called with a tree, holds at the test's end that not a byte or mode of it changed."""
    before: dict[Path, Snapshot] = {}

    def watch(root: Path) -> None:
        before[root] = snapshot(root)

    yield watch
    for root, then in before.items():
        assert snapshot(root) == then


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A script that makes one optimizer, and a file that makes none."""
    root = tmp_path / "target"
    root.mkdir()
    (root / "train.py").write_bytes(TRAIN)
    (root / "plot.py").write_bytes(b"print('no optimizer here')\n")
    return root


@pytest.fixture
def repository(tree: Path) -> Path:
    """The same, committed to git."""
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "base")
    return tree


@pytest.fixture
def patched(tree: Path, cautify: Cautify) -> Path:
    """The tree after ``cautify apply``."""
    ended = cautify("apply", tree, "--yes")
    assert ended.code == 0, ended.err
    return tree
