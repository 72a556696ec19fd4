"""Everything that other libraries do to an optimizer works on a cautious one."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from bases import BASES, Base
from cautious_optimizer import CautiousOptimizer
from torch.optim import lr_scheduler
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)


def model(*sizes: int) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(1)
    return [torch.nn.Parameter(torch.randn(size, generator=generator)) for size in sizes or (6, 4)]


def give_gradients(params: list[torch.nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for p in params:
        p.grad = torch.randn(p.shape, generator=generator).to(p.dtype)


def steps(optimizer: Any, params: list[torch.nn.Parameter], seeds: range) -> None:
    for seed in seeds:
        give_gradients(params, seed)
        optimizer.step()


def values(params: list[torch.nn.Parameter]) -> list[torch.Tensor]:
    return [p.detach().clone() for p in params]


def same(one: list[Any], other: list[Any]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Own(torch.optim.Optimizer):
    """A base that the runtime does not know."""

    def __init__(self, params: Any, lr: float = 0.1, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        assert closure is None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    buffer = self.state[p].setdefault("buffer", torch.zeros_like(p))
                    p.sub_(buffer.mul_(group["momentum"]).add_(p.grad), alpha=group["lr"])


@pytest.fixture(params=[torch.optim.AdamW, Own], ids=["parked", "snapshot"])
def kind(request: pytest.FixtureRequest) -> Callable[..., torch.optim.Optimizer]:
    return lambda params: request.param(params, lr=0.01)


Kind = Callable[..., torch.optim.Optimizer]


def test_it_is_an_optimizer_and_delegates(kind: Kind) -> None:
    base = kind(model())
    optimizer = CautiousOptimizer(base)
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert optimizer.param_groups is base.param_groups
    assert optimizer.state is base.state
    assert optimizer.defaults is base.defaults
    assert type(base).__name__ in repr(optimizer)
    for name, value in (("param_groups", []), ("state", {}), ("defaults", {})):
        setattr(optimizer, name, value)
        assert getattr(base, name) is value


def test_it_does_not_pass_on_what_the_base_says_about_amp() -> None:
    optimizer = CautiousOptimizer(torch.optim.AdamW(model(), fused=True))
    assert optimizer.base_optimizer._step_supports_amp_scaling
    assert not hasattr(optimizer, "_step_supports_amp_scaling")


@pytest.mark.parametrize("base", BASES, ids=str)
@pytest.mark.parametrize("fused", [False, True])
def test_the_state_is_that_of_the_base_alone_bit_for_bit(base: Base, fused: bool) -> None:
    """Or to 1e-6, where a faster kernel than the base's own runs.

    With the same parameters before each step; coupled decay puts p into the gradient, hence the state.
    """
    more = {"fused": True} if fused and base.has_fused else {}
    mine, plain = model(6, 4, 1), model(6, 4, 1)
    optimizer, alone = CautiousOptimizer(base.make(mine, **more)), base.make(plain, **more)
    for seed in range(10):
        for p, q in zip(mine, plain, strict=True):
            q.data.copy_(p.data)
        steps(optimizer, mine, range(seed, seed + 1))
        steps(alone, plain, range(seed, seed + 1))
    for p, q in zip(mine, plain, strict=True):
        assert optimizer.state[p].keys() == alone.state[q].keys()
        for key, value in alone.state[q].items():
            found = optimizer.state[p][key]
            native = base.cls in (torch.optim.Adam, torch.optim.AdamW)
            if (native and not more) or (more and base.hyper.get("weight_decay") and not base.decoupled):
                # The fused kernel stands in for the for-loop; and where it is the base's, it adds wd * p by itself.
                assert torch.allclose(found, value, rtol=1e-6, atol=1e-9), key
            else:
                assert found is value or torch.equal(found, value), key
    assert str(optimizer.state_dict()["param_groups"]) == str(alone.state_dict()["param_groups"])


def test_a_checkpoint_goes_from_plain_to_cautious_and_back(kind: Kind) -> None:
    params = model()
    plain = kind(params)
    steps(plain, params, range(3))
    optimizer = CautiousOptimizer(kind(params))
    optimizer.load_state_dict(state_dict=plain.state_dict())
    assert optimizer.state_dict()["param_groups"] == plain.state_dict()["param_groups"]
    steps(optimizer, params, range(3, 6))
    back = kind(params)
    back.load_state_dict(optimizer.state_dict())
    assert str(back.state_dict()) == str(optimizer.state_dict())
    steps(back, params, range(6, 8))


def test_training_goes_on_the_same_after_a_checkpoint(kind: Kind) -> None:
    params = model()
    optimizer = CautiousOptimizer(kind(params))
    steps(optimizer, params, range(3))
    file = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict(), "params": values(params)}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed_params = [torch.nn.Parameter(value) for value in saved["params"]]
    resumed = CautiousOptimizer(kind(resumed_params))
    resumed.load_state_dict(saved["optimizer"])
    steps(optimizer, params, range(3, 6))
    steps(resumed, resumed_params, range(3, 6))
    assert same(params, resumed_params)


def pickled(optimizer: CautiousOptimizer) -> CautiousOptimizer:
    found: CautiousOptimizer = pickle.loads(pickle.dumps(optimizer))
    return found


def saved_whole(optimizer: CautiousOptimizer) -> CautiousOptimizer:
    file = io.BytesIO()
    torch.save(optimizer, file)
    file.seek(0)
    found: CautiousOptimizer = torch.load(file, weights_only=False)
    return found


@pytest.mark.parametrize("copied", [pickled, saved_whole, copy.deepcopy], ids=lambda f: f.__name__)
def test_a_copy_trains_like_the_original(copied: Callable[[Any], Any]) -> None:
    params = model()
    optimizer = CautiousOptimizer(torch.optim.AdamW(params), eps=1e-6, min_mean=0.01)
    lr_scheduler.StepLR(optimizer, 10)  # leaves a patched step on the instance
    steps(optimizer, params, range(3))
    twin = copied(optimizer)
    twin_params = twin.param_groups[0]["params"]
    assert (twin.eps, twin.min_mean) == (1e-6, 0.01)
    steps(optimizer, params, range(3, 6))
    steps(twin, twin_params, range(3, 6))
    assert same(params, twin_params)
    twin.register_step_pre_hook(lambda *_: None)
    twin.register_state_dict_post_hook(lambda *_: None)


def test_a_caller_may_restore_the_base_through_setstate() -> None:
    params = model()
    optimizer = CautiousOptimizer(torch.optim.AdamW(params))
    state, groups = {params[0]: {}}, [dict(optimizer.param_groups[0])]
    optimizer.__setstate__({"state": state, "param_groups": groups})
    assert optimizer.base_optimizer.state is state
    assert optimizer.base_optimizer.param_groups is groups


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_reaches_the_base(kind: Kind, set_to_none: bool) -> None:
    params = model()
    optimizer = CautiousOptimizer(kind(params))
    give_gradients(params, 0)
    optimizer.zero_grad(set_to_none=set_to_none)
    assert all((p.grad is None) if set_to_none else not p.grad.any() for p in params)


def test_a_group_added_later_trains(kind: Kind) -> None:
    params = model()
    optimizer = CautiousOptimizer(kind(params[:1]))
    steps(optimizer, params, range(2))
    optimizer.add_param_group({"params": (p for p in params[1:])})
    before = values(params)
    steps(optimizer, params, range(2, 4))
    assert not any(torch.equal(p, old) for p, old in zip(params, before, strict=True))


# Closures


@pytest.mark.parametrize("grad_enabled", [True, False])
def test_the_closure_runs_once_first_and_with_gradients_enabled(kind: Kind, grad_enabled: bool) -> None:
    params = model()
    optimizer = CautiousOptimizer(kind(params))
    before = values(params)
    calls = []

    def closure() -> torch.Tensor:
        calls.append(torch.is_grad_enabled() and same(params, before))
        optimizer.zero_grad()
        loss = sum((p**2).sum() for p in params)
        loss.backward()
        return loss

    with torch.set_grad_enabled(grad_enabled):
        loss = optimizer.step(closure)
    assert calls == [True]
    assert torch.equal(loss, sum((old**2).sum() for old in before))
    assert not same(params, before)


def test_a_closure_that_raises_leaves_everything_as_it_was(kind: Kind) -> None:
    params = model()
    optimizer = CautiousOptimizer(kind(params))
    steps(optimizer, params, range(2))
    before, state = values(params), str(optimizer.state_dict())

    def closure() -> None:
        raise KeyError("no batch")

    with pytest.raises(KeyError, match="no batch"):
        optimizer.step(closure)
    assert same(params, before)
    assert str(optimizer.state_dict()) == state


# Hooks


def test_step_hooks_fire_once_each_on_wrapper_and_base(kind: Kind) -> None:
    params = model()
    base = kind(params)
    optimizer = CautiousOptimizer(base)
    fired: list[tuple[str, Any]] = []
    before = values(params)

    def note(when: str) -> Callable[..., None]:
        def hook(who: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            assert args[0] is who
            fired.append((when, who))
            assert same(params, before) is (when == "pre")

        return hook

    for who in (optimizer, base):
        who.register_step_pre_hook(note("pre"))
        who.register_step_post_hook(note("post"))
    if type(base) is Own:
        base._optimizer_step_post_hooks.clear()  # there the base is done before the mask is
        base.register_step_post_hook(lambda who, *_: fired.append(("post", who)))
    steps(optimizer, params, range(1))
    assert [when for when, _ in fired] == ["pre", "pre", "post", "post"]
    assert [who is optimizer for _, who in fired] == [True, False, False, True]


def test_global_step_hooks_fire_once_for_a_parked_base() -> None:
    params = model(*[300_000] * 4)  # more than one bucket
    optimizer = CautiousOptimizer(torch.optim.AdamW(params))
    fired: list[Any] = []
    handles = [
        register_optimizer_step_pre_hook(lambda who, *_: fired.append(who)),
        register_optimizer_step_post_hook(lambda who, *_: fired.append(who)),
    ]
    try:
        steps(optimizer, params, range(1))
    finally:
        for handle in handles:
            handle.remove()
    assert len(fired) == 2
    assert all(who is optimizer for who in fired)


def test_a_pre_hook_of_the_base_that_clips_is_heeded() -> None:
    params = model()
    base = torch.optim.SGD(params, lr=1.0)
    optimizer = CautiousOptimizer(base)

    def zero_some(*_: Any) -> None:
        for p in params:
            p.grad = p.grad.clone()
            p.grad[0] = 0

    base.register_step_pre_hook(zero_some)
    before = values(params)
    steps(optimizer, params, range(1))
    assert all(p[0] == old[0] and not torch.equal(p, old) for p, old in zip(params, before, strict=True))


def test_a_pre_hook_of_the_base_may_set_other_groups() -> None:
    params = model()
    base = torch.optim.SGD(params, lr=0.5, momentum=0.9)
    optimizer = CautiousOptimizer(base)
    stopped = [{**group, "lr": 0.0} for group in base.param_groups]
    base.register_step_pre_hook(lambda *_: setattr(base, "param_groups", stopped))
    before = values(params)
    steps(optimizer, params, range(1))
    assert base.param_groups is stopped
    assert all(torch.equal(a, b) for a, b in zip(before, values(params), strict=True))


def test_a_step_of_the_base_may_set_other_groups() -> None:
    class Decaying(torch.optim.Adam):
        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            super().step()
            self.param_groups = [{**group, "lr": group["lr"] / 2} for group in self.param_groups]

    params = model()
    optimizer = CautiousOptimizer(Decaying(params, lr=0.5))
    steps(optimizer, params, range(2))
    assert optimizer.param_groups[0]["lr"] == 0.125


def test_a_pre_hook_of_the_base_that_changes_the_arguments_is_refused() -> None:
    params = model()
    base = torch.optim.AdamW(params)
    optimizer = CautiousOptimizer(base)
    base.register_step_pre_hook(lambda who, args, kwargs: ((who, lambda: 1.0), kwargs))
    with pytest.raises(RuntimeError, match="Register that hook on the CautiousOptimizer"):
        steps(optimizer, params, range(1))


def test_a_pre_hook_of_the_wrapper_may_bring_the_closure() -> None:
    optimizer = CautiousOptimizer(torch.optim.AdamW(model()))
    optimizer.register_step_pre_hook(lambda who, args, kwargs: ((who, lambda: 7.0), kwargs))
    assert optimizer.step() == 7.0


def test_state_dict_hooks_fire_once_each_on_wrapper_and_base(kind: Kind) -> None:
    base = kind(model())
    optimizer = CautiousOptimizer(base)
    fired: list[tuple[str, bool]] = []
    for who in (optimizer, base):
        who.register_state_dict_pre_hook(lambda o: fired.append(("pre save", o is optimizer)))
        who.register_state_dict_post_hook(lambda o, _: fired.append(("post save", o is optimizer)))
        who.register_load_state_dict_pre_hook(lambda o, _: fired.append(("pre load", o is optimizer)))
        who.register_load_state_dict_post_hook(lambda o: fired.append(("post load", o is optimizer)))
    optimizer.load_state_dict(optimizer.state_dict())
    assert fired == [
        ("pre save", True), ("pre save", False), ("post save", False), ("post save", True),
        ("pre load", True), ("pre load", False), ("post load", False), ("post load", True),
    ]  # fmt: skip


def test_state_dict_hooks_may_replace_what_is_saved_and_loaded() -> None:
    optimizer = CautiousOptimizer(torch.optim.AdamW(model(), lr=1.0))
    optimizer.register_state_dict_post_hook(lambda _, state_dict: {**state_dict, "note": 1})
    saved = optimizer.state_dict()
    assert saved["note"] == 1

    def halve(_: Any, state_dict: dict[str, Any]) -> dict[str, Any]:
        return {**state_dict, "param_groups": [{**group, "lr": 0.5} for group in state_dict["param_groups"]]}

    optimizer.register_load_state_dict_pre_hook(halve)
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert saved["param_groups"][0]["lr"] == 1.0


# Schedulers

SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda _: 0.9),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 4]),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, total_iters=3),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [3]
    ),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 6),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 6),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.001, 0.1, step_size_up=2),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=8),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
    "SWALR": lambda o: torch.optim.swa_utils.SWALR(o, 0.05, anneal_epochs=3),
}


def test_every_scheduler_of_torch_is_tried() -> None:
    abstract = {"LRScheduler", "ReduceLROnPlateau"}
    known = {name for name in lr_scheduler.__all__} - abstract
    assert known <= SCHEDULERS.keys()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("made_for", ["wrapper", "base, before wrapping"])
def test_a_scheduler_gives_the_learning_rates_it_gives_the_base_alone(name: str, made_for: str) -> None:
    rates: list[list[float]] = []
    for cautious in (True, False):
        params = model()
        optimizer: torch.optim.Optimizer = torch.optim.SGD(params, lr=0.01, momentum=0.9)
        if cautious and made_for == "wrapper":
            optimizer = CautiousOptimizer(optimizer)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning) if name == "SequentialLR" else None
            scheduler = SCHEDULERS[name](optimizer)
        if cautious and made_for != "wrapper":
            optimizer = CautiousOptimizer(optimizer)
        rates.append([])
        for seed in range(7):
            steps(optimizer, params, range(seed, seed + 1))
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
            rates[-1] += [optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]]
    assert rates[0] == rates[1]
    assert len(set(rates[0])) > 2


@pytest.mark.parametrize("made_for", ["wrapper", "base, before wrapping"])
def test_a_scheduler_that_steps_too_early_still_warns(kind: Kind, made_for: str) -> None:
    base = kind(model())
    optimizer = CautiousOptimizer(base)
    scheduler = lr_scheduler.StepLR(optimizer if made_for == "wrapper" else base, 2)
    with pytest.warns(UserWarning, match=r"before `optimizer\.step\(\)`"):
        scheduler.step()


# Mixed precision


@pytest.mark.parametrize("fused", [False, True])
def test_a_gradscaler_unscales_before_the_step(fused: bool) -> None:
    found = []
    for scale in (1.0, 1024.0):
        params = model()
        optimizer = CautiousOptimizer(torch.optim.AdamW(params, lr=0.01, fused=fused))
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        for _ in range(3):
            optimizer.zero_grad()
            loss = sum((p**2).sum() for p in params)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        found.append(values(params))
    assert same(*found)


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_with_inf_changes_nothing(fused: bool) -> None:
    params = model()
    optimizer = CautiousOptimizer(torch.optim.AdamW(params, lr=0.01, fused=fused))
    steps(optimizer, params, range(2))
    before, state = values(params), copy.deepcopy(optimizer.state_dict())
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(torch.ones(()))
    give_gradients(params, 5)
    params[0].grad[1] = float("inf")
    assert scaler.step(optimizer) is None
    scaler.update()
    assert scaler.get_scale() == 2.0
    assert same(params, before)
    assert str(optimizer.state_dict()) == str(state)


def test_a_gradscaler_steps_while_a_scheduler_watches() -> None:
    params = model()
    optimizer = CautiousOptimizer(torch.optim.AdamW(params, lr=0.01))
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    before = values(params)
    scaler.scale(sum((p**2).sum() for p in params)).backward()
    scaler.step(optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()
    assert not same(params, before)


# torch.distributed.checkpoint, in one process


@pytest.mark.parametrize("saver", ["plain", "cautious"])
@pytest.mark.parametrize("loader", ["plain", "cautious"])
def test_dcp_saves_and_loads(saver: str, loader: str) -> None:
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict

    def make(who: str) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        net = torch.nn.Linear(4, 3)
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.1)
        return net, CautiousOptimizer(optimizer) if who == "cautious" else optimizer

    net, optimizer = make(saver)
    steps(optimizer, list(net.parameters()), range(2))
    saved = get_optimizer_state_dict(net, optimizer)
    other, into = make(loader)
    before = values(list(other.parameters()))
    set_optimizer_state_dict(other, into, saved)
    assert same(list(other.parameters()), before)
    assert into.param_groups[0]["lr"] == 0.01
    exp_avg = [into.state[p]["exp_avg"] for p in other.parameters()]
    assert same(exp_avg, [optimizer.state[p]["exp_avg"] for p in net.parameters()])


@pytest.mark.parametrize("base", BASES, ids=str)
def test_a_step_with_lr_0_and_zero_gradients_changes_nothing(base: Base) -> None:
    params = model()
    before = values(params)
    optimizer = CautiousOptimizer(base.make(params))
    optimizer.param_groups[0]["lr"] = 0.0
    for p in params:
        p.grad = torch.zeros_like(p)
    optimizer.step(closure=None)
    assert same(params, before)
    for state in optimizer.state.values():
        assert not any(value.isnan().any() for value in state.values() if torch.is_tensor(value))


# Patched instances


def clipping(cls: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """As detectron2 does it: a subclass of the instance's own type, which the instance is then turned into."""

    def step(self: Any, closure: Any = None) -> None:
        torch.nn.utils.clip_grad_value_([p for group in self.param_groups for p in group["params"]], 0.1)
        super(type(self), self).step(closure)

    return type(cls.__name__ + "WithGradientClip", (cls,), {"step": step})


@pytest.mark.parametrize("what", ["wrapper", "base"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_an_instance_may_be_turned_into_a_subclass(what: str, weight_decay: float) -> None:
    def make() -> tuple[list[torch.nn.Parameter], torch.optim.Optimizer]:
        params = model()
        return params, torch.optim.AdamW(params, lr=0.01, weight_decay=weight_decay)

    params, base = make()
    optimizer = CautiousOptimizer(base)
    changed = optimizer if what == "wrapper" else base
    changed.__class__ = clipping(type(changed))
    expected_params, expected_base = make()
    expected = CautiousOptimizer(expected_base)
    for seed in range(5):
        give_gradients(params, seed)
        give_gradients(expected_params, seed)
        torch.nn.utils.clip_grad_value_(expected_params, 0.1)
        optimizer.step()
        expected.step()
    assert isinstance(optimizer, CautiousOptimizer)
    for p, q in zip(params, expected_params, strict=True):
        assert torch.allclose(p, q, atol=1e-6, rtol=0)


def test_a_step_patched_onto_the_base_is_the_one_that_runs() -> None:
    params = model()
    base = torch.optim.AdamW(params)
    optimizer = CautiousOptimizer(base)
    calls = []
    original = base.step
    base.step = lambda *args: (calls.append(1), original(*args))[1]  # type: ignore[method-assign]
    steps(optimizer, params, range(2))
    assert calls == [1, 1]


@pytest.mark.parametrize("what", ["optimizer.step", "a function that steps"])
def test_a_compiled_step_is_the_step(what: str) -> None:
    def train(compiled: bool) -> list[torch.nn.Parameter]:
        torch.compiler.reset()
        params = model()
        optimizer = CautiousOptimizer(torch.optim.AdamW(params, lr=0.01))

        def step() -> None:
            optimizer.step()

        run: Callable[[], Any] = step if what == "a function that steps" else optimizer.step
        if compiled:
            run = torch.compile(run, backend="eager")
        for seed in range(3):
            give_gradients(params, seed)
            run()
        return params

    assert same(train(True), train(False))
