"""Bytes to text and back: encodings, byte order marks, newlines, form feeds; splicing edits and its inverse.

libcst and its spans are right for plain UTF-8 with ``\\n``. So each file is normalised once into such a buffer, the
code is understood there, and every position found is mapped back to the bytes on disk, where the edits are made.
Bytes outside an edit are therefore never rewritten, whatever they are.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cautify.model import Edit, Span

_SPECIAL = re.compile(r"[\r\f]")
_SPECIAL_OR_WIDE = re.compile(r"[\r\f]|[^\x00-\x7f]")
_LARGEST_SETTINGS = 1 << 24
_LARGEST = 1 << 28
_NEWLINE = re.compile(rb"\r\n|\r|\n")


class Undecodable(ValueError):
    """The bytes are not text in the encoding that the file declares, or not in one that maps back exactly."""


@dataclass(frozen=True)
class Source:
    """One Python file: its bytes, and the normalised text in which it is analysed.

    ``text`` has ``\\n`` for every newline, no byte order mark and no form feed. Offsets are into ``text`` encoded as
    UTF-8, which is what libcst's byte spans count.
    """

    path: str
    data: bytes
    encoding: str
    bom: bytes
    text: str

    @cached_property
    def utf8(self) -> bytes:
        """The normalised buffer: most often it is what lies on the disk, which is held in memory already."""
        encoded = self.text.encode("utf-8")
        return self.data if self.data == encoded else encoded

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(m.end() for m in re.finditer(b"\n", self.utf8))]

    @cached_property
    def _breaks(self) -> tuple[list[int], list[int]]:
        """Where the distance between normalised and real offsets changes: parallel lists of both offsets."""
        normal, real = [0], [len(self.bom)]
        raw = self.data[len(self.bom) :].decode(self.encoding)
        wide = self.encoding != "utf-8"
        here_normal, here_real, done = 0, len(self.bom), 0
        for match in (_SPECIAL_OR_WIDE if wide else _SPECIAL).finditer(raw):
            start, char = match.start(), match.group()
            if start < done:
                continue
            between = raw[done:start]
            length = len(between) if wide else len(between.encode("utf-8"))
            here_normal, here_real = here_normal + length, here_real + length
            done = start + 1
            if char == "\r":
                normal_length, real_length = 1, 1
                if raw[done : done + 1] == "\n":
                    real_length, done = 2, done + 1
            elif char == "\f":
                normal_length, real_length = (0 if _at_line_start(raw, start) else 1), 1
            else:
                normal_length, real_length = len(char.encode("utf-8")), len(char.encode(self.encoding))
            here_normal, here_real = here_normal + normal_length, here_real + real_length
            normal.append(here_normal)
            real.append(here_real)
        return normal, real

    def real(self, offset: int) -> int:
        """The offset in ``data`` of a normalised offset."""
        normal, real = self._breaks
        at = bisect_right(normal, offset) - 1
        return real[at] + offset - normal[at]

    def position(self, offset: int) -> tuple[int, int]:
        """The 1-based line and 0-based column, in code points, of a normalised offset."""
        line = bisect_right(self._line_starts, offset) - 1
        return line + 1, len(self.utf8[self._line_starts[line] : offset].decode("utf-8"))

    def line_start(self, offset: int) -> int:
        """Where the line that holds a normalised offset begins."""
        return self._line_starts[bisect_right(self._line_starts, offset) - 1]

    def line_end(self, offset: int) -> int:
        """Where the line that holds a normalised offset ends, before its newline."""
        end = self.utf8.find(b"\n", offset)
        return len(self.utf8) if end < 0 else end

    def slice(self, start: int, end: int) -> str:
        """Normalised text between two normalised offsets."""
        return self.utf8[start:end].decode("utf-8")

    def edit(self, start: int, end: int, replacement: str, purpose: str) -> Edit:
        """An edit on ``data`` that replaces normalised offsets, with the newlines and encoding of the place."""
        first, last = self.real(start), self.real(end)
        if start == end:
            last = first
        newline = self._newline_near(first)
        try:
            encoded = replacement.replace("\n", newline).encode(self.encoding)
        except UnicodeEncodeError as error:  # our own text is ASCII, but it may quote the target's
            raise Undecodable(f"{self.path}: the edit cannot be written in {self.encoding}") from error
        return Edit(Span(first, last), encoded, purpose)

    def _newline_near(self, real_offset: int) -> str:
        """The newline that ends the line of ``real_offset``; else of the line before; else ``\\n``."""
        match = _NEWLINE.search(self.data, real_offset)
        if match is None:
            before = self.data[:real_offset]
            found = list(_NEWLINE.finditer(before[-4096:]))
            match = found[-1] if found else None
        return match.group().decode("ascii") if match else "\n"


def _at_line_start(text: str, index: int) -> bool:
    """Whether only white space stands before ``index`` on its line: there the tokenizer restarts the column."""
    start = max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
    return not text[start:index].strip(" \t\f")


def _normalise(raw: str) -> str:
    if "\r" in raw:
        raw = raw.replace("\r\n", "\n").replace("\r", "\n")
    if "\f" not in raw:
        return raw
    parts: list[str] = []
    done = 0
    for match in re.finditer("\f", raw):
        parts.append(raw[done : match.start()])
        if not _at_line_start(raw, match.start()):
            parts.append(" ")
        done = match.end()
    return "".join([*parts, raw[done:]])


def bytes_of_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        OSError: it cannot be read, or is too large to be code: such a file would take the memory of the machine.
    """
    if path.stat().st_size > _LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return path.read_bytes()


def text_of_file(path: Path) -> str | None:
    """What a file of settings says, or None where there is none: a pipe of that name would be waited on for ever."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_SETTINGS:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def read_source(path: str, data: bytes) -> Source:
    """Decode a file by its byte order mark or coding cookie (PEP 263).

    Raises:
        Undecodable: the bytes are not what the file declares, hold a NUL, or cannot be mapped back one to one.
    """
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        head = _NEWLINE.sub(b"\n", b"".join(data[:8192].splitlines(keepends=True)[:2]))
        encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
    except SyntaxError as error:
        raise Undecodable(str(error)) from error
    encoding = "utf-8" if encoding in ("utf-8", "utf-8-sig") else codecs.lookup(encoding).name
    try:
        raw = data[len(bom) :].decode(encoding)
        exact = encoding == "utf-8" or b"".join(c.encode(encoding) for c in raw) == data[len(bom) :]
    except UnicodeDecodeError as error:
        raise Undecodable(f"not {encoding}: {error.reason} at byte {error.start + len(bom)}") from error
    except (UnicodeError, LookupError) as error:  # codecs that are no encoding of text, such as hex and idna
        raise Undecodable(f"{encoding}: {error}") from error
    if "\0" in raw:
        raise Undecodable("holds a NUL character")
    if not exact:
        raise Undecodable(f"{encoding} does not map back to the same bytes")
    return Source(path, data, encoding, bom, _normalise(raw))


def apply_edits(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Splice edits into ``data``. Insertions at one place keep the order in which they were given.

    Raises:
        ValueError: two edits overlap, or one lies outside ``data``.
    """
    ordered = sorted(edits, key=lambda e: (e.span.start, e.span.end))
    parts: list[bytes] = []
    done = 0
    for edit in ordered:
        if not done <= edit.span.start <= edit.span.end <= len(data):
            raise ValueError(f"edit at {edit.span} overlaps another or lies outside the file")
        parts += (data[done : edit.span.start], edit.replacement)
        done = edit.span.end
    return b"".join([*parts, data[done:]])


def invert(data: bytes, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits that turn ``apply_edits(data, edits)`` back into ``data``. Neighbours that touch become one."""
    inverse: list[Edit] = []
    shift = 0
    for edit in sorted(edits, key=lambda e: (e.span.start, e.span.end)):
        start = edit.span.start + shift
        end = start + len(edit.replacement)
        original = data[edit.span.start : edit.span.end]
        if inverse and inverse[-1].span.end == start:
            last = inverse.pop()
            start, original = last.span.start, last.replacement + original
        inverse.append(Edit(Span(start, end), original, edit.purpose))
        shift = end - edit.span.end
    return tuple(inverse)
