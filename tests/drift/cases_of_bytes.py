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
        "a heading of seven letters, underlined",
        "explicit",
        [append(FINETUNE, 'ABOUT = """\nResults\n=======\n"""\n')],
    ),
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

SHORT_AND_LONG = (("black", 60), ("ruff", 120))
ALL_RUNS = tuple((tool, length) for tool in ("black", "ruff", "isort") for length in (60, 79, 88, 120))
RUNS = {
    "parameter": ALL_RUNS,
    "explicit": (*SHORT_AND_LONG, ("isort", 79)),
    "vars": SHORT_AND_LONG,
    "guard": SHORT_AND_LONG,
    "argument": SHORT_AND_LONG,
    "key": SHORT_AND_LONG,
    "constant": SHORT_AND_LONG,
    "shapes": SHORT_AND_LONG,
    "manners": SHORT_AND_LONG,
}

FORMATTED = [
    Case(f"{tool} at {length} over {target}", target, [formatted(tool, length)], afterwards=formatted(tool, length))
    for target, runs in RUNS.items()
    for tool, length in runs
]
