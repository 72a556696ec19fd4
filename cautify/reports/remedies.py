"""What to do about each reason for which a place is left alone: one line, which holds for all places of the reason."""

from __future__ import annotations

REMEDIES = {
    "ambiguous": "See what is called there, scan --explain FILE:LINE, and wrap it by hand.",
    "custom": "To wrap: list the class in [tool.cautify.optimizers], or do it by hand.",
    "built-by-library": "A library makes these. Hand it a cautious one; how is said with each.",
    "notebook": "cautify does not write to notebooks. What to do by hand is said with each.",
    "wrapper": "They hold optimizers that are made elsewhere. Make those cautious.",
    "no-import-root": "Name a directory that every use can import from: --vendor-to DIR.",
    "remote": "Wrap in the code that runs on those machines, where the class is called.",
    "test-code": "Test code is left alone. --tests includes it.",
    "ignored": "A comment says so. Remove `# cautify: ignore` to have it wrapped.",
    "declined": "They are left out by choice; what says so is said with each.",
    "already-cautious": "Nothing to do: other code makes them cautious.",
    "no-momentum": "Nothing to do: without momentum, masking changes nothing.",
    "closure": "Nothing to do: there is no single update to mask.",
    "sparse": "Nothing to do: a sparse update cannot be masked.",
    "no-benefit": "Nothing to do: masking would undo what the optimizer is for.",
}
"""Reason → remedy, in the order in which a report tells them: first what somebody can do something about."""

UNKNOWN_REASON = "Left alone; the reason is said with each."
EXPLAINED = frozenset({"test-code", "already-cautious"})
"""The reasons of which the remedy says all there is to say."""
SAID_BY_COMMENT = "a comment on the line says so"
"""What is said of an ignored place whose comment gives no reason: its remedy says that already."""
