"""Two cautify processes on one tree: one writes, the other says who does, and what is left is whole."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Cautify, snapshot
from forked import ended, hooked, in_a_child, started


def held_at(step: str, reached: int, go_on: int) -> Callable[[], None]:
    """For a child: wait after a step, until this end is told to go on."""

    def wait(name: str) -> None:
        if name == step:
            os.write(reached, b".")
            os.read(go_on, 1)

    return lambda: hooked(wait)


@pytest.mark.parametrize("step", ["lock", "journal", "sync"])
@pytest.mark.parametrize("second", ["apply", "revert", "check"])
def test_the_second_says_who_writes_since_when_and_writes_nothing(
    cautify: Cautify, tree: Path, step: str, second: str
) -> None:
    (reached, reach), (wait, go_on) = os.pipe(), os.pipe()
    first, said = started("apply", tree, "--yes", first=held_at(step, reach, wait))
    os.read(reached, 1)
    now = snapshot(tree)

    refused = cautify(second, tree, *(["--yes"] if second != "check" else []))

    assert refused.code == 2
    who = rf"process {first} on {re.escape(socket.gethostname())} holds .cautify/lock since \d{{4}}-\d\d-\d\d \d\d:"
    assert re.search(who, refused.err), refused.err
    assert "Nothing was changed. Wait until it has finished" in refused.err
    assert snapshot(tree) == now
    os.write(go_on, b".")
    assert ended(first, said).code == 0
    for end in (reached, reach, wait, go_on):
        os.close(end)
    assert cautify("check", tree).code == 0


def test_of_many_at_once_one_writes_and_nobody_spoils_it(cautify: Cautify, tree: Path) -> None:
    before = snapshot(tree)
    for command, whole in (("apply", 0), ("revert", 1)):
        children = [started(command, tree, "--yes") for _ in range(4)]
        left = [ended(*child) for child in children]
        assert {child.code for child in left} <= {0, 2}
        assert any(child.code == 0 for child in left)
        assert not any("Traceback" in child.said or "bug" in child.said for child in left), left
        assert cautify("check", tree).code == whole
    assert snapshot(tree) == before


def test_a_lock_that_a_dead_process_left_is_taken_over(cautify: Cautify, tree: Path) -> None:
    home = tree / ".cautify"
    home.mkdir()
    (home / "lock").write_text("1 elsewhere 2020-01-01T00:00:00Z\n")
    assert cautify("apply", tree, "--yes").code == 0
    assert sorted(os.listdir(home)) == [".gitignore", "manifest.json"]
    (home / "lock").write_bytes(b"\0\xff" * 1000)
    assert cautify("check", tree).code == 0
    assert cautify("revert", tree, "--yes").code == 0
    assert not home.exists()


def test_a_holder_that_signed_with_anything_is_not_repeated_to_the_terminal(cautify: Cautify, tree: Path) -> None:
    import fcntl

    (tree / ".cautify").mkdir()
    with open(tree / ".cautify/lock", "w") as lock:
        lock.write("1 \x1b[2Jhost since\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = in_a_child("apply", tree, "--yes")
    assert refused.code == 2
    assert "another process holds .cautify/lock" in refused.said
    assert "\x1b" not in refused.said
