"""What the patch says, read back from the patched tree without cautify's help, on four versions of lerobot."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .expected import RUNTIME, TREES, VECTOR_QUANTIZER
from .story import Story

pytestmark = pytest.mark.real

FIELDS = {"use_cautious_optimizer": ("bool", False), "cautious_eps": ("float", 1e-8)}
CONFIGS = {"AdamConfig", "AdamWConfig", "SGDConfig", "XVLAAdamWConfig", "MultiAdamConfig"}
BUILD_ALONE = Path(__file__).parent / "child" / "optimizers_alone.py"


def parsed(root: Path, version: str) -> Iterator[tuple[str, ast.Module]]:
    """The files that the patch is expected to edit."""
    for path in sorted(TREES[version].modified):
        yield path, ast.parse((root / path).read_bytes())


def constructions(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Call) and (name.startswith("torch.optim.") or name == "in_place_codebook_optimizer"):
            yield node


def test_every_construction_is_the_argument_of_one_wrap_that_reads_the_switch(lived: Story) -> None:
    receivers = {site.path: site.receiver for site in TREES[lived.version].sites}
    for path, tree in parsed(lived.patched, lived.version):
        wraps = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "CautiousOptimizer.wrap"
        ]
        assert [ast.dump(wrap.args[0]) for wrap in wraps] == [ast.dump(made) for made in constructions(tree)], path
        for wrap in wraps:
            keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in wrap.keywords}
            receiver = receivers[path]
            of = f"{receiver}." if receiver else ""
            read = {"enabled": f"{of}use_cautious_optimizer", "eps": f"{of}cautious_eps"}
            assert (len(wrap.args), keywords) == (1, read)


def test_no_construction_is_changed_added_or_lost(lived: Story) -> None:
    before, after = (
        [ast.dump(made) for _, tree in parsed(root, lived.version) for made in constructions(tree)]
        for root in (lived.pristine, lived.patched)
    )
    assert after == before
    assert len(before) == sum(site.count for site in TREES[lived.version].sites if site.verdict == "wrap")


def test_the_two_fields_are_declared_once_per_config_object_off_and_keyword_only(lived: Story) -> None:
    declared: Counter[tuple[str, str, str]] = Counter()
    for path, tree in parsed(lived.patched, lived.version):
        for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for statement in owner.body:
                name = ast.unparse(statement.target) if isinstance(statement, ast.AnnAssign) else None
                if isinstance(statement, ast.AnnAssign) and name in FIELDS:
                    annotation, default = FIELDS[name]
                    assert ast.unparse(statement.annotation) == annotation
                    call = statement.value
                    assert isinstance(call, ast.Call)
                    assert ast.unparse(call.func) == "field"
                    arguments = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
                    assert arguments == {"default": default, "kw_only": True}
                    declared[path, owner.name, name] += 1
    wanted = {(path, owner, name) for path, owner in TREES[lived.version].homes for name in FIELDS}
    assert declared == Counter(wanted)


def test_every_preset_forwards_both_keywords_and_no_other_config_call_does(lived: Story) -> None:
    presets = {pair for pairs in TREES[lived.version].presets.values() for pair in pairs}
    forwarding = set()
    for path, tree in parsed(lived.patched, lived.version):
        for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for call in (node for node in ast.walk(owner) if isinstance(node, ast.Call)):
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                if FIELDS.keys() & keywords.keys():
                    assert ast.unparse(call.func) in CONFIGS
                    assert {name: keywords[name] for name in FIELDS} == {name: f"self.{name}" for name in FIELDS}
                    forwarding.add((path, owner.name))
    assert forwarding == presets


def test_the_runtime_is_imported_where_it_is_used_and_only_there(lived: Story) -> None:
    wrapping = {site.path for site in TREES[lived.version].sites if site.verdict == "wrap"}
    importing = {
        path.relative_to(lived.patched).as_posix()
        for path in lived.patched.rglob("*.py")
        if b"import CautiousOptimizer" in path.read_bytes() and path != lived.patched / RUNTIME
    }
    assert importing == wrapping
    for path in wrapping:
        tree = ast.parse((lived.patched / path).read_bytes())
        imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.ImportFrom)]
        assert imports.count("from lerobot.cautious_optimizer import CautiousOptimizer") == 1, path


def test_what_the_injected_factory_makes_is_wrapped_where_it_is_called(lived: Story) -> None:
    before, after = ((root / VECTOR_QUANTIZER).read_text() for root in (lived.pristine, lived.patched))
    call = "in_place_codebook_optimizer(self._codebook.parameters())"
    assert before.count(call) == after.count(call) == 1
    assert f"CautiousOptimizer.wrap(\n                {call},\n                enabled=use_cautious_optimizer" in after


@pytest.fixture(scope="session")
def built(lived: Story) -> dict[str, Any]:
    """What each version's optimizers.py builds, published, patched and off, patched and on."""
    command = [sys.executable, str(BUILD_ALONE), str(lived.pristine), str(lived.patched)]
    result = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_off_every_optimizer_config_builds_and_trains_as_before(lived: Story, built: dict[str, Any]) -> None:
    assert built["off"] == built["before"]
    assert len(built["off"]) == len(TREES[lived.version].presets)


def test_on_every_optimizer_config_builds_a_cautious_optimizer(lived: Story, built: dict[str, Any]) -> None:
    assert built["on"].keys() == built["before"].keys()
    for name, seen in built["on"].items():
        made = built["before"][name]["optimizers"]
        assert [(one["cautious"], one["base"]) for one in seen["optimizers"]] == [(True, one["type"]) for one in made]
        assert (seen["masked"] > 0) is (name != "sgd")
