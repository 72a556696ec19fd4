"""The command line in this process, and small trees to work on."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TRAIN = b"""\
import torch


def main(model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return optimizer
"""

Snapshot = dict[str, tuple[int, bytes]]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    out: bytes
    err: str


Cautify = Callable[..., Ended]


class _Stream(io.TextIOWrapper):
    def __init__(self, data: bytes = b"", *, terminal: bool) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", errors="surrogateescape", newline="")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def written(self) -> bytes:
        self.flush()
        inner = self.buffer
        assert isinstance(inner, io.BytesIO)
        return inner.getvalue()


@pytest.fixture
def cautify(monkeypatch: pytest.MonkeyPatch) -> Cautify:
    """Run the command line. With ``answer`` all three streams are a terminal's, and somebody types that."""
    from cautify.cli import main

    for name in ("NO_COLOR", "FORCE_COLOR", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def run(*arguments: str | Path, answer: str | None = None) -> Ended:
        terminal = answer is not None
        out, err = _Stream(terminal=terminal), _Stream(terminal=terminal)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", _Stream((answer or "").encode(), terminal=terminal))
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            with pytest.raises(SystemExit) as ended:
                main([str(argument) for argument in arguments])
        code = ended.value.code
        return Ended(code if isinstance(code, int) else 1, out.written(), err.written().decode())

    return run


def snapshot(root: Path) -> Snapshot:
    """Every path below ``root``, git's own directory left out, with its mode and bytes (of a link: its target)."""
    found: Snapshot = {}
    for place in sorted(root.rglob("*")):
        path = place.relative_to(root)
        if path.parts[0] == ".git":
            continue
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            data = bytes(place.readlink())
        else:
            data = place.read_bytes() if stat.S_ISREG(mode) else b""
        found[str(path)] = (mode, data)
    return found


@pytest.fixture
def unchanged() -> Iterator[Callable[[Path], None]]:
    """Called with a tree, holds at the test's end that not a byte or mode of it changed."""
    before: dict[Path, Snapshot] = {}

    def watch(root: Path) -> None:
        before[root] = snapshot(root)

    yield watch
    for root, then in before.items():
        assert snapshot(root) == then


def git(directory: Path, *arguments: str) -> str:
    """Run git in a repository of a test's, and return what it printed."""
    own = ("-c", "core.autocrlf=false", "-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", *own, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
