"""The vendored runtime: the text of its files, where they go in the target, and how copies of them are recognised."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import libcst as cst

from cautify.analysis.binding import named_modules
from cautify.analysis.project import Package, Project
from cautify.analysis.syntax import Module
from cautify.patch.imports import Import
from cautify.source import text_of_file

FILE_NAME = "cautious_optimizer.py"
TRITON_NAME = "cautious_triton.py"
CLASS_NAME = "CautiousOptimizer"
_STEM = "cautious_optimizer"
VERSION_LINE = re.compile(rb"^# cautify-runtime: (\S+) tree:([0-9a-f]{16})\s*$", re.MULTILINE)
_MAIN = re.compile(r"""^if\s+__name__\s*==\s*["']__main__["']""", re.MULTILINE)


@dataclass(frozen=True)
class Placement:
    """Where the runtime lies for a file and how it is imported. ``shared`` names another package it belongs to.

    ``by_path`` is the second import of a file that is part of a package and also run by itself, which takes two.
    """

    path: str
    statement: Import
    shared: str | None = None
    by_path: Import | None = None


@cache
def template(name: str = FILE_NAME) -> bytes:
    """A file of the runtime as this version of cautify vendors it: from the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for directory in (package / "templates", package.parent / "templates"):
        path = directory / name
        if path.is_file():
            return path.read_bytes()
    raise FileNotFoundError(f"{name} is missing from this installation of cautify: reinstall it")


def text_of(path: str) -> bytes:
    """What a vendored file holds: the second one always keeps its name, the first may be called otherwise."""
    return template(TRITON_NAME if PurePosixPath(path).name == TRITON_NAME else FILE_NAME)


def beside(path: str) -> str:
    """Where the second file goes for a runtime at ``path``, which imports it by its name."""
    return str(PurePosixPath(path).with_name(TRITON_NAME))


def tree_hash(data: bytes) -> str | None:
    """16 hex digits of a file's syntax tree, which neither formatting nor comments change. None: it does not parse."""
    import hashlib

    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return None
    return hashlib.sha256(_canonical(tree).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _canonical(node: object) -> str:
    """A syntax tree as text that is the same on every Python: empty fields, which versions add, are left out."""
    if isinstance(node, ast.AST):
        parts = [f"{name}={_canonical(value)}" for name, value in ast.iter_fields(node) if value not in (None, [])]
        return f"{type(node).__name__}({','.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    return repr(node)


def state(data: bytes, path: str) -> str:
    """What the file at ``path`` is: current, older (as another version vendored it), edited, or foreign (not ours)."""
    found = VERSION_LINE.search(b"\n".join(data.split(b"\n", 40)[:40]))
    if found is None:
        return "foreign"
    actual = tree_hash(data)
    if actual == tree_hash(text_of(path)):
        return "current"
    return "older" if actual is not None and actual.encode() == found.group(2) else "edited"


class Vendor:
    """Chooses the runtime's place for files of one project."""

    def __init__(self, project: Project, vendor_to: str | None) -> None:
        self.project = project
        self.vendor_to = vendor_to

    @cache  # noqa: B019 - lives as long as the one plan that uses it
    def placement(self, module: Module) -> Placement | str:
        """Where ``module`` gets the runtime from, or why there is no such place."""
        path = module.path
        if self.vendor_to is not None:
            chosen = self.vendor_to if self.vendor_to.endswith(".py") else f"{self.vendor_to.rstrip('/')}/{FILE_NAME}"
            chosen = str(PurePosixPath(chosen))
            return Placement(chosen, Import(self.project.module_name(chosen)[0], CLASS_NAME))
        name, root = self.project.module_name(path)
        own = self._imports_own_package(module, name)
        runnable = bool(_MAIN.search(module.source.text))
        in_package = "." in name or path.endswith("__init__.py")
        if in_package and not own and self._imports_siblings(module) and not self.project.imported_dotted(path):
            in_package = False  # it is run by path: that is the only way in which it finds its neighbours
        bare = in_package and not own and self._imported_bare(module)
        if bare and not self.project.imported_dotted(path):
            in_package = False  # those that import it are run by path, and so it is not part of a package then
        loose = in_package and not own and not self._is_surely_in_package(path)
        if loose and runnable:
            in_package = False  # a script; that others beside it are imported says nothing of this one
        if in_package:
            distributed = self._distributed_beside(module, name)
            if distributed is not None:
                return distributed
            if own or not (runnable or bare or loose):
                return self._in_package(module, name, root, own)
            shared = self._imported_package(module) or self._package_of_neighbours(module)
            if shared is not None:
                return shared
            if not any(named_modules(_top_level(module))):
                return (
                    f"{path} lies in the package {name.partition('.')[0]} but can also be run by itself, "
                    "and imports nothing at its top beside which two ways of importing could stand"
                )
            beside = f"{PurePosixPath(path).parent}/{FILE_NAME}"
            return Placement(beside, Import(f".{_STEM}", CLASS_NAME), by_path=Import(_STEM, CLASS_NAME))
        shared = self._imported_package(module)
        if shared is not None:
            return shared
        directory = str(PurePosixPath(path).parent)
        beside = FILE_NAME if directory == "." else f"{directory}/{FILE_NAME}"
        return Placement(beside, Import("cautious_optimizer", CLASS_NAME))

    def _in_package(self, module: Module, name: str, root: str, own: str) -> Placement:
        parts = name.split(".")
        inside = PurePosixPath(module.path).relative_to(root or ".").parts
        levels = len(inside) - 1  # directories between the import root, or PATH, and the file
        above = len(parts) - (levels if module.path.endswith("__init__.py") else levels + 1)
        package = parts[: above + 1] if above == 0 else parts[:above]
        directory = "/".join(p for p in (root, package[0] if above == 0 else "") if p)
        path = f"{directory}/{FILE_NAME}".lstrip("/")
        climbs = levels if above == 0 else levels + 1
        far = climbs > max(2, self._furthest(module)) and self.project.imports_package(package[0]) and not above
        if (own == "relative" and not far) or (own == "" and above):
            return Placement(path, Import("." * climbs + "cautious_optimizer", CLASS_NAME))
        return Placement(path, Import(".".join([*package, "cautious_optimizer"]), CLASS_NAME))

    def _furthest(self, module: Module) -> int:
        """How many dots the module's own relative imports begin with, at most."""
        return max((len(t) - len(t.lstrip(".")) for t in module.import_targets()), default=0)

    def _imports_own_package(self, module: Module, name: str) -> str:
        """How the module imports its own package anywhere: absolute, relative, or not at all (empty)."""
        relative = False
        for target in module.import_targets():
            if target.startswith("."):
                relative = True
            elif target.partition(".")[0] == name.partition(".")[0]:
                return "absolute"
        return "relative" if relative else ""

    def _is_surely_in_package(self, path: str) -> bool:
        """Whether there is an ``__init__.py``, or an import of just this file, not only imports of its neighbours."""
        return self.project.is_package(str(PurePosixPath(path).parent)) or self.project.imported_dotted(path)

    def _imported_bare(self, module: Module) -> bool:
        """Whether a file of the same directory imports the module by its bare name."""
        path = PurePosixPath(module.path)
        imported = re.compile(
            rb"(?m)^[ \t]*(?:from[ \t]+%(n)s[ \t]+import|import[ \t]+%(n)s\b)" % {b"n": path.stem.encode()}
        )
        neighbours = (p for p in self.project.mentioning_word({path.stem}) if PurePosixPath(p).parent == path.parent)
        return any(p != module.path and imported.search(self.project.data[p]) for p in neighbours)

    def _imports_siblings(self, module: Module) -> bool:
        """Whether the module imports files of its own directory by their bare names."""
        here = PurePosixPath(module.path).parent
        for target in named_modules(_top_level(module)):
            top = target.partition(".")[0]
            found = self.project.import_target(module.path, top) if top else None
            place = PurePosixPath(found.directory if isinstance(found, Package) else found or "/")
            if here == (place.parent.parent if place.name == "__init__.py" else place.parent):
                return True
        return False

    def _package_of_neighbours(self, module: Module) -> Placement | None:
        """A package that a script imports only sometimes, when a script beside it always does: it is there, then."""
        targets = [t for t in module.import_targets() if not t.startswith(".")]
        sometimes = {t.partition(".")[0] for t in targets if self.project.import_target(module.path, t) is not None}
        here = PurePosixPath(module.path).parent
        for path in self.project.mentioning_word(sometimes):
            other = self.project.module(path) if PurePosixPath(path).parent == here and path != module.path else None
            found = self._imported_package(other, sometimes) if other is not None else None
            if found is not None:
                return found
        return None

    def _imported_package(self, module: Module, among: Collection[str] | None = None) -> Placement | None:
        """The package of the project, one of ``among`` if given, that a script imports whenever it runs.

        One that the project distributes comes before the folders that only lie beside the script.
        """
        found = list(self._imported_packages(module, among))
        return next((p for p in found if self._is_distributed(p)), found[0] if found else None)

    def _imported_packages(self, module: Module, among: Collection[str] | None) -> Iterator[Placement]:
        for target in named_modules(_top_level(module)):
            if among is not None and target.partition(".")[0] not in among:
                continue
            found = None if target.startswith(".") else self.project.import_target(module.path, target)
            if found is None:
                continue
            inner = f"{found.directory}/__init__.py" if isinstance(found, Package) else found
            name, root = self.project.module_name(inner)
            top = target.partition(".")[0]
            if name.partition(".")[0] != top or not ("." in name or inner.endswith("__init__.py")):
                continue
            path = "/".join(p for p in (root, top, FILE_NAME) if p)
            inside = module.path.startswith(path.removesuffix(FILE_NAME))
            yield Placement(path, Import(f"{top}.cautious_optimizer", CLASS_NAME), shared=None if inside else top)

    def _is_distributed(self, placement: Placement) -> bool:
        """Whether the package of a place is one that is installed: what says so lies beside it, or beside its src."""
        package = (self.project.root / placement.path).parent
        if not (package / "__init__.py").is_file():
            return False
        roots = (package.parent, package.parent.parent) if package.parent.name == "src" else (package.parent,)
        return any(_says_distribution(root) for root in roots)

    def _distributed_beside(self, module: Module, name: str) -> Placement | None:
        """The distributed package that a script imports besides the folders, no packages, that it lies in itself."""
        if self._is_surely_in_package(module.path) or not _MAIN.search(module.source.text):
            return None
        found = self._imported_package(module)
        top = name.partition(".")[0]
        return found if found is not None and found.shared not in (None, top) and self._is_distributed(found) else None


@cache
def _says_distribution(directory: Path) -> bool:
    """Whether a directory has a file by which what lies in it is installed."""
    if (directory / "setup.py").is_file():
        return True
    for name, says in (("pyproject.toml", r"\[(?:project|build-system|tool\.poetry)\]"), ("setup.cfg", r"\[options\]")):
        if re.search(rf"(?m)^\s*{says}", text_of_file(directory / name) or ""):
            return True
    return False


def _top_level(module: Module) -> Iterator[cst.CSTNode]:
    """The small statements that run whenever the file is imported or run."""
    for line in module.tree.body:
        if isinstance(line, cst.SimpleStatementLine):
            yield from line.body
