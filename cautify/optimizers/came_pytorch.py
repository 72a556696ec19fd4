"""came-pytorch: https://github.com/yangluo7/CAME

CAME is wrapped: an Adafactor with a first moment.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import by_name, wrapped

LIBRARY = Library(
    optimizers=by_name(wrapped("came_pytorch", "CAME")),
    aliases={"came_pytorch.CAME.CAME": "came_pytorch.CAME"},
)
