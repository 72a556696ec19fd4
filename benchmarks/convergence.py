"""What caution does to training: a small GPT on the sources of Python's library, with and without it.

    python benchmarks/convergence.py --results FILE [--lrs LR ...] [--seeds N] [--steps N] [--csv FILE] [--plot FILE]

Trained are AdamW; AdamW made cautious; timm's AdamW with caution=True, where timm is installed; and, as a control,
AdamW with a lower beta1 (--lower-beta1): a mask that drops what disagrees with the newest gradient shortens memory too.
Each runs with every learning rate and seed. A seed decides the first weights and the batches, so runs of one seed
differ in their optimizer alone. The schedule of every run is a linear warm-up, then half a cosine down to 0, fitted to
its own number of steps. The loss is that of held-out files after the last step, in nats per byte.

The speed-up is schedule-matched. A contestant has trained for N steps; AdamW would need S steps to reach the same loss
with its schedule fitted to S: the speed-up is S / N. S is read off runs of AdamW with N x 0.8, 1, 1.25 ... steps
(--budgets), each a run of its own with the same seed, by straight lines over the logarithm of the steps. Beyond these
the speed-up is only known to be less or more, and is marked so. It is taken for each seed; shown are the mean, the
smallest and the largest. AdamW's learning rate is its best for N steps, and every one with --stretch-every-lr.

Every finished run is a line of --results. Runs found there are not repeated: stop this at any time and start it again;
--summary only shows what there is. Runs with other settings, text or torch are ignored. The defaults take about half
an hour of one core (--threads for more).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from contestants import cautious_optimizer, of_timm
from convergence_report import PLAIN, Cell, Results, best_lr, markdown, plot, write_csv
from small_gpt import GPT, Settings, Text, standard_library, train
from torch.optim import Optimizer

Make = Callable[[Sequence[dict[str, Any]], float], Optimizer]


@dataclass(frozen=True)
class Study:
    """What is to be trained: contestants, learning rates, seeds, steps, and what AdamW's steps are multiplied by."""

    makers: dict[str, Make]
    lrs: Sequence[float]
    seeds: Sequence[int]
    steps: int
    budgets: Sequence[float]
    stretch_every_lr: bool

    def grid(self) -> Iterator[Cell]:
        """Every contestant, learning rate and seed; whole seeds first, so that half a study can be read."""
        for seed in self.seeds:
            for lr in self.lrs:
                for name in self.makers:
                    yield Cell(name, lr, seed, self.steps)

    def stretched(self, results: Results) -> Iterator[Cell]:
        """AdamW again, with fewer and with more steps. Needs the grid, which says with which learning rate."""
        lrs = self.lrs if self.stretch_every_lr else [best_lr(results, PLAIN, self.steps)]
        for seed in self.seeds:
            for lr in lrs:
                for budget in self.budgets:
                    yield Cell(PLAIN, lr, seed, max(1, round(budget * self.steps)))


def makers(settings: Settings, lower_beta1: Sequence[float]) -> dict[str, Make]:
    """The contestants, by name."""
    betas = (settings.beta1, settings.beta2)
    cautious, timm = cautious_optimizer(), of_timm("adamw", "AdamWLegacy")

    def adamw(groups: Sequence[dict[str, Any]], lr: float, beta1: float = settings.beta1) -> Optimizer:
        return torch.optim.AdamW(groups, lr=lr, betas=(beta1, settings.beta2))

    found: dict[str, Make] = {PLAIN: adamw, "cautious AdamW": lambda groups, lr: cautious(adamw(groups, lr))}
    if timm is None:
        say("timm is not installed (pip install --no-deps timm): not compared")
    else:
        found["timm AdamW caution=True"] = lambda groups, lr: timm(groups, lr=lr, betas=betas, caution=True)
    return found | {f"AdamW, beta1 = {beta1:g}": partial(adamw, beta1=beta1) for beta1 in lower_beta1}


def fill(cells: Sequence[Cell], study: Study, text: Text, settings: Settings, results: Results, path: Path) -> None:
    """Train what has not been trained, and write each run down as it ends."""
    waiting = [cell for cell in cells if cell not in results.runs]
    for number, cell in enumerate(waiting):
        per_step = median([row["seconds"] / done.steps for done, row in results.runs.items()] or [0.0])
        left = f"; {per_step * sum(one.steps for one in waiting[number:]) / 60:.1f} min left" if per_step else ""
        say(f"{number + 1} of {len(waiting)}{left}: {cell.name}, lr {cell.lr:g}, seed {cell.seed}, {cell.steps} steps")
        run = train(study.makers[cell.name], text, settings, cell.lr, cell.seed, cell.steps)
        results.runs[cell] = asdict(run)
        line = json.dumps({"key": results.key, **cell._asdict(), **asdict(run)})
        with path.open("a+b") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            cut_off = file.read() not in (b"", b"\n")  # a crash in the middle of a line: begin a new one
            file.write(b"\n" * cut_off + line.encode() + b"\n")


def load(path: Path, key: dict[str, Any]) -> Results:
    """The runs that were made under the same key. A line that a crash has cut off is no run."""
    results = Results(key, {})
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.pop("key") == key:
            cell = Cell(*(row.pop(field) for field in ("name", "lr", "seed", "steps")))
            results.runs[cell] = row
    return results


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def arguments_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options. Raises SystemExit for those that cannot be."""
    add = parser.add_argument
    add("--results", type=Path, required=True, metavar="FILE", help="JSON lines, one a run; added to, never rewritten")
    add("--lrs", type=float, nargs="+", default=[1e-3, 2e-3, 4e-3, 8e-3], metavar="LR")
    add("--seeds", type=int, default=3, metavar="N", help="how many")
    add("--steps", type=int, default=600, metavar="N")
    add("--budgets", type=float, nargs="*", default=[0.8, 1.25, 1.5], metavar="X", help="for AdamW, times --steps")
    add("--stretch-every-lr", action="store_true", help="train the budgets with every lr, not only AdamW's best")
    add("--lower-beta1", type=float, nargs="*", default=[0.8], metavar="BETA", help="for the control")
    add("--width", type=int, default=128)
    add("--layers", type=int, default=2)
    add("--heads", type=int, default=4)
    add("--context", type=int, default=64, help="bytes")
    add("--batch", type=int, default=16)
    add("--warm-up", type=float, default=0.1, help="as a share of the steps")
    add("--beta1", type=float, default=0.9)
    add("--beta2", type=float, default=0.95)
    add("--weight-decay", type=float, default=0.1, help="of matrices")
    add("--clip", type=float, default=1.0, help="the norm of the gradient")
    add("--validation", type=int, default=512, help="sequences")
    add("--threads", type=int, default=1)
    add("--summary", action="store_true", help="train nothing")
    add("--csv", type=Path, metavar="FILE", help="write a line for each run")
    add("--plot", type=Path, metavar="FILE", help="draw losses and speed-ups (.png, .svg, .pdf)")
    arguments = parser.parse_args()
    if arguments.width % arguments.heads:
        parser.error("--width is no multiple of --heads")
    if min(arguments.seeds, arguments.steps, arguments.layers, arguments.batch, arguments.validation) < 1:
        parser.error("--seeds, --steps, --layers, --batch and --validation are at least 1")
    return arguments


def main() -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments = arguments_of(parser)
    torch.set_num_threads(arguments.threads)
    settings = Settings(**{field: getattr(arguments, field) for field in Settings.__dataclass_fields__})
    text = standard_library()
    study = Study(
        makers(settings, arguments.lower_beta1),
        sorted(arguments.lrs),
        range(arguments.seeds),
        arguments.steps,
        [budget for budget in arguments.budgets if round(budget * arguments.steps) != arguments.steps],
        arguments.stretch_every_lr,
    )
    key = {**asdict(settings), "text": text.digest[:16], "torch": torch.__version__}
    results = load(arguments.results, key)
    if not arguments.summary:
        fill(list(study.grid()), study, text, settings, results, arguments.results)
        fill(list(study.stretched(results)), study, text, settings, results, arguments.results)
    size = sum(p.numel() for p in GPT(settings).parameters())
    print(f"A GPT of {size / 1e6:.2f}M parameters on {text.told}. {study.steps} steps of", end=" ")
    print(f"{settings.batch} x {settings.context} bytes, {len(study.seeds)} seeds, torch {torch.__version__}.\n")
    print(markdown(results, list(study.makers), study.lrs, study.steps))
    if arguments.csv:
        write_csv(results, arguments.csv)
    if arguments.plot:
        plot(results, list(study.makers), study.lrs, study.steps, arguments.plot)


if __name__ == "__main__":
    main()
