"""The vocabulary: frozen values that travel from one stage of the pipeline to the next.

Nothing here reads a file, prints or decides. Paths are relative to the root, with ``/``, everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


@dataclass(frozen=True, order=True)
class Span:
    """Half-open range of byte offsets in a file as it lies on disk."""

    start: int
    end: int


@dataclass(frozen=True, order=True)
class Edit:
    """Replace the bytes of ``span`` with ``replacement``. An insertion has an empty span.

    ``purpose`` says what the edit is for: wrap, import, field, forward, pop, guard.
    """

    span: Span
    replacement: bytes
    purpose: str = ""


class Verdict(str, Enum):
    """What happens to a site: it will be wrapped, it is wrapped already, or it is left alone for a reason."""

    WRAP = "wrap"
    WRAPPED = "wrapped"
    SKIP = "skip"


class HomeKind(str, Enum):
    """Where a user's hand sets the learning rate, and so the switch."""

    FIELD = "field"
    ARGUMENT = "argument"
    PARAMETER = "parameter"
    ATTRIBUTE = "attribute"
    CONSTANT = "constant"
    KEY = "key"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Home:
    """One declaration of the switch: kind, file, 1-based line of the learning rate's declaration, qualified owner."""

    kind: HomeKind
    path: str
    line: int
    owner: str


@dataclass(frozen=True)
class Switch:
    """What the wrap reads. ``enabled`` and ``eps`` are expressions at the site, both None for the environment."""

    kind: HomeKind
    enabled: str | None = None
    eps: str | None = None
    homes: tuple[Home, ...] = ()


@dataclass(frozen=True)
class Site:
    """An expression that makes an optimizer instance, and what becomes of it.

    ``line`` and ``end_line`` are 1-based, ``column`` counts code points from 0. ``optimizers`` are the qualified
    names of every class it may be. ``reason`` is set when the verdict is skip; ``detail`` is one sentence for
    people (what was tried, what to do); ``warnings`` are things to know although the site is wrapped.
    """

    path: str
    line: int
    column: int
    end_line: int
    optimizers: tuple[str, ...]
    form: str
    verdict: Verdict
    reason: str | None = None
    switch: Switch | None = None
    detail: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """A file that could not be used, why (unparsable, undecodable, …), and the details."""

    path: str
    reason: str
    detail: str


class Action(str, Enum):
    """What a plan does to a file."""

    MODIFY = "modify"
    CREATE = "create"
    DELETE = "delete"


@dataclass(frozen=True)
class FilePlan:
    """All that happens to one file. ``before`` is None when the file is created, ``after`` when it is deleted."""

    path: str
    action: Action
    before: bytes | None
    after: bytes | None
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Options:
    """The options that shape a plan. They are recorded in the manifest, so that check goes by them too."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tests: bool = False
    vendor_to: str | None = None
    flag_name: str | None = None
    """What the switch is called, in snake case; None for the usual name."""
    default_on: bool = False
    """Whether the switch is on unless a user turns it off."""
    with_triton: bool = False
    """Whether the runtime's second file, with kernels for GPUs, lies beside the first."""
    optimizers: tuple[tuple[str, Verdict], ...] = ()
    """Qualified names of optimizer classes to wrap or to skip, sorted, from ``[tool.cautify.optimizers]``."""


@dataclass(frozen=True)
class Plan:
    """Everything cautify would do to a tree, computed without touching it. ``files`` is sorted by path."""

    root: Path
    options: Options
    sites: tuple[Site, ...]
    files: tuple[FilePlan, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    """Paths of the vendored files, existing or to be created: one or two for each package or folder of scripts."""
    scanned: int = 0
    """How many Python files were looked at."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.files


@dataclass(frozen=True)
class Difference:
    """Something check found: a file, an optional 1-based line, what is wrong, and the command or act that mends it."""

    path: str
    line: int | None
    kind: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code and the counts that its summary prints."""

    exit_code: int
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    details: Sequence[str] = ()
