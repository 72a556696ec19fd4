"""Newlines, conflict markers, broken files, and formatters."""

from __future__ import annotations

from drift_cases import CONFIG, EPS_FIELD, FINETUNE, FREE, POSITIONAL, RUNTIME, YAML, Case
from drift_edits import append, crlf, crlf_where, formatted, swap

OURS_IN_CHARLM = (CONFIG, FINETUNE, POSITIONAL)

MARKERS = "<<<<<<< HEAD\n    epochs: int = 1\n=======\n    epochs: int = 2\n>>>>>>> theirs\n"


BYTES = [
    Case("one file in CRLF", "explicit", [crlf(CONFIG)], how={CONFIG: "exact"}),
    Case("every file in CRLF", "explicit", [crlf()], how=dict.fromkeys(OURS_IN_CHARLM, "exact")),
    Case("YAML in CRLF", "hydra", [crlf(YAML)], how={YAML: "exact"}),
    Case("CRLF and a far edit", "explicit", [append(CONFIG, FREE), crlf(CONFIG)]),
    Case("some lines in CRLF", "explicit", [crlf_where(CONFIG, "weight_decay")]),
    Case("our lines in CRLF", "explicit", ours=[crlf_where(CONFIG, "autious")]),
    Case("blanks at the ends of lines", "explicit", [swap(CONFIG, "vocab: int\n", "vocab: int  \n")]),
    Case("no newline at the end", "explicit", [swap(CONFIG, "        )\n", "        )")]),
    Case(
        "conflict markers",
        "explicit",
        ours=[swap(FINETUNE, "    epochs: int = 1\n", MARKERS)],
        states={FINETUNE: "conflict"},
        refused=(FINETUNE, "<<<<<<< HEAD"),
    ),
    Case(
        "conflict markers in our lines",
        "explicit",
        ours=[swap(CONFIG, EPS_FIELD, f"<<<<<<< HEAD\n{EPS_FIELD}=======\n>>>>>>> theirs\n")],
        states={CONFIG: "conflict"},
        refused=(CONFIG, "<<<<<<< HEAD"),
    ),
    Case(
        "conflict markers in YAML",
        "hydra",
        ours=[swap(YAML, "seed: 1\n", "<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> theirs\n")],
        states={YAML: "conflict"},
        refused=(YAML, "<<<<<<< HEAD"),
    ),
    Case(
        "code that does not parse",
        "explicit",
        ours=[append(POSITIONAL, "def broken(:\n")],
        states={POSITIONAL: "conflict"},
        refused=(POSITIONAL, "def broken(:"),
    ),
    Case(
        "a runtime that was edited",
        "explicit",
        ours=[append(RUNTIME, "\nprint('mine')\n")],
        states={RUNTIME: "edited"},
        refused=(RUNTIME, ""),
    ),
]


RUNS = (("black", 60), ("black", 88), ("ruff", 79), ("ruff", 120), ("isort", 60), ("isort", 120))

FORMATTED = [
    Case(f"{tool} at {length} over {target}", target, [formatted(tool, length)], afterwards=formatted(tool, length))
    for target in ("explicit", "vars", "guard", "argument", "parameter", "key", "constant", "shapes", "manners")
    for tool, length in RUNS
    if tool != "isort" or target in ("explicit", "parameter")
]
