"""The command line in a process of its own, forked from this one: quick to start, and free to be struck or to hang."""

from __future__ import annotations

import importlib
import io
import os
import pkgutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from command_line import Stream

import cautify
from cautify.cli import main
from cautify.patch import write

# The program imports late what it needs: here once, instead of in every child.
for _module in pkgutil.walk_packages(cautify.__path__, "cautify."):
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)


@dataclass(frozen=True)
class Left:
    """How a child ended: its exit status, or the negative number of the signal that ended it; and all that it wrote."""

    code: int
    said: str


def in_a_child(*arguments: str | Path, first: Callable[[], None] | None = None) -> Left:
    """Run the command line in a child, after ``first`` there. One that hangs is ended by SIGALRM."""
    pid, said = started(*arguments, first=first)
    return ended(pid, said)


def started(*arguments: str | Path, first: Callable[[], None] | None = None) -> tuple[int, Path]:
    """Begin to run the command line in a child. Returns its process, and the file that it writes to."""
    handle, name = tempfile.mkstemp()
    pid = os.fork()
    if pid == 0:
        _child([str(argument) for argument in arguments], first, handle)
    os.close(handle)
    return pid, Path(name)


def ended(pid: int, said: Path) -> Left:
    """Wait for a child that was started."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = said.read_text(errors="replace")
    said.unlink()
    return Left(code, text)


def _child(arguments: list[str], first: Callable[[], None] | None, handle: int) -> None:
    code = 99
    try:
        signal.alarm(30)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for stream in (1, 2):
            os.dup2(handle, stream)
        sys.stdin = Stream(terminal=False)
        sys.stdout = sys.stderr = io.TextIOWrapper(io.FileIO(1, "w"), errors="replace")
        if first is not None:
            first()
        main(arguments)
    except SystemExit as exited:
        code = exited.code if isinstance(exited.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def hooked(hook: Callable[[str], None]) -> None:
    """Have every transaction of this process call ``hook`` after each of its steps."""
    commit, recover = write.commit, write.recover
    write.commit = lambda *a, **k: commit(*a, **k, hook=hook)  # type: ignore[assignment]
    write.recover = lambda *a, **k: recover(*a, **k, hook=hook)  # type: ignore[assignment]


def struck_at(number: int, blow: signal.Signals) -> Callable[[], None]:
    """For ``first``: a signal to the process itself after the nth step of its transactions, which lose no time."""

    def arm() -> None:
        left = number

        def strike(_step: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), blow)

        os.fsync = lambda _descriptor: None  # only a power failure could tell
        hooked(strike)

    return arm
