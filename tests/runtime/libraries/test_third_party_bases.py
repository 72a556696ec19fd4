"""Optimizers from PyPI that the runtime does not know: one snapshot, one step of theirs, the paper's formula."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any

import prodigyopt
import pytest
import pytorch_optimizer
import schedulefree
import torch
from cautious_optimizer import CautiousOptimizer
from lion_pytorch import Lion

Params = list[torch.nn.Parameter]
Make = Callable[[Any], torch.optim.Optimizer]

# Among the 128 that pytorch_optimizer has, ones that differ in kind: sign of momentum, layerwise trust ratio, second
# order by Kronecker factors, adaptive lr, lookahead inside, layers' updates normalised.
THEIRS = "adabelief adan ademamix adopt came lamb laprop lion mars prodigy ranger soap shampoo stableadamw"

MAKERS: dict[str, Make] = {
    "lion-pytorch": lambda ps: Lion(ps, lr=1e-2),
    "Prodigy": lambda ps: prodigyopt.Prodigy(ps, lr=1.0, d0=1e-2),
    **{
        name: lambda ps, name=name: pytorch_optimizer.load_optimizer(name)(ps, lr=1e-2, weight_decay=0.0)  # type: ignore[misc]
        for name in THEIRS.split()
    },
}


Sizes = tuple[tuple[int, ...], ...]
SMALL: Sizes = ((12, 10), (7,))


def parameters(sizes: Sizes = SMALL) -> Params:
    return [torch.nn.Parameter(value) for value in gradients(1000, sizes)]


def gradients(seed: int, sizes: Sizes = SMALL) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(size, generator=generator) for size in sizes]


def give(params: Params, grads: list[torch.Tensor]) -> None:
    for p, g in zip(params, grads, strict=True):
        p.grad = g.clone()


def masked(old: torch.Tensor, new: torch.Tensor, g: torch.Tensor, decay: float = 1.0) -> torch.Tensor:
    start = old.double() * decay
    u = start - new.double()
    mask = (u * g > 0).double()
    return start - u * mask / (mask.mean() + 1e-8)


@contextlib.contextmanager
def silence() -> Any:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def check_against_the_base_alone(make: Make, make_alone: Make, decay: float = 1.0, sizes: Sizes = SMALL) -> None:
    """The base alone starts each step where ours does, so that its state is ours; what it moves is masked here."""
    params, alone = parameters(sizes), parameters(sizes)
    with silence():
        optimizer, base = CautiousOptimizer(make(params)), make_alone(alone)
    for seed in range(6):
        old = [p.detach().clone() for p in params]
        for q, value in zip(alone, old, strict=True):
            q.data.copy_(value * decay)
        grads = gradients(seed, sizes)
        for who, stepping in ((params, optimizer), (alone, base)):
            give(who, grads)
            torch.manual_seed(seed)
            stepping.step()
        for p, q, value, g in zip(params, alone, old, grads, strict=True):
            assert torch.allclose(p.detach().double(), masked(value, q.detach(), g, decay), rtol=0, atol=2e-6)
    assert 0 < optimizer.mask_mean < 0.98


@pytest.mark.parametrize("name", MAKERS)
def test_what_it_moves_is_masked_by_the_papers_formula(name: str) -> None:
    check_against_the_base_alone(MAKERS[name], MAKERS[name])


DECAYING: dict[str, Callable[[Any, float], torch.optim.Optimizer]] = {
    "lion-pytorch": lambda groups, wd: Lion(groups, lr=1e-2, weight_decay=wd),
    "pytorch_optimizer lion": lambda groups, wd: pytorch_optimizer.Lion(groups, lr=1e-2, weight_decay=wd),
    "pytorch_optimizer adabelief": lambda groups, wd: pytorch_optimizer.AdaBelief(groups, lr=1e-2, weight_decay=wd),
}


@pytest.mark.parametrize("name", DECAYING)
def test_decay_that_the_group_calls_decoupled_reaches_every_element_unscaled(name: str) -> None:
    make = DECAYING[name]
    check_against_the_base_alone(
        lambda ps: make([{"params": ps, "decoupled_weight_decay": True}], 0.5), lambda ps: make(ps, 0.0), 1 - 1e-2 * 0.5
    )


def test_lion_pytorch_with_decay_is_warned_about_unless_its_group_says_what_it_does() -> None:
    with pytest.warns(UserWarning, match='Lion does not say .*"decoupled_weight_decay": True'):
        CautiousOptimizer(Lion(parameters(), weight_decay=0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CautiousOptimizer(Lion([{"params": parameters(), "decoupled_weight_decay": True}], weight_decay=0.1))


@pytest.mark.parametrize("name", ["lion", "laprop", "adopt"])
def test_an_optimizer_that_masks_its_updates_itself_is_refused(name: str) -> None:
    cls = pytorch_optimizer.load_optimizer(name)
    with pytest.raises(ValueError, match="masks its updates itself"):
        CautiousOptimizer(cls(parameters(), cautious=True))


@pytest.mark.parametrize("cls", [schedulefree.AdamWScheduleFree, schedulefree.SGDScheduleFree])
def test_schedule_free_optimizers_are_refused_because_their_parameters_are_not_what_they_average(cls: Any) -> None:
    """Its p is an interpolation of z and x, both kept by it: p moved by somebody else is another x from then on."""
    with pytest.raises((TypeError, ValueError), match=r"(?i)schedule.?free"):
        CautiousOptimizer(cls(parameters(), lr=1e-2))


def test_at_the_learning_rates_of_a_warmup_the_mean_is_still_about_that_of_the_updates() -> None:
    """lr 1e-8 moves a tenth of fp32 parameters of size 1. Those that did not move are no sign of misalignment: counted
    among all, they would make 0.08 of 0.69. Those that did are the larger updates, which agree somewhat more often."""
    means = []
    for dtype in (torch.float32, torch.float64):
        p = torch.nn.Parameter(torch.randn(100, 100, generator=torch.Generator().manual_seed(0)).to(dtype))
        optimizer = CautiousOptimizer(pytorch_optimizer.AdaBelief([p], lr=1e-8))
        for seed in range(4):
            generator = torch.Generator().manual_seed(seed)
            p.grad = torch.randn(100, 100, generator=generator).to(dtype)
            optimizer.step()
        means.append(optimizer.mask_mean.item())
    assert means[0] == pytest.approx(means[1], abs=0.15)


LOW_BIT = ["torchao Adam8bit", "torchao AdamW4bit", "bitsandbytes Adam8bit", "bitsandbytes Lion8bit"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LOW_BIT)
def test_low_bit_states_are_the_bases_own_affair(name: str) -> None:
    """Needs torchao (26 MB) or bitsandbytes (125 MB, most of it for CUDA)."""
    library, cls = name.split()
    optim = pytest.importorskip(f"{library}.optim", exc_type=ImportError)

    def make(params: Any) -> torch.optim.Optimizer:
        optimizer: torch.optim.Optimizer = getattr(optim, cls)(params, lr=1e-2, weight_decay=0.0)
        return optimizer

    check_against_the_base_alone(make, make, sizes=((128, 64),))  # both leave less than 4096 elements in 32 bits
