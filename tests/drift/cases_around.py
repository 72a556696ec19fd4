"""The owner changes the code around and inside what cautify wrote. None of it is a difference to check."""

from __future__ import annotations

from drift_cases import CONFIG, FINETUNE, FREE, GUARD, IMPORT, PARSER, POSITIONAL, RECIPE, VARS, YAML, Case
from drift_edits import append, around_value, deeper, swap

THE_CODE_AROUND = [
    Case("nothing happened", "explicit"),
    Case("a far edit below", "explicit", [append(CONFIG, FREE)]),
    Case("a far edit above", "explicit", [swap(CONFIG, "needs to know.", "needs to know.\n\nAnd no more.\n")]),
    Case("the learning rate on our line", "explicit", [swap(FINETUNE, "lr=self.rate)", "lr=self.rate * 0.5)")]),
    Case("an argument more on our line", "explicit", [swap(POSITIONAL, "self.lr)", "self.lr * 2, eps=1e-6)")]),
    Case("the learning rate among our lines", "explicit", [swap(CONFIG, "lr=self.learning_rate,", "lr=3e-4,")]),
    Case(
        "an argument less among our lines",
        "explicit",
        [swap(CONFIG, "weight_decay=self.weight_decay,", "")],
        alike="layout",
    ),
    Case("another optimizer", "explicit", [swap(CONFIG, "torch.optim.AdamW(", "torch.optim.NAdam(")]),
    Case(
        "the lines above and below our wrap",
        "explicit",
        [
            swap(FINETUNE, "if p.requires_grad]\n", "if p.requires_grad and p.numel()]\n"),
            swap(FINETUNE, "        return optimizer\n", "        print(self)\n        return optimizer\n"),
        ],
    ),
    Case(
        "the lines above and below our fields",
        "explicit",
        [
            swap(FINETUNE, "= 1e-4  # a tenth", "= 2e-4  # a fifth"),
            swap(FINETUNE, "epochs: int = 1", "epochs: int = 9"),
        ],
    ),
    Case(
        "a field between the learning rate and ours",
        "explicit",
        [swap(CONFIG, "beta2: float = 0.95\n", "beta2: float = 0.95\n    beta3: float = 0.99\n")],
    ),
    Case("an import above ours", "explicit", [swap(CONFIG, "import torch\n", "import numpy\nimport torch\n")]),
    Case(
        "an import right below another one's",
        "explicit",
        [swap(CONFIG, "import torch\n", "import torch\nfrom torch import nn\n")],
    ),
    Case(
        "an import in the block that ours made",
        "explicit",
        ours=[swap(CONFIG, IMPORT, f"{IMPORT}from charlm.data import load\n")],
        stays=[swap(CONFIG, "import torch\n", "import torch\n\nfrom charlm.data import load\n")],
    ),
    Case(
        "a use for the name that we imported",
        "explicit",
        [swap(CONFIG, "epochs: int = 3\n", "epochs: int = 3\n    tags: list = field(default_factory=list)\n")],
        stays=[swap(CONFIG, "import dataclass\n", "import dataclass, field\n")],
    ),
    Case("an annotation", "explicit", [swap(FINETUNE, "        optimizer = ", "        optimizer: Adam = ")]),
    Case(
        "a decorator",
        "explicit",
        [swap(CONFIG, "    def make_optimizer(", "    @torch.enable_grad()\n    def make_optimizer(")],
    ),
    Case(
        "a return type",
        "guard",
        [swap(GUARD, "def build(self, params): ...", "def build(self, params) -> object: ...")],
    ),
    Case(
        "one wrap more around ours", "explicit", [around_value(POSITIONAL, "optim.RAdam(", "accelerator.prepare(", ")")]
    ),
    Case("two things returned for one", "explicit", [around_value(POSITIONAL, "optim.RAdam(", "(", ", None)")]),
    Case(
        "a condition around our line",
        "explicit",
        [around_value(POSITIONAL, "optim.RAdam(", "", " if params else None")],
    ),
    Case("parentheses around our line", "explicit", [around_value(POSITIONAL, "optim.RAdam(", "(", ")")]),
    Case(
        "a statement between our pops and the call",
        "vars",
        [swap(VARS, 'del kwargs["name"]\n', 'del kwargs["name"]\n        print(kwargs)\n')],
    ),
    Case(
        "a pop of theirs beside ours",
        "guard",
        [
            swap(
                GUARD,
                '        kwargs.pop("clip")\n',
                '        kwargs.pop("clip")\n        kwargs.pop("warmup", None)\n',
                2,
            )
        ],
    ),
    Case(
        "a key of theirs between ours",
        "key",
        ours=[
            swap("run.py", '        "cautious_eps": 1e-8,\n', '        "eps": 1e-8,\n        "cautious_eps": 1e-8,\n')
        ],
        stays=[swap("run.py", "[0.9, 0.99],\n", '[0.9, 0.99],\n        "eps": 1e-8,\n')],
    ),
    Case(
        "a parameter of theirs behind ours",
        "parameter",
        ours=[
            swap(
                RECIPE,
                "rates, lr=1e-2, *, use_cautious_optimizer=False, cautious_eps=1e-8)",
                "rates, lr=1e-2, *, use_cautious_optimizer=False, cautious_eps=1e-8, seed=1)",
            )
        ],
        stays=[swap(RECIPE, "rates, lr=1e-2)", "rates, lr=1e-2, *, seed=1)")],
    ),
    Case(
        "a default in a signature that we laid out",
        "parameter",
        [swap(RECIPE, "steps: int = 3", "steps: int = 7")],
        alike="layout",
    ),
    Case(
        "an argument of theirs among those we hand on",
        "parameter",
        [swap(RECIPE, 'name="nadam"', 'name="nadam", betas=(0.8, 0.9)')],
        alike="layout",
    ),
    Case(
        "a docstring's other entries",
        "parameter",
        [swap(RECIPE, "lr: Peak learning rate.", "lr: The highest learning rate.")],
    ),
    Case(
        "an option of theirs beside ours",
        "argument",
        [
            swap(
                PARSER,
                '    group.add_argument("--amsgrad"',
                '    group.add_argument("--nesterov", action="store_true")\n    group.add_argument("--amsgrad"',
            )
        ],
    ),
    Case(
        "another default of the learning rate",
        "constant",
        [swap("run.py", "learning_rate = 6e-3", "learning_rate = 3e-3")],
    ),
    Case("another value in YAML", "hydra", [swap(YAML, "lr: 0.001", "lr: 0.003  # tried")]),
    Case(
        "deeper YAML",
        "hydra",
        [deeper(YAML)],
    ),
]
