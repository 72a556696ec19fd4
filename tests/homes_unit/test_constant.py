"""Constants of modules and classes: which are seen, where the two names go, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_trees import Tree

from cautify.model import HomeKind

ADDED = {
    "at module level": (
        "lr = 1e-3\nadam(lr=lr)\n",
        "lr",
        ["use_cautious_optimizer = False", "cautious_eps = 1e-8"],
    ),
    "in a function of the module": (
        "LR = 1e-3\n\n\ndef main():\n    adam(lr=LR)\n",
        "LR",
        ["USE_CAUTIOUS_OPTIMIZER = False", "CAUTIOUS_EPS = 1e-8"],
    ),
    "arithmetic": ("lr = 3 * 10 ** -4\nadam(lr=lr)\n", "lr", ["use_cautious_optimizer = False", "cautious_eps = 1e-8"]),
    "annotated": (
        "lr: float = 1e-3\nadam(lr=lr)\n",
        "lr",
        ["use_cautious_optimizer: bool = False", "cautious_eps: float = 1e-8"],
    ),
    "annotated as final": (
        "from typing import Final\nLR: Final[float] = 1e-3\nadam(lr=LR)\n",
        "LR",
        ["USE_CAUTIOUS_OPTIMIZER: Final[bool] = False", "CAUTIOUS_EPS: Final[float] = 1e-8"],
    ),
    "in a class, read through it": (
        "class Config:\n    steps = 5\n    lr = 1e-3\n\n\nadam(lr=Config.lr)\n",
        "Config.lr",
        ["    use_cautious_optimizer = False", "    cautious_eps = 1e-8"],
    ),
    "in a class, read of an object": (
        "class Config:\n    lr = 1e-3\n\n\nconfig = Config()\nadam(lr=config.lr)\n",
        "config.lr",
        ["    use_cautious_optimizer = False", "    cautious_eps = 1e-8"],
    ),
    "in a class, read of an object that another keeps": (
        "class Config:\n    lr = 1e-3\n\n\nclass T:\n    def __init__(self):\n        self.config = Config()\n\n"
        "    def f(self):\n        adam(lr=self.config.lr)\n",
        "self.config.lr",
        ["    use_cautious_optimizer = False", "    cautious_eps = 1e-8"],
    ),
}


@pytest.mark.parametrize("name", ADDED)
def test_a_constant_gets_two_names_beside_it(name: str, tmp_path: Path) -> None:
    code, read, lines = ADDED[name]
    tree = Tree(tmp_path, {"train.py": code})
    slot = tree.constant(read)
    assert slot.kind is HomeKind.CONSTANT
    assert slot.refusal() is None
    assert tree.added(slot) == lines


@pytest.mark.parametrize("name", ADDED)
def test_a_constant_that_has_them_gets_none(name: str, tmp_path: Path) -> None:
    code, read, _ = ADDED[name]
    first = Tree(tmp_path, {"train.py": code})
    again = Tree(tmp_path, first.declared(first.constant(read)))
    assert again.declared(again.constant(read)) == {}


def test_the_names_are_read_as_the_rate_is(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"config.py": "LR = 1e-3\n", "train.py": "import config\nadam(lr=config.LR)\n"})
    slot = tree.constant("config.LR")
    assert slot.read("config", sometimes=False) == ("config.USE_CAUTIOUS_OPTIMIZER", "config.CAUTIOUS_EPS")
    assert slot.read("config", sometimes=True)[1] == 'getattr(config, "CAUTIOUS_EPS", 1e-8)'
    assert list(tree.declared(slot)) == ["config.py"]
    plain = Tree(tmp_path, {"train.py": "lr = 1\nadam(lr=lr)\n"}).constant("lr")
    assert plain.read("", sometimes=False) == ("use_cautious_optimizer", "cautious_eps")


def test_a_star_import_brings_the_names_along(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"config.py": "LR = 1e-3\n", "train.py": "from config import *\nadam(lr=LR)\n"})
    assert tree.added(tree.constant("LR"))[0] == "USE_CAUTIOUS_OPTIMIZER = False"


def test_they_go_behind_what_is_read_together_in_the_same_run(tmp_path: Path) -> None:
    code = "lr = 1\nsteps = 2\nweight_decay = 3\nepochs = 4\n\nmomentum = 5\nadam(lr=lr)\n"
    tree = Tree(tmp_path, {"train.py": code})
    after = tree.declared(tree.constant("lr"), frozenset({"lr", "weight_decay", "momentum"}))["train.py"]
    assert after.startswith(
        "lr = 1\nsteps = 2\nweight_decay = 3\nuse_cautious_optimizer = False\ncautious_eps = 1e-8\nep"
    )


def test_a_run_ends_at_a_call(tmp_path: Path) -> None:
    code = "lr = 1\noptimizer = adam(lr=lr)\nweight_decay = 3\n"
    tree = Tree(tmp_path, {"train.py": code})
    assert tree.declared(tree.constant("lr"))["train.py"].startswith("lr = 1\nuse_cautious_optimizer = False\n")


def test_they_carry_comments_where_the_rate_does_at_its_distance(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": "lr = 6e-4 # peak\nadam(lr=lr)\n"})
    lines = tree.added(tree.constant("lr"))
    assert lines[0].startswith("use_cautious_optimizer = False # ")
    assert lines[1].startswith("cautious_eps = 1e-8 # ")


def test_what_a_configurator_overwrites_has_the_types_of_a_switch(tmp_path: Path) -> None:
    code = "learning_rate = 6e-4\nexec(open('configurator.py').read())\nadam(lr=learning_rate)\n"
    tree = Tree(tmp_path, {"train.py": code})
    after = tree.declared(tree.constant("learning_rate"))["train.py"]
    scope: dict[str, object] = {}
    exec(after.split("exec")[0], scope)
    assert (type(scope["use_cautious_optimizer"]), type(scope["cautious_eps"])) == (bool, float)


def test_two_rates_of_one_module_are_one_place(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": "LR_G = 1\nLR_D = 2\na(lr=LR_G)\nb(lr=LR_D)\n"})
    assert tree.constant("LR_G") == tree.constant("LR_D")


NONE = {
    "a parameter": ("def f(lr):\n    adam(lr=lr)\n", "lr"),
    "a local of that name": ("lr = 1\ndef f():\n    lr = 2\n    adam(lr=lr)\n", "lr"),
    "a value that is computed": ("lr = args.lr\nadam(lr=lr)\n", "lr"),
    "a text": ("lr = 'auto'\nadam(lr=lr)\n", "lr"),
    "nothing yet": ("lr = None\nadam(lr=lr)\n", "lr"),
    "a branch": ("if big:\n    lr = 1\nadam(lr=lr)\n", "lr"),
    "a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass C:\n    lr: float = 1\nc = C()\nadam(lr=c.lr)\n",
        "c.lr",
    ),
    "an enumeration": ("from enum import Enum\nclass C(Enum):\n    lr = 1\nadam(lr=C.lr)\n", "C.lr"),
    "a model of pydantic": ("from pydantic import BaseModel\nclass C(BaseModel):\n    lr = 1\nadam(lr=C.lr)\n", "C.lr"),
    "an attribute that a method assigns": (
        "class C:\n    lr = 1\n    def f(self, x):\n        self.lr = x\nc = C()\nadam(lr=c.lr)\n",
        "c.lr",
    ),
    "a name of another library": ("from lib import LR\nadam(lr=LR)\n", "LR"),
    "a name that nobody binds": ("adam(lr=lr)\n", "lr"),
}


@pytest.mark.parametrize("name", NONE)
def test_what_is_no_constant_is_left_to_other_homes(name: str, tmp_path: Path) -> None:
    code, read = NONE[name]
    assert Tree(tmp_path, {"train.py": code}).constant(read) is None


REFUSED = {
    "assigned twice": ("lr = 1\nlr = 2\nadam(lr=lr)\n", "lr", "lr is assigned more than once in train.py"),
    "assigned again sometimes": ("lr = 1\nif x:\n    lr = 2\nadam(lr=lr)\n", "lr", "more than once"),
    "on a line with others": ("lr = 1; steps = 2\nadam(lr=lr)\n", "lr", "shares its line"),
    "together with others": ("lr = rate = 1\nadam(lr=lr)\n", "lr", "together with other names"),
    "the name is used": ("lr = 1\ndef use_cautious_optimizer():\n    pass\nadam(lr=lr)\n", "lr", "for something else"),
    "a class on one line": ("class C: lr = 1\nadam(lr=C.lr)\n", "C.lr", "line"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_constant_is_refused_that_is(name: str, tmp_path: Path) -> None:
    code, read, why = REFUSED[name]
    slot = Tree(tmp_path, {"train.py": code}).constant(read)
    assert why in (slot if isinstance(slot, str) else slot.refusal())


IMPORTED = {
    "on one line": (
        "from config import LR, steps\n",
        "from config import CAUTIOUS_EPS, LR, USE_CAUTIOUS_OPTIMIZER, steps\n",
    ),
    "under another name": (
        "from config import LR as lr\n",
        "from config import CAUTIOUS_EPS, LR as lr, USE_CAUTIOUS_OPTIMIZER\n",
    ),
    "too long for one line": (
        "from config import BATCH_SIZE, LR, NUMBER_OF_EPOCHS, WARMUP_STEPS\n",
        "from config import (\n    BATCH_SIZE,\n    CAUTIOUS_EPS,\n    LR,\n    NUMBER_OF_EPOCHS,\n"
        "    USE_CAUTIOUS_OPTIMIZER,\n    WARMUP_STEPS,\n)\n",
    ),
    "one to a line": (
        "from config import (\n    LR,  # the rate\n    steps,\n)\n",
        "from config import (\n    CAUTIOUS_EPS,\n    LR,  # the rate\n    USE_CAUTIOUS_OPTIMIZER,\n    steps,\n)\n",
    ),
    "one to a line without a last comma": (
        "from config import (\n    LR,\n    SEED  # of all\n)\n",
        "from config import (\n    CAUTIOUS_EPS,\n    LR,\n    SEED,  # of all\n    USE_CAUTIOUS_OPTIMIZER\n)\n",
    ),
    "in brackets on one line": (
        "from config import (LR, steps)\n",
        "from config import (CAUTIOUS_EPS, LR, USE_CAUTIOUS_OPTIMIZER, steps)\n",
    ),
    "with a backslash": (
        "from config import LR, \\\n    steps\n",
        "from config import CAUTIOUS_EPS, LR, USE_CAUTIOUS_OPTIMIZER, \\\n    steps\n",
    ),
}


@pytest.mark.parametrize("name", IMPORTED)
def test_two_names_are_added_to_an_import_that_is(name: str, tmp_path: Path) -> None:
    before, after = IMPORTED[name]
    read = "lr" if " as lr" in before else "LR"
    config = "LR = 1\nBATCH_SIZE = SEED = NUMBER_OF_EPOCHS = WARMUP_STEPS = steps = 2\n"
    tree = Tree(tmp_path, {"config.py": config, "train.py": f"{before}adam(lr={read})\n"})
    slot = tree.constant(read)
    assert slot.refusal() is None
    assert tree.declared(slot)["train.py"] == f"{after}adam(lr={read})\n"
    assert "LR = 1\nUSE_CAUTIOUS_OPTIMIZER = False\nCAUTIOUS_EPS = 1e-8\n" in tree.declared(slot)["config.py"]


def test_a_name_that_the_importing_module_uses_otherwise_is_refused(tmp_path: Path) -> None:
    code = "from config import LR\nCAUTIOUS_EPS = 3\nadam(lr=LR)\n"
    tree = Tree(tmp_path, {"config.py": "LR = 1e-3\n", "train.py": code})
    assert "for something else" in tree.constant("LR").refusal()


EXPORTED = {
    "__all__ = ['LR', 'f']\n": "__all__ = ['LR', 'USE_CAUTIOUS_OPTIMIZER', 'CAUTIOUS_EPS', 'f']\n",
    '__all__ = ("LR",)\n': '__all__ = ("LR", "USE_CAUTIOUS_OPTIMIZER", "CAUTIOUS_EPS",)\n',
    '__all__ = [\n    "LR",\n]\n': '__all__ = [\n    "LR",\n    "USE_CAUTIOUS_OPTIMIZER",\n    "CAUTIOUS_EPS",\n]\n',
}


@pytest.mark.parametrize("listed", EXPORTED)
def test_what_a_star_import_gives_gains_the_two_names(listed: str, tmp_path: Path) -> None:
    files = {"config.py": f"{listed}LR = 1e-3\n", "train.py": "from config import *\nadam(lr=LR)\n"}
    tree = Tree(tmp_path, files)
    slot = tree.constant("LR")
    assert slot.refusal() is None
    assert tree.declared(slot)["config.py"].startswith(EXPORTED[listed])


def test_a_list_of_exports_that_is_computed_is_refused_for_star_imports(tmp_path: Path) -> None:
    files = {"config.py": "__all__ = ['LR'] + more\nLR = 1e-3\n", "train.py": "from config import *\nadam(lr=LR)\n"}
    assert "does not list plainly" in Tree(tmp_path, files).constant("LR").refusal()


def test_a_constant_changed_by_a_function_is_still_declared_where_it_stands(tmp_path: Path) -> None:
    code = "lr = 1\ndef decay():\n    global lr\n    lr = lr / 2\nadam(lr=lr)\n"
    tree = Tree(tmp_path, {"train.py": code})
    assert tree.declared(tree.constant("lr"))["train.py"].startswith("lr = 1\nuse_cautious_optimizer = False\n")
