"""Checkpoints: torch.save, pickle, deepcopy, torch.distributed.checkpoint in one process, and old files."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from cautious_optimizer import CautiousOptimizer
from small_training import BASES, Make, adamw, batches, by_hand, cautious, network, same, same_state, trained
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_state_dict, set_state_dict

BY_NAME = {make.__name__: make for make in BASES}
WRAPPED = {"plain": lambda make: make, "cautious": cautious}


@pytest.fixture(params=BY_NAME)
def base(request: pytest.FixtureRequest) -> Make:
    return BY_NAME[request.param]


@pytest.mark.parametrize("loader", WRAPPED)
@pytest.mark.parametrize("saver", WRAPPED)
def test_a_state_dict_goes_through_a_file_unchanged(base: Make, saver: str, loader: str, tmp_path: Path) -> None:
    net = network()
    optimizer = WRAPPED[saver](base)(net.parameters())
    by_hand(net, optimizer, batches(3))
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    resumed = network()
    into = WRAPPED[loader](base)(resumed.parameters())
    resumed.load_state_dict(saved["net"])
    into.load_state_dict(saved["optimizer"])
    assert same_state(into.state_dict(), optimizer.state_dict())
    by_hand(resumed, into, batches(3, start=3))
    if saver == loader:
        assert same(resumed, trained(WRAPPED[saver](base), 6))


def test_a_plain_state_dict_and_a_cautious_one_have_the_same_form(base: Make) -> None:
    found = []
    for wrapped in WRAPPED.values():
        net = network()
        optimizer = wrapped(base)(net.parameters())
        by_hand(net, optimizer, batches(2))
        found.append(optimizer.state_dict())
    one, other = found
    assert list(one) == list(other)
    assert same_state(one["param_groups"], other["param_groups"])
    assert {at: list(state) for at, state in one["state"].items()} == {
        at: list(state) for at, state in other["state"].items()
    }


def through_a_file(thing: Any, tmp_path: Path) -> Any:
    torch.save(thing, tmp_path / "whole.pt")
    return torch.load(tmp_path / "whole.pt", weights_only=False)


@pytest.mark.parametrize(
    "copied",
    [lambda thing, _: copy.deepcopy(thing), lambda thing, _: pickle.loads(pickle.dumps(thing)), through_a_file],
    ids=["deepcopy", "pickle", "torch.save"],
)
@pytest.mark.parametrize("scheduled", [False, True])
def test_network_optimizer_and_scheduler_copied_together_train_on(
    base: Make, copied: Any, scheduled: bool, tmp_path: Path
) -> None:
    net = network()
    optimizer = cautious(base)(net.parameters())
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6) if scheduled else None
    by_hand(net, optimizer, batches(3), scheduler)
    twin_net, twin_optimizer, twin_scheduler = copied((net, optimizer, scheduler), tmp_path)
    by_hand(net, optimizer, batches(3, start=3), scheduler)
    assert not same(twin_net, net)
    by_hand(twin_net, twin_optimizer, batches(3, start=3), twin_scheduler)
    assert same(twin_net, net)


# torch.distributed.checkpoint


@pytest.mark.filterwarnings("ignore:.*torch.distributed is")
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("loader", WRAPPED)
@pytest.mark.parametrize("saver", WRAPPED)
def test_dcp_writes_and_reads_files(base: Make, saver: str, loader: str, flat: bool, tmp_path: Path) -> None:
    options = StateDictOptions(flatten_optimizer_state_dict=flat)
    net = network()
    optimizer = WRAPPED[saver](base)(net.parameters())
    by_hand(net, optimizer, batches(3))
    model_state, optimizer_state = get_state_dict(net, optimizer, options=options)
    dcp.save({"model": model_state, "optimizer": optimizer_state}, checkpoint_id=tmp_path, no_dist=True)

    resumed = network()
    into = WRAPPED[loader](base)(resumed.parameters())
    model_state, optimizer_state = get_state_dict(resumed, into, options=options)
    assert same(resumed, network())  # reading an untouched optimizer's state steps it, with lr 0
    found = {"model": model_state, "optimizer": optimizer_state}
    dcp.load(found, checkpoint_id=tmp_path, no_dist=True)
    set_state_dict(
        resumed,
        into,
        model_state_dict=found["model"],
        optim_state_dict=found["optimizer"],
        options=options,
    )
    assert same(resumed, net)
    assert same_state(into.state_dict()["state"], optimizer.state_dict()["state"])
    by_hand(resumed, into, batches(3, start=3))
    if saver == loader:
        assert same(resumed, trained(WRAPPED[saver](base), 6))


# Files that others have


class OfThisModule(pickle.Unpickler):
    """A vendored copy lies in a module of its owner's choice."""

    def find_class(self, module: str, name: str) -> Any:
        return CautiousOptimizer if name == "CautiousOptimizer" else super().find_class(module, name)


def test_an_optimizer_pickled_by_release_0_1_0_trains_on() -> None:
    """What was pickled: (network, cautious AdamW over it), three steps old. Written by ``pickled/write.py``."""
    with (Path(__file__).parent / "pickled" / "0.1.0.bytes").open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net, optimizer = OfThisModule(file).load()
    assert type(optimizer) is CautiousOptimizer
    assert (optimizer.eps, optimizer.min_mean) == (1e-7, 0.01)
    assert same(net, trained(lambda ps: CautiousOptimizer(adamw(ps), eps=1e-7, min_mean=0.01), 3), within=1e-6)
    by_hand(net, optimizer, batches(3, start=3))
    assert same(net, trained(lambda ps: CautiousOptimizer(adamw(ps), eps=1e-7, min_mean=0.01), 6), within=1e-6)
    assert 0 < optimizer.mask_mean < 1
    assert "AdamW" in repr(optimizer)
