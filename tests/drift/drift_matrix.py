"""The matrix: what people and tools do to patched code, and what revert and check make of each.

One line of each case says what happens to the code (``theirs``, ``ours``), one what check says (``states``: only what
fails is listed) and what revert does (see Case). ``edited`` means that something cautify wrote says something else now.
Code around and inside the wrap is the owner's, and changing it is no difference: a learning rate, a name, a layout.
"""

from __future__ import annotations

from cases_around import THE_CODE_AROUND
from cases_gone import GONE, MOVED_AND_RENAMED
from cases_of_bytes import BYTES, FORMATTED
from cases_of_ours import OURS_IS_CHANGED
from cases_of_theirs import READ_BY_THEM, WRAPPED_BY_HAND

MATRIX = {
    f"{group}: {case.name}": case
    for group, cases in {
        "the code around": THE_CODE_AROUND,
        "moved and renamed": MOVED_AND_RENAMED,
        "gone": GONE,
        "ours is changed": OURS_IS_CHANGED,
        "wrapped by hand": WRAPPED_BY_HAND,
        "read by them": READ_BY_THEM,
        "bytes": BYTES,
        "formatted": FORMATTED,
    }.items()
    for case in cases
}
