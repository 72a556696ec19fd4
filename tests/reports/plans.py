"""A plan made by hand, with one of everything that a report has to show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cautify.model import Action, Edit, FilePlan, Home, HomeKind, Options, Plan, Problem, Site, Span, Switch, Verdict

HOME = Home(HomeKind.FIELD, "src/x/optim.py", 50, "x.optim.OptimizerConfig")
FIELD = Switch(HomeKind.FIELD, "self.use_cautious_optimizer", "self.cautious_eps", (HOME,))
ENVIRONMENT = Switch(HomeKind.ENVIRONMENT)


def site(path: str, line: int, verdict: Verdict, *, reason: str | None = None, switch: Switch | None = None) -> Site:
    """A construction of AdamW."""
    return Site(path, line, 15, line, ("torch.optim.AdamW",), "call", verdict, reason, switch)


PLAN = Plan(
    root=Path("/root-of-the-target"),
    options=Options(),
    sites=(
        site("src/x/optim.py", 130, Verdict.SKIP, reason="closure"),
        site("src/x/optim.py", 116, Verdict.WRAP, switch=FIELD),
        site("examples/train.py", 9, Verdict.WRAP, switch=ENVIRONMENT),
        site("src/x/old.py", 3, Verdict.WRAPPED, switch=FIELD),
        Site("src/x/any.py", 4, 0, 6, (), "parameter", Verdict.SKIP, "ambiguous", None, "two callers disagree"),
        Site("src/x/two.py", 7, 4, 8, ("torch.optim.Adam", "x.own.Lamb"), "variable", Verdict.WRAP, switch=FIELD),
    ),
    files=(
        FilePlan("src/x/cautious_optimizer.py", Action.CREATE, None, b"class CautiousOptimizer: ...\n"),
        FilePlan("src/x/optim.py", Action.MODIFY, b"a\n", b"b\n", (Edit(Span(0, 1), b"b", "wrap"),)),
    ),
    problems=(Problem("y.py", "unparsable", "line 1: not Python"),),
    warnings=("saved configs hold two more keys",),
    runtimes=("src/x/cautious_optimizer.py",),
    scanned=12,
)
EMPTY = Plan(Path("/root-of-the-target"), Options(), (), ())

REASONS = frozenset(
    {
        *("no-momentum", "closure", "sparse", "test-code", "custom", "already-cautious", "no-benefit", "wrapper"),
        *("remote", "ignored", "declined", "ambiguous", "built-by-library", "notebook", "no-import-root"),
    }
)
"""Every reason that the contract of ``scan --format json`` knows."""

_HYDRA = "hydra makes it from this node; wrap what hydra.utils.instantiate returns where the project calls it"
_TRAINER = "hand the trainer a finished optimizer, Trainer(..., optimizers=(CautiousOptimizer.wrap(...), None))"
_NO_FIELD = (
    "no field, because TrainConfig is filled from vars(args) (examples/train.py:4), whose options are not followed"
)


def skipped(path: str, line: int, reason: str, detail: str) -> Site:
    """A place that is left alone."""
    return replace(site(path, line, Verdict.SKIP, reason=reason), detail=detail)


EVERYTHING = replace(
    PLAN,
    sites=(
        *(s for s in PLAN.sites if s.path != "examples/train.py"),
        replace(
            site("examples/train.py", 9, Verdict.WRAP, switch=ENVIRONMENT), detail="its learning rate is a literal"
        ),
        replace(site("examples/two.py", 10, Verdict.WRAP, switch=ENVIRONMENT), detail=_NO_FIELD),
        replace(site("examples/two.py", 5, Verdict.WRAP, switch=ENVIRONMENT), detail=_NO_FIELD),
        replace(
            site(
                "a/very/long/path/that/leads/to/a/file/which/hardly/fits/into/one/row/of/a/report.py", 1, Verdict.WRAP
            ),
            switch=FIELD,
            warnings=("Own is the project's own optimizer: its whole update is masked from outside, and no more",),
        ),
        *(skipped(f"conf/{kind}/{n}.yaml", n, "built-by-library", _HYDRA) for kind in "ab" for n in range(1, 16)),
        skipped("train.py", 40, "built-by-library", _TRAINER),
        skipped("conf/one.json", 4, "built-by-library", _HYDRA),
        *(skipped(f"nb/{n}.ipynb", 7, "notebook", "notebooks are not edited; wrap it there by hand") for n in (1, 2)),
        *(skipped(f"tests/test_{n}.py", 3, "test-code", "test code is left alone; --tests includes it") for n in "xyz"),
        *(skipped(f"old/{n:02}/sgd.py", 2, "no-momentum", "its momentum is 0") for n in range(21)),
        skipped("src/own.py", 8, "custom", "Own is the project's own optimizer; list it"),
        skipped("src/ignored.py", 1, "ignored", "a comment on the line says so"),
        skipped("src/new.py", 1, "a-reason-from-the-future", "who knows"),
    ),
)
"""The same with rows of many reasons, some of them too many to be listed."""
