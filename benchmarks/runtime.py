"""What a cautious step costs: time and memory, against the optimizers it wraps and against other implementations.

    python benchmarks/runtime.py [--models NAME ...] [--only TEXT ...] [--rounds N] [--threads N] [--dtype TYPE]
                                 [--device cuda] [--c-optim FOLDER] [--json FILE] [--plot FILE]

All run in one process. In every round each contestant has its turn, in random order, on parameters of its own with the
round's gradients (random, new in each round, the same for all). A turn is one untimed step, then as many as fill
--seconds; what counts is their median (on CUDA, where steps overlap, their mean). A ratio divides by what AdamW fused,
or the base that is wrapped, took in the same round. The figures are medians over the rounds, with the quartiles; the
JSON file has every turn. Seconds depend on the machine, and ratios on which of its caches a model fits into.

Contestants stay alive over all rounds if together they fit into --memory; if not, each is made anew for its turn and
warmed up with one step more, and the table says so. Before the rounds each contestant runs by itself, so that compilers
have compiled, and its memory is measured (see memory.py). One that raises is listed with what it says.

On CUDA, and with --bandwidth elsewhere, also: the bytes a step has to move at the least, over its time, as a share of
what a large copy moves per second. Needs matplotlib for --plot; timm, where installed, is a contestant.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import math
import platform
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from contestants import MODELS, TEMPLATE, Contestant, Shape, contestants, elements, model
from memory import of_a_step, tensors
from runtime_report import plot, tables
from torch.optim import Optimizer

WARM_UP = 2  # steps before anything is measured: the first allocates the state, and what is kept is there at the second
ALIGNED = 64  # elements: gradients begin where an allocator would put them


class Workload:
    """The parameters of a model, gradients for them, and a clock."""

    def __init__(self, shapes: Sequence[Shape], device: str, dtype: torch.dtype, seconds: float) -> None:
        self.shapes, self.device, self.seconds = shapes, device, seconds
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        self.first = [torch.randn(shape, **options).mul_(0.02) for shape in shapes]
        # Gradients are views of one pool, at another place in each round: new values without the time to draw them.
        self.shift = 1024
        self.pool = torch.randn(sum(map(self._space, shapes)) + self.shift * ALIGNED, **options)

    @staticmethod
    def _space(shape: Shape) -> int:
        return -(-math.prod(shape) // ALIGNED) * ALIGNED

    def parameters(self) -> list[torch.Tensor]:
        """New parameters, with the same values each time."""
        return [torch.nn.Parameter(p.clone()) for p in self.first]

    def show(self, parameters: Sequence[torch.Tensor], shift: int) -> None:
        """Give the parameters the gradients that belong to ``shift``."""
        place = shift % self.shift * ALIGNED
        for p, shape in zip(parameters, self.shapes, strict=True):
            p.grad = self.pool[place : place + p.numel()].view(shape)
            place += self._space(shape)

    def timed(self, step: Callable[[], Any], times: int) -> float:
        """The seconds that one of ``times`` calls takes."""
        if self.device == "cpu":  # one by one, so that what else the machine does at times is left out
            clock = [time.perf_counter()]
            for _ in range(times):
                step()
                clock.append(time.perf_counter())
            return median(after - before for before, after in pairwise(clock))
        self.wait()
        started = time.perf_counter()
        for _ in range(times):
            step()
        self.wait()
        return (time.perf_counter() - started) / times

    def wait(self) -> None:
        """Until a GPU has done what it was told."""
        if self.device != "cpu":
            torch.cuda.synchronize()

    def copying(self) -> float:
        """The bytes per second that a copy of a large tensor reads and writes."""
        source = torch.ones(2**28 if self.device != "cpu" else 2**26, device=self.device)
        target = torch.ones_like(source)
        return 2 * source.nbytes / self.timed(lambda: target.copy_(source), 5)


class Entry:
    """A contestant on its own copy of the parameters, and what it has cost so far."""

    def __init__(self, contestant: Contestant, workload: Workload) -> None:
        self.contestant, self.workload = contestant, workload
        self.seconds: list[float] = []
        self.failure: str | None = None
        self.times = 1
        self.state = self.extra = self.held = 0
        self.alive: tuple[Optimizer, list[torch.Tensor]] | None = None

    def try_out(self) -> None:
        """Measure memory, find how many steps fill a turn, or note why the contestant cannot run at all."""
        try:
            parameters = self.workload.parameters()
            self.workload.show(parameters, 0)
            optimizer = self.contestant.make(parameters)
            once = [self.workload.timed(optimizer.step, 1) for _ in range(WARM_UP)][-1]
            self.times = max(1, math.ceil(self.workload.seconds / once))
            del optimizer
            memory = of_a_step(lambda: self.contestant.make(parameters), self.workload.device, WARM_UP)
            self.state, self.extra = memory.state, memory.extra
            self.held = sum(p.nbytes for p in parameters) + memory.state + memory.kept
        except Exception as error:
            said = (str(error).strip() or "nothing").splitlines()[0]
            self.failure = f"{type(error).__name__}: {said}"

    def start(self) -> None:
        """Make the optimizer, and let it allocate what it keeps."""
        parameters = self.workload.parameters()
        self.workload.show(parameters, 0)
        optimizer = self.contestant.make(parameters)
        optimizer.step()  # every turn begins with another
        self.alive = optimizer, parameters

    def turn(self, number: int, keep: bool) -> None:
        """One turn, in the round of this number."""
        if self.alive is None:
            self.start()
        assert self.alive is not None
        optimizer, parameters = self.alive
        self.workload.show(parameters, number + 1)
        optimizer.step()
        self.seconds.append(self.workload.timed(optimizer.step, self.times))
        self.alive = self.alive if keep else None

    def check(self) -> None:
        """Raise SystemExit if the values have become such that arithmetic on them takes another time."""
        optimizer, parameters = self.alive or ((), ())
        for tensor in tensors([parameters, optimizer.state if isinstance(optimizer, Optimizer) else {}]):
            if tensor.is_floating_point() and tensor.numel():
                subnormal = (tensor.abs() < torch.finfo(tensor.dtype).tiny) & (tensor != 0)
                if not tensor.isfinite().all() or subnormal.float().mean() > 0.01:
                    raise SystemExit(f"{self.contestant.name}: its values became infinite, NaN or subnormal")

    def told(self) -> dict[str, Any]:
        """The figures, fit for JSON."""
        of = self.contestant
        figures = {"seconds": self.seconds, "state_bytes": self.state, "extra_bytes": self.extra}
        return {"name": of.name, "base": of.base, "words": of.words, "failure": self.failure, **figures}


def measure(name: str, chosen: Sequence[Contestant], arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything about one model. Raises SystemExit if there is nothing to divide by."""
    shapes, dtype = model(name), getattr(torch, arguments.dtype)
    workload = Workload(shapes, arguments.device, dtype, arguments.seconds)
    entries = [Entry(contestant, workload) for contestant in chosen]
    for entry in entries:
        say(f"{name}: {entry.contestant.name}")
        entry.try_out()
    if entries[0].failure:
        raise SystemExit(f"{entries[0].contestant.name}, by which all is measured: {entries[0].failure}")
    running = [entry for entry in entries if not entry.failure]
    size = sum(p.nbytes for p in workload.first)
    together = 2 * size + sum(entry.held for entry in running) + max(entry.extra for entry in running)
    alive = together <= arguments.memory * 2**30
    copies = []
    order = random.Random(0)
    for number in range(arguments.rounds):
        say(f"{name}: round {number + 1} of {arguments.rounds}")
        if arguments.bandwidth:
            copies.append(workload.copying())
        for entry in order.sample(running, len(running)):
            if entry.alive is None:
                entry.start()
            last = number == arguments.rounds - 1
            with undisturbed():
                entry.turn(number, keep=alive or last)
            if last:
                entry.check()
                entry.alive = None
    return {
        "model": name,
        "parameters": elements(shapes),
        "tensors": len(shapes),
        "bytes": size,
        "largest_bytes": max(p.nbytes for p in workload.first),
        "alive": alive,
        "copy_bytes_per_second": copies,
        "contestants": [entry.told() for entry in entries],
    }


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Python's garbage collector out of what is timed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def start_collecting_little(any_contestant: Contestant) -> None:
    """Exempt from garbage collection all that a first step imports: it takes microseconds then, not half a second."""
    p = torch.nn.Parameter(torch.zeros(1))
    p.grad = torch.zeros(1)
    any_contestant.make([p]).step()
    gc.collect()
    gc.freeze()


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def processor(device: str) -> str:
    """What the figures were measured on."""
    if device != "cpu":
        return str(torch.cuda.get_device_name())
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def select(given: Sequence[Contestant], only: Sequence[str]) -> list[Contestant]:
    """Those whose name holds one of the texts, the bases they wrap, and the one that all are measured by."""
    names = {given[0].name}
    for contestant in given:
        if not only or any(text.lower() in contestant.name.lower() for text in only):
            names |= {contestant.name, contestant.base or contestant.name}
    return [contestant for contestant in given if contestant.name in names]


def main() -> None:
    """Measure, or read what was measured, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    named = f"{', '.join(MODELS)}, or shapes written out (256x64,64)"
    usual = ["mlp-1m", "blocks-52m", "wide-67m", "gpt2-124m"]
    parser.add_argument("--models", nargs="+", default=usual, metavar="NAME", help=f"{named}; default: {usual}")
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="contestants whose name holds a TEXT")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.2, help="to be filled by the steps of a turn")
    parser.add_argument("--memory", type=float, default=12.0, metavar="GIB", help="for all contestants together")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16", "float64"], default="float32")
    parser.add_argument("--threads", type=int, help="that torch uses on CPU; default: as torch finds right")
    parser.add_argument("--bandwidth", action="store_true", help="measure it on CPU too")
    parser.add_argument("--c-optim", type=Path, metavar="FOLDER", help="a checkout of kyleliang919/C-Optim")
    parser.add_argument("--runtime", type=Path, default=TEMPLATE, metavar="FILE", help="another cautious_optimizer.py")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure of every round")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing: take the figures of such a FILE")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios (.png, .svg, .pdf)")
    arguments = parser.parse_args()
    arguments.bandwidth = arguments.bandwidth or arguments.device != "cpu"
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("--rounds is at least 1, and --seconds above 0")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device")
    for name in arguments.models:
        try:
            model(name)
        except ValueError as error:
            parser.error(str(error))
    measured = json.loads(arguments.read.read_text()) if arguments.read else run(arguments)
    print(tables(measured))
    if arguments.plot:
        plot(measured, arguments.plot)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure all models. After each the JSON file is written: a run that is cut short has not been for nothing."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    given, missing = contestants(arguments.device, arguments.c_optim, arguments.runtime)
    start_collecting_little(given[0])
    measured: dict[str, Any] = {
        "torch": torch.__version__,
        "device": arguments.device,
        "processor": processor(arguments.device),
        "threads": torch.get_num_threads(),
        "dtype": arguments.dtype,
        "rounds": arguments.rounds,
        "seconds_per_turn": arguments.seconds,
        "memory_gib": arguments.memory,
        "missing": missing,
        "models": [],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other people's optimizers, in every round
        for name in arguments.models:
            measured["models"].append(measure(name, select(given, arguments.only), arguments))
            if arguments.json:
                arguments.json.write_text(json.dumps(measured, indent=1) + "\n")
    return measured


if __name__ == "__main__":
    main()
