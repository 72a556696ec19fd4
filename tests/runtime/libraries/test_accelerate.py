"""accelerate: prepare, gradient accumulation, its checkpoints, its mixed precision."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from accelerate.scheduler import AcceleratedScheduler
from accelerate.state import AcceleratorState, GradientState, PartialState
from cautious_optimizer import CautiousOptimizer
from small_training import BASES, Make, batches, by_hand, cautious, loss_of, network, same
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR
from torch.utils.data import DataLoader

BY_NAME = {make.__name__: make for make in BASES}


@pytest.fixture(params=BY_NAME)
def base(request: pytest.FixtureRequest) -> Make:
    return BY_NAME[request.param]


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """accelerate remembers its settings in classes, for the whole process."""
    states = (AcceleratorState, GradientState, PartialState)
    for state in states:
        state._reset_state()
    yield
    for state in states:
        state._reset_state()


class Setup:
    def __init__(self, make: Make, **settings: Any) -> None:
        self.accelerator = Accelerator(cpu=True, **settings)
        self.net = network()
        self.inner = make(self.net.parameters())
        scheduler = CosineAnnealingLR(self.inner, 6)
        loader: Any = DataLoader(batches(6), batch_size=None)  # type: ignore[arg-type]
        self.model, self.optimizer, self.loader, self.scheduler = self.accelerator.prepare(
            self.net, self.inner, loader, scheduler
        )

    def train(self, data: Any) -> None:
        for batch in data:
            with self.accelerator.accumulate(self.model):
                self.accelerator.backward(loss_of(self.model, batch))
                self.optimizer.step()
                self.scheduler.step()
                self.optimizer.zero_grad()


def test_prepare_wraps_the_very_optimizer_and_training_is_the_loop_by_hand(base: Make) -> None:
    setup = Setup(cautious(base))
    assert isinstance(setup.optimizer, AcceleratedOptimizer)
    assert setup.optimizer.optimizer is setup.inner
    assert isinstance(setup.optimizer.optimizer, CautiousOptimizer)
    setup.train(setup.loader)
    expected = network()
    optimizer = cautious(base)(expected.parameters())
    by_hand(expected, optimizer, batches(6), CosineAnnealingLR(optimizer, 6))
    assert same(setup.net, expected)
    plain = Setup(base)
    plain.train(plain.loader)
    assert not same(setup.net, plain.net, within=1e-4)
    assert plain.scheduler.get_last_lr() == setup.scheduler.get_last_lr()


def test_gradients_are_accumulated_and_the_mask_is_of_their_sum(base: Make) -> None:
    setup = Setup(cautious(base), gradient_accumulation_steps=2)
    setup.train(setup.loader)
    expected = network()
    optimizer = cautious(base)(expected.parameters())
    scheduler = CosineAnnealingLR(optimizer, 6)
    data = batches(6)
    for first, second in zip(data[::2], data[1::2], strict=True):
        optimizer.zero_grad()
        (loss_of(expected, first) / 2).backward()
        (loss_of(expected, second) / 2).backward()
        optimizer.step()
        scheduler.step()
    assert same(setup.net, expected, within=1e-7)


@pytest.mark.parametrize("saver", ["plain", "cautious"])
@pytest.mark.parametrize("loader", ["plain", "cautious"])
def test_save_state_and_load_state_resume(base: Make, saver: str, loader: str, tmp_path: Path) -> None:
    made = {"plain": base, "cautious": cautious(base)}
    whole = Setup(made[saver])
    whole.train(batches(3))
    whole.accelerator.save_state(str(tmp_path))
    resumed = Setup(made[loader])
    resumed.accelerator.load_state(str(tmp_path))
    assert same(resumed.net, whole.net)
    assert resumed.scheduler.get_last_lr() == whole.scheduler.get_last_lr()
    for setup in (whole, resumed):
        setup.train(batches(3, start=3))
    assert same(resumed.net, whole.net) is (saver == loader)


def test_clipping_goes_through_the_accelerator(base: Make) -> None:
    setup = Setup(cautious(base))
    expected = network()
    optimizer = cautious(base)(expected.parameters())
    for batch in batches(3):
        setup.accelerator.backward(loss_of(setup.model, batch))
        setup.accelerator.clip_grad_norm_(setup.model.parameters(), 0.1)
        setup.optimizer.step()
        setup.optimizer.zero_grad()
        loss_of(expected, batch).backward()
        torch.nn.utils.clip_grad_norm_(expected.parameters(), 0.1)
        optimizer.step()
        optimizer.zero_grad()
    assert same(setup.net, expected)


def test_bf16_is_the_same_as_autocast_by_hand(base: Make) -> None:
    setup = Setup(cautious(base), mixed_precision="bf16")
    expected = network()
    optimizer = cautious(base)(expected.parameters())
    for batch in batches(3):
        setup.accelerator.backward(loss_of(setup.model, batch))
        setup.optimizer.step()
        setup.optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = expected(batch[0])
        torch.nn.functional.mse_loss(found.float(), batch[1]).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert same(setup.net, expected, within=1e-7)


def test_a_step_with_inf_is_skipped_and_so_is_its_scheduler(base: Make) -> None:
    """accelerate makes no scaler on CPU, so its optimizer is given one, as it gives itself on a GPU."""
    Accelerator(cpu=True)
    seen = []
    for make in (cautious(base), base):
        net = network()
        scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
        optimizer = AcceleratedOptimizer(make(net.parameters()), scaler=scaler)
        scheduler = AcceleratedScheduler(ExponentialLR(optimizer.optimizer, 0.5), optimizer)
        for at, batch in enumerate(batches(3)):
            optimizer.zero_grad()
            scaler.scale(loss_of(net, batch)).backward()
            if at == 1:
                net[0].weight.grad[0, 0] = float("inf")
                before = copy.deepcopy(net)
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always")
                optimizer.step()
                scheduler.step()
            assert at != 1 or same(net, before)
            lr = optimizer.param_groups[0]["lr"]
            seen.append((optimizer.step_was_skipped, lr, [str(warning.message) for warning in warned]))
    ours, theirs = seen[:3], seen[3:]
    if "fused" not in base.__name__:  # accelerate takes the fused kernel's skipped step for a step
        assert ours == theirs
    assert [skipped for skipped, *_ in ours] == [False, True, False]
    assert ours[0][1] == ours[1][1] == 2 * ours[2][1]
