"""One writer at a time: ``.cautify/lock``, and Ctrl-C held back until the transaction can answer it.

The lock is the kernel's (flock), so that it ends with its process, however that ends, and a lock file left by a dead
process is simply taken over. Its text, process, host and time, is for the message alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from cautify.errors import NotWritable, OutsideTree, TransactionBusy
from cautify.patch.disk import HOME, remove, require_writable, unwritable

Hook = Callable[[str], None]

# A look at the lock (see _holder) holds it for a moment, which must not pass for a second writer.
_ATTEMPTS = 4
_PAUSE = 0.05
_SIGNED = re.compile(rb"(\d{1,20}) ([\w.-]{1,255})(?: (\d{4}-[\d-]{5}T[\d:]{8}Z))?\s*", re.ASCII)


@contextlib.contextmanager
def held(root: str, step: Hook) -> Iterator[None]:
    """Hold the tree's lock. On the way out lock and ``.cautify/`` are removed, the directory only if it is empty.

    Raises:
        TransactionBusy: another process holds it; the message says which.
        OutsideTree: ``.cautify`` is a symbolic link.
        NotWritable: the lock cannot be made, or something else has its name.
    """
    home = os.path.join(root, HOME)
    descriptor = _acquire(root, home)
    try:
        _sign(descriptor)
        step("lock")
        yield
    finally:
        try:
            # While the lock is still held: who waits on this file finds it gone and makes a new one.
            with contextlib.suppress(OSError):
                remove(os.path.join(home, "lock"))
                step("unlock")
                os.rmdir(home)
        finally:
            os.close(descriptor)


def _acquire(root: str, home: str) -> int:
    if os.name != "posix":
        raise NotWritable(
            f"{root} cannot be written",
            "the transaction needs a POSIX system",
            "Run cautify on Linux, macOS or in WSL.",
        )
    place = os.path.join(home, "lock")
    busy = 0
    while True:
        try:
            make_home(root)
            _require_plain(place)
            descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            continue  # the directory went between the two calls: another process has just finished
        except OSError as error:
            with contextlib.suppress(OSError):  # if there is nothing in it: it may have been made just now
                os.rmdir(home)
            raise unwritable(f"{HOME}/lock", error) from error
        try:
            if _take(descriptor):
                if _still_there(descriptor, place):
                    return descriptor
            else:
                busy += 1
                if busy == _ATTEMPTS:
                    raise _busy(os.pread(descriptor, 512, 0))
                time.sleep(_PAUSE)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def make_home(root: str) -> None:
    """Make ``.cautify/`` if need be, and refuse one that is a link or no directory."""
    home = os.path.join(root, HOME)
    if os.path.islink(home):
        raise OutsideTree(
            f"{HOME} is refused",
            "it is a symbolic link",
            "Nothing was changed. Put a directory in its place, or remove it.",
        )
    if os.path.isdir(home):
        require_writable(home, HOME)
        return
    require_writable(root, root)
    with contextlib.suppress(FileExistsError):
        os.mkdir(home)
    if not os.path.isdir(home):
        raise NotWritable(
            f"{HOME} cannot be used",
            "it is a file, and cautify keeps its manifest in a directory of that name",
            "Nothing was changed. Move that file away, then run the command again.",
        )


def _require_plain(place: str) -> None:
    """Refuse what a hostile tree may have under the lock's name: to sign it would empty a file of another name."""
    with contextlib.suppress(FileNotFoundError):
        status = os.lstat(place)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            kind = "a file with another name, too" if stat.S_ISREG(status.st_mode) else "not a regular file"
            raise NotWritable(
                f"{HOME}/lock cannot be used", f"it is {kind}", "Nothing was changed. Remove it, then run again."
            )


def _sign(descriptor: int) -> None:
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()} {socket.gethostname()} {since}\n".encode())
    except OSError as error:
        raise unwritable(f"{HOME}/lock", error) from error


def _take(descriptor: int, *, shared: bool = False) -> bool:
    import fcntl  # not on Windows, where scan still works

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise unwritable(f"{HOME}/lock", error) from error
    return True


def _still_there(descriptor: int, place: str) -> bool:
    """Whether the file that was locked is the one that others will find under its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(place))
    except FileNotFoundError:
        return False


def _busy(text: bytes) -> TransactionBusy:
    signed = _SIGNED.fullmatch(text)
    process, host, since = (part.decode() for part in signed.groups(b"")) if signed else ("", "", "")
    who = f"process {process} on {host}" if process else "another process"
    since = f" since {since.replace('T', ' ').replace('Z', ' UTC')}" if since else ""
    return TransactionBusy(
        "another cautify is writing to this tree",
        f"{who} holds {HOME}/lock{since}",
        "Nothing was changed. Wait until it has finished, then run the command again.",
    )


def held_elsewhere(root: str) -> bool:
    """Whether a living process holds the tree's lock."""
    return _holder(root) is not None


def require_free(root: str) -> None:
    """Refuse a tree that somebody is writing to, without taking the lock.

    Raises:
        TransactionBusy: a living process holds the lock.
    """
    text = _holder(root)
    if text is not None:
        raise _busy(text)


def _holder(root: str) -> bytes | None:
    place = os.path.join(root, HOME, "lock")
    try:
        _require_plain(place)
        descriptor = os.open(place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, NotWritable):
        return None
    try:
        return None if _take(descriptor, shared=True) else os.pread(descriptor, 512, 0)
    finally:
        os.close(descriptor)


@dataclass
class Pending:
    """Whether Ctrl-C was pressed since it was held back."""

    interrupted: bool = False

    def check(self) -> None:
        """Let it through here, where the transaction can be rolled back."""
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt


@contextlib.contextmanager
def interrupts_held_back() -> Iterator[Pending]:
    """Turn Ctrl-C into something to ask for, so that it never strikes between a change and its bookkeeping.

    Only Python's own handler is replaced, and only in the main thread, which alone receives it.
    """
    pending = Pending()

    def note(_signal: int, _frame: FrameType | None) -> None:
        pending.interrupted = True

    usual = signal.default_int_handler
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not usual:
        yield pending
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield pending
    finally:
        signal.signal(signal.SIGINT, usual)
