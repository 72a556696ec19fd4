"""sophia-optimizer: https://github.com/Liuhong99/Sophia

SophiaG is not wrapped: its step takes the batch size and its training loop calls it with that, while a wrapper's step
takes a closure alone.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import by_name, skipped

_BATCH_SIZE = "its step is called with the batch size, which a wrapper's step does not take"

LIBRARY = Library(
    optimizers=by_name(skipped("sophia", "SophiaG", "custom", _BATCH_SIZE)),
    aliases={"sophia.sophia.SophiaG": "sophia.SophiaG"},
)
