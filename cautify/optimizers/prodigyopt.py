"""prodigyopt: https://github.com/konstmish/prodigy

Prodigy is wrapped: it estimates its step size from the way gone so far, and the way that is gone is the masked one.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import by_name, wrapped

LIBRARY = Library(
    optimizers=by_name(
        (*wrapped("prodigyopt", "Prodigy"), *wrapped("prodigyopt.prodigy_reference", "ProdigyReference"))
    ),
    aliases={"prodigyopt.prodigy.Prodigy": "prodigyopt.Prodigy"},
)
