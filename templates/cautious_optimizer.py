# Cautious optimizers: any torch.optim.Optimizer moves only where its update agrees in sign with the gradient.
# Put here by cautify (`cautify apply`). To remove it and every edit that uses it: `cautify revert`.
# Do not edit it: `cautify check` compares it with the release named on the version line.
# Paper: Liang, Chen, Liu, Liu, "Cautious Optimizers: Improving Training with One Line of Code", arXiv 2411.16085.
# MIT licence, Copyright (c) The cautify authors.
# cautify-runtime: 0.1.0 tree:6384c27eeff73ba1
# ruff: noqa: PGH004
# ruff: noqa
# flake8: noqa
# pylint: skip-file
# mypy: ignore-errors
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportAttributeAccessIssue=false, reportReturnType=false
# isort: skip_file
# fmt: off
# yapf: disable
"""``CautiousOptimizer(torch.optim.AdamW(...))`` or, behind a switch, ``CautiousOptimizer.wrap(..., enabled=flag)``.

For each parameter tensor, with g the gradient and u the update that the base optimizer would take (p -= lr * u):

    mask = (u * g > 0)
    p -= lr * u * mask / (mask.mean() + eps)

Decoupled weight decay is applied first, to every element. A gradient of exactly 0 counts as not aligned: where a step
touches one row of an embedding in 25, that row moves 25 times as far. A param group opts out with
``{"params": ..., "use_cautious_optimizer": False}``. There are two ways to get at u:

* Parked. Most torch.optim classes never read p, once weight decay is set aside. While such a base steps, zeros stand in
  for each parameter's storage and 1 for lr: what it writes there is exactly -u, in any precision. It runs in buckets:
  the scratch memory is one bucket, or the largest tensor.
* Snapshot. Any other base steps once on the real parameters; the difference to a copy taken before is -lr * u. In bf16
  and fp16, where rounding hides small moves, the mean of the mask is taken over the elements that moved.

state, param_groups, defaults and state_dict() are the base's own: checkpoints go from plain to cautious and back.
"""
from __future__ import annotations

import math
import os
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

__all__ = ["CautiousOptimizer"]

OptimizerT = TypeVar("OptimizerT")
ENVIRONMENT_SWITCH = "USE_CAUTIOUS_OPTIMIZER"
GROUP_SWITCH = "use_cautious_optimizer"
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def _torch_classes(*names: str) -> tuple[type, ...]:
    return tuple(getattr(torch.optim, name) for name in names if hasattr(torch.optim, name))


# Their step reads p for weight decay only. (Adafactor scales by the size of p; ASGD decays and averages p.)
_PARKABLE = _torch_classes(*"Adadelta Adagrad Adam AdamW Adamax NAdam RAdam RMSprop Rprop SGD".split())
_LR_SEEDS_STATE = _torch_classes("Rprop")  # everywhere else in _PARKABLE lr only scales the update
_DECOUPLED = _torch_classes("AdamW", "Adafactor", "Muon")  # multiply p by 1 - lr * weight_decay
_COUPLED = _torch_classes("ASGD") + _PARKABLE  # add weight_decay * p to the gradient
_REFUSED = {"LBFGS": "one step of it evaluates its closure, and moves, many times",
            "SparseAdam": "it updates only the rows that a sparse gradient touches"}

_ON_CPU, _ELSEWHERE = 1 << 19, 1 << 24  # elements per bucket and per pass: in cache on CPU, exactly summed in fp32
_LOW_PRECISION = (torch.bfloat16, torch.float16)


def _of_the_base(name: str) -> property:
    return property(lambda self: getattr(self.base_optimizer, name),
                    lambda self, value: setattr(self.base_optimizer, name, value))


# Dynamo cannot trace the exchange of a parameter's storage: a compiled caller runs this part eagerly.
_eager = getattr(torch, "_disable_dynamo", lambda function: function)


class CautiousOptimizer(Optimizer):
    """Makes the steps of ``base_optimizer`` cautious (arXiv 2411.16085, Algorithm 1).

    eps is added to the mean of the mask; min_mean is a lower bound for that mean (1e-3 is what timm uses).
    Raises TypeError or ValueError for what cannot be made cautious, saying why and what to do instead."""

    is_cautious_optimizer = True  # the mark by which several copies of this file know each other

    def __init__(self, base_optimizer: Optimizer, eps: float = 1e-8, *, min_mean: float = 0.0) -> None:
        _refuse_optimizer(base_optimizer)
        self.base_optimizer = base_optimizer
        self.eps = _setting("eps", eps, least=sys.float_info.min)
        self.min_mean = _setting("min_mean", min_mean, least=0.0)
        _warn_once(base_optimizer)
        self._start()

    @classmethod
    def wrap(cls, optimizer: OptimizerT, *, enabled: bool | None = None, eps: float = 1e-8) -> OptimizerT:
        """``optimizer`` itself where the switch is off, or it is cautious already; else ``optimizer`` made cautious.

        enabled=None asks the environment variable USE_CAUTIOUS_OPTIMIZER. Typed so that annotations stay true."""
        done = getattr(optimizer, "is_cautious_optimizer", False)  # by the factory that it comes from
        return optimizer if done or not _switched_on(enabled) else cls(optimizer, eps=eps)

    def _start(self) -> None:
        # Not super().__init__: it would copy the base's groups. Of what it sets up, the hooks are ours alone.
        for what in ("step", "state_dict", "load_state_dict"):
            setattr(self, f"_optimizer_{what}_pre_hooks", OrderedDict())
            setattr(self, f"_optimizer_{what}_post_hooks", OrderedDict())
        self._patch_step_function()
        self._tally: list[tuple[Any, Any]] = []  # (kept, counted) of each parameter in the last step
        self._scratch: dict[Any, torch.Tensor] = {}

    # load_state_dict, schedulers and accelerate rebind these, so they can be set too.
    param_groups, state, defaults = map(_of_the_base, ("param_groups", "state", "defaults"))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        self.base_optimizer.add_param_group(param_group)
        try:
            _refuse_group(self.param_groups[-1])
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.base_optimizer.zero_grad(**({} if set_to_none else {"set_to_none": False}))

    def state_dict(self) -> dict[str, Any]:
        self._run_hooks("state_dict_pre")
        return self._run_hooks("state_dict_post", self.base_optimizer.state_dict())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.base_optimizer.load_state_dict(self._run_hooks("load_state_dict_pre", state_dict.copy()))
        self._run_hooks("load_state_dict_post")

    def _run_hooks(self, table: str, *subject: Any) -> Any:
        for hook in getattr(self, f"_optimizer_{table}_hooks").values():
            replaced = hook(self, *subject)
            subject = (replaced,) if subject and replaced is not None else subject
        return subject[0] if subject else None

    def __getstate__(self) -> dict[str, Any]:
        return {"base_optimizer": self.base_optimizer, "eps": self.eps, "min_mean": self.min_mean}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "base_optimizer" in state:
            self.__dict__.update(state)
            self._start()
        else:  # a caller that restores state and param_groups by hand
            self.base_optimizer.__setstate__(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_optimizer!r}, eps={self.eps}, min_mean={self.min_mean})"

    @property
    def mask_mean(self) -> torch.Tensor:
        """0-dim: kept / counted elements of the last step, over cautious parameters with a gradient; NaN before it."""
        device = next((kept.device for kept, _ in self._tally if torch.is_tensor(kept)), None)
        columns = list(zip(*self._tally)) or [(), ()]
        kept, counted = (sum(n.to(device) if torch.is_tensor(n) else n for n in column) for column in columns)
        return torch.as_tensor(kept / counted if torch.is_tensor(counted) or counted else math.nan)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one cautious step. The closure is evaluated once, before anything moves; its loss is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._update()
        return loss

    @_eager
    @torch.no_grad()
    def _update(self) -> None:
        self._tally = []
        step = _parkable_step(self.base_optimizer)
        self._step_with_snapshot() if step is None else self._step_parked(step)

    def _step_parked(self, step: Callable[[Optimizer], Any]) -> None:
        base = self.base_optimizer
        _fire_step_hooks(base, "pre")
        entries = list(_entries(base))
        own_groups = base.param_groups
        try:
            base.param_groups = [group for group in own_groups if not group.get(GROUP_SWITCH, True)]
            if base.param_groups:
                step(base)
            for bucket in _buckets(entries):
                self._step_bucket(step, bucket)
        finally:
            base.param_groups = own_groups
            self._scratch = {key: kept for key, kept in self._scratch.items() if key[0].type == "cpu"}
        if "step" in vars(base):  # a scheduler made for the base counts its steps there, and we went round it
            base._opt_called = True
            if hasattr(base, "_step_count"):
                base._step_count += 1
        _fire_step_hooks(base, "post")

    def _step_bucket(self, step: Callable[[Optimizer], Any], bucket: list[tuple[Any, ...]]) -> None:
        base = self.base_optimizer
        lr_seeds_state = isinstance(base, _LR_SEEDS_STATE)
        consumed = [_consumed_gradient(base, group, p.data, grad) for group, p, grad in bucket]
        parked = [(p, p.data, grad) for _, p, grad in bucket]
        stand_in_values = self._zeros_like(bucket)
        stand_ins: dict[int, dict[str, Any]] = {}
        try:
            for (group, p, _), w, shown in zip(bucket, stand_in_values, consumed):
                lr = group["lr"] if lr_seeds_state else 1.0
                stand_in = stand_ins.setdefault(id(group), {**group, "params": [], "weight_decay": 0.0, "lr": lr})
                stand_in["params"].append(p)
                if group.get("nesterov"):
                    shown = shown.clone()  # torch's foreach SGD adds the momentum to the gradient in place
                if group.get("fused"):
                    # torch's fused CPU kernels walk memory, not indices: all must lie in the parameter's order.
                    shown = _in_strides_of(w, shown)
                    for key, tensor in base.state.get(p, {}).items():
                        if torch.is_tensor(tensor) and tensor.shape == w.shape:
                            base.state[p][key] = _in_strides_of(w, tensor)
                p.data, p.grad = w, shown
            base.param_groups = list(stand_ins.values())
            step(base)
        finally:
            for p, value, grad in parked:
                p.data, p.grad = value, grad
        for (group, p, _), w, grad in zip(bucket, stand_in_values, consumed):
            w = _real(w)
            lr = 1 if lr_seeds_state else _scalar(group["lr"], w)
            scale = self._mask(w, _real(grad), group.get("maximize"))
            _move(_real(p.data), w, lr * scale, _decay(base, group, w))

    def _zeros_like(self, bucket: list[tuple[Any, ...]]) -> list[torch.Tensor]:
        """A stand-in for each parameter's storage, cut from memory that on CPU is kept: page faults are dear there."""
        spans, ends = [], {}
        for _, p, _ in bucket:
            key = (p.device, p.dtype)
            strides = p.stride() if p.is_contiguous() else torch.empty_like(p, device="meta").stride()
            spans.append((key, ends.get(key, 0), p.shape, strides))
            ends[key] = ends.get(key, 0) + -(-p.numel() // 64) * 64  # aligned for vector loads
        for key, end in ends.items():
            if key not in self._scratch or self._scratch[key].numel() < end:
                self._scratch[key] = torch.empty(end, device=key[0], dtype=key[1])
            self._scratch[key][:end].zero_()
        return [self._scratch[key][start:].as_strided(shape, strides) for key, start, shape, strides in spans]

    def _step_with_snapshot(self) -> None:
        base = self.base_optimizer
        entries = list(_entries(base))
        before = [p.detach().clone() for _, p, _ in entries]
        # One byte per element now, because a base may drop its gradients, or change them in place.
        signs = [torch.sign(_real(_consumed_gradient(base, *entry))).to(torch.int8) for entry in entries]
        decays = [_decay(base, group, p) for group, p, _ in entries]
        each = [(p, old, decay) for (_, p, _), old, decay in zip(entries, before, decays)]
        decoupled = [group for group in base.param_groups if _decay_kind(base, group) == "decoupled"]
        own = [(group, group["weight_decay"]) for group in decoupled if group.get(GROUP_SWITCH, True)]

        def untouched(p: torch.Tensor, old: torch.Tensor, decay: Any) -> bool:
            return torch.equal(p, old if decay is None else old * decay)

        try:
            for group, _ in own:
                group["weight_decay"] = 0.0
            for p, _, decay in each:
                if decay is not None:
                    p.mul_(decay)
            base.step()
        except BaseException:
            for p, old, decay in each:
                if decay is not None and untouched(p, old, decay):  # the base did not get as far as this one
                    p.copy_(old)
            raise
        finally:
            for group, weight_decay in own:
                group["weight_decay"] = weight_decay
        skipped = bool(own) and all(untouched(*one) for one in each)  # as a base may that finds an inf in its gradients
        for (group, p, _), old, sign, decay in zip(entries, before, signs, decays):
            if not skipped:
                if decay is not None:
                    old.mul_(decay)
                low = p.dtype in _LOW_PRECISION
                w = _real(p.detach().float() - old.float() if low else p.detach() - old)
                _move(_real(old), w, self._mask(w, sign, group.get("maximize"), only_moved=low), None)
            p.copy_(old)

    def _mask(self, w: torch.Tensor, grad: torch.Tensor, maximize: Any, *, only_moved: bool = False) -> Any:
        """Zero, in place, where w (which points along -u) is not against the gradient; 1 / (mean of the mask + eps)."""
        dtype = torch.float64 if w.dtype == torch.float64 else torch.float32
        on_cpu = w.device.type == "cpu"  # there a number is cheaper than a tensor; elsewhere reading it would wait
        counted: Any = w.numel()
        if only_moved:
            counted = (w != 0).sum(dtype=dtype)
            counted = counted.item() if on_cpu else counted
        kept: Any = 0
        for w_part, grad_part in _parts(w, grad):
            aligned = torch.sign(w_part).mul_(grad_part)  # +-grad: the product w * grad itself would underflow
            aligned = aligned.gt_(0) if maximize else aligned.lt_(0)
            count = aligned.sum(dtype=dtype)  # exact; and 0/1 in floats, because bool tensors are slow on CPU
            kept = kept + (count.item() if on_cpu else count)
            w_part.mul_(aligned)
        self._tally.append((kept, counted))
        if on_cpu:
            return 1 / (max(kept / (counted or 1), self.min_mean) + self.eps)
        return 1 / ((kept / counted).nan_to_num().clamp(min=self.min_mean) + self.eps)


def _consumed_gradient(base: Optimizer, group: dict[str, Any], p: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    """The gradient with coupled weight decay added, as it is before the base negates it for maximize."""
    if _decay_kind(base, group) != "coupled":
        return grad
    return torch.add(grad, p.detach(), alpha=group["weight_decay"] * (-1 if group.get("maximize") else 1))


def _parkable_step(base: Optimizer) -> Callable[[Optimizer], Any] | None:
    """The step that ``base`` runs, without its hooks, if it is one of torch's that never read p; else None."""
    kind = type(base)
    owner = next((c for c in kind.__mro__ if c in _PARKABLE), None)
    if owner is None or kind.step is not owner.step or kind._init_group is not owner._init_group:
        return None
    own = vars(base).get("step")  # torch's schedulers put a counter there; anything else (a compiled step, say) counts
    if own is not None and not (hasattr(own, "_wrapped_by_lr_sched") or hasattr(own, "_with_counter")):
        return None
    return kind.step.__wrapped__ if getattr(kind.step, "hooked", False) else kind.step


def _entries(base: Optimizer) -> Iterator[tuple[dict[str, Any], torch.Tensor, torch.Tensor]]:
    """(group, parameter, gradient) of what is to step cautiously."""
    for group in base.param_groups:
        if group.get(GROUP_SWITCH, True):
            _refuse_group(group)
            yield from ((group, p, p.grad) for p in group["params"] if p.grad is not None)


def _buckets(entries: list[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    bucket: list[tuple[Any, ...]] = []
    elements = 0
    for entry in entries:
        if bucket and elements + entry[1].numel() > _at_once(entry[1]):
            yield bucket
            bucket, elements = [], 0
        bucket.append(entry)
        elements += entry[1].numel()
    if bucket:
        yield bucket


def _at_once(tensor: torch.Tensor) -> int:
    return _ON_CPU if tensor.device.type == "cpu" else _ELSEWHERE


def _parts(*tensors: torch.Tensor) -> Iterator[tuple[torch.Tensor, ...]]:
    """Views of the same elements of each tensor, few enough for temporaries of their size to be cheap."""
    first = tensors[0]
    limit = _at_once(first)
    if first.numel() <= limit:
        return iter([tensors])
    if all(tensor.is_contiguous() for tensor in tensors):
        return zip(*(tensor.view(-1).split(limit) for tensor in tensors))
    rows = max(1, limit * first.shape[0] // first.numel())
    return zip(*(tensor.split(rows) for tensor in tensors))


def _move(value: torch.Tensor, w: torch.Tensor, factor: Any, decay: Any) -> None:
    """value = value * decay + w * factor, rounded once."""
    for part, w_part in _parts(value, w):
        exact = part.float() if part.dtype in _LOW_PRECISION else part
        if decay is not None:
            exact.mul_(decay)
        if torch.is_tensor(factor):
            exact.addcmul_(w_part.to(exact.dtype), factor)
        else:
            exact.add_(w_part, alpha=factor)
        if exact is not part:
            part.copy_(exact)


def _decay_kind(base: Optimizer, group: dict[str, Any]) -> str:
    """"none"; "decoupled"; "coupled" (part of the gradient); "unknown": not a class of torch's, and it does not say."""
    if not group.get("weight_decay"):
        return "none"
    inner = getattr(base, "optim", None)
    base = inner if isinstance(inner, Optimizer) else base  # ZeroRedundancyOptimizer
    decoupled = group.get("decoupled_weight_decay")
    if decoupled is None and not isinstance(base, _DECOUPLED + _COUPLED):
        return "unknown"
    return "decoupled" if decoupled or (decoupled is None and isinstance(base, _DECOUPLED)) else "coupled"


def _decay(base: Optimizer, group: dict[str, Any], like: torch.Tensor) -> Any:
    """What decoupled weight decay multiplies a parameter by; None where there is none."""
    if _decay_kind(base, group) != "decoupled":
        return None
    return 1 - _scalar(group["lr"], like) * _scalar(group["weight_decay"], like)


def _scalar(value: Any, like: torch.Tensor) -> Any:
    """A number; or a 0-dim tensor on ``like``'s device where reading it would wait for the device."""
    if not torch.is_tensor(value):
        return value
    return value.item() if value.device.type == "cpu" else value.detach().reshape(()).to(like.device)


def _real(tensor: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _in_strides_of(like: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.stride() == like.stride() else torch.empty_like(like, dtype=tensor.dtype).copy_(tensor)


def _fire_step_hooks(base: Optimizer, when: str) -> None:
    # The base's own hooks. The global ones have fired, or will, for the CautiousOptimizer.
    for hook in getattr(base, f"_optimizer_step_{when}_hooks").values():
        result = hook(base, (base,), {})
        if when == "pre" and result is not None and result != ((base,), {}):
            raise RuntimeError(
                "CautiousOptimizer: a step pre-hook of the base optimizer changes the arguments of step, and here the "
                "base is not given any. Register that hook on the CautiousOptimizer.")


def _switched_on(enabled: Any) -> bool:
    if enabled is None:
        said = os.environ.get(ENVIRONMENT_SWITCH, "").strip().lower()
        if said in _ON + _OFF:
            return said in _ON
        raise ValueError(
            f"The environment variable {ENVIRONMENT_SWITCH} is {said!r}, which is neither on nor off. "
            "Set it to 1, true, yes or on; to 0, false, no or off; or unset it.")
    if type(enabled).__module__ == "unittest.mock":  # a mocked config answers whatever it is asked: nobody chose this
        return False
    if enabled not in (True, False):
        raise TypeError(
            f"CautiousOptimizer.wrap got enabled={enabled!r}, not a boolean (a non-empty string would count as true). "
            f"Set {GROUP_SWITCH} to true or false, without quotes, in the configuration it comes from.")
    return bool(enabled)


def _setting(name: str, value: Any, least: float) -> float:
    if isinstance(value, (str, bool)) or not hasattr(type(value), "__float__"):
        raise TypeError(
            f"CautiousOptimizer got {name}={value!r}, not a number. Correct it in the configuration it comes from "
            "(YAML reads 1e-8 as a string and 1.0e-8 as a number).")
    if not least <= float(value) <= 1:
        raise ValueError(
            f"CautiousOptimizer got {name}={value!r}. eps must be above 0, or a tensor whose gradient is all zeros "
            "would become NaN (use 1e-8); min_mean is from 0 to 1.")
    return float(value)


def _refuse_optimizer(base: Any) -> None:
    name = type(base).__name__
    if not isinstance(base, Optimizer):
        raise TypeError(
            f"CautiousOptimizer needs a torch.optim.Optimizer, got {name}. Of a dict or list of optimizers, wrap each.")
    inner = [base] + [getattr(base, attribute, None) for attribute in ("optimizer", "base_optimizer", "optim")]
    if any(getattr(one, "is_cautious_optimizer", False) for one in inner):
        raise ValueError(f"This {name} is cautious already. Wrap an optimizer once, where it is made.")
    if any(own.get(k) for own in (vars(base), base.defaults, *base.param_groups) for k in ("caution", "cautious")):
        raise ValueError(
            f"This {name} masks its updates itself (its caution or cautious is set). Unset that, or do not wrap it.")
    for kind in type(base).__mro__:
        if kind.__name__ in _REFUSED:
            raise TypeError(f"CautiousOptimizer cannot wrap {name}: {_REFUSED[kind.__name__]}. Leave it unwrapped.")
    for group in base.param_groups:
        _refuse_group(group)


def _refuse_group(group: dict[str, Any]) -> None:
    switch = group.get(GROUP_SWITCH, True)
    if isinstance(switch, str):
        raise TypeError(f"A param group has {GROUP_SWITCH}={switch!r}, a string. Make it True or False.")
    if not switch:
        return
    opt_out = f'give its param group "{GROUP_SWITCH}": False'
    if group.get("differentiable"):
        raise ValueError(
            "CautiousOptimizer does not support differentiable=True: a mask has no gradient. Make the optimizer with "
            "differentiable=False, or do not wrap it.")
    for p in group["params"]:
        if hasattr(p, "placements") and hasattr(p, "device_mesh"):
            raise TypeError(
                "CautiousOptimizer does not support DTensor parameters (FSDP2, tensor parallelism) yet: it would take "
                f"the mean of a mask over a shard, not the tensor. Turn its switch off for this run, or {opt_out}.")
        if p.grad is not None and p.grad.layout != torch.strided:
            raise RuntimeError(
                "CautiousOptimizer does not support sparse gradients: a mask needs every element. Make the layer with "
                f"sparse=False, or {opt_out}.")


def _warn_once(base: Optimizer) -> None:
    groups = [group for group in base.param_groups if group.get(GROUP_SWITCH, True)]
    marks = ("_is_flat_param", "_fsdp_flattened", "ds_id")  # FSDP1, FSDP1 with use_orig_params, DeepSpeed ZeRO-3
    if any(hasattr(p, mark) for group in groups for p in group["params"] for mark in marks):
        warnings.warn(
            "CautiousOptimizer: these parameters are shards (FSDP1 or DeepSpeed), and the mean of a mask is taken over "
            "each shard, not the whole tensor: the result depends on how many ranks there are.", stacklevel=3)
    if any(_decay_kind(base, group) == "unknown" for group in groups):
        warnings.warn(
            f"CautiousOptimizer: {type(base).__name__} does not say what its weight_decay does, so the decay is masked "
            'and scaled with the update. Give its param groups "decoupled_weight_decay": True if it multiplies the '
            "parameters by 1 - lr * weight_decay, or False if it adds weight_decay * p to the gradient.", stacklevel=3)
