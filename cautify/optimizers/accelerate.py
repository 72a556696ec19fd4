"""accelerate: https://huggingface.co/docs/accelerate/package_reference/torch_wrappers

Nothing of it is wrapped. AcceleratedOptimizer is given an optimizer, by ``accelerator.prepare`` as a rule, and that
one is made cautious where it is made. DummyOptim only holds the parameters until DeepSpeed makes the optimizer that
its config names.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import INSTANCE, by_name, skipped

_PLACEHOLDER = (
    "it stands for the optimizer that DeepSpeed makes from its config; take 'optimizer' out of that config and make "
    "the optimizer in Python to have it cautious"
)

LIBRARY = Library(
    optimizers=by_name(
        (
            *skipped("accelerate.optimizer", "AcceleratedOptimizer", "wrapper", INSTANCE),
            *skipped("accelerate.utils", "DummyOptim", "wrapper", _PLACEHOLDER),
            *skipped("accelerate.utils.deepspeed", "DeepSpeedOptimizerWrapper", "wrapper", INSTANCE),
            *skipped("accelerate.utils.megatron_lm", "MegatronLMOptimizerWrapper", "wrapper", INSTANCE),
        )
    ),
    aliases={
        "accelerate.utils.deepspeed.DummyOptim": "accelerate.utils.DummyOptim",
        "accelerate.utils.DeepSpeedOptimizerWrapper": "accelerate.utils.deepspeed.DeepSpeedOptimizerWrapper",
        "accelerate.utils.MegatronLMOptimizerWrapper": "accelerate.utils.megatron_lm.MegatronLMOptimizerWrapper",
    },
)
