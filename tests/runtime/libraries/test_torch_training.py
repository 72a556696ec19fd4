"""What torch itself offers around an optimizer: clipping, averages of weights, steps inside backward, unfreezing."""

from __future__ import annotations

import pytest
import torch
from small_training import BASES, Make, batches, by_hand, cautious, loss_of, network, same, trained
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

BY_NAME = {make.__name__: make for make in BASES}


@pytest.fixture(params=BY_NAME)
def base(request: pytest.FixtureRequest) -> Make:
    return BY_NAME[request.param]


@pytest.mark.parametrize("foreach", [False, True])
def test_clipped_gradients_are_what_the_step_sees(base: Make, foreach: bool) -> None:
    net, expected = network(), network()
    optimizer, other = cautious(base)(net.parameters()), cautious(base)(expected.parameters())
    for batch in batches(4):
        optimizer.zero_grad()
        loss_of(net, batch).backward()
        norm = torch.nn.utils.clip_grad_norm_(net.parameters(), 0.1, foreach=foreach)
        optimizer.step()
        other.zero_grad()
        loss_of(expected, batch).backward()
        for p in expected.parameters():
            p.grad.mul_(0.1 / (norm + 1e-6))
        other.step()
    assert same(net, expected, within=1e-7)


@pytest.mark.parametrize("ema", [False, True])
def test_the_average_is_of_the_cautious_weights(base: Make, ema: bool) -> None:
    net = torch.nn.Sequential(*network(), torch.nn.BatchNorm1d(4))
    averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.5) if ema else None)
    optimizer = cautious(base)(net.parameters())
    schedule = SWALR(optimizer, swa_lr=0.005, anneal_epochs=2)
    history = []
    for batch in batches(4):
        by_hand(net, optimizer, [batch], schedule)
        averaged.update_parameters(net)
        history.append([p.detach().clone() for p in net.parameters()])
    weights = [1 / 8, 1 / 8, 1 / 4, 1 / 2] if ema else [1 / 4] * 4
    for at, p in enumerate(averaged.module.parameters()):
        expected = sum(weight * then[at] for weight, then in zip(weights, history, strict=True))
        assert torch.allclose(p, expected, atol=1e-6)
    update_bn([x for x, _ in batches(2)], averaged)
    assert averaged.module[-1].num_batches_tracked == 2


def test_a_wrapper_for_each_parameter_may_step_inside_backward(base: Make) -> None:
    net = network()
    each = {p: cautious(base)([p]) for p in net.parameters()}

    def step(p: torch.Tensor) -> None:
        each[p].step()
        each[p].zero_grad()

    for p in net.parameters():
        p.register_post_accumulate_grad_hook(step)
    for batch in batches(4):
        loss_of(net, batch).backward()
        assert all(p.grad is None for p in net.parameters())
    assert same(net, trained(cautious(base), 4), within=1e-7)


def test_a_layer_that_is_thawed_later_starts_then(base: Make) -> None:
    net, expected = network(), network()
    last, first = net[2], net[0]
    first.requires_grad_(False)
    optimizer = cautious(base)(last.parameters())
    by_hand(net, optimizer, batches(3))
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), expected[0].parameters(), strict=True))
    first.requires_grad_(True)
    optimizer.add_param_group({"params": first.parameters(), "lr": 0.002})
    by_hand(net, optimizer, batches(3, start=3))

    one, other = cautious(base)(expected[2].parameters()), None
    for at, batch in enumerate(batches(6)):
        if at == 3:
            other = cautious(base)([{"params": expected[0].parameters(), "lr": 0.002}])
        expected.zero_grad()
        loss_of(expected, batch).backward()
        one.step()
        if other is not None:
            other.step()
    assert same(net, expected, within=1e-7)


def test_a_frozen_parameter_in_the_group_stays_and_trains_once_thawed(base: Make) -> None:
    net = network()
    optimizer = cautious(base)(net.parameters())
    net[0].requires_grad_(False)
    before = [p.clone() for p in net[0].parameters()]
    by_hand(net, optimizer, batches(2))
    assert all(torch.equal(p, old) for p, old in zip(net[0].parameters(), before, strict=True))
    net[0].requires_grad_(True)
    by_hand(net, optimizer, batches(2, start=2))
    assert not any(torch.equal(p, old) for p, old in zip(net[0].parameters(), before, strict=True))


def test_the_closure_form_of_the_loop_is_the_plain_loop(base: Make) -> None:
    net = network()
    optimizer = cautious(base)(net.parameters())
    for batch in batches(4):

        def closure(batch: tuple[torch.Tensor, torch.Tensor] = batch) -> torch.Tensor:
            optimizer.zero_grad()
            loss = loss_of(net, batch)
            loss.backward()
            return loss

        assert optimizer.step(closure) > 0
    assert same(net, trained(cautious(base), 4))
