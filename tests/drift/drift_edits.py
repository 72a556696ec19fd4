"""What people and tools do to a patched tree, said so that it can be done to the unpatched one too.

An edit takes the files of a tree and returns them changed. Where an edit cannot be made it fails: a test whose edit
does nothing would pass for nothing.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from textwrap import dedent, indent

import pytest

Files = Mapping[str, bytes]
Edit = Callable[[Files], dict[str, bytes]]


def edited(path: str, change: Callable[[str], str]) -> Edit:
    """Change one file's text."""

    def edit(files: Files) -> dict[str, bytes]:
        data = change(files[path].decode())
        assert data.encode() != files[path], f"{path} is as it was"
        return {**files, path: data.encode()}

    return edit


def swap(path: str, old: str, new: str, count: int = 1) -> Edit:
    """Put one text for another that stands there so many times."""

    def change(text: str) -> str:
        assert text.count(old) == count, f"{path} has {text.count(old)} times {old!r}:\n{text}"
        return text.replace(old, new)

    return edited(path, change)


def deeper(path: str) -> Edit:
    """Indent twice as deep."""
    return edited(path, lambda text: re.sub(r"^ +", lambda found: found[0] * 2, text, flags=re.MULTILINE))


def append(path: str, text: str) -> Edit:
    return edited(path, lambda now: now + text)


def rename_word(path: str, old: str, new: str) -> Edit:
    """Rename a name wherever it stands in a file."""
    return edited(path, lambda text: re.sub(rf"\b{old}\b", new, text))


def rename(old: str, new: str) -> Edit:
    """Rename a file, or everything below a directory."""

    def edit(files: Files) -> dict[str, bytes]:
        moved = {re.sub(rf"^{re.escape(old)}(?=/|$)", new, path): data for path, data in files.items()}
        assert moved.keys() != files.keys()
        return moved

    return edit


def delete(path: str) -> Edit:
    return lambda files: {name: data for name, data in files.items() if name != path or files[path] is None}


def create(path: str, text: str) -> Edit:
    def edit(files: Files) -> dict[str, bytes]:
        assert path not in files
        return {**files, path: text.encode()}

    return edit


def move_statement(path: str, holds: str, before: str, to: str | None = None) -> Edit:
    """Cut the innermost statement that holds a text, and paste it above a line, indented like that line."""

    def edit(files: Files) -> dict[str, bytes]:
        source = files[path].decode()
        first, last = _lines_of(source, holds)
        lines = source.splitlines(keepends=True)
        cut = dedent("".join(lines[first:last]))
        rest = {**files, path: "".join([*lines[:first], *lines[last:]]).encode()}
        place = to or path
        goal = rest[place].decode().splitlines(keepends=True)
        (at,) = [number for number, line in enumerate(goal) if line.strip() == before]
        space = goal[at][: len(goal[at]) - len(goal[at].lstrip())]
        return {**rest, place: "".join([*goal[:at], indent(cut, space), *goal[at:]]).encode()}

    return edit


def drop_statement(path: str, holds: str) -> Edit:
    """Delete the innermost statement that holds a text."""

    def change(source: str) -> str:
        first, last = _lines_of(source, holds)
        lines = source.splitlines(keepends=True)
        return "".join([*lines[:first], *lines[last:]])

    return edited(path, change)


def around_value(path: str, holds: str, opening: str, closing: str) -> Edit:
    """Put something around what the innermost statement with a text returns or assigns."""

    def change(source: str) -> str:
        value = _statement(source, holds).value  # type: ignore[attr-defined]
        lines = source.splitlines(keepends=True)
        start = sum(map(len, lines[: value.lineno - 1])) + value.col_offset
        end = sum(map(len, lines[: value.end_lineno - 1])) + value.end_col_offset
        return source[:start] + opening + source[start:end] + closing + source[end:]

    return edited(path, change)


def unwrap(path: str, holds: str) -> Edit:
    """Take the wrap off by hand, as somebody does who does not want it there."""

    def change(source: str) -> str:
        (call,) = [
            node
            for node in ast.walk(_statement(source, holds))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "CautiousOptimizer.wrap"
        ]
        whole, inner = (ast.get_source_segment(source, node) for node in (call, call.args[0]))
        assert whole is not None
        assert inner is not None
        return source.replace(whole, inner)

    return edited(path, change)


def crlf(*paths: str) -> Edit:
    """Convert whole files; without a path, all of them."""

    def edit(files: Files) -> dict[str, bytes]:
        chosen = paths or tuple(path for path, data in files.items() if data)
        return {**files, **{path: files[path].replace(b"\n", b"\r\n") for path in chosen}}

    return edit


def crlf_where(path: str, word: str) -> Edit:
    """Convert the lines with a word, and leave the others."""
    return edited(
        path,
        lambda text: "".join(
            line.replace("\n", "\r\n") if word in line else line for line in text.splitlines(keepends=True)
        ),
    )


def formatted(tool: str, length: int) -> Edit:
    """Run black, ruff format or isort over all that is not excepted from it."""

    def edit(files: Files) -> dict[str, bytes]:
        return {path: _formatted(tool, length, path, data) for path, data in files.items()}

    return edit


def one_line(files: Files) -> dict[str, bytes]:
    """All code without its layout: what is left is tokens, comments, and where statements stand."""
    return {path: _ruff(data, 320, "format.skip-magic-trailing-comma=true") for path, data in files.items()}


def code_alone(files: Files) -> dict[str, bytes]:
    """The same without comments."""
    return {
        path: ast.unparse(ast.parse(data)).encode() if path.endswith(".py") else data for path, data in files.items()
    }


def _formatted(tool: str, length: int, path: str, data: bytes) -> bytes:
    if not path.endswith(".py") or path.endswith("cautious_optimizer.py"):
        return data
    if tool == "ruff":
        return _ruff(data, length)
    if tool == "isort":
        isort = pytest.importorskip("isort")
        return isort.code(data.decode(), profile="black", line_length=length, known_local_folder=["charlm"]).encode()
    black = pytest.importorskip("black")
    return black.format_str(data.decode(), mode=black.Mode(line_length=length)).encode()


def _ruff(data: bytes, length: int, *settings: str) -> bytes:
    if not data.strip() or b"import" not in data:
        return data
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache", "--line-length", str(length)]
    command += [part for setting in settings for part in ("--config", setting)]
    done = subprocess.run([*command, "-"], input=data, capture_output=True, check=False)
    assert done.returncode == 0, json.dumps([done.stderr.decode(), data.decode()])
    return done.stdout


def _statement(source: str, holds: str) -> ast.stmt:
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.stmt) and holds in (ast.get_source_segment(source, node) or "")
    ]
    return min(found, key=lambda node: (node.end_lineno or 0) - node.lineno)


def _lines_of(source: str, holds: str) -> tuple[int, int]:
    found = _statement(source, holds)
    first = min([found, *getattr(found, "decorator_list", ())], key=lambda node: node.lineno)
    return first.lineno - 1, found.end_lineno or 0
