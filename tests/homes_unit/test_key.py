"""Keys of configs: where they are seen, how the switch is read there, and what is declared beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from config_trees import Tree

from cautify.homes.key_slot import KeySlot
from cautify.model import HomeKind

ENABLED, EPS = '.get("use_cautious_optimizer", False)', '.get("cautious_eps", 1e-8)'

READ = {
    "the config of hydra's main": """
        import hydra
        @hydra.main(config_path=None)
        def main(cfg):
            adam(lr=cfg.optim.lr)
    """,
    "a config that hydra's main passes on": """
        import hydra
        def run(cfg):
            adam(lr=cfg.optim.lr)
        @hydra.main(config_path=None)
        def main(config):
            run(config)
    """,
    "a config that an object keeps": """
        import hydra
        class Recipe:
            def __init__(self, cfg):
                self.cfg = cfg
            def setup(self):
                cfg = self.cfg
                adam(lr=cfg.optim.lr)
        @hydra.main(config_path=None)
        def main(config):
            Recipe(config).setup()
    """,
    "a parameter annotated as OmegaConf's": """
        from omegaconf import DictConfig
        def run(cfg: DictConfig):
            adam(lr=cfg.optim.lr)
    """,
    "an annotation in quotes": """
        def run(cfg: "DictConfig"):
            adam(lr=cfg.optim.lr)
    """,
    "an optional annotation": """
        from typing import Optional
        from omegaconf import DictConfig
        def run(cfg: Optional[DictConfig] = None):
            adam(lr=cfg.optim.lr)
    """,
    "what OmegaConf loads": """
        from omegaconf import OmegaConf
        cfg = OmegaConf.merge(OmegaConf.load("a.yaml"), OmegaConf.from_cli())
        adam(lr=cfg.optim.lr)
    """,
    "a function that loads": """
        from omegaconf import OmegaConf
        def load(path):
            return OmegaConf.load(path)
        cfg = load("a.yaml")
        adam(lr=cfg.optim.lr)
    """,
    "what hydra composes": """
        from hydra import compose
        cfg = compose("config")
        adam(lr=cfg.optim.lr)
    """,
    "ml_collections": """
        import ml_collections
        def run(cfg: ml_collections.ConfigDict):
            adam(lr=cfg.optim.lr)
    """,
    "mmengine": """
        from mmengine.config import Config
        cfg = Config.fromfile("a.py")
        adam(lr=cfg.optim.lr)
    """,
    "a dict with attributes": """
        import json
        from easydict import EasyDict
        cfg = EasyDict(json.load(open("a.json")))
        adam(lr=cfg.optim.lr)
    """,
    "the project's own dict with attributes": """
        class Config(dict):
            def __getattr__(self, name):
                return self[name]
        cfg = Config()
        adam(lr=cfg.optim.lr)
    """,
}


@pytest.mark.parametrize("name", READ)
def test_a_switch_is_read_with_a_default_of_the_object_that_holds_the_rate(name: str, tmp_path: Path) -> None:
    slot = Tree(tmp_path, {"train.py": READ[name]}).key("cfg.optim.lr")
    assert isinstance(slot, KeySlot)
    assert slot.kind is HomeKind.KEY
    assert slot.refusal() is None
    assert slot.read("cfg.optim", sometimes=False) == (f"cfg.optim{ENABLED}", f"cfg.optim{EPS}")
    assert len(slot.homes()) == 1


MAPPINGS = {
    'config["lr"]': "config",
    'config.get("lr", 1e-3)': "config",
    'config["optim"]["lr"]': 'config["optim"]',
    'config.get("optim").get("lr")': 'config.get("optim")',
}


@pytest.mark.parametrize("read", MAPPINGS)
def test_a_key_of_a_loaded_dict_is_read_with_get(read: str, tmp_path: Path) -> None:
    slot = Tree(tmp_path, {"train.py": f"import yaml\nconfig = yaml.safe_load(open('a'))\nadam(lr={read})\n"}).key(read)
    base = MAPPINGS[read]
    assert slot.read(base, sometimes=False)[0] == base + ENABLED
    assert list(slot.declarations(frozenset())) == []


NOT_OURS = {
    "parsed arguments": ("import argparse\nargs = argparse.ArgumentParser().parse_args()\nadam(lr=args.lr)", "args.lr"),
    "their dict": (
        "import argparse\nargs = vars(argparse.ArgumentParser().parse_args())\nadam(lr=args['lr'])",
        "args['lr']",
    ),
    "a dataclass as a dict": (
        "from dataclasses import asdict\ncfg = asdict(make())\nadam(lr=cfg['lr'])",
        "cfg['lr']",
    ),
    "an object of the project": ("class C:\n    lr = 1\nc = C()\nadam(lr=c.lr)", "c.lr"),
    "a config whose class the project says": (
        "import hydra\nclass C:\n    lr: float\n@hydra.main(config_path=None)\ndef main(cfg: C):\n    adam(lr=cfg.lr)",
        "cfg.lr",
    ),
    "a config that OmegaConf makes of a class": (
        "from omegaconf import OmegaConf\ncfg = OmegaConf.merge(OmegaConf.structured(C), OmegaConf.from_cli())\n"
        "adam(lr=cfg.lr)",
        "cfg.lr",
    ),
    "a dict of the optimizer's own arguments": (
        "def f(optim_kwargs: dict):\n    adam(lr=optim_kwargs['lr'])",
        "optim_kwargs['lr']",
    ),
    "the arguments in a node": (
        "def f(cfg: dict):\n    adam(**cfg['init_args'])",
        "cfg['init_args']",
    ),
    "a method": ("from omegaconf import OmegaConf\nc = OmegaConf.load('a')\nadam(lr=c.pick())", "c.pick"),
    "a parameter group": ("def f(self):\n    for g in self.param_groups:\n        adam(lr=g['lr'])", "g['lr']"),
    "a list": ("rates = [1, 2]\nadam(lr=rates[0])", "rates[0]"),
    "a name": ("def f(lr):\n    adam(lr=lr)", "lr"),
    "hyperparameters that Lightning keeps": (
        "class M:\n    def f(self):\n        adam(lr=self.hparams.lr)",
        "self.hparams.lr",
    ),
    "an attribute of something unknown": ("import lib\nc = lib.thing()\nadam(lr=c.lr)", "c.lr"),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_what_other_homes_know_is_left_to_them(name: str, tmp_path: Path) -> None:
    code, text = NOT_OURS[name]
    assert Tree(tmp_path, {"train.py": code}).key(text) is None


def test_a_dict_that_some_function_of_the_project_brings_unseen_is_refused(tmp_path: Path) -> None:
    code = "def train(config):\n    adam(lr=config['lr'])\nspawn(train, args=(1,))\n"
    assert "seen to make config" in Tree(tmp_path, {"train.py": code}).key("config['lr']")


def test_a_dict_that_a_user_passes_to_a_public_function_is_read(tmp_path: Path) -> None:
    code = "def train(config):\n    adam(lr=config['lr'])\n"
    slot = Tree(tmp_path, {"train.py": code}).key("config['lr']")
    assert slot.read("config", sometimes=False)[0] == "config" + ENABLED


# -- dicts that are written out ----------------------------------------------------------------------------------------

LAYOUTS = {
    "one to a line": (
        '{\n    "lr": 1e-3,\n    "steps": 5,\n}',
        '{\n    "lr": 1e-3,\n    "use_cautious_optimizer": False,\n    "cautious_eps": 1e-8,\n    "steps": 5,\n}',
    ),
    "one to a line, with a comment": (
        "{\n    'lr': 1e-3,  # peak\n}",
        "{\n    'lr': 1e-3,  # peak\n    'use_cautious_optimizer': False,\n    'cautious_eps': 1e-8,\n}",
    ),
    "no comma at the end": (
        '{\n    "steps": 5,\n    "lr": 1e-3  # peak\n}',
        '{\n    "steps": 5,\n    "lr": 1e-3,  # peak\n    "use_cautious_optimizer": False,\n'
        '    "cautious_eps": 1e-8\n}',
    ),
    "on one line": (
        '{"lr": 1e-3}',
        '{"lr": 1e-3, "use_cautious_optimizer": False, "cautious_eps": 1e-8}',
    ),
    "on one line that gets too long": (
        '{"lr": 1e-3, "epochs": 100, "steps": 5}',
        '{\n    "lr": 1e-3,\n    "use_cautious_optimizer": False,\n    "cautious_eps": 1e-8,\n    "epochs": 100,\n'
        '    "steps": 5,\n}',
    ),
    "by keywords": ("dict(lr=1e-3)", "dict(lr=1e-3, use_cautious_optimizer=False, cautious_eps=1e-8)"),
    "by keywords, one to a line": (
        "dict(\n    lr=1e-3,\n)",
        "dict(\n    lr=1e-3,\n    use_cautious_optimizer=False,\n    cautious_eps=1e-8,\n)",
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_dict_gets_two_entries_in_its_own_layout(name: str, tmp_path: Path) -> None:
    before, after = LAYOUTS[name]
    code = "hparams = {}\nadam(lr=hparams['lr'])\n"
    tree = Tree(tmp_path, {"train.py": code.format(before)})
    slot = tree.key("hparams['lr']")
    assert tree.declared(slot) == {"train.py": code.format(after)}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_dict_that_has_the_entries_gets_none(name: str, tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": f"hparams = {LAYOUTS[name][1]}\nadam(lr=hparams['lr'])\n"})
    slot = tree.key("hparams['lr']")
    assert tree.declared(slot) == {}
    assert slot.refusal() is None


def test_the_dict_behind_a_parameter_in_another_file_gets_the_entries(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "train.py": "def train(config):\n    adam(lr=config['lr'])\n",
            "main.py": "from train import train\nCONFIG = {'lr': 1e-3}\ntrain(CONFIG)\n",
        },
    )
    slot = tree.key("config['lr']")
    assert list(tree.declared(slot)) == ["main.py"]
    assert [(home.path, home.line) for home in slot.homes()] == [("main.py", 2)]


def test_a_nested_dict_gets_them_where_the_rate_is(tmp_path: Path) -> None:
    code = "c = {'optim': {'lr': 1}, 'lr': 2}\nadam(lr=c['optim']['lr'])\n"
    tree = Tree(tmp_path, {"train.py": code})
    after = tree.declared(tree.key("c['optim']['lr']"))["train.py"]
    assert "{'optim': {'lr': 1, 'use_cautious_optimizer': False, 'cautious_eps': 1e-8}, 'lr': 2}" in after


def test_a_dict_that_takes_in_the_one_with_the_rate_leaves_it_to_that(tmp_path: Path) -> None:
    code = "base = {'lr': 1}\nc = {**base, 'steps': 2}\nadam(lr=c['lr'])\n"
    tree = Tree(tmp_path, {"train.py": code})
    after = tree.declared(tree.key("c['lr']"))["train.py"]
    assert after.startswith("base = {'lr': 1, 'use_cautious_optimizer': False, 'cautious_eps': 1e-8}\nc = {**base")


def test_a_value_that_comes_from_elsewhere_is_a_source_not_a_declaration(tmp_path: Path) -> None:
    code = "def f(rate):\n    c = {'lr': rate}\n    c['lr'] = rate * 2\n    adam(lr=c['lr'])\n"
    tree = Tree(tmp_path, {"train.py": code})
    slot = tree.key("c['lr']")
    assert tree.declared(slot) == {}
    assert [source.module.text(source.rate) for source in slot.sources()] == ["rate", "rate * 2"]


def test_a_dict_that_is_splatted_whole_somewhere_is_refused(tmp_path: Path) -> None:
    code = "c = {'lr': 1, 'width': 2}\nmodel = Model(**c)\nadam(lr=c['lr'])\n"
    why = Tree(tmp_path, {"train.py": code}).key("c['lr']").refusal()
    assert why == "c is splatted whole at train.py:2"


def test_a_name_that_is_a_key_already_in_another_sense_is_refused(tmp_path: Path) -> None:
    code = "c = {'lr': 1, 'use_cautious_optimizer': 'always'}\nadam(lr=c['lr'])\n"
    assert "for something else" in Tree(tmp_path, {"train.py": code}).key("c['lr']").refusal()


SPELLINGS = {
    "lr": "use_cautious_optimizer",
    "LR": "USE_CAUTIOUS_OPTIMIZER",
    "learningRate": "useCautiousOptimizer",
    "learning-rate": "use-cautious-optimizer",
}


@pytest.mark.parametrize("rate", SPELLINGS)
def test_the_names_are_spelled_as_the_neighbours_are(rate: str, tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": f"c = {{'{rate}': 1}}\nadam(lr=c['{rate}'])\n"})
    slot = tree.key(f"c['{rate}']")
    assert slot.read("c", sometimes=False)[0] == f'c.get("{SPELLINGS[rate]}", False)'
    assert f"'{SPELLINGS[rate]}': False" in tree.declared(slot)["train.py"]


def test_two_rates_of_one_config_are_one_place(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path, {"train.py": "c = {'actor_lr': 1, 'critic_lr': 2}\na(lr=c['actor_lr'])\nb(lr=c['critic_lr'])\n"}
    )
    assert tree.key("c['actor_lr']") == tree.key("c['critic_lr']")


# -- yacs --------------------------------------------------------------------------------------------------------------

YACS = {
    "config/defaults.py": """
        from yacs.config import CfgNode as CN

        _C = CN()
        _C.SOLVER = CN()
        _C.SOLVER.BASE_LR = 0.01
        # How many steps.
        _C.SOLVER.STEPS = 5


        def get_cfg():
            return _C.clone()
    """,
    "config/__init__.py": "from .defaults import get_cfg\n",
}


def test_yacs_defaults_get_the_keys_in_capitals(tmp_path: Path) -> None:
    train = "from config import get_cfg\ncfg = get_cfg()\nadam(lr=cfg.SOLVER.BASE_LR)\n"
    tree = Tree(tmp_path, {**YACS, "train.py": train})
    slot = tree.key("cfg.SOLVER.BASE_LR")
    assert tree.added(slot) == ["_C.SOLVER.USE_CAUTIOUS_OPTIMIZER = False", "_C.SOLVER.CAUTIOUS_EPS = 1e-8"]
    assert slot.read("cfg.SOLVER", sometimes=False)[0] == "cfg.SOLVER.USE_CAUTIOUS_OPTIMIZER"
    assert slot.read("cfg.SOLVER", sometimes=True)[0] == 'cfg.SOLVER.get("USE_CAUTIOUS_OPTIMIZER", False)'


def test_a_yacs_config_that_may_come_from_elsewhere_is_read_with_a_default(tmp_path: Path) -> None:
    train = "from yacs.config import CfgNode\ndef build(cfg: CfgNode):\n    adam(lr=cfg.SOLVER.BASE_LR)\n"
    tree = Tree(tmp_path, {**YACS, "train.py": train})
    slot = tree.key("cfg.SOLVER.BASE_LR")
    assert slot.read("cfg.SOLVER", sometimes=False)[1] == 'cfg.SOLVER.get("CAUTIOUS_EPS", 1e-8)'
    assert tree.added(slot)[0] == "_C.SOLVER.USE_CAUTIOUS_OPTIMIZER = False"


def test_yacs_keys_that_nothing_here_declares_are_refused(tmp_path: Path) -> None:
    code = "from detectron2.config import get_cfg\ncfg = get_cfg()\nadam(lr=cfg.SOLVER.BASE_LR)\n"
    said = Tree(tmp_path, {"train.py": code}).key("cfg.SOLVER.BASE_LR")
    assert said == "no file of the project declares cfg.SOLVER.BASE_LR, and yacs takes no keys that are not"


def test_two_sets_of_yacs_defaults_that_may_be_meant_are_refused(tmp_path: Path) -> None:
    train = "from yacs.config import CfgNode\ndef build(cfg: CfgNode):\n    adam(lr=cfg.SOLVER.BASE_LR)\n"
    other = YACS["config/defaults.py"]
    said = Tree(tmp_path, {**YACS, "other.py": other, "train.py": train}).key("cfg.SOLVER.BASE_LR")
    assert "may be declared by any of config/defaults.py:5, other.py:5" in said


# -- a node that is splatted or instantiated ---------------------------------------------------------------------------


def test_the_switch_of_an_instantiated_node_is_read_beside_it(tmp_path: Path) -> None:
    code = """
        import hydra
        @hydra.main(config_path=None)
        def main(cfg):
            hydra.utils.instantiate(cfg.optimizer, params=p)
    """
    slot = Tree(tmp_path, {"train.py": code}).key("cfg.optimizer", how="node_slot")
    assert slot.read("cfg", sometimes=False)[0] == "cfg" + ENABLED


def test_a_node_of_a_dict_gets_the_entries_behind_it_not_in_it(tmp_path: Path) -> None:
    code = "c = {\n    'optim': {'lr': 1},\n    'steps': 2,\n}\nadam(**c['optim'])\n"
    tree = Tree(tmp_path, {"train.py": code})
    slot = tree.key("c['optim']", how="node_slot")
    assert tree.added(slot) == ["    'use_cautious_optimizer': False,", "    'cautious_eps': 1e-8,"]
    assert list(slot.sources()) == []


def test_a_node_that_is_a_bare_parameter_is_left_to_its_callers(tmp_path: Path) -> None:
    code = "def setup(cfg_optimizer: 'DictConfig'):\n    instantiate(cfg_optimizer)\n"
    assert Tree(tmp_path, {"train.py": code}).key("cfg_optimizer", how="node_slot") is None


def test_a_config_in_scope_is_a_slot_without_a_rate(tmp_path: Path) -> None:
    code = "c = dict(steps=2)\nadam(lr=1e-3, x=c)\n"
    tree = Tree(tmp_path, {"train.py": code})
    slot = tree.key("c", how="object_slot")
    assert tree.declared(slot)["train.py"].startswith("c = dict(steps=2, use_cautious_optimizer=False, cautious_eps")


def test_an_unknown_object_in_scope_is_none(tmp_path: Path) -> None:
    assert Tree(tmp_path, {"train.py": "def f(cfg):\n    adam(cfg)\n"}).key("cfg", how="object_slot") is None


# -- YAML behind hydra -------------------------------------------------------------------------------------------------

MAIN = """
    import hydra

    @hydra.main(version_base=None, config_path="conf", config_name="config")
    def main(cfg):
        adam(lr=cfg.optim.lr)
"""
YAML = {
    "the primary config": (
        {"conf/config.yaml": "seed: 1\noptim:\n  lr: 3e-4  # peak\n  steps: 5\n"},
        ["conf/config.yaml"],
    ),
    "the last line of a file without a newline": ({"conf/config.yaml": "optim:\n  lr: 3e-4"}, ["conf/config.yaml"]),
    "windows' newlines": ({"conf/config.yaml": "optim:\r\n  lr: 3e-4\r\nseed: 1\r\n"}, ["conf/config.yaml"]),
    "every choice of a group": (
        {
            "conf/config.yaml": "defaults:\n  - optim: adam\n  - _self_\n\nseed: 1\n",
            "conf/optim/adam.yaml": "lr: 1e-3\nbetas: [0.9, 0.99]\n",
            "conf/optim/sgd.yaml": "lr: 1e-2\n",
            "conf/optim/none.yaml": "off: true\n",
        },
        ["conf/optim/adam.yaml", "conf/optim/sgd.yaml"],
    ),
    "a file that the primary config takes in": (
        {"conf/config.yaml": "defaults:\n  - base\n", "conf/base.yaml": "optim:\n  lr: 1\n"},
        ["conf/base.yaml"],
    ),
}


@pytest.mark.parametrize("name", YAML)
def test_hydra_s_yaml_declares_the_keys_below_the_rate(name: str, tmp_path: Path) -> None:
    files, changed = YAML[name]
    tree = Tree(tmp_path, {"train.py": MAIN})
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text.encode())
        tree.files[path] = text
    slot = tree.key("cfg.optim.lr")
    after = tree.declared(slot)
    assert sorted(after) == changed
    for path, text in after.items():
        newline = "\r\n" if "\r\n" in files[path] else "\n"
        before = [line for line in text.split(newline) if "cautious" not in line]
        assert before == files[path].split(newline)
        found = re.search(r"( *)lr: [^\r\n]*\r?\n( *)use_cautious_optimizer: false\r?\n( *)cautious_eps: 1.0e-8", text)
        assert found is not None
        assert found[1] == found[2] == found[3]


NO_YAML = {
    "a mapping on one line": "optim: {lr: 3e-4}\n",
    "tabs": "optim:\n\tlr: 3e-4\n",
    "the key twice": "optim:\n  lr: 1\n  lr: 2\n",
    "two documents": "optim:\n  lr: 1\n---\noptim:\n  lr: 2\n",
    "text that only looks so": "text: |\n  optim:\n    lr: 1\n",
    "an item of a list": "optim:\n  - lr: 1\n",
    "the keys are there": "optim:\n  lr: 1\n  use_cautious_optimizer: true\n  cautious_eps: 1.0e-8\n",
}


@pytest.mark.parametrize("name", NO_YAML)
def test_yaml_is_left_alone_where_it_has(name: str, tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": MAIN})
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/config.yaml").write_text(NO_YAML[name])
    slot = tree.key("cfg.optim.lr")
    assert tree.declared(slot) == {}
    assert slot.refusal() is None


def test_a_node_of_which_hydra_makes_an_object_gets_no_key_inside(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": MAIN})
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/config.yaml").write_text("optim:\n  _target_: torch.optim.Adam\n  lr: 1\n")
    assert "takes no other keys" in tree.key("cfg.optim.lr")


def test_the_node_that_a_defaults_list_chooses_has_the_keys_below_that_list(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": MAIN.replace("adam(lr=cfg.optim.lr)", "make(cfg.optim)")})
    files = {
        "conf/config.yaml": "defaults:\n  - optim: adam  # or sgd\n  - _self_\n\nseed: 1\n",
        "conf/optim/adam.yaml": "_target_: torch.optim.Adam\nlr: 1\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        tree.files[path] = text
    slot = tree.key("cfg.optim", how="node_slot")
    assert tree.declared(slot) == {
        "conf/config.yaml": "defaults:\n  - optim: adam  # or sgd\n  - _self_\n\n"
        "use_cautious_optimizer: false\ncautious_eps: 1.0e-8\n\nseed: 1\n"
    }
    assert [(home.path, home.line) for home in slot.homes()] == [("conf/config.yaml", 2)]


def test_where_every_key_has_a_comment_the_two_have_one(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"train.py": MAIN})
    text = "optim:\n  lr: 1  # peak\n  steps: 2  # of all\n"
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/config.yaml").write_text(text)
    tree.files["conf/config.yaml"] = text
    assert tree.declared(tree.key("cfg.optim.lr"))["conf/config.yaml"] == (
        "optim:\n  lr: 1  # peak\n"
        "  use_cautious_optimizer: false  # mask the updates that disagree in sign with the gradient\n"
        "  cautious_eps: 1.0e-8  # added to the mean of the mask, by which the update is divided\n"
        "  steps: 2  # of all\n"
    )
