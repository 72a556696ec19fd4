"""apex: https://nvidia.github.io/apex/optimizers.html

Its fused classes are wrapped: one kernel, but the parameters change in place. Those that keep full precision weights
of their own would undo the mask with the next step, and FusedAdagrad has no momentum. FP16_Optimizer and LARC are
given an optimizer. The classes of apex.contrib are stepped by the FP16_Optimizer beside them, with arguments that no
other optimizer's step takes.
"""

from __future__ import annotations

from cautify.optimizers import Library, Momentum, Optimizer
from cautify.optimizers._entries import INSTANCE, NO_MOMENTUM, OWN_WEIGHTS, by_name, skipped, spelled, wrapped

_CONTRIB = "FP16_Optimizer of the same package calls its step with arguments that only this class takes"

_OPTIMIZERS = (
    *wrapped("apex.optimizers", "FusedAdam FusedLAMB FusedNovoGrad"),
    Optimizer("apex.optimizers.FusedSGD", momentum=Momentum("momentum", 2)),
    *skipped("apex.optimizers", "FusedAdagrad", "no-momentum", NO_MOMENTUM),
    *skipped("apex.optimizers", "FusedMixedPrecisionLamb", "no-benefit", OWN_WEIGHTS),
    *skipped("apex.contrib.optimizers", "FusedAdam FusedLAMB", "custom", _CONTRIB),
    *skipped("apex.contrib.optimizers.fused_sgd", "FusedSGD", "custom", _CONTRIB),
    *skipped("apex.contrib.optimizers", "FP16_Optimizer", "wrapper", INSTANCE),
    *skipped("apex.contrib.optimizers.distributed_fused_adam", "DistributedFusedAdam", "no-benefit", OWN_WEIGHTS),
    *skipped("apex.contrib.optimizers.distributed_fused_lamb", "DistributedFusedLAMB", "no-benefit", OWN_WEIGHTS),
    *skipped("apex.fp16_utils", "FP16_Optimizer", "wrapper", INSTANCE),
    *skipped("apex.parallel.LARC", "LARC", "wrapper", INSTANCE),
)
_FILES = {
    "fused_adam": "FusedAdam",
    "fused_lamb": "FusedLAMB",
    "fused_novograd": "FusedNovoGrad",
    "fused_sgd": "FusedSGD",
    "fused_adagrad": "FusedAdagrad",
    "fused_mixed_precision_lamb": "FusedMixedPrecisionLamb",
}
_CONTRIB_FILES = {
    "fused_adam": "FusedAdam",
    "fused_lamb": "FusedLAMB",
    "fp16_optimizer": "FP16_Optimizer",
}

LIBRARY = Library(
    optimizers=by_name(_OPTIMIZERS),
    aliases={
        **spelled("apex.optimizers", {f"apex.optimizers.{file}": names for file, names in _FILES.items()}),
        **spelled(
            "apex.contrib.optimizers",
            {f"apex.contrib.optimizers.{file}": names for file, names in _CONTRIB_FILES.items()},
        ),
        "apex.fp16_utils.fp16_optimizer.FP16_Optimizer": "apex.fp16_utils.FP16_Optimizer",
    },
)
