"""A plan made by hand, with one of everything that a report has to show."""

from __future__ import annotations

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
