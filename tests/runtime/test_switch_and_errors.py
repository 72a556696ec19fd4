"""What turns caution on, and what is refused with which words."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from cautious_optimizer import CautiousOptimizer
from vendored import TEMPLATE, load


def adamw(**more: Any) -> torch.optim.AdamW:
    return torch.optim.AdamW([torch.nn.Parameter(torch.ones(3))], **more)


@pytest.mark.parametrize("enabled", [False, 0, np.bool_(False)], ids=repr)
def test_switched_off_it_is_the_very_object(enabled: Any) -> None:
    optimizer = adamw()
    assert CautiousOptimizer.wrap(optimizer, enabled=enabled) is optimizer


@pytest.mark.parametrize("enabled", [True, 1, np.bool_(True), torch.tensor(True)], ids=repr)
def test_switched_on_it_is_cautious(enabled: Any) -> None:
    optimizer = adamw()
    wrapped = CautiousOptimizer.wrap(optimizer, enabled=enabled, eps=1e-6)
    assert type(wrapped) is CautiousOptimizer
    assert wrapped.base_optimizer is optimizer
    assert wrapped.eps == 1e-6


def test_switched_off_nothing_is_checked() -> None:
    lbfgs = torch.optim.LBFGS([torch.nn.Parameter(torch.ones(3))])
    assert CautiousOptimizer.wrap(lbfgs, enabled=False, eps="not read") is lbfgs


def test_without_the_variable_it_is_off() -> None:
    optimizer = adamw()
    assert CautiousOptimizer.wrap(optimizer) is optimizer


@pytest.mark.parametrize("said", ["1", "true", "yes", "on", "TRUE", "On", " yes "])
def test_the_variable_turns_it_on(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_CAUTIOUS_OPTIMIZER", said)
    assert isinstance(CautiousOptimizer.wrap(adamw()), CautiousOptimizer)


@pytest.mark.parametrize("said", ["0", "false", "no", "off", "", "OFF"])
def test_the_variable_turns_it_off(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_CAUTIOUS_OPTIMIZER", said)
    optimizer = adamw()
    assert CautiousOptimizer.wrap(optimizer) is optimizer


def test_another_value_of_the_variable_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_CAUTIOUS_OPTIMIZER", "ja")
    with pytest.raises(ValueError, match=r"USE_CAUTIOUS_OPTIMIZER is 'ja'.*neither on nor off\. Set it to 1"):
        CautiousOptimizer.wrap(adamw())


@pytest.mark.parametrize(("variable", "enabled"), [("1", False), ("0", True), ("ja", True)])
def test_true_and_false_do_not_ask_the_variable(variable: str, enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_CAUTIOUS_OPTIMIZER", variable)
    optimizer = adamw()
    assert (CautiousOptimizer.wrap(optimizer, enabled=enabled) is optimizer) is not enabled


@pytest.mark.parametrize("enabled", ["false", "true", "", [], {}, 2, SimpleNamespace()], ids=repr)
def test_what_is_not_a_boolean_is_an_error_that_names_the_config(enabled: Any) -> None:
    with pytest.raises(TypeError, match=r"not a boolean.*use_cautious_optimizer.*configuration"):
        CautiousOptimizer.wrap(adamw(), enabled=enabled)


def test_a_mocked_config_leaves_it_off() -> None:
    optimizer = adamw()
    args = MagicMock()
    enabled, eps = getattr(args, "use_cautious_optimizer", False), getattr(args, "cautious_eps", 1e-8)
    assert CautiousOptimizer.wrap(optimizer, enabled=enabled, eps=eps) is optimizer


@pytest.mark.parametrize("eps", [0, 0.0, -1e-8, float("nan"), float("inf"), 2.0])
def test_an_eps_that_is_not_a_small_positive_number_is_refused(eps: float) -> None:
    with pytest.raises(ValueError, match="eps must be above 0"):
        CautiousOptimizer(adamw(), eps=eps)


@pytest.mark.parametrize("eps", ["1e-8", None, True, [1e-8]], ids=repr)
def test_an_eps_that_is_not_a_number_names_the_config(eps: Any) -> None:
    with pytest.raises(TypeError, match=r"eps=.*not a number.*configuration.*1\.0e-8"):
        CautiousOptimizer(adamw(), eps=eps)


@pytest.mark.parametrize("min_mean", [-0.1, 1.1, float("nan")])
def test_a_min_mean_that_is_no_mean_is_refused(min_mean: float) -> None:
    with pytest.raises(ValueError, match="min_mean"):
        CautiousOptimizer(adamw(), min_mean=min_mean)


def test_eps_may_be_given_by_position() -> None:
    assert CautiousOptimizer(adamw(), 1e-6).eps == 1e-6


@pytest.mark.parametrize("cls", [torch.optim.LBFGS, torch.optim.SparseAdam], ids=lambda cls: cls.__name__)
def test_lbfgs_and_sparseadam_are_refused(cls: type[torch.optim.Optimizer]) -> None:
    class Own(cls):  # type: ignore[misc, valid-type]
        pass

    for refused in (cls, Own):
        with pytest.raises(TypeError, match=f"cannot wrap {refused.__name__}: .*Leave it unwrapped"):
            CautiousOptimizer(refused([torch.nn.Parameter(torch.ones(3))], lr=0.1))


def test_differentiable_is_refused_at_once_and_in_a_later_group() -> None:
    with pytest.raises(ValueError, match=r"differentiable=True.*differentiable=False"):
        CautiousOptimizer(adamw(differentiable=True))
    optimizer = CautiousOptimizer(adamw())
    late = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(ValueError, match="differentiable"):
        optimizer.add_param_group({"params": [late], "differentiable": True})
    assert len(optimizer.param_groups) == 1


@pytest.mark.parametrize(
    "what", [None, [adamw()], {"a": adamw()}, torch.nn.Linear(2, 2)], ids=lambda w: type(w).__name__
)
def test_what_is_not_an_optimizer_is_refused(what: Any) -> None:
    with pytest.raises(TypeError, match=r"needs a torch\.optim\.Optimizer, got .*wrap each"):
        CautiousOptimizer(what)


def test_a_cautious_optimizer_is_not_wrapped_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USE_CAUTIOUS_OPTIMIZER", "1")
    optimizer = CautiousOptimizer(adamw())
    with pytest.raises(ValueError, match="cautious already"):
        CautiousOptimizer(optimizer)
    for enabled in (None, True, False):
        assert CautiousOptimizer.wrap(optimizer, enabled=enabled) is optimizer


def test_what_another_copy_made_cautious_is_handed_on_by_wrap() -> None:
    other = load("another_project.cautious_optimizer").CautiousOptimizer
    optimizer = other(adamw())
    assert CautiousOptimizer.wrap(optimizer, enabled=True) is optimizer


def test_another_vendored_copy_is_known_by_its_mark() -> None:
    other = load("another_project.cautious_optimizer").CautiousOptimizer
    assert other is not CautiousOptimizer
    with pytest.raises(ValueError, match="cautious already"):
        CautiousOptimizer(other(adamw()))


def test_a_cautious_optimizer_inside_another_wrapper_is_found() -> None:
    class Accelerated(torch.optim.Optimizer):
        def __init__(self, optimizer: torch.optim.Optimizer) -> None:
            self.optimizer = optimizer
            self.param_groups, self.defaults = optimizer.param_groups, optimizer.defaults

    with pytest.raises(ValueError, match="cautious already"):
        CautiousOptimizer(Accelerated(CautiousOptimizer(adamw())))


@pytest.mark.parametrize("key", ["caution", "cautious"])
@pytest.mark.parametrize("where", ["group", "defaults", "attribute"])
def test_an_optimizer_with_caution_of_its_own_is_refused(key: str, where: str) -> None:
    optimizer = adamw()
    place = {"group": optimizer.param_groups[0], "defaults": optimizer.defaults, "attribute": vars(optimizer)}[where]
    place[key] = False
    CautiousOptimizer(optimizer)
    place[key] = True
    with pytest.raises(ValueError, match="masks its updates itself"):
        CautiousOptimizer(optimizer)


@pytest.mark.parametrize("dense_first", [True, False])
def test_a_sparse_gradient_is_refused_before_anything_moves(dense_first: bool) -> None:
    embedding, other = torch.nn.Embedding(10, 3, sparse=True), torch.nn.Parameter(torch.ones(3))
    params = [other, embedding.weight] if dense_first else [embedding.weight, other]
    optimizer = CautiousOptimizer(torch.optim.SGD(params, lr=0.1, momentum=0.9))
    before = [p.detach().clone() for p in params]
    (embedding(torch.tensor([1, 2])).sum() + other.sum()).backward()
    with pytest.raises(RuntimeError, match=r'sparse gradients.*sparse=False.*"use_cautious_optimizer": False'):
        optimizer.step()
    assert all(torch.equal(p, old) for p, old in zip(params, before, strict=True))
    assert not optimizer.state


def test_a_sparse_gradient_is_fine_in_a_group_that_opts_out() -> None:
    embedding, other = torch.nn.Embedding(10, 3, sparse=True), torch.nn.Parameter(torch.ones(3))
    groups = [{"params": embedding.weight, "use_cautious_optimizer": False}, {"params": other}]
    optimizer = CautiousOptimizer(torch.optim.SGD(groups, lr=0.1))
    before = embedding.weight.detach().clone()
    (embedding(torch.tensor([1])).sum() + other.sum()).backward()
    optimizer.step()
    assert torch.allclose(embedding.weight[1], before[1] - 0.1)
    assert torch.allclose(other, torch.tensor(0.9))


@pytest.mark.parametrize("said", ["false", "true"])
def test_a_group_switch_that_is_a_string_is_refused(said: str) -> None:
    p = torch.nn.Parameter(torch.ones(3))
    with pytest.raises(TypeError, match=r"use_cautious_optimizer='.*a string"):
        CautiousOptimizer(torch.optim.AdamW([{"params": [p], "use_cautious_optimizer": said}]))


@pytest.mark.parametrize("mark", ["_is_flat_param", "_fsdp_flattened", "ds_id"])
def test_a_sharded_parameter_is_warned_about_once(mark: str) -> None:
    p = torch.nn.Parameter(torch.ones(3))
    setattr(p, mark, True)
    with pytest.warns(UserWarning, match="parameters are shards"):
        optimizer = CautiousOptimizer(torch.optim.AdamW([p]))
    p.grad = torch.ones(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()


def test_the_header_says_what_it_is_and_carries_one_version_line() -> None:
    lines = TEMPLATE.read_text(encoding="utf-8").splitlines()
    head = "\n".join(lines[:15])
    for words in ("cautify", "cautify revert", "2411.16085", "MIT", "# ruff: noqa", "# fmt: off", "# isort: skip_file"):
        assert words in head
    assert len([line for line in lines if line.startswith("# cautify-runtime: 0.1.0 tree:")]) == 1
    assert len(lines) < 650
