"""What the other scripts here compare: models as lists of shapes, and the optimizers that step on them.

A contestant that cannot be had (timm is not installed, C-Optim's folder was not given) is left out, with the reason.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer

TEMPLATE = Path(__file__).resolve().parents[1] / "templates" / "cautious_optimizer.py"
Shape = tuple[int, ...]
Make = Callable[[Sequence[torch.Tensor]], Optimizer]

# --- Models ---------------------------------------------------------------------------------------------------------


def blocks(layers: int, width: int) -> Iterator[Shape]:
    """The twelve parameters of each transformer block, in GPT-2's order and orientation."""
    for _ in range(layers):
        yield from ((width,), (width,))
        yield from ((width, 3 * width), (3 * width,), (width, width), (width,))
        yield from ((width,), (width,))
        yield from ((width, 4 * width), (4 * width,), (4 * width, width), (width,))


def gpt2(layers: int, width: int) -> list[Shape]:
    """All parameters of a GPT-2, whose head is its embedding."""
    return [(50257, width), (1024, width), *blocks(layers, width), (width,), (width,)]


def perceptron(*widths: int) -> list[Shape]:
    """Weights and biases of linear layers between these widths."""
    return [shape for here, there in pairwise(widths) for shape in ((there, here), (there,))]


MODELS: dict[str, list[Shape]] = {
    "mlp-1m": perceptron(784, 512, 512, 512, 40, 10),
    "blocks-52m": list(blocks(12, 600)),
    "wide-67m": [(4096, 4096)] * 4,
    "gpt2-124m": gpt2(12, 768),
    "gpt2-355m": gpt2(24, 1024),
    "gpt2-774m": gpt2(36, 1280),
    "gpt2-1558m": gpt2(48, 1600),
}


def model(name: str) -> list[Shape]:
    """The shapes of a model by its name, or written out, as in ``256x64,64``.

    Raises ValueError for what is neither."""
    if name in MODELS:
        return MODELS[name]
    if not re.fullmatch(r"\d+(x\d+)*(,\d+(x\d+)*)*", name):
        raise ValueError(f"{name!r} is no model: {', '.join(MODELS)}, or shapes as in 256x64,64")
    return [tuple(int(size) for size in shape.split("x")) for shape in name.split(",")]


def elements(shapes: Sequence[Shape]) -> int:
    """How many numbers these shapes hold together."""
    return sum(math.prod(shape) for shape in shapes)


# --- Optimizers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Contestant:
    """An optimizer to measure. ``base`` names the contestant of which it is the cautious form.

    ``words``: how often a step must at least read or write an element. AdamW reads p, g, m, v and writes p, m, v. A
    cautious step has to know its mask's mean before it moves anything, so it reads g and m twice: nine."""

    name: str
    make: Make
    base: str | None = None
    words: int | None = None


class Lion(Optimizer):
    """Someone's own optimizer, of which a wrapper can know nothing: Lion (arXiv 2302.06675), as plainly as it goes."""

    def __init__(self, params: Any, lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Move each element by lr, against the sign of momentum and gradient together."""
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                p.sub_(torch.lerp(p.grad, momentum, beta1).sign_(), alpha=group["lr"])
                momentum.lerp_(p.grad, 1 - beta2)


class ObviousWrapper(Optimizer):
    """Clone, step, subtract, mask by the sign of a product: what one writes first. Fast to write, and wrong in places
    (it masks weight decay; in bf16 it sees rounding, not updates), but what anything better is measured against."""

    def __init__(self, base: Optimizer) -> None:
        super().__init__([p for group in base.param_groups for p in group["params"]], {})
        self.base = base
        self.state = base.state

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one cautious step."""
        parameters = self.param_groups[0]["params"]
        before = [p.clone() for p in parameters]
        self.base.step()
        for p, old in zip(parameters, before, strict=True):
            update = old - p
            mask = (update * p.grad > 0).to(p.dtype)
            p.copy_(old - update * (mask / (mask.mean() + 1e-8)))


def by_path(name: str, path: Path) -> types.ModuleType:
    """Import a file that is part of no package."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def in_folder(name: str, folder: Path) -> None:
    """Make a package of a folder of modules, without what may be in its ``__init__.py``."""
    if name not in sys.modules:
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


def cautious_optimizer(path: Path = TEMPLATE) -> Any:
    """The class that cautify vendors into targets, which finds cautious_triton.py beside its own file."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    return by_path("cautious_optimizer", path).CautiousOptimizer


def of_timm(module: str, name: str) -> Any:
    """A class of timm's optimizers; None where timm is not installed.

    ``import timm`` needs torchvision and more. Its folder of optimizers needs torch alone, so that is imported, as a
    package of its own."""
    found = importlib.util.find_spec("timm")
    if found is None or not found.submodule_search_locations:
        return None
    in_folder("timm_optim", Path(next(iter(found.submodule_search_locations)), "optim"))
    return getattr(importlib.import_module(f"timm_optim.{module}"), name)


def of_c_optim(folder: Path) -> Any:
    """C-Optim's AdamW, from a checkout. Of transformers it asks only whether torch is recent: no need to install it."""
    if importlib.util.find_spec("transformers") is None:
        for name in ("transformers", "transformers.utils", "transformers.utils.versions"):
            sys.modules.setdefault(name, types.ModuleType(name))
        sys.modules["transformers.utils.versions"].require_version = lambda *_: None  # type: ignore[attr-defined]
    if not (folder / "c_adamw.py").is_file():
        raise SystemExit(f"{folder} has no c_adamw.py")
    in_folder("c_optim", folder)
    return importlib.import_module("c_optim.c_adamw").AdamW


def contestants(
    device: str, c_optim: Path | None = None, runtime: Path = TEMPLATE
) -> tuple[list[Contestant], list[str]]:
    """All there is to compare, and why the others are not. The first is what the others are measured by."""
    cautious, missing = cautious_optimizer(runtime), []
    compiles = "compile" in inspect.signature(cautious).parameters
    adamw = partial(torch.optim.AdamW, lr=1e-5)
    loop, foreach = " (the default here)" * (device == "cpu"), " (the default here)" * (device != "cpu")
    bases = [
        Contestant("AdamW fused", partial(adamw, fused=True), words=7),
        Contestant(f"AdamW foreach{foreach}", partial(adamw, foreach=True), words=7),
        Contestant(f"AdamW for-loop{loop}", partial(adamw, foreach=False), words=7),
        Contestant("SGD momentum", partial(torch.optim.SGD, lr=1e-5, momentum=0.9), words=5),
        Contestant("NAdam", partial(torch.optim.NAdam, lr=1e-5), words=7),
        Contestant("RAdam", partial(torch.optim.RAdam, lr=1e-5), words=7),
        Contestant("Adafactor", partial(torch.optim.Adafactor, lr=1e-5)),
        Contestant("Lion, not torch's", partial(Lion, lr=1e-5), words=5),
    ]
    found = []
    for base in bases:
        words = base.words + 2 if base.words else None
        found += [base, Contestant(f"cautious {base.name}", over(cautious, base.make), base.name, words)]
        if compiles:
            make = over(partial(cautious, compile=True), base.make)
            found.append(Contestant(f"cautious {base.name}, compiled", make, base.name, words))
    found.append(Contestant("obvious wrapper over AdamW fused", over(ObviousWrapper, bases[0].make), words=9))
    if not compiles:
        missing.append("compiled: this CautiousOptimizer has no compile=True")
    timm = of_timm("adamw", "AdamWLegacy")
    if timm is None:
        missing.append("timm: not installed (pip install --no-deps timm)")
    else:
        for name, options in (("its default", {}), ("foreach=True", {"foreach": True})):
            make = partial(timm, lr=1e-5, caution=True, **options)
            found.append(Contestant(f"timm AdamW caution=True, {name}", make, words=9))
    if c_optim is None:
        missing.append("C-Optim: no checkout given (--c-optim)")
    else:
        kind = of_c_optim(c_optim)
        for foreach_of_c_optim in (False, True):
            make = partial(kind, lr=1e-5, weight_decay=0.01, no_deprecation_warning=True, foreach=foreach_of_c_optim)
            found.append(Contestant(f"C-Optim AdamW, foreach={foreach_of_c_optim}", make, words=9))
    return found, missing


def over(wrapper: Callable[[Optimizer], Optimizer], base: Make) -> Make:
    """``wrapper`` around what ``base`` makes."""
    return lambda parameters: wrapper(base(parameters))
