"""The options that shape a plan: those on the command line, over those that the manifest recorded.

Those in the target's pyproject.toml are read anew each time; what the manifest recorded of them is not gone by.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cautify.commands.settings import optimizers
from cautify.model import Options

if TYPE_CHECKING:
    from cautify.patch.records import Manifest


@dataclass(frozen=True)
class Given:
    """What the command line said; None where it said nothing."""

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    tests: bool | None = None
    vendor_to: str | None = None


def effective(given: Given, manifest: Manifest | None, root: Path | None = None) -> Options:
    """The options to plan with, for the tree at ``root``.

    Raises:
        InvalidOption: the tree's ``[tool.cautify]`` cannot be used.
    """
    recorded = manifest.options if manifest else Options()
    return Options(
        include=recorded.include if given.include is None else given.include,
        exclude=recorded.exclude if given.exclude is None else given.exclude,
        tests=recorded.tests if given.tests is None else given.tests,
        vendor_to=recorded.vendor_to if given.vendor_to is None else given.vendor_to,
        optimizers=recorded.optimizers if root is None else optimizers(root),
    )
