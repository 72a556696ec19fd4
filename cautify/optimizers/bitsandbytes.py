"""bitsandbytes: https://huggingface.co/docs/bitsandbytes/main/en/reference/optim/optim_overview

Its 8-bit, 32-bit and paged classes are wrapped, because they change the parameters in place as torch's do; only their
states are smaller. Adagrad has no momentum, and neither has RMSprop, whatever its ``momentum`` says: its kernels do
not use it. SGD and LARS refuse to be made without momentum, so theirs need not be looked at.
"""

from __future__ import annotations

from cautify.optimizers import Library, Momentum, Optimizer
from cautify.optimizers._entries import NO_MOMENTUM, by_name, skipped, spelled, wrapped

_RMSPROP = "its kernels do not use the momentum, so its update always agrees with the gradient in sign"

_FILES = {
    "adam": "Adam Adam8bit Adam32bit PagedAdam PagedAdam8bit PagedAdam32bit",
    "adamw": "AdamW AdamW8bit AdamW32bit PagedAdamW PagedAdamW8bit PagedAdamW32bit",
    "ademamix": "AdEMAMix AdEMAMix8bit AdEMAMix32bit PagedAdEMAMix PagedAdEMAMix8bit PagedAdEMAMix32bit",
    "lamb": "LAMB LAMB8bit LAMB32bit",
    "lars": "LARS LARS8bit LARS32bit",
    "lion": "Lion Lion8bit Lion32bit PagedLion PagedLion8bit PagedLion32bit",
    "sgd": "SGD SGD8bit SGD32bit",
}
_ADAGRAD = "Adagrad Adagrad8bit Adagrad32bit"
_RMSPROPS = "RMSprop RMSprop8bit RMSprop32bit"

_OPTIMIZERS = (
    *(optimizer for names in _FILES.values() for optimizer in wrapped("bitsandbytes.optim", names)),
    Optimizer("bitsandbytes.optim.PytorchLARS", momentum=Momentum("momentum", 2)),
    *skipped("bitsandbytes.optim", _ADAGRAD, "no-momentum", NO_MOMENTUM),
    *skipped("bitsandbytes.optim", _RMSPROPS, "no-momentum", _RMSPROP),
)
_PLACES = {
    **_FILES,
    "lars": f"{_FILES['lars']} PytorchLARS",
    "adagrad": _ADAGRAD,
    "rmsprop": _RMSPROPS,
}

LIBRARY = Library(
    optimizers=by_name(_OPTIMIZERS),
    aliases=spelled("bitsandbytes.optim", {f"bitsandbytes.optim.{file}": names for file, names in _PLACES.items()}),
)
