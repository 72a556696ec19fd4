"""Keys in YAML files: where one stands, and two more below it.

Lines are read, not YAML: only block mappings in which each key begins its line are understood, anything else is not
found. So a file is changed by whole lines, and every other byte of it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cautify.homes import ENABLED_SAYS, EPS_SAYS, Spelling
from cautify.model import Edit, Span

EPS = "1.0e-8"  # YAML 1.1 reads 1e-8 as a string
_PAIR = re.compile(r"(?P<indent> *)(?P<quote>[\"']?)(?P<key>[\w.\-/@]+)(?P=quote)[ ]*:(?:[ \t]+(?P<value>.*))?$")
_COMMENT = re.compile(r"^[^#'\"]*?(\s+)#\s")
_BLOCK = re.compile(r"(?:[!&]\S+[ \t]+)*[|>][-+0-9]*[ \t]*(?:#.*)?$")


@dataclass(frozen=True)
class Key:
    """A key of a file: its 0-based line, its indent, the last line of what belongs to it, and its siblings.

    ``target`` is what the mapping around it has as ``_target_``, empty if it has none. ``apart`` says that a blank line
    belongs between the key and those below it; ``comment`` is the white space before a comment, if all have one.
    """

    line: int
    indent: str
    last: int
    value: str
    siblings: frozenset[str]
    target: str = ""
    apart: bool = False
    comment: str = ""


def find(text: str, path: Sequence[str]) -> Key | None:
    """The key at ``path``, or None where it is not there, there twice, or the file is written in another way."""
    lines = text.splitlines()
    if "\t" in text and any(re.match(r" *\t", line) for line in lines):
        return None
    if sum(line.rstrip() == "---" for line in lines[1:]) or not path:
        return None
    found: list[Key] = []
    every = list(_pairs(lines))
    for number, above, match in every:
        if [*above, match["key"]] != list(path):
            continue
        siblings = {m["key"]: m["value"] or "" for _, others, m in every if others == above}
        target = siblings.get("_target_", "").partition(" #")[0].strip().strip("'\"")
        last = _last(lines, number, len(match["indent"]))
        value = match["value"] or ""
        beside = [_COMMENT.search(text) for text in siblings.values() if text]
        gap = beside[0][1] if len(beside) > 1 and all(beside) and beside[0] is not None else ""
        apart = last > number and last + 1 < len(lines) and not lines[last + 1].strip()
        found.append(Key(number, match["indent"], last, value.strip(), frozenset(siblings), target, apart, gap))
    return found[0] if len(found) == 1 else None


def below_defaults(text: str, group: str) -> Key | None:
    """The place below hydra's ``defaults`` list of a file, which has an entry for a group."""
    key = find(text, ["defaults"])
    lines = text.splitlines()
    entry = re.compile(rf"\s*-\s+(?:override\s+|optional\s+)*{re.escape(group)}\s*:")
    numbers = [n for n in range(key.line, key.last + 1) if entry.match(lines[n])] if key is not None else []
    if key is None or not numbers or key.indent:
        return None
    return Key(numbers[0], "", key.last, "", key.siblings, apart=True)


def declare(data: bytes, key: Key, spelling: Spelling) -> Edit | None:
    """The edit that adds what is missing of the two keys below a key and what belongs to it."""
    values = dict(zip(spelling.names, ("true" if spelling.on else "false", EPS), strict=True))
    missing = [
        f"{key.indent}{name}: {value}" + (f"{key.comment}# {says}" if key.comment else "")
        for (name, value), says in zip(values.items(), (ENABLED_SAYS, EPS_SAYS), strict=True)
        if name not in key.siblings
    ]
    if not missing:
        return None
    missing = ["", *missing] if key.apart else missing
    raw = data.splitlines(keepends=True)
    at = sum(map(len, raw[: key.last + 1]))
    line = raw[key.last]
    newline = b"\r\n" if line.endswith(b"\r\n") or (raw[0].endswith(b"\r\n") and not line.endswith(b"\n")) else b"\n"
    text = newline.join(m.encode() for m in missing)
    added = text + newline if line.endswith(b"\n") else newline + text
    return Edit(Span(at, at), added, "key")


def groups(text: str) -> Iterator[tuple[str, str]]:
    """What hydra's ``defaults`` list of a file composes: group and choice, the group empty for a plain file."""
    inside = False
    for line in text.splitlines():
        if re.match(r"defaults[ ]*:", line):
            inside = True
            continue
        if inside and line.strip() and not line.lstrip().startswith(("-", "#")):
            return
        match = re.match(
            r"[ ]*-[ ]+(?:override[ ]+|optional[ ]+)*([\w/@.\-]+)(?:[ ]*:[ ]*([\w/.\-]+))?[ ]*(?:#.*)?$", line
        )
        if inside and match is not None:
            yield (match[1], match[2]) if match[2] else ("", match[1])


def package(text: str) -> str | None:
    """The ``# @package`` that the head of a file names."""
    match = re.match(r"(?:[ \t]*\r?\n)*#[ ]*@package[ ]+(?:_group_\.?)?(\S*)", text)
    return match[1] if match else None


def _pairs(lines: Sequence[str]) -> Iterator[tuple[int, list[str], re.Match[str]]]:
    above: list[tuple[int, str]] = []
    skipped = -1  # deeper lines than this are the text of a block scalar
    for number, line in enumerate(lines):
        bare = line.strip()
        depth = len(line) - len(line.lstrip())
        if not bare or bare.startswith("#") or (0 <= skipped < depth):
            continue
        skipped = -1
        while above and above[-1][0] >= depth:
            above.pop()
        if bare.startswith("-"):
            above.append((depth, "-"))
            continue
        match = _PAIR.match(line)
        if match is None:
            above.append((depth, "?"))
            continue
        if _BLOCK.match(match["value"] or ""):
            skipped = depth
        yield number, [key for _, key in above], match
        above.append((depth, match["key"]))


def _last(lines: Sequence[str], number: int, depth: int) -> int:
    """The last line that belongs to a key: deeper ones, and the items of a list at its own depth."""
    last = number
    for n in range(number + 1, len(lines)):
        line = lines[n]
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        if indent < depth or (indent == depth and not bare.startswith("- ")):
            break
        last = n
    return last
