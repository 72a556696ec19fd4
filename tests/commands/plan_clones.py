"""A repository that plans are made for, and what must be true when one is refused."""

from __future__ import annotations

from pathlib import Path

from command_line import TRAIN, Cautify, git, snapshot

CONFIG = b"""\
from dataclasses import dataclass

import torch


@dataclass
class Config:
    name: str = "caf\xc3\xa9"
    lr: float = 1e-3

    def build(self, params):
        return torch.optim.AdamW(params, lr=self.lr)
"""
LATIN = b"# -*- coding: latin-1 -*-\r\n# \xe9t\xe9\r\n" + TRAIN.replace(b"\n", b"\r\n")


def build(place: Path) -> Path:
    """A repository with a package and two scripts, one of them in latin-1 with CRLF."""
    (place / "pkg").mkdir(parents=True)
    files = {"pkg/__init__.py": b"", "pkg/config.py": CONFIG, "train.py": TRAIN, "old/\u00fcbung.py": LATIN}
    for path, data in files.items():
        (place / path).parent.mkdir(exist_ok=True)
        (place / path).write_bytes(data)
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "base")
    return place


def refused(cautify: Cautify, root: Path, plan: Path) -> str:
    """Apply a plan, which must be refused and write nothing; what is said."""
    outside = {path: snapshot(path) if path.is_dir() else path.read_bytes() for path in root.parent.iterdir()}
    ended = cautify("apply", root, "--plan", plan, "--yes", "--allow-dirty")
    assert (ended.code, ended.out) == (2, b""), ended.err
    assert "Traceback" not in ended.err
    assert outside == {path: snapshot(path) if path.is_dir() else path.read_bytes() for path in root.parent.iterdir()}
    return ended.err
