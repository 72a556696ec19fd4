"""Where code does not tell whose lines are whose, git's merge does, if it knows the patched file."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Cautify, git

OWN = """from dataclasses import dataclass

import torch


class Schedule:
    use_cautious_optimizer = "never"


@dataclass
class Config:
    lr: float = 1e-3

    def make(self, params):
        return torch.optim.AdamW(params, lr=self.lr)


def plot(values):
    return values


def table(values):
    return values
"""


@pytest.fixture
def patched(tmp_path: Path, cautify: Cautify) -> Path:
    """A file that uses a name of the patch for something of its own, patched and committed."""
    (tmp_path / "own.py").write_text(OWN)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "theirs")
    assert cautify("apply", tmp_path, "--yes", "--flag-name", "use_cautious_optimizer").code == 0
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "patched")
    assert (tmp_path / "own.py").read_text() != OWN
    return tmp_path


def edit(place: Path, old: str, new: str) -> str:
    """Edit the patched file; returns the same edit of the original."""
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))
    return OWN.replace(old, new)


def test_a_far_edit_of_a_file_with_names_of_its_own_stays(patched: Path, cautify: Cautify) -> None:
    expected = edit(
        patched / "own.py", "def table(values):\n    return values", "def table(values):\n    return [values]"
    )
    ended = cautify("revert", patched, "--yes", "-v")
    assert ended.code == 0, ended.err
    assert "own.py: structural" in ended.err
    assert (patched / "own.py").read_text() == expected


def test_lines_of_ours_that_were_copied_are_told_apart_by_a_merge(patched: Path, cautify: Cautify) -> None:
    place = patched / "own.py"
    fields = [line for line in place.read_text().splitlines(keepends=True) if ": bool" in line or "_eps:" in line]
    theirs = "".join(["\n\n@dataclass\nclass Mine:\n", *fields])
    place.write_text(place.read_text() + theirs)
    ended = cautify("revert", patched, "--yes", "-v")
    assert ended.code == 0, ended.err
    assert "own.py: merged" in ended.err
    assert place.read_text() == OWN + theirs


def test_a_wrap_that_was_edited_there_is_refused_by_name(patched: Path, cautify: Cautify) -> None:
    place = patched / "own.py"
    place.write_text(place.read_text().replace("lr=self.lr", "lr=self.lr * 2"))
    before = place.read_bytes()
    ended = cautify("revert", patched, "--yes")
    assert ended.code == 2
    assert "own.py" in ended.err
    assert place.read_bytes() == before
