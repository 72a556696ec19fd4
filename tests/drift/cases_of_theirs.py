"""What the owner wrote after the pattern of the patch, and code of the owner's that needs it."""

from __future__ import annotations

from drift_cases import CONFIG, IMPORT, POSITIONAL, Case
from drift_edits import append, create

ADAM = """

def extra(params):
    return torch.optim.Adam(params, lr=1e-3)
"""
LONG_ADAM = """

def extra(params):
    return torch.optim.Adam(
        params,
        lr=1e-3,  # mine
    )
"""
LONG_WRAP = """

def extra(params):
    return CautiousOptimizer.wrap(
        torch.optim.Adam(
            params,
            lr=1e-3,  # mine
        ),
        enabled=True,
    )
"""
WRAP = ADAM.replace("torch.optim.Adam(params, lr=1e-3)", "CautiousOptimizer.wrap(torch.optim.Adam(params, lr=1e-3))")
CONSTRUCTED = WRAP.replace("Optimizer.wrap(", "Optimizer(").replace("1e-3))", "1e-3), eps=1e-6)")
EXTRA = "charlm/extra.py"

WRAPPED_BY_HAND = [
    Case("in a patched file", "explicit", ours=[append(CONFIG, WRAP)], stays=[append(CONFIG, ADAM)]),
    Case(
        "in a file of its own",
        "explicit",
        ours=[create(EXTRA, f"import torch\n\n{IMPORT}{WRAP}")],
        stays=[create(EXTRA, f"import torch\n{ADAM}")],
    ),
    Case("over several lines", "explicit", ours=[append(POSITIONAL, LONG_WRAP)], stays=[append(POSITIONAL, LONG_ADAM)]),
    Case("without wrap", "explicit", ours=[append(CONFIG, CONSTRUCTED)], stays=[append(CONFIG, ADAM)]),
    Case("not at all: a new site", "explicit", [append(CONFIG, ADAM)], states={CONFIG: "new"}),
    Case(
        "not at all: a new site in a new file",
        "explicit",
        [create(EXTRA, f"import torch\n{ADAM}")],
        states={EXTRA: "new"},
    ),
]

READ_BY_THEM = [
    Case(
        "the flag in a patched file",
        "explicit",
        ours=[
            append(CONFIG, "\n\ndef tell(config):\n    if config.use_cautious_optimizer:\n        print('carefully')\n")
        ],
        refused=(CONFIG, "if config.use_cautious"),
    ),
    Case(
        "the flag in another file",
        "explicit",
        ours=[
            create(
                "charlm/tell.py",
                "def tell(config):\n    if config.use_cautious_optimizer:\n        print('carefully')\n",
            )
        ],
        refused=("charlm/tell.py", "if config.use_cautious"),
    ),
    Case(
        "the flag by its name",
        "explicit",
        ours=[create("charlm/tell.py", "def tell(config):\n    return getattr(config, 'use_cautious_optimizer')\n")],
        refused=("charlm/tell.py", "return getattr"),
    ),
    Case(
        "the eps",
        "explicit",
        ours=[create("charlm/tell.py", "def tell(config):\n    return config.cautious_eps * 2\n")],
        refused=("charlm/tell.py", "return config.cautious_eps"),
    ),
    Case(
        "the class",
        "explicit",
        ours=[append(CONFIG, "\n\ndef careful(optimizer):\n    return isinstance(optimizer, CautiousOptimizer)\n")],
        refused=(CONFIG, "return isinstance"),
    ),
    Case(
        "the runtime's module",
        "explicit",
        ours=[create("charlm/tell.py", "from charlm import cautious_optimizer\n\nprint(cautious_optimizer.__doc__)\n")],
        refused=("charlm/tell.py", "from charlm import"),
    ),
    Case(
        "the flag set in a call",
        "explicit",
        ours=[
            create(
                "charlm/fast.py",
                "from charlm.config import TrainConfig\n\nFAST = TrainConfig(5, use_cautious_optimizer=True)\n",
            )
        ],
        stays=[create("charlm/fast.py", "from charlm.config import TrainConfig\n\nFAST = TrainConfig(5)\n")],
        refused=("charlm/fast.py", "FAST ="),
        lenient=True,
    ),
    Case(
        "the flag set in YAML of theirs",
        "hydra",
        ours=[create("conf/fast.yaml", "optim:\n  use_cautious_optimizer: true\n  lr: 0.1\n")],
        stays=[create("conf/fast.yaml", "optim:\n  lr: 0.1\n")],
        refused=("conf/fast.yaml", "use_cautious"),
        lenient=True,
    ),
    Case(
        "the flag set in JSON of theirs",
        "key",
        ours=[create("mine.json", '{"optimizer": {"lr": 0.1, "use_cautious_optimizer": true}}\n')],
        stays=[create("mine.json", '{"optimizer": {"lr": 0.1}}\n')],
        refused=("mine.json", "use_cautious"),
        lenient=True,
    ),
    Case(
        "the flag that was chosen",
        "flag",
        ours=[create("chosen/tell.py", "def tell(config):\n    return config.mask_updates\n")],
        refused=("chosen/tell.py", "config.mask_updates"),
    ),
]
