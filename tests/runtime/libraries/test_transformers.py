"""transformers' Trainer with ``optimizers=(optimizer, None)``, its checkpoints, and its own Adafactor."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState
from cautious_optimizer import CautiousOptimizer
from small_training import Make, adamw, cautious, network, same, unknown
from transformers import Adafactor, Trainer, TrainerCallback, TrainingArguments, get_linear_schedule_with_warmup

BY_NAME = {make.__name__: make for make in (adamw, unknown)}


@pytest.fixture(params=BY_NAME)
def base(request: pytest.FixtureRequest) -> Make:
    return BY_NAME[request.param]


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """accelerate, which Trainer is built on, remembers its settings in classes."""
    states = (AcceleratorState, GradientState, PartialState)
    yield
    for state in states:
        state._reset_state()


class Regression(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = network()

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.body(x)
        return {"loss": torch.nn.functional.mse_loss(found, labels), "logits": found}


def rows(count: int) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(2)
    return [
        {"x": torch.randn(8, generator=generator), "labels": torch.randn(4, generator=generator)} for _ in range(count)
    ]


class InOrder(Trainer):
    def _get_train_sampler(self, *_: Any, **__: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)


def trainer(model: torch.nn.Module, optimizer: Any, folder: Path, **settings: Any) -> Trainer:
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        logging_strategy="no",
        lr_scheduler_type="linear",
        **{"max_steps": 6, "save_strategy": "no", "max_grad_norm": 1.0, **settings},
    )
    return InOrder(model=model, args=arguments, train_dataset=rows(24), optimizers=(optimizer, None))


def by_hand(make: Make, steps: int, accumulated: int = 1) -> torch.nn.Module:
    model = Regression()
    optimizer = make(model.parameters())
    scheduler = get_linear_schedule_with_warmup(optimizer, 0, steps)
    data = rows(24)
    for step in range(steps):
        for part in range(accumulated):
            some = data[4 * (step * accumulated + part) :][:4]
            x, y = (torch.stack([row[key] for row in some]) for key in ("x", "labels"))
            (model(x, y)["loss"] / accumulated).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return model


def test_trainer_trains_as_the_loop_by_hand_does(base: Make, tmp_path: Path) -> None:
    model = Regression()
    optimizer = cautious(base)(model.parameters())
    run = trainer(model, optimizer, tmp_path)
    run.train()
    assert run.optimizer.optimizer is optimizer
    assert same(model, by_hand(cautious(base), 6), within=1e-6)
    assert not same(model, by_hand(base, 6), within=1e-3)
    assert optimizer.param_groups[0]["lr"] == 0.0


def test_trainer_accumulates_gradients(base: Make, tmp_path: Path) -> None:
    model = Regression()
    run = trainer(model, cautious(base)(model.parameters()), tmp_path, gradient_accumulation_steps=2, max_steps=3)
    run.train()
    assert same(model, by_hand(cautious(base), 3, accumulated=2), within=1e-6)


class StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = state.global_step == self.step


@pytest.mark.parametrize("saver", ["plain", "cautious"])
def test_trainer_resumes_from_its_checkpoint(base: Make, saver: str, tmp_path: Path) -> None:
    made = {"plain": base, "cautious": cautious(base)}
    model = Regression()
    run = trainer(model, made[saver](model.parameters()), tmp_path, save_strategy="steps", save_steps=3)
    run.add_callback(StopAt(3))
    run.train()
    assert same(model, _first_three(made[saver]), within=1e-6)
    resumed = Regression()
    optimizer = cautious(base)(resumed.parameters())
    again = trainer(resumed, optimizer, tmp_path)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert again.state.global_step == 6
    assert same(resumed, by_hand(cautious(base), 6), within=1e-6) is (saver == "cautious")


def _first_three(make: Make) -> torch.nn.Module:
    """With the schedule of six."""
    model = Regression()
    optimizer = make(model.parameters())
    scheduler = get_linear_schedule_with_warmup(optimizer, 0, 6)
    for step in range(3):
        some = rows(24)[4 * step :][:4]
        model(*(torch.stack([row[key] for row in some]) for key in ("x", "labels")))["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return model


def test_bf16_trains(tmp_path: Path) -> None:
    model = Regression()
    optimizer = cautious(adamw)(model.parameters())
    trainer(model, optimizer, tmp_path, bf16=True).train()
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert same(model, by_hand(cautious(adamw), 6), within=0.05)
    assert not same(model, by_hand(cautious(adamw), 6), within=1e-6)


@pytest.mark.parametrize("relative", [False, True], ids=["given lr", "relative step"])
def test_its_adafactor_is_masked_by_the_papers_formula(relative: bool) -> None:
    settings: dict[str, Any] = (
        {"scale_parameter": True, "relative_step": True, "warmup_init": True, "lr": None}
        if relative
        else {"scale_parameter": False, "relative_step": False, "lr": 1e-2}
    )
    generator = torch.Generator().manual_seed(3)
    p = torch.nn.Parameter(torch.randn(12, 10, generator=generator))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer = CautiousOptimizer(Adafactor([p], beta1=0.9, **settings))
    means = []
    for _ in range(5):
        p.grad = torch.randn(p.shape, generator=generator)
        alone = copy.deepcopy(optimizer.base_optimizer)
        twin = alone.param_groups[0]["params"][0]
        old, twin.grad = p.detach().double(), p.grad.clone()
        alone.step()
        u = old - twin.detach().double()
        mask = (u * p.grad > 0).double()
        optimizer.step()
        means.append(mask.mean().item())
        assert torch.allclose(p.detach().double(), old - u * mask / (mask.mean() + 1e-8), rtol=0, atol=1e-6)
    assert 0 < min(means) < 0.9
