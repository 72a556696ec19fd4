"""What a plan warns of."""

from __future__ import annotations

from pathlib import Path

import pytest

from cautify.model import Options
from cautify.patch.plan import make_plan

MAKES = "import torch\n\n\ndef build(model):\n    return torch.optim.AdamW(model.parameters(), lr=1e-3)\n"
ASKS = "isinstance asks for an optimizer's class"


def warnings(root: Path, *texts: str) -> str:
    for number, text in enumerate(texts):
        (root / f"part{number}.py").write_text(text)
    return "\n".join(make_plan(root, Options()).warnings)


@pytest.mark.parametrize(
    "test",
    [
        "isinstance(optimizer, torch.optim.AdamW)",
        "isinstance(self.optimizer, (torch.optim.SGD, torch.optim.AdamW))",
        "isinstance(opts[0], AdamW)",
    ],
)
def test_code_that_asks_an_optimizer_for_its_class_is_named(tmp_path: Path, test: str) -> None:
    told = warnings(tmp_path, MAKES, f"import torch\nfrom torch.optim import AdamW\n\nif {test}:\n    pass\n")
    assert f"part1.py:4: {ASKS}" in told


@pytest.mark.parametrize(
    "test",
    [
        "isinstance(optimizer, torch.optim.Optimizer)",
        "isinstance(model, AdamWModel)",
        "isinstance(optimizer, OptimizerInBackwardWrapper)",
        "isinstance(optimizer, (torch.optim.LBFGS, torch.optim.SparseAdam))",
    ],
)
def test_other_questions_are_not_mentioned(tmp_path: Path, test: str) -> None:
    assert ASKS not in warnings(tmp_path, MAKES, f"import torch.optim\n\nif {test}:\n    pass\n")


def test_where_nothing_is_wrapped_nobody_is_warned(tmp_path: Path) -> None:
    asking = "import torch\n\nif isinstance(optimizer, torch.optim.AdamW):\n    pass\n"
    assert ASKS not in warnings(tmp_path, asking)
