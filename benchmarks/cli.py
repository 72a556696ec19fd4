"""What a run of cautify costs on a tree, beside what only parsing the same tree costs.

    python benchmarks/cli.py TREE [TREE ...] [--rounds N] [--grow]

In every round each command runs once, in a process of its own; the figures are medians over the rounds, with the
smallest and the largest. CPU is user and system time of the process and all its children. Seconds depend on the
machine, the ratios hardly do. Nothing is written to TREE.

The measure is the time that libcst.parse_module takes for those files of a tree that contain "optim": what a tool that
parses them all has spent before it begins. For several trees, one line each follows, and their sum.

--grow shows what the cost grows with. The Python files of each tree are copied: once, twice and four times beside each
other, then once beside four times as many bytes of Python's own library that do not speak of optimizers. What is added
should cost the same each time in the first case, and next to nothing in the second.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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


@dataclass(frozen=True)
class Target:
    """A tree, its Python files, and those of them that contain "optim"."""

    tree: Path
    files: Sequence[Path]
    relevant: Sequence[Path]

    @property
    def size(self) -> float:
        """The bytes of the files that contain "optim", in MiB."""
        return sum(path.stat().st_size for path in self.relevant) / 2**20


def target(tree: Path) -> Target:
    """What there is to measure in a tree."""
    files = [path for path in python_files(tree) if path.is_file()]
    return Target(tree, files, [path for path in files if b"optim" in path.read_bytes()])


def cautify(*arguments: str) -> Callable[[], Cost]:
    """A run of cautify."""
    return lambda: run([sys.executable, "-m", "cautify", *arguments])


def parsing(given: Target) -> Callable[[], Cost]:
    """A run of nothing but libcst's parser."""
    listing = b"".join(os.fsencode(path) + b"\0" for path in given.relevant)
    return lambda: run([sys.executable, "-c", PARSE], listing)


def interleaved(commands: dict[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """What each command costs in each round. A run before the first fills the file system's cache and Python's."""
    for command in commands.values():
        command()
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(command())
    return costs


def main() -> None:
    """Measure, and print one table for each tree, and one for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", type=Path, nargs="+", metavar="TREE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--grow", action="store_true", help="measure how the cost grows, instead")
    arguments = parser.parse_args()
    targets = [target(tree.resolve()) for tree in arguments.trees]
    if arguments.grow:
        for given in targets:
            grow(given, arguments.rounds)
        return
    tool = ast_grep()
    measured = []
    for given in targets:
        tree = str(given.tree)
        commands = {
            "parse": parsing(given),
            "scan": cautify("scan", tree),
            "apply --dry-run": cautify("apply", "--dry-run", tree),
            "--help": cautify("--help"),
        }
        if tool:
            rules = "\n---\n".join(json.dumps(rule) for rule in RULES)  # JSON is YAML
            commands["ast-grep"] = partial(run, [tool, "scan", "--inline-rules", rules, "--json=stream", tree])
        costs = interleaved(commands, arguments.rounds)
        report(given.tree, given.files, given.relevant, costs)
        measured.append((given, costs))
    if not tool:
        print("ast-grep is not installed (pip install ast-grep-cli): not compared")
    if len(measured) > 1:
        together(measured)


def together(measured: Sequence[tuple[Target, dict[str, list[Cost]]]]) -> None:
    """Print one line for each tree, and the sum."""
    print(
        f"\n{'':34}{'MiB':>8}{'parse s':>9}{'scan s':>9}{'x parse':>9}{'dry run s':>11}{'x parse':>9}{'peak MiB':>10}"
    )
    sums = [0.0] * 4
    highest = 0.0
    for given, costs in measured:
        parse = median(float(cost.printed) for cost in costs["parse"])
        scan, dry = (median(cost.cpu for cost in costs[name]) for name in ("scan", "apply --dry-run"))
        peak = max(cost.peak for name in ("scan", "apply --dry-run") for cost in costs[name])
        figures = (given.size, parse, scan, dry)
        sums = [before + here for before, here in zip(sums, figures, strict=True)]
        highest = max(highest, peak)
        line(given.tree.name, figures, peak)
    line(f"sum of {len(measured)}", sums, highest)


def line(name: str, figures: Sequence[float], peak: float) -> None:
    """Print what one tree costs."""
    size, parse, scan, dry = figures
    ratios = [cost / parse if parse else 0.0 for cost in (scan, dry)]
    print(f"{name:34}{size:8.2f}{parse:9.2f}{scan:9.2f}{ratios[0]:9.2f}{dry:11.2f}{ratios[1]:9.2f}{peak:10.0f}")


def grow(given: Target, rounds: int) -> None:
    """Print what a scan costs of the tree once, twice and four times, and of the tree among unrelated files."""
    size = sum(path.stat().st_size for path in given.files)
    with tempfile.TemporaryDirectory() as directory:
        trees = {f"{times} x": Path(directory, str(times)) for times in (1, 2, 4)}
        for times, tree in zip((1, 2, 4), trees.values(), strict=True):
            for number in range(times):
                copy(given, tree / f"copy_{number}")
        trees["1 x, and 4 x unrelated"] = Path(directory, "unrelated")
        copy(given, trees["1 x, and 4 x unrelated"] / "copy_0")
        unrelated(trees["1 x, and 4 x unrelated"] / "library", 4 * size)
        targets = {name: target(tree) for name, tree in trees.items()}
        sizes = {name: found.size for name, found in targets.items()}
        commands = {name: cautify("scan", str(tree)) for name, tree in trees.items()}
        nothing = Path(directory, "nothing")
        nothing.mkdir()
        costs = interleaved({"nothing": cautify("scan", str(nothing)), **commands}, rounds)
    start = median(cost.cpu for cost in costs["nothing"])
    print(f"{given.tree.name}: {rounds} rounds; without the {start:.2f} s that a scan of nothing takes\n")
    print(f"{'':34}{'files':>8}{'optim MiB':>11}{'scan CPU s':>24}{'x':>7}{'peak MiB':>10}")
    once = median(cost.cpu for cost in costs["1 x"]) - start
    for name, found in targets.items():
        cpu = [cost.cpu - start for cost in costs[name]]
        peak = max(cost.peak for cost in costs[name])
        figures = f"{spread(cpu):>24}{median(cpu) / once:>7.2f}{peak:>10.0f}"
        print(f"{name:34}{len(found.files):>8}{sizes[name]:>11.2f}{figures}")
    print()


def copy(given: Target, place: Path) -> None:
    """Copy a tree's Python files."""
    for path in given.files:
        copied = place / path.relative_to(given.tree)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)


def unrelated(place: Path, size: int) -> None:
    """Fill a directory with files of Python's own library that do not speak of optimizers, again and again."""
    library = Path(sysconfig.get_path("stdlib"))
    texts = [path.read_bytes() for path in sorted(library.glob("*.py"))]
    texts = [text for text in texts if b"ptim" not in text]
    place.mkdir(parents=True)
    number = written = 0
    while written < size:
        text = texts[number % len(texts)]
        (place / f"module_{number}.py").write_bytes(text)
        number, written = number + 1, written + len(text)


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
