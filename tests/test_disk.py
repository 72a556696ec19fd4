"""A disk that is full, that fails, or that is read-only: one message, and the tree as it was."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, Snapshot, snapshot
from forked import in_a_child, struck_at

WRITING = ("apply", "revert")
SIZE = 256 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for little, mounted below the test's folder."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "cautify-test", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def filled(place: Path) -> Path:
    """Take all the room there is."""
    ballast = place / "ballast"
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    assert shutil.disk_usage(place).free == 0
    return ballast


@pytest.mark.parametrize("command", WRITING)
def test_a_full_disk_at_any_point_leaves_the_tree_as_it_was(
    cautify: Cautify, tree: Path, small_disk: Path, command: str
) -> None:
    root = small_disk / "tree"
    shutil.copytree(tree, root)
    original = snapshot(root)
    if command == "revert":
        assert cautify("apply", root, "--yes").code == 0
    before = snapshot(root)
    ballast = filled(small_disk)
    refusals = 0
    while True:
        ended = cautify(command, root, "--yes")
        if ended.code == 0:
            break
        refusals += 1
        assert ended.code == 2
        assert "No space left on device" in ended.err
        assert "Nothing was changed." in ended.err
        assert snapshot(root) == before
        os.truncate(ballast, ballast.stat().st_size - 4096)
    assert refusals > 2
    assert cautify("check", root).code == (0 if command == "apply" else 1)
    if command == "revert":
        assert snapshot(root) == original


def test_a_kill_on_a_disk_that_then_fills_is_mended_without_room(
    cautify: Cautify, tree: Path, small_disk: Path
) -> None:

    root = small_disk / "tree"
    shutil.copytree(tree, root)
    before = snapshot(root)
    for step in range(1, 20):
        left = in_a_child("apply", root, "--yes", first=struck_at(step, signal.SIGKILL))
        if left.code == 0:
            break
        ballast = filled(small_disk)
        ended = cautify("revert", root, "--yes")
        ballast.unlink()
        if ended.code:
            assert ended.code == 2, ended
            assert " bug" not in ended.err, ended
            cautify("revert", root, "--yes")
        assert snapshot(root) == before
    assert step > 8


@pytest.mark.parametrize("limit", [0, 10, 100, 1000, 20_000])
@pytest.mark.parametrize("command", WRITING)
def test_a_limit_on_the_size_of_files_leaves_the_tree_as_it_was(
    cautify: Cautify, tree: Path, command: str, limit: int
) -> None:
    (tree / "train.py").write_bytes(TRAIN + b"# long\n" * 4000)
    if command == "revert":
        assert cautify("apply", tree, "--yes").code == 0
    before = snapshot(tree)

    def limited() -> None:
        for stream in (1, 2):  # which are files here, and so limited themselves
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    assert in_a_child(command, tree, "--yes", first=limited).code == 2
    assert snapshot(tree) == before


CALLS = ("open", "mkdir", "write", "ftruncate", "fchmod", "fsync", "replace", "unlink", "rmdir", "chmod")


class Failing:
    """Have the nth call that changes the disk fail, and with it every later one that needs room, or none."""

    def __init__(self, number: int, *, for_good: bool) -> None:
        self.left = number
        self.for_good = for_good
        self.struck = False

    def arm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in CALLS:
            monkeypatch.setattr(os, name, self._failing(name, getattr(os, name)))

    def _failing(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if name != "open" or (isinstance(arguments[1], int) and arguments[1] & os.O_CREAT):
                self.left -= 1
                needs_room = name in ("open", "mkdir", "write", "fsync")
                if self.left == 0 or (self.left < 0 and self.for_good and needs_room):
                    self.struck = True
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
            return real(*arguments, **named)

        return call


def without_litter(root: Path) -> Snapshot:
    """A tree without the lock or the folder that could not be removed: nobody holds the one, git sees neither."""
    found = snapshot(root)
    found.pop(".cautify/lock", None)
    if not any(path.startswith(".cautify/") for path in found):
        found.pop(".cautify", None)
    return found


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("command", WRITING)
def test_any_call_to_the_system_may_fail(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch, command: str, for_good: bool
) -> None:
    original = snapshot(tree)
    assert cautify("apply", tree, "--yes").code == 0
    patched = snapshot(tree)
    before, after = (original, patched) if command == "apply" else (patched, original)
    for number in range(1, 100):
        cautify("revert" if command == "apply" else "apply", tree, "--yes")
        assert snapshot(tree) == before
        failing = Failing(number, for_good=for_good)
        with monkeypatch.context() as struck:
            failing.arm(struck)
            ended = cautify(command, tree, "--yes")
        if not failing.struck:
            break
        assert " bug" not in ended.err, (number, ended)
        if "could not be taken back" in ended.err:
            assert ended.code == 2
            assert cautify("revert", tree, "--yes").code == 0
            assert snapshot(tree) == original, number
        else:
            assert (ended.code, without_litter(tree)) in ((0, after), (2, before)), (number, ended)
            assert ended.code == 0 or "No space left" in ended.err
    assert number > 15


@pytest.fixture
def read_only(small_disk: Path, tree: Path, cautify: Cautify) -> Path:
    """A patched tree on a file system that is mounted read-only."""
    assert cautify("apply", tree, "--yes").code == 0
    root = small_disk / "tree"
    shutil.copytree(tree, root)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    return root


def test_a_read_only_file_system_is_scanned_and_checked_and_not_written(cautify: Cautify, read_only: Path) -> None:
    assert cautify("scan", read_only).code == 0
    assert cautify("check", read_only).code == 0
    ended = cautify("revert", read_only, "--yes")
    assert ended.code == 2
    assert "read-only" in ended.err
    assert cautify("apply", read_only, "--yes").code == 0  # there is nothing to do


@pytest.fixture
def public(patched: Path) -> Iterator[Path]:
    """A patched tree that everybody may read and only its owner may write, in a folder that everybody reaches."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "tree")
        shutil.copytree(patched, root)
        Path(folder).chmod(0o755)
        subprocess.run(["chmod", "-R", "u=rwX,go=rX", str(root)], check=True)
        yield root


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_check_needs_no_right_to_write(public: Path) -> None:
    before = {p: (p.stat().st_mode, p.stat().st_mtime_ns) for p in [public, *public.rglob("*")]}

    def somebody_else() -> None:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)

    commands = (["check"], ["scan"], ["revert", "--yes"])
    left = [in_a_child(*command, public, first=somebody_else) for command in commands]

    assert [child.code for child in left] == [0, 0, 2], left
    assert "read-only" in left[2].said
    assert {p: (p.stat().st_mode, p.stat().st_mtime_ns) for p in [public, *public.rglob("*")]} == before
