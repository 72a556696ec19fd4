"""The benchmarks run from end to end, and what they print is what they measured. No test looks at a time."""

from __future__ import annotations

import csv
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OTHERS = """
import torch
class {name}(torch.optim.AdamW):
    def __init__(self, params, lr, betas=(0.9, 0.999), foreach=False, **options):
        if {refuses_foreach} and foreach:
            raise RuntimeError("no foreach|here")
        super().__init__(params, lr=lr, betas=betas)
"""


def benchmark(name: str) -> ModuleType:
    """A module of the benchmarks, imported as the scripts there import each other."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module(name)


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """Stand-ins for timm, whose package itself cannot be imported, and for C-Optim, half of which raises."""
    optimizers = tmp_path / "timm" / "optim"
    optimizers.mkdir(parents=True)
    (tmp_path / "timm" / "__init__.py").write_text("raise ImportError('no torchvision')")
    (optimizers / "__init__.py").write_text("raise ImportError('no torchvision')")
    (optimizers / "adamw.py").write_text(OTHERS.format(name="AdamWLegacy", refuses_foreach=False))
    requires = "from transformers.utils.versions import require_version\nrequire_version('torch>=1.5.0')\n"
    (tmp_path / "c_adamw.py").write_text(requires + OTHERS.format(name="AdamW", refuses_foreach=True))
    return tmp_path


def run(script: str, *arguments: str | Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a benchmark in a process of its own; ``path`` goes before what is installed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(path or "")}
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def rows(printed: str) -> list[list[str]]:
    """The cells of all lines of Markdown tables."""
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_contestant_steps_in_every_round_and_has_its_row(others: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ["--models", "64x64,64", "32x32", "--rounds", "2", "--seconds", "0.0001", "--bandwidth"]
    done = run("runtime.py", *options, "--c-optim", others, "--json", figures, path=others)
    assert done.returncode == 0, done.stderr
    measured = json.loads(figures.read_text())
    assert [(one["model"], one["tensors"], one["parameters"]) for one in measured["models"]] == [
        ("64x64,64", 2, 4160),
        ("32x32", 1, 1024),
    ]
    shown = rows(done.stdout)
    for one in measured["models"]:
        contestants = {each["name"]: each for each in one["contestants"]}
        assert {
            "AdamW fused",
            "cautious AdamW fused",
            "cautious Adafactor",
            "timm AdamW caution=True, its default",
        } <= set(contestants)
        raising = contestants.pop("C-Optim AdamW, foreach=True")
        assert raising["failure"] == "RuntimeError: no foreach|here"
        for each in contestants.values():
            assert each["failure"] is None, each
            assert len(each["seconds"]) == 2
            assert all(seconds > 0 for seconds in each["seconds"])
            assert any(row[0] == each["name"] and row[1][0].isdigit() for row in shown)
    assert ["C-Optim AdamW, foreach=True", "raises RuntimeError: no foreach\\|here"] in [row[:2] for row in shown]
    fused = [row for row in shown if row[0] == "AdamW fused"]
    assert [row[2] for row in fused[:2]] == ["1.00 (1.00-1.00)"] * 2
    assert f"torch {torch.__version__}" in done.stdout
    assert "1 threads, float32; 2 rounds" in done.stdout
    assert "Contestants stay alive over all rounds. A copy moves" in done.stdout
    again = run("runtime.py", "--read", figures)
    assert again.stdout == done.stdout


def test_contestants_that_do_not_fit_together_are_made_for_each_turn_and_selected_with_their_bases() -> None:
    done = run(
        "runtime.py",
        "--models",
        "64x64",
        "--rounds",
        "2",
        "--seconds",
        "1e-4",
        "--memory",
        "0",
        "--only",
        "cautious sgd",
    )
    assert done.returncode == 0, done.stderr
    names = [row[0] for row in rows(done.stdout)]
    assert [name for name in names if name not in ("", "---")][:3] == [
        "AdamW fused",
        "SGD momentum",
        "cautious SGD momentum",
    ]
    assert "Contestants are made anew for each turn." in done.stdout


def test_a_runtime_that_can_compile_has_a_contestant_more_for_each_base(tmp_path: Path) -> None:
    compiling = """
from torch.optim import Optimizer
class CautiousOptimizer(Optimizer):
    def __init__(self, base_optimizer, eps=1e-8, *, compile=False):
        self.step, self.state, self.compiled = base_optimizer.step, base_optimizer.state, compile
"""
    (tmp_path / "compiling.py").write_text(compiling)
    contestants = benchmark("contestants")
    found, missing = contestants.contestants("cpu", runtime=tmp_path / "compiling.py")
    p = torch.nn.Parameter(torch.zeros(1))
    compiled = {each.name: each.make([p]).compiled for each in found if each.name.startswith("cautious")}
    bases = {each.base for each in found} - {None}
    assert len(bases) == 8
    assert compiled == {f"cautious {base}{suffix}": bool(suffix) for base in bases for suffix in ("", ", compiled")}
    assert not any("compile" in text for text in missing)


def test_memory_is_counted_inside_an_operation_and_between_steps() -> None:
    memory = benchmark("memory")

    class Greedy(torch.optim.SGD):
        """Keeps one copy of its parameter as scratch and one as state, and takes another inside an operation."""

        @torch.no_grad()
        def step(self, closure: Any = None) -> None:
            p = self.param_groups[0]["params"][0]
            if not self.state[p]:
                self.scratch = torch.zeros_like(p)
                self.state[p]["copy"] = p.clone()
            torch.logsumexp(p, 0)  # exponentiates a copy of p

    p = torch.nn.Parameter(torch.zeros(256, 256))
    p.grad = torch.zeros_like(p)
    found = memory.of_a_step(lambda: Greedy([p], lr=0.1), "cpu")
    assert found.state == found.kept == p.nbytes
    assert found.extra >= 2 * p.nbytes
    fused = memory.of_a_step(lambda: torch.optim.AdamW([p], fused=True), "cpu")
    assert 2 * p.nbytes <= fused.state <= 2 * p.nbytes + 64
    assert fused.extra < 1024


def test_gpt2_has_its_published_size_and_the_other_models_theirs() -> None:
    contestants = benchmark("contestants")
    sizes = {name: (contestants.elements(shapes), len(shapes)) for name, shapes in contestants.MODELS.items()}
    assert sizes["gpt2-124m"] == (124_439_808, 148)
    assert sizes["gpt2-355m"][0] == 354_823_168
    assert sizes["gpt2-774m"][0] == 774_030_080
    assert sizes["gpt2-1558m"][0] == 1_557_611_200
    assert sizes["blocks-52m"] == (51_933_600, 144)
    assert sizes["wide-67m"] == (67_108_864, 4)
    assert sizes["mlp-1m"] == (948_162, 10)


@pytest.mark.parametrize("name", ["gpt3", "64x", "", "64 x 64"])
def test_what_is_no_model_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no model"):
        benchmark("contestants").model(name)


@pytest.mark.parametrize(
    ("loss", "steps", "bound"),
    [
        pytest.param(3.0, 100, "", id="reached by the fewest steps"),
        pytest.param(2.5, 100 * 2**0.5, "", id="half-way down is half-way over the logarithm"),
        pytest.param(2.0, 200, "", id="reached by a run of its own"),
        pytest.param(1.0, 800, "", id="reached by the most steps"),
        pytest.param(0.9, 800, ">", id="never reached"),
        pytest.param(3.1, 100, "<", id="worse than the fewest steps"),
        pytest.param(1.5, 400 * 2**0.5, "", id="a longer run that ends higher is passed over"),
    ],
)
def test_matched_steps_are_read_off_the_curve(loss: float, steps: float, bound: str) -> None:
    found = benchmark("convergence_report").matched({800: 1.0, 100: 3.0, 400: 2.2, 200: 2.0}, loss)
    assert found.steps == pytest.approx(steps)
    assert found.bound == bound


def test_speed_ups_are_taken_seed_by_seed_and_told_with_what_is_not_known() -> None:
    report = benchmark("convergence_report")
    cell = report.Cell
    losses = {
        **{cell("AdamW", 0.1, seed, steps): 5 - steps / 100 + seed for seed in (0, 1) for steps in (100, 200)},
        **{cell("cautious AdamW", 0.1, 0, 100): 3.0, cell("cautious AdamW", 0.1, 1, 100): 1.0},
        cell("cautious AdamW", 0.2, 0, 100): float("nan"),
    }
    runs = {at: {"loss": loss, "training_loss": loss, "mask_mean": None, "seconds": 1} for at, loss in losses.items()}
    results = report.Results({}, runs)
    found = report.speed_ups(results, "cautious AdamW", 0.1, 100, 0.1)
    assert found == [report.Matched(2.0), report.Matched(2.0, ">")]
    assert report.told(found) == ">2.00 (2.00-2.00)"
    assert report.best_lr(results, "cautious AdamW", 100) == 0.1
    assert "diverged (1 of 1)" in report.markdown(results, ["AdamW", "cautious AdamW"], [0.1, 0.2], 100)


def test_a_study_is_taken_up_where_it_was_left(others: Path, tmp_path: Path) -> None:
    results, table = tmp_path / "runs.jsonl", tmp_path / "runs.csv"
    size = ["--width", "8", "--layers", "1", "--heads", "2", "--context", "8", "--batch", "4", "--validation", "8"]
    study = [*size, "--steps", "4", "--seeds", "2", "--lrs", "1e-3", "1e-2", "--budgets", "0.5", "2"]
    first = run("convergence.py", "--results", results, *study, "--csv", table, path=others)
    assert first.returncode == 0, first.stderr
    runs = results.read_text().splitlines()
    contestants = ["AdamW", "cautious AdamW", "timm AdamW caution=True", "AdamW, beta1 = 0.8"]
    assert len(runs) == len(contestants) * 2 * 2 + 2 * 2
    assert {row["name"] for row in csv.DictReader(table.open())} == set(contestants)
    shown = rows(first.stdout)
    for name in contestants:
        assert [row[1] for row in shown if row[0] == name][:2] == ["0.001", "0.01"]
    assert "4 steps of 4 x 8 bytes, 2 seeds" in first.stdout
    by_cell = {(row["name"], row["lr"], row["seed"], row["steps"]): row for row in map(json.loads, runs)}
    plain = [by_cell["AdamW", 0.001, seed, 4]["loss"] for seed in (0, 1)]
    assert shown[2][2].startswith(f"{sum(plain) / 2:.4f} ± ")
    assert 0 < by_cell["cautious AdamW", 0.001, 0, 4]["mask_mean"] < 1

    cut_off = "\n".join(runs[:-1]) + "\n" + runs[-1][:50]
    results.write_text(cut_off)
    second = run("convergence.py", "--results", results, *study, path=others)
    assert second.returncode == 0, second.stderr
    repeated = [json.loads(line) for line in results.read_text().splitlines()[len(runs) :]]
    expected = json.loads(runs[-1])
    assert [{**row, "seconds": 0} for row in repeated] == [{**expected, "seconds": 0}]
    assert second.stdout == first.stdout


@pytest.mark.parametrize("report", ["runtime_report", "convergence_report"])
def test_without_matplotlib_a_plot_says_what_to_install(report: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    arguments = [{"models": []}] if report == "runtime_report" else [None, [], [], 1]
    with pytest.raises(SystemExit, match="pip install matplotlib"):
        benchmark(report).plot(*arguments, Path("plot.png"))
