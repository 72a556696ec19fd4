"""What cautify wrote is changed. It is taken out all the same."""

from __future__ import annotations

from drift_cases import (
    CONFIG,
    EPS_FIELD,
    FIELD,
    FINETUNE,
    FREE,
    GUARD,
    IMPORT,
    PARSER,
    POSITIONAL,
    RECIPE,
    VARS,
    YAML,
    Case,
)
from drift_edits import append, swap

OURS_IS_CHANGED = [
    Case(
        "our field is on",
        "explicit",
        ours=[swap(CONFIG, "optimizer: bool = field(default=False", "optimizer: bool = field(default=True")],
        states={CONFIG: "edited"},
    ),
    Case(
        "our field has another eps",
        "explicit",
        ours=[swap(POSITIONAL, "field(default=1e-8", "field(default=1e-6")],
        states={POSITIONAL: "edited"},
    ),
    Case(
        "our field is written plainly",
        "explicit",
        ours=[swap(FINETUNE, "dataclasses.field(default=False, kw_only=True)", "False")],
        states={FINETUNE: "edited"},
    ),
    Case("our fields change places", "explicit", ours=[swap(CONFIG, FIELD + EPS_FIELD, EPS_FIELD + FIELD)]),
    Case(
        "our fields move to the end of the class",
        "explicit",
        ours=[
            swap(CONFIG, FIELD + EPS_FIELD, ""),
            swap(CONFIG, "compile: bool = False\n", f"compile: bool = False\n{FIELD}{EPS_FIELD}"),
        ],
    ),
    Case(
        "our fields have a blank line between them",
        "explicit",
        ours=[swap(CONFIG, FIELD, f"{FIELD}\n")],
        alike="layout",
    ),
    Case(
        "a comment between our fields",
        "explicit",
        ours=[swap(CONFIG, FIELD, f"{FIELD}    # Liang et al. use this one\n")],
        alike="code",
        keeps=[(CONFIG, "# Liang et al. use this one")],
    ),
    Case(
        "a comment behind our field",
        "explicit",
        ours=[swap(CONFIG, "default=1e-8, kw_only=True)", "default=1e-8, kw_only=True)  # of the paper")],
        alike="code",
    ),
    Case(
        "a comment among our keywords",
        "explicit",
        ours=[
            swap(
                FINETUNE,
                "            eps=self.cautious_eps",
                "            # see the report\n            eps=self.cautious_eps",
            )
        ],
        alike="code",
        keeps=[(FINETUNE, "# see the report")],
    ),
    Case(
        "a comment behind our import",
        "explicit",
        ours=[swap(CONFIG, IMPORT, f"{IMPORT.rstrip()}  # isort: skip\n")],
        alike="code",
    ),
    Case(
        "our comment says something else",
        "manners",
        ours=[swap("manners/above.py", "# Whether to mask the updates", "# If set, mask the updates")],
        states={"manners/above.py": "edited"},
    ),
    Case(
        "our help says something else in metadata",
        "manners",
        ours=[swap("manners/helped.py", '"Mask updates that disagree with the gradient."', '"Be careful."')],
        states={"manners/helped.py": "edited"},
    ),
    Case(
        "our entry of a docstring says something else",
        "manners",
        ours=[swap("manners/documented.py", "Whether to mask updates that disagree with the gradient.", "Be careful.")],
        states={"manners/documented.py": "edited"},
    ),
    Case(
        "our docstring below a field says something else",
        "manners",
        ours=[
            swap(
                "manners/below.py",
                '"""Whether to mask the updates that disagree in sign with the gradient."""',
                '"""Be careful."""',
            )
        ],
        states={"manners/below.py": "edited"},
    ),
    Case(
        "our option has another help",
        "argument",
        ours=[swap(PARSER, "mask updates that disagree in sign with the gradient (arXiv:2411.16085)", "be careful")],
        states={PARSER: "edited"},
    ),
    Case(
        "our option has another default",
        "argument",
        ours=[swap(PARSER, "        default=1e-8,\n", "        default=1e-7,\n")],
        states={PARSER: "edited"},
    ),
    Case(
        "our option has a short name",
        "argument",
        ours=[
            swap(
                PARSER, '        "--use-cautious-optimizer",\n', '        "-c",\n        "--use-cautious-optimizer",\n'
            )
        ],
        states={PARSER: "edited"},
    ),
    Case(
        "our constant is on",
        "constant",
        ours=[swap("run.py", "use_cautious_optimizer = False", "use_cautious_optimizer = True")],
        states={"run.py": "edited"},
    ),
    Case(
        "our key is on",
        "key",
        ours=[swap("run.py", '"use_cautious_optimizer": False', '"use_cautious_optimizer": True')],
        states={"run.py": "edited"},
    ),
    Case(
        "our key in YAML is on",
        "hydra",
        ours=[swap(YAML, "use_cautious_optimizer: false", "use_cautious_optimizer: true")],
        states={YAML: "edited"},
    ),
    Case(
        "our key in YAML has a comment",
        "hydra",
        ours=[swap(YAML, "use_cautious_optimizer: false", "use_cautious_optimizer: false  # try it")],
    ),
    Case(
        "our parameter is on",
        "parameter",
        ours=[swap(RECIPE, "lr=1e-2, *, use_cautious_optimizer=False", "lr=1e-2, *, use_cautious_optimizer=True")],
        states={RECIPE: "edited"},
    ),
    Case(
        "our eps is written out at the wrap",
        "explicit",
        ours=[swap(POSITIONAL, "eps=self.cautious_eps", "eps=1e-6")],
        states={POSITIONAL: "edited"},
    ),
    Case(
        "our switch is always on at the wrap",
        "explicit",
        ours=[swap(POSITIONAL, "enabled=self.use_cautious_optimizer", "enabled=True")],
        states={POSITIONAL: "edited"},
    ),
    Case(
        "our guard says something else",
        "guard",
        ours=[swap(GUARD, "does not work with Adagrad", "is no use with Adagrad")],
        states={GUARD: "edited"},
    ),
    Case(
        "our pops are one loop",
        "vars",
        ours=[
            swap(
                VARS,
                '        settings.pop("use_cautious_optimizer")\n        settings.pop("cautious_eps")\n',
                '        for name in ("use_cautious_optimizer", "cautious_eps"):\n            settings.pop(name)\n',
            )
        ],
        states={VARS: "edited"},
        refused=(VARS, 'for name in ("use_cautious_optimizer"'),
        lenient=True,
    ),
    Case(
        "our filter leaves out another key too",
        "vars",
        ours=[
            swap(
                VARS,
                'in asdict(self).items() if k not in ("use_cautious_optimizer", "cautious_eps")',
                'in asdict(self).items() if k not in ("use_cautious_optimizer", "cautious_eps", "x")',
            )
        ],
        stays=[swap(VARS, "**asdict(self)", '**{k: v for k, v in asdict(self).items() if k not in ("x",)}')],
        states={VARS: "edited"},
        refused=(VARS, '"cautious_eps", "x"'),
        lenient=True,
        alike="layout",
    ),
    Case(
        "our import has another name",
        "explicit",
        ours=[
            swap(POSITIONAL, IMPORT, f"{IMPORT.rstrip()} as CO\n"),
            swap(POSITIONAL, "CautiousOptimizer.wrap", "CO.wrap"),
        ],
        states={POSITIONAL: "edited"},
    ),
    Case(
        "our import stands twice",
        "explicit",
        ours=[swap(POSITIONAL, IMPORT, f"{IMPORT}{IMPORT.rstrip()} as CO\n")],
        alike="layout",
    ),
    Case(
        "our import is relative",
        "explicit",
        ours=[swap(POSITIONAL, IMPORT, "from .cautious_optimizer import CautiousOptimizer\n")],
        states={POSITIONAL: "edited"},
    ),
    Case(
        "our import is of the module",
        "explicit",
        ours=[
            swap(POSITIONAL, IMPORT, "from charlm import cautious_optimizer\n"),
            swap(POSITIONAL, "CautiousOptimizer.wrap", "cautious_optimizer.CautiousOptimizer.wrap"),
        ],
        states={POSITIONAL: "edited"},
    ),
    Case(
        "our import moves into the function",
        "explicit",
        ours=[
            swap(POSITIONAL, f"\n{IMPORT}", ""),
            swap(POSITIONAL, "        return", f"        {IMPORT}\n        return"),
        ],
        states={POSITIONAL: "edited"},
    ),
    Case(
        "our import joins another",
        "explicit",
        ours=[swap(POSITIONAL, f"import torch\n\n{IMPORT}", f"import torch; {IMPORT}")],
        states={POSITIONAL: "edited"},
        alike="layout",
    ),
    Case(
        "the flag that was chosen is off",
        "flag",
        ours=[
            swap(
                "chosen/optim.py", "mask_updates: bool = field(default=True", "mask_updates: bool = field(default=False"
            )
        ],
        states={"chosen/optim.py": "edited"},
    ),
    Case("a far edit under a chosen flag", "flag", [append("chosen/finetune.py", FREE)]),
]
