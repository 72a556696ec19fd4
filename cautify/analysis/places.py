"""Places where a library is told which optimizer to make, as rows of the report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cautify.analysis.discover import is_test
from cautify.analysis.ignores import told_to_ignore
from cautify.model import Options, Site, Verdict
from cautify.optimizers import Catalogue, libraries

DEEPSPEEDS = re.compile(
    r"deepspeed|DeepSpeed|zero_optimization|train_micro_batch_size|train_batch_size|gradient_clipping"
)
"""What a file with DeepSpeed's settings says somewhere."""
NAMED = "the library that reads this makes the optimizer; register a function that returns CautiousOptimizer.wrap(...)"
DEEPSPEED = "DeepSpeed makes it; leave this out and pass deepspeed.initialize(optimizer=CautiousOptimizer.wrap(...))"


@dataclass(frozen=True)
class Place:
    """Where a library is told which optimizer to make. ``line`` is 1-based, ``text`` the source line it begins on."""

    path: str
    line: int
    column: int
    end_line: int
    text: str = ""


def row(
    place: Place,
    optimizers: Iterable[str],
    detail: str,
    options: Options,
    catalogue: Catalogue,
    *,
    reason: str = "built-by-library",
    form: str = "factory",
) -> Site:
    """The row of one place. That it is test code, or told to be ignored, or useless to mask, comes first."""
    names = tuple(sorted({catalogue.canonical(name) for name in optimizers}))
    known = [catalogue.optimizer(name) for name in names]
    if not options.tests and is_test(place.path):
        reason, detail = "test-code", "test code is left alone; --tests includes it"
    elif said := told_to_ignore(place.text):
        reason, detail = "ignored", said
    elif known and known[0] and all(o and o.reason for o in known):
        reason, detail = known[0].reason or reason, known[0].why
    skip = Verdict.SKIP
    return Site(place.path, place.line, place.column, place.end_line, names, form, skip, reason=reason, detail=detail)


def is_class(name: str, catalogue: Catalogue) -> bool:
    """Whether a qualified name is an optimizer class, and not one that only steps another optimizer."""
    optimizer = catalogue.optimizer(name)
    return optimizer is not None and optimizer.reason != "wrapper"


def named(value: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The optimizers that a name in a config stands for: one if qualified or torch's, else all of that name."""
    if "." in value:
        return (catalogue.canonical(value),) if is_class(value, catalogue) else ()
    if value not in catalogue.class_names:
        return ()
    if catalogue.optimizer(f"torch.optim.{value}"):
        return (f"torch.optim.{value}",)
    every = (n for library in libraries().values() for n in library.optimizers if n.rpartition(".")[2] == value)
    return tuple(name for name in every if is_class(name, catalogue))
