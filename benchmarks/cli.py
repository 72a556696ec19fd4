"""What a run of cautify costs on a tree, beside what only parsing the same tree costs.

    python benchmarks/cli.py TREE [--rounds N]

In every round each command runs once, in a process of its own; the figures are medians over the rounds, with the
smallest and the largest. CPU is user and system time of the process and all its children. Seconds depend on the
machine, the ratios hardly do. Nothing is written to TREE.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PARSE = """
import sys, time, libcst
paths = sys.stdin.buffer.read().split(b"\\0")[:-1]
started = time.process_time()
for path in paths:
    try:
        libcst.parse_module(open(path, "rb").read())
    except Exception:
        pass
print(time.process_time() - started)
"""
CLASSES = "Adadelta Adafactor Adagrad Adam AdamW Adamax ASGD LBFGS Muon NAdam RAdam RMSprop Rprop SGD SparseAdam"
RULES = [
    {
        "id": f"wrap-{number}",
        "language": "python",
        "rule": {"pattern": pattern},
        "constraints": {"CLASS": {"regex": f"^({CLASSES.replace(' ', '|')})$"}},
        "fix": f"CautiousOptimizer.wrap({pattern})",
    }
    for number, pattern in enumerate(["$MODULE.$CLASS($$$ARGUMENTS)", "$CLASS($$$ARGUMENTS)"])
]


@dataclass(frozen=True)
class Cost:
    """One process: CPU and wall seconds, peak memory in MiB, and what it printed."""

    cpu: float
    wall: float
    peak: float
    printed: bytes


def run(command: Sequence[str], stdin: bytes = b"") -> Cost:
    """Run a process to its end and measure it. Its output goes to a file, so that no pipe makes it wait."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(stdin)
        given.seek(0)
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=given, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)[:120]} exited with {process.returncode}")
        scale = 2**20 if sys.platform == "darwin" else 2**10
        return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / scale, output.read())


def python_files(tree: Path) -> list[Path]:
    """The Python files that git knows, else all of them."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "*.py"], cwd=tree, capture_output=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        return [tree / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    return sorted(tree.rglob("*.py"))


def ast_grep() -> str | None:
    """The ast-grep command, if it is installed. On many systems ``sg`` is something else."""
    for name in ("ast-grep", "sg"):
        place = shutil.which(name)
        if place and "newgrp" not in os.path.realpath(place):
            shown = subprocess.run([place, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if shown.stdout.startswith("ast-grep"):
                return place
    return None


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    tree = arguments.tree.resolve()
    files = [path for path in python_files(tree) if path.is_file()]
    relevant = [path for path in files if b"optim" in path.read_bytes()]
    listing = b"".join(os.fsencode(path) + b"\0" for path in relevant)
    cautify = [sys.executable, "-m", "cautify"]
    commands: dict[str, Callable[[], Cost]] = {
        "parse": lambda: run([sys.executable, "-c", PARSE], listing),
        "scan": lambda: run([*cautify, "scan", str(tree)]),
        "apply --dry-run": lambda: run([*cautify, "apply", "--dry-run", str(tree)]),
        "--help": lambda: run([*cautify, "--help"]),
    }
    tool = ast_grep()
    if tool:
        rules = "\n---\n".join(json.dumps(rule) for rule in RULES)  # JSON is YAML
        commands["ast-grep"] = lambda: run([tool, "scan", "--inline-rules", rules, "--json=stream", str(tree)])
    for command in commands.values():
        command()  # fills the file system's cache and Python's
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(arguments.rounds):
        for name, command in commands.items():
            costs[name].append(command())
    report(tree, files, relevant, costs)
    if not tool:
        print("ast-grep is not installed (pip install ast-grep-cli): not compared")


def report(tree: Path, files: Sequence[Path], relevant: Sequence[Path], costs: dict[str, list[Cost]]) -> None:
    """Print the medians, their spread, and the ratios to parsing."""
    size = sum(path.stat().st_size for path in relevant) / 2**20
    rounds = len(costs["parse"])
    print(
        f"{tree.name}: {len(files)} Python files, {len(relevant)} contain 'optim' ({size:.2f} MiB); {rounds} rounds\n"
    )
    loop = [float(cost.printed) for cost in costs["parse"]]
    whole = [cost.cpu for cost in costs["parse"]]
    print(f"{'':34}{'CPU s':>24}{'wall s':>24}{'peak MiB':>10}{'x parse':>9}")
    print(f"{'libcst.parse_module, the loop':34}{spread(loop):>24}{'':>24}{'':>10}{1:>9.2f}")
    labels = {"parse": "  the same, the whole process", "ast-grep": "ast-grep rewrite"}
    for name, measured in costs.items():
        cpu, wall = [cost.cpu for cost in measured], [cost.wall for cost in measured]
        peak = max(cost.peak for cost in measured)
        ratio = median(c / p for c, p in zip(cpu, loop, strict=True))
        label = labels.get(name, f"cautify {name}")
        print(f"{label:34}{spread(cpu):>24}{spread(wall):>24}{peak:>10.0f}{ratio:>9.2f}")
    dry = median(c.cpu / p for c, p in zip(costs["apply --dry-run"], whole, strict=True))
    print(f"\napply --dry-run, start-up included, is {dry:.2f}x the whole parsing process")


def spread(values: Sequence[float]) -> str:
    """The median, with the smallest and the largest."""
    return f"{median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


if __name__ == "__main__":
    main()
