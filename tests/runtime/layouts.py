"""A small model, and the ways to spread it: each takes the model and the number of ranks, and returns what to call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_module
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, SequenceParallel, parallelize_module
from torch.nn.parallel import DistributedDataParallel

FEATURES = 6
case = 0  # the number of the one that runs
folder = ""  # its own, the same on every rank


def mesh_of(*shape: int, names: tuple[str, ...] = ("all",)) -> DeviceMesh:
    """A mesh that no other case has: meshes of equal names are equal to torch's caches, even without groups."""
    return init_device_mesh("cpu", shape, mesh_dim_names=tuple(f"{name}{case}" for name in names))


class Net(nn.Module):
    """One parameter is never used and one is frozen: neither gets a gradient on any rank."""

    def __init__(self, hidden: int = 8, out: int = 8, depth: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.LayerNorm(FEATURES)
        self.up = nn.Linear(FEATURES, hidden)
        self.between = nn.Sequential(*(nn.Sequential(nn.Linear(hidden, hidden), nn.Tanh()) for _ in range(depth)))
        self.down = nn.Linear(hidden, out)
        self.unused = nn.Parameter(torch.randn(hidden))
        self.frozen = nn.Parameter(torch.randn(hidden), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        # tanh, because behind a relu some gradients are 0, where rounding decides the sign
        return self.down(self.between(torch.tanh(self.up(self.norm(x)))))


def uneven() -> nn.Module:
    return Net(hidden=7, out=5)


def all_trained() -> nn.Module:
    """torch.distributed.checkpoint insists on the state of whatever can be trained."""
    model = uneven()
    model.unused.requires_grad_(False)
    return model


def one_row() -> nn.Module:
    """Of the last layer every rank but the first holds nothing."""
    return Net(out=1)


def all_on_the_first_rank() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(FEATURES, 1)


def deep() -> nn.Module:
    return Net(depth=4)


def wide() -> nn.Module:
    """Its last layer is more than the runtime takes at once, on each of two ranks.

    In float64, because of a million gradients some are so near 0 that in float32 rounding decides their sign."""
    return Net(hidden=140_000).double()


def in_bfloat16() -> nn.Module:
    return Net().bfloat16()


def in_float64() -> nn.Module:
    return uneven().double()


def batch(step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(8, 4, FEATURES, generator=generator), torch.randn(8, 4, 1, generator=generator)


def ddp(model: nn.Module, world: int) -> nn.Module:
    return DistributedDataParallel(model, find_unused_parameters=True)


def fsdp(model: nn.Module, world: int, **options: Any) -> nn.Module:
    return fully_shard(model, mesh=mesh_of(world), **options)


def fsdp_by_layer(model: nn.Module, world: int) -> nn.Module:
    mesh = mesh_of(world)
    fully_shard(model.up, mesh=mesh)
    fully_shard(model.down, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def fsdp_by_columns(model: nn.Module, world: int) -> nn.Module:
    return fsdp(model, world, shard_placement_fn=lambda p: Shard(p.ndim - 1))


def fsdp_in_bfloat16(model: nn.Module, world: int) -> nn.Module:
    return fsdp(model, world, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32))


def hsdp(model: nn.Module, world: int) -> nn.Module:
    return fully_shard(model, mesh=mesh_of(2, world // 2, names=("replicate", "shard")))


def two_meshes(model: nn.Module, world: int) -> nn.Module:
    """The first layer over all ranks, the rest over a mesh of two dimensions."""
    fully_shard(model.up, mesh=mesh_of(world))
    return fully_shard(model, mesh=mesh_of(1, world, names=("replicate", "shard")))


PLAN = {"up": ColwiseParallel, "down": RowwiseParallel}


def _tensor_parallel(model: nn.Module, mesh: DeviceMesh, **more: Any) -> nn.Module:
    return parallelize_module(model, mesh, {**{name: style() for name, style in PLAN.items()}, **more})


def tensor_parallel(model: nn.Module, world: int) -> nn.Module:
    """The norm stays plain tensors: DTensors and others in one optimizer."""
    return _tensor_parallel(model, mesh_of(world))


def replicated_norm(model: nn.Module, world: int) -> nn.Module:
    mesh = mesh_of(world)
    distribute_module(
        model.norm,
        mesh,
        input_fn=lambda module, inputs, mesh: DTensor.from_local(inputs[0], mesh, [Replicate()]),
        output_fn=lambda module, output, mesh: output.to_local(),
    )
    return _tensor_parallel(model, mesh)


def sequence_parallel(model: nn.Module, world: int) -> nn.Module:
    """Each rank's gradient of the norm is a part of a sum: a Partial DTensor beside a replicated parameter."""
    return _in_sequence(model, mesh_of(world))


def _in_sequence(model: nn.Module, mesh: DeviceMesh) -> nn.Module:
    def spread(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[DTensor]:
        return (DTensor.from_local(inputs[0], mesh, [Replicate()]).redistribute(mesh, [Shard(1)]),)

    model.register_forward_pre_hook(spread)
    return _tensor_parallel(
        model, mesh, norm=SequenceParallel(), up=ColwiseParallel(input_layouts=Shard(1)), down=RowwiseParallel()
    )


def tensor_parallel_in_halves(model: nn.Module, world: int) -> nn.Module:
    """A mesh of half the ranks; the other half does the same."""
    return _tensor_parallel(model, mesh_of(2, world // 2, names=("copy", "tp"))[f"tp{case}"])


def tensor_parallel_and_fsdp(model: nn.Module, world: int) -> nn.Module:
    """The layers lie on a mesh of two dimensions, both sharded; the norm on the first of them."""
    mesh = mesh_of(2, world // 2, names=("dp", "tp"))
    return fully_shard(_tensor_parallel(model, mesh[f"tp{case}"]), mesh=mesh[f"dp{case}"])


def sequence_parallel_and_fsdp(model: nn.Module, world: int) -> nn.Module:
    """As above, the norm sharded in one dimension and replicated in the other."""
    mesh = mesh_of(2, world // 2, names=("dp", "tp"))
    return fully_shard(_in_sequence(model, mesh[f"tp{case}"]), mesh=mesh[f"dp{case}"])


def two_dimensions_of_three(model: nn.Module, world: int) -> nn.Module:
    """Both dimensions sharded on a mesh that is half of the ranks; the other half does the same."""
    mesh = mesh_of(2, 1, world // 2, names=("copy", "dp", "tp"))
    return fully_shard(_tensor_parallel(model, mesh[f"tp{case}"]), mesh=mesh[f"dp{case}"])


def fsdp1(model: nn.Module, world: int) -> nn.Module:
    return FullyShardedDataParallel(model, device_id=torch.device("cpu"))


def fsdp1_with_its_parameters(model: nn.Module, world: int) -> nn.Module:
    return FullyShardedDataParallel(model, device_id=torch.device("cpu"), use_orig_params=True)
