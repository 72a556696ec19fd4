"""What runtime.py has measured, as Markdown and as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor, log10
from pathlib import Path
from statistics import median, quantiles
from typing import Any

Measured = dict[str, Any]


def tables(measured: Measured) -> str:
    """How it was measured, a table for each model, and one for all of them."""
    machine = f"{measured['processor']}, {measured['threads']} threads" * (measured["device"] == "cpu")
    lines = [
        f"torch {measured['torch']}, {machine or measured['processor']}, {measured['dtype']}; {measured['rounds']} "
        f"rounds, turns of {measured['seconds_per_turn']:g} s. Medians (quartiles).",
    ]
    lines += [f"Not compared: {text}." for text in measured["missing"]]
    for one in measured["models"]:
        lines += ["", *table(one)]
    if len(measured["models"]) > 1:
        lines += ["", *together(measured["models"])]
    return "\n".join(lines)


def table(one: Measured) -> Iterator[str]:
    """Lines about one model."""
    reference = one["contestants"][0]
    copies = one["copy_bytes_per_second"]
    yield (
        f"### {one['model']}: {one['parameters'] / 1e6:.2f}M parameters in {one['tensors']} tensors, "
        f"{mib(one['bytes'])} MiB, the largest {mib(one['largest_bytes'])} MiB"
    )
    yield ""
    kept = "stay alive over all rounds" if one["alive"] else "are made anew for each turn"
    yield f"Contestants {kept}." + (f" A copy moves {median(copies) / 1e9:.0f} GB/s." if copies else "")
    yield ""
    columns = ["", "ms per step", f"x {reference['name']}", "x its base", "extra memory, MiB", "x parameters"]
    yield row([*columns, *["moves at least, of a copy"] * bool(copies)])
    yield row(["---", *["---:"] * (len(columns) - 1 + bool(copies))])
    for contestant in one["contestants"]:
        if contestant["failure"]:
            yield row([contestant["name"], f"raises {contestant['failure']}".replace("|", "\\|"), *[""] * 4])
            continue
        base = base_of(one, contestant)
        extra = contestant["extra_bytes"]
        cells = [
            contestant["name"],
            spread([1e3 * seconds for seconds in contestant["seconds"]]),
            spread(ratios(contestant, reference)),
            spread(ratios(contestant, base)) if base else "",
            mib(extra),
            f"{extra / one['bytes']:.2f}",
        ]
        if copies:
            words = contestant["words"]
            moved = words * one["bytes"] / median(contestant["seconds"]) / median(copies) if words else None
            cells.append(f"{moved:.0%}" if moved else "")
        yield row(cells)


def together(models: Sequence[Measured]) -> Iterator[str]:
    """Lines that set the models side by side: the ratios alone, and the most memory in terms of the largest tensor."""
    yield f"### All: x {models[0]['contestants'][0]['name']}"
    yield ""
    yield row(["", *(f"{one['model']}, {one['tensors']} tensors" for one in models), "extra memory at most"])
    yield row(["---", *["---:"] * (len(models) + 1)])
    for number, contestant in enumerate(models[0]["contestants"]):
        same = [one["contestants"][number] for one in models]
        cells = [
            "raises" if each["failure"] else spread(ratios(each, one["contestants"][0]))
            for each, one in zip(same, models, strict=True)
        ]
        most = max(each["extra_bytes"] / one["bytes"] for each, one in zip(same, models, strict=True))
        yield row([contestant["name"], *cells, f"{most:.2f} x parameters"])


def base_of(one: Measured, contestant: Measured) -> Measured | None:
    """The contestant of which this one is the cautious form, if it ran."""
    found = (each for each in one["contestants"] if each["name"] == contestant["base"] and not each["failure"])
    return next(found, None)


def ratios(contestant: Measured, other: Measured) -> list[float]:
    """One time over the other, round by round."""
    return [a / b for a, b in zip(contestant["seconds"], other["seconds"], strict=True)]


def spread(values: Sequence[float]) -> str:
    """The median and the quartiles, the median in three digits."""
    middle = median(values)
    low, high = quartiles(values)
    digits = max(0, 2 - floor(log10(middle)))
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third."""
    low, _, high = quantiles([*values, *values] if len(values) == 1 else values, n=4, method="inclusive")
    return low, high


def mib(size: float) -> str:
    """Bytes in MiB."""
    return f"{size / 2**20:.2f}"


def row(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def plot(measured: Measured, path: Path) -> None:
    """Draw the ratios of each model, with lines from the first quartile to the third.

    Raises SystemExit where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise SystemExit(f"--plot needs matplotlib ({error}): pip install matplotlib") from None
    models = measured["models"]
    most = max(len(one["contestants"]) for one in models)
    figure = Figure(figsize=(4 + 4 * len(models), 1.5 + 0.3 * most), layout="constrained")
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for panel, one in zip(panels, models, strict=True):
        ran = [each for each in one["contestants"] if not each["failure"]]
        values = [ratios(each, one["contestants"][0]) for each in ran]
        middle = [median(each) for each in values]
        below = [m - quartiles(each)[0] for m, each in zip(middle, values, strict=True)]
        above = [quartiles(each)[1] - m for m, each in zip(middle, values, strict=True)]
        names = [each["name"] for each in ran]
        colours = ["tab:orange" if name.startswith("cautious") else "tab:gray" for name in names]
        panel.barh(names, middle, xerr=[below, above], color=colours, height=0.7)
        panel.axvline(1, color="black", linewidth=0.8)
        panel.set_title(f"{one['model']}, {one['tensors']} tensors", fontsize=10)
        panel.set_xlabel(f"time of a step x {one['contestants'][0]['name']}")
    panels[0].invert_yaxis()
    figure.savefig(path, dpi=150)
