"""A plan as a file: strict JSON, one line per file, that is made on one machine and written on another.

It holds no absolute path, no date, and nothing of the files but the edits and the SHA-256 of what they are made for.
Whoever hands it over may be a stranger, so nothing in it is believed before it has been looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cautify import __version__
from cautify.analysis.discover import PLAN_KIND, is_plan
from cautify.errors import PlanUnusable
from cautify.model import Edit, Span
from cautify.patch import strict
from cautify.patch.disk import digest
from cautify.patch.manifest_text import bytes_of, hash_of, json_line, path_of

SCHEMA = 1

ANEW = "Nothing was changed. Make the plan anew: cautify apply --plan-out."
_KEYS = ("kind", "schema", "version", "sha256", "replaces", "directories", "manifest", "seen", "files")


@dataclass(frozen=True)
class StoredFile:
    """What a plan does to one file: SHA-256 before (None for a file to be created) and after, and the edits."""

    path: str
    before: str | None
    after: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class StoredPlan:
    """A plan apart from the tree that it was made for.

    ``manifest`` is the manifest that goes with it, None where nothing is to be recorded; ``replaces`` is the SHA-256
    of the one that was there, None where none was. ``seen`` are files that the new manifest goes by and that are not
    written, with their SHA-256, None for a file that is gone. ``directories`` have to be made.
    """

    files: tuple[StoredFile, ...]
    seen: tuple[tuple[str, str | None], ...] = ()
    directories: tuple[str, ...] = ()
    replaces: str | None = None
    manifest: bytes | None = None


def dump(plan: StoredPlan) -> bytes:
    """The plan as it is written: always the same bytes for the same content."""
    head = {"kind": PLAN_KIND, "schema": SCHEMA, "version": __version__}
    body = _body(plan)
    return ("{\n" + _members({**head, "sha256": digest(body.encode())}) + ",\n" + body + "\n}\n").encode()


def _body(plan: StoredPlan) -> str:
    manifest = None if plan.manifest is None else plan.manifest.decode("utf-8", "surrogateescape")
    head = {"replaces": plan.replaces, "directories": sorted(plan.directories), "manifest": manifest}
    seen = [{"path": path, "sha256": sha} for path, sha in sorted(plan.seen, key=lambda pair: pair[0])]
    files = [_file_row(file) for file in sorted(plan.files, key=lambda file: file.path)]
    return f'{_members(head)},\n"seen": [{_lines(seen)}],\n"files": [{_lines(files)}]'


def _file_row(file: StoredFile) -> Mapping[str, object]:
    edits = [
        {
            "at": [edit.span.start, edit.span.end],
            "text": edit.replacement.decode("utf-8", "surrogateescape"),
            "purpose": edit.purpose,
        }
        for edit in file.edits
    ]
    return {"path": file.path, "before": file.before, "after": file.after, "edits": edits}


def _members(values: Mapping[str, object]) -> str:
    return ",\n".join(f"{json_line(key)}: {json_line(value)}" for key, value in values.items())


def _lines(rows: Sequence[object]) -> str:
    return "\n" + ",\n".join(json_line(row) for row in rows) + "\n" if rows else ""


def parse(data: bytes, name: str) -> StoredPlan:
    """The plan that these bytes are. ``name`` is what messages call the file.

    Raises:
        PlanUnusable: they are none, one of another version, one that was edited, or one that must not be obeyed.
    """
    try:
        value = strict.document(data)
        if not isinstance(value, dict) or value.get("kind") != PLAN_KIND:
            raise ValueError("it is no plan of cautify's")
        schema, version = value.get("schema"), value.get("version")
        if isinstance(schema, bool) or schema != SCHEMA:
            found = schema if isinstance(schema, int | str) else "none"
            raise ValueError(f"it is of another schema ({found}, and this cautify knows {SCHEMA})")
        if version != __version__:
            found = version if isinstance(version, str) else "?"
            raise ValueError(f"it was made by cautify {found}, and this is cautify {__version__}")
        return _plan(value)
    except ValueError as error:
        raise PlanUnusable(f"{name} cannot be used", str(error), ANEW) from error


def _plan(value: object) -> StoredPlan:
    raw = strict.fields(value, "it", _KEYS)
    replaces, manifest = raw["replaces"], raw["manifest"]
    plan = StoredPlan(
        tuple(_file(item) for item in strict.items(raw["files"], "'files'")),
        tuple(_seen(item) for item in strict.items(raw["seen"], "'seen'")),
        tuple(path_of(path) for path in strict.items(raw["directories"], "'directories'")),
        None if replaces is None else hash_of(replaces, "the manifest"),
        None if manifest is None else bytes_of(manifest, "the manifest"),
    )
    _require_unique([*(file.path for file in plan.files), *(path for path, _ in plan.seen)])
    _require_unique(plan.directories)
    if strict.text(raw["sha256"], "'sha256'") != digest(_body(plan).encode()):
        raise ValueError("it was edited or damaged: its SHA-256 is another")
    return plan


def _require_unique(paths: Iterable[str]) -> None:
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            raise ValueError(f"it lists {path!r} twice")
        seen.add(path)


def _file(value: object) -> StoredFile:
    raw = strict.fields(value, "a file", ("path", "before", "after", "edits"))
    path = path_of(raw["path"])
    before = None if raw["before"] is None else hash_of(raw["before"], path)
    return StoredFile(path, before, hash_of(raw["after"], path), tuple(_edits(raw["edits"], path)))


def _edits(value: object, path: str) -> Iterator[Edit]:
    for item in strict.items(value, f"'edits' of {path!r}"):
        raw = strict.fields(item, f"an edit of {path!r}", ("at", "text", "purpose"))
        at = [
            strict.number(offset, f"an offset in {path!r}") for offset in strict.items(raw["at"], f"'at' in {path!r}")
        ]
        if len(at) != 2 or at[0] > at[1]:
            raise ValueError(f"an edit of {path!r} has no proper span")
        yield Edit(Span(*at), bytes_of(raw["text"], path), strict.text(raw["purpose"], f"a purpose in {path!r}"))


def _seen(value: object) -> tuple[str, str | None]:
    raw = strict.fields(value, "a file in 'seen'", ("path", "sha256"))
    path = path_of(raw["path"])
    return path, None if raw["sha256"] is None else hash_of(raw["sha256"], path)


__all__ = ["ANEW", "SCHEMA", "StoredFile", "StoredPlan", "dump", "is_plan", "parse"]
