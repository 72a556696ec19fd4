"""adabelief-pytorch: https://github.com/juntang-zhuang/Adabelief-Optimizer

AdaBelief is wrapped: an Adam with another second moment.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import by_name, wrapped

LIBRARY = Library(
    optimizers=by_name(wrapped("adabelief_pytorch", "AdaBelief")),
    aliases={"adabelief_pytorch.AdaBelief.AdaBelief": "adabelief_pytorch.AdaBelief"},
)
