"""Objects that get their attributes from outside: where the two attributes go, and when nothing is certain."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_trees import Tree

from cautify.model import HomeKind

PLAIN = ("{}.use_cautious_optimizer", "{}.cautious_eps")
GUARDED = ('getattr({}, "use_cautious_optimizer", False)', 'getattr({}, "cautious_eps", 1e-8)')

NODE = "class CN:\n    def __init__(self, **kwargs):\n        self.__dict__.update(kwargs)\n\n\n"
MADE = {
    "assigned on a namespace": (
        "from types import SimpleNamespace\nopt = SimpleNamespace()\nopt.lr = 0.1\nadam(lr=opt.lr)\n",
        ["opt.use_cautious_optimizer = False", "opt.cautious_eps = 1e-8"],
    ),
    "assigned on argparse's namespace": (
        "from argparse import Namespace\nopt = Namespace()\nopt.lr = 0.1\nopt.weight_decay = 0\nadam(lr=opt.lr)\n",
        ["opt.use_cautious_optimizer = False", "opt.cautious_eps = 1e-8"],
    ),
    "a keyword": (
        "from types import SimpleNamespace\nopt = SimpleNamespace(lr=0.1)\nadam(lr=opt.lr)\n",
        None,
    ),
    "a function that makes it": (
        f"{NODE}def defaults():\n    C = CN()\n    C.lr = 1\n    return C\n\n\nopt = defaults()\nadam(lr=opt.lr)\n",
        ["    C.use_cautious_optimizer = False", "    C.cautious_eps = 1e-8"],
    ),
    "a parameter": (
        f"{NODE}def train(opt):\n    adam(lr=opt.lr)\n\n\nC = CN()\nC.lr = 1\ntrain(C)\n",
        ["C.use_cautious_optimizer = False", "C.cautious_eps = 1e-8"],
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_an_object_that_is_made_here_gets_two_attributes(name: str, tmp_path: Path) -> None:
    code, lines = MADE[name]
    tree = Tree(tmp_path, {"train.py": code})
    slot = tree.bag("opt.lr")
    assert slot.kind is HomeKind.ATTRIBUTE
    assert slot.refusal() is None
    assert slot.read("opt", sometimes=False) == tuple(text.format("opt") for text in PLAIN)
    assert slot.read("opt", sometimes=True) == tuple(text.format("opt") for text in GUARDED)
    if lines is None:
        added = "SimpleNamespace(lr=0.1, use_cautious_optimizer=False, cautious_eps=1e-8)"
        assert added in tree.declared(slot)["train.py"]
    else:
        assert tree.added(slot) == lines


@pytest.mark.parametrize("name", MADE)
def test_an_object_that_has_them_gets_none(name: str, tmp_path: Path) -> None:
    first = Tree(tmp_path, {"train.py": MADE[name][0]})
    again = Tree(tmp_path, first.declared(first.bag("opt.lr")))
    assert again.declared(again.bag("opt.lr")) == {}


def test_the_one_place_that_makes_all_that_is_read_is_found_without_a_caller(tmp_path: Path) -> None:
    files = {
        "model.py": """
            class GPT:
                def configure_optimizers(self, train_config):
                    return adam(lr=train_config.learning_rate, weight_decay=train_config.weight_decay)
        """,
        "trainer.py": NODE
        + "def get_default_config():\n    C = CN()\n    C.learning_rate = 3e-4\n    C.weight_decay = 0.1\n"
        "    C.clip = 1.0\n    return C\n",
        "other.py": "from trainer import CN\nC = CN()\nC.learning_rate = 1\n",
        "main.py": "def run(model, config):\n    model.configure_optimizers(config)\n",
    }
    tree = Tree(tmp_path, files)
    slot = tree.bag("train_config.learning_rate", "model.py")
    assert slot.read("train_config", sometimes=False)[0] == GUARDED[0].format("train_config")
    after = tree.declared(slot, frozenset({"learning_rate", "weight_decay"}))
    assert list(after) == ["trainer.py"]
    assert (
        "C.weight_decay = 0.1\n    C.use_cautious_optimizer = False\n    C.cautious_eps = 1e-8\n    C.clip"
        in after["trainer.py"]
    )


def test_two_places_that_may_make_it_are_refused(tmp_path: Path) -> None:
    files = {
        "train.py": "def f(opt):\n    adam(lr=opt.lr)\n",
        "a.py": f"{NODE}C = CN()\nC.lr = 1\n",
        "b.py": f"{NODE}C = CN()\nC.lr = 2\n",
    }
    assert "may be given by any of a.py:7, b.py:7" in Tree(tmp_path, files).bag("opt.lr")


def test_an_object_that_only_others_make_has_no_place_of_the_project_s(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": "def f(opt):\n    adam(lr=opt.lr)\n"})
    assert "nothing of the project was seen to make opt" in tree.bag("opt.lr")


def test_what_a_test_makes_is_no_place_for_others(tmp_path: Path) -> None:
    test = "from types import SimpleNamespace\n\n\ndef test():\n    opt = SimpleNamespace()\n    opt.lr = 1\n"
    tree = Tree(tmp_path, {"train.py": "def f(opt):\n    adam(lr=opt.lr)\n", "tests/test_train.py": test})
    assert "nothing of the project was seen to make opt" in tree.bag("opt.lr")


def test_an_object_that_some_function_of_the_project_brings_unseen_is_refused(tmp_path: Path) -> None:
    code = "def f(opt):\n    adam(lr=opt.lr)\nspawn(f, args)\n"
    assert "seen to make opt" in Tree(tmp_path, {"train.py": code}).bag("opt.lr")


def test_a_value_that_comes_from_elsewhere_is_a_source(tmp_path: Path) -> None:
    code = (
        "from types import SimpleNamespace\ndef f(rate):\n    opt = SimpleNamespace(steps=1)\n    opt.lr = rate\n"
        "    adam(lr=opt.lr)\n"
    )
    tree = Tree(tmp_path, {"train.py": code})
    slot = tree.bag("opt.lr")
    assert tree.declared(slot) == {}
    assert [source.module.text(source.rate) for source in slot.sources()] == ["rate"]


def test_what_one_function_outside_gives_a_model_is_its_source(tmp_path: Path) -> None:
    files = {
        "model.py": "class M:\n    def configure(self):\n        adam(lr=self.learning_rate)\n",
        "main.py": """
            from lib import build, config
            model = build(config)
            if config.scale:
                model.learning_rate = 2 * config.rate
            else:
                model.learning_rate = config.rate
        """,
    }
    slot = Tree(tmp_path, files).bag("self.learning_rate", "model.py")
    assert slot.read("self", sometimes=False)[0] == GUARDED[0].format("self")
    assert [source.module.text(source.rate) for source in slot.sources()] == ["2 * config.rate", "config.rate"]


LEFT = {
    "an attribute that its class assigns": (
        "class C:\n    def __init__(self):\n        self.lr = 1\nopt = C()\nadam(lr=opt.lr)\n"
    ),
    "an attribute in a class body": "class C:\n    lr = 1\nopt = C()\nadam(lr=opt.lr)\n",
    "a dataclass": "import dataclasses\n@dataclasses.dataclass\nclass C:\n    lr: float\nopt = C(1)\nadam(lr=opt.lr)\n",
    "parsed arguments": "import argparse\nopt = argparse.ArgumentParser().parse_args()\nadam(lr=opt.lr)\n",
    "OmegaConf's": "from omegaconf import OmegaConf\nopt = OmegaConf.load('a')\nadam(lr=opt.lr)\n",
    "something unknown": "import lib\nopt = lib.make()\nadam(lr=opt.lr)\n",
}


@pytest.mark.parametrize("name", LEFT)
def test_what_other_homes_know_is_left_to_them(name: str, tmp_path: Path) -> None:
    assert Tree(tmp_path, {"train.py": LEFT[name]}).bag("opt.lr") is None


@pytest.mark.parametrize("closing", ["__slots__ = ('lr',)", "def __setattr__(self, name, value):\n        pass"])
def test_an_object_that_may_not_take_new_attributes_is_refused(closing: str, tmp_path: Path) -> None:
    code = f"class C:\n    {closing}\nopt = C()\nopt.lr = 1\nadam(lr=opt.lr)\n"
    assert "may not take new attributes" in Tree(tmp_path, {"train.py": code}).bag("opt.lr")


def test_an_object_whose_rate_nothing_gives_is_refused(tmp_path: Path) -> None:
    code = "from types import SimpleNamespace\nopt = SimpleNamespace(**load())\nadam(lr=opt.lr)\n"
    assert "nothing gives opt its lr" in Tree(tmp_path, {"train.py": code}).bag("opt.lr")
