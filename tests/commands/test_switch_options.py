"""--flag-name and --default, on the command line, in pyproject.toml and in the manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, snapshot

MANIFEST = ".cautify/manifest.json"
CONFIG = b"""\
from dataclasses import dataclass

import torch


@dataclass
class Config:
    lr: float = 1e-3

    def build(self, params):
        return torch.optim.AdamW(params, lr=self.lr)
"""
SETTINGS = '[tool.cautify]\nflag-name = "mask_updates"\ndefault = "on"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "target"
    place.mkdir()
    (place / "config.py").write_bytes(CONFIG)
    return place


def recorded(root: Path) -> dict[str, object]:
    return json.loads((root / MANIFEST).read_bytes())["options"]


def declared(root: Path) -> str:
    return next(line.strip() for line in (root / "config.py").read_text().split("\n") if ": bool" in line)


@pytest.mark.parametrize(
    ("options", "line", "record"),
    [
        ([], "use_cautious_optimizer: bool = False", {}),
        (["--flag-name", "mask_updates"], "mask_updates: bool = False", {"flag_name": "mask_updates"}),
        (["--default", "on"], "use_cautious_optimizer: bool = True", {"default_on": True}),
        (["--default", "off", "--flag-name", "use_cautious_optimizer"], "use_cautious_optimizer: bool = False", {}),
    ],
    ids=["neither", "a name", "on", "what is usual"],
)
def test_what_is_not_usual_is_recorded_and_everything_later_goes_by_it(
    cautify: Cautify, root: Path, options: list[str], line: str, record: dict[str, object]
) -> None:
    assert cautify("apply", root, "--yes", *options).code == 0
    assert declared(root) == line
    assert {k: v for k, v in recorded(root).items() if k in ("flag_name", "default_on")} == record
    applied = snapshot(root)
    for command in (["apply", "--yes"], ["apply", "--yes", *options], ["check"], ["scan", *options]):
        ended = cautify(command[0], root, *command[1:])
        assert ended.code == 0, ended.err
        assert snapshot(root) == applied
    (root / "other.py").write_bytes(CONFIG)
    assert cautify("check", root).code == 1
    assert cautify("apply", root, "--yes").code == 0
    assert line in (root / "other.py").read_text()
    assert cautify("check", root).code == 0
    assert cautify("revert", root, "--yes").code == 0
    assert (root / "config.py").read_bytes() == (root / "other.py").read_bytes() == CONFIG


@pytest.mark.parametrize("command", ["scan", "apply"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--flag-name", "other"], "the command line calls the switch other: the patch calls it mask_updates"),
        (["--flag-name", "use_cautious_optimizer"], "the patch calls it mask_updates"),
        (["--default", "off"], "in the patch it is on"),
    ],
)
def test_another_switch_than_the_patch_has_is_refused(
    cautify: Cautify, root: Path, command: str, options: list[str], said: str, unchanged: Callable[[Path], None]
) -> None:
    cautify("apply", root, "--yes", "--flag-name", "mask_updates", "--default", "on")
    unchanged(root)
    ended = cautify(command, root, *options)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())
    assert "cautify revert" in ended.err


def test_a_patch_with_the_usual_switch_is_not_patched_again_with_another(cautify: Cautify, root: Path) -> None:
    cautify("apply", root, "--yes")
    applied = snapshot(root)
    ended = cautify("apply", root, "--yes", "--default", "on")
    assert (ended.code, snapshot(root)) == (2, applied)
    assert cautify("revert", root, "--yes").code == 0
    assert cautify("apply", root, "--yes", "--default", "on").code == 0
    assert declared(root) == "use_cautious_optimizer: bool = True"


@pytest.mark.parametrize(
    "name",
    ["Mask", "mask-updates", "2fast", "_mask", "mask_", "class", "help", "on", "cautious_eps", "use_lr", "a b", ""],
)
def test_a_name_that_does_not_suit_every_home_is_refused(
    cautify: Cautify, root: Path, name: str, unchanged: Callable[[Path], None]
) -> None:
    unchanged(root)
    ended = cautify("apply", root, "--yes", "--flag-name", name)
    assert ended.code == 2
    assert f"--flag-name {name} cannot be used" in ended.err
    (root / "pyproject.toml").write_text(f'[tool.cautify]\nflag-name = "{name}"\n')
    ended = cautify("scan", root)
    assert ended.code == 2
    assert "tool.cautify.flag-name" in ended.err
    (root / "pyproject.toml").unlink()


def test_pyproject_says_both_and_the_command_line_overrides_it(cautify: Cautify, root: Path) -> None:
    (root / "pyproject.toml").write_text(SETTINGS)
    shown = cautify("apply", root, "--dry-run").out
    assert b"+    mask_updates: bool = True" in shown
    shown = cautify("apply", root, "--dry-run", "--flag-name", "cautious", "--default", "off").out
    assert b"+    cautious: bool = False" in shown
    assert cautify("apply", root, "--yes").code == 0
    assert recorded(root)["flag_name"] == "mask_updates"
    assert recorded(root)["default_on"] is True
    assert cautify("check", root).code == 0


def test_pyproject_that_asks_for_another_switch_later_is_refused_by_apply_and_check_goes_by_the_patch(
    cautify: Cautify, root: Path
) -> None:
    cautify("apply", root, "--yes", "--flag-name", "cautious")
    (root / "pyproject.toml").write_text(SETTINGS)
    assert cautify("check", root).code == 0
    ended = cautify("apply", root, "--yes")
    assert ended.code == 2
    assert "pyproject.toml calls the switch mask_updates: the patch calls it cautious" in " ".join(ended.err.split())
    kept = cautify("apply", root, "--yes", "--flag-name", "cautious", "--default", "off")
    assert kept.code == 0, kept.err
    assert cautify("revert", root, "--yes").code == 0
    assert cautify("apply", root, "--yes").code == 0
    assert declared(root) == "mask_updates: bool = True"


@pytest.mark.parametrize(("key", "value"), [("default", "true"), ("default", '"ON"'), ("flag-name", "3")])
def test_settings_of_the_wrong_kind_are_refused(cautify: Cautify, root: Path, key: str, value: str) -> None:
    (root / "pyproject.toml").write_text(f"[tool.cautify]\n{key} = {value}\n")
    ended = cautify("scan", root)
    assert ended.code == 2
    assert f"tool.cautify.{key}" in ended.err


@pytest.mark.parametrize(
    ("key", "value"), [("flag_name", "x: int = print()"), ("flag_name", 3), ("flag_name", "lr"), ("default_on", "yes")]
)
def test_a_manifest_that_says_something_else_than_a_name_or_a_default_is_refused(
    cautify: Cautify, root: Path, key: str, value: object
) -> None:
    cautify("apply", root, "--yes")
    document = json.loads((root / MANIFEST).read_bytes())
    document["options"][key] = value
    (root / MANIFEST).write_text(json.dumps(document))
    ended = cautify("check", root)
    assert ended.code == 2
    assert f"'{key}'" in ended.err


def test_a_name_that_is_taken_is_reported_with_the_option_that_gives_another(cautify: Cautify, root: Path) -> None:
    taken = CONFIG + b"\n    def use_cautious_optimizer(self):\n        pass\n"
    (root / "config.py").write_bytes(taken)
    report = " ".join(cautify("scan", root, "--verbose").out.decode().split())
    assert "uses the name use_cautious_optimizer for something else (--flag-name gives" in report
    assert cautify("apply", root, "--yes", "--flag-name", "mask_updates").code == 0
    assert declared(root) == "mask_updates: bool = False"


def test_the_default_reaches_sites_that_only_the_environment_switches(cautify: Cautify, tree: Path) -> None:
    before = snapshot(tree)
    shown = " ".join(cautify("scan", tree, "--default", "on").out.decode().split())
    assert "environment: on unless USE_CAUTIOUS_OPTIMIZER=0" in shown
    place = f"{tree / 'train.py'}:5"
    explained = cautify("scan", tree, "--default", "on", "--explain", place).out.decode()
    assert "switch: environment: on unless USE_CAUTIOUS_OPTIMIZER=0" in explained
    ended = cautify("apply", tree, "--yes", "--default", "on")
    assert "turned off by USE_CAUTIOUS_OPTIMIZER=0" in " ".join(ended.err.split())
    wrap = "torch.optim.AdamW(model.parameters(), lr=1e-3), default=True\n"
    assert wrap in (tree / "train.py").read_text()
    applied = snapshot(tree)
    assert cautify("apply", tree, "--yes").code == 0
    assert snapshot(tree) == applied
    site = json.loads(cautify("scan", tree, "--format", "json").out)["sites"][0]
    assert (site["verdict"], site["switch"]["home"], site["switch"]["enabled"]) == ("wrapped", "environment", None)
    assert cautify("check", tree).code == 0
    (tree / "more.py").write_bytes((tree / "plot.py").read_bytes() + TRAIN)
    assert cautify("check", tree).code == 1
    assert cautify("apply", tree, "--yes").code == 0
    assert wrap in (tree / "more.py").read_text()
    assert cautify("revert", tree, "--yes").code == 0
    (tree / "more.py").unlink()
    assert snapshot(tree) == before


def test_options_that_a_loop_only_turns_on_are_no_home_where_the_default_is_on(
    cautify: Cautify, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(
        """\
import argparse

import torch

DEFAULTS = dict(
    lr=1e-2,
    fp16=False,
)
parser = argparse.ArgumentParser()
for k, v in DEFAULTS.items():
    if isinstance(v, bool):
        parser.add_argument(f"--{k}", action="store_true", default=v)
    else:
        parser.add_argument(f"--{k}", type=type(v), default=v)
args = parser.parse_args()
optimizer = torch.optim.AdamW([torch.zeros(1)], lr=args.lr)
"""
    )

    def home(*options: str) -> str:
        sites = json.loads(cautify("scan", tmp_path, "--format", "json", *options).out)["sites"]
        return sites[0]["switch"]["home"]

    assert home() == "argument"
    assert home("--default", "on") == "environment"
