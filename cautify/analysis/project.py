"""The whole program, parsed on demand: modules by import name, files by the words in them, minimum Python version.

The import root of a file is read off the project's own imports and its ``__init__.py`` files, never off folder names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

from cautify.analysis.calling import has_word
from cautify.analysis.discover import is_test
from cautify.analysis.import_lines import imports, own_name, words_imported
from cautify.analysis.python_version import minimum_python
from cautify.analysis.syntax import Module, Unparsable
from cautify.model import Problem
from cautify.source import Undecodable, bytes_of_file, read_source

_WORD = re.compile(rb"[A-Za-z_]\w+")
_SPACED = bytes(c if _WORD.match(b"a%c" % c) else 32 for c in range(256))  # splitting is faster than matching
_WHOLE_WORD = re.compile(rb"\w+")
_BASES = re.compile(rb"class[\s\\]+\w+\s*[\[(]([\s\S]*?):[ \t]*(?:[#\r\n]|$)")
_AS = re.compile(rb"as[\s\\]")
_SPACE = frozenset((b" ", b"\t", b"\n", b"\r", b"\x0b", b"\x0c", b"\\"))
_LAST_WORD = re.compile(rb"(\w+)[\s\\]*$")
_DOTTED = re.compile(rb"[A-Za-z_][\w.]*")
_INSTALLED = frozenset({"torch", "numpy", "transformers", "lightning", "pytorch_lightning", "accelerate"})


@dataclass(frozen=True)
class Package:
    """A directory that is imported as a package but has no ``__init__.py`` to look into."""

    directory: str


class Project:
    """The files of the target, read once. ``overlay`` replaces the bytes of some of them: a patched tree, unwritten."""

    def __init__(self, root: Path, files: Iterable[str], overlay: Mapping[str, bytes] | None = None) -> None:
        self.root = root
        self.problems: dict[str, Problem] = {}
        self.data: dict[str, bytes] = {}
        self._modules: dict[str, Module | None] = {}
        self._words: dict[str, frozenset[bytes]] = {}
        self._known: dict[bytes, bytes] = {}
        self.remembered: dict[str, bool] = {}
        """Whether a file can hold a construction: for the plan of the same tree with some files replaced."""
        self._keeps_outlines = True
        self._base: Project | None = None
        self._overlay: frozenset[str] = frozenset(overlay or ())
        overlay = overlay or {}
        for path in sorted({*files, *overlay}):
            if path in overlay:
                self.data[path] = overlay[path]
                continue
            try:
                self.data[path] = bytes_of_file(root / path)
            except OSError as error:
                self.problems[path] = Problem(path, "unreadable", error.strerror or str(error))

    def with_overlay(self, overlay: Mapping[str, bytes]) -> Project:
        """The same project with some files replaced. What is parsed already, and unchanged, is not parsed again."""
        changed = Project(self.root, (), overlay)
        changed.data = {**self.data, **overlay}
        changed._modules = {p: m for p, m in self._modules.items() if p not in overlay}
        changed.remembered = {p: r for p, r in self.remembered.items() if p not in overlay}
        changed._words = {p: w for p, w in self._words.items() if p not in overlay}
        changed.problems = dict(self.problems)
        changed._base = self
        return changed

    def module(self, path: str) -> Module | None:
        """The parsed file, or None (and an entry in ``problems``) when it cannot be used."""
        if path not in self._modules:
            self._modules[path] = None
            if path in self.data:
                try:
                    parsed = self._modules[path] = Module(read_source(path, self.data[path]))
                    if not self._keeps_outlines:
                        parsed.forget_outline()
                except Undecodable as error:
                    self.problems[path] = Problem(path, "undecodable", str(error))
                except Unparsable as error:
                    self.problems[path] = Problem(path, "unparsable", str(error))
        module = self._modules[path]
        if module is not None and module.broken:
            self.problems[path] = Problem(path, "unparsable", module.broken)
            self._modules[path] = None
        return self._modules[path]

    def forget_outlines(self) -> None:
        """Let go of what only the search for constructions needs, for what is parsed from now on too."""
        self._keeps_outlines = False
        for module in self._modules.values():
            if module is not None:
                module.forget_outline()

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def mentioning(self, pattern: str, *needles: str) -> tuple[str, ...]:
        """The files whose bytes match a regular expression, in order.

        ``needles`` are plain strings of which every match holds one: looking for these first is ten times faster.
        """
        search = re.compile(pattern.encode("utf-8")).search
        plain = [needle.encode("utf-8") for needle in needles] or [b""]
        if self._base is None:
            return tuple(p for p, data in self.data.items() if any(n in data for n in plain) and search(data))
        kept = {path for path in self._base.mentioning(pattern, *needles) if path not in self._overlay}
        return tuple(sorted(kept | {path for path in self._overlay if search(self.data[path])}))

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def containing(self, *needles: bytes) -> list[str]:
        """The files that hold one of some byte strings, in order."""
        if self._base is None:
            return [path for path, data in self.data.items() if any(needle in data for needle in needles)]
        kept = [path for path in self._base.containing(*needles) if path not in self._overlay]
        return sorted(kept + [path for path in self._overlay if any(n in self.data[path] for n in needles)])

    def words(self, path: str) -> frozenset[bytes]:
        """The identifiers, keywords and plain words in a file."""
        data = self.data[path]
        if path not in self._words:
            found = frozenset(data.translate(_SPACED).split())
            self._words[path] = frozenset(map(self._known.setdefault, found, found))  # each word is held once
        return self._words[path]

    def deriving(self, name: str) -> list[str]:
        """The files in which a class statement, or the renaming of an import, mentions a name, in order."""
        word = name.encode("utf-8")
        if self._base is None:
            return self._deriving.get(word, [])
        kept = [path for path in self._base.deriving(name) if path not in self._overlay]
        return sorted({*kept, *(path for path in self._overlay if word in self._base_words(path))})

    @cached_property
    def _deriving(self) -> dict[bytes, list[str]]:
        found: dict[bytes, list[str]] = {}
        for path in self.data:
            for word in self._base_words(path):
                found.setdefault(word, []).append(path)
        return found

    def _base_words(self, path: str) -> set[bytes]:
        """The words between the brackets of a file's class statements, and those that its imports give other names."""
        data = self.data[path]
        found = {word for header in _BASES.findall(data) for word in _WHOLE_WORD.findall(header)}
        if found:
            places = (m.start() - 1 for m in _AS.finditer(data) if data[m.start() - 1 : m.start()] in _SPACE)
            before = (_LAST_WORD.search(data, max(0, at - 99), at) for at in places)
            found.update(word[1] for word in before if word is not None)
        return found

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def is_imported_by_name(self, path: str) -> bool:
        """Whether another file mentions the name of a module: one that nobody mentions is a script."""
        name = own_name(path)
        return not name or any(other != path for other in self.mentioning_word({name}))

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def may_import(self, path: str, name: str, home: str) -> bool:
        """Whether a name in a file could be that of ``home``: imported, by a star too, or the module's attribute."""
        word = name.encode("utf-8")
        imported = self.import_words(path)
        if imported is None or word in imported:
            return True
        mentioned = own_name(home).encode("utf-8") in self.words(path)
        return mentioned and re.search(rb"\.\s*%s\b" % word, self.data[path]) is not None

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def import_words(self, path: str) -> frozenset[bytes] | None:
        """The words in a file's import statements, or None if some are unusual: with stars, on broken lines."""
        return words_imported(self.data[path])

    def mentioning_word(self, words: Iterable[str]) -> list[str]:
        """The files that hold one of the given identifiers, in order."""
        return sorted({path for word in words for path in self._with_word(word.encode("utf-8"))})

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def _with_word(self, word: bytes) -> tuple[str, ...]:
        if self._base is None:
            return tuple(path for path in self.data if self._says(path, word))
        kept = [path for path in self._base._with_word(word) if path not in self._overlay]
        return (*kept, *(path for path in self._overlay if self._says(path, word)))

    def _says(self, path: str, word: bytes) -> bool:
        words = self._words.get(path)
        return word in words if words is not None and word.isascii() else has_word(self.data[path], word)

    # -- import names ---------------------------------------------------------------------------------------------

    @cached_property
    def _roots(self) -> dict[str, set[str]]:
        """Top-level name → the directories that hold a module or package of that name."""
        roots: dict[str, set[str]] = {}
        for path in self.data:
            parts = PurePosixPath(path).with_suffix("").parts
            for depth, name in enumerate(parts):
                if name.isidentifier() and name != "__init__":
                    roots.setdefault(name, set()).add("/".join(parts[:depth]))
        return roots

    def is_package(self, directory: str) -> bool:
        """Whether a directory has an ``__init__.py``. The root's own, and those above it, are looked up on disk."""
        if f"{directory}/__init__.py".lstrip("/") in self.data:
            return True
        return directory in ("", ".") and (self.root / "__init__.py").is_file()

    def import_target(self, importer: str, dotted: str) -> str | Package | None:
        """What ``import dotted`` means in ``importer``: a file, a namespace package, or None when not the project's.

        ``dotted`` may begin with dots. Ambiguity (two roots that are equally near) is None too.
        """
        level = len(dotted) - len(dotted.lstrip("."))
        here = str(PurePosixPath(importer).parent)
        here = "" if here == "." else here
        if level:
            base = PurePosixPath(here)
            for _ in range(level - 1):
                if str(base) in ("", "."):
                    return None
                base = base.parent
            directory = "" if str(base) == "." else str(base)
            return self._below(directory, dotted[level:])
        top = dotted.partition(".")[0]
        for directory in self._search_path(here, top):
            found = self._below(directory, dotted)
            if found is not None:
                return found
        return None

    def _search_path(self, here: str, top: str) -> list[str]:
        """The directories that an absolute import of ``top`` may start from, the likeliest first."""
        candidates = self._roots.get(top, set())
        if not candidates or top in sys.stdlib_module_names:
            return []
        beside = f"{here}/{top}".lstrip("/")
        if not self.is_package(here) and (f"{beside}.py" in self.data or f"{beside}/__init__.py" in self.data):
            return [here]  # a script finds what lies beside it first
        candidates = {d for d in candidates if self._is_meant(d, top)}
        above = [d for d in candidates if _within(here, d) and not self.is_package(d)]
        if above:
            return sorted(above, key=len, reverse=True)
        roots = [d for d in candidates if not self.is_package(d)]
        if len(roots) > 1:
            roots = [d for d in roots if not is_test(d + "/x.py")]
        if len(roots) == 1:
            return roots
        return [here] if here in candidates else []

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def _is_meant(self, directory: str, top: str) -> bool:
        """Whether ``directory`` holds what the project imports as ``top``, not just something of an installed name.

        It does when some module or name that is imported from ``top`` is there.
        """
        path = f"{directory}/{top}".lstrip("/")
        file = next((f for f in (f"{path}.py", f"{path}/__init__.py") if f in self.data), None)
        wanted = self._imported_from.get(top, frozenset())
        if any(f"{path}/{name}.py" in self.data or f"{path}/{name}" in self._directories for name in wanted):
            return True
        if file is None or top in _INSTALLED:
            return False
        return not wanted or any(name.encode("ascii") in self.words(file) for name in wanted)

    def _below(self, directory: str, dotted: str) -> str | Package | None:
        path = "/".join(p for p in [directory, *dotted.split(".")] if p)
        for candidate in (f"{path}/__init__.py" if path else "__init__.py", f"{path}.py"):
            if candidate in self.data:
                return candidate
        return Package(path) if path in self._directories else None

    @cached_property
    def _directories(self) -> frozenset[str]:
        """Every directory that holds a Python file, at any depth. The root is the empty string."""
        above = {str(parent) for path in self.data for parent in PurePosixPath(path).parents}
        return frozenset("" if directory == "." else directory for directory in above)

    def module_name(self, path: str) -> tuple[str, str]:
        """The dotted name by which a file is imported and the directory that name starts from.

        The packages around the file decide; where there are none, an absolute import of it somewhere in the project;
        else it is its own top level: a script, or a module beside one.
        """
        pure = PurePosixPath(path)
        parts = list((pure.parent if pure.stem == "__init__" else pure.with_suffix("")).parts)
        directory = pure.parent
        while str(directory) not in ("", ".") and self.is_package(str(directory)):
            directory = directory.parent
        root = "" if str(directory) == "." else str(directory)
        root = self._namespace_root(root, tuple(parts[len(PurePosixPath(root).parts) :]))
        depth = len(PurePosixPath(root).parts)
        return ".".join(self._above_root(root) + parts[depth:]), root

    def imported_dotted(self, path: str) -> bool:
        """Whether some file of the project imports ``path`` as part of a package."""
        parts = PurePosixPath(path).with_suffix("").parts
        return any(self._is_imported(parts[n:]) for n in range(len(parts) - 1))

    def _namespace_root(self, root: str, tail: tuple[str, ...]) -> str:
        """The highest directory from which others import ``tail``, through directories without ``__init__.py``."""
        best, above = root, PurePosixPath(root)
        names = list(tail[:1])
        while above.name.isidentifier():
            names.insert(0, above.name)
            above = above.parent
            at = f"{above}/{'/'.join(names[:-1])}".removeprefix("./")
            beside = self._is_imported_from(tuple(names[:-1]), at) and not self._is_named("/".join((root, *tail[:1])))
            if beside or self._is_imported(tuple(names)):
                best = "" if str(above) == "." else str(above)
        return best

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def _is_named(self, package: str) -> bool:
        """Whether some file imports a package by its bare name: then how its neighbours are imported says nothing."""
        name = PurePosixPath(package).name
        bare = re.compile(rb"(?m)^[ \t]*(?:from|import)[ \t]+%s\b" % name.encode("utf-8"))
        importers = (path for path in self.mentioning_word({name}) if bare.search(self.data[path]))
        return any(self.import_target(path, name) == f"{package}/__init__.py" for path in importers)

    def _is_imported(self, names: tuple[str, ...]) -> bool:
        """Whether some file imports a module by this dotted name, whole or out of its package."""
        return ".".join(names) in self._imported

    def _is_imported_from(self, names: tuple[str, ...], directory: str) -> bool:
        """Whether some file imports, by this dotted name, from a directory in which what it imports lies."""
        wanted = self._imported_from.get(".".join(names), frozenset())
        return any(f"{directory}/{n}.py" in self.data or f"{directory}/{n}" in self._directories for n in wanted)

    def imports_package(self, name: str) -> bool:
        """Whether some file imports from a top-level package by its name."""
        return name in self._imported_from or name in self._imported

    @cached_property
    def _imported_from(self) -> dict[str, frozenset[str]]:
        """Package, at any depth → the names of all that some file imports out of it."""
        if self._base is not None:
            return self._base._imported_from
        found: dict[str, set[str]] = {}
        for dotted in self._imported:
            package, dot, name = dotted.rpartition(".")
            while dot and name not in (members := found.setdefault(package, set())):
                members.add(name)
                package, dot, name = package.rpartition(".")
        return {package: frozenset(members) for package, members in found.items()}

    @cached_property
    def _imported(self) -> frozenset[str]:
        """Every dotted name that some file imports: ``a.b`` and ``a.b.c`` for ``from a.b import c``."""
        if self._base is not None:
            return self._base._imported
        found: set[str] = set()
        for data in self.data.values():
            for package, members, modules in (match.groups(b"") for match in imports(data)):
                name = package.decode("ascii")
                if members:
                    found.update(f"{name}.{m.decode('ascii')}" for m in _WORD.findall(members))
                    found.add(name)
                found.update(m.decode("ascii") for m in _DOTTED.findall(modules))
        return frozenset(found)

    def _above_root(self, root: str) -> list[str]:
        """Packages above PATH, when PATH itself lies inside one."""
        names: list[str] = []
        if root == "":
            directory = self.root.resolve()
            while (directory / "__init__.py").is_file() and directory.parent != directory:
                names.insert(0, directory.name)
                directory = directory.parent
        return names

    # -- the target's Python --------------------------------------------------------------------------------------

    @cached_property
    def needs_310(self) -> bool:
        """Whether the code uses something that only Python 3.10 and later accept."""
        dataclass = r"dataclass\([^)]*\b(?:kw_only|slots)[ \t]*=[ \t]*True|\bKW_ONLY\b|field\([^)]*\bkw_only[ \t]*="
        match = r"(?m)^[ \t]+match [^\n]+:[ \t]*\n[ \t]+case "
        return bool(self.mentioning(dataclass, "dataclass", "KW_ONLY", "kw_only") or self.mentioning(match, "match "))

    @cached_property
    def minimum_python(self) -> tuple[int, int] | None:
        """The oldest Python that the project says it supports, or None when it does not say."""
        return minimum_python(self.root.resolve())


def _within(directory: str, ancestor: str) -> bool:
    return ancestor == "" or directory == ancestor or directory.startswith(ancestor + "/")
