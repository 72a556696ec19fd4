"""``torch.compile`` around a step, or around a whole training step, changes nothing but speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from small_training import BASES, Batch, Make, adamw, batches, by_hand, cautious, loss_of, network, same, trained

BY_NAME = {make.__name__: make for make in BASES}


@pytest.fixture(autouse=True)
def _nothing_compiled() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def compiled_training(base: Make, what: str, backend: str) -> torch.nn.Module:
    net = network()
    optimizer = cautious(base)(net.parameters())

    def stepping() -> None:
        optimizer.step()

    def whole(batch: Batch) -> None:
        optimizer.zero_grad()
        loss_of(net, batch).backward()
        optimizer.step()

    compile_: Callable[..., Any] = lambda function: torch.compile(function, backend=backend)  # noqa: E731
    if what == "a whole training step":
        run = compile_(whole)
        for batch in batches(4):
            run(batch)
        return net
    run = compile_(stepping if what == "a function that steps" else optimizer.step)
    for batch in batches(4):
        optimizer.zero_grad()
        loss_of(net, batch).backward()
        run()
    return net


@pytest.mark.parametrize("base", BY_NAME)
@pytest.mark.parametrize("what", ["optimizer.step", "a function that steps", "a whole training step"])
def test_what_is_compiled_trains_the_same(base: str, what: str) -> None:
    make = BY_NAME[base]
    found = compiled_training(make, what, "aot_eager")
    assert same(found, trained(cautious(make), 4), within=1e-6)
    assert not same(found, trained(make, 4), within=1e-4)


def test_a_schedule_reaches_a_compiled_step() -> None:
    nets = [network(), network()]
    for net, wrapped in zip(nets, (torch.compile(backend="eager"), lambda step: step), strict=True):
        optimizer = cautious(adamw)(net.parameters())
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        step = wrapped(lambda optimizer=optimizer: optimizer.step())
        for batch in batches(4):
            optimizer.zero_grad()
            loss_of(net, batch).backward()
            step()
            scheduler.step()
    assert same(*nets)


def test_a_compiled_network_trains_the_same() -> None:
    net = network()
    optimizer = cautious(adamw)(net.parameters())
    by_hand(torch.compile(net, backend="aot_eager"), optimizer, batches(4))
    assert same(net, trained(cautious(adamw), 4), within=1e-6)


def test_inductor_compiles_what_the_runtime_lets_it_see() -> None:
    found = compiled_training(adamw, "a whole training step", "inductor")
    assert same(found, trained(cautious(adamw), 4), within=1e-6)
