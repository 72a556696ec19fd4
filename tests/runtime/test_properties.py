"""What holds for every shape, gradient and setting."""

from __future__ import annotations

import itertools

import pytest
import torch
from bases import BASES, Base
from cautious_optimizer import CautiousOptimizer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SHAPES = st.lists(st.integers(1, 12), min_size=0, max_size=3).map(tuple)
UPDATES = [base for base in BASES if base.cls is not torch.optim.Rprop]


@pytest.mark.parametrize("base", UPDATES, ids=str)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=SHAPES, seed=st.integers(0, 2**32 - 1), zeros=st.floats(0, 1), lr=st.sampled_from([1e-4, 0.125, 1.0]))
def test_kept_elements_are_scaled_by_one_over_the_mean_and_the_rest_only_decay(
    base: Base, shape: tuple[int, ...], seed: int, zeros: float, lr: float
) -> None:
    """In float64, against a step of the base alone from the same parameter and state."""
    generator = torch.Generator().manual_seed(seed)

    def gradient() -> torch.Tensor:
        kept = (torch.rand(shape, generator=generator) >= zeros).double()
        return kept * torch.randn(shape, generator=generator, dtype=torch.float64)

    p = torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64))
    q = torch.nn.Parameter(p.detach().clone())
    optimizer, alone = CautiousOptimizer(base.make([p], lr=lr)), base.make([q], lr=lr)
    for _ in range(3):
        start = p.detach().clone()
        q.data.copy_(start)
        p.grad = gradient()
        q.grad = p.grad.clone()
        optimizer.step()
        alone.step()

    weight_decay = base.hyper.get("weight_decay", 0)
    g = -p.grad if base.hyper.get("maximize") else p.grad
    if not base.decoupled:
        g = g + weight_decay * start
    decayed = start * (1 - lr * weight_decay) if base.decoupled else start
    plain_move = q.detach() - decayed
    mask = plain_move.sign() * g.sign() < 0
    sure = (plain_move == 0) | (plain_move.abs() > 1e-12 * (1 + start.abs()))  # the rest is rounding of the twin
    mean = optimizer.mask_mean.double().item()
    if sure.all():
        assert mean == pytest.approx(mask.double().mean().item(), abs=1e-6)
    assert torch.equal(p[sure & ~mask], decayed[sure & ~mask])
    kept = sure & mask
    if kept.any():
        exact_mean = optimizer._tally[0][0] / optimizer._tally[0][1]
        scale = (p.detach() - decayed)[kept] / plain_move[kept]
        assert torch.allclose(scale * (exact_mean + 1e-8), torch.ones_like(scale), rtol=1e-3, atol=0)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 6), max_size=3),
    missing=st.sets(st.integers(0, 5)),
    seed=st.integers(0, 2**32 - 1),
)
def test_how_parameters_are_grouped_does_not_matter(
    sizes: list[int], cuts: list[int], missing: set[int], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = [torch.randn(n, generator=generator) for n in sizes]
    grads = [torch.randn(n, generator=generator) for n in sizes]
    edges = sorted({0, len(sizes), *(cut for cut in cuts if cut < len(sizes))})
    found = []
    for bounds in (edges, [0, len(sizes)]):
        params = [torch.nn.Parameter(value.clone()) for value in values]
        groups = [{"params": params[a:b]} for a, b in itertools.pairwise(bounds)]
        optimizer = CautiousOptimizer(torch.optim.AdamW(groups, lr=0.1))
        for factor in (1.0, -0.3):
            for i, (p, grad) in enumerate(zip(params, grads, strict=True)):
                p.grad = None if i in missing else grad * factor
            optimizer.step()
        found.append([p.detach() for p in params])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
