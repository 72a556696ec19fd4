"""Runs cases in several processes that talk over gloo on the loopback interface.

The processes start once for all cases. Each case gets a process group of its own, so one that fails, or leaves its
peers waiting, costs the others nothing. What a case returns on each rank, or how it failed, comes back through files.
"""

from __future__ import annotations

import datetime
import multiprocessing
import os
import pickle
import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

LEFT_WAITING = datetime.timedelta(seconds=10)
ALL_CASES = 150  # seconds
LOADED_ONCE = ["torch.distributed.checkpoint.state_dict", "torch.distributed.fsdp", "torch.distributed.tensor.parallel"]


@dataclass(frozen=True)
class Outcome:
    value: Any = None
    failure: str = ""


def outcomes(world: int, names: list[str], folder: Path) -> dict[str, list[Outcome]]:
    """What each case did, rank by rank."""
    context = _context()
    ranks = [context.Process(target=_rank, args=(rank, world, names, folder), daemon=True) for rank in range(world)]
    # Set here, because it is read while torch loads.
    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        for process in ranks:
            process.start()
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        if threads is not None:
            os.environ["OMP_NUM_THREADS"] = threads
    deadline = time.monotonic() + ALL_CASES
    for process in ranks:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
    return {name: [_outcome(_file(folder, number, rank)) for rank in range(world)] for number, name in enumerate(names)}


def _context() -> multiprocessing.context.BaseContext:
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    # One process loads torch, and never starts a thread; the ranks are forks of it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED_ONCE)
    return context


def _file(folder: Path, number: int, rank: int) -> Path:
    return folder / f"case{number}-rank{rank}"


def _outcome(file: Path) -> Outcome:
    if not file.exists():
        return Outcome(failure="this rank never got to the end of the case")
    return pickle.loads(file.read_bytes())


def _rank(rank: int, world: int, names: list[str], folder: Path) -> None:
    from vendored import load

    load()
    import layouts
    from rank_cases import CASES

    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    os.environ.pop("USE_CAUTIOUS_OPTIMIZER", None)
    torch.set_num_threads(1)
    for number, name in enumerate(names):
        layouts.case, layouts.folder = number, str(folder / str(number))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dist.init_process_group(
                    "gloo",
                    init_method=f"file://{folder}/group{number}",
                    rank=rank,
                    world_size=world,
                    timeout=LEFT_WAITING,
                )
                outcome = Outcome(CASES[name].run(rank, world))
                dist.barrier()
        except BaseException:
            outcome = Outcome(failure=traceback.format_exc())
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()
        unfinished = folder / f"unfinished{rank}"
        unfinished.write_bytes(pickle.dumps(outcome))
        unfinished.rename(_file(folder, number, rank))
