"""Code moves, is renamed or deleted, by hand and on purpose."""

from __future__ import annotations

from drift_cases import (
    CONFIG,
    ENGINE,
    EPS_FIELD,
    FINETUNE,
    GUARD,
    IMPORT,
    PARSER,
    POSITIONAL,
    RUNTIME,
    VARS,
    YAML,
    Case,
)
from drift_edits import create, delete, drop_statement, move_statement, rename, rename_word, swap, unwrap

OURS_IN_CHARLM = (CONFIG, FINETUNE, POSITIONAL)

THE_LAST_GUARD = """\
if self.use_cautious_optimizer:
            raise ValueError(
                "use_cautious_optimizer does not work with Adagrad"""

MOVED_AND_RENAMED = [
    Case(
        "our line moves to another function",
        "explicit",
        [
            swap(POSITIONAL, "    def optimizer(", "    def other(self, params):\n        pass\n\n    def optimizer("),
            swap(
                POSITIONAL,
                "    def optimizer(self, params):\n",
                "    def optimizer(self, params):\n        print(self)\n",
            ),
            move_statement(POSITIONAL, "optim.RAdam(", "pass"),
        ],
        alike="layout",
    ),
    Case(
        "our line moves deeper",
        "explicit",
        [
            swap(CONFIG, "params):\n", "params):\n        if params:\n            pass\n"),
            move_statement(CONFIG, "optim.AdamW(", "pass"),
        ],
    ),
    Case(
        "our class moves to another file",
        "explicit",
        [move_statement(POSITIONAL, "class Setup", "@dataclass", to=CONFIG)],
        ours=[swap(POSITIONAL, f"\n{IMPORT}", "")],
        stays=[swap(CONFIG, "import dataclass\n", "import dataclass, field\n")],
        states={POSITIONAL: "obsolete"},
    ),
    Case("the parameters have another name", "explicit", [rename_word(CONFIG, "params", "weights")]),
    Case("the learning rate has another name", "explicit", [rename_word(CONFIG, "learning_rate", "peak_rate")]),
    Case("the optimizer has another name", "explicit", [rename_word(FINETUNE, "optimizer", "opt")]),
    Case("the method has another name", "explicit", [rename_word(CONFIG, "make_optimizer", "build")]),
    Case("the class has another name", "explicit", [rename_word(CONFIG, "TrainConfig", "Pretraining")]),
    Case(
        "the config has another name",
        "argument",
        [rename_word(ENGINE, "args", "opts")],
        states={ENGINE: "edited"},
    ),
    Case("the group has another name", "argument", [rename_word(PARSER, "group", "section")]),
    Case(
        "the splatted copy has another name",
        "vars",
        [rename_word(VARS, "kwargs", "settings")],
        states={VARS: "edited"},
        alike="layout",
    ),
    Case(
        "the nested dict has another name",
        "key",
        [rename_word("run.py", "optimizer", "section")],
        states={"run.py": "edited"},
    ),
    Case("a file has another name", "explicit", [rename(FINETUNE, "charlm/tuning.py")], states={FINETUNE: "obsolete"}),
    Case(
        "a file has another name and was edited",
        "explicit",
        [rename(FINETUNE, "charlm/tuning.py"), swap("charlm/tuning.py", "lr=self.rate)", "lr=self.rate / 2)")],
        states={FINETUNE: "obsolete"},
    ),
    Case(
        "a file moves into another package",
        "explicit",
        [create("charlm/sub/__init__.py", ""), rename(FINETUNE, "charlm/sub/finetune.py")],
        states={FINETUNE: "obsolete"},
    ),
    Case(
        "the package has another name",
        "explicit",
        [rename("charlm", "lm")],
        ours=[swap(path.replace("charlm", "lm"), IMPORT, IMPORT.replace("charlm", "lm")) for path in OURS_IN_CHARLM],
        states={**dict.fromkeys(OURS_IN_CHARLM, "obsolete"), RUNTIME: "obsolete"},
    ),
    Case(
        "YAML has another name",
        "hydra",
        [rename(YAML, "conf/main.yaml"), swap("train.py", '"config"', '"main"')],
        states={YAML: "obsolete"},
    ),
]


GONE = [
    Case(
        "a method with a site is deleted",
        "explicit",
        [drop_statement(CONFIG, "def make_optimizer")],
        states={CONFIG: "obsolete"},
    ),
    Case(
        "one site of several is deleted",
        "shapes",
        [drop_statement("shapes/plain.py", "def nearly(params)")],
        states={"shapes/plain.py": "obsolete"},
    ),
    Case("a file is deleted", "explicit", [delete(POSITIONAL)], states={POSITIONAL: "obsolete"}),
    Case(
        "a class is deleted",
        "vars",
        [drop_statement(VARS, "class Direct:")],
        states={VARS: "obsolete"},
    ),
    Case("a file is emptied", "explicit", [lambda files: {**files, POSITIONAL: b""}], states={POSITIONAL: "obsolete"}),
    Case(
        "the optimizer is no optimizer any more",
        "explicit",
        ours=[
            swap(
                POSITIONAL,
                "        return CautiousOptimizer.wrap(\n            torch.optim.RAdam(params, self.lr),\n"
                "            enabled=self.use_cautious_optimizer,\n            eps=self.cautious_eps,\n        )\n",
                "        return None\n",
            )
        ],
        stays=[swap(POSITIONAL, "torch.optim.RAdam(params, self.lr)", "None")],
        states={POSITIONAL: "obsolete"},
    ),
    Case("a hand-unwrapped site", "explicit", ours=[unwrap(FINETUNE, "Adam(trainable")], states={FINETUNE: "missing"}),
    Case(
        "a hand-unwrapped site and its import",
        "explicit",
        ours=[unwrap(FINETUNE, "Adam(trainable"), swap(FINETUNE, f"\n{IMPORT}", "")],
        states={FINETUNE: "missing"},
    ),
    Case(
        "an option of ours deleted by hand",
        "script",
        ours=[drop_statement("train.py", '"--use_cautious_optimizer"')],
        states={"train.py": "missing"},
    ),
    Case("a field of ours deleted by hand", "explicit", ours=[swap(CONFIG, EPS_FIELD, "")], states={CONFIG: "missing"}),
    Case(
        "a guard of ours deleted by hand",
        "guard",
        ours=[drop_statement(GUARD, THE_LAST_GUARD)],
        states={GUARD: "missing"},
    ),
    Case(
        "a pop of ours deleted by hand",
        "vars",
        ours=[swap(VARS, '        settings.pop("cautious_eps")\n', "")],
        states={VARS: "missing"},
    ),
    Case(
        "a key of ours deleted by hand",
        "hydra",
        ours=[swap(YAML, "  cautious_eps: 1.0e-8\n", "")],
        states={YAML: "missing"},
    ),
    Case(
        "an import of ours deleted by hand",
        "explicit",
        ours=[swap(CONFIG, IMPORT, "")],
        states={CONFIG: "missing"},
        alike="layout",
    ),
    Case(
        "a keyword of ours deleted by hand",
        "explicit",
        ours=[swap(FINETUNE, "            eps=self.cautious_eps,\n", "")],
        states={FINETUNE: "edited"},
    ),
    Case("a runtime deleted by hand", "explicit", ours=[delete(RUNTIME)], states={RUNTIME: "missing"}),
]
