"""Patched fixtures run as their users run them: off is off to the last bit, and on trains cautiously."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fixture_trees import NAMES, TEMPLATE, Tree, load

from cautify.model import Verdict
from cautify.patch.plan import make_plan

pytest.importorskip("torch")

SERVER = Path(__file__).parent / "training_server.py"
RUNS = [pytest.param(name, number, id=f"{name}-{number}") for name in NAMES for number in range(len(load(name).runs))]
CAUTIOUS = "cautious_optimizer.CautiousOptimizer"


class Server:
    """A process that has imported torch and forks for every program."""

    def __init__(self) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in ("USE_CAUTIOUS_OPTIMIZER", "PYTHONPATH")}
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(
        self, root: Path, run: Mapping[str, Any], program: str, environment: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        """Run a program of a tree; what its optimizers did."""
        cwd = root / run.get("cwd", ".")
        if "script" in run:
            argv = [os.path.relpath(root / run["script"], cwd)]
        elif "module" in run:
            argv = ["-m", run["module"]]
        else:
            argv = ["-c", program]
        job = {
            "cwd": str(cwd),
            "path": [str(root / p) for p in run.get("path", ())],
            "argv": argv,
            "environment": dict(environment),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["optimizers"]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.close()


@dataclass(frozen=True)
class Pair:
    """A fixture before and after."""

    tree: Tree
    before: Path
    after: Path


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory):
    made: dict[str, Pair] = {}

    def pair(name: str) -> Pair:
        if name not in made:
            tree = load(name)
            directory = tmp_path_factory.mktemp(f"train-{name}")
            before, after = tree.copy_to(directory / "before"), tree.copy_to(directory / "after")
            for file in make_plan(after, tree.plan_options).files:
                assert file.after is not None
                (after / file.path).write_bytes(file.after)
            made[name] = Pair(tree, before, after)
        return made[name]

    return pair


def alike(optimizers: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(o["class"], o["steps"], o["parameters"]) for o in optimizers]


@pytest.mark.parametrize(("name", "number"), RUNS)
def test_with_the_switch_off_the_same_optimizers_leave_the_same_bits(
    server: Server, pairs, name: str, number: int
) -> None:
    pair = pairs(name)
    run = pair.tree.runs[number]
    plain = server.run(pair.before, run, run.get("code", ""), {})
    patched = server.run(pair.after, run, run.get("code", ""), {})
    assert alike(patched) == alike(plain)
    assert not any(o["cautious"] for o in patched)
    refused = server.run(pair.after, run, run.get("code", ""), {"USE_CAUTIOUS_OPTIMIZER": "0"})
    assert alike(refused) == alike(plain)


@pytest.mark.parametrize(("name", "number"), RUNS)
def test_with_the_switch_on_cautious_optimizers_train(server: Server, pairs, name: str, number: int) -> None:
    pair = pairs(name)
    run = pair.tree.runs[number]
    switched = {} if "on" in run else {"USE_CAUTIOUS_OPTIMIZER": "1"}
    optimizers = server.run(pair.after, run, run.get("on", run.get("code", "")), switched)
    cautious = [o for o in optimizers if o["cautious"]]
    assert len(cautious) == run["cautious"]
    assert all(o["class"].endswith(CAUTIOUS) for o in cautious)
    assert {o["eps"] for o in cautious} <= {run.get("eps", 1e-8)}
    if "on" not in run:
        plain = server.run(pair.before, run, run.get("code", ""), {})
        assert len(optimizers) == len(plain)
        changed = [o for o, p in zip(optimizers, plain, strict=True) if o["parameters"] != p["parameters"]]
        assert all(o["steps"] for o in changed)
        assert bool(changed) == bool(cautious)


@pytest.mark.parametrize("name", NAMES)
def test_every_fixture_that_gains_a_wrap_is_run(name: str) -> None:
    tree = load(name)
    if any(site["verdict"] == Verdict.WRAP.value for site in tree.sites) and not name.startswith("formatting_"):
        assert tree.runs != ()


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).runs])
def test_every_patched_module_is_imported_by_some_run(server: Server, pairs, name: str) -> None:
    pair = pairs(name)
    patched = [f for f in pair.tree.after() if f.endswith(".py") and pair.tree.before().get(f) != pair.tree.after()[f]]
    marks = {path: pair.after / f".imported-{number}" for number, path in enumerate(patched)}
    for path, mark in marks.items():
        if path in pair.tree.runtime:
            continue
        data = (pair.after / path).read_bytes()
        (pair.after / path).write_bytes(data + f"\nopen({str(mark)!r}, 'w').close()\n".encode())
    try:
        for run in pair.tree.runs:
            server.run(pair.after, run, run.get("code", ""), {})
            if "on" in run:
                server.run(pair.after, run, run["on"], {})
    finally:
        for path in patched:
            data = (pair.after / path).read_bytes()
            if b"\nopen('" in data:
                (pair.after / path).write_bytes(data[: data.rindex(b"\nopen('")])
    missed = [path for path, mark in marks.items() if not mark.exists() and path not in pair.tree.runtime]
    assert missed == []


def test_the_programs_run_the_runtime_that_is_vendored(pairs) -> None:
    for name in NAMES:
        pair = pairs(name)
        for path in pair.tree.runtime:
            assert (pair.after / path).read_bytes() == TEMPLATE.read_bytes()
