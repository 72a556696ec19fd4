"""Statements that give an object the switch: where they stand, and how long ones are laid out."""

from __future__ import annotations

import ast

import libcst as cst
import pytest
from signatures import formatted

from cautify.analysis.syntax import Module, walk
from cautify.patch.statements import handed_statements
from cautify.patch.style import Style
from cautify.source import apply_edits, invert, read_source

VALUES = {"use_cautious_optimizer": "use_cautious_optimizer", "cautious_eps": "cautious_eps"}
READ = {name: f'getattr(args, "{name}", {default})' for name, default in zip(VALUES, ("False", "1e-8"), strict=True)}
BOTH = "self.use_cautious_optimizer = use_cautious_optimizer", "self.cautious_eps = cautious_eps"


def handed(code: str, values: dict[str, str] = VALUES, length: int = 88) -> str:
    """A file in which what is assigned to ``….lr``, or the call of ``go``, has the switch beside it."""
    module = Module(read_source("m.py", code.encode()))
    place = next(n for n in walk(module.tree) if _is_place(n))
    edits = handed_statements(module, place, values, Style(line_length=length))
    after = apply_edits(code.encode(), edits)
    assert apply_edits(after, invert(code.encode(), edits)) == code.encode()
    ast.parse(after)
    return after.decode()


def _is_place(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Attribute) and node.func.attr.value == "go"
    targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [getattr(node, "target", None)]
    return any(isinstance(t, cst.Attribute) and t.attr.value == "lr" for t in targets)


def method(body: str) -> str:
    """A method with these lines."""
    lines = "".join(f"        {line}\n" if line else "\n" for line in body.split("\n"))
    return f"class C:\n    def __init__(self, lr, args):\n{lines}"


LEFT_ALONE = {
    "both are assigned": "self.lr = lr\nself.use_cautious_optimizer = True\nself.cautious_eps = 1e-6",
    "both are assigned before": "self.use_cautious_optimizer = self.cautious_eps = 0\nself.lr = lr",
    "both are assigned with types": "self.lr = lr\nself.use_cautious_optimizer: bool = x\nself.cautious_eps: float = y",
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_nothing_is_added_where(name: str) -> None:
    assert handed(method(LEFT_ALONE[name])) == method(LEFT_ALONE[name])


U, E = BOTH
PLACED = {
    "below the assignment": ("self.lr = lr\nself.x = 1", f"self.lr = lr\n{U}\n{E}\nself.x = 1"),
    "below one with a type": ("self.lr: float = lr", f"self.lr: float = lr\n{U}\n{E}"),
    "below one with a comment": ("self.lr = lr  # (rate", f"self.lr = lr  # (rate\n{U}\n{E}"),
    "below one of several lines": ("self.lr = (\n    lr\n)\nx = 1", f"self.lr = (\n    lr\n)\n{U}\n{E}\nx = 1"),
    "below one with a backslash": ("self.lr = \\\n    lr", f"self.lr = \\\n    lr\n{U}\n{E}"),
    "below several on a line": ("self.lr = lr; self.x = 1", f"self.lr = lr; self.x = 1\n{U}\n{E}"),
    "below one of two targets": ("self.lr = self.rate = lr", f"self.lr = self.rate = lr\n{U}\n{E}"),
    "below the string that documents it": ('self.lr = lr\n"""The rate."""', f'self.lr = lr\n"""The rate."""\n{U}\n{E}'),
    "not below a string that stands apart": ('self.lr = lr\n\n"""Rest."""', f'self.lr = lr\n{U}\n{E}\n\n"""Rest."""'),
    "in the block of the assignment": (
        "if lr:\n    self.lr = lr\nelse:\n    pass",
        f"if lr:\n    self.lr = lr\n    {U}\n    {E}\nelse:\n    pass",
    ),
    "on the line of an if": ("if lr: self.lr = lr\nx = 1", f"if lr: self.lr = lr; {U}; {E}\nx = 1"),
    "what is missing of the two": ("self.lr = lr\nself.cautious_eps = 1", f"self.lr = lr\n{U}\nself.cautious_eps = 1"),
    "above a call": ("x = 1\nself.go(lr)", f"x = 1\n{U}\n{E}\nself.go(lr)"),
    "above the comment of a call": ("# build\nself.go(lr)", f"{U}\n{E}\n# build\nself.go(lr)"),
    "above a call that is assigned": ("y = f(self.go(lr))", f"{U}\n{E}\ny = f(self.go(lr))"),
    "above the if of an elif": (
        "if lr:\n    pass\nelif x:\n    pass\nelif self.go(lr):\n    pass",
        f"{U}\n{E}\nif lr:\n    pass\nelif x:\n    pass\nelif self.go(lr):\n    pass",
    ),
    "in front of a call on the line of an if": ("if lr: self.go(lr)", f"if lr: {U}; {E}; self.go(lr)"),
}


@pytest.mark.parametrize("name", PLACED)
def test_the_statements_stand(name: str) -> None:
    before, after = PLACED[name]
    assert handed(method(before)) == method(after)


def test_the_object_is_the_one_that_has_the_learning_rate() -> None:
    after = handed("def f(trainer, args):\n    trainer.config.lr = args.lr\n", READ)
    assert "    trainer.config.cautious_eps = getattr(" in after


def test_above_a_call_the_object_is_the_first_parameter() -> None:
    assert "\n        this.cautious_eps = cautious_eps\n" in handed(
        "class C:\n    def f(this, lr):\n        this.go(lr)\n"
    )


def test_newlines_and_tabs_stay() -> None:
    code = "class C:\r\n\tdef f(self, größe):\r\n\t\tself.lr = größe\r\n"
    assert handed(code) == code + f"\t\t{U}\r\n\t\t{E}\r\n"


LONG = {
    "a call": READ,
    "a call of a call": {name: f'vars(args).get("{name}", False)' for name in VALUES},
    "a call with more than fits a line": {name: f"function_of({'a' * 30}, (b, {'c' * 20}), 'd')" for name in VALUES},
    "no call": {name: f"settings.of_the_whole_training_run.optimizer.{name}" for name in VALUES},
}


@pytest.mark.parametrize("length", [66, 79, 88, 100])
@pytest.mark.parametrize("name", LONG)
def test_a_long_statement_is_laid_out_as_ruff_does_for(name: str, length: int) -> None:
    values = {key: value.replace("'", '"') for key, value in LONG[name].items()}
    after = handed(method("self.lr = lr"), values, length)
    assert formatted(after, length) == after
