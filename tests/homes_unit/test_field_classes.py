"""One more field in a config class: where it goes, how it is written, and which classes take none."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import libcst as cst
import pytest

from cautify.analysis.project import Project
from cautify.analysis.resolve import Class, Resolver
from cautify.homes import field
from cautify.optimizers import Catalogue
from cautify.source import apply_edits

MODERN = '[project]\nname = "x"\nrequires-python = ">=3.10"\n'


class Tree:
    """One file, perhaps others that import it, and the class ``Cfg`` in it."""

    def __init__(self, root: Path, text: str, others: dict[str, str] | None = None, project: str = "") -> None:
        files = {"configs.py": dedent(text).lstrip("\n"), **(others or {})}
        for path, content in files.items():
            (root / path).write_text(content, encoding="utf-8")
        if project:
            (root / "pyproject.toml").write_text(project, encoding="utf-8")
        self.project = Project(root, list(files))
        self.resolver = Resolver(self.project, Catalogue(()))
        self.module = self.project.module("configs.py")
        assert self.module is not None
        node = self.module.root.bindings["Cfg"][0].node
        assert isinstance(node, cst.ClassDef)
        self.cls = Class(self.module, node)

    def refusal(self) -> str | None:
        return field.refusal(self.cls, self.resolver)

    def patched(self, *read: str) -> str:
        """The file with the two fields, beside what is read together."""
        assert self.refusal() is None, self.refusal()
        line = field.place(self.cls, frozenset(read or ("lr",)), False, self.resolver)
        function = field.field_function(self.cls)
        edits = list(field.declarations(self.cls, line, function or "field", self.resolver))
        return apply_edits(self.project.data["configs.py"], edits).decode()

    def added(self, *read: str) -> str:
        """The lines of the file that were not there, and the one before the first of them."""
        before = self.project.data["configs.py"].decode().split("\n")
        after = self.patched(*read).split("\n")
        new = [n for n, line in enumerate(after) if line not in before]
        return "\n".join(after[max(new[0] - 1, 0) : new[-1] + 1])


WRITTEN = {
    "a dataclass of a library in old Python: last": (
        "@dataclass\nclass Cfg:\n    lr: float = 1.0\n    steps: int = 1\n",
        "    steps: int = 1\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "a script's own dataclass: in the middle": (
        "@dataclass\nclass Cfg:\n    lr: float = 1.0\n    steps: int = 1\n\n\nif __name__:\n    run(Cfg(lr=1))\n",
        "    lr: float = 1.0\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "a script's own dataclass made by position: last": (
        "@dataclass\nclass Cfg:\n    lr: float = 1.0\n    steps: int = 1\n\n\nif __name__:\n    run(Cfg(1))\n",
        "    steps: int = 1\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "a script's own dataclass with required fields: behind them": (
        "@dataclass\nclass Cfg:\n    lr: float\n    steps: int = field()\n    seed: int = 1\n"
        "\n\nif __name__:\n    run(tyro.cli(Cfg))\n",
        "    steps: int = field()\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "attrs by hand": (
        "import attr\n\n\n@attr.s\nclass Cfg:\n    lr = attr.ib(default=1.0)\n    steps = attr.ib(default=1)\n",
        "    lr = attr.ib(default=1.0)\n    use_cautious_optimizer = attr.ib(default=False, kw_only=True)\n"
        "    cautious_eps = attr.ib(default=1e-8, kw_only=True)",
    ),
    "attrs with annotations": (
        "import attr\n\n\n@attr.s(auto_attribs=True)\nclass Cfg:\n    lr: float = 1.0\n    steps: int = 1\n",
        "    lr: float = 1.0\n    use_cautious_optimizer: bool = attr.ib(default=False, kw_only=True)\n"
        "    cautious_eps: float = attr.ib(default=1e-8, kw_only=True)",
    ),
    "attrs, keyword-only anyway": (
        "import attrs\n\n\n@attrs.define(kw_only=True)\nclass Cfg:\n    lr: float = 1.0\n    steps: int\n",
        "    lr: float = 1.0\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "a pydantic model": (
        "from pydantic_settings import BaseSettings\n\n\nclass Cfg(BaseSettings):\n    lr: float\n    steps: int\n",
        "    lr: float\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "typed-argument-parser's class": (
        "from tap import Tap\n\n\nclass Cfg(Tap):\n    lr: float = 1.0  # step size\n    steps: int  # how many\n",
        "    lr: float = 1.0  # step size\n"
        "    use_cautious_optimizer: bool = False"
        "  # whether to mask the updates that disagree in sign with the gradient\n"
        "    cautious_eps: float = 1e-8  # added to the mean of the mask, by which the update is divided",
    ),
    "a pydantic dataclass": (
        "from pydantic.dataclasses import dataclass\n\n\n@dataclass\nclass Cfg:\n    lr: float\n",
        "    lr: float\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "descriptions within json_schema_extra": (
        "from pydantic import BaseModel, Field\n\n\nclass Cfg(BaseModel):\n"
        "    lr: float = Field(default=1.0, json_schema_extra={'description': 'The step size'})\n",
        "    lr: float = Field(default=1.0, json_schema_extra={'description': 'The step size'})\n"
        "    use_cautious_optimizer: bool = Field(\n"
        "        default=False, json_schema_extra={'description': 'Mask updates that disagree with the gradient'}\n"
        "    )\n"
        "    cautious_eps: float = Field(default=1e-8, json_schema_extra={'description': "
        "'Added to the mean of the mask'})",
    ),
    "a help keyword": (
        "from simple_parsing import field\n\n\n@dataclass\nclass Cfg:\n"
        "    lr: float = field(default=1.0, help='step size')\n",
        "    lr: float = field(default=1.0, help='step size')\n"
        "    use_cautious_optimizer: bool = field(\n"
        "        default=False, help='whether to mask the updates that disagree in sign with the gradient'\n"
        "    )\n"
        "    cautious_eps: float = field(default=1e-8, help='"
        "added to the mean of the mask, by which the update is divided')",
    ),
    "a pragma is no comment": (
        "@dataclass\nclass Cfg:\n    a: int = 1  # noqa: E1\n    lr: float = 1.0  # type: ignore\n",
        "    lr: float = 1.0  # type: ignore\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
    "the heading of a section is no comment on one field": (
        "@dataclass\nclass Cfg:\n    a: int = 1\n\n    # Optimization\n    lr: float = 1.0\n",
        "    lr: float = 1.0\n    use_cautious_optimizer: bool = False\n    cautious_eps: float = 1e-8",
    ),
}


@pytest.mark.parametrize(("text", "expected"), [pytest.param(*v, id=k) for k, v in WRITTEN.items()])
def test_the_fields_are_written_as_the_class_writes_its_own(tmp_path: Path, text: str, expected: str) -> None:
    head = "" if "import dataclass" in text or "@dataclass" not in text else "from dataclasses import dataclass\n\n\n"
    style = "[tool.ruff]\nline-length = 119\n" if "Field" in text or "help=" in text or "Tap" in text else ""
    assert Tree(tmp_path, head + text, project=style).added() == expected


REFUSED = {
    "a NamedTuple": ("from typing import NamedTuple\nclass Cfg(NamedTuple):\n    lr: float = 1.0", "unpack"),
    "a pytree": ("import chex\n@chex.dataclass\nclass Cfg:\n    lr: float = 1.0", "pytree"),
    "flax's": ("from flax import struct\n@struct.dataclass\nclass Cfg:\n    lr: float = 1.0", "pytree"),
    "a struct that is an array": (
        "import msgspec\nclass Cfg(msgspec.Struct, array_like=True):\n    lr: float = 1.0",
        "array",
    ),
    "a struct that is extended": (
        "import msgspec\nclass Cfg(msgspec.Struct):\n    lr: float = 1.0\nclass Sub(Cfg):\n    depth: int = 1",
        "msgspec has no keyword-only fields",
    ),
    "attrs whose fields are elsewhere": (
        "import attr\n@attr.s(these={'lr': attr.ib()})\nclass Cfg:\n    lr: float = 1.0",
        "these=",
    ),
    "the name in another sense": (
        "from pydantic import BaseModel\nclass Cfg(BaseModel):\n    lr: float = 1.0\n    cautious_eps: str = ''",
        "uses the name cautious_eps for something else",
    ),
    "the name in another sense below": (
        "from pydantic import BaseModel\nclass Cfg(BaseModel):\n    lr: float = 1.0\n"
        "class Sub(Cfg):\n    use_cautious_optimizer: int = 0",
        "Sub uses the name use_cautious_optimizer for something else",
    ),
    "a model that keeps what it is given to itself": (
        "from pydantic import BaseModel\nclass Cfg(BaseModel):\n    lr: float = 1.0\n"
        "    def __init__(self, lr):\n        super().__init__(lr=lr)",
        "__init__ of its own",
    ),
    "slots in a frozen dataclass that is extended": (
        "from dataclasses import dataclass\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Cfg:\n"
        "    lr: float = 1.0\n@dataclass(frozen=True, slots=True, kw_only=True)\nclass Sub(Cfg):\n    depth: int = 1",
        "pickled by the order",
    ),
}


@pytest.mark.parametrize(("text", "why"), [pytest.param(*v, id=k) for k, v in REFUSED.items()])
def test_a_class_that_two_more_fields_would_break_gets_none(tmp_path: Path, text: str, why: str) -> None:
    refusal = Tree(tmp_path, text + "\n").refusal()
    assert refusal is not None
    assert why in refusal


@pytest.mark.parametrize(
    ("other", "private"),
    [
        pytest.param("from configs import Cfg\n", False, id="imported by another file"),
        pytest.param("import configs\nconfigs.Cfg(1.0)\n", False, id="used as an attribute of its module"),
        pytest.param("from configs import *\nCfg(1.0)\n", False, id="imported with everything else"),
        pytest.param("class Cfg:\n    pass\n", True, id="a namesake elsewhere"),
        pytest.param("from configs import run\n", True, id="something else of the file is imported"),
        pytest.param("from settings import Cfg\n", True, id="a namesake imported from elsewhere"),
    ],
)
def test_a_class_is_private_to_its_script_unless_another_file_gets_it(
    tmp_path: Path, other: str, private: bool
) -> None:
    text = "from dataclasses import dataclass\n\n\n@dataclass\nclass Cfg:\n    lr: float = 1.0\n\n\n"
    text += "if __name__:\n    run(Cfg())\n"
    files = {"other.py": other, "settings.py": "class Cfg:\n    pass\n"}
    tree = Tree(tmp_path, text, files)
    assert field.is_private(tree.cls, tree.resolver) is private


def test_a_file_that_is_only_imported_has_no_private_class(tmp_path: Path) -> None:
    tree = Tree(tmp_path, "from dataclasses import dataclass\n\n\n@dataclass\nclass Cfg:\n    lr: float = 1.0\n")
    assert not field.is_private(tree.cls, tree.resolver)


def test_the_learning_rate_of_training_arguments_belongs_to_the_projects_subclass(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        """
        from dataclasses import dataclass
        from transformers import TrainingArguments

        @dataclass
        class Base(TrainingArguments):
            seed: int = 1

        @dataclass
        class Cfg(Base):
            depth: int = 1
        """,
    )
    assert field.topmost(tree.cls, "learning_rate", tree.resolver) == tree.cls
    assert field.topmost(tree.cls, "depth", tree.resolver) == tree.cls
    assert field.topmost(tree.cls, "momentum", tree.resolver) is None
    assert field.positions(tree.cls, tree.resolver) == []


def module(text: str) -> ModuleType:
    made = ModuleType("configs")
    sys.modules["configs"] = made
    exec(compile(text, "configs.py", "exec"), vars(made))
    return made


@pytest.mark.parametrize(
    ("options", "keeps"),
    [
        pytest.param("", True, id="a plain dataclass"),
        pytest.param("(kw_only=True)", True, id="keyword-only"),
        pytest.param("(frozen=True)", True, id="frozen"),
        pytest.param("(slots=True)", False, id="slots"),
        pytest.param("(frozen=True, slots=True)", False, id="frozen with slots"),
        pytest.param("(frozen=True, slots=True, kw_only=True)", False, id="frozen with slots, keyword-only"),
    ],
)
def test_an_object_from_before_the_patch_keeps_its_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, keeps: bool
) -> None:
    text = f"from dataclasses import dataclass\n\n\n@dataclass{options}\nclass Cfg:\n"
    text += "    lr: float = 1.0\n    steps: int = 1\n"
    monkeypatch.setitem(sys.modules, "configs", ModuleType("configs"))
    tree = Tree(tmp_path, text, project=MODERN)
    old = pickle.dumps(module(text).Cfg(lr=0.5, steps=7))
    after = tree.patched().replace("import dataclass\n", "import dataclass, field\n")
    module(after)
    loaded = pickle.loads(old)
    assert (loaded.lr, loaded.steps) == (0.5, 7)
    assert field.keeps_default(tree.cls, tree.resolver) is keeps
    assert hasattr(loaded, "use_cautious_optimizer") is keeps
