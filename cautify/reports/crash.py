"""What is said when cautify itself is wrong: that it is a bug, on which file, and where to look."""

from __future__ import annotations

import traceback
from types import TracebackType

from cautify import __version__
from cautify.analysis.syntax import Module
from cautify.model import FilePlan
from cautify.source import Source


def crash_report(error: BaseException, *, with_traceback: bool) -> str:
    """A message for an exception that nobody foresaw."""
    path = _file_at_hand(error.__traceback__)
    summary = f"{type(error).__name__}: {error}".strip().rstrip(":")
    said = [
        "this is a bug in cautify" + (f", met while it worked on {path}" if path else ""),
        f"{summary} (cautify {__version__})",
    ]
    if with_traceback:
        said += "".join(traceback.format_exception(error)).splitlines()
    else:
        said.append("Run the command again with --verbose and report the traceback.")
    if path:
        said.append(f"Until it is mended, --exclude {path} leaves that file out.")
    return "\n".join(said)


def _file_at_hand(trace: TracebackType | None) -> str | None:
    """The target's file that the innermost frame was about, if any frame had one in its hands."""
    found = None
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            owner = value.source if isinstance(value, Module) else value
            if isinstance(owner, Source | FilePlan):
                found = owner.path
                break
        trace = trace.tb_next
    return found
