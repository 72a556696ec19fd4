# Cautious optimizers: any torch.optim.Optimizer moves only where its update agrees in sign with the gradient.
# Put here by cautify (`cautify apply`). To remove it and every edit that uses it: `cautify revert`.
# Do not edit it: `cautify check` compares it with the release named on the version line.
# Paper: Liang, Chen, Liu, Liu, "Cautious Optimizers: Improving Training with One Line of Code", arXiv 2411.16085.
# MIT licence, Copyright (c) The cautify authors.
# cautify-runtime: 0.1.0 tree:20ca227ad600ad03
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
``{"params": ..., "use_cautious_optimizer": False}``. There are several ways to get at u; repr() tells which are taken:

* native: torch's fused kernel for Adam and AdamW on CPU writes -u to zeros, in parts that stay in the cache.
* parked: most torch.optim classes never read p, once weight decay is set aside. While such a base takes its own step,
  zeros stand in for each parameter's storage and 1 for lr: what it writes there is -u itself, rounded once.
* snapshot: any other base steps once on the real parameters; the difference to a copy taken before is -lr * u.
* triton, compiled: kernels for Adam and AdamW in cautious_triton.py, if it lies beside this file.

The mean is taken over the whole tensor, of a DTensor (FSDP2, tensor parallelism) too: one all-reduce per mesh and step.
state, param_groups, defaults and state_dict() are the base's own: checkpoints go from plain to cautious and back.
"""
from __future__ import annotations

import importlib
import math
import os
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import accumulate
from types import SimpleNamespace
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

__all__ = ["CautiousOptimizer"]

OptimizerT = TypeVar("OptimizerT")
ENVIRONMENT_SWITCH, GROUP_SWITCH = "USE_CAUTIOUS_OPTIMIZER", "use_cautious_optimizer"
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _torch_classes(*names: str) -> tuple[type, ...]:
    return tuple(getattr(torch.optim, name) for name in names if hasattr(torch.optim, name))


# Their step reads p for weight decay only. (Adafactor scales by the size of p; ASGD decays and averages p.)
_PARKABLE = _torch_classes(*"Adadelta Adagrad Adam AdamW Adamax NAdam RAdam RMSprop Rprop SGD".split())
_LR_SEEDS_STATE = _torch_classes("Rprop")  # everywhere else in _PARKABLE lr only scales the update
_FUSED_ON_CPU = torch._C._dispatch_has_kernel_for_dispatch_key("aten::_fused_adamw_", "CPU")
_PLAIN = (torch.Tensor, torch.nn.Parameter)
_ADAMS, _MOMENTS = _torch_classes("Adam", "AdamW"), ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
_DECOUPLED = _torch_classes("AdamW", "Adafactor", "Muon")  # multiply p by 1 - lr * weight_decay
_COUPLED = _torch_classes("ASGD") + _PARKABLE  # add weight_decay * p to the gradient
_REFUSED = {"LBFGS": "one step of it evaluates its closure, and moves, many times",
            "SparseAdam": "it updates only the rows that a sparse gradient touches",
            "ScheduleFree": "its parameters lie between two iterates of its own, and a mask would tear them apart"}
_ON_CPU, _ELSEWHERE = 1 << 19, 1 << 24  # elements at a time: in the cache on CPU, few enough for an exact sum in fp32
_LARGE = 1 << 16  # elements; to call a compiled function for fewer costs more than it saves
# Dynamo cannot trace the exchange of a parameter's storage: a compiled caller runs this part eagerly.
_increment_version = getattr(torch.autograd.graph, "increment_version", lambda tensor: None)
_eager = getattr(torch, "_disable_dynamo", lambda function: function)


def _of_the_base(name: str) -> property:
    return property(lambda self: getattr(self.base_optimizer, name),
                    lambda self, value: setattr(self.base_optimizer, name, value))


class CautiousOptimizer(Optimizer):
    """Makes the steps of ``base_optimizer`` cautious (arXiv 2411.16085, Algorithm 1).

    eps is added to the mean of the mask; min_mean is a lower bound for that mean (1e-3 is what timm uses). compile=True
    has torch.compile make kernels for Adam and AdamW, and needs cautious_triton.py (`cautify apply --with-triton`).
    Raises TypeError or ValueError for what cannot be made cautious, saying why and what to do instead."""

    is_cautious_optimizer = True  # the mark by which several copies of this file know each other
    # load_state_dict, schedulers and accelerate rebind these, so they can be set too.
    param_groups, state, defaults = map(_of_the_base, ("param_groups", "state", "defaults"))

    def __init__(self, base_optimizer: Optimizer, eps: float = 1e-8, *, min_mean: float = 0.0, compile: bool = False):
        _refuse_optimizer(base_optimizer)
        if compile and _kernels() is None:
            raise ImportError("compile=True needs cautious_triton.py beside this file: `cautify apply --with-triton`.")
        self.base_optimizer, self.compile = base_optimizer, compile
        self.eps = _setting("eps", eps, least=sys.float_info.min)
        self.min_mean = _setting("min_mean", min_mean, least=0.0)
        _warn_once(base_optimizer)
        self._start()

    @classmethod
    def wrap(
        cls, optimizer: OptimizerT, *, enabled: bool | None = None, eps: float = 1e-8, default: bool = False
    ) -> OptimizerT:
        """``optimizer`` itself where the switch is off, or it is cautious already; else ``optimizer`` made cautious.

        enabled=None asks the environment variable USE_CAUTIOUS_OPTIMIZER; unset, it means ``default``."""
        done = getattr(optimizer, "is_cautious_optimizer", False)  # by the factory that it comes from
        return optimizer if done or not _switched_on(enabled, default) else cls(optimizer, eps=eps)

    def _start(self) -> None:
        # Not super().__init__: it would copy the base's groups. Of what it sets up, the hooks are ours alone.
        for what in ("step", "state_dict", "load_state_dict"):
            setattr(self, f"_optimizer_{what}_pre_hooks", OrderedDict())
            setattr(self, f"_optimizer_{what}_post_hooks", OrderedDict())
        self._patch_step_function()
        self._tally: list[tuple[Any, Any]] = []  # (kept, counted) of each parameter in the last step
        self._scratch: dict[Any, torch.Tensor] = {}
        self._steps, self._scale = 0, 0.0

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
        return {name: getattr(self, name) for name in ("base_optimizer", "eps", "min_mean", "compile")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "base_optimizer" in state:
            self.__dict__.update({"compile": False, **state})
            self._start()
        else:  # a caller that restores state and param_groups by hand
            self.base_optimizer.__setstate__(state)

    def __repr__(self) -> str:
        paths = ", ".join(" because ".join(filter(None, _path(self.base_optimizer, group, _local(p), self.compile)))
                          for group in self.param_groups for p in sorted(group["params"], key=torch.numel)[-1:])
        return f"{type(self).__name__}({self.base_optimizer!r}, eps={self.eps}, min_mean={self.min_mean}, paths: {paths})"

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
        self._tally, step = [], _parkable_step(self.base_optimizer)
        try:
            self._step_by_snapshot() if step is None else self._step_on_zeros(step)
        except BaseException:
            self._scratch = {}  # half written, perhaps
            raise
        self._watch_the_scales()

    def _step_on_zeros(self, step: Callable[[Optimizer], Any]) -> None:
        """Native, parked or by kernels: the groups that are not cautious first, by the base's own ``step``."""
        base = self.base_optimizer
        _fire_step_hooks(base, "pre")
        runs, groups = list(_runs(base, self.compile)), base.param_groups
        try:
            base.param_groups = [group for group in groups if not group.get(GROUP_SWITCH, True)]
            if base.param_groups:
                step(base)
            self._count_and_move(runs, groups, lambda run: self._count_parked(run, step))
        finally:
            base.param_groups = groups
        if "step" in vars(base):  # a scheduler made for the base counts its steps there, and we went round it
            base._opt_called = True
            if hasattr(base, "_step_count"):
                base._step_count += 1
        _fire_step_hooks(base, "post")

    def _count_and_move(self, runs: list[_Run], groups: list[dict[str, Any]], count: Callable[[_Run], None]) -> None:
        # One run after the other, so that there need be room for the updates of one. But the mean over a sharded tensor
        # is known only when every rank has counted: then all count first, and one all-reduce serves all.
        sharded = any(_is_dtensor(p) for group in groups for p in group["params"])
        for together in [runs] if sharded else [[run] for run in runs]:
            for run in together:
                run.look()
                if run.kernels:
                    run.kept = run.kernels.count(run)
                else:
                    run.make_room(self._scratch if run.on_cpu else {}, waits=sharded)
                    self._count_native(run) if run.path == "native" else count(run)
            if sharded:
                self._tally += _sum_over_ranks(groups, together)
            for run in together:
                self._tally += zip(run.kept, run.counted)
                run.move(self.min_mean, self.eps)

    def _count_native(self, run: _Run) -> None:
        """w = -u by torch's fused kernel for CPU, part by part, each masked while it is in the cache."""
        torch._foreach_add_(run.steps, 1)
        for grads, ws, m, v, *max_v in run.parts():
            run.whole(ws).zero_()
            torch._fused_adamw_(
                ws, grads, m, v, *max_v or [[]], run.steps[: len(ws)], lr=1.0, beta1=run.group["betas"][0],
                beta2=run.group["betas"][1], weight_decay=0.0, eps=run.group["eps"], amsgrad=run.group["amsgrad"],
                maximize=run.group["maximize"], grad_scale=None, found_inf=None)
            run.mask(grads, ws)

    def _count_parked(self, run: _Run, step: Callable[[Optimizer], Any]) -> None:
        """w = -u by the base's own step, with zeros in the place of each parameter and 1 in that of lr."""
        base, group, shown = self.base_optimizer, run.group, run.grad_blocks
        if run.coupled:
            shown = torch._foreach_add(shown, run.blocks, alpha=run.coupled)
        elif group.get("nesterov"):
            shown = [grad.clone() for grad in shown]  # torch's foreach SGD adds the momentum to the gradient in place
        for p, block in zip(run.ps, run.blocks) if group.get("fused") else ():
            for name, tensor in base.state.get(p, {}).items():  # torch's fused CPU kernels walk memory, not indices
                if torch.is_tensor(tensor) and tensor.shape == block.shape:
                    base.state[p][name] = _in_strides_of(block, tensor)
        lr = group["lr"] if run.lr is None else 1.0
        own = [(p._local_tensor, p.grad._local_tensor) if run.sharded else (p.data, p.grad) for p in run.ps]
        try:
            run.lend(zip(run.stand_ins, shown))
            base.param_groups = [{**group, "params": run.ps, "weight_decay": 0.0, "lr": lr}]
            step(base)
        finally:
            run.lend(own)
        for grads, ws, *_ in run.parts():
            run.mask(grads, ws)

    def _step_by_snapshot(self) -> None:
        """w = the difference that one step of the base makes, beyond what its weight decay makes, if that is known."""
        base, runs = self.base_optimizer, list(_runs(self.base_optimizer))
        for run in runs:
            run.look()
            run.before = [block.clone() for block in run.blocks]
            grads = torch._foreach_add(run.grads, run.values, alpha=run.coupled) if run.coupled else run.grads
            # One byte per element now, because a base may drop its gradients, or change them in place.
            run.signs, run.coupled = [torch.sign(grad).to(torch.int8) for grad in grads], 0.0
        base.step()

        def count(run: _Run) -> None:
            for block, before, w in zip(run.blocks, run.before, run.stand_ins):
                if run.decay is not None:  # a base may leave its step out; to ask whether it did must not wait
                    before = torch.where((block == before).all(), before, before * run.decay)
                w.copy_(block).sub_(before)
                block.copy_(before)
            run.decay = None
            for grads, ws, *_ in run.parts():
                run.mask(grads, ws)

        self._count_and_move(runs, base.param_groups, count)

    def _watch_the_scales(self) -> None:
        """Warn once of a scale above 100: sent for at one step, read 50 steps later, so that no device is waited for."""
        self._steps += 1
        if self._steps % 100 == 10 and not (torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()):
            scales = [torch.as_tensor(counted / kept) for kept, counted in self._tally if torch.is_tensor(kept) or kept]
            scales = [scale for scale in scales if scale.device == scales[0].device] or [torch.zeros(())]
            largest = torch.stack(scales).nan_to_num(posinf=0.0).max()
            self._scale = torch.empty((), device="cpu", pin_memory=largest.is_cuda).copy_(largest, non_blocking=True)
        elif self._steps % 100 == 60 and self._scale > 100 and self.min_mean < 0.01:
            self._steps = -sys.maxsize  # once
            warnings.warn(
                f"CautiousOptimizer: part of a tensor moves {float(self._scale):.0f} times as far, because so little of its "
                "update agrees with its gradient. Rows without gradient, as in an embedding, do not agree: give its param "
                f'group "{GROUP_SWITCH}": False, or set min_mean.', stacklevel=3)


class _Run:
    """Parameters of one group, device and dtype that step together; ``look`` shows their elements as real numbers."""

    def __init__(self, base: Optimizer, group: dict[str, Any], p: Any, path: str) -> None:
        like, self.sharded = _local(p), _is_dtensor(p)
        kind, sign, lr = _decay_kind(base, group), -1 if group.get("maximize") else 1, _scalar(group["lr"], like)
        self.base, self.group, self.path, self.device, self.dtype = base, group, path, like.device, like.dtype
        self.kernels = _kernels() if path in ("compiled", "triton") else None
        self.on_cpu = like.device.type == "cpu"  # there a number is cheaper than a tensor; elsewhere reading it would wait
        self.low = like.dtype in (torch.bfloat16, torch.float16)
        self.limit = math.inf if self.kernels else _ON_CPU if self.on_cpu else _ELSEWHERE
        self.ps: list[Any] = []
        self.locals: list[torch.Tensor] = []
        self.states: list[list[torch.Tensor]] = []
        self.size, self.signs = 0, None
        self.lr = None if path == "snapshot" or isinstance(base, _LR_SEEDS_STATE) else lr  # None: w has it already
        self.decay = 1 - lr * _scalar(group["weight_decay"], like) if kind == "decoupled" else None
        self.coupled = sign * group["weight_decay"] if kind == "coupled" else 0.0
        self.against = -sign * math.inf

    def look(self) -> None:
        self.blocks = [local if _is_dense(local) else local.clone() for local in self.locals]
        seen = _flat if self.kernels else _real  # a view costs as much as a small kernel
        self.values = [seen(block) for block in self.blocks]
        if self.signs is None:
            self.grad_blocks = [_in_strides_of(block, _gradient(p)) for block, p in zip(self.blocks, self.ps)]
        self.grads = self.signs or [seen(grad) for grad in self.grad_blocks]
        self.steps, *moments = zip(*self.states) if self.states else [()]
        self.moments = [[seen(moment) for moment in column] for column in moments]
        self.kept: list[Any] = [0] * len(self.ps)
        self.counted: list[Any] = [value.numel() for value in self.values]

    def lend(self, tensors: Any) -> None:
        """Give each parameter another storage and gradient. (Of a DTensor, setting data would do nothing.)"""
        for p, (value, grad) in zip(self.ps, tensors):
            if self.sharded:
                p._local_tensor, p.grad._local_tensor = value, grad
            else:
                p.data, p.grad = value, grad

    def make_room(self, scratch: dict[Any, torch.Tensor], waits: bool) -> None:
        """Zeros for each parameter's storage, cut from memory that on CPU is kept: page faults are dear there."""
        ends = list(accumulate(-(-block.numel() // 64) * 64 for block in self.blocks))  # aligned for vector loads
        dtype = torch.float32 if self.low and self.signs else self.dtype
        room = _room({} if waits else scratch, "w", ends[-1], self.device, dtype)
        if self.path != "native":  # which zeros as much as fits into the cache, and uses it there
            room.zero_()
        places = list(zip(self.blocks, [0, *ends]))
        self.stand_ins = [room.as_strided(block.shape, block.stride(), at) for block, at in places]
        self.ws, self.w = [_real(stand_in) for stand_in in self.stand_ins], _flat(room)
        most = len(self.w) if len(self.ws) > 1 else min(len(self.w), self.limit)
        self.aligned = _room(scratch, "aligned", most, self.device, self.w.dtype)
        self.mask_later = self.path == "native" and most == len(self.w) and not waits  # one pass over memory less

    def parts(self) -> Iterator[list[Any]]:
        """The gradients as the base consumes them, the ws and the moments, ``limit`` elements of each at a time."""
        for values, grads, *others in self.pieces(self.values, self.grads, self.ws, *self.moments):
            yield [torch._foreach_add(grads, values, alpha=self.coupled) if self.coupled else grads, *others]

    def pieces(self, *columns: list[torch.Tensor]) -> Iterator[Any]:
        if self.values[0].numel() <= self.limit:
            return iter([columns])
        return zip(*(((piece,) for piece in _flat(only).split(self.limit)) for (only,) in columns))  # large ones are alone

    def whole(self, ws: list[torch.Tensor]) -> torch.Tensor:
        return self.w if len(ws) > 1 else ws[0]

    def mask(self, grads: list[torch.Tensor], ws: list[torch.Tensor]) -> None:
        """Count where u agrees with the gradient (w points along -u), and zero w elsewhere, or leave that to ``move``."""
        start = ws[0].storage_offset()
        masks = [self.aligned.as_strided(w.shape, w.stride(), w.storage_offset() - start) for w in ws]
        if self.signs:  # rounding hides small moves: what should have moved and did not is not counted
            hidden = [((w == 0) & (grad != 0)).sum() for w, grad in zip(ws, grads)]
            self.counted = [n - (h.item() if self.on_cpu else h) for n, h in zip(self.counted, hidden)]
        # A finite number + inf * w * g: above 0 where the two agree, however small they are, and nan where one is 0.
        # (CPU kernels take the number first. Those of CUDA take w * g first, so there it is multiplied beforehand.)
        factor, number = (ws, self.against) if self.on_cpu else (torch._foreach_mul(ws, self.against), 1.0)
        torch._foreach_addcmul_(masks, factor, grads, value=number)
        whole = self.aligned if len(ws) > 1 else masks[0]
        whole.gt_(0)  # 0/1 in floats, because bool tensors are slow on CPU
        if self.mask_later:
            self.masks = masks
        else:
            self.whole(ws).mul_(whole)
        exact = [mask.float() for mask in masks] if self.low else masks
        kept = [int(mask.sum()) for mask in exact] if self.on_cpu else torch._foreach_norm(exact, 1)
        self.kept = [n + k for n, k in zip(self.kept, kept)]

    def move(self, min_mean: float, eps: float) -> None:
        """value = value * decay + w * lr / (mean of the mask + eps), rounded once."""
        lr: Any = 1.0 if self.lr is None else self.lr
        if self.on_cpu:
            factors = [lr / (max(kept / (counted or 1), min_mean) + eps) for kept, counted in zip(self.kept, self.counted)]
        else:
            means = torch.stack([kept / counted for kept, counted in zip(self.kept, self.counted)]).nan_to_num()
            factors = list((lr / (means.clamp(min=min_mean) + eps)).unbind())
        if self.kernels:
            self.kernels.move(self, factors)
        for values, ws in () if self.kernels else self.pieces(self.values, self.ws):
            exact = [value.float() for value in values] if self.low else values
            if self.decay is not None:
                torch._foreach_mul_(exact, self.decay)
            if self.mask_later:
                torch._foreach_addcmul_(exact, ws, self.masks, factors)
            elif self.on_cpu:
                for value, w, factor in zip(exact, ws, factors):
                    value.add_(w, alpha=factor)
            else:
                ws = [w.float() for w in ws] if self.low else ws
                torch._foreach_mul_(ws, factors)
                torch._foreach_add_(exact, ws)
            for value, better in zip(values, exact) if self.low else ():
                value.copy_(better)
        for p, local, block in zip(self.ps, self.locals, self.blocks):
            if block is not local:
                local.copy_(block)
            _increment_version(p)  # what is written through .data, autograd does not see


def _runs(base: Optimizer, compiled: bool = False) -> Iterator[_Run]:
    """What is to step cautiously: as many together as need no more memory than the largest of them would alone."""
    for group in base.param_groups:
        if not group.get(GROUP_SWITCH, True):
            continue
        _refuse_group(group)
        open_runs: dict[Any, _Run] = {}
        paths: dict[Any, str] = {}
        for p in group["params"]:
            if p.grad is None:
                continue
            like = _local(p)
            kind = (like.device, like.dtype, _is_dtensor(p), compiled and like.numel() >= _LARGE)
            path = paths[kind] = paths.get(kind) or _path(base, group, like, compiled)[0]
            state = [] if path in ("parked", "snapshot") else _state_like(base, p, like)
            path = path if state or path == "snapshot" else "parked"  # as is a first step, which makes the state
            run = open_runs.get((kind, path))
            size = like.numel() * (2 if like.is_complex() else 1)
            if run is None or run.size + size > run.limit:
                if run is not None:
                    yield run
                run = open_runs[kind, path] = _Run(base, group, p, path)
            run.ps.append(p)
            run.locals.append(like)
            run.states += [state] if state else []
            run.size += size
        yield from open_runs.values()

@lru_cache(None)
def _kernels() -> Any:
    try:
        return importlib.import_module(f"{__package__}.cautious_triton" if __package__ else "cautious_triton")
    except ImportError:  # of the file, which is optional, or of triton
        return None

def _path(base: Optimizer, group: dict[str, Any], like: torch.Tensor, compiled: bool) -> tuple[str, str]:
    """The path for parameters like this one, and why it is not a faster one."""
    if _parkable_step(base) is None:
        return "snapshot", f"{type(base).__name__} is not known to leave p alone"
    if type(base) not in _ADAMS or any(torch.is_tensor(beta) for beta in group["betas"]):
        return "parked", "only Adam and AdamW, with numbers for betas, have faster ones"
    path = _kernels() and _kernels().path(group, like, compiled and like.numel() >= _LARGE)
    if path:
        return path, ""
    if like.device.type != "cpu" or like.dtype not in (torch.float32, torch.float64):
        return "parked", f"there is no other for {like.dtype} on {like.device.type}"
    return ("native", "") if _FUSED_ON_CPU else ("parked", "this torch has no fused AdamW on CPU")

def _state_like(base: Optimizer, p: torch.Tensor, like: torch.Tensor) -> list[torch.Tensor]:
    """The step and the moments that Adam has for ``p``, if they lie in memory as ``like`` does."""
    state, strides = base.state.get(p, {}), like.stride()
    moments = [_local(state[name]) for name in _MOMENTS if name in state]
    alike = all(m.dtype == like.dtype and m.shape == like.shape and m.stride() == strides for m in moments)
    return [state["step"], *moments] if moments and alike and _is_dense(like) else []

def _sum_over_ranks(groups: list[dict[str, Any]], runs: list[_Run]) -> list[tuple[Any, Any]]:
    """Make kept and counted of each sharded parameter those of the whole tensor: one all-reduce per device mesh.

    Returned are those of the parameters that have no gradient on this rank."""
    places: dict[int, tuple[Any, int]] = {id(p): (run, i) for run in runs for i, p in enumerate(run.ps)}
    meshes: dict[Any, list[tuple[Any, set[int]]]] = {}
    elsewhere = SimpleNamespace(kept=[], counted=[])
    for group in groups:  # all of them: every rank must send the same vector, whatever gradients it has
        for p in group["params"] if group.get(GROUP_SWITCH, True) else ():
            sharded_over = _sharded_dims(p) if _is_dtensor(p) else set()
            if sharded_over:
                meshes.setdefault(p.device_mesh, []).append((p, sharded_over))
                if id(p) not in places:
                    places[id(p)] = (elsewhere, len(elsewhere.kept))
                    elsewhere.kept.append(0)
                    elsewhere.counted.append(0)
    for mesh, members in meshes.items():
        dims = sorted(set().union(*(sharded_over for _, sharded_over in members)))
        all_ranks = len(dims) > 1 and mesh.size() == torch.distributed.get_world_size()
        here, zero, sent = mesh.get_coordinate(), _local(members[0][0]).new_zeros((), dtype=torch.int64), []
        for p, sharded_over in members:
            run, i = places[id(p)]
            replicas = set(range(mesh.ndim) if all_ranks else dims) - sharded_over
            once = all(here[d] == 0 for d in replicas)
            sent += [run.kept[i], run.counted[i]] if once else [0, 0]
        vector = torch.stack([n.to(zero.dtype) if torch.is_tensor(n) else zero + n for n in sent]).to(mesh.device_type)
        for process_group in [None] if all_ranks else [mesh.get_group(d) for d in dims]:
            torch.distributed.all_reduce(vector, group=process_group)
        totals = vector.tolist() if zero.device.type == "cpu" else vector.to(zero.device).float().unbind()
        for (p, _), *total in zip(members, totals[::2], totals[1::2]):
            run, i = places[id(p)]
            run.kept[i], run.counted[i] = total
    return list(zip(elsewhere.kept, elsewhere.counted))

def _sharded_dims(p: Any) -> set[int]:
    return {d for d, placement in enumerate(p.placements) if not placement.is_replicate() and p.device_mesh.size(d) > 1}

def _parkable_step(base: Optimizer) -> Callable[[Optimizer], Any] | None:
    """The step that ``base`` runs, without its hooks, if it is one of torch's that never read p; else None."""
    kind = type(base)
    owner = next((c for c in kind.__mro__ if c in _PARKABLE), kind)
    step, owners_step = (getattr(c.step, "__wrapped__", c.step) if getattr(c.step, "hooked", False) else c.step
                         for c in (kind, owner))  # torch wraps the step of the class of the first instance
    if owner not in _PARKABLE or step is not owners_step or kind._init_group is not owner._init_group:
        return None
    own = vars(base).get("step")  # torch's schedulers put a counter there; anything else (a compiled step, say) counts
    if own is not None and not (hasattr(own, "_wrapped_by_lr_sched") or hasattr(own, "_with_counter")):
        return None
    return step

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

def _room(scratch: dict[Any, torch.Tensor], use: str, size: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    key = (use, device, dtype)
    if key not in scratch or len(scratch[key]) < size:
        scratch[key] = torch.zeros(size, device=device, dtype=dtype)
    return scratch[key][:size]

def _is_dtensor(tensor: Any) -> bool:
    return type(tensor) not in _PLAIN and hasattr(tensor, "placements") and hasattr(tensor, "device_mesh")

def _local(tensor: Any) -> torch.Tensor:
    return tensor._local_tensor if _is_dtensor(tensor) else tensor.data

def _gradient(p: Any) -> torch.Tensor:
    if _is_dtensor(p) and p.grad.placements != p.placements:
        p.grad = p.grad.redistribute(placements=p.placements)  # a sum over ranks may be pending
    return p.grad.to_local() if _is_dtensor(p) else p.grad.detach()

def _is_dense(tensor: torch.Tensor) -> bool:
    return tensor.is_contiguous() or torch.empty_like(tensor, device="meta").stride() == tensor.stride()

def _real(tensor: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor

def _flat(tensor: torch.Tensor) -> torch.Tensor:
    """The elements of a dense tensor as they lie in memory, complex ones as two."""
    tensor = _real(tensor)
    return tensor.view(-1) if tensor.is_contiguous() else tensor.as_strided((tensor.numel(),), (1,))

def _in_strides_of(like: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    return tensor if tensor.stride() == like.stride() else torch.empty_like(like, dtype=tensor.dtype).copy_(tensor)

def _scalar(value: Any, like: torch.Tensor) -> Any:
    """A number; or a 0-dim tensor on ``like``'s device where reading it would wait for the device."""
    if not torch.is_tensor(value):
        return value
    return value.item() if value.device.type == "cpu" else value.detach().reshape(()).to(like.device)

def _fire_step_hooks(base: Optimizer, when: str) -> None:
    # The base's own hooks. The global ones have fired, or will, for the CautiousOptimizer.
    for hook in getattr(base, f"_optimizer_step_{when}_hooks").values():
        result = hook(base, (base,), {})
        if when == "pre" and result is not None and result != ((base,), {}):
            raise RuntimeError("A step pre-hook of the base optimizer changes the arguments of step, and here the base is "
                               "not given any. Register that hook on the CautiousOptimizer.")

def _switched_on(enabled: Any, default: bool) -> bool:
    if enabled is None:
        said = os.environ.get(ENVIRONMENT_SWITCH, "").strip().lower() or ("on" if default else "off")
        if said not in _ON + _OFF:
            raise ValueError(f"The environment variable {ENVIRONMENT_SWITCH} is {said!r}, which is neither on nor off. "
                             "Set it to 1, true, yes or on; to 0, false, no or off; or unset it.")
        return said in _ON
    if type(enabled).__module__ == "unittest.mock":  # a mocked config answers whatever it is asked: nobody chose this
        return False
    if enabled not in (True, False):
        raise TypeError(f"CautiousOptimizer.wrap got enabled={enabled!r}, not a boolean (a non-empty string would count as "
                        f"true). Set {GROUP_SWITCH} to true or false, unquoted, in the configuration it comes from.")
    return bool(enabled)

def _setting(name: str, value: Any, least: float) -> float:
    if isinstance(value, (str, bool)) or not hasattr(type(value), "__float__"):
        raise TypeError(f"CautiousOptimizer got {name}={value!r}, not a number. Correct it in the configuration it comes "
                        "from (YAML reads 1e-8 as a string and 1.0e-8 as a number).")
    if not least <= float(value) <= 1:
        raise ValueError(f"CautiousOptimizer got {name}={value!r}. eps must be above 0, or a tensor whose gradient is all "
                         "zeros would become NaN (use 1e-8); min_mean is from 0 to 1.")
    return float(value)

def _refuse_optimizer(base: Any) -> None:
    name = type(base).__name__
    if not isinstance(base, Optimizer):
        raise TypeError(f"CautiousOptimizer needs a torch.optim.Optimizer, got {name}. Of several optimizers, wrap each.")
    inner = [base] + [getattr(base, attribute, None) for attribute in ("optimizer", "base_optimizer", "optim")]
    if any(getattr(one, "is_cautious_optimizer", False) for one in inner):
        raise ValueError(f"This {name} is cautious already. Wrap an optimizer once, where it is made.")
    if any(own.get(k) for own in (vars(base), base.defaults, *base.param_groups) for k in ("caution", "cautious")):
        raise ValueError(f"This {name} masks its updates itself (caution or cautious is set). Unset that, or do not wrap it.")
    for kind in type(base).__mro__:
        for refused, why in _REFUSED.items():
            if kind.__name__ == refused or (kind.__name__.endswith(refused) and refused == "ScheduleFree"):
                raise TypeError(f"CautiousOptimizer cannot wrap {name}: {why}. Leave it unwrapped.")
    for group in base.param_groups:
        _refuse_group(group)

def _refuse_group(group: dict[str, Any]) -> None:
    switch, opt_out = group.get(GROUP_SWITCH, True), f'give its param group "{GROUP_SWITCH}": False'
    if isinstance(switch, str):
        raise TypeError(f"A param group has {GROUP_SWITCH}={switch!r}, a string. Make it True or False.")
    if switch and group.get("differentiable"):
        raise ValueError("CautiousOptimizer does not support differentiable=True: a mask has no gradient. Make the optimizer "
                         "with differentiable=False, or do not wrap it.")
    for p in group["params"] if switch else ():
        if p.grad is not None and p.grad.layout != torch.strided:
            raise RuntimeError("CautiousOptimizer does not support sparse gradients: a mask needs every element. Make the "
                               f"layer with sparse=False, or {opt_out}.")
        if _is_dtensor(p) and any(placement.is_partial() for placement in p.placements):
            raise TypeError("CautiousOptimizer does not support Partial DTensor parameters: on each rank lies a summand, "
                            f"without a sign to compare. Redistribute it (redistribute() to Shard or Replicate), or {opt_out}.")

def _warn_once(base: Optimizer) -> None:
    groups = [group for group in base.param_groups if group.get(GROUP_SWITCH, True)]
    marks = ("_is_flat_param", "_fsdp_flattened", "ds_id")  # FSDP1, FSDP1 with use_orig_params, DeepSpeed ZeRO-3
    if any(hasattr(p, mark) for group in groups for p in group["params"] for mark in marks):
        warnings.warn("CautiousOptimizer: these parameters are shards (FSDP1 or DeepSpeed), and the mean of a mask is taken "
                      "over each shard: the result depends on how many ranks there are.", stacklevel=3)
    if any(_decay_kind(base, group) == "unknown" for group in groups):
        warnings.warn(
            f"CautiousOptimizer: {type(base).__name__} does not say what its weight_decay does, so the decay is masked "
            'and scaled with the update. Give its param groups "decoupled_weight_decay": True if it multiplies the '
            "parameters by 1 - lr * weight_decay, or False if it adds weight_decay * p to the gradient.", stacklevel=3)
