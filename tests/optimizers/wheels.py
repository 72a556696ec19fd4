"""Released wheels of libraries, read and never imported."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path


def fetch(requirement: str) -> Path:
    """The wheel of ``name==version``, downloaded into the cache when it is not there."""
    cache = Path(os.environ.get("CAUTIFY_CACHE", "~/.cache/cautify-tests")).expanduser() / "wheels"
    directory = cache / requirement
    if not list(directory.glob("*.whl")):
        platform = [
            "--only-binary=:all:",
            "--python-version=3.12",
            "--platform=manylinux_2_24_x86_64",
            "--platform=any",
        ]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *platform, f"--dest={directory}"]
        subprocess.run([*command, requirement], check=True, timeout=300)
    (wheel,) = directory.glob("*.whl")
    return wheel


class Wheel:
    """The modules of a wheel, and what the names in them stand for."""

    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        self._parsed: dict[str, ast.Module] = {}

    @cached_property
    def files(self) -> dict[str, str]:
        """Paths by dotted module name."""
        found = {}
        for name in self.archive.namelist():
            if name.endswith(".py"):
                parts = name.removesuffix(".py").split("/")
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = name
        return found

    def module(self, name: str) -> ast.Module:
        if name not in self._parsed:
            self._parsed[name] = ast.parse(self.archive.read(self.files[name]))
        return self._parsed[name]

    def find(self, module: str, name: str, depth: int = 9) -> tuple[str, ast.AST] | None:
        """The module and the class or function that a name of a module stands for: in this wheel, or the import."""
        if module not in self.files or not depth:
            return None
        for node in ast.walk(self.module(module)):
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                return module, node
        for node in ast.walk(self.module(module)):
            if isinstance(node, ast.ImportFrom):
                origin = self._origin(module, node)
                for alias in node.names:
                    if alias.name == "*" or (alias.asname or alias.name) == name:
                        found = self.find(origin, name if alias.name == "*" else alias.name, depth - 1)
                        if found:
                            return found
                        if alias.name != "*" and origin not in self.files:
                            return origin, node
        return None

    def _origin(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = module.split(".") if self.files[module].endswith("/__init__.py") else module.split(".")[:-1]
        above = package[: len(package) - node.level + 1]
        return ".".join([*above, node.module] if node.module else above)

    def qualified(self, name: str) -> tuple[str, ast.AST] | None:
        module, _, bare = name.rpartition(".")
        return self.find(module, bare)

    def lineage(self, module: str, cls: ast.ClassDef) -> Iterator[ast.ClassDef]:
        """A class and its bases in this wheel, as far as they are named and not Optimizer bases of all."""
        yield cls
        for base in cls.bases:
            if isinstance(base, ast.Name) and base.id != "BaseOptimizer":
                found = self.find(module, base.id)
                if found and isinstance(found[1], ast.ClassDef) and found[1] is not cls:
                    yield from self.lineage(found[0], found[1])


def parameters(cls: ast.ClassDef) -> list[str]:
    """The parameters of a class's own ``__init__``, without self; none where it has none."""
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)][1:]
    return []


def mentions(cls: ast.ClassDef, option: str) -> bool:
    """Whether a class takes an option: as a parameter, or out of a param group."""
    return option in parameters(cls) or any(
        isinstance(node, ast.Constant) and node.value == option for node in ast.walk(cls)
    )
