"""Colossal-AI: https://colossalai.readthedocs.io/en/latest/

Its optimizers are wrapped: they change the parameters in place, on the CPU or fused on a GPU. Those of its ZeRO are
given an optimizer; GeminiAdamOptimizer makes a HybridAdam for chunks that replace the model's parameters.
"""

from __future__ import annotations

from cautify.optimizers import Library, Momentum, Optimizer
from cautify.optimizers._entries import INSTANCE, by_name, skipped, spelled, wrapped

_CHUNKS = "it makes a HybridAdam for the chunks in which Gemini keeps the parameters; there is nothing to wrap"

_MODULE = "colossalai.nn.optimizer"
_FILES = {
    "adafactor": "Adafactor",
    "came": "CAME",
    "cpu_adam": "CPUAdam",
    "distributed_adafactor": "DistributedAdaFactor",
    "distributed_came": "DistributedCAME",
    "distributed_galore": "DistGaloreAwamW",
    "distributed_lamb": "DistributedLamb",
    "fused_adam": "FusedAdam",
    "fused_lamb": "FusedLAMB",
    "fused_sgd": "FusedSGD",
    "galore": "GaLoreAdamW8bit",
    "hybrid_adam": "HybridAdam",
    "lamb": "Lamb",
    "lars": "Lars",
}
_WRAP = (
    "CAME CPUAdam DistGaloreAwamW DistributedCAME DistributedLamb FusedAdam FusedLAMB GaLoreAdamW8bit HybridAdam Lamb"
)

LIBRARY = Library(
    optimizers=by_name(
        (
            *wrapped(_MODULE, _WRAP),
            *wrapped(_MODULE, "FusedSGD Lars", Momentum("momentum", 2)),
            *wrapped(_MODULE, "Adafactor DistributedAdaFactor", Momentum("beta1", 5)),
            *skipped("colossalai.zero", "GeminiOptimizer LowLevelZeroOptimizer", "wrapper", INSTANCE),
            Optimizer("colossalai.zero.GeminiAdamOptimizer", "built-by-library", _CHUNKS),
        )
    ),
    aliases={
        **spelled(_MODULE, {f"{_MODULE}.{file}": names for file, names in _FILES.items()}),
        **spelled("galore_torch", {_MODULE: "GaLoreAdamW GaLoreAdafactor"}),
        "colossalai.zero.gemini": "colossalai.zero",
        "colossalai.zero.gemini.gemini_optimizer": "colossalai.zero",
        "colossalai.zero.low_level": "colossalai.zero",
    },
)
