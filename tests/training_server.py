"""Runs programs that train, each in a fresh process that has torch already: ``python training_server.py < jobs``.

Reads one JSON job a line: {"root": …, "cwd": …, "path": […], "argv": […], "environment": {…}}. For each it forks, runs
the program as the interpreter would (by path, by -m or by -c), and prints one JSON line: for every optimizer that
stepped, its class, whether it is cautious, its eps, how often it stepped, and a digest of the parameters it left.
"""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import sys
import traceback
import types
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torchvision_beside_cpu import declare_torchvision_operators

_SEEDED = 1234
declare_torchvision_operators()


def train(build: Any) -> None:
    """What a fixture calls ``probe.train``: a tiny network trained with what ``build`` makes of its parameters."""
    torch.manual_seed(_SEEDED)
    network = torch.nn.Linear(4, 3)
    built = build(network.parameters())
    optimizers = list(built.values()) if isinstance(built, dict) else list(built) if _several(built) else [built]
    optimizers = [o for o in optimizers if hasattr(o, "step")]
    assert optimizers, "nothing that could train was built"
    for _ in range(5):
        for optimizer in optimizers:
            optimizer.zero_grad()
        network(torch.randn(8, 4)).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()


def _several(built: Any) -> bool:
    return isinstance(built, (list, tuple))


def _digest(optimizer: torch.optim.Optimizer) -> str:
    seen = hashlib.sha256()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            seen.update(parameter.detach().contiguous().numpy().tobytes())
    return seen.hexdigest()[:16]


def _run(job: dict[str, Any]) -> dict[str, Any]:
    stepped: dict[int, list[Any]] = {}

    def remember(optimizer: torch.optim.Optimizer, *_: object) -> None:
        stepped.setdefault(id(optimizer), [optimizer, 0])[1] += 1

    register_optimizer_step_post_hook(remember)
    probe = types.ModuleType("probe")
    probe.train = train  # type: ignore[attr-defined]
    sys.modules["probe"] = probe
    os.chdir(job["cwd"])
    os.environ.update(job["environment"])
    argv = job["argv"]
    sys.path[0:1] = [os.path.dirname(os.path.abspath(argv[0])) if argv[0] not in ("-m", "-c") else job["cwd"]]
    sys.path[1:1] = job["path"]
    sys.dont_write_bytecode = True
    if argv[0] == "-c":
        sys.argv = ["-c"]
        exec(compile(argv[1], "<run>", "exec"), {"__name__": "__main__"})
    elif argv[0] == "-m":
        sys.argv = [argv[1]]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [argv[0]]
        runpy.run_path(argv[0], run_name="__main__")
    inner = {id(o.base_optimizer) for o, _ in stepped.values() if hasattr(o, "base_optimizer")}
    return {
        "optimizers": [
            {
                "class": f"{type(o).__module__}.{type(o).__qualname__}",
                "cautious": bool(getattr(type(o), "is_cautious_optimizer", False)),
                "eps": getattr(o, "eps", None),
                "steps": steps,
                "parameters": _digest(o),
            }
            for o, steps in stepped.values()
            if id(o) not in inner
        ]
    }


def _in_a_child(job: dict[str, Any]) -> str:
    """Run one job in a fork, so that nothing it imports stays."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        try:
            answer = _run(job)
        except BaseException:
            answer = {"error": traceback.format_exc()}
        with os.fdopen(write, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer_text = pipe.read()
    os.waitpid(child, 0)
    return answer_text or json.dumps({"error": "the program killed its process"})


def main() -> None:
    torch.set_num_threads(1)
    train(torch.optim.AdamW)  # the first step imports torch._dynamo, which takes seconds: not in every child
    for line in sys.stdin:
        print(_in_a_child(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
