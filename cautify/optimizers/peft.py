"""peft: https://huggingface.co/docs/peft/developer_guides/lora

Its functions make param groups for adapters and return an optimizer of the class they are given, or LoRA-FA's own. What
they return is wrapped: masked against the gradient of the loss, also where its step projects that first.
"""

from __future__ import annotations

from cautify.optimizers import Factory, Library
from cautify.optimizers._entries import by_name, wrapped

_FUNCTIONS = ("create_loraplus_optimizer", "create_lorafa_optimizer", "create_riemannian_optimizer")

LIBRARY = Library(
    optimizers=by_name(wrapped("peft.optimizers.lorafa", "LoraFAOptimizer")),
    aliases={
        f"peft.optimizers.{module}.{name}": f"peft.optimizers.{name}"
        for module, name in zip(("loraplus", "lorafa", "riemannian"), _FUNCTIONS, strict=True)
    },
    factories=tuple(Factory(f"peft.optimizers.{name}") for name in _FUNCTIONS),
)
