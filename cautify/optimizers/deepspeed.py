"""DeepSpeed: https://deepspeed.readthedocs.io/en/latest/optimizers.html

Its fused and CPU classes are wrapped: they change the parameters in place. The 1-bit classes exchange compressed
momentum inside their step, so processes would mask differently. ``deepspeed.initialize`` makes the optimizer that its
JSON names unless it is handed one. ZeRO looks at the class of what it is handed: it takes a cautious optimizer only
with ``"zero_allow_untested_optimizer": true``, and says so.
"""

from __future__ import annotations

from cautify.optimizers import Builder, Library
from cautify.optimizers._entries import LOCAL_GRADIENT, NO_MOMENTUM, ORTHOGONAL, by_name, skipped, spelled, wrapped

_ZENFLOW = "DeepSpeed's engine calls its steps one by one, by names that only this class has"
_HAND_OVER = (
    "take 'optimizer' out of DeepSpeed's config, make it in Python and hand it over, "
    "deepspeed.initialize(..., optimizer=CautiousOptimizer.wrap(...)); under ZeRO set zero_allow_untested_optimizer"
)
_MUON = "Muon SingleDeviceMuon MuonWithAuxAdam SingleDeviceMuonWithAuxAdam"

_OPTIMIZERS = (
    *wrapped("deepspeed.ops.adam", "FusedAdam DeepSpeedCPUAdam"),
    *wrapped("deepspeed.ops.lamb", "FusedLamb"),
    *wrapped("deepspeed.ops.lion", "FusedLion DeepSpeedCPULion"),
    *skipped("deepspeed.ops.adagrad", "DeepSpeedCPUAdagrad", "no-momentum", NO_MOMENTUM),
    *skipped(
        "deepspeed.ops.adam", "ZenFlowCPUAdam ZenFlowSelectiveAdamW ZenFlowSelectiveAdamW_stage3", "custom", _ZENFLOW
    ),
    *skipped("deepspeed.runtime.fp16.onebit", "OnebitAdam OnebitLamb ZeroOneAdam", "no-benefit", LOCAL_GRADIENT),
    *skipped("deepspeed.runtime.zero.muon.original_muon", _MUON, "no-benefit", ORTHOGONAL),
    *skipped("deepspeed.runtime.zero.muon.muon_optimizer", "MuonWithAuxAdam", "no-benefit", ORTHOGONAL),
)

LIBRARY = Library(
    optimizers=by_name(_OPTIMIZERS),
    aliases={
        **spelled(
            "deepspeed.ops.adam",
            {
                "deepspeed.ops.adam.fused_adam": "FusedAdam",
                "deepspeed.ops.adam.cpu_adam": "DeepSpeedCPUAdam",
                "deepspeed.ops.adam.zenflow_cpu_adam": "ZenFlowCPUAdam",
                "deepspeed.ops.adam.zenflow_torch_adam": "ZenFlowSelectiveAdamW ZenFlowSelectiveAdamW_stage3",
            },
        ),
        **spelled("deepspeed.ops.lamb", {"deepspeed.ops.lamb.fused_lamb": "FusedLamb"}),
        **spelled(
            "deepspeed.ops.lion",
            {"deepspeed.ops.lion.fused_lion": "FusedLion", "deepspeed.ops.lion.cpu_lion": "DeepSpeedCPULion"},
        ),
        **spelled("deepspeed.ops.adagrad", {"deepspeed.ops.adagrad.cpu_adagrad": "DeepSpeedCPUAdagrad"}),
        **spelled(
            "deepspeed.runtime.fp16.onebit",
            {
                "deepspeed.runtime.fp16.onebit.adam": "OnebitAdam",
                "deepspeed.runtime.fp16.onebit.lamb": "OnebitLamb",
                "deepspeed.runtime.fp16.onebit.zoadam": "ZeroOneAdam",
            },
        ),
    },
    builders=(Builder("deepspeed.initialize", _HAND_OVER, given="optimizer"),),
)
