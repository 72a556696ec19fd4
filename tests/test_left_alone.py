"""What cautify must not touch. This table comes before every table of rewrites."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from cautify.model import Options, Plan, Verdict
from cautify.patch.plan import make_plan

TABLES = Path(__file__).parent / "left_alone"


def table(name: str) -> list[object]:
    """The snippets of one table, each under a heading that says why it is left alone."""
    text = (TABLES / f"{name}.txt").read_text(encoding="utf-8")
    entries = [entry.split("\n", 1) for entry in text.split("#### ")[1:]]
    return [pytest.param(snippet.strip("\n") + "\n", id=heading) for heading, snippet in entries]


def plan_of(root: Path, files: dict[str, str]) -> Plan:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return make_plan(root, Options())


LOCAL_MODULES = {
    "a local module named optim": {
        "optim.py": """
            class Adam:
                def __init__(self, params):
                    self.params = list(params)
        """,
        "train.py": """
            import optim

            opt = optim.Adam([])
        """,
    },
    "a class from a local module named optim": {
        "optim.py": """
            class Adam:
                def __init__(self, params):
                    self.params = list(params)
        """,
        "train.py": """
            from optim import Adam

            opt = Adam([])
        """,
    },
    "a sibling module named optim in a package": {
        "pkg/__init__.py": "",
        "pkg/optim.py": """
            def Adam(params):
                return list(params)
        """,
        "pkg/train.py": """
            import torch

            from . import optim

            opt = optim.Adam([torch.zeros(1)])
        """,
    },
    "a star import that shadows the class": {
        "mine.py": """
            class Adam:
                def __init__(self, params):
                    self.params = list(params)
        """,
        "train.py": """
            from torch.optim import Adam
            from mine import *

            opt = Adam([])
        """,
    },
    "a file that does not parse": {
        "train.py": """
            import torch

            opt = torch.optim.Adam([)
        """,
    },
    "a notebook and a text file": {
        "train.ipynb": '{"cells": [{"source": ["import torch; torch.optim.Adam([])"]}]}',
        "notes.txt": "torch.optim.Adam(model.parameters())",
    },
}

SKIPPED = {
    "LBFGS needs its closure": ("torch.optim.LBFGS(params)", "closure"),
    "LBFGS with a learning rate": ("torch.optim.LBFGS(params, lr=0.1, max_iter=4)", "closure"),
    "SparseAdam works on sparse gradients": ("torch.optim.SparseAdam(params, lr=1e-3)", "sparse"),
    "SGD has no momentum unless told": ("torch.optim.SGD(params, lr=0.1)", "no-momentum"),
    "SGD with the literal momentum 0": ("torch.optim.SGD(params, lr=0.1, momentum=0)", "no-momentum"),
    "SGD with the literal momentum 0.0": ("torch.optim.SGD(params, lr=0.1, momentum=0.0)", "no-momentum"),
    "SGD with a positional momentum of 0": ("torch.optim.SGD(params, 0.1, 0)", "no-momentum"),
    "RMSprop has no momentum unless told": ("torch.optim.RMSprop(params, lr=1e-3)", "no-momentum"),
    "RMSprop with momentum 0": ("torch.optim.RMSprop(params, lr=1e-3, momentum=0)", "no-momentum"),
    "Adagrad": ("torch.optim.Adagrad(params, lr=1e-2)", "no-momentum"),
    "Adadelta": ("torch.optim.Adadelta(params)", "no-momentum"),
    "ASGD": ("torch.optim.ASGD(params)", "no-momentum"),
    "Rprop": ("torch.optim.Rprop(params)", "no-momentum"),
    "a comment says so": ("torch.optim.AdamW(params)  # cautify: ignore", "ignored"),
    "a comment says so and why": ("torch.optim.AdamW(params)  # cautify: ignore, embeddings only", "ignored"),
    "a comment says so after another comment": (
        "torch.optim.AdamW(params)  # noqa: E501  # cautify: ignore",
        "ignored",
    ),
}

TEST_CODE = [
    "tests/train.py",
    "test/train.py",
    "pkg/testing/train.py",
    "test_train.py",
    "pkg/train_test.py",
    "conftest.py",
]

ALREADY_CAUTIOUS = {
    "the class called by hand": "CautiousOptimizer(torch.optim.AdamW(params, lr=1e-3))",
    "the class called by hand over two lines": "CautiousOptimizer(\n    torch.optim.AdamW(params), eps=1e-6\n)",
}


@pytest.mark.parametrize("text", table("not_a_construction"))
def test_what_constructs_nothing_is_not_even_a_site(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path, {"train.py": text})
    assert plan.files == ()
    assert plan.sites == ()
    assert plan.problems == ()


@pytest.mark.parametrize("text", table("shadowed"))
def test_a_shadowed_name_is_not_wrapped(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path, {"train.py": text})
    assert plan.files == ()
    assert {site.verdict for site in plan.sites} <= {Verdict.SKIP}
    assert plan.problems == ()


@pytest.mark.parametrize("text", table("other_libraries"))
def test_another_library_is_not_a_site(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path, {"train.py": text})
    assert plan.files == ()
    assert plan.sites == ()


@pytest.mark.parametrize("text", table("unknown_origin"))
def test_what_may_or_may_not_be_an_optimizer_is_reported_and_left(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path, {"train.py": text})
    assert plan.files == ()
    assert [(site.verdict, site.reason) for site in plan.sites] == [(Verdict.SKIP, "ambiguous")]
    assert plan.sites[0].detail


@pytest.mark.parametrize("files", [pytest.param(f, id=i) for i, f in LOCAL_MODULES.items()])
def test_a_tree_is_left_alone_because_of(tmp_path: Path, files: dict[str, str]) -> None:
    plan = plan_of(tmp_path, files)
    assert plan.files == ()
    assert {site.verdict for site in plan.sites} <= {Verdict.SKIP}


def test_a_file_that_does_not_parse_is_a_problem_with_its_name(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"broken.py": "import torch\ntorch.optim.Adam([)\n", "fine.py": "import torch\n"})
    assert [(p.path, p.reason) for p in plan.problems] == [("broken.py", "unparsable")]


@pytest.mark.parametrize(("call", "reason"), [pytest.param(*case, id=i) for i, case in SKIPPED.items()])
def test_a_construction_is_skipped_with_its_reason(tmp_path: Path, call: str, reason: str) -> None:
    plan = plan_of(tmp_path, {"train.py": f"import torch\n\n\ndef build(params):\n    opt = {call}\n    return opt\n"})
    assert plan.files == ()
    assert [(site.verdict, site.reason) for site in plan.sites] == [(Verdict.SKIP, reason)]
    assert (plan.sites[0].line, plan.sites[0].column) == (5, 10)


@pytest.mark.parametrize("path", TEST_CODE)
def test_test_code_is_skipped_unless_asked_for(tmp_path: Path, path: str) -> None:
    files = {path: "import torch\n\nopt = torch.optim.AdamW([torch.zeros(1)])\n"}
    plan = plan_of(tmp_path, files)
    assert plan.files == ()
    assert [(site.verdict, site.reason) for site in plan.sites] == [(Verdict.SKIP, "test-code")]
    asked = make_plan(tmp_path, Options(tests=True))
    assert [site.reason for site in asked.sites] != ["test-code"]


@pytest.mark.parametrize("call", [pytest.param(c, id=i) for i, c in ALREADY_CAUTIOUS.items()])
def test_an_optimizer_that_is_cautious_already_is_skipped(tmp_path: Path, call: str) -> None:
    text = f"import torch\n\nfrom cautious import CautiousOptimizer\n\nparams = [torch.zeros(1)]\nopt = {call}\n"
    plan = plan_of(tmp_path, {"train.py": text})
    assert plan.files == ()
    assert [(site.verdict, site.reason) for site in plan.sites] == [(Verdict.SKIP, "already-cautious")]


@pytest.mark.parametrize("text", table("near_hits"))
def test_its_neighbour_is_wrapped_so_that_this_table_can_fail(tmp_path: Path, text: str) -> None:
    plan = plan_of(tmp_path, {"train.py": text})
    assert [site.verdict for site in plan.sites] == [Verdict.WRAP]
