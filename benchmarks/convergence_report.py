"""What convergence.py has measured: speed-ups, Markdown, CSV and a plot."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

PLAIN = "AdamW"


class Cell(NamedTuple):
    """One run: which optimizer, learning rate, seed and number of steps."""

    name: str
    lr: float
    seed: int
    steps: int


@dataclass
class Results:
    """What is known: runs by cell, as dicts of convergence's Run, and the settings that they share."""

    key: dict[str, Any]
    runs: dict[Cell, dict[str, Any]]

    def losses(self, name: str, lr: float, steps: int) -> dict[int, float]:
        """By seed."""
        found = {
            cell.seed: row["loss"] for cell, row in self.runs.items() if cell[:2] == (name, lr) and cell[3] == steps
        }
        return {seed: loss if math.isfinite(loss) else math.inf for seed, loss in sorted(found.items())}


@dataclass(frozen=True)
class Matched:
    """How many steps AdamW needs for a loss; ``bound`` is "<" or ">" where it is known only to be fewer or more."""

    steps: float
    bound: str = ""


def matched(curve: dict[int, float], loss: float) -> Matched:
    """Where ``curve`` (AdamW's loss by its number of steps) reaches ``loss``.

    Between two budgets the loss is taken to fall in a straight line over the logarithm of the steps. A longer run that
    ends with a higher loss than a shorter one counts as one with the same."""
    points: list[tuple[int, float]] = []
    for steps, reached in sorted(curve.items()):
        points.append((steps, min(reached, points[-1][1] if points else reached)))
    if loss > points[0][1]:
        return Matched(points[0][0], "<")
    if loss < points[-1][1]:
        return Matched(points[-1][0], ">")
    for (fewer, above), (more, below) in pairwise(points):
        if below <= loss < above:
            return Matched(fewer * (more / fewer) ** ((above - loss) / (above - below)))
    return Matched(next(steps for steps, reached in points if reached == loss))


def best_lr(results: Results, name: str, steps: int) -> float:
    """The learning rate with the lowest mean loss over the seeds. Raises ValueError if there are no runs."""
    lrs = {cell.lr for cell in results.runs if cell.name == name and cell.steps == steps}
    if not lrs:
        raise ValueError(f"no runs of {name} with {steps} steps")
    return min(sorted(lrs), key=lambda lr: fmean(results.losses(name, lr, steps).values()))


def speed_ups(results: Results, name: str, lr: float, steps: int, plain_lr: float) -> list[Matched]:
    """For each seed, S / N: AdamW's matched steps with ``plain_lr`` over ``steps``. Empty without AdamW's budgets."""
    budgets = {cell.steps for cell in results.runs if cell.name == PLAIN and cell.lr == plain_lr}
    found = []
    for seed, loss in results.losses(name, lr, steps).items():
        curves = {budget: results.losses(PLAIN, plain_lr, budget).get(seed) for budget in budgets}
        curve = {budget: reached for budget, reached in curves.items() if reached is not None and reached < math.inf}
        if len(curve) > 1 and math.isfinite(loss):
            needed = matched(curve, loss)
            found.append(Matched(needed.steps / steps, needed.bound))
    return found


def told(found: Sequence[Matched]) -> str:
    """The mean, the smallest and the largest speed-up; "<" and ">" where some are only known to be beyond."""
    if not found:
        return ""
    bounds = {each.bound for each in found if each.bound}
    mark = "<" if bounds == {"<"} else ">" if bounds == {">"} else "?" if bounds else ""
    values = [each.steps for each in found]
    return f"{mark}{fmean(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def spread(values: Sequence[float], sign: str = "") -> str:
    """The mean and the standard deviation between seeds."""
    if not all(map(math.isfinite, values)):
        return f"diverged ({sum(not math.isfinite(value) for value in values)} of {len(values)})"
    deviation = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{fmean(values):{sign}.4f}{deviation}"


def markdown(results: Results, names: Sequence[str], lrs: Sequence[float], steps: int) -> str:
    """A table of every learning rate, and one of the speed-ups."""
    return "\n".join([*by_lr(results, names, lrs, steps), "", *by_contestant(results, names, lrs, steps)])


def by_lr(results: Results, names: Sequence[str], lrs: Sequence[float], steps: int) -> Iterator[str]:
    """Lines: losses, mean and standard deviation between seeds; and speed-ups over AdamW with the same lr."""
    yield row(["", "lr", "validation loss", "minus AdamW's, same lr and seed", "mask_mean", "speed-up, same lr"])
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for name in names:
        for lr in lrs:
            losses, plain = results.losses(name, lr, steps), results.losses(PLAIN, lr, steps)
            if not losses:
                continue
            pairs = [loss - plain[seed] for seed, loss in losses.items() if seed in plain]
            rows = [results.runs[Cell(name, lr, seed, steps)] for seed in losses]
            masks = [one["mask_mean"] for one in rows if one["mask_mean"] is not None]
            compared = name != PLAIN
            yield row(
                [
                    *(name, f"{lr:g}", spread(list(losses.values()))),
                    spread(pairs, "+") if compared and pairs else "",
                    f"{fmean(masks):.2f}" if masks else "",
                    told(speed_ups(results, name, lr, steps, lr)) if compared else "",
                ]
            )


def by_contestant(results: Results, names: Sequence[str], lrs: Sequence[float], steps: int) -> Iterator[str]:
    """Lines: speed-ups over AdamW with its best lr, of contestants with that lr and with the best of their own."""
    try:
        plain_lr = best_lr(results, PLAIN, steps)
    except ValueError:
        return
    yield row(["", f"speed-up, lr {plain_lr:g}, AdamW's best", "its own best lr", "speed-up with it"])
    yield "| --- | ---: | ---: | ---: |"
    edges = set()
    for name in names:
        if any(results.losses(name, lr, steps) for lr in lrs):
            own = best_lr(results, name, steps)
            edges |= {name} if own in (min(lrs), max(lrs)) else set()
            both = [told(speed_ups(results, name, lr, steps, plain_lr)) for lr in (plain_lr, own)]
            yield row([name, both[0], f"{own:g}", both[1]])
    if edges:
        yield ""
        yield f"The best lr is the smallest or the largest that was tried: {', '.join(sorted(edges))}."


def row(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def write_csv(results: Results, path: Path) -> None:
    """A line for each run."""
    fields = [*Cell._fields, "loss", "training_loss", "mask_mean", "seconds"]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        for cell, run in sorted(results.runs.items()):
            writer.writerow({**cell._asdict(), **run})


def plot(results: Results, names: Sequence[str], lrs: Sequence[float], steps: int, path: Path) -> None:
    """Draw loss over learning rate; and AdamW's loss over its number of steps, with what the others reach in theirs.

    Raises SystemExit where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit(f"--plot needs matplotlib ({error}): pip install matplotlib") from None
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    plain_lr = best_lr(results, PLAIN, steps)
    for name in names:
        values = {lr: list(results.losses(name, lr, steps).values()) for lr in lrs}
        values = {lr: losses for lr, losses in values.items() if losses and all(map(math.isfinite, losses))}
        means = [fmean(losses) for losses in values.values()]
        around = [
            [mean - min(losses) for mean, losses in zip(means, values.values(), strict=True)],
            [max(losses) - mean for mean, losses in zip(means, values.values(), strict=True)],
        ]
        drawn = left.errorbar(list(values), means, yerr=around, marker="o", capsize=3, label=name)
        if name != PLAIN and plain_lr in values:
            right.axhline(fmean(values[plain_lr]), color=drawn[0].get_color(), linestyle="--", label=name)
    budgets = sorted({cell.steps for cell in results.runs if cell.name == PLAIN and cell.lr == plain_lr})
    reached = [fmean(results.losses(PLAIN, plain_lr, budget).values()) for budget in budgets]
    right.plot(budgets, reached, marker="o", label=f"{PLAIN}, schedule fitted to its steps")
    right.axvline(steps, color="black", linewidth=0.8)
    left.set(xscale="log", xlabel="learning rate", ylabel="validation loss, nats per byte", title=f"{steps} steps")
    right.set(xscale="log", xlabel="AdamW's steps", title=f"lr {plain_lr:g}; dashed: others after {steps} steps")
    for panel, ticks in ((left, lrs), (right, budgets)):
        panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        panel.minorticks_off()
        panel.legend(fontsize=8)
    figure.savefig(path, dpi=150)
