"""Places in Python where a library makes the optimizer: what is none of them comes first."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from cautify.model import Options, Site, Verdict
from cautify.patch.plan import make_plan

NOTHING = {
    "a trainer that is handed its optimizer": """
        from transformers import Trainer

        trainer = Trainer(model, args, optimizers=(optimizer, None))
    """,
    "arguments that say nothing about the optimizer": """
        from transformers import TrainingArguments

        args = TrainingArguments("out", learning_rate=1e-4)
    """,
    "a trainer of the project's own": """
        class Trainer:
            pass

        trainer = Trainer(model)
    """,
    "a subclass that makes its optimizer itself": """
        from transformers import Trainer

        class Mine(Trainer):
            def create_optimizer(self):
                self.optimizer = make()

        trainer = Mine(model)
    """,
    "a subclass whose mixin makes the optimizer": """
        from transformers import Trainer

        class Optimizing:
            def create_optimizer(self):
                self.optimizer = make()

        class Mine(Optimizing, Trainer):
            pass

        trainer = Mine(model)
    """,
    "a name that only looks like a trainer's": """
        from elsewhere import Trainer

        trainer = Trainer(model)
    """,
    "questions about a class": """
        import torch

        def is_adam(optimizer):
            print(torch.optim.Adam)
            return isinstance(optimizer, torch.optim.Adam) or issubclass(type(optimizer), (torch.optim.SGD,))
    """,
    "a class that is registered, or noted by the standard library": """
        import dataclasses
        import gin
        import torch

        gin.external_configurable(torch.optim.Adam)
        torch.serialization.add_safe_globals([torch.optim.AdamW])
        kind = dataclasses.field(default=torch.optim.Adam)
    """,
    "a class handed to a function of the project": """
        import torch

        def build(cls):
            return cls

        build(torch.optim.Adam)
    """,
    "a dict that is not called an optimizer": """
        shape = dict(type='Adam', lr=0.1)
    """,
    "a dict without an optimizer's name": """
        optimizer = dict(type='Nesterov2000', lr=0.1)
        lr_scheduler = dict(type='StepLR')
    """,
    "a dict that the project's own code reads": """
        import torch

        optimizer = dict(type="Adam", lr=0.1)
        if optimizer["type"] == "Adam":
            made = torch.optim.Adam([], lr=0.1)
    """,
}

PLACES = {
    "a trainer": (
        """
        from transformers import Trainer

        trainer = Trainer(model, args)
        """,
        [(3, 10, 3, ())],
    ),
    "a trainer under another name": (
        """
        import transformers as hf

        trainer = hf.Trainer(
            model,
        )
        """,
        [(3, 10, 5, ())],
    ),
    "a trainer handed no optimizer in so many words": (
        """
        from transformers import Trainer as Base

        trainer = Base(model, optimizers=(None, None))
        """,
        [(3, 10, 3, ())],
    ),
    "a subclass of a subclass": (
        """
        from transformers import Trainer

        class Mine(Trainer):
            pass

        class Newer(Mine):
            pass

        trainer = Newer(model)
        """,
        [(9, 10, 9, ())],
    ),
    "arguments that choose one": (
        """
        from transformers import TrainingArguments

        args = TrainingArguments("out", optim="adamw_8bit")
        """,
        [(3, 7, 3, ())],
    ),
    "a class handed to a library": (
        """
        import torch
        from skorch import NeuralNet

        net = NeuralNet(Model, optimizer=torch.optim.AdamW)
        """,
        [(4, 6, 4, ("torch.optim.AdamW",))],
    ),
    "a class by position, in a dict and in a partial": (
        """
        import functools
        import fastlib
        from torch.optim import SGD, Adam, RAdam

        fastlib.fit(model, Adam)
        fastlib.fit(model, {"optimizer": RAdam})
        fastlib.fit(model, functools.partial(SGD, momentum=0.9))
        """,
        [
            (5, 0, 5, ("torch.optim.Adam",)),
            (6, 0, 6, ("torch.optim.RAdam",)),
            (7, 0, 7, ("torch.optim.SGD",)),
        ],
    ),
    "a library's shell around one of torch's": (
        """
        import pyro

        optimizer = pyro.optim.Adam({"lr": 1e-3})
        """,
        [(3, 12, 3, ("torch.optim.Adam",))],
    ),
    "config dicts": (
        """
        optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9))
        deepspeed_config = {"optimizer": {"type": "AdamW", "params": {"lr": 3e-5}}}
        """,
        [(1, 52, 1, ("torch.optim.SGD",)), (2, 33, 2, ("torch.optim.AdamW",))],
    ),
    "a config dict that holds the class": (
        """
        from torch.optim import AdamW

        optimizer = dict(type=AdamW, lr=0.1)
        """,
        [(3, 12, 3, ("torch.optim.AdamW",))],
    ),
}


def rows(root: Path, files: dict[str, str], options: Options = Options()) -> list[Site]:  # noqa: B008 - frozen
    """The rows that no wrap belongs to."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return [s for s in make_plan(root, options).sites if s.verdict is Verdict.SKIP]


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING)
def test_no_row_for(text: str, tmp_path: Path) -> None:
    assert rows(tmp_path, {"train.py": text}) == []


@pytest.mark.parametrize(("text", "expected"), PLACES.values(), ids=PLACES)
def test_a_row_for(text: str, expected: list[tuple[object, ...]], tmp_path: Path) -> None:
    found = rows(tmp_path, {"train.py": text})
    assert [(s.line, s.column, s.end_line, s.optimizers) for s in found] == expected
    assert {(s.reason, s.form) for s in found} == {("built-by-library", "factory")}
    assert all(s.detail for s in found)


def test_a_subclass_in_another_file_is_followed_through_a_facade(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "from .training import Mine\n",
        "pkg/training.py": "import transformers\n\n\nclass Mine(transformers.Trainer):\n    pass\n",
        "run.py": "import pkg\n\npkg.Mine(model)\n",
        "other.py": "from somewhere import Mine\n\nMine(model)\n",
    }
    assert [(s.path, s.line) for s in rows(tmp_path, files)] == [("run.py", 3)]


def test_a_subclass_of_the_same_name_as_its_base_is_followed_further(tmp_path: Path) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/base.py": "import transformers\n\n\nclass Trainer(transformers.Trainer):\n    pass\n",
        "pkg/more.py": "from .base import Trainer\n\n\nclass More(Trainer):\n    pass\n",
        "pkg/run.py": "from .more import More\n\nMore(model)\n",
    }
    assert [(s.path, s.line) for s in rows(tmp_path, files)] == [("pkg/run.py", 3)]


def test_the_reader_of_splatted_arguments_is_told_that_they_may_hold_an_optimizer(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, {"train.py": "from transformers import Trainer\n\nTrainer(model, **kwargs)\n"})
    assert "unless the ** hands it one as optimizers" in row.detail


def test_what_a_builder_is_told_is_in_the_row_of_the_builder(tmp_path: Path) -> None:
    text = """
        from mmengine.runner import Runner

        runner = Runner(
            model,
            optim_wrapper=dict(optimizer=dict(type="AdamW", lr=0.1)),
        )
    """
    assert [(s.line, s.optimizers) for s in rows(tmp_path, {"run.py": text})] == [(3, ("torch.optim.AdamW",))]


def test_config_dicts_are_references_where_the_project_has_a_factory(tmp_path: Path) -> None:
    files = {
        "config.py": "optimizer = dict(type='SGD', lr=0.1, momentum=0.9)\n",
        "train.py": "from hydra.utils import instantiate\n\noptimizer = instantiate(cfg.optimizer, params=p)\n",
    }
    assert [s.path for s in rows(tmp_path, files) if s.path == "config.py"] == []


def test_deepspeed_s_config_is_deepspeed_s_whatever_factories_there_are(tmp_path: Path) -> None:
    files = {
        "config.py": "zero_optimization = {}\nx = {'optimizer': {'type': 'AdamW', 'params': {'lr': 1}}}\n",
        "train.py": "from hydra.utils import instantiate\n\noptimizer = instantiate(cfg.optimizer, params=p)\n",
    }
    assert [(s.path, s.line) for s in rows(tmp_path, files) if s.path == "config.py"] == [("config.py", 2)]


def test_test_code_and_ignored_lines_are_told_apart(tmp_path: Path) -> None:
    call = "from transformers import Trainer\n\nTrainer(model)"
    files = {"tests/test_it.py": call + "\n", "train.py": call + "  # cautify: ignore\n"}
    assert [s.reason for s in rows(tmp_path, files)] == ["test-code", "ignored"]
    assert [s.reason for s in rows(tmp_path, {}, Options(tests=True))] == ["built-by-library", "ignored"]


def test_excluded_files_have_no_rows(tmp_path: Path) -> None:
    files = {"old/train.py": "from transformers import Trainer\n\nTrainer(model)\n"}
    assert rows(tmp_path, files, Options(exclude=("old/",))) == []


def test_a_handed_class_that_cannot_be_made_cautious_says_so(tmp_path: Path) -> None:
    text = "import torch\nfrom skorch import NeuralNet\n\nNeuralNet(M, optimizer=torch.optim.LBFGS)\n"
    assert [s.reason for s in rows(tmp_path, {"train.py": text})] == ["closure"]


def test_python_2_files_with_a_builder_are_problems_and_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("from transformers import Trainer\nTrainer(m)\nprint 'done'\n", encoding="utf-8")
    plan = make_plan(tmp_path, Options())
    assert [(p.path, p.reason) for p in plan.problems] == [("old.py", "unparsable")]
