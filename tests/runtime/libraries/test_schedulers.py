"""Every learning-rate scheduler of torch sees a cautious optimizer as it sees the base."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from cautious_optimizer import CautiousOptimizer
from small_training import batches, by_hand, cautious, network, same, same_state
from torch.optim import lr_scheduler as lrs
from torch.optim.swa_utils import SWALR

STEPS = 8
SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "LambdaLR": lambda o: lrs.LambdaLR(o, lambda epoch: 0.9**epoch),
    "MultiplicativeLR": lambda o: lrs.MultiplicativeLR(o, lambda _: 0.9),
    "StepLR": lambda o: lrs.StepLR(o, 2),
    "MultiStepLR": lambda o: lrs.MultiStepLR(o, [2, 4]),
    "ConstantLR": lambda o: lrs.ConstantLR(o, total_iters=3),
    "LinearLR": lambda o: lrs.LinearLR(o),
    "ExponentialLR": lambda o: lrs.ExponentialLR(o, 0.9),
    "SequentialLR": lambda o: lrs.SequentialLR(o, [lrs.LinearLR(o), lrs.ExponentialLR(o, 0.9)], [3]),
    "CosineAnnealingLR": lambda o: lrs.CosineAnnealingLR(o, 6),
    "ChainedScheduler": lambda o: lrs.ChainedScheduler([lrs.LinearLR(o), lrs.ExponentialLR(o, 0.9)]),
    "ReduceLROnPlateau": lambda o: lrs.ReduceLROnPlateau(o, patience=0),
    "PolynomialLR": lambda o: lrs.PolynomialLR(o, 6),
    "CosineAnnealingWarmRestarts": lambda o: lrs.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: lrs.CyclicLR(o, 0.001, 0.1, step_size_up=2),
    "OneCycleLR": lambda o: lrs.OneCycleLR(o, 0.1, total_steps=STEPS),
    "SWALR": lambda o: SWALR(o, 0.05, anneal_epochs=3),
}
MADE_FOR = ["the base alone", "the wrapper", "the base, before wrapping"]


def a_base(kind: str, params: Any) -> torch.optim.Optimizer:
    if kind == "betas":
        return torch.optim.AdamW(params, lr=0.01, weight_decay=0.1)
    return torch.optim.SGD(params, lr=0.01, momentum=0.9)


class Run:
    """A network, its optimizer and a scheduler; what they say about themselves after each step."""

    def __init__(self, name: str, kind: str, made_for: str) -> None:
        self.net = network()
        self.plateau = name == "ReduceLROnPlateau"
        self.optimizer = base = a_base(kind, self.net.parameters())
        if made_for != "the base alone":
            self.optimizer = CautiousOptimizer(base)
        with warnings.catch_warnings(record=True) as self.warned:
            warnings.simplefilter("always")
            self.scheduler = SCHEDULERS[name](self.optimizer if made_for == "the wrapper" else base)

    def go(self, start: int, stop: int) -> list[Any]:
        said = []
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for batch in batches(stop - start, start):
                by_hand(self.net, self.optimizer, [batch])
                self.scheduler.step(*([1.0] if self.plateau else []))
                group = {key: value for key, value in self.optimizer.param_groups[0].items() if key != "params"}
                said.append((group, self.scheduler.get_last_lr(), self.scheduler.state_dict().get("last_epoch")))
        self.warned += warned
        return said

    def saved(self) -> Any:
        file = io.BytesIO()
        parts = {"net": self.net, "optimizer": self.optimizer, "scheduler": self.scheduler}
        torch.save({name: part.state_dict() for name, part in parts.items()}, file)
        file.seek(0)
        return torch.load(file, weights_only=True)

    def restore(self, saved: Any) -> Run:
        self.net.load_state_dict(saved["net"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.scheduler.load_state_dict(saved["scheduler"])
        return self

    def messages(self) -> list[str]:
        return [str(warning.message) for warning in self.warned]


@pytest.fixture(params=SCHEDULERS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_every_scheduler_of_torch_is_tried() -> None:
    public = {
        found.__name__
        for found in vars(lrs).values()
        if isinstance(found, type) and issubclass(found, lrs.LRScheduler) and not found.__name__.startswith("_")
    }
    assert public | {"ReduceLROnPlateau", "SWALR"} == SCHEDULERS.keys() | {"LRScheduler"}


@pytest.mark.parametrize("kind", ["momentum", "betas"])
@pytest.mark.parametrize("made_for", MADE_FOR[1:])
def test_what_it_sets_is_what_it_sets_on_the_base_alone_and_it_warns_of_nothing_more(
    name: str, kind: str, made_for: str
) -> None:
    plain, run = Run(name, kind, MADE_FOR[0]), Run(name, kind, made_for)
    expected = plain.go(0, STEPS - 1)
    assert run.go(0, STEPS - 1) == expected
    assert run.messages() == plain.messages()
    assert len({str(said) for said in expected}) > 2
    assert same_state(run.saved()["scheduler"], plain.saved()["scheduler"])
    assert not same(run.net, plain.net)


@pytest.mark.parametrize("made_for", MADE_FOR[1:])
def test_training_goes_on_the_same_after_its_checkpoint(name: str, made_for: str) -> None:
    run = Run(name, "betas", made_for)
    run.go(0, 4)
    resumed = Run(name, "betas", made_for).restore(run.saved())
    assert resumed.go(4, STEPS - 1) == run.go(4, STEPS - 1)
    assert same(resumed.net, run.net)
    assert resumed.messages() == run.messages()


@pytest.mark.parametrize("made_for", MADE_FOR[1:])
def test_a_plain_checkpoint_resumes_with_its_schedule(name: str, made_for: str) -> None:
    plain = Run(name, "betas", MADE_FOR[0])
    plain.go(0, 4)
    resumed = Run(name, "betas", made_for).restore(plain.saved())
    assert resumed.go(4, STEPS - 1) == plain.go(4, STEPS - 1)


@pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR"])
@pytest.mark.parametrize("kind", ["momentum", "betas"])
def test_the_momentum_that_it_cycles_is_the_one_that_the_step_uses(name: str, kind: str) -> None:
    """Held against the same run with the values written into the group by hand."""
    run = Run(name, kind, "the wrapper")
    by_hand_net = network()
    other = cautious(lambda params: a_base(kind, params))(by_hand_net.parameters())
    for at, batch in enumerate(batches(STEPS - 1)):
        values = {key: value for key, value in run.optimizer.param_groups[0].items() if key != "params"}
        other.param_groups[0].update(values)
        by_hand(by_hand_net, other, [batch])
        run.go(at, at + 1)
    assert same(run.net, by_hand_net)
