"""The vocabulary: frozen values that travel from one stage of the pipeline to the next.

Nothing here reads a file, prints or decides. Paths are relative to the root, with ``/``, everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, order=True)
class Declined:
    """Sites that somebody declined one by one: how many of some optimizers in one scope, ``Class.method`` or so.

    Lines move; what a place is called seldom changes.
    """

    path: str
    scope: str
    optimizers: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class UnusedIgnore:
    """A ``# cautify: ignore`` where there is nothing to ignore: its file, 1-based line and text."""

    path: str
    line: int
    comment: str


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
    select: tuple[str, ...] = ()
    """Only sites that one of these names, as users write them: ``path:src/**``, ``optimizer:AdamW``."""
    ignore: tuple[str, ...] = ()
    """No sites that one of these names."""
    declined: tuple[Declined, ...] = ()
    """The sites that somebody said no to, asked one by one."""
    from_settings: frozenset[str] = frozenset()
    """Which of these the target's pyproject.toml says: that is read anew each time, so it is not recorded."""

    @property
    def recorded(self) -> Options:
        """What the manifest keeps."""
        usual = Options()
        return replace(self, **{n: getattr(usual, n) for n in self.from_settings}, from_settings=frozenset())


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
    named: tuple[str, ...] = ()
    """Files that use the names of the patch before this plan is written: the target's own, unless it is patched."""
    scanned: int = 0
    """How many Python files were looked at."""
    unused_ignores: tuple[UnusedIgnore, ...] = ()
    """Comments that ask to ignore a site where none would be touched."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self.files


class State(str, Enum):
    """How a recorded part of a patch stands in the tree as it is now."""

    APPLIED = "applied"
    """As cautify wrote it."""
    CURRENT = "current"
    """A runtime of this version."""
    EDITED = "edited"
    """Changed since. A site or an edit is still effective; a runtime is no longer ours."""
    OBSOLETE = "obsolete"
    """What it was for is gone."""
    OLDER = "older"
    """A runtime as another version vendored it."""
    MISSING = "missing"
    """It was taken out, and what it was for is still there."""
    NEW = "new"
    """A site that is to be wrapped, and of which the patch knows nothing."""
    CONFLICT = "conflict"
    """It cannot be told: the file cannot be read, or is not what belongs there."""


@dataclass(frozen=True)
class Finding:
    """The state of one thing that check looked at.

    ``line`` is 1-based, None for a whole file. ``subject`` is what the thing is: site, edit, runtime, file,
    manifest, or ignore (a comment). ``remedy`` is what mends it, empty where nothing is to be mended.
    """

    path: str
    line: int | None
    state: State
    subject: str
    message: str
    remedy: str = ""


SOUND = frozenset({State.APPLIED, State.CURRENT})
"""The states in which there is nothing to mend."""


@dataclass(frozen=True)
class Checked:
    """What check found, in order of path and line, and the states that were said to be no failure.

    ``patched`` is how many files are recorded, None where no patch is.
    """

    findings: tuple[Finding, ...]
    allowed: frozenset[State] = frozenset()
    patched: int | None = None

    def fails(self, finding: Finding) -> bool:
        """Whether a finding is a reason to exit with 1."""
        return finding.state not in SOUND and finding.state not in self.allowed

    @property
    def failing(self) -> tuple[Finding, ...]:
        """The findings for which check exits with 1."""
        return tuple(finding for finding in self.findings if self.fails(finding))


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code and the counts that its summary prints."""

    exit_code: int
    message: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    details: Sequence[str] = ()
