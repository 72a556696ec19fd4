"""One writer at a time; what a killed one left is put back, unless somebody has worked on it since."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_tree import CREATED, MANIFEST, MODIFIED, applying, build, snapshot

from cautify.errors import FileChanged, ManifestUnusable, OutsideTree, TransactionBusy
from cautify.patch.write import commit, interrupted, pending, recover


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    build(tree)
    return tree


def test_a_second_writer_is_told_who_is_writing(root: Path) -> None:
    refusals = []

    def rival(name: str) -> None:
        if name == "journal":
            assert not interrupted(root)
            for act in (lambda: commit(root, applying(), MANIFEST), lambda: recover(root), lambda: pending(root)):
                with pytest.raises(TransactionBusy) as caught:
                    act()
                refusals.append(str(caught.value))

    commit(root, applying(), MANIFEST, hook=rival)

    assert len(refusals) == 3
    assert all(f"process {os.getpid()} on {os.uname().nodename}" in refusal for refusal in refusals)
    assert (root / CREATED).exists()


def test_the_lock_of_a_dead_process_is_taken_over(root: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (root / ".cautify").mkdir()
    (root / ".cautify/lock").write_text(f"{dead.pid} {os.uname().nodename}\n")

    commit(root, applying(), MANIFEST)

    assert not (root / ".cautify/lock").exists()


def killed(root: Path, step: str = "sync") -> None:
    """Leave the tree as a process does that dies after a step."""
    pid = os.fork()
    if pid == 0:
        commit(root, applying(), MANIFEST, hook=lambda name: os._exit(9) if name == step else None)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def test_a_half_written_tree_is_not_written_to(root: Path) -> None:
    killed(root)
    half = snapshot(root)

    with pytest.raises(TransactionBusy, match="cautify revert"):
        commit(root, applying(), MANIFEST)

    lock = {".cautify/lock"}
    assert {p: v for p, v in half.items() if p not in lock} == {
        p: v for p, v in snapshot(root).items() if p not in lock
    }


def test_pending_says_what_recover_will_do_and_recover_says_what_it_did(root: Path) -> None:
    killed(root)

    files = {path: data for path, data in pending(root).items() if not path.startswith(".cautify")}

    assert files == {**{path: data for path, (data, _) in MODIFIED.items()}, CREATED: None}
    assert recover(root) == tuple(sorted(files))
    assert pending(root) == {}
    assert recover(root) == ()


def test_recover_does_not_touch_a_tree_where_nothing_was_interrupted(root: Path) -> None:
    before = snapshot(root)
    assert recover(root) == ()
    assert snapshot(root) == before

    commit(root, applying(), MANIFEST)
    before = snapshot(root)
    assert not interrupted(root)
    assert recover(root) == ()
    assert snapshot(root) == before


@pytest.mark.parametrize("path", ["pkg/optim.py", CREATED])
def test_recover_does_not_overwrite_what_was_edited_after_the_kill(root: Path, path: str) -> None:
    killed(root)
    (root / path).write_bytes(b"work of an afternoon")
    before = snapshot(root)

    for act in (recover, pending):
        with pytest.raises(FileChanged, match=path):
            act(root)

    assert {**snapshot(root), ".cautify/lock": None} == {**before, ".cautify/lock": None}
    (root / path).unlink()
    assert recover(root)


def forged(root: Path, **other: object) -> None:
    content = {"journal": 1, "inode": root.stat().st_ino, "host": "h", "root": "r", "token": "0" * 16}
    lists = {"made": [], "removed": [], "entries": [["x", EVIL, 0o640, None]]}
    (root / ".cautify").mkdir()
    (root / ".cautify/journal").write_text(json.dumps({**content, **lists, **other}))


EVIL = base64.b64encode(b"evil").decode()


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"inode": 1}, "another directory"),
        ({"journal": 2}, "newer cautify"),
        ({"token": "../../../../x"}, "forged"),
        ({"token": 5}, "not a string"),
        ({"made": ["../x"]}, "climbs out"),
        ({"removed": [["/x", 0o755]]}, "absolute"),
        ({"removed": [["x", 0o200000]]}, "no mode"),
        ({"entries": [["../x", EVIL, 0o644, None]]}, "climbs out"),
        ({"entries": [[".git/hooks/pre-commit", EVIL, 0o755, None]]}, "version control"),
        ({"entries": [["x", EVIL, 0o755]]}, "3 values"),
        ({"entries": [["x", "?", 0o755, None]]}, "base64"),
        ({"entries": 7}, "not a list"),
        ({"more": 7}, "does not know"),
    ],
    ids=str,
)
def test_a_journal_that_was_not_written_here_is_not_obeyed(root: Path, other: dict[str, object], reason: str) -> None:
    forged(root, **other)
    before = snapshot(root)

    with pytest.raises(ManifestUnusable) as caught:
        recover(root)

    assert ".cautify/journal" in caught.value.what
    assert reason in caught.value.why.lower() or reason in caught.value.why
    assert snapshot(root) == before


def test_a_journal_that_was_written_here_is_obeyed(root: Path) -> None:
    forged(root)

    assert recover(root) == ("x",)
    assert snapshot(root)["x"] == ("-", 0o640, b"evil")


def test_a_journal_is_not_followed_through_a_link_that_came_later(root: Path, tmp_path: Path) -> None:
    killed(root)
    (tmp_path / "outside").mkdir()
    os.rename(root / "a dir", tmp_path / "moved")
    (root / "a dir").symlink_to(tmp_path / "outside")

    with pytest.raises(OutsideTree, match="a dir"):
        recover(root)

    assert os.listdir(tmp_path / "outside") == []
