"""The runtime on several processes: a step is that of one process, and costs one all-reduce for each mesh at most."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import layouts
import pytest
import torch
from rank_cases import CASES, TRAININGS
from rank_checkpoints import CHECKPOINTS
from rank_single_cases import scaled_in_bfloat16
from rank_training import Trained, Training
from ranks import Outcome, outcomes

WORLDS = (2, 4)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As the ranks have: in bfloat16 a sum depends on how many threads share it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``ran(name, world)``: what the case gave on each rank; the processes start when the first is asked for."""

    @functools.cache
    def everything(world: int) -> dict[str, list[Outcome]]:
        names = [name for name, case in CASES.items() if world in case.worlds]
        return outcomes(world, names, tmp_path_factory.mktemp(f"{world}-ranks"))

    def of_one(name: str, world: int) -> list[Any]:
        found = everything(world)[name]
        failures = [f"rank {rank}: {one.failure}" for rank, one in enumerate(found) if one.failure]
        assert not failures, "\n".join(failures)
        return [one.value for one in found]

    return of_one


def params(cases: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(name, world, id=f"{name}-{world} ranks") for name, case in cases.items() for world in case.worlds
    ]


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], tolerance: float = 1e-6) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        torch.testing.assert_close(
            tensor, expected[name], rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def assert_same(trained: Trained, reference: Trained, tolerance: float) -> None:
    assert_equal(trained.parameters, reference.parameters, tolerance)
    assert trained.mask_means == pytest.approx(reference.mask_means, abs=tolerance)


@pytest.mark.parametrize(("name", "world"), params(TRAININGS))
def test_ranks_train_as_one_process_does(name: str, world: int, ran: Any) -> None:
    case: Training = TRAININGS[name]
    ranks: list[Trained] = ran(name, world)
    reference = case.reference(world)
    assert any(mean < 1 for mean in reference.mask_means), "nothing was masked: the case shows nothing"
    for trained in ranks:
        assert_same(trained, reference, case.tolerance)
        assert_same(trained, ranks[0], tolerance=0)
        for collectives in trained.collectives:
            own = collectives.pop("allreduce", 0) + collectives.pop("all_reduce", 0)
            assert own in (case.all_reduces if isinstance(case.all_reduces, range) else [case.all_reduces])
            assert collectives.keys() <= case.collectives_of_the_base


@pytest.mark.parametrize(("name", "world"), params(CHECKPOINTS))
def test_a_checkpoint_resumes_as_in_one_process(name: str, world: int, ran: Any) -> None:
    reference = CHECKPOINTS[name].reference(world)
    for parameters in ran(name, world):
        assert_equal(parameters, reference)


@pytest.mark.parametrize(("name", "world"), params({"asked for its state": CASES["asked for its state"]}))
def test_asking_for_the_state_moves_nothing(name: str, world: int, ran: Any) -> None:
    untouched = dict(layouts.uneven().named_parameters())
    for rank in ran(name, world):
        assert_equal(rank["cautious"]["parameters"], untouched, tolerance=0)
        assert rank["cautious"]["groups"] == rank["plain"]["groups"]
        assert rank["cautious"]["state"].keys() == rank["plain"]["state"].keys()
        for key, state in rank["cautious"]["state"].items():
            assert_equal(state, rank["plain"]["state"][key], tolerance=0)


@pytest.mark.parametrize(("name", "world"), params({"a Partial parameter": CASES["a Partial parameter"]}))
def test_a_partial_parameter_is_refused_with_a_remedy(name: str, world: int, ran: Any) -> None:
    for message in ran(name, world):
        assert message.startswith(("TypeError: CautiousOptimizer", "ValueError: CautiousOptimizer"))
        assert "Partial" in message
        assert "edistribute" in message


def test_autocast_and_a_loss_scale_under_ddp_train_as_one_process_does(ran: Any) -> None:
    reference = scaled_in_bfloat16(0, 1)
    for parameters in ran("DDP, autocast and a loss scale", 2):
        assert_equal(parameters, reference)


def test_fsdp1_is_warned_of_once(ran: Any) -> None:
    for rank in ran("FSDP1", 2):
        for said in rank:
            assert len(said) == 1
            assert "FSDP1" in said[0]


def test_compiled_kernels_on_two_ranks_train_as_one_process_does(ran: Any) -> None:
    reference = TRAININGS["FSDP2"].reference(2).parameters
    for parameters, calls in ran("FSDP2, compiled", 2):
        assert calls >= 4, "the first step makes the state, the others are the kernels'"
        assert_equal(parameters, reference)


@pytest.mark.parametrize("world", WORLDS)
def test_a_mean_over_each_shard_would_be_noticed(world: int, ran: Any) -> None:
    reference = TRAININGS["FSDP2"].reference(world).parameters
    for parameters in ran("the mean of each shard", world):
        furthest = max((p - reference[name]).abs().max().item() for name, p in parameters.items())
        assert furthest > 1e-3


def test_a_plain_optimizer_would_be_noticed() -> None:
    cautious, plain = TRAININGS["FSDP2"], dataclasses.replace(TRAININGS["FSDP2"], wrap=lambda base: base)
    found, reference = plain.reference(2).parameters, cautious.reference(2).parameters
    assert max((p - reference[name]).abs().max().item() for name, p in found.items()) > 1e-3
