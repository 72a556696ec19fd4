"""``apply --plan-out``: the plan as a file, and where such a file may be put."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from cautify.errors import CautifyError, PlanUnusable
from cautify.model import FilePlan
from cautify.patch import plan_text
from cautify.patch.disk import HOME, look, write_new
from cautify.patch.stored import fitted, stored

_NEXT = "Nothing was written. Name another file with --plan-out."


def keep(place: Path, root: Path, files: Sequence[FilePlan], old: bytes | None, new: bytes | None) -> str:
    """Write a plan for the tree at ``root`` to a file, whole or not at all. Returns what to say of it.

    Args:
        place: The file. One that exists is replaced if it holds a plan, or nothing.
        root: The tree that the plan is for.
        files: What it does to each file.
        old: The manifest there, None for none.
        new: The manifest that goes with the plan, None where nothing is to be recorded.

    Raises:
        PlanUnusable: it must not or cannot be put there; nothing was written.
        FileChanged: the tree is being changed.
    """
    real = os.path.realpath(place)
    plan = stored(root, files, old, new)
    data = plan_text.dump(plan)
    fitted(root, plan_text.parse(data, str(place)), old, str(place))  # no plan is handed out that would be refused
    require_free(place, root, [file.path for file in files])
    _write(place, real, data)
    return f"The plan is in {place}: `cautify apply --plan {place}` writes it. Nothing else was written."


def require_free(place: Path, root: Path, planned: Sequence[str] = ()) -> None:
    """Refuse a place where a plan would overwrite something else, or cannot be. ``planned`` are the patch's own files.

    Raises:
        PlanUnusable: that is so.
    """
    real, base = os.path.realpath(place), os.path.realpath(root)
    written = [os.path.realpath(os.path.join(base, path)) for path in planned]
    if f"{real}/".startswith(f"{base}/{HOME}/") or any(f"{path}/".startswith(f"{real}/") for path in written):
        raise _refused(place, "the patch has a file there itself")
    try:
        there = look(real, str(place))
    except CautifyError as error:
        raise _refused(place, error.why) from error
    if there is not None and there.data.strip() and not plan_text.is_plan(there.data):
        raise _refused(place, "a file is there that is no plan, and it is not overwritten")
    if not os.path.isdir(os.path.dirname(real)):
        raise _refused(place, f"there is no directory {os.path.dirname(real)}")


def _write(place: Path, real: str, data: bytes) -> None:
    temporary = f"{real}.{secrets.token_hex(4)}.tmp"
    try:
        write_new(temporary, data, None, None)
        os.replace(temporary, real)
    except OSError as error:
        raise _refused(place, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _refused(place: Path, why: str) -> PlanUnusable:
    return PlanUnusable(f"the plan cannot be written to {place}", why, _NEXT)
