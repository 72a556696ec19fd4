"""Where a root-relative path lies on disk, what is there, and changes that survive a power failure.

A plan or a manifest names files; this decides whether such a name may be touched at all. Links are followed first, and
what counts is where they end: inside the root, and not in version control's own directory, where a forged path could
plant a hook that runs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import unicodedata
from dataclasses import dataclass

from cautify.errors import FileChanged, NotWritable, OutsideTree

HOME = ".cautify"
MANIFEST = ".cautify/manifest.json"

_LARGEST = 1 << 28
_DRIVE = re.compile(r"[A-Za-z]:")
_VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".jj"})
_NO_DIRECTORY_SYNC = frozenset({errno.EACCES, errno.EINVAL, errno.ENOTSUP})


@dataclass(frozen=True)
class Content:
    """A regular file as it lies on disk: its bytes and permission bits."""

    data: bytes
    mode: int


def digest(data: bytes) -> str:
    """SHA-256, in hexadecimal."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


def unusable(path: str) -> str | None:
    """Why a path from a plan, manifest or journal must not be used, or None. Looks at the text alone."""
    if not path:
        return "is empty"
    if "\0" in path:
        return "holds a NUL character"
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path:
        return "holds a backslash"
    if _DRIVE.match(path):
        return "starts with a drive letter"
    parts = path.split("/")
    if ".." in parts:
        return "climbs out with '..'"
    if "" in parts or "." in parts:
        return "is not in its shortest form"
    if any(_plain(part) in _VERSION_CONTROL for part in parts):
        return "lies in version control's own directory"
    if _plain(parts[0]) == HOME:
        return "lies in cautify's own directory"
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return "holds a character that no file name can have"
    return None


def _plain(name: str) -> str:
    """A name as a file system may take it that minds neither case nor invisible characters (HFS+)."""
    name = name.casefold()
    return name if name.isascii() else "".join(c for c in name if unicodedata.category(c) != "Cf")


def twin(place: str) -> str | None:
    """A file or directory whose name differs in case alone from a part of ``place``: to many file systems it is that.

    Only the last part that exists, or the first that does not, can have one that matters.
    """
    above, name = os.path.split(place)
    if above != place and not os.path.isdir(above):
        return twin(above)
    try:
        names = os.listdir(above)
    except OSError:
        return None
    return next((os.path.join(above, n) for n in names if n != name and n.casefold() == name.casefold()), None)


def locate(root: str, path: str) -> str:
    """The absolute place of ``path`` below ``root`` (itself resolved), all symbolic links followed.

    Raises:
        OutsideTree: it leads out of the root, into a directory that is not the project's, or round in a circle.
        NotWritable: a directory on the way cannot be searched.
    """
    reason = unusable(path)
    if reason:
        raise _outside(path, f"the path {reason}")
    joined = os.path.join(root, *path.split("/"))
    try:
        real = os.path.realpath(joined, strict=True)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _outside(path, "symbolic links lead round in a circle") from error
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise unwritable(path, error, "reached") from error
        real = os.path.realpath(joined)
    prefix = root.rstrip(os.sep) + os.sep
    if not real.startswith(prefix):
        raise _outside(path, f"a symbolic link leads to {real}, which is not in {root}")
    inner = real[len(prefix) :].replace(os.sep, "/")
    reason = unusable(inner)
    if reason:
        raise _outside(path, f"a symbolic link leads to {inner}, which {reason}")
    return real


def _outside(path: str, why: str) -> OutsideTree:
    return OutsideTree(
        f"{path!r} is refused", why, "Nothing was changed. Leave this path out with --exclude, or mend it."
    )


def unwritable(path: str, error: OSError, done: str = "written") -> NotWritable:
    """The refusal for an operation that the system refused."""
    return NotWritable(
        f"{path} cannot be {done}",
        error.strerror or str(error),
        "Nothing was changed. Mend that, then run the command again.",
    )


def look(place: str, name: str) -> Content | None:
    """What lies at an absolute place, links not followed; None when nothing does.

    Raises:
        FileChanged: it is not a regular file, or an enormous one. ``name`` is what the message calls it.
        NotWritable: it cannot be read.
    """
    try:
        status = os.lstat(place)
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise FileChanged(
                f"{name} cannot be used", f"it is {kind}", "Nothing was changed. Put the file back, then run again."
            )
        if status.st_size > _LARGEST:
            raise FileChanged(
                f"{name} cannot be used",
                f"it has {status.st_size:,} bytes, more than cautify ever writes",
                "Nothing was changed. Put the file back, then run again.",
            )
        with open(place, "rb") as file:
            return Content(file.read(), stat.S_IMODE(status.st_mode))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise unwritable(name, error, "read") from error


def read(root: str | os.PathLike[str], path: str) -> bytes | None:
    """What a file of the tree holds, None if there is none.

    Raises what ``locate`` and ``look`` raise.
    """
    content = look(locate(os.path.realpath(root), path), path)
    return content.data if content else None


def require_writable(place: str, name: str) -> None:
    """Refuse a file or directory that nobody may write. Root may write all, so the permission bits are asked too.

    Raises:
        NotWritable: ``name`` is read-only.
    """
    directory = os.path.isdir(place)
    wanted = os.W_OK | os.X_OK if directory else os.W_OK
    try:
        allowed = os.stat(place).st_mode & 0o222 and os.access(place, wanted)
    except OSError as error:
        raise unwritable(name, error) from error
    if not allowed:
        raise NotWritable(
            f"{name} cannot be written",
            f"the {'directory' if directory else 'file'} is read-only",
            f"Nothing was changed. Allow writing (chmod u+w {name}), then run the command again.",
        )


def write_new(place: str, data: bytes, like: os.stat_result | None, mode: int | None) -> None:
    """Write a file that does not exist yet, through to the disk.

    Args:
        like: a file whose owner and group the new one should have, as far as this process may give them.
        mode: permission bits, or None for what the umask leaves of 0o666.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(place, flags, 0o666 if mode is None else 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if like is not None:
            _give(descriptor, like)
        if mode is not None:
            os.fchmod(descriptor, mode)  # after chown, which clears the set-id bits
        os.fsync(descriptor)


def _give(descriptor: int, like: os.stat_result) -> None:
    own = os.fstat(descriptor)
    for differs, owner, group in (
        (own.st_uid != like.st_uid, like.st_uid, -1),
        (own.st_gid != like.st_gid, -1, like.st_gid),
    ):
        if differs:
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, owner, group)


def sync_directory(place: str) -> None:
    """Make renames and removals in a directory durable, where the file system can."""
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno in _NO_DIRECTORY_SYNC:
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def remove(place: str) -> bool:
    """Unlink a file; whether there was one."""
    try:
        os.unlink(place)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
