"""schedulefree: https://github.com/facebookresearch/schedule_free

None of its classes is wrapped: each keeps iterates of its own, and computes the parameters from them in every step.
The wrappers do so with an optimizer that they are given. The Closure classes need a closure besides.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import SCHEDULE_FREE, by_name, skipped, spelled

_FILES = {
    "adamw_schedulefree": "AdamWScheduleFree",
    "adamw_schedulefree_closure": "AdamWScheduleFreeClosure",
    "adamw_schedulefree_paper": "AdamWScheduleFreePaper",
    "adamw_schedulefree_reference": "AdamWScheduleFreeReference",
    "radam_schedulefree": "RAdamScheduleFree",
    "radam_schedulefree_closure": "RAdamScheduleFreeClosure",
    "sgd_schedulefree": "SGDScheduleFree",
    "sgd_schedulefree_closure": "SGDScheduleFreeClosure",
    "sgd_schedulefree_reference": "SGDScheduleFreeReference",
}
_WRAPPERS = {
    "wrap_schedulefree": "ScheduleFreeWrapper",
    "wrap_schedulefree_reference": "ScheduleFreeWrapperReference",
}

LIBRARY = Library(
    optimizers=by_name(
        (
            *skipped("schedulefree", " ".join(_FILES.values()), "no-benefit", SCHEDULE_FREE),
            *skipped("schedulefree", " ".join(_WRAPPERS.values()), "wrapper", SCHEDULE_FREE),
        )
    ),
    aliases=spelled("schedulefree", {f"schedulefree.{f}": names for f, names in {**_FILES, **_WRAPPERS}.items()}),
)
