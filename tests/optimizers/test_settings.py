"""``[tool.cautify.optimizers]``: what is read from a target's pyproject.toml, and what the manifest records of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cautify.commands.options import Given, effective
from cautify.commands.settings import read
from cautify.errors import InvalidOption, ManifestUnusable
from cautify.model import Options, Verdict
from cautify.patch.manifest_text import dump, parse
from cautify.patch.records import Manifest

OWN = (("acme.optim.Shampoo", Verdict.WRAP), ("torch.optim.RAdam", Verdict.SKIP))
EMPTY = Manifest(2, "0.1.0", Options(), (), (), (), ())


def target(root: Path, text: str | bytes) -> Path:
    """A root with a pyproject.toml."""
    (root / "pyproject.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return root


@pytest.mark.parametrize(
    "text",
    [
        '[tool.cautify.optimizers]\n"acme.optim.Shampoo" = "wrap"\n"torch.optim.RAdam" = "skip"\n',
        '[tool.cautify.optimizers]\ntorch.optim.RAdam = "skip"\nacme.optim.Shampoo = "wrap"\n',
        '[tool.cautify]\noptimizers = {"acme.optim.Shampoo" = "wrap", "torch.optim.RAdam" = "skip"}\n',
        '[tool.cautify.optimizers]\r\nacme.optim.Shampoo = "wrap"\r\n"torch.optim.RAdam" = "skip"\r\n',
        '\ufeff[tool.cautify.optimizers]\nacme.optim.Shampoo = "wrap"\ntorch.optim.RAdam = "skip"\n',
    ],
    ids=["quoted", "dotted", "inline", "CRLF", "BOM"],
)
def test_the_classes_are_read_however_the_table_is_written(tmp_path: Path, text: str) -> None:
    assert read(target(tmp_path, text)).optimizers == OWN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[project]\nname = 'acme'\n",
        "[tool.black]\nline-length = 100\n",
        "[tool.cautify]\n",
        "[tool.cautify.optimizers]\n",
        "[project]\nname = '{{ a template }}\n",
        b"[project]\nauthors = '\xe9'\n",
    ],
    ids=["empty", "no tool", "other tool", "empty table", "no class", "no TOML, not about us", "latin-1, not about us"],
)
def test_a_file_without_our_settings_says_nothing(tmp_path: Path, text: str | bytes) -> None:
    assert read(target(tmp_path, text)).optimizers == ()


def test_a_target_without_the_file_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path).optimizers == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tool.cautify]\noptimizer = "x"\n', "has no key 'optimizer'"),
        ("[tool]\ncautify = 3\n", "tool.cautify is not a table"),
        ('[tool.cautify]\noptimizers = ["acme.optim.Shampoo"]\n', "tool.cautify.optimizers is not a table"),
        ('[tool.cautify.optimizers]\n"acme.optim.Shampoo" = true\n', "'acme.optim.Shampoo' is neither"),
        ('[tool.cautify.optimizers]\nacme.optim.Shampoo = ["wrap"]\n', "'acme.optim.Shampoo' is neither"),
        ('[tool.cautify.optimizers]\n"acme.optim.Shampoo" = "warp"\n', '"wrap" nor "skip"'),
        ("[tool.cautify.optimizers.acme]\n", "'acme' is neither"),
        ('[tool.cautify.optimizers]\nShampoo = "wrap"\n', "'Shampoo' is not the qualified name"),
        ('[tool.cautify.optimizers]\n"acme.*" = "wrap"\n', "'acme.*' is not the qualified name"),
        ("[tool.cautify\n", "it is not TOML"),
        ("[tool.cautify.optimizers]\nacme.A = 'wrap'\nacme.A = 'skip'\n", "it is not TOML"),
        (b"[tool.cautify]\n# \xe9\n", "it is not TOML"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_file_and_the_key(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        read(target(tmp_path, text))
    assert str(tmp_path / "pyproject.toml") in str(refused.value)
    assert said in str(refused.value)
    assert refused.value.exit_code == 2


def test_the_file_is_gone_by_and_not_what_was_recorded(tmp_path: Path) -> None:
    recorded = replace(EMPTY, options=Options(tests=True, optimizers=(("acme.optim.Old", Verdict.WRAP),)))
    root = target(tmp_path, '[tool.cautify.optimizers]\nacme.optim.New = "wrap"\n')
    options = effective(Given(), recorded, root)
    assert options.tests
    assert options.optimizers == (("acme.optim.New", Verdict.WRAP),)
    target(tmp_path, "")
    assert effective(Given(), recorded, root).optimizers == ()


def test_the_manifest_records_the_classes_and_reads_them_back() -> None:
    manifest = replace(EMPTY, options=Options(optimizers=OWN))
    assert parse(dump(manifest)) == manifest
    assert json.loads(dump(manifest))["options"]["optimizers"] == {
        "acme.optim.Shampoo": "wrap",
        "torch.optim.RAdam": "skip",
    }


def test_a_manifest_without_classes_is_the_one_that_older_versions_wrote() -> None:
    written = json.loads(dump(EMPTY))
    assert set(written["options"]) == {"include", "exclude", "tests", "vendor_to"}
    assert parse(dump(EMPTY)).options.optimizers == ()


@pytest.mark.parametrize("value", [["acme.optim.Shampoo"], {"acme.optim.Shampoo": "warp"}, {"acme.A": 1}, "acme"])
def test_a_manifest_whose_classes_cannot_be_understood_is_refused(value: object) -> None:
    forged = json.loads(dump(EMPTY))
    forged["options"]["optimizers"] = value
    with pytest.raises(ManifestUnusable, match="'optimizers'"):
        parse(json.dumps(forged).encode())
