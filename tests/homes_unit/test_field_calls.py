"""Which config class a library's or the project's own call gives an instance of."""

from __future__ import annotations

from pathlib import Path

import libcst as cst
import pytest

from cautify.analysis.project import Project
from cautify.analysis.resolve import Resolver
from cautify.analysis.syntax import walk
from cautify.optimizers import Catalogue

CONFIGS = """
from dataclasses import dataclass


@dataclass
class Cfg:
    lr: float = 1e-3

    @classmethod
    def from_dict(cls, values):
        return cls(**values)

    @classmethod
    def from_yaml(cls, path):
        import yaml

        cfg = cls.from_dict(yaml.safe_load(path))
        return cfg

    @classmethod
    def load_raw(cls, path):
        return {"lr": path}

    @staticmethod
    def create_other(path):
        return Other()


@dataclass
class Sub(Cfg):
    depth: int = 1


@dataclass
class Other:
    width: int = 1
"""

KNOWN = {
    "tyro.cli": ("import tyro", "cfg = tyro.cli(Cfg)", "Cfg"),
    "tyro.cli of a union": ("import tyro", "cfg = tyro.cli(Cfg | Other)", "Cfg Other"),
    "tyro.cli of a marked class": ("import tyro", "cfg = tyro.cli(tyro.conf.FlagConversionOff[Cfg])", "Cfg"),
    "tyro.cli of a function": ("import tyro\ndef main() -> Cfg: ...", "cfg = tyro.cli(main)", "Cfg"),
    "draccus.parse": ("import draccus", "cfg = draccus.parse(Cfg)", "Cfg"),
    "draccus.parse by keyword": ("import draccus", "cfg = draccus.parse(config_class=Cfg)", "Cfg"),
    "pyrallis.parse": ("import pyrallis", "cfg = pyrallis.parse(config_class=Cfg)", "Cfg"),
    "simple_parsing.parse": ("from simple_parsing import parse", "cfg = parse(Cfg)", "Cfg"),
    "dacite.from_dict": ("from dacite import from_dict", "cfg = from_dict(data_class=Cfg, data={})", "Cfg"),
    "jsonargparse.CLI": ("from jsonargparse import CLI", "cfg = CLI(Cfg)", "Cfg"),
    "OmegaConf.structured": ("from omegaconf import OmegaConf", "cfg = OmegaConf.structured(Cfg)", "Cfg"),
    "OmegaConf.structured of an object": (
        "from omegaconf import OmegaConf",
        "cfg = OmegaConf.structured(Cfg())",
        "Cfg",
    ),
    "OmegaConf.merge": (
        "from omegaconf import OmegaConf",
        "cfg = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Cfg), {}))",
        "Cfg",
    ),
    "msgspec.json.decode": ("import msgspec", "cfg = msgspec.json.decode(b'', type=Cfg)", "Cfg"),
    "msgspec.convert": ("import msgspec", "cfg = msgspec.convert({}, Cfg)", "Cfg"),
    "cattrs.structure": ("import cattrs", "cfg = cattrs.structure({}, Cfg)", "Cfg"),
    "dataclasses.replace": ("import dataclasses", "cfg = dataclasses.replace(Cfg(), lr=1)", "Cfg"),
    "copy.deepcopy": ("import copy", "cfg = copy.deepcopy(Sub())", "Sub"),
    "attrs.evolve": ("import attrs", "cfg = attrs.evolve(Cfg(), lr=1)", "Cfg"),
    "a classmethod that returns cls(...)": ("", "cfg = Cfg.from_dict({})", "Cfg"),
    "a classmethod by another, through a variable": ("", "cfg = Cfg.from_yaml('x')", "Cfg"),
    "an inherited classmethod": ("", "cfg = Sub.from_dict({})", "Sub"),
    "a staticmethod that makes another": ("", "cfg = Cfg.create_other('x')", "Other"),
    "a pydantic model's": (
        "from pydantic import BaseModel\nclass Model(BaseModel):\n    lr: float = 1.0",
        "cfg = Model.model_validate({})",
        "Model",
    ),
    "typed-argument-parser": (
        "from tap import Tap\nclass Args(Tap):\n    lr: float = 1.0",
        "cfg = Args().parse_args()",
        "Args",
    ),
    "a pydantic model's copy": (
        "from pydantic import BaseModel\nclass Model(BaseModel):\n    lr: float = 1.0",
        "cfg = Model().model_copy(update={})",
        "Model",
    ),
    "one class of HfArgumentParser": (
        "from transformers import HfArgumentParser",
        "cfg = HfArgumentParser(Cfg).parse_args_into_dataclasses()[0]",
        "Cfg",
    ),
    "unpacked from HfArgumentParser": (
        "from transformers import HfArgumentParser\nparser = HfArgumentParser((Other, Cfg))",
        "other, cfg = parser.parse_args_into_dataclasses()",
        "Cfg",
    ),
    "with what remains": (
        "from transformers import HfArgumentParser\nparser = HfArgumentParser([Cfg, Other])",
        "cfg, other, rest = parser.parse_args_into_dataclasses(return_remaining_strings=True)",
        "Cfg",
    ),
    "unpacked from its parse_dict, through variables": (
        "import transformers\nkinds = (Cfg, Other)\nparser = transformers.HfArgumentParser(dataclass_types=kinds)",
        "found = parser.parse_dict({})\ncfg, other = found",
        "Cfg",
    ),
    "TrlParser": ("from trl import TrlParser", "(cfg,) = TrlParser(Cfg).parse_args_and_config()", "Cfg"),
    "a parser of the project": (
        "from transformers import HfArgumentParser\nclass Own(HfArgumentParser):\n    pass",
        "cfg = Own(Cfg).parse()",
        "Cfg",
    ),
    "a function that returns one": ("import tyro\ndef read():\n    return tyro.cli(Cfg)", "cfg = read()", "Cfg"),
    "a function that returns two": (
        "def read():\n    return Other(), Cfg()",
        "other, cfg = read()",
        "Cfg",
    ),
    "a function that says it returns two": ("def read() -> tuple[Other, Cfg]: ...", "other, cfg = read()", "Cfg"),
    "the second of a pair": ("def read():\n    return Other(), Cfg()", "cfg = read()[1]", "Cfg"),
}

UNKNOWN = {
    "a classmethod that returns something else": ("", "cfg = Cfg.load_raw('x')"),
    "a function that also returns something unknown": (
        "import json\ndef read(path):\n    if path:\n        return json.load(path)\n    return Cfg()",
        "cfg = read('x')",
    ),
    "a function that calls itself": ("def read(n):\n    return read(n - 1)", "cfg = read(3)"),
    "a namesake of tyro.cli": ("from own import cli", "cfg = cli(Cfg)"),
    "the strings that remain": (
        "from transformers import HfArgumentParser",
        "_, cfg = HfArgumentParser(Cfg).parse_args_into_dataclasses(return_remaining_strings=True)",
    ),
    "a starred name": (
        "from transformers import HfArgumentParser\nparser = HfArgumentParser((Other, Cfg))",
        "*_, cfg = parser.parse_args_into_dataclasses()",
    ),
    "an element of a loop": ("", "for cfg in Cfg.from_dict({}):\n    pass"),
    "OmegaConf.to_container": (
        "from omegaconf import OmegaConf",
        "cfg = OmegaConf.to_container(OmegaConf.structured(Cfg))",
    ),
    "another place of a tuple of any length": ("def read() -> tuple[Cfg, ...]: ...", "other, cfg = read()"),
}


def types(root: Path, setup: str, statement: str) -> str:
    """The classes that ``cfg`` may be an instance of after a statement."""
    imports = "from configs import Cfg, Other, Sub"
    (root / "configs.py").write_text(CONFIGS)
    (root / "train.py").write_text(f"{imports}\n{setup}\n{statement}\nuse(cfg.lr)\n")
    project = Project(root, ["configs.py", "train.py"])
    module = project.module("train.py")
    assert module is not None
    read = next(n for n in walk(module.tree) if isinstance(n, cst.Attribute) and n.attr.value == "lr")
    return " ".join(sorted(c.name for c in Resolver(project, Catalogue(())).types(read.value, module)))


@pytest.mark.parametrize(("setup", "statement", "expected"), [pytest.param(*v, id=k) for k, v in KNOWN.items()])
def test_the_class_of_what_is_made_is_known(tmp_path: Path, setup: str, statement: str, expected: str) -> None:
    assert types(tmp_path, setup, statement) == expected


@pytest.mark.parametrize(("setup", "statement"), [pytest.param(*v, id=k) for k, v in UNKNOWN.items()])
def test_nothing_is_said_of_what_is_not_followed(tmp_path: Path, setup: str, statement: str) -> None:
    assert types(tmp_path, setup, statement) == ""


def test_functions_that_call_each_other_in_many_ways_are_each_looked_at_once(tmp_path: Path) -> None:
    functions = "\n".join(
        f"def f{n}(x):\n    if x:\n        return f{n + 1}(x)\n    elif x is None:\n        return f{n + 1}(0)\n"
        f"    return f{n + 1}(1)"
        for n in range(30)
    )
    assert types(tmp_path, f"{functions}\ndef f30(x):\n    return Cfg()", "cfg = f0(1)") == "Cfg"
