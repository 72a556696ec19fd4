"""galore-torch: https://github.com/jiaweizzhao/GaLore

Its classes are wrapped: they project the gradient, but move the whole parameter, so its update can be compared with
the whole gradient. GaLoreAdafactor has a first moment only where ``beta1`` is given.
"""

from __future__ import annotations

from cautify.optimizers import Library, Momentum, Optimizer
from cautify.optimizers._entries import by_name, wrapped

LIBRARY = Library(
    optimizers=by_name(
        (
            *wrapped("galore_torch", "GaLoreAdamW GaLoreAdamW8bit"),
            Optimizer("galore_torch.GaLoreAdafactor", momentum=Momentum("beta1", 5)),
        )
    ),
    aliases={
        "galore_torch.adamw.AdamW": "galore_torch.GaLoreAdamW",
        "galore_torch.adamw8bit.AdamW8bit": "galore_torch.GaLoreAdamW8bit",
        "galore_torch.adafactor.Adafactor": "galore_torch.GaLoreAdafactor",
    },
)
