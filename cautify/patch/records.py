"""What a manifest says, as values."""

from __future__ import annotations

from dataclasses import dataclass

from cautify.model import Action, Options
from cautify.patch.hunks import Hunk


@dataclass(frozen=True)
class FileRecord:
    """One patched file. ``before`` is None for a file that cautify created.

    ``layers`` undo the applies, the newest first; the spans of each refer to the bytes that it is applied to. There
    is one, unless the file was edited between two applies in a way that could not be told from the patch.
    """

    path: str
    action: Action
    before: str | None
    after: str
    layers: tuple[tuple[Hunk, ...], ...]


@dataclass(frozen=True, order=True)
class SiteRecord:
    """A site as it was after the patch: wrapped, or skipped for a reason."""

    path: str
    optimizers: tuple[str, ...]
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Manifest:
    """What is recorded of a patch. ``problems`` are the paths that did not parse when it was made.

    ``directories`` are those that cautify made for a file of its own, and that go when it goes.
    """

    schema: int
    version: str
    options: Options
    runtimes: tuple[str, ...]
    files: tuple[FileRecord, ...]
    problems: tuple[str, ...]
    sites: tuple[SiteRecord, ...]
    directories: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    """Files that used the names of the patch for something of their own before there was one."""
