"""Trees on disk that drift, and what must be true of them when the patch is gone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import unified_diff
from functools import reduce
from pathlib import Path

from drift_edits import Edit, Files, code_alone, one_line

TRACE = re.compile(rb"cautious_?-?optimizer|use_?-?cautious|cautious_?-?eps|mask_updates", re.IGNORECASE)
ALIKE: Mapping[str, Callable[[Files], Mapping[str, bytes]]] = {
    "bytes": dict,
    "layout": one_line,
    "code": code_alone,
}
RECORDS = ".cautify/"


def write(root: Path, files: Files) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def files_of(root: Path) -> dict[str, bytes]:
    """Every file below a directory, cautify's records among them."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def after(files: Files, *edits: Edit) -> Files:
    return reduce(lambda now, edit: edit(now), edits, files)


def records_in(files: Files) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if path.startswith(RECORDS)}


def of_the_target(files: Files) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if not path.startswith(RECORDS)}


def assert_no_trace(root: Path) -> None:
    assert not (root / RECORDS).exists()
    for path, data in files_of(root).items():
        assert path.rpartition("/")[2] != "cautious_optimizer.py"
        if path.endswith((".py", ".yaml", ".json")):
            assert not TRACE.search(data), (path, TRACE.search(data))
        if path.endswith(".py"):
            compile(data, path, "exec", dont_inherit=True)


def assert_alike(found: Files, expected: Files, alike: str) -> None:
    assert sorted(found) == sorted(expected)
    different = [path for path, data in expected.items() if found[path] != data]
    found, expected = (ALIKE[alike]({path: files[path] for path in different}) for files in (found, expected))
    for path, data in expected.items():
        now, then = (text.decode("utf-8", "surrogateescape").split("\n") for text in (found[path], data))
        assert found[path] == data, "\n".join([path, *unified_diff(then, now, lineterm="")])
