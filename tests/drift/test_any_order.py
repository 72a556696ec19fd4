"""Whatever happens to a patched tree, in whatever order: the promises hold."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import Cautify, snapshot
from drift_cases import Case
from drift_edits import Edit, Files, formatted
from drift_matrix import MATRIX
from drift_targets import options, original
from drifting import after, assert_alike, assert_no_trace, write
from fixture_trees import contents
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

FORMATTERS = {f"{tool} at {length}": formatted(tool, length) for tool in ("black", "ruff") for length in (60, 88, 120)}
COMMANDS = ("apply", "check", "revert")
TARGETS = ("explicit", "guard", "argument", "parameter", "hydra")
CANNOT = (AssertionError, KeyError, ValueError, SyntaxError, IndexError)
"""What an edit raises where there is nothing for it to be done to."""


def changes(target: str) -> dict[str, Case]:
    """What may happen to a tree: the cases of the matrix after which revert must succeed and every word is known."""
    return {
        name: case
        for name, case in MATRIX.items()
        if case.target == target
        and case.refused is None
        and case.alike != "code"
        and not name.startswith(("form", "byt"))
    }


@dataclass
class Twins:
    """A tree on disk, and in memory what it must be without the patch."""

    root: Path
    target: str
    plain: Files
    cautify: Cautify

    @property
    def patched(self) -> bool:
        return (self.root / ".cautify").exists()

    def change(self, case: Case) -> None:
        """Do the same to both, or to neither where one has not what it takes."""
        if (case.ours or case.stays) and not self.patched:
            return
        try:
            tree = after(contents(self.root), *case.theirs, *case.ours)
            plain = after(self.plain, *case.theirs, *case.stays)
            for files in (tree, plain):
                for path, data in files.items():
                    if path.endswith(".py"):
                        compile(data, path, "exec", dont_inherit=True)
        except CANNOT:
            return
        self._put(tree)
        self.plain = plain

    def format(self, formatter: Edit) -> None:
        self._put(formatter(contents(self.root)))
        self.plain = formatter(self.plain)

    def apply(self) -> None:
        ended = self.cautify("apply", self.root, "--yes", *(() if self.patched else options(self.target)))
        assert ended.code == 0, ended.err
        checked = self.cautify("check", self.root)
        assert checked.code == 0, checked.out.decode()
        before = snapshot(self.root)
        assert self.cautify("apply", self.root, "--yes").code == 0
        assert snapshot(self.root) == before

    def check(self) -> None:
        before = snapshot(self.root)
        assert self.cautify("check", self.root).code in (0, 1)
        assert snapshot(self.root) == before

    def revert(self) -> None:
        before = snapshot(self.root)
        if not self.patched:
            assert self.cautify("revert", self.root, "--yes").code == 2
            assert snapshot(self.root) == before
            return
        ended = self.cautify("revert", self.root, "--yes")
        assert ended.code == 0, ended.err
        assert_no_trace(self.root)
        assert_alike(contents(self.root), self.plain, "layout")
        self.plain = contents(self.root)

    def _put(self, files: Files) -> None:
        for path in contents(self.root).keys() - files.keys():
            (self.root / path).unlink()
        write(self.root, files)


@pytest.mark.parametrize("target", TARGETS)
def test_promises_hold_in_any_order(target: str, cautify: Cautify) -> None:
    happenings = changes(target)
    steps = st.lists(st.sampled_from([*happenings, *FORMATTERS, *COMMANDS]), min_size=2, max_size=8)

    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(steps)
    def live(chosen: list[str]) -> None:
        directory = Path(tempfile.mkdtemp())
        try:
            twins = Twins(write(directory / "target", original(target)), target, original(target), cautify)
            acts: dict[str, Callable[[], None]] = {name: getattr(twins, name) for name in COMMANDS}
            left = dict(happenings)  # each happens once: done twice, it may mean two things to the two trees
            for name in ("apply", *chosen, "check", "revert"):
                if name in happenings:
                    if name in left:
                        twins.change(left.pop(name))
                elif name in FORMATTERS:
                    twins.format(FORMATTERS[name])
                else:
                    acts[name]()
        finally:
            shutil.rmtree(directory)

    live()
