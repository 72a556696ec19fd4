"""Files that have other names: a patch is written under one name, and the others keep what they have.

That is what protects the store of a package manager, or a copy made with ``cp -al``, from being patched through the
link; and nothing outside the tree is ever written. Whoever counts on the link has to know, so it is said.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cautify.model import FilePlan
from cautify.reports.console import Console

_SHOWN = 10


def warn_of_hard_links(root: Path, files: Sequence[FilePlan], console: Console) -> None:
    """Say which of the files to be changed are hard links."""
    linked = [file.path for file in files if file.before is not None and _names(root / file.path) > 1]
    if not linked:
        return
    shown = ", ".join(linked[:_SHOWN]) + (f" and {len(linked) - _SHOWN} more" if len(linked) > _SHOWN else "")
    are = "is a hard link" if len(linked) == 1 else "are hard links"
    console.warn(f"{shown} {are}: only this name of the file is patched, its other names keep the text they have")


def _names(place: Path) -> int:
    try:
        return os.stat(place).st_nlink
    except OSError:
        return 0
