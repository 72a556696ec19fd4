"""The manifest's text: strict JSON, one line per file, from values and back.

It is made to be committed and merged, so nothing in it changes without need, no line number and no date. It may also
come from a stranger, so nothing in it is believed before it has been looked at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict

from cautify import homes
from cautify.errors import ManifestUnusable
from cautify.model import Action, Declined, Options, Span, Verdict
from cautify.patch import strict
from cautify.patch.disk import MANIFEST, unusable
from cautify.patch.hunks import Hunk
from cautify.patch.records import FileRecord, Manifest, SiteRecord

SCHEMA = 2
"""1: an edit says what stood there before, and what for. 2: lines as they are now and as they were before."""

_SOMETIMES = ("flag_name", "default_on", "with_triton", "optimizers", "select", "ignore", "declined")
_HASH = re.compile(r"[0-9a-f]{64}")
_MARKER = re.compile(rb"^(<{7}|>{7}|\|{7}|={7})(\s|$)", re.MULTILINE)
# Lone surrogates (bytes that are not UTF-8) have no encoding, and the others would look like the end of a line.
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_RESTORE = (
    "Nothing was changed. Restore the file from version control (git checkout -- .cautify/manifest.json); "
    "without it cautify cannot take its patch back."
)


def parse(data: bytes) -> Manifest:
    """The manifest that these bytes are.

    Raises:
        ManifestUnusable: they are none, or one that must not be obeyed; the message tells which and what to do.
    """
    marker = _MARKER.search(data)
    if marker:
        line = data.count(b"\n", 0, marker.start()) + 1
        raise refused(
            f"it has merge conflict markers, the first in line {line}",
            "Nothing was changed. Resolve the conflict: each file has one line, keep every file's newest. "
            "Then run the command again.",
        )
    try:
        value = strict.document(data)
        schema = value.get("schema") if isinstance(value, dict) else None
        if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
            raise ValueError("it is not a manifest of cautify: it has no schema number")
        if schema > SCHEMA:
            raise refused(
                f"it was written by a newer cautify (schema {schema}, this one knows {SCHEMA})",
                "Nothing was changed. Upgrade cautify (pip install --upgrade cautify), then run the command again.",
            )
        return _manifest(value)
    except ValueError as error:
        raise refused(str(error)) from error


def refused(why: str, next_step: str = _RESTORE) -> ManifestUnusable:
    """The refusal of a manifest, for a reason."""
    return ManifestUnusable(f"{MANIFEST} cannot be used", why, next_step)


def _manifest(value: object) -> Manifest:
    names = ("schema", "version", "options", "runtimes", "directories", "files", "problems", "sites")
    raw = strict.fields(value, "it", names, ("own",))
    runtimes = strict.texts(raw["runtimes"], "'runtimes'")
    files = tuple(_file(item) for item in strict.items(raw["files"], "'files'"))
    directories = strict.texts(raw["directories"], "'directories'")
    return Manifest(
        SCHEMA,
        strict.text(raw["version"], "'version'"),
        _options(raw["options"]),
        tuple(path_of(path) for path in runtimes),
        tuple(_unique(files)),
        strict.texts(raw["problems"], "'problems'"),
        tuple(_site(item) for item in strict.items(raw["sites"], "'sites'")),
        tuple(path_of(path) for path in directories),
        strict.texts(raw.get("own", []), "'own'"),
    )


def _unique(files: Iterable[FileRecord]) -> Iterator[FileRecord]:
    seen = set()
    for file in files:
        if file.path in seen:
            raise ValueError(f"it lists {file.path!r} twice")
        seen.add(file.path)
        yield file


def path_of(value: object) -> str:
    """A path that may be touched; ValueError says why it may not."""
    path = strict.text(value, "a path")
    reason = unusable(path)
    if reason:
        raise ValueError(f"the path {path!r} {reason}")
    return path


def _options(value: object) -> Options:
    raw = strict.fields(value, "'options'", ("include", "exclude", "tests", "vendor_to"), _SOMETIMES)
    tests, vendor_to, on = raw["tests"], raw["vendor_to"], raw.get("default_on", False)
    triton = raw.get("with_triton", False)
    for name, flag in (("tests", tests), ("default_on", on), ("with_triton", triton)):
        if not isinstance(flag, bool):
            raise ValueError(f"{name!r} is neither true nor false")
    return Options(
        strict.texts(raw["include"], "'include'"),
        strict.texts(raw["exclude"], "'exclude'"),
        tests is True,
        None if vendor_to is None else strict.text(vendor_to, "'vendor_to'"),
        _flag_name(raw.get("flag_name")),
        on is True,
        triton is True,
        _optimizers(raw.get("optimizers", {})),
        strict.texts(raw.get("select", []), "'select'"),
        strict.texts(raw.get("ignore", []), "'ignore'"),
        tuple(_declined(item) for item in strict.items(raw.get("declined", []), "'declined'")),
    )


def _flag_name(value: object) -> str | None:
    """What goes into code is looked at: whoever writes a manifest must not write code by it."""
    if value is None:
        return None
    name = strict.text(value, "'flag_name'")
    if (why := homes.unfit(name)) is not None:
        raise ValueError(f"'flag_name' cannot be {name!r}: {why}")
    return name


def _optimizers(value: object) -> tuple[tuple[str, Verdict], ...]:
    if not isinstance(value, dict):
        raise ValueError("'optimizers' is not an object")
    for name, verdict in value.items():
        if verdict not in (Verdict.WRAP.value, Verdict.SKIP.value):
            raise ValueError(f"'optimizers' says neither 'wrap' nor 'skip' of {name!r}")
    return tuple(sorted((name, Verdict(verdict)) for name, verdict in value.items()))


def _declined(value: object) -> Declined:
    raw = strict.fields(value, "a declined site", ("path", "scope", "optimizers", "count"))
    return Declined(
        strict.text(raw["path"], "the path of a declined site"),
        strict.text(raw["scope"], "the scope of a declined site"),
        strict.texts(raw["optimizers"], "the optimizers of a declined site"),
        strict.number(raw["count"], "the count of a declined site"),
    )


def _file(value: object) -> FileRecord:
    raw = strict.fields(value, "a file", ("path", "action", "before", "after", "layers"))
    path = path_of(raw["path"])
    try:
        action = Action(strict.text(raw["action"], "'action'"))
    except ValueError as error:
        raise ValueError(f"{path!r} has the unknown action {raw['action']!r}") from error
    layers = tuple(_layer(layer, path) for layer in strict.items(raw["layers"], f"'layers' of {path!r}"))
    before = None if raw["before"] is None else hash_of(raw["before"], path)
    if action is Action.DELETE or (action is Action.CREATE) != (before is None) or (before is None) != (not layers):
        raise ValueError(f"{path!r} has a 'before' or 'layers' that do not go with its action")
    return FileRecord(path, action, before, hash_of(raw["after"], path), layers)


def hash_of(value: object, path: str) -> str:
    """A SHA-256 in hexadecimal, of the file at ``path``."""
    found = strict.text(value, f"a hash of {path!r}")
    if not _HASH.fullmatch(found):
        raise ValueError(f"a hash of {path!r} is not a SHA-256")
    return found


def _layer(value: object, path: str) -> tuple[Hunk, ...]:
    return tuple(_hunk(item, path) for item in strict.items(value, f"a layer of {path!r}"))


def _hunk(value: object, path: str) -> Hunk:
    first = isinstance(value, dict) and "text" in value
    raw = strict.fields(value, f"an edit of {path!r}", ("at", "text", "purpose") if first else ("at", "old", "new"))
    at = [strict.number(offset, f"an offset in {path!r}") for offset in strict.items(raw["at"], f"'at' in {path!r}")]
    if len(at) != 2 or at[0] > at[1]:
        raise ValueError(f"an edit of {path!r} has no proper span")
    old = bytes_of(raw["text" if first else "old"], path)
    new = None if first else bytes_of(raw["new"], path)
    if new is not None and len(new) != at[1] - at[0]:
        raise ValueError(f"an edit of {path!r} has a span that does not go with its text")
    return Hunk(Span(*at), old, new)


def bytes_of(value: object, path: str) -> bytes:
    """The bytes that a text of an edit stands for; those that are not UTF-8 are lone surrogates in it."""
    try:
        return strict.text(value, f"the text of an edit of {path!r}").encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError(f"the text of an edit of {path!r} has a character that stands for no byte") from error


def _site(value: object) -> SiteRecord:
    raw = strict.fields(value, "a site", ("path", "optimizers", "verdict"), ("reason",))
    return SiteRecord(
        strict.text(raw["path"], "the path of a site"),
        strict.texts(raw["optimizers"], "the optimizers of a site"),
        strict.text(raw["verdict"], "the verdict of a site"),
        strict.text(raw.get("reason", ""), "the reason of a site"),
    )


def dump(manifest: Manifest) -> bytes:
    """The manifest as it is written: always the same bytes for the same content."""
    options = manifest.options
    files = sorted(manifest.files, key=lambda record: record.path)
    head: Mapping[str, object] = {
        "schema": manifest.schema,
        "version": manifest.version,
        "options": {
            "include": options.include,
            "exclude": options.exclude,
            "tests": options.tests,
            "vendor_to": options.vendor_to,
            **_sometimes(options),
        },
        "runtimes": sorted(manifest.runtimes),
        "directories": sorted(manifest.directories),
        **({"own": sorted(manifest.own)} if manifest.own else {}),
    }
    rows: Mapping[str, Sequence[object]] = {
        "files": [_file_row(record) for record in files],
        "problems": sorted(manifest.problems),
        "sites": [_site_row(site) for site in sorted(manifest.sites)],
    }
    parts = [f"{json_line(key)}: {json_line(value)}" for key, value in head.items()]
    parts += [f"{json_line(key)}: [{_lines(value)}]" for key, value in rows.items()]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode("utf-8")


def _sometimes(options: Options) -> Mapping[str, object]:
    """What most targets have nothing of: their manifests stay as they are."""
    named = {name: verdict.value for name, verdict in sorted(options.optimizers)}
    declined = [asdict(site) for site in sorted(options.declined)]
    own = (options.flag_name, options.default_on, options.with_triton, named)
    values = (*own, options.select, options.ignore, declined)
    return {name: value for name, value in zip(_SOMETIMES, values, strict=True) if value}


def _file_row(record: FileRecord) -> Mapping[str, object]:
    layers = [[_hunk_row(hunk) for hunk in layer] for layer in record.layers]
    return {
        "path": record.path,
        "action": record.action.value,
        "before": record.before,
        "after": record.after,
        "layers": layers,
    }


def _hunk_row(hunk: Hunk) -> Mapping[str, object]:
    at, old = [hunk.span.start, hunk.span.end], hunk.old.decode("utf-8", "surrogateescape")
    if hunk.new is None:
        return {"at": at, "text": old, "purpose": ""}
    return {"at": at, "old": old, "new": hunk.new.decode("utf-8", "surrogateescape")}


def _site_row(site: SiteRecord) -> Mapping[str, object]:
    row = {"path": site.path, "optimizers": site.optimizers, "verdict": site.verdict}
    return {**row, "reason": site.reason} if site.reason else row


def _lines(rows: Sequence[object]) -> str:
    return "\n" + ",\n".join(json_line(row) for row in rows) + "\n" if rows else ""


def json_line(value: object) -> str:
    """JSON on one line, legible, that every editor and git keep as it is."""
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", json.dumps(value, ensure_ascii=False))
