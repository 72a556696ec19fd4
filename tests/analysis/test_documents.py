"""Optimizers that YAML, JSON and notebooks name or make: what names none comes first."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from cautify.model import Options, Plan, Site
from cautify.patch.plan import make_plan

NOTHING = {
    "a word that is no value of optim": ("c.yaml", "optimizer: adam\noptim: fancy\n"),
    "a common word where nothing says who reads it": ("c.yaml", "optimizer: sgd\nlr: 0.1\n"),
    "a qualified name that is no optimizer": ("c.yaml", "scheduler:\n  _target_: torch.optim.lr_scheduler.StepLR\n"),
    "text in a block scalar": ("c.yaml", "run: |\n  optimizer: adamw_torch\n  _target_: torch.optim.AdamW\n"),
    "comments": ("c.yaml", "# optimizer: adamw_torch\nlr: 1  # _target_: torch.optim.AdamW\noptim_x: 1\n"),
    "a list of names": ("mkdocs.yml", "nav:\n  - optim: index.md\n  - members:\n    - torch.optim.Adam\n"),
    "a type outside of an optimizer": ("c.yaml", "optim_steps: 3\nmodel:\n  type: Adam\n"),
    "a type of something else": ("c.yaml", "optimizer:\n  type: Nesterov2000\n"),
    "JSON with escaped JSON in it": ("c.json", json.dumps({"log": '{"optimizer": {"type": "AdamW"}}'})),
    "a vocabulary": ("vocab.json", '{"optimizer": 17, "optim": 18, "AdamW": 19}'),
    "a broken JSON": ("c.json", '{"optimizer": {"type": "AdamW"'),
}

PLACES = {
    "hydra": ("c.yaml", "model:\n  optimizer:\n    _target_: torch.optim.Adam\n", (3, 4, 3, "torch.optim.Adam")),
    "Lightning's CLI": (
        "c.yaml",
        "optimizer:\n  class_path: torch.optim.AdamW\n  init_args:\n    lr: 1\n",
        (2, 2, 2, "torch.optim.AdamW"),
    ),
    "Lightning's CLI, by the bare name": (
        "c.yaml",
        "optimizer:\n  class_path: AdamW  # short\n",
        (2, 2, 2, "torch.optim.AdamW"),
    ),
    "torchtune": ("c.yaml", 'optimizer:\n  _component_: "torch.optim.AdamW"\n', (2, 2, 2, "torch.optim.AdamW")),
    "HyperPyYAML": ("c.yaml", "opt_class: !name:torch.optim.Adam\n  lr: 1\n", (1, 0, 1, "torch.optim.Adam")),
    "mmengine": ("c.yml", "optim_wrapper:\n  optimizer:\n    type: AdamW\n", (3, 4, 3, "torch.optim.AdamW")),
    "a flow mapping": ("c.yaml", "optimizer: {type: SGD, lr: 0.1}\n", (1, 0, 1, "torch.optim.SGD")),
    "a list of nodes": (
        "c.yaml",
        "optimizers:\n  - _target_: torch.optim.Adam\n    lr: 1\n",
        (2, 4, 2, "torch.optim.Adam"),
    ),
    "Trainer's optim": ("c.yaml", "optim: adamw_torch_fused\n", (1, 0, 1, "torch.optim.AdamW")),
    "axolotl": ("c.yml", "base_model: m\noptimizer: sgd\n", (2, 0, 2, "torch.optim.SGD")),
    "Trainer's optim in JSON": ("args.json", '{\n  "optim": "adamw_torch"\n}\n', (2, 2, 2, "torch.optim.AdamW")),
}


def plan_of(root: Path, files: dict[str, str], options: Options = Options()) -> Plan:  # noqa: B008 - frozen
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode("utf-8", "surrogateescape"))
    return make_plan(root, options)


def notebook(*cells: str, indent: int | None = 1) -> str:
    """A notebook with these code cells, as Jupyter writes it."""
    made = [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"source": "none"},
            "outputs": [{"output_type": "stream", "text": ["torch.optim.Adam(p)\n"]}],
            "source": dedent(cell).strip("\n").splitlines(keepends=True),
        }
        for cell in cells
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4}, indent=indent, ensure_ascii=False)


def pointed_at(root: Path, site: Site) -> str:
    """What a reader sees who goes to a row's line and column."""
    return (root / site.path).read_text(encoding="utf-8").split("\n")[site.line - 1][site.column :]


@pytest.mark.parametrize(("path", "text"), NOTHING.values(), ids=NOTHING)
def test_no_row_for(path: str, text: str, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {path: text})
    assert (plan.sites, plan.problems) == ((), ())


@pytest.mark.parametrize(("path", "text", "expected"), PLACES.values(), ids=PLACES)
def test_a_row_for(path: str, text: str, expected: tuple[object, ...], tmp_path: Path) -> None:
    (site,) = plan_of(tmp_path, {path: text}).sites
    assert (site.line, site.column, site.end_line, *site.optimizers) == expected
    assert (site.reason, site.form) == ("built-by-library", "factory")
    assert site.detail


def test_deepspeed_makes_one_of_several_classes(tmp_path: Path) -> None:
    text = '{\n  "zero_optimization": {},\n  "optimizer": {\n    "type": "AdamW",\n    "params": {}\n  }\n}\n'
    (site,) = plan_of(tmp_path, {"ds.json": text}).sites
    assert (site.line, site.column, site.end_line, site.reason) == (3, 2, 6, "built-by-library")
    assert "torch.optim.AdamW" in site.optimizers
    assert "deepspeed.initialize(optimizer=" in site.detail


def test_a_section_of_json_that_is_not_deepspeed_s_is_the_project_s_if_it_makes_such_a_class(tmp_path: Path) -> None:
    files = {"c.json": '{"optimizer": {"type": "AdamW", "lr": 1}}'}
    (site,) = plan_of(tmp_path, files).sites
    assert site.optimizers == ("torch.optim.AdamW",)
    files = {"train.py": "import torch\n\nopt = torch.optim.AdamW([])\n"}
    assert [site.path for site in plan_of(tmp_path, files).sites] == ["train.py"]


def test_a_class_that_cannot_be_made_cautious_is_reported_as_that(tmp_path: Path) -> None:
    (site,) = plan_of(tmp_path, {"c.yaml": "optimizer:\n  class_path: torch.optim.LBFGS\n"}).sites
    assert site.reason == "closure"


def test_nodes_are_references_where_the_project_has_a_factory(tmp_path: Path) -> None:
    files = {
        "c.yaml": "optimizer:\n  _target_: torch.optim.Adam\n",
        "train.py": "import hydra\n\noptimizer = hydra.utils.instantiate(cfg.optimizer, params=p)\n",
    }
    assert "c.yaml" not in {site.path for site in plan_of(tmp_path, files).sites}


def test_test_code_excluded_files_and_ignored_lines_count_in_documents_too(tmp_path: Path) -> None:
    line = "optim: adamw_torch"
    files = {"a.yaml": f"{line}  # cautify: ignore\n", "old/b.yaml": f"{line}\n", "tests/c.yaml": f"{line}\n"}
    plan = plan_of(tmp_path, files, Options(exclude=("old/",)))
    assert [(s.path, s.reason) for s in plan.sites] == [("a.yaml", "ignored"), ("tests/c.yaml", "test-code")]


@pytest.mark.parametrize("indent", [1, 4, None], ids=["as Jupyter writes it", "as Colab writes it", "on one line"])
def test_a_row_of_a_notebook_points_into_the_file(indent: int | None, tmp_path: Path) -> None:
    text = notebook(
        "import torch\nfrom torch.optim import AdamW as W",
        '%matplotlib inline\nname = "é\\n"; first = torch.optim.Adam(p)\n!nvidia-smi',
        "def f():\n    return W(\n        p,\n    )",
        indent=indent,
    )
    plan = plan_of(tmp_path, {"n.ipynb": text})
    one, *rest = plan.sites
    assert (one.reason, one.form, one.optimizers) == ("notebook", "call", ("torch.optim.Adam",))
    assert pointed_at(tmp_path, one).startswith("torch.optim.Adam(p)")
    if indent is None:  # one line is one place
        assert rest == []
    else:
        (two,) = rest
        assert (two.optimizers, two.end_line - two.line) == (("torch.optim.AdamW",), 2)
        assert pointed_at(tmp_path, two).startswith("W(")


def test_a_notebook_s_trainer_is_a_library_s(tmp_path: Path) -> None:
    text = notebook(
        "from transformers import Trainer", "t = Trainer(model, optimizers=(o, None))", "u = Trainer(model)"
    )
    (site,) = plan_of(tmp_path, {"n.ipynb": text}).sites
    assert site.reason == "built-by-library"
    assert pointed_at(tmp_path, site).startswith("Trainer(model)")


@pytest.mark.parametrize(
    "cell",
    [
        "from mine import Adam\nAdam(p)",
        "from torch.optim import Adam\nclass Adam: pass\nAdam(p)",
        "import torch\nisinstance(o, torch.optim.Adam)",
        "%%bash\npython -c 'torch.optim.Adam(p)'",
        "# torch.optim.Adam(p)",
    ],
)
def test_what_makes_no_optimizer_in_a_notebook(cell: str, tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"n.ipynb": notebook(cell)})
    assert (plan.sites, plan.problems) == ((), ())


def test_sgd_without_momentum_in_a_notebook_has_nothing_to_mask(tmp_path: Path) -> None:
    text = notebook("import torch", "torch.optim.SGD(p, 0.1)", "torch.optim.SGD(p, 0.1, momentum=0.9)")
    assert [s.reason for s in plan_of(tmp_path, {"n.ipynb": text}).sites] == ["no-momentum", "notebook"]


def test_a_class_of_the_notebook_s_own_package_is_no_secret(tmp_path: Path) -> None:
    text = notebook(
        "import mine.optim\nfrom mine.optim import DecoupledAdamW, OptimizerMonitor",
        "o = mine.optim.DecoupledSGDW(\n    model.parameters(),\n    lr=0.1,\n)",
        "DecoupledAdamW(model.parameters(), lr=1e-4)\nOptimizerMonitor(interval=1)",
    )
    sites = plan_of(tmp_path, {"n.ipynb": text}).sites
    assert [(s.reason, s.optimizers) for s in sites] == [
        ("ambiguous", ("mine.optim.DecoupledSGDW",)),
        ("ambiguous", ("mine.optim.DecoupledAdamW",)),
    ]


def test_a_cell_that_is_no_python_is_a_problem_only_if_it_mentions_an_optimizer(tmp_path: Path) -> None:
    files = {
        "a.ipynb": notebook("import torch", "print 'hello'", "torch.optim.Adam(p)"),
        "b.ipynb": notebook("import torch", "o = torch.optim.Adam(p) <TODO>"),
        "c.ipynb": "<<<<<<< ours\n{}torch.optim.Adam(p)",
    }
    plan = plan_of(tmp_path, files)
    assert [site.path for site in plan.sites] == ["a.ipynb"]
    assert [(p.path, p.reason) for p in plan.problems] == [("b.ipynb", "unparsable"), ("c.ipynb", "unparsable")]


def test_a_tree_of_documents_alone_is_no_patch(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"c.yaml": "optim: adamw_torch\n"})
    assert plan.empty
    assert len(plan.sites) == 1
