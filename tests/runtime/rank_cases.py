"""Every case that the ranks run, by name."""

from __future__ import annotations

from typing import Any

import layouts
import torch
from cautious_optimizer import CautiousOptimizer
from rank_bases import (
    BASES,
    SignOfMomentum,
    adamw,
    by_kind_of_tensor,
    clip,
    no_gradient_where_there_is_nothing,
    of,
    zero_redundancy,
)
from rank_checkpoints import CHECKPOINTS, AskedBeforeItsFirstStep
from rank_single_cases import SINGLES
from rank_training import Training

BOTH = (2, 4)
TRAININGS: dict[str, Training] = {
    "DDP": Training(layouts.ddp, adamw, BOTH, all_reduces=0, dtensor=False),
    "DDP, fused": Training(layouts.ddp, BASES["AdamW, fused"], all_reduces=0, dtensor=False),
    "DDP, an unknown optimizer": Training(layouts.ddp, of(SignOfMomentum), all_reduces=0, dtensor=False),
    "ZeroRedundancyOptimizer": Training(
        layouts.ddp,
        zero_redundancy,
        all_reduces=0,
        dtensor=False,
        collectives_of_the_base=frozenset({"broadcast"}),
    ),
    "FSDP2": Training(layouts.fsdp, adamw, BOTH),
    "FSDP2, uneven shards": Training(layouts.fsdp, adamw, BOTH, layouts.uneven),
    "FSDP2, empty shards": Training(layouts.fsdp, adamw, BOTH, layouts.one_row),
    "FSDP2, empty shards, fused": Training(layouts.fsdp, BASES["AdamW, fused"], model=layouts.one_row),
    "FSDP2, empty shards, an unknown optimizer": Training(layouts.fsdp, of(SignOfMomentum), model=layouts.one_row),
    "FSDP2, empty shards without gradient": Training(
        layouts.fsdp, adamw, BOTH, layouts.one_row, before_step=no_gradient_where_there_is_nothing
    ),
    "FSDP2, ranks that hold nothing": Training(layouts.fsdp, adamw, BOTH, layouts.all_on_the_first_rank),
    "FSDP2, ranks that hold nothing and have no gradient": Training(
        layouts.fsdp, adamw, BOTH, layouts.all_on_the_first_rank, before_step=no_gradient_where_there_is_nothing
    ),
    "FSDP2, layer by layer": Training(layouts.fsdp_by_layer, adamw, model=layouts.uneven),
    "FSDP2, more parameters": Training(layouts.fsdp, adamw, BOTH, layouts.deep),
    "FSDP2, sharded by columns": Training(layouts.fsdp_by_columns, adamw),
    "FSDP2, sharded by columns, fused": Training(layouts.fsdp_by_columns, BASES["AdamW, fused"]),
    "FSDP2, forward in bfloat16": Training(layouts.fsdp_in_bfloat16, adamw, forward_in=torch.bfloat16),
    # Every rank sees the whole batch, because a mean in bfloat16 depends on how it is split.
    "FSDP2, parameters in bfloat16": Training(layouts.fsdp, adamw, model=layouts.in_bfloat16, shares=False),
    "FSDP2, parameters in float64": Training(layouts.fsdp, adamw, BOTH, layouts.in_float64, tolerance=1e-12),
    "FSDP2, a wide layer": Training(layouts.fsdp, adamw, model=layouts.wide),
    "FSDP2, gradients clipped": Training(layouts.fsdp, adamw, before_step=clip),
    "FSDP2, min_mean": Training(layouts.fsdp, adamw, wrap=lambda base: CautiousOptimizer(base, min_mean=0.9)),
    **{f"FSDP2, {name}": Training(layouts.fsdp, base, model=layouts.uneven) for name, base in BASES.items()},
    "HSDP": Training(layouts.hsdp, adamw, (4,), layouts.one_row),
    "HSDP, fused": Training(layouts.hsdp, BASES["AdamW, fused"], (4,), layouts.uneven),
    "two meshes": Training(layouts.two_meshes, adamw, BOTH, layouts.uneven, all_reduces=2),
    "tensor parallel": Training(layouts.tensor_parallel, adamw, BOTH, shares=False),
    "tensor parallel, foreach": Training(layouts.tensor_parallel, by_kind_of_tensor, shares=False),
    "tensor parallel, an unknown optimizer": Training(layouts.tensor_parallel, of(SignOfMomentum), shares=False),
    "tensor parallel, norm replicated": Training(layouts.replicated_norm, adamw, BOTH, shares=False),
    "tensor parallel on half of the ranks": Training(layouts.tensor_parallel_in_halves, adamw, (4,), shares=False),
    # torch's for-loop and foreach AdamW would sum a Partial gradient three times, its fused one once.
    "sequence parallel": Training(layouts.sequence_parallel, adamw, BOTH, shares=False, all_reduces=range(1, 4)),
    "tensor parallel and FSDP2": Training(layouts.tensor_parallel_and_fsdp, adamw, (4,), shares=False, all_reduces=2),
    "tensor parallel and FSDP2, fused": Training(
        layouts.tensor_parallel_and_fsdp, BASES["AdamW, fused"], (4,), shares=False, all_reduces=2
    ),
    # The layers and the norm are on one mesh, the unused parameter on another: it takes part without a gradient.
    "sequence parallel and FSDP2": Training(
        layouts.sequence_parallel_and_fsdp, adamw, (4,), shares=False, all_reduces=range(1, 5)
    ),
    # A mesh of one rank need not reduce anything.
    "two dimensions of three": Training(
        layouts.two_dimensions_of_three, adamw, (4,), shares=False, all_reduces=range(1, 3)
    ),
}

CASES: dict[str, Any] = {**TRAININGS, **CHECKPOINTS, **SINGLES, "asked for its state": AskedBeforeItsFirstStep()}
