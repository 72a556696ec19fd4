"""Lightning's Trainer: automatic and manual optimization, gradient clipping, checkpoints, bf16-mixed."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from cautious_optimizer import CautiousOptimizer
from lightning.pytorch.callbacks import StochasticWeightAveraging
from small_training import Make, adamw, batches, by_hand, cautious, loss_of, network, same, unknown
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader

BY_NAME = {make.__name__: make for make in (adamw, unknown)}
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*number of training batches"),
    pytest.mark.filterwarnings("ignore:SWA is currently only supported every epoch"),
]
EPOCH = 3
STEPS = 2 * EPOCH


@pytest.fixture(params=BY_NAME)
def base(request: pytest.FixtureRequest) -> Make:
    return BY_NAME[request.param]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Module(L.LightningModule):
    def __init__(self, make: Make, manual: bool = False) -> None:
        super().__init__()
        self.automatic_optimization = not manual
        self.net, self.make = network(), make
        self.kept: list[torch.Tensor] = []

    def configure_optimizers(self) -> Any:
        optimizer = self.make(self.parameters())
        scheduler = {"scheduler": CosineAnnealingLR(optimizer, STEPS), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def training_step(self, batch: Any, _: int) -> torch.Tensor:
        loss = loss_of(self.net, batch)
        if not self.automatic_optimization:
            optimizer = self.optimizers()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
            self.lr_schedulers().step()
        return loss

    def on_before_zero_grad(self, optimizer: Any) -> None:
        if isinstance(optimizer, CautiousOptimizer):
            self.kept.append(optimizer.mask_mean)


def fit(module: Module, folder: Path, *, epochs: int = 2, resume: Path | None = None, **settings: Any) -> L.Trainer:
    trainer = L.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=epochs,
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        **settings,
    )
    loader: Any = DataLoader(batches(EPOCH), batch_size=None)  # type: ignore[arg-type]
    trainer.fit(module, loader, ckpt_path=resume)
    return trainer


def expected(make: Make) -> torch.nn.Module:
    net = network()
    optimizer = make(net.parameters())
    return by_hand(net, optimizer, batches(EPOCH) * 2, CosineAnnealingLR(optimizer, STEPS))


@pytest.mark.parametrize("manual", [False, True], ids=["automatic", "manual"])
def test_trainer_trains_as_the_loop_by_hand_does(base: Make, manual: bool, tmp_path: Path) -> None:
    module = Module(cautious(base), manual)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*lr_scheduler.step.*")
        trainer = fit(module, tmp_path)
    assert type(trainer.optimizers[0]) is CautiousOptimizer
    assert trainer.global_step == STEPS
    assert same(module.net, expected(cautious(base)), within=1e-7)
    assert not same(module.net, expected(base), within=1e-3)
    if not manual:
        assert [kept.isnan().item() for kept in module.kept] == [True] + [False] * (STEPS - 1)
        assert 0 < module.kept[-1] < 1


@pytest.mark.parametrize("saver", ["plain", "cautious"])
@pytest.mark.parametrize("manual", [False, True], ids=["automatic", "manual"])
def test_it_resumes_from_its_checkpoint(base: Make, saver: str, manual: bool, tmp_path: Path) -> None:
    first = Module({"plain": base, "cautious": cautious(base)}[saver], manual)
    fit(first, tmp_path, epochs=1).save_checkpoint(tmp_path / "first.ckpt")
    resumed = Module(cautious(base), manual)
    trainer = fit(resumed, tmp_path, resume=tmp_path / "first.ckpt")
    assert trainer.global_step == STEPS
    assert same(resumed.net, expected(cautious(base)), within=1e-7) is (saver == "cautious")


def test_it_accumulates_and_clips(base: Make, tmp_path: Path) -> None:
    module = Module(cautious(base))
    fit(module, tmp_path, accumulate_grad_batches=3, gradient_clip_val=0.1)
    net = network()
    optimizer = cautious(base)(net.parameters())
    scheduler = CosineAnnealingLR(optimizer, STEPS)
    for _ in range(2):
        optimizer.zero_grad()
        for batch in batches(EPOCH):
            (loss_of(net, batch) / 3).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 0.1)
        optimizer.step()
        scheduler.step()
    assert same(module.net, net, within=1e-7)


def test_bf16_mixed_trains_as_autocast_by_hand(base: Make, tmp_path: Path) -> None:
    module = Module(cautious(base))
    fit(module, tmp_path, precision="bf16-mixed")
    net = network()
    optimizer = cautious(base)(net.parameters())
    scheduler = CosineAnnealingLR(optimizer, STEPS)
    for batch in batches(EPOCH) * 2:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = loss_of(net, batch)
        loss.backward()
        optimizer.step()
        scheduler.step()
    assert same(module.net, net, within=1e-6)


def test_its_weight_averaging_takes_the_schedule_over(tmp_path: Path) -> None:
    module = Module(cautious(adamw))
    average = StochasticWeightAveraging(swa_lrs=0.002, swa_epoch_start=1, annealing_epochs=1)
    fit(module, tmp_path, epochs=3, callbacks=[average])
    assert module.optimizers(use_pl_optimizer=False).param_groups[0]["lr"] == pytest.approx(0.002)
    assert not same(module.net, expected(cautious(adamw)), within=1e-3)
