"""What comes of taking a patch out of a file, and of a tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class How(str, Enum):
    """How a file was taken back."""

    EXACT = "exact"
    STRUCTURAL = "structural"
    MERGED = "merged"


@dataclass(frozen=True)
class Undone:
    """A file without the patch, and how it came about."""

    data: bytes
    how: How


@dataclass(frozen=True)
class Refused:
    """Why a file cannot be taken back, and the 1-based line where that shows, None for the whole file."""

    line: int | None
    why: str


@dataclass(frozen=True)
class TakenBack:
    """What each file becomes without the patch, or why that cannot be told.

    ``runtimes`` are copies of the runtime that lie elsewhere than where they were put.

    ``now`` is what the files hold. ``mentioned`` are documents that cautify did not write to and that name the switch,
    with the 1-based line: what they set is not there any more.
    """

    now: Mapping[str, bytes]
    files: Mapping[str, Undone | Refused]
    gone: tuple[str, ...] = ()
    runtimes: Mapping[str, bytes] = field(default_factory=dict)
    mentioned: tuple[tuple[str, int], ...] = field(default=())
