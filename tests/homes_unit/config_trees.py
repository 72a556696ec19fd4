"""A small project on disk, the slot that an expression in it gives, and the files with the slot's declarations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import libcst as cst

from cautify.analysis.flows import Flows
from cautify.analysis.origins import Origins
from cautify.analysis.project import Project
from cautify.analysis.syntax import walk
from cautify.homes.bag import Bags
from cautify.homes.constant import Constants
from cautify.homes.key import Keys
from cautify.model import Edit
from cautify.optimizers import Catalogue
from cautify.source import apply_edits

TOGETHER = frozenset({"lr", "learning_rate", "weight_decay"})


class Tree:
    """The files of one project, and what is asked about them."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self.root = root
        self.files = {path: dedent(text).lstrip("\n") for path, text in files.items()}
        for path, text in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(text.encode())
        self.project = Project(root, [path for path in self.files if path.endswith(".py")])
        self.origins = Origins(Flows(self.project, Catalogue(()), mentions=b""))

    def key(self, text: str, path: str = "train.py", how: str = "slot") -> Any:
        """What Keys says of the last expression with that text."""
        return self._asked(Keys(self.origins), text, path, how)

    def constant(self, text: str, path: str = "train.py") -> Any:
        """What Constants says of it."""
        return self._asked(Constants(self.origins), text, path, "slot")

    def bag(self, text: str, path: str = "train.py") -> Any:
        """What Bags says of it."""
        return self._asked(Bags(self.origins), text, path, "slot")

    def _asked(self, finder: Any, text: str, path: str, how: str) -> Any:
        module = self.project.module(path)
        assert module is not None
        found = [n for n in walk(module.tree) if isinstance(n, cst.BaseExpression) and module.text(n) == text]
        return getattr(finder, how)(found[-1], module)

    def declared(self, slot: Any, together: frozenset[str] = TOGETHER) -> dict[str, str]:
        """The files that the slot's declarations change, as they are then."""
        edits: dict[str, list[Edit]] = {}
        for module, edit in slot.declarations(together):
            edits.setdefault(module.path, []).append(edit)
        for path, _, edit in getattr(slot, "document_declarations", tuple)():
            edits.setdefault(path, []).append(edit)
        return {path: apply_edits(self.files[path].encode(), found).decode() for path, found in edits.items()}

    def added(self, slot: Any, together: frozenset[str] = TOGETHER) -> list[str]:
        """The lines that the declarations add to the one file that they change, and nothing they take away."""
        (path, after), *others = self.declared(slot, together).items()
        assert not others
        before = self.files[path].splitlines()
        rest = iter(before)
        new, waiting = [], next(rest, None)
        for line in after.splitlines():
            if line == waiting:
                waiting = next(rest, None)
            else:
                new.append(line)
        assert waiting is None, f"{waiting!r} is gone"
        return new
