"""fairseq: https://fairseq.readthedocs.io/en/latest/optim.html

A FairseqOptimizer is no torch optimizer: it holds one that it makes from its config, so neither its classes nor
``build_optimizer`` are wrapped. The torch optimizers that fairseq defines beside them are.
"""

from __future__ import annotations

from cautify.optimizers import Factory, Library, Momentum, Optimizer
from cautify.optimizers._entries import by_name, skipped, wrapped

_HOLDS = (
    "it is a FairseqOptimizer, which makes a torch optimizer of its own; to have that one cautious, wrap what your "
    "subclass of FairseqOptimizer assigns to self._optimizer"
)

_HOLDERS = {
    "adadelta": "Adadelta",
    "adafactor": "FairseqAdafactor",
    "adagrad": "Adagrad",
    "adam": "FairseqAdam",
    "adamax": "FairseqAdamax",
    "amp_optimizer": "AMPOptimizer",
    "bmuf": "FairseqBMUF",
    "composite": "FairseqCompositeOptimizer",
    "cpu_adam": "FairseqCPUAdam",
    "fp16_optimizer": "FP16Optimizer MemoryEfficientFP16Optimizer",
    "fused_lamb": "FairseqLAMB",
    "nag": "FairseqNAG",
    "sgd": "SGD",
}
_BUILDS = (
    "fp16_optimizer.FP16Optimizer",
    "fp16_optimizer.MemoryEfficientFP16Optimizer",
    "amp_optimizer.AMPOptimizer",
)

LIBRARY = Library(
    optimizers=by_name(
        (
            *wrapped("fairseq.optim.adam", "Adam"),
            *wrapped("fairseq.optim.adamax", "Adamax"),
            *wrapped("fairseq.optim.cpu_adam", "CPUAdam"),
            *wrapped("fairseq.optim.fused_adam", "FusedAdamV1"),
            Optimizer("fairseq.optim.nag.NAG", momentum=Momentum("momentum", 2)),
            Optimizer("fairseq.optim.adafactor.Adafactor", momentum=Momentum("beta1", 5)),
            *(
                o
                for file, names in _HOLDERS.items()
                for o in skipped(f"fairseq.optim.{file}", names, "wrapper", _HOLDS)
            ),
        )
    ),
    factories=(
        Factory("fairseq.optim.build_optimizer", reason="built-by-library", why=_HOLDS),
        *(Factory(f"fairseq.optim.{name}.build_optimizer", reason="built-by-library", why=_HOLDS) for name in _BUILDS),
    ),
    aliases={
        "fairseq.optim.FP16Optimizer": "fairseq.optim.fp16_optimizer.FP16Optimizer",
        "fairseq.optim.MemoryEfficientFP16Optimizer": "fairseq.optim.fp16_optimizer.MemoryEfficientFP16Optimizer",
        "fairseq.optim.AMPOptimizer": "fairseq.optim.amp_optimizer.AMPOptimizer",
    },
)
