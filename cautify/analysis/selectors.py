"""What ``--select`` and ``--ignore`` say: ``KIND:VALUE``, or a value that can only be of one kind.

path:examples/**           a glob over paths, as in a .gitignore file
optimizer:torch.optim.SGD  a glob over qualified names; without a dot, over their last part: optimizer:Adam*
reason:custom              why a site would be left alone, as scan tells it
verdict:wrap               what would become of a site: wrap, wrapped, skip
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from cautify.analysis.discover import glob_spec
from cautify.errors import InvalidOption
from cautify.model import Verdict
from cautify.optimizers import Catalogue

if TYPE_CHECKING:
    import pathspec

REASONS = frozenset(
    {
        *("no-momentum", "closure", "sparse", "no-benefit", "custom", "already-cautious", "wrapper", "remote"),
        *("built-by-library", "ambiguous", "notebook", "no-import-root", "test-code"),
    }
)
"""The reasons that can be named: those for which a site is left alone without being told to."""
KINDS = ("path", "optimizer", "reason", "verdict")

_VERDICTS = frozenset(verdict.value for verdict in Verdict)
_SUFFIXES = (".py", ".ipynb", ".yaml", ".yml", ".json")
_NAME = re.compile(r"[\w*?.\[\]!-]+")
_CLASS = re.compile(r"(?:[a-z_]\w*\.)*[A-Z][\w*?]*")
_FORMS = "Write path:GLOB, optimizer:NAME, reason:REASON or verdict:VERDICT, as in --ignore path:examples/**."


@dataclass(frozen=True)
class Selector:
    """One thing that ``option`` names. ``text`` is how the user wrote it."""

    option: str
    text: str
    kind: str
    value: str

    @cached_property
    def _spec(self) -> pathspec.GitIgnoreSpec | None:
        return glob_spec(self.option, (self.value,))

    def matches(self, path: str, optimizers: Collection[str], verdict: str, reasons: Collection[str | None]) -> bool:
        """Whether it names a site: for an optimizer, one of the classes that the site may make."""
        if self.kind == "path":
            return self._spec is not None and bool(self._spec.match_file(path))
        if self.kind == "optimizer":
            whole = "." in self.value
            return any(fnmatchcase(o if whole else o.rpartition(".")[2], self.value) for o in optimizers)
        return self.value == verdict if self.kind == "verdict" else self.value in reasons


def selector(option: str, text: str, catalogue: Catalogue) -> Selector:
    """What a user wrote, understood.

    Raises:
        InvalidOption: it is of no kind, of more than one, or can name nothing.
    """
    kind, colon, value = text.partition(":")
    if not colon:
        kind, value = _guessed(option, text), text
    elif kind not in KINDS:
        raise _refusal(option, text, f"{kind!r} is none of {', '.join(KINDS)}")
    if not value.strip() or value != value.strip():
        raise _refusal(option, text, "it names nothing" if not value.strip() else "it begins or ends with a space")
    if kind == "path" and (value[0] in "!#" or ".." in value.split("/")):
        raise _refusal(option, text, "no path in PATH is matched by that")
    if kind == "optimizer" and not _NAME.fullmatch(value):
        raise _refusal(option, text, f"{value!r} is not the name of a class")
    for known, what in ((REASONS, "reason"), (_VERDICTS, "verdict")):
        if kind == what and value not in known:
            raise _refusal(option, text, f"there is no {what} {value!r}", f"Known: {', '.join(sorted(known))}.")
    if option == "--ignore" and (kind, value) == ("verdict", "wrapped"):
        raise _refusal(option, text, "what is wrapped stays so", "Run `cautify revert` to take the patch back.")
    found = Selector(option, text, kind, catalogue.canonical(value) if kind == "optimizer" else value)
    if kind == "path":
        _ = found._spec  # a glob that cannot be one is refused now
    return found


def _guessed(option: str, text: str) -> str:
    if text in REASONS:
        return "reason"
    if text in _VERDICTS:
        return "verdict"
    if "/" in text or text.endswith(_SUFFIXES):
        return "path"
    if _CLASS.fullmatch(text):
        return "optimizer"
    why = "it names nothing" if not text.strip() else "it may be a path or an optimizer"
    next_step = f"Write path:{text} or optimizer:{text}." if text.strip() else _FORMS
    raise _refusal(option, text, why, next_step)


def _refusal(option: str, text: str, why: str, next_step: str = _FORMS) -> InvalidOption:
    return InvalidOption(f"{option} {text} cannot be used", why, next_step)
