"""Calls of what makes an optimizer out of sight: a library's builders, and the project's own subclasses of them.

A project of trainers has hundreds of such classes and calls, most of them in its tests, so all is read with ``ast``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from cautify.analysis.direct import Imports, calls, makes_one, parsed, remedy, statements_and_calls
from cautify.analysis.discover import is_test
from cautify.analysis.places import Place, row
from cautify.analysis.project import Package, Project
from cautify.analysis.sites import says_runtime
from cautify.model import Options, Site
from cautify.optimizers import Builder, Catalogue, libraries

_MAKES_ITS_OWN = frozenset({"create_optimizer", "create_optimizer_and_scheduler"})  # of transformers' Trainer
_MAKES_ITS_OWN |= {"build_optimizer", "configure_optimizers"}  # of detectron2's DefaultTrainer, of LightningCLI


@dataclass(frozen=True)
class File:
    """One file: its calls, what its imports mean, and its classes by name, those inside of others too."""

    calls: list[ast.Call]
    imports: Imports
    classes: dict[str, ast.ClassDef]


class Builders:
    """Finds the calls of builders in one project."""

    def __init__(self, project: Project, catalogue: Catalogue, options: Options, excluded: frozenset[str]) -> None:
        self.project = project
        self.catalogue = catalogue
        self.options = options
        self.excluded = excluded
        self._files: dict[str, File | None] = {}
        self._builders: dict[ast.ClassDef, Builder | None] = {}

    def rows(self) -> Iterator[Site]:
        """One row for each call that makes an optimizer."""
        own = self._own()
        names = self.catalogue.builder_names | own
        pattern = rf"\b(?:{'|'.join(sorted(names))})(?:\s|\\)*(?:\(|as\b)"
        for path in self._mentioning(pattern, own) if names else ():
            file = None if path in self.excluded else self._file(path)
            if file is None:
                continue
            lines: list[bytes] = []
            for call in calls(file.calls, names, file.imports):
                builder = self._builder(call.func, path, file)
                if builder is not None and makes_one(call, builder):
                    lines = lines or self.project.data[path].splitlines()
                    place = _place(path, call, lines)
                    yield row(place, (), remedy(call, builder), self.options, self.catalogue)

    def _file(self, path: str) -> File | None:
        if path not in self._files:
            data = self.project.data.get(path, b"")
            tree = None if says_runtime(data) else parsed(data)
            if tree is None:
                self._files[path] = None
                self.project.module(path)  # which says what is wrong with it
            else:
                nodes = statements_and_calls(tree)
                imports = Imports()
                imports.learn(nodes)
                classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
                self._files[path] = File([n for n in nodes if isinstance(n, ast.Call)], imports, classes)
        return self._files[path]

    @cached_property
    def _users(self) -> list[str]:
        """The files that mention a library and one of its builders: plain searches, many times faster than patterns."""
        needles: dict[str, set[str]] = {}
        for library in libraries().values():
            tops = {name.partition(".")[0] for name in (*library.aliases, *(b.name for b in library.builders))}
            for top in tops if library.builders else ():
                needles.setdefault(top, set()).update(b.name.rpartition(".")[2] for b in library.builders)
        plain = [(top.encode(), [name.encode() for name in shortest(names)]) for top, names in needles.items()]
        return [
            path
            for path, data in self.project.data.items()
            if any(top in data and any(name in data for name in names) for top, names in plain)
        ]

    def _mentioning(self, pattern: str, own: Collection[str]) -> list[str]:
        """The files that match a pattern: users of a library, or of the project's classes of the names in ``own``."""
        search = re.compile(pattern.encode()).search
        found = {path for path in self._users if search(self.project.data[path])}
        return sorted(found.union(self.project.mentioning(pattern, *shortest(own)) if own else ()))

    def _own(self) -> set[str]:
        """The bare names of the project's classes that leave the optimizer to a builder, however many steps above."""
        found: set[str] = set()
        names = {name for name in self.catalogue.builder_names if not name.islower()}
        while names:
            alternatives = "|".join(sorted(names))
            below = rf"class\s+\w+\s*\([^()]*\b(?:{alternatives})\b|\b(?:{alternatives}) as "
            paths = self.project.mentioning(below, *shortest(names)) if found else self._mentioning(below, ())
            names = set()
            for path in paths:
                if path in self.excluded or (is_test(path) and not self.options.tests):
                    continue
                file = self._file(path)
                for node in file.classes.values() if file else ():
                    if node.name not in found and self._made_by(node, path):
                        names.add(node.name)
            found |= names
        return found

    def _made_by(self, node: ast.ClassDef, path: str) -> Builder | None:
        """The builder that makes the optimizer of a class of the project, unless one of its classes does that."""
        if node not in self._builders:
            self._builders[node] = None
            builders: list[Builder] = []
            seen: list[ast.ClassDef] = []
            pending = [(node, path)]
            while pending:
                current, where = pending.pop(0)
                if any(isinstance(d, ast.FunctionDef) and d.name in _MAKES_ITS_OWN for d in current.body):
                    return None
                seen.append(current)
                file = self._file(where)
                for base in current.bases if file else ():
                    found = self._meaning(base.value if isinstance(base, ast.Subscript) else base, where, file)
                    if isinstance(found, Builder):
                        builders.append(found)
                    elif found is not None and found[0] not in seen:
                        pending.append(found)
            self._builders[node] = builders[0] if builders else None
        return self._builders[node]

    def _builder(self, func: ast.expr, path: str, file: File) -> Builder | None:
        found = self._meaning(func, path, file)
        return self._made_by(*found) if isinstance(found, tuple) else found

    def _meaning(self, node: ast.expr, path: str, file: File | None) -> Builder | tuple[ast.ClassDef, str] | None:
        """The builder, or the class of the project and its file, that a name stands for."""
        if file is None:
            return None
        if isinstance(node, ast.Name) and node.id in file.classes:
            return file.classes[node.id], path
        return self._imported(file.imports.qualified(node, self.catalogue), path)

    def _imported(self, qualified: str, path: str, depth: int = 0) -> Builder | tuple[ast.ClassDef, str] | None:
        dots = len(qualified) - len(qualified.lstrip("."))
        module, _, name = qualified[dots:].rpartition(".")
        module = "." * dots + module
        if not module or depth > 8:
            return None
        found = self.project.import_target(path, module)
        if found is None:
            ours = dots or self.project.import_target(path, module.partition(".")[0]) is not None
            return None if ours else self.catalogue.builder(qualified)
        if isinstance(found, str) and (file := self._file(found)) is not None:
            if name in file.classes:
                return file.classes[name], found
            if name in file.imports.names:
                return self._imported(file.imports.names[name], found, depth + 1)
        directory = found.directory if isinstance(found, Package) else str(PurePosixPath(found).parent)
        return self._below(directory, name)

    def _below(self, directory: str, name: str) -> tuple[ast.ClassDef, str] | None:
        """The one class of a name in the files of a package, which may be exported in ways that are not followed."""
        paths = self.project.mentioning(rf"\bclass\s+{name}\b", f"class {name}")
        inside = [p for p in paths if directory in ("", ".") or p.startswith(f"{directory}/")]
        file = self._file(inside[0]) if len(inside) == 1 else None
        return (file.classes[name], inside[0]) if file is not None and name in file.classes else None


def shortest(names: Iterable[str]) -> list[str]:
    """The names that hold none of the others: every text that holds one of all holds one of these."""
    every = set(names)
    return sorted(name for name in every if not any(other != name and other in name for other in every))


def _place(path: str, call: ast.Call, lines: list[bytes]) -> Place:
    line = lines[call.lineno - 1] if call.lineno <= len(lines) else b""
    column = len(line[: call.col_offset].decode("utf-8", "replace"))
    return Place(path, call.lineno, column, call.end_lineno or call.lineno, line.decode("utf-8", "replace"))
