"""A small tree with everything that makes writing hard, two transactions on it, and a way to compare trees."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cautify.model import Action, FilePlan

Tree = Mapping[str, tuple[str, int, bytes]]

MODIFIED = {
    "pkg/optim.py": (b"# -*- coding: latin-1 -*-\r\n# \xe9t\xe9\r\nx = 1\r\n", 0o755),
    "a dir/\u00fcn\u00ef.py": (b"\xef\xbb\xbfy = 2", 0o600),
    "new\nline.py": (b"z = 3\n", 0o664),
}
CREATED = "pkg/vendored/deep/cautious_optimizer.py"
LINK = "link.py"
DIRECTORIES = ("pkg/vendored", "pkg/vendored/deep")
MANIFEST = b'{"a": "manifest"}\n'


def build(root: Path) -> None:
    """Files with odd bytes, names and modes; a link; and files that no plan touches."""
    for path, (data, mode) in {**MODIFIED, "pkg/__init__.py": (b"", 0o644), "notes.txt": (b"mine", 0o444)}.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(mode)
    (root / "pkg").chmod(0o775)
    (root / LINK).symlink_to("pkg/optim.py")


def applying() -> list[FilePlan]:
    """Three files changed, one of them by way of a link too, and one created in directories that do not exist."""
    plans = [FilePlan(p, Action.MODIFY, data, b"# wrapped\r\n" + data) for p, (data, _) in MODIFIED.items()]
    optim = next(plan for plan in plans if plan.path == "pkg/optim.py")
    linked = FilePlan(LINK, Action.MODIFY, optim.before, optim.after)
    return [*plans, linked, FilePlan(CREATED, Action.CREATE, None, b"class CautiousOptimizer: ...\n")]


def inverse(plans: list[FilePlan]) -> list[FilePlan]:
    """The plans that undo these."""
    opposite = {Action.MODIFY: Action.MODIFY, Action.CREATE: Action.DELETE, Action.DELETE: Action.CREATE}
    return [FilePlan(plan.path, opposite[plan.action], plan.after, plan.before) for plan in plans]


def snapshot(root: Path) -> Tree:
    """Everything in a tree: by path its kind, its mode, and its bytes or the link's target."""
    found = {}
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            place = Path(directory, name)
            status = place.lstat()
            kind = stat.filemode(status.st_mode)[0]
            data = os.fsencode(os.readlink(place)) if kind == "l" else place.read_bytes() if kind == "-" else b""
            found[str(place.relative_to(root))] = (kind, stat.S_IMODE(status.st_mode), data)
    return found


def modify(path: str, before: bytes = b"z = 3\n", after: bytes = b"z = 4\n") -> FilePlan:
    """A plan for one file, by default for ``new\\nline.py``."""
    return FilePlan(path, Action.MODIFY, before, after)


def create(path: str) -> FilePlan:
    """A plan for one new file."""
    return FilePlan(path, Action.CREATE, None, b"new\n")
