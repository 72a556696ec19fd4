"""GradScaler and autocast, on CPU."""

from __future__ import annotations

import pytest
import torch
from small_training import BASES, Make, batches, by_hand, cautious, loss_of, network, same, same_state

BY_NAME = {make.__name__: make for make in BASES}


@pytest.fixture(params=BY_NAME)
def base(request: pytest.FixtureRequest) -> Make:
    return BY_NAME[request.param]


@pytest.mark.parametrize("scale", [1.0, 65536.0])
@pytest.mark.parametrize("clipped", [False, True])
def test_scaled_training_is_unscaled_training(base: Make, scale: float, clipped: bool) -> None:
    """Powers of two change no digit of a gradient."""
    nets = []
    for scaler in (torch.amp.GradScaler("cpu", init_scale=scale), None):
        net = network()
        optimizer = cautious(base)(net.parameters())
        for batch in batches(5):
            optimizer.zero_grad()
            loss = loss_of(net, batch)
            (loss if scaler is None else scaler.scale(loss)).backward()
            if clipped:
                if scaler is not None:
                    scaler.unscale_(optimizer)
                torch.nn.utils.clip_grad_norm_(net.parameters(), 0.1)
            if scaler is None:
                optimizer.step()
            else:
                scaler.step(optimizer)
                scaler.update()
        nets.append(net)
    assert same(*nets)


@pytest.mark.parametrize("unscaled_first", [False, True])
def test_a_step_with_inf_changes_nothing_and_the_next_one_counts(base: Make, unscaled_first: bool) -> None:
    net = network()
    optimizer = cautious(base)(net.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for at, batch in enumerate(batches(3)):
        optimizer.zero_grad()
        scaler.scale(loss_of(net, batch)).backward()
        if at == 1:
            next(net.parameters()).grad[0, 0] = float("inf")
            before = [p.detach().clone() for p in net.parameters()], optimizer.state_dict()["state"]
            before = torch.utils._pytree.tree_map(lambda leaf: leaf.clone() if torch.is_tensor(leaf) else leaf, before)
        if unscaled_first:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        if at == 1:
            assert same_state([p.detach() for p in net.parameters()], before[0])
            assert same_state(optimizer.state_dict()["state"], before[1])
            assert scaler.get_scale() == 4.0
    expected = network()
    by_hand(expected, cautious(base)(expected.parameters()), [batches(3)[0], batches(3)[2]])
    assert same(net, expected)


def test_one_scaler_serves_a_cautious_and_a_plain_optimizer(base: Make) -> None:
    nets, plain = [network(), network()], [network(), network()]
    scaler = torch.amp.GradScaler("cpu", init_scale=32.0)
    optimizers = [cautious(base)(nets[0].parameters()), torch.optim.SGD(nets[1].parameters(), lr=0.1)]
    for batch in batches(4):
        for net, optimizer in zip(nets, optimizers, strict=True):
            optimizer.zero_grad()
            scaler.scale(loss_of(net, batch)).backward()
        for optimizer in optimizers:
            scaler.step(optimizer)
        scaler.update()
    by_hand(plain[0], cautious(base)(plain[0].parameters()), batches(4))
    by_hand(plain[1], torch.optim.SGD(plain[1].parameters(), lr=0.1), batches(4))
    assert same(nets[0], plain[0])
    assert same(nets[1], plain[1])


def test_under_autocast_the_step_computes_in_the_parameters_precision(base: Make) -> None:
    """Somebody who steps inside the autocast block gets what stepping outside of it gives."""
    nets = [network(), network()]
    for inside, net in enumerate(nets):
        optimizer = cautious(base)(net.parameters())
        for batch in batches(5):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                optimizer.zero_grad()
                loss = loss_of(net, batch)
                loss.backward()
                if inside:
                    optimizer.step()
            if not inside:
                optimizer.step()
        assert all(p.dtype == torch.float32 for p in net.parameters())
    assert same(*nets)
    full = network()
    assert not same(nets[0], by_hand(full, cautious(base)(full.parameters()), batches(5)))
