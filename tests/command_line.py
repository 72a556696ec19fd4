"""What the tests of the command line share: how a run ended, a tree's bytes, and git."""

from __future__ import annotations

import io
import stat
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


class Stream(io.TextIOWrapper):
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


def git(directory: Path, *arguments: str) -> str:
    """Run git in a repository of a test's, and return what it printed."""
    own = ("-c", "core.autocrlf=false", "-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", *own, *arguments], cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
