"""lion-pytorch: https://github.com/lucidrains/lion-pytorch

Lion is wrapped: its update is a sign, and the mask drops the signs that disagree with the gradient. The Lion of
lion_pytorch.cautious_lion masks by itself.
"""

from __future__ import annotations

from cautify.optimizers import Library, Optimizer
from cautify.optimizers._entries import by_name

_MASKS = "it masks by itself, unless cautious_factor is 1"

_OPTIMIZERS = (
    Optimizer("lion_pytorch.Lion"),
    Optimizer("lion_pytorch.foreach.Lion"),
    Optimizer("lion_pytorch.cautious_lion.Lion", "already-cautious", _MASKS),
)

LIBRARY = Library(optimizers=by_name(_OPTIMIZERS), aliases={"lion_pytorch.lion_pytorch.Lion": "lion_pytorch.Lion"})
