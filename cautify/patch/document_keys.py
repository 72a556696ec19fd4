"""Take the keys of a switch out of YAML and JSON, by their lines and commas: nothing else of a document changes."""

from __future__ import annotations

import json
import re

from cautify.patch.traces import Words

_KEY = re.compile(r"""^\s*(?:-\s+)?["']?(?P<name>[\w.-]+)["']?\s*:(?:\s.*)?$""")
_PAIR = re.compile(r'"(?P<name>[\w-]+)"\s*:\s*(?:true|false|null|-?[\d.][\d.eE+-]*|"[^"\\\n]*")')


def without_keys(data: bytes, words: Words) -> bytes:
    """YAML without the lines that give the switch a value; of a blank line on either side of them one stays."""
    kept: list[bytes] = []
    cut = False
    for line in re.findall(rb"[^\n]*\n|[^\n]+", data):
        match = _KEY.match(line.decode("utf-8", "replace").rstrip("\r\n"))
        if match is not None and words.names(match["name"]):
            cut = True
            continue
        if not (cut and not line.strip() and kept and not kept[-1].strip()):
            kept.append(line)
        cut = False
    return b"".join(kept)


def without_pairs(data: bytes, words: Words) -> bytes:
    """JSON without the pairs that give the switch a value; as it is where that is not all that would change."""
    try:
        text = data.decode("utf-8")
        expected = _left(json.loads(text), words)
    except (ValueError, RecursionError):
        return data
    while True:
        match = next((m for m in _PAIR.finditer(text) if words.names(m["name"])), None)
        if match is None:
            break
        start, end = match.span()
        behind = re.compile(r"\s*,[ \t]*(?:\r?\n)?").match(text, end)
        before = re.search(r",?\s*$", text[:start])
        if behind is not None:
            opens_line = not text[text.rfind("\n", 0, start) + 1 : start].strip()
            closes_line = behind.group().endswith("\n")
            first = text.rfind("\n", 0, start) + 1 if opens_line and closes_line else start
            last = behind.end() if opens_line == closes_line else end + behind.group().index(",") + 1
            text = text[:first] + text[last:]
        else:
            text = text[: before.start() if before is not None else start] + text[end:]
    try:
        same = json.loads(text) == expected
    except ValueError:
        same = False
    return text.encode("utf-8") if same else data


def _left(value: object, words: Words) -> object:
    if isinstance(value, dict):
        return {key: _left(inner, words) for key, inner in value.items() if not words.names(key)}
    return [_left(inner, words) for inner in value] if isinstance(value, list) else value
