"""apply --interactive: what is asked, what becomes of the answers, and that they are remembered."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Cautify, Ended, snapshot

Unchanged = Callable[[Path], None]

CONFIG = b"""\
from dataclasses import dataclass

import torch


@dataclass
class Config:
    lr: float = 1e-3

    def build(self, params, other):
        first = torch.optim.AdamW(params, lr=self.lr)
        second = torch.optim.AdamW(other, lr=self.lr)
        return first, second


@dataclass
class Other:
    lr: float = 1e-3

    def build(self, params):
        return torch.optim.Adam(params, lr=self.lr)
"""
SCRIPT = b"""\
import torch


def main(model):
    return torch.optim.Adam(model.parameters(), lr=1e-3)
"""
WRAP = "CautiousOptimizer.wrap("


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "target"
    place.mkdir()
    (place / "config.py").write_bytes(CONFIG)
    (place / "run.py").write_bytes(SCRIPT)
    return place


def choosing(cautify: Cautify, root: Path, keys: str, *options: str) -> Ended:
    """Answer the questions, one key for each, then agree to the diff. What is said comes back without colours."""
    ended = cautify("apply", root, "-i", *options, answer="".join(f"{key}\n" for key in keys) + "y\n")
    return replace(ended, err=re.sub("\x1b\\[[0-9;]*m", "", ended.err))


def wrapped(root: Path) -> list[str]:
    """What is wrapped, as file and class of optimizer, in order."""
    found = []
    for path in ("config.py", "run.py"):
        text = (root / path).read_text()
        found += [f"{path} {part.split('(')[0].rpartition('.')[2]}" for part in text.split(WRAP)[1:]]
    return found


ALL = ["config.py AdamW", "config.py AdamW", "config.py Adam", "run.py Adam"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("yyyy", ALL),
        ("nyyy", ALL[1:]),
        ("ynnn", ALL[:1]),
        ("ay", ALL),
        ("ya?n", ALL[:3]),
        ("dy", ALL[3:]),
        ("ndy", ALL[3:]),
        ("yq", ALL[:1]),
        ("?Y x!nYn", [ALL[0], ALL[2]]),
        ("yydy", [*ALL[:2], ALL[3]]),
    ],
)
def test_what_is_answered_yes_is_wrapped_and_nothing_else(
    cautify: Cautify, root: Path, keys: str, expected: list[str]
) -> None:
    ended = choosing(cautify, root, keys)
    assert ended.code == 0, ended.err
    assert wrapped(root) == expected
    assert cautify("check", root).code == 0
    patched = snapshot(root)
    assert cautify("apply", root, "--yes").code == 0
    assert snapshot(root) == patched


def test_a_switch_that_no_chosen_site_reads_is_not_declared(cautify: Cautify, root: Path) -> None:
    assert choosing(cautify, root, "nnyn").code == 0
    head, _, tail = (root / "config.py").read_text().partition("class Other")
    assert "use_cautious_optimizer" not in head
    assert "use_cautious_optimizer: bool = False" in tail
    assert (root / "run.py").read_bytes() == SCRIPT


def test_each_question_shows_the_place_its_lines_and_the_switch(cautify: Cautify, root: Path) -> None:
    said = choosing(cautify, root, "q").err
    assert "(1/4) config.py:11  torch.optim.AdamW" in said
    assert "> 11          first = torch.optim.AdamW(params, lr=self.lr)" in said
    assert "switch: field: self.use_cautious_optimizer" in said
    assert "declared at config.py:8 (config.Config)" in said
    said = choosing(cautify, root, "dq").err
    assert "(4/4) run.py:5" in said
    assert "switch: environment: USE_CAUTIOUS_OPTIMIZER=1" in said


def test_where_nothing_is_chosen_nothing_is_written(cautify: Cautify, root: Path, unchanged: Unchanged) -> None:
    unchanged(root)
    ended = choosing(cautify, root, "q")
    assert ended.code == 0
    assert "what could be wrapped is declined" in ended.err


@pytest.mark.parametrize("typed", ["", "y\n", "y\ny\n?\n", "yyyy\n"])
def test_when_the_answers_end_nothing_is_written(
    cautify: Cautify, root: Path, unchanged: Unchanged, typed: str
) -> None:
    unchanged(root)
    ended = cautify("apply", root, "-i", "--yes", answer=typed)
    assert ended.code == 2
    assert "nothing was written" in ended.err


def test_a_no_to_the_diff_writes_nothing(cautify: Cautify, root: Path, unchanged: Unchanged) -> None:
    unchanged(root)
    assert cautify("apply", root, "-i", answer="y\ny\ny\ny\nn\n").code == 2


def test_without_a_terminal_it_is_refused(cautify: Cautify, root: Path, unchanged: Unchanged) -> None:
    unchanged(root)
    for options in (["-i"], ["-i", "--yes"], ["-i", "--dry-run"]):
        ended = cautify("apply", root, *options)
        assert (ended.code, ended.out) == (2, b"")
        assert "--interactive cannot be used: there is no terminal" in ended.err


def recorded(root: Path) -> list[dict[str, object]]:
    return json.loads((root / ".cautify" / "manifest.json").read_bytes())["options"].get("declined", [])


def test_a_declined_site_is_recorded_without_lines_and_left_alone_wherever_it_moves(
    cautify: Cautify, root: Path
) -> None:
    assert choosing(cautify, root, "nyyn").code == 0
    adamw, adam = ["torch.optim.AdamW"], ["torch.optim.Adam"]
    assert recorded(root) == [
        {"path": "config.py", "scope": "Config.build", "optimizers": adamw, "count": 1},
        {"path": "run.py", "scope": "main", "optimizers": adam, "count": 1},
    ]
    (root / "run.py").write_bytes(b"import os\n\n\n" + SCRIPT)
    assert cautify("check", root).code == 0
    out = cautify("scan", root).out.decode()
    assert "skip, declined: 2" in out
    assert "it was declined when the patch was made" in out
    assert "nothing to do" in cautify("apply", root, "--yes").err.lower()


def test_one_more_in_the_same_scope_is_new(cautify: Cautify, root: Path) -> None:
    assert choosing(cautify, root, "yyyn").code == 0
    (root / "run.py").write_bytes(SCRIPT + b"    return torch.optim.Adam(model.parameters(), lr=2e-3)\n")
    assert cautify("check", root).code == 1


def test_asked_again_it_asks_about_declined_sites_and_only_those(cautify: Cautify, root: Path) -> None:
    assert choosing(cautify, root, "nyyn").code == 0
    ended = choosing(cautify, root, "yn")
    assert ended.code == 0
    assert "(2/2) run.py:5" in ended.err
    assert wrapped(root) == ALL[:3]
    assert [d["path"] for d in recorded(root)] == ["run.py"]
    assert choosing(cautify, root, "y").code == 0
    assert (wrapped(root), recorded(root)) == (ALL, [])
    assert cautify("check", root).code == 0
    assert cautify("revert", root, "--yes").code == 0
    assert (root / "config.py").read_bytes() == CONFIG


def test_a_no_to_all_that_is_new_on_a_patched_tree_is_written_down(cautify: Cautify, root: Path) -> None:
    assert choosing(cautify, root, "yyyy").code == 0
    (root / "new.py").write_bytes(SCRIPT)
    assert cautify("check", root).code == 1
    ended = choosing(cautify, root, "n")
    assert ended.code == 0, ended.err
    assert "Record what was declined?" in ended.err
    assert (root / "new.py").read_bytes() == SCRIPT
    assert cautify("check", root).code == 0


def test_what_the_options_leave_out_is_not_asked_about(cautify: Cautify, root: Path) -> None:
    ended = choosing(cautify, root, "y", "--select", "path:run.py")
    assert ended.code == 0
    assert wrapped(root) == ["run.py Adam"]


def test_a_chain_of_factories_is_one_question(cautify: Cautify, tmp_path: Path) -> None:
    root = tmp_path / "chain"
    root.mkdir()
    chain = b"import torch\n\n\ndef make(p, lr):\n    return torch.optim.Adam(p, lr=lr)\n\n\n"
    chain += b"def outer(p):\n    return make(p, 1e-3)\n"
    (root / "run.py").write_bytes(chain)
    assert choosing(cautify, root, "n").code == 0
    assert (root / "run.py").read_bytes() == chain
    ended = choosing(cautify, root, "y")
    assert "(1/1)" in ended.err
    assert (root / "run.py").read_text().count(WRAP) == 1


# -- a real terminal --------------------------------------------------------------------------------------------------


def at_a_terminal(root: Path, typed: Sequence[bytes]) -> tuple[int, bytes]:
    """Run apply -i on a pseudo terminal, type each answer when a question is waiting, and return how it ended."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm", NO_COLOR="1")
        os.execv(sys.executable, [sys.executable, "-m", "cautify", "apply", str(root), "-i"])
    shown, left, asked = b"", list(typed), 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                read = os.read(terminal, 4096)
            except OSError:
                break
            if not read:
                break
            shown += read
        questions = shown.count(b"?]? ") + shown.count(b"[y/N] ")
        if left and questions > asked:
            asked = questions
            os.write(terminal, left.pop(0))
    else:
        os.kill(child, signal.SIGKILL)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def test_on_a_real_terminal_the_answers_are_read_and_the_diff_is_shown(root: Path) -> None:
    code, shown = at_a_terminal(root, [b"n\n", b"a\n", b"d\n", b"y\n"])
    assert code == 0, shown
    assert wrapped(root) == ALL[1:3]
    assert b"+        second = CautiousOptimizer.wrap(" in shown


@pytest.mark.parametrize(("keys", "code"), [([b"y\n", b"\x03"], 130), ([b"y\n", b"\x04"], 2)], ids=["^C", "^D"])
def test_there_control_c_and_control_d_write_nothing(
    root: Path, unchanged: Unchanged, keys: list[bytes], code: int
) -> None:
    unchanged(root)
    ended, shown = at_a_terminal(root, keys)
    assert ended == code, shown
    assert b"nothing was written" in shown
