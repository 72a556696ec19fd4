"""Names that are given an optimizer class somewhere, by the bytes alone: a call of one is worth resolving.

Attributes say nothing of what they hold: ``self.kind(weights)`` is looked into because some line of the project reads
``kind = torch.optim.AdamW``. What is let through for nothing costs time, and is resolved as everything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cautify.analysis.project import Project
from cautify.optimizers import Catalogue

_TO_ATTRIBUTE = rb"\.(\w+)[ \t]*(?::[^=\n]*)?=[ \t]*(?:\w+\.)*(?:%s)[ \t]*(?:$|[#,;)]|\bor\b|\bif\b)"
_NAMED = rb"(\w+)[ \t]*(?::[^=\n(]*)?=(?!=)[^=\n]*?\b(?:%s)\b(?![ \t]*\()"
_SET = rb"setattr\([^\"'\n]*[\"'](\w+)[\"'][ \t]*,[^()\n]*\b(?:%s)\b"
_RENAMED = rb"\b(?:%s)[ \t]+as[ \t]+(\w+)"
_RETURNED = rb"\bdef[ \t]+(\w+)|\breturn\b[^\n]*?\b(?:%s)\b(?![ \t]*\()"
_HANDED = rb"\b(\w+)\([^()]{0,300}?\b(?:%s)\b(?![ \t]*\()"
_MANY = 200


def given_classes(project: Project, catalogue: Catalogue) -> frozenset[str]:
    """The variables, attributes, parameters, aliases and functions that give an optimizer class by a line's text.

    ``value`` is among them where they may be members of an enum.
    """
    classes = frozenset(name.encode("ascii") for name in catalogue.class_names)
    found: set[bytes] = set()
    for path in project.containing(b"ptim"):
        named = project.words(path) & classes
        if not named:
            continue
        data = project.data[path]
        lines = _saying(named, data)
        here = {word for form in (_NAMED, _SET, _RENAMED) for word in _search(form, named, lines)}
        here.update(_returning(named, data))
        if 0 < len(here) <= _MANY:
            here.update(_search(_TO_ATTRIBUTE, frozenset(here), data))
        found |= here
    if found and project.containing(b"Enum"):
        found.add(b"value")
    return frozenset(word.decode("ascii") for word in found if word.isascii() and not word.startswith(b"__"))


def handed_classes(project: Project, catalogue: Catalogue) -> frozenset[str]:
    """What is called with an optimizer class among its arguments, by the last word of its name."""
    classes = frozenset(name.encode("ascii") for name in catalogue.class_names)
    found: set[bytes] = set()
    for path in project.containing(b"ptim"):
        if named := project.words(path) & classes:
            found.update(_search(_HANDED, named, project.data[path]))
    return frozenset(word.decode("ascii") for word in found if word.isascii())


def renamed_classes(project: Project, catalogue: Catalogue) -> frozenset[bytes]:
    """What imports call optimizer classes: a file that says such a word may pass one along, and not say "optim"."""
    classes = frozenset(name.encode("ascii") for name in catalogue.class_names)
    found: set[bytes] = set()
    for path in project.containing(b"ptim"):
        if named := project.words(path) & classes:
            found.update(_search(_RENAMED, named, project.data[path]))
    return frozenset(found)


def taken_from(names: Iterable[str]) -> re.Pattern[str] | None:
    """What matches an assignment of what is called or looked up by one of the names; its group are the targets."""
    every = "|".join(sorted(names))
    given = rf"=[ \t]*(?:await[ \t]+)?[\w.]*\b(?:{every})\b[ \t]*[(\[.]"
    return re.compile(rf"(?<![.\w])(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]*)?{given}") if every else None


def called_attribute(names: Iterable[str]) -> re.Pattern[str] | None:
    """What matches a call of an attribute of one of the names."""
    every = "|".join(sorted(names))
    return re.compile(rf"\.[\s\\]*(?:{every})[ \t]*\(") if every else None


def _returning(classes: frozenset[bytes], data: bytes) -> set[bytes]:
    """The functions of which a return statement says a class; the last one above it, as far as the text shows."""
    found: set[bytes] = set()
    name = b""
    for match in re.finditer(_RETURNED % b"|".join(sorted(classes)), data):
        name = match[1] or name
        if match[1] is None and name:
            found.add(name)
    return found


def _saying(classes: frozenset[bytes], data: bytes) -> bytes:
    """The lines that say a class which is not called there: to look at these alone is ten times faster."""
    found: list[bytes] = []
    end = -1
    for match in re.finditer(rb"\b(?:%s)\b(?![ \t]*\()" % b"|".join(sorted(classes)), data):
        if match.start() > end:
            start = data.rfind(b"\n", 0, match.start()) + 1
            end = data.find(b"\n", match.end())
            end = len(data) if end < 0 else end
            found.append(data[start:end])
    return b"\n".join(found)


def _search(form: bytes, words: frozenset[bytes], data: bytes) -> list[bytes]:
    return re.findall(form % b"|".join(sorted(words)), data, re.MULTILINE)
