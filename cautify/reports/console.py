"""Where output goes: results to stdout, everything said about them to stderr, colour only where it is wanted.

stdout is written as bytes, so that a diff of a latin-1 file with CRLF arrives as it is. rich is imported only when
something is coloured or a progress bar is due.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, TextIO

from cautify.errors import NotConfirmed
from cautify.model import Action, FilePlan

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

Style = str
Fragment = tuple[str, Style]
"""A piece of a line and how it looks on a colour terminal."""

Tick = Callable[[int, int], None]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PATIENCE = 1.0
"""Seconds of work before a progress bar appears."""


@dataclass
class Console:
    """The process's two streams, and how much is said on them."""

    quiet: bool = False
    verbose: bool = False
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    @property
    def interactive(self) -> bool:
        """Whether there is someone to ask."""
        return sys.stdin is not None and sys.stdin.isatty() and self.stderr.isatty()

    def result(self, lines: Sequence[Sequence[Fragment]]) -> None:
        """Print the lines of a report on stdout."""
        self._write(self.stdout, lines)

    def result_bytes(self, data: bytes) -> None:
        """Write bytes to stdout as they are."""
        _binary(self.stdout, data)

    def note(self, text: str, style: Style = "") -> None:
        """Say something on stderr, unless quiet."""
        if not self.quiet:
            self._write(self.stderr, [[(line, style)] for line in text.splitlines()])

    def notes(self, lines: Sequence[Sequence[Fragment]]) -> None:
        """Print the lines of a report on stderr, unless quiet."""
        if not self.quiet:
            self._write(self.stderr, lines)

    def warn(self, text: str) -> None:
        """Say on stderr what should be known, quiet or not."""
        self._write(self.stderr, [[("warning: ", "bold yellow"), (text, "")]])

    def error(self, text: str) -> None:
        """Say on stderr why nothing was done."""
        first, *rest = text.splitlines() or [""]
        self._write(self.stderr, [[("error: ", "bold red"), (first, "")], *([(line, "")] for line in rest)])

    def diff(self, files: Sequence[FilePlan]) -> None:
        """Print the diff: raw bytes where stdout is no terminal, else readable, coloured and never wrapped.

        Whole files come first, so that what a terminal still shows at the end is the edits.

        Raises:
            NotConfirmed: the reader of the diff went away.
        """
        from cautify.reports.diff import file_diff

        try:
            for file in sorted(files, key=lambda file: file.action is Action.MODIFY):
                data = file_diff(file)
                if wants_colour(self.stdout) or self.stdout.isatty():
                    self._write(self.stdout, list(_styled(data, file)))
                else:
                    _binary(self.stdout, data)
        except BrokenPipeError as error:
            raise NotConfirmed(
                "Nothing was written", "stdout was closed before the diff was through", "Read the diff to its end."
            ) from error

    def show(self, lines: Sequence[Sequence[Fragment]]) -> None:
        """Print on stderr what a question is about, quiet or not."""
        self._write(self.stderr, lines)

    def confirm(self, question: str) -> bool:
        """Ask on stderr; only y and yes are a yes."""
        return (self.ask(f"{question} [y/N]") or "").strip().lower() in ("y", "yes")

    def ask(self, question: str) -> str | None:
        """The line that is typed as the answer, None where input has ended."""
        self.stdout.flush()
        self.stderr.write(f"{question} ")
        self.stderr.flush()
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):
            self.stderr.write("\n")
        return answer or None

    @contextmanager
    def progress(self, what: str) -> Iterator[Tick | None]:
        """Yield what the work calls with (done, total); a bar appears on a terminal when it takes over a second."""
        if self.quiet or not self.stderr.isatty():
            yield None
            return
        bar = _Bar(what, self.stderr)
        try:
            yield bar.tick
        finally:
            bar.close()

    def _write(self, stream: TextIO, lines: Sequence[Sequence[Fragment]]) -> None:
        if wants_colour(stream):
            text = _ansi(lines)
        else:
            shown = printable if stream.isatty() else str
            text = "".join(shown("".join(part for part, _ in line).rstrip()) + "\n" for line in lines)
        _binary(stream, text.encode("utf-8", "surrogateescape"))


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour: NO_COLOR and FORCE_COLOR decide (https://no-color.org), else whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def printable(text: str) -> str:
    """The text without what a terminal would obey: a file must not move the cursor of whoever reads its diff."""
    return _CONTROL.sub(lambda m: repr(m[0])[1:-1], text).encode("utf-8", "replace").decode("utf-8")


def _ansi(lines: Sequence[Sequence[Fragment]]) -> str:
    """The lines with colour codes. Rendered apart from the stream: rich would wrap there, and end the process with 1
    when the stream is closed."""
    from rich.console import Console as Terminal
    from rich.text import Text

    page = StringIO()
    terminal = Terminal(file=page, force_terminal=True, soft_wrap=True, markup=False, highlight=False, emoji=False)
    for line in lines:
        text = Text.assemble(*((printable(part), style) for part, style in line))
        text.rstrip()
        terminal.print(text, soft_wrap=True)
    return page.getvalue()


def _styled(data: bytes, file: FilePlan) -> Iterator[list[Fragment]]:
    from cautify.source import Undecodable, read_source

    try:
        encoding = read_source(file.path, file.before or file.after or b"").encoding
    except Undecodable:
        encoding = "utf-8"
    in_hunk = False
    for raw in data.split(b"\n")[:-1]:
        line = raw.removesuffix(b"\r").decode(encoding, "replace")
        in_hunk = (in_hunk or line.startswith("@@")) and not line.startswith("diff --git")
        yield [(line, _line_style(line, in_hunk))]


def _line_style(line: str, in_hunk: bool) -> Style:
    if not in_hunk:
        return "bold"
    return {"@": "cyan", "+": "green", "-": "red", "\\": "dim"}.get(line[:1], "")


def _binary(stream: TextIO, data: bytes) -> None:
    """Write bytes below the text layer; a stream without one (a test's) gets the text."""
    stream.flush()
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(data.decode("utf-8", "replace"))
    else:
        buffer.write(data)
        buffer.flush()


class _Bar:
    """A progress bar that waits to see whether it is needed."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what = what
        self._stream = stream
        self._started = time.monotonic()
        self._bar: ProgressBar | None = None
        self._done = False

    def tick(self, done: int, total: int) -> None:
        if self._bar is None:
            if time.monotonic() - self._started < _PATIENCE:
                return
            self._bar = _progress_bar(self._stream)
            self._bar.add_task(self._what, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()


def _progress_bar(stream: TextIO) -> ProgressBar:
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    terminal = Terminal(file=stream, force_terminal=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        console=terminal,
        transient=True,
    )
