"""A process killed at any step of a transaction leaves a tree that recover makes whole."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from small_tree import DIRECTORIES, MANIFEST, Tree, applying, build, inverse, snapshot

from cautify.model import FilePlan
from cautify.patch.write import commit, interrupted, recover

Transaction = tuple[list[FilePlan], bytes | None, tuple[str, ...]]
APPLY: Transaction = (applying(), MANIFEST, ())
AGAIN: Transaction = (inverse(applying())[:1], b'{"another": "manifest"}\n', ())
REVERT: Transaction = (inverse(applying()), None, DIRECTORIES)
FINISHED = frozenset({"commit", "unlock"})


def fresh(root: Path) -> None:
    build(root)


def applied(root: Path) -> None:
    build(root)
    commit(root, *APPLY[:2])
    (root / "pkg/vendored").chmod(0o750)


SCENES: dict[str, tuple[Callable[[Path], None], Transaction]] = {
    "apply": (fresh, APPLY),
    "second apply": (applied, AGAIN),
    "revert": (applied, REVERT),
}


def steps(scene: str, *, killed: int | None = None) -> list[str]:
    """The names of a transaction's steps; or of recover's, after the transaction was killed."""
    start, (files, manifest, directories) = SCENES[scene]
    names: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "tree")
        start(root)
        if killed is None:
            commit(root, files, manifest, directories=directories, hook=names.append)
        else:
            struck(root, scene, killed)
            recover(root, hook=names.append)
    return names


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # a kill loses nothing that the kernel has


def struck(root: Path, scene: str, step: int, *, command: str = "commit", blow: str = "kill") -> int:
    """Run a transaction, or recover, in a process that a signal strikes after its nth step; 0 strikes never.

    Returns the exit status, 130 where the interrupt came through, or the negative number of the signal that ended it.
    """
    pid = os.fork()
    if pid == 0:
        os._exit(_child(root, SCENES[scene][1], step, command, signal.SIGKILL if blow == "kill" else signal.SIGINT))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _child(root: Path, transaction: Transaction, step: int, command: str, blow: signal.Signals) -> int:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.fsync = lambda _descriptor: None
    left = step

    def strike(_name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), blow)

    try:
        if command == "recover":
            recover(root, hook=strike)
        else:
            files, manifest, directories = transaction
            commit(root, files, manifest, directories=directories, hook=strike)
    except KeyboardInterrupt:
        return 130
    except BaseException:
        return 99
    return 0


def trees(tmp_path: Path, scene: str) -> tuple[Path, Tree, Tree]:
    """A tree ready for the transaction, as it is, and as it should be afterwards."""
    start, (files, manifest, directories) = SCENES[scene]
    finished = tmp_path / "finished"
    start(finished)
    commit(finished, files, manifest, directories=directories)
    root = tmp_path / "tree"
    start(root)
    return root, snapshot(root), snapshot(finished)


EVERY_STEP = [
    pytest.param(scene, number, name, id=f"{scene} after {name!r}")
    for scene in SCENES
    for number, name in enumerate(steps(scene), 1)
]


@pytest.mark.parametrize(("scene", "number", "name"), EVERY_STEP)
def test_a_killed_transaction_is_undone_unless_it_was_finished(
    tmp_path: Path, scene: str, number: int, name: str
) -> None:
    root, before, after = trees(tmp_path, scene)

    assert struck(root, scene, number) == -signal.SIGKILL
    assert interrupted(root) or snapshot(root) == after
    assert struck(root, scene, 0, command="recover") == 0

    assert snapshot(root) == (after if name in FINISHED else before)
    assert not interrupted(root)


@pytest.mark.parametrize(("scene", "number", "name"), EVERY_STEP)
def test_ctrl_c_undoes_a_transaction_unless_it_was_finished(tmp_path: Path, scene: str, number: int, name: str) -> None:
    root, before, after = trees(tmp_path, scene)

    status = struck(root, scene, number, blow="interrupt")

    assert (status, snapshot(root)) == ((0, after) if name in FINISHED else (130, before))
    assert not interrupted(root)


HALFWAY = {scene: names.index("sync") + 1 for scene in SCENES for names in [steps(scene)]}


@pytest.mark.parametrize(
    ("scene", "number"),
    [
        pytest.param(scene, number, id=f"{scene} after {name!r}")
        for scene in ("apply", "revert")
        for number, name in enumerate(steps(scene, killed=HALFWAY[scene]), 1)
    ],
)
def test_a_recovery_that_is_killed_itself_can_be_started_again(tmp_path: Path, scene: str, number: int) -> None:
    root, before, _ = trees(tmp_path, scene)
    assert struck(root, scene, HALFWAY[scene]) == -signal.SIGKILL

    assert struck(root, scene, number, command="recover") == -signal.SIGKILL
    assert struck(root, scene, 0, command="recover") == 0

    assert snapshot(root) == before


def test_ctrl_c_during_a_recovery_comes_through_once_the_tree_is_whole(tmp_path: Path) -> None:
    root, before, _ = trees(tmp_path, "apply")
    struck(root, "apply", HALFWAY["apply"])

    assert struck(root, "apply", 3, command="recover", blow="interrupt") == 130
    assert snapshot(root) == before
