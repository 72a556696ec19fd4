"""--select, --ignore and [tool.cautify]: which sites are wrapped, and that later commands go by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Cautify, snapshot

CONFIG = b"""\
from dataclasses import dataclass

import torch


@dataclass
class Config:
    lr: float = 1e-3

    def build(self, params):
        return torch.optim.AdamW(params, lr=self.lr)

    def second(self, params):
        return torch.optim.SGD(params, lr=self.lr, momentum=0.9)
"""
SCRIPT = b"""\
import torch


def main(model):
    return torch.optim.Adam(model.parameters(), lr=1e-3)
"""
OWN = b"""\
import torch
from config import Config


class Mine(torch.optim.Optimizer):
    def step(self, closure=None):
        self.go()


def make(params, config: Config):
    return Mine(params, lr=config.lr)
"""
FILES = {"config.py": CONFIG, "examples/run.py": SCRIPT}
ADAMW, SGD, ADAM = ("config.py", "AdamW"), ("config.py", "SGD"), ("examples/run.py", "Adam")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, data in FILES.items():
        place = tmp_path / "target" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return tmp_path / "target"


def scanned(cautify: Cautify, root: Path, *options: str) -> dict[tuple[str, str], str]:
    """By file and class of each site, what becomes of it: its reason if it is skipped."""
    ended = cautify("scan", root, "--format", "json", *options)
    assert ended.code == 0, ended.err
    report = json.loads(ended.out)
    assert report["totals"]["sites"] == sum(report["totals"][v] for v in ("wrap", "wrapped", "skip"))
    rows = report["sites"]
    return {(r["path"], r["optimizers"][0].rpartition(".")[2]): r["reason"] or r["verdict"] for r in rows}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--ignore", "path:examples/**"], {ADAM}),
        (["--ignore", "examples/"], {ADAM}),
        (["--ignore", "run.py"], {ADAM}),
        (["--ignore", "optimizer:torch.optim.SGD"], {SGD}),
        (["--ignore", "optimizer:sgd"], set()),
        (["--ignore", "SGD"], {SGD}),
        (["--ignore", "torch.optim.Adam"], {ADAM}),
        (["--ignore", "Adam*"], {ADAM, ADAMW}),
        (["--ignore", "optimizer:torch.optim.*"], {ADAM, ADAMW, SGD}),
        (["--select", "AdamW"], {ADAM, SGD}),
        (["--select", "AdamW", "--select", "path:examples"], {SGD}),
        (["--select", "path:config.py", "--ignore", "SGD"], {ADAM, SGD}),
        (["--ignore", "verdict:wrap"], {ADAM, ADAMW, SGD}),
        (["--ignore", "reason:closure"], set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_left_out_is_declined_and_stays_in_the_account(
    cautify: Cautify, root: Path, options: list[str], left: set[tuple[str, str]]
) -> None:
    assert scanned(cautify, root, *options) == {
        site: "declined" if site in left else "wrap" for site in (ADAMW, SGD, ADAM)
    }


def test_the_report_says_which_option_left_a_site_out(cautify: Cautify, root: Path) -> None:
    out = cautify("scan", root, "--ignore", "path:examples/**").out.decode()
    assert "skip, declined: 1" in out
    assert "--ignore path:examples/** leaves it out" in out
    assert "--select names others only: AdamW" in cautify("scan", root, "--select", "AdamW").out.decode()


def test_a_name_that_matches_nothing_is_warned_about(cautify: Cautify, root: Path) -> None:
    out = cautify("scan", root, "--ignore", "optimizer:AdmaW", "--ignore", "SGD").out.decode()
    assert "warning: --ignore optimizer:AdmaW matches no site" in out
    assert "SGD matches no site" not in out


def test_a_config_whose_sites_are_all_left_out_gets_no_switch(cautify: Cautify, root: Path) -> None:
    assert cautify("apply", root, "--yes", "--ignore", "path:config.py").code == 0
    assert (root / "config.py").read_bytes() == CONFIG
    assert b"CautiousOptimizer.wrap(" in (root / "examples" / "run.py").read_bytes()


def test_one_of_two_that_share_a_switch_can_be_left_out(cautify: Cautify, root: Path) -> None:
    ended = cautify("apply", root, "--yes", "--ignore", "SGD")
    assert ended.code == 0
    text = (root / "config.py").read_text()
    assert text.count("CautiousOptimizer.wrap(") == 1
    assert "use_cautious_optimizer: bool = False" in text
    assert "        return torch.optim.SGD(params, lr=self.lr, momentum=0.9)\n" in text
    assert "its config's switch has no effect there" in " ".join(ended.err.split())


def test_a_projects_own_optimizer_can_be_left_out_by_its_reason(cautify: Cautify, root: Path) -> None:
    (root / "own.py").write_bytes(OWN)
    assert scanned(cautify, root)["own.py", "Mine"] == "wrap"
    for option in ("reason:custom", "optimizer:Mine", "path:own.py"):
        assert scanned(cautify, root, "--ignore", option)["own.py", "Mine"] == "declined"


def test_a_place_where_a_library_makes_one_can_be_left_out_too(cautify: Cautify, root: Path) -> None:
    (root / "a.py").write_text("import torch, skorch\n\nnet = skorch.NeuralNet(m, optimizer=torch.optim.Adam)\n")
    assert scanned(cautify, root)["a.py", "Adam"] == "built-by-library"
    assert scanned(cautify, root, "--ignore", "reason:built-by-library")["a.py", "Adam"] == "declined"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("examples", "it may be a path or an optimizer"),
        ("adamw", "Write path:adamw or optimizer:adamw"),
        ("", "it names nothing"),
        ("path:", "it names nothing"),
        ("optimizer: SGD", "begins or ends with a space"),
        ("file:train.py", "'file' is none of path, optimizer, reason, verdict"),
        ("reason:bored", "there is no reason 'bored'"),
        ("reason:declined", "there is no reason 'declined'"),
        ("verdict:maybe", "there is no verdict 'maybe'"),
        ("verdict:wrapped", "what is wrapped stays so"),
        ("path:../other", "no path in PATH is matched by that"),
        ("path:!x", "no path in PATH is matched by that"),
        ("optimizer:torch/optim", "is not the name of a class"),
    ],
)
def test_nonsense_is_refused(
    cautify: Cautify, root: Path, unchanged: Callable[[Path], None], value: str, said: str
) -> None:
    unchanged(root)
    for command in (["scan"], ["apply", "--yes"], ["check"]):
        ended = cautify(command[0], root, *command[1:], "--ignore", value)
        assert (ended.code, ended.out) == (2, b"")
        assert said in ended.err


def test_what_was_left_out_is_recorded_and_later_commands_go_by_it_unless_told_otherwise(
    cautify: Cautify, root: Path
) -> None:
    before = snapshot(root)
    assert cautify("apply", root, "--yes", "--ignore", "path:examples", "--select", "Adam*").code == 0
    options = json.loads((root / ".cautify" / "manifest.json").read_bytes())["options"]
    assert (options["ignore"], options["select"]) == (["path:examples"], ["Adam*"])
    patched = snapshot(root)
    assert cautify("check", root).code == 0
    assert cautify("apply", root, "--yes").code == 0
    assert snapshot(root) == patched
    assert scanned(cautify, root) == {ADAMW: "wrapped", SGD: "declined", ADAM: "declined"}
    assert cautify("check", root, "--ignore", "SGD", "--select", "Adam*").code == 1
    assert cautify("apply", root, "--yes", "--ignore", "SGD").code == 0
    assert scanned(cautify, root) == {ADAMW: "wrapped", SGD: "declined", ADAM: "wrapped"}
    assert cautify("check", root).code == 0
    assert cautify("revert", root, "--yes").code == 0
    assert snapshot(root) == before


def test_a_wrapped_site_stays_wrapped_whatever_is_left_out(cautify: Cautify, root: Path) -> None:
    assert cautify("apply", root, "--yes").code == 0
    assert set(scanned(cautify, root, "--ignore", "Adam*", "--ignore", "SGD").values()) == {"wrapped"}


def test_a_patch_can_be_kept_from_growing(cautify: Cautify, root: Path) -> None:
    assert cautify("apply", root, "--yes", "--ignore", "path:examples").code == 0
    assert cautify("check", root, "--select", "verdict:wrapped").code == 0


# -- pyproject.toml ---------------------------------------------------------------------------------------------------


def say(root: Path, *lines: str) -> None:
    (root / "pyproject.toml").write_text("[tool.cautify]\n" + "".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ('ignore = ["path:examples/**"]', {ADAM}),
        ('select = ["AdamW"]', {SGD, ADAM}),
        ('exclude = ["examples"]', None),
        ('include = ["config.py"]', None),
    ],
)
def test_the_targets_settings_choose_and_a_change_there_counts_at_once(
    cautify: Cautify, root: Path, line: str, left: set[tuple[str, str]] | None
) -> None:
    say(root, line)
    found = scanned(cautify, root)
    if left is None:
        assert ADAM not in found
    else:
        assert {site for site, verdict in found.items() if verdict == "declined"} == left
    assert cautify("apply", root, "--yes").code == 0
    options = json.loads((root / ".cautify" / "manifest.json").read_bytes())["options"]
    assert (options["include"], options["exclude"], options.get("select"), options.get("ignore")) == (
        [],
        [],
        None,
        None,
    )
    assert cautify("check", root).code == 0
    say(root)
    assert cautify("check", root).code == 1


def test_the_command_line_goes_before_the_record_and_the_record_before_the_settings(
    cautify: Cautify, root: Path
) -> None:
    say(root, 'ignore = ["SGD"]')
    assert scanned(cautify, root, "--ignore", "Adam")[SGD] == "wrap"
    assert cautify("apply", root, "--yes", "--ignore", "Adam", "--ignore", "AdamW").code == 0
    assert scanned(cautify, root) == {ADAMW: "declined", SGD: "wrapped", ADAM: "declined"}
    assert scanned(cautify, root, "--ignore", "AdamW") == {ADAMW: "declined", SGD: "wrapped", ADAM: "wrap"}


def test_tests_and_the_runtimes_place_may_stand_in_the_settings(cautify: Cautify, root: Path) -> None:
    (root / "tests").mkdir()
    (root / "tests" / "test_it.py").write_bytes(SCRIPT)
    assert scanned(cautify, root)["tests/test_it.py", "Adam"] == "test-code"
    say(root, "tests = true", 'vendor-to = "lib"')
    assert scanned(cautify, root)["tests/test_it.py", "Adam"] == "wrap"
    assert scanned(cautify, root, "--no-tests")["tests/test_it.py", "Adam"] == "test-code"
    edits = json.loads(cautify("scan", root, "--format", "json").out)["edits"]
    assert "lib/cautious_optimizer.py" in {edit["path"] for edit in edits}


@pytest.mark.parametrize(
    "line",
    [
        "ignore = 3",
        'ignore = "SGD"',
        'ignore = [""]',
        "tests = 1",
        'vendor-to = ""',
        'select = ["adamw"]',
        "ignores = []",
    ],
)
def test_settings_that_cannot_be_used_are_refused(cautify: Cautify, root: Path, line: str) -> None:
    say(root, line)
    ended = cautify("scan", root)
    assert (ended.code, ended.out) == (2, b"")
    assert line.split()[0] in ended.err


# -- comments ---------------------------------------------------------------------------------------------------------


def test_a_comments_reason_is_told(cautify: Cautify, root: Path) -> None:
    text = SCRIPT.replace(b"lr=1e-3)", b"lr=1e-3)  # cautify: ignore[rows without gradient]")
    (root / "examples" / "run.py").write_bytes(text)
    assert scanned(cautify, root)[ADAM] == "ignored"
    out = cautify("scan", root).out.decode()
    assert "a comment on the line says so: rows without gradient" in out
    assert "nothing is ignored" not in out


UNUSED = {
    "on a line of its own": b"import torch\n# cautify: ignore\nopt = torch.optim.Adam(p, lr=1e-3)\n",
    "on a site without momentum": b"import torch\n\nopt = torch.optim.SGD(p, lr=1e-3)  # cautify: ignore[x]\n",
    "where nothing is called": b"import torch\nopt = torch.optim.Adam(p, lr=1e-3)\nx = 1  # cautify: ignore\n",
}


@pytest.mark.parametrize("case", UNUSED)
def test_a_comment_that_ignores_nothing_is_reported_with_its_place(cautify: Cautify, root: Path, case: str) -> None:
    (root / "u.py").write_bytes(UNUSED[case])
    line = next(n for n, text in enumerate(UNUSED[case].splitlines(), 1) if b"cautify" in text)
    said = f"warning: u.py:{line}: nothing is ignored by `# cautify: ignore"
    assert said in cautify("scan", root).out.decode()
    assert said in cautify("apply", root, "--dry-run").err


USED = {
    "on the line": b"import torch\nopt = torch.optim.Adam(p, lr=1e-3)  # cautify: ignore\n",
    "within the call": b"import torch\nopt = torch.optim.Adam(\n    p,  # cautify: ignore\n    lr=1e-3,\n)\n",
    "in a text": b'import torch\nx = "# cautify: ignore"\n',
    "in test code": b"import torch\nx = 1  # cautify: ignore\n",
}


@pytest.mark.parametrize("case", USED)
def test_these_comments_are_not_reported(cautify: Cautify, root: Path, case: str) -> None:
    path = root / ("test_u.py" if case == "in test code" else "u.py")
    path.write_bytes(USED[case])
    assert "nothing is ignored" not in cautify("scan", root).out.decode()
    assert "nothing is ignored" not in cautify("scan", root, "--ignore", "u.py").out.decode()
