"""Lightning Fabric: setup, backward, its precision plugins and checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from cautious_optimizer import CautiousOptimizer
from lightning.fabric import Fabric
from lightning.fabric.wrappers import _FabricOptimizer as FabricOptimizer
from small_training import BASES, Make, batches, by_hand, cautious, loss_of, network, same, trained

BY_NAME = {make.__name__: make for make in BASES}


@pytest.fixture(params=BY_NAME)
def base(request: pytest.FixtureRequest) -> Make:
    return BY_NAME[request.param]


class Setup:
    def __init__(self, make: Make, **settings: Any) -> None:
        self.fabric = Fabric(accelerator="cpu", devices=1, **settings)
        self.net = network()
        self.inner = make(self.net.parameters())
        self.model, self.optimizer = self.fabric.setup(self.net, self.inner)

    def train(self, data: Any) -> Setup:
        for batch in data:
            self.optimizer.zero_grad()
            self.fabric.backward(loss_of(self.model, batch))
            self.optimizer.step()
        return self


def test_setup_keeps_the_very_optimizer_and_training_is_the_loop_by_hand(base: Make) -> None:
    setup = Setup(cautious(base))
    assert isinstance(setup.optimizer, FabricOptimizer)
    assert isinstance(setup.optimizer, CautiousOptimizer)  # its class is made from the wrapped one's
    assert setup.optimizer.optimizer is setup.inner
    setup.train(batches(5))
    assert same(setup.net, trained(cautious(base), 5))
    assert not same(setup.net, trained(base, 5), within=1e-4)
    assert 0 < setup.inner.mask_mean < 1


def test_fabric_clips_and_a_scheduler_of_the_inner_optimizer_is_followed(base: Make) -> None:
    setup = Setup(cautious(base))
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(setup.optimizer, 5)
    expected = network()
    optimizer = cautious(base)(expected.parameters())
    other = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
    for batch in batches(5):
        setup.optimizer.zero_grad()
        setup.fabric.backward(loss_of(setup.model, batch))
        setup.fabric.clip_gradients(setup.model, setup.optimizer, max_norm=0.1, error_if_nonfinite=False)
        setup.optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        loss_of(expected, batch).backward()
        torch.nn.utils.clip_grad_norm_(expected.parameters(), 0.1)
        optimizer.step()
        other.step()
    assert same(setup.net, expected, within=1e-7)
    assert scheduler.get_last_lr() == other.get_last_lr()


@pytest.mark.parametrize("saver", ["plain", "cautious"])
@pytest.mark.parametrize("loader", ["plain", "cautious"])
def test_its_checkpoint_resumes(base: Make, saver: str, loader: str, tmp_path: Path) -> None:
    made = {"plain": base, "cautious": cautious(base)}
    whole = Setup(made[saver]).train(batches(3))
    whole.fabric.save(tmp_path / "fabric.ckpt", {"model": whole.model, "optimizer": whole.optimizer, "at": 3})
    resumed = Setup(made[loader])
    rest = resumed.fabric.load(tmp_path / "fabric.ckpt", {"model": resumed.model, "optimizer": resumed.optimizer})
    assert rest == {"at": 3}
    assert same(resumed.net, whole.net)
    for setup in (whole, resumed):
        setup.train(batches(3, start=3))
    assert same(resumed.net, whole.net) is (saver == loader)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_its_precisions_train_as_by_hand(base: Make, precision: Any) -> None:
    setup = Setup(cautious(base), precision=precision)
    expected = network()
    dtype = {"bf16-true": torch.bfloat16, "64-true": torch.float64, "bf16-mixed": torch.float32}[precision]
    expected.to(dtype)
    optimizer = cautious(base)(expected.parameters())
    for batch in batches(4):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16-mixed"):
            found = expected(batch[0].to(dtype))
        # Fabric hands its own default precision back.
        torch.nn.functional.mse_loss(found.to(torch.get_default_dtype()), batch[1]).backward()
        optimizer.step()
    setup.train(batches(4))
    assert all(p.dtype == dtype for p in setup.net.parameters())
    assert same(setup.net, expected, within=1e-6)


def test_gradients_are_accumulated_without_backward_sync(base: Make) -> None:
    setup = Setup(cautious(base))
    first, second = batches(2)
    setup.optimizer.zero_grad()
    with setup.fabric.no_backward_sync(setup.model, enabled=False):
        setup.fabric.backward(loss_of(setup.model, first) / 2)
    setup.fabric.backward(loss_of(setup.model, second) / 2)
    setup.optimizer.step()
    expected = network()
    both = (torch.cat([first[0], second[0]]), torch.cat([first[1], second[1]]))
    by_hand(expected, cautious(base)(expected.parameters()), [both])
    assert same(setup.net, expected, within=1e-5)
