"""Which files can hold a construction, by their bytes alone: parsing costs a thousand times more.

A file is looked at when it calls an optimizer class by name, refers to one, calls something that is named like a maker
of optimizers, or passes parameters to something that is looked up. What is not caught here is never found, so the
patterns are wide; what they catch for nothing only costs time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from cautify.analysis import evidence
from cautify.analysis.given import called_attribute
from cautify.analysis.project import Project
from cautify.optimizers import Catalogue

_LOOKED_UP = re.compile(rb"[\])][ \t]*\(\s*(?:params\s*=\s*)?[^()\n]*(?:param|\[\s*\{\s*[\"']param)")
_WITH_RATE = re.compile(rb"(?:parameters\(\)|params|groups)\s*,[^()]{0,120}\b(?:lr|learning_rate)\s*=")
_NODE = re.compile(rb"(?:instantiate|build_from|class_by_name)\w*\(\s*[^()]{0,200}ptim")
_NODE_KEPT = re.compile(rb"ptim[^\n=(]{0,60}=\s*[\w.]*(?:instantiate|build_from|\w*class_by_name)")
_RATED = re.compile(rb"(?<![\w.])[a-z_]\w*\([^()\n]*\blr[ ]?=")
_BY_NAME = re.compile(
    rb"\b(?:vars|getmembers)\([\w.]*optim|\bglobals\(\)\[|(?<![.\w])eval\(|\battrgetter\(|"
    rb"\b(?:import_module\(|modules\[)[ \t]*[\"']torch\.optim"
)
_ANOTHER = re.compile(rb"opt\w*\.__class__[ \t]*\(|\btype\([\w.]*opt\w*\)[ \t]*(?:\(|$)", re.MULTILINE)
_FACTORY_RENAMED = re.compile(rb"(?:instantiate|build_from)\w*[ \t]+as\b")
_REGISTRY = re.compile(rb"OPTIM\w*\.(?:build|get|create)\(|ptim\.__dict__|getattr\(\s*[\w.]*ptim")
_FOREIGN = re.compile(
    rb"(?:Adam|SGD|Lion|Optim|Optimizer|Adagrad|RMS[pP]rop|Adafactor|Lamb|LAMB|Prodigy|Shampoo)\w*\(\s*[^()]{0,80}param"
)
_OPT_WORD = re.compile(rb"[oO]pt|OPT")
_FOREIGN_WORD = re.compile(rb"[A-Z].*(?:Adam|SGD|Lion|Optim|Adagrad|[pP]rop|Adafactor|[lL]amb|LAMB|Prodigy|Shampoo)")
_DERIVED = re.compile(rb"class[ ]+\w+\((?:[\w.]+,\s*)*[\w.]*(?:Optimizer(?:\d\w*)?|Adam\w*Base)\b")
_ALWAYS = (  # each with what it cannot match without: looking for that first is ten times faster
    (_NODE, b"instantiate", b"build_from", b"class_by_name"),
    (_NODE_KEPT, b"instantiate", b"build_from", b"class_by_name"),
    (_FACTORY_RENAMED, b"instantiate", b"build_from"),
    (_ANOTHER, b".__class__", b"type("),
    (_REGISTRY, b"OPTIM", b"ptim.__dict__", b"getattr("),
    (_LOOKED_UP, b"](", b")(", b"] ", b")  ", b") (", b"]\t", b")\t"),
    (re.compile(rb"CautiousOptimizer"), b"CautiousOptimizer"),  # a patched file is looked at, whatever its words
)
_MAKER, _CLASS = 1, 2
_ANNOTATED = re.compile(rb"Optimizer\s*\]")


def candidates(project: Project, catalogue: Catalogue, own: Iterable[str], given: Iterable[str]) -> list[str]:
    """The files to parse, in order.

    ``own`` are the names of the project's own optimizer classes, ``given`` those of what is given a class somewhere.
    """
    attributes = called_attribute(given)
    called = re.compile(attributes.pattern.encode("ascii")) if attributes is not None else None
    classes, factories = _encoded(catalogue.class_names), _encoded(catalogue.special_names)
    found, kinds = set(project.mentioning_word(own)), _Kinds()
    for path in [*mentioning_optimizers(project, catalogue), *_training(project)]:
        if path not in project.remembered:
            data = project.data[path]
            words = project.words(path)
            named = words & (classes | factories)
            project.remembered[path] = (
                bool(named and _uses(named, classes, data))
                or _may_call(data, words, kinds)
                or (called is not None and called.search(data) is not None)
            )
        if project.remembered[path]:
            found.add(path)
    return sorted(found.union(_rated(project)))


def defining(project: Project, catalogue: Catalogue) -> list[str]:
    """The files that may define an optimizer class of their own."""
    bases = _encoded(catalogue.class_names | {"Optimizer"})
    found = []
    for path in mentioning_optimizers(project, catalogue):
        data = project.data[path]
        if b"class " not in data:
            continue
        named = project.words(path) & bases
        if (named and _pattern(rb"class\s+\w+\s*\((?:[^()]*\W)?(?:%s)\b", named).search(data)) or _DERIVED.search(data):
            found.append(path)
    return found


def mentioning_optimizers(project: Project, catalogue: Catalogue) -> list[str]:
    """The files that say "optim" or name a library that does not."""
    return project.containing(b"ptim", *(package.encode() for package in catalogue.packages if "ptim" not in package))


def _training(project: Project) -> list[str]:
    """Files that do not say "optim", but may be given a class by one that does: they speak of a learning rate."""
    found = project.containing(b"parameters()", b"PTIM", b"params")
    return [
        p for p in found if b"ptim" not in project.data[p] and (b"lr" in project.data[p] or b"PTIM" in project.data[p])
    ]


def _rated(project: Project) -> list[str]:
    """Files without any such word that call something with a learning rate: a class, if they are handed one."""
    found = project.containing(b"lr=", b"lr =")
    return [p for p in found if b"ptim" not in project.data[p] and _RATED.search(project.data[p])]


def _uses(named: frozenset[bytes], classes: frozenset[bytes], data: bytes) -> bool:
    """Whether a class or factory is called, renamed, or referred to as a value."""
    if _pattern(rb"\b(?:%s)(?:\s|\\)*(?:\(|as\b)", named).search(data):
        return True
    referred = named & classes
    return bool(referred) and bool(_pattern(rb"(?:\.|=[ \t]*)(?:%s)\b(?![ \t]*[(\].])", referred).search(data))


class _Kinds(dict[bytes, int]):
    """Word → whether makers of optimizers are called so, or classes of them: files share most of their words."""

    def __missing__(self, word: bytes) -> int:
        maker = _OPT_WORD.search(word) is not None and _names_maker(word)
        self[word] = kind = _MAKER * maker | _CLASS * (_FOREIGN_WORD.match(word) is not None)
        return kind


def _may_call(data: bytes, words: frozenset[bytes], kinds: _Kinds) -> bool:
    """Whether a call is there that could make an optimizer, whatever the name of that is."""
    makers = [word for word in words if kinds[word] & _MAKER]
    if makers and _pattern(rb"(?<!def )\b(?:%s)[ \t]*\(", makers).search(data):
        return True
    if any(kinds[word] & _CLASS for word in words) and _FOREIGN.search(data):
        return True
    if b"Optimizer" in words and _ANNOTATED.search(data):
        return True
    if (b"lr" in words or b"learning_rate" in words) and _WITH_RATE.search(data):
        return True
    if b"torch.optim" in data and _BY_NAME.search(data):
        return True
    return any(any(n in data for n in needles) and p.search(data) for p, *needles in _ALWAYS)


def _names_maker(word: bytes) -> bool:
    name = word.decode("ascii")
    return evidence.names_maker(name) or evidence.names_verb(name)


def _encoded(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(name.encode("ascii") for name in names)


@lru_cache(maxsize=256)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


def _pattern(template: bytes, names: Iterable[bytes]) -> re.Pattern[bytes]:
    return _compiled(template % b"|".join(sorted(names)))
