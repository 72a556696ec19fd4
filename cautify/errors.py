"""Failures as classes. Each knows its exit code and says what happened, why, and what to do next."""

from __future__ import annotations


class CautifyError(Exception):
    """A refusal. ``str()`` is the whole message: what, why and what next, each a sentence."""

    exit_code = 2

    def __init__(self, what: str, why: str, next_step: str) -> None:
        super().__init__(f"{what}: {why}\n{next_step}")
        self.what = what
        self.why = why
        self.next_step = next_step


class TargetNotFound(CautifyError):
    """PATH does not exist or cannot be read."""


class RootConflict(CautifyError):
    """A manifest lies above or below the root, so that two patches would overlap."""


class ManifestUnusable(CautifyError):
    """The manifest is from a newer cautify, has conflict markers, or is not what cautify writes."""


class PlanUnusable(CautifyError):
    """A plan file is damaged, forged, of another version, or cannot be written where it should be."""


class ManifestMissing(CautifyError):
    """revert was asked for, and nothing records a patch."""


class UncommittedChanges(CautifyError):
    """A file about to be edited has changes that git has not seen."""


class FileChanged(CautifyError):
    """A file is not what it was when the plan was made, or not what cautify wrote."""


class NotWritable(CautifyError):
    """A file or directory cannot be written."""


class OutsideTree(CautifyError):
    """A path leads out of the root, through a symbolic link or a forged manifest."""


class ProofFailed(CautifyError):
    """The planned result of a file does not parse, does not undo, or would be planned again."""


class RuntimeEdited(CautifyError):
    """The vendored runtime was changed by hand, or a file of that name is somebody else's."""


class NotConfirmed(CautifyError):
    """There is no terminal to ask on, and ``--yes`` was not given."""


class InvalidOption(CautifyError):
    """An option, on the command line or in ``[tool.cautify]``, has no usable value."""


class TransactionBusy(CautifyError):
    """Another cautify process is writing to this tree."""
