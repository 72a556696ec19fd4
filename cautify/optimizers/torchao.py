"""torchao.optim: https://docs.pytorch.org/ao/stable/

Its 8-bit, 4-bit and fp8 classes are wrapped: only their states are small. CPUOffloadOptimizer makes its optimizers
itself, for copies of the parameters on the CPU that it then writes over the parameters, so nothing outside can mask.
The optimizers of parq and pat quantize or prune what an optimizer does that they are given.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import INSTANCE, OWN_WEIGHTS, by_name, skipped, wrapped

_OPTIMIZERS = (
    *wrapped("torchao.optim", "Adam8bit Adam4bit AdamFp8 AdamW8bit AdamW4bit AdamWFp8 _AdamW"),
    *skipped("torchao.optim", "CPUOffloadOptimizer", "no-benefit", OWN_WEIGHTS),
    *skipped("torchao.prototype.parq.optim", "QuantOptimizer", "wrapper", INSTANCE),
    *skipped("torchao.prototype.pat.optim", "PruneOptimizer", "wrapper", INSTANCE),
)

LIBRARY = Library(
    optimizers=by_name(_OPTIMIZERS),
    aliases={
        "torchao.optim.adam": "torchao.optim",
        "torchao.optim.cpu_offload": "torchao.optim",
        "torchao.prototype.low_bit_optim": "torchao.optim",
        "torchao.prototype.low_bit_optim.adam": "torchao.optim",
        "torchao.prototype.low_bit_optim.cpu_offload": "torchao.optim",
        "torchao.prototype.parq.optim.quantopt": "torchao.prototype.parq.optim",
        "torchao.prototype.pat.optim.pruneopt": "torchao.prototype.pat.optim",
    },
)
