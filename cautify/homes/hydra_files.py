"""Which YAML files of the project declare a key of the config that ``@hydra.main`` gives a function.

The primary config is looked into, then the files of the config groups that its defaults list names. Whatever else
composes a config (package overrides, search paths, structured configs) is not followed: nothing is found then.
https://hydra.cc/docs/advanced/defaults_list/
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import libcst as cst

from cautify.analysis.nodes import literal
from cautify.analysis.syntax import Module
from cautify.homes.yaml_keys import Key, below_defaults, find, groups, package


@dataclass(frozen=True)
class DocumentKey:
    """A key of a YAML file of the project."""

    path: str
    data: bytes = field(compare=False, repr=False)
    key: Key


@dataclass(frozen=True)
class HydraFiles:
    """Reads YAML files below ``root``. ``overlay`` has the bytes of some: a patched tree, unwritten."""

    root: Path
    overlay: Mapping[str, bytes] = field(default_factory=dict)

    def keys(self, main: cst.Call, module: Module, path: Sequence[str]) -> tuple[DocumentKey, ...]:
        """Where the config of ``hydra.main(…)`` declares a key, each file once."""
        given = {a.keyword.value: literal(a.value) for a in main.args if a.keyword is not None}
        directory, name = given.get("config_path"), given.get("config_name")
        if directory is None or name is None or "://" in directory:
            return ()
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(module.path), directory))
        if folder.startswith(("..", "/")):
            return ()
        folder = "" if folder == "." else folder
        primary = self._file(folder, name)
        if primary is None:
            return ()
        return tuple(dict.fromkeys(self._found(primary, folder, path)))

    def _found(self, primary: str, folder: str, path: Sequence[str]) -> Iterator[DocumentKey]:
        own = self._key(primary, path)
        if own is not None:
            yield own
            return
        text = self._text(primary) or ""
        for group, choice in groups(text):
            if not group and choice != "_self_":
                other = self._file(folder, choice)
                inner = self._key(other, path) if other is not None else None
                if inner is not None:
                    yield inner
            elif [group] == list(path):
                beside = below_defaults(text, group)
                if beside is not None:
                    yield DocumentKey(primary, self._data(primary) or b"", beside)
            elif group and group.replace("/", ".") == ".".join(path[: group.count("/") + 1]):
                yield from self._group(posixpath.join(folder, group), path, path[group.count("/") + 1 :])

    def _group(self, folder: str, path: Sequence[str], rest: Sequence[str]) -> Iterator[DocumentKey]:
        """The key in every file of a group that has it: whichever of them is chosen, it is there."""
        for file in self._list(folder):
            header = package(self._text(file) or "")
            within = path if header == "_global_" else rest
            found = self._key(file, within) if header in (None, "", "_global_") and within else None
            if found is not None:
                yield found

    def _key(self, path: str, keys: Sequence[str]) -> DocumentKey | None:
        text = self._text(path)
        key = find(text, keys) if text is not None else None
        data = self._data(path)
        return DocumentKey(path, data, key) if key is not None and data is not None else None

    def _file(self, folder: str, name: str) -> str | None:
        stem = name.removesuffix(".yaml").removesuffix(".yml")
        return next(
            (p for end in (".yaml", ".yml") if self._data(p := posixpath.join(folder, stem + end)) is not None), None
        )

    def _list(self, folder: str) -> list[str]:
        try:
            names = sorted(p.name for p in (self.root / folder).iterdir() if p.is_file() and not p.is_symlink())
        except OSError:
            names = []
        return [posixpath.join(folder, name) for name in names if name.endswith((".yaml", ".yml"))]

    def _data(self, path: str) -> bytes | None:
        if path in self.overlay:
            return self.overlay[path]
        try:
            inside = (self.root / path).resolve().is_relative_to(self.root.resolve())
            return (self.root / path).read_bytes() if inside else None
        except OSError:
            return None

    def _text(self, path: str) -> str | None:
        data = self._data(path)
        try:
            return data.decode("utf-8") if data is not None and not data.startswith(b"\xef\xbb\xbf") else None
        except UnicodeDecodeError:
            return None
