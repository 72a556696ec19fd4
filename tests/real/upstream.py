"""A repository whose upstream moves from one published lerobot to the next, and somebody's patched branch beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .sdists import VERSIONS, unpack
from .story import Run, cautify

MARKS = (b"<<<<<<< ", b">>>>>>> ")


@dataclass(frozen=True)
class Step:
    """The branch after it took up one version: what the commands said, each in its turn."""

    version: str
    theirs: tuple[str, ...]
    """Files of which upstream's version was taken whole: changed here and deleted there, or torn by the merge."""
    patched: frozenset[str]
    """The files that the manifest names before the version is taken up."""
    upstream: frozenset[str]
    """The files that the version has."""
    scan: list[dict[str, Any]]
    check: Run = field(repr=False)
    apply: Run = field(repr=False)
    check_again: Run = field(repr=False)
    apply_again: Run = field(repr=False)
    scan_again: list[dict[str, Any]] = field(repr=False)
    scan_of_fresh: list[dict[str, Any]] = field(repr=False)

    @property
    def found(self) -> list[dict[str, Any]]:
        return json.loads(self.check.stdout)["findings"]


@dataclass(frozen=True)
class Journey:
    """All versions taken up one after the other, and then the patch taken back."""

    steps: tuple[Step, ...]
    revert: Run
    found: dict[str, bytes] = field(repr=False)
    """Every file of the branch at the end."""
    expected: dict[str, bytes] = field(repr=False)
    """Every file of the last version, formatted where the branch was."""


class Repository:
    """``upstream`` has a commit and a tag for every version; ``ours`` is what somebody works on."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.git("init", "-q", "-b", "upstream")
        for version in VERSIONS:
            published = unpack(version, root.parent)
            for entry in root.iterdir():
                if entry.name != ".git":
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
            shutil.copytree(published, root, symlinks=True, dirs_exist_ok=True)
            self.commit(version)
            self.git("tag", version)
        self.git("checkout", "-q", "-b", "ours", VERSIONS[0])

    def git(self, *arguments: str, fails: bool = False) -> str:
        own = ["-c", "core.autocrlf=false", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "gc.auto=0"]
        environment = {**os.environ, "GIT_EDITOR": "true", "LC_ALL": "C"}
        done = subprocess.run(
            ["git", *own, *arguments], cwd=self.root, capture_output=True, env=environment, timeout=300, check=False
        )
        assert fails or done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout.decode(errors="surrogateescape")

    def commit(self, message: str, *more: str) -> None:
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message, *more)

    def merge(self, version: str) -> tuple[str, ...]:
        """Merge a version. Where both sides changed a line, upstream's is taken."""
        self.git("merge", "--no-commit", "-X", "theirs", version, fails=True)
        taken = self._settle(version)
        self.commit(f"merge {version}")
        return taken

    def rebase(self, version: str) -> tuple[str, ...]:
        """Put the one commit of ours on top of a version. Where both sides changed a line, upstream's is taken."""
        self.git("rebase", "-X", "ours", "--onto", version, "ours~1", "ours", fails=True)
        taken = self._settle(version)
        if (self.root / ".git" / "rebase-merge").exists():
            self.git("add", "-A", "-f")
            self.git("rebase", "--continue")
        elif taken:
            self.commit("settled", "--amend")
        return taken

    def _settle(self, version: str) -> tuple[str, ...]:
        names = self.git("diff", "--name-only", "--diff-filter=U", "-z").split("\0")
        unmerged = {name for name in names if name}
        torn = {path for path in self.files() if path not in unmerged and self._torn(path)}
        for path in sorted(unmerged | torn):
            if self._has(version, path):
                self.git("checkout", version, "--", path)
            else:
                self.git("rm", "-q", "-f", "--", path)
        return tuple(sorted(unmerged | torn))

    def _torn(self, path: str) -> bool:
        """Whether a merge of lines left code that nobody can read."""
        data = (self.root / path).read_bytes()
        if not path.endswith(".py") or b"autious" not in data:
            return False
        if any(mark in data for mark in MARKS):
            return True
        import libcst as cst

        try:
            cst.parse_module(data)
        except cst.ParserSyntaxError:
            return True
        return False

    def _has(self, version: str, path: str) -> bool:
        return bool(self.git("ls-tree", version, "--", path))

    def files(self) -> dict[str, bytes]:
        """Every file of the working tree but git's and cautify's own."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.relative_to(self.root).parts[0] not in (".git", ".cautify")
        }

    def recorded(self) -> frozenset[str]:
        """The files that the manifest says were patched."""
        text = (self.root / ".cautify" / "manifest.json").read_text(encoding="utf-8")
        return frozenset(record["path"] for record in json.loads(text)["files"])

    def sites(self) -> list[dict[str, Any]]:
        return cautify(self.root, "scan", "--format", "json").json["sites"]


def travel(way: str, tool: str | None, directory: Path) -> Journey:
    """Patch the first version, take up each of the others by merge or rebase, and take the patch back at the end.

    With black as the tool, everything that the patch touched is formatted after every apply, and again at the end.
    """
    repository = Repository(directory / "lerobot")
    fresh = Repository(directory / "fresh" / "lerobot")
    patched: set[str] = set()
    assert cautify(repository.root, "apply", "--yes").code == 0
    patched |= _formatted(repository, tool)
    repository.commit("patched")
    steps = []
    for version in VERSIONS[1:]:
        recorded = repository.recorded()
        theirs = (repository.merge if way == "merge" else repository.rebase)(version)
        scan, check = repository.sites(), cautify(repository.root, "check", "--format", "json")
        apply, check_again = cautify(repository.root, "apply", "--yes"), cautify(repository.root, "check")
        apply_again = cautify(repository.root, "apply", "--yes")
        fresh.git("checkout", "-q", "-f", version)
        upstream = frozenset(fresh.files())
        assert cautify(fresh.root, "apply", "--yes").code == 0
        scans = repository.sites(), fresh.sites()
        assert cautify(fresh.root, "revert", "--yes").code == 0
        steps.append(Step(version, theirs, recorded, upstream, scan, check, apply, check_again, apply_again, *scans))
        patched |= _formatted(repository, tool)
        repository.commit("patched again", *(["--amend"] if way == "rebase" else []))
    revert = cautify(repository.root, "revert", "--yes", "-v")
    found, expected = repository.files(), fresh.files()
    for path in patched if tool else ():
        for files in (found, expected):
            if path in files:
                files[path] = black(files[path])
    return Journey(tuple(steps), revert, found, expected)


def _formatted(repository: Repository, tool: str | None) -> set[str]:
    """Run the formatter over every file that the patch touched, as a hook of git would. Returns those files."""
    if tool is None:
        return set()
    paths = {path for path in repository.recorded() if path.endswith(".py")}
    for path in paths:
        place = repository.root / path
        if place.is_file():
            place.write_bytes(black(place.read_bytes()))
    return paths


def black(data: bytes) -> bytes:
    import pytest

    tool = pytest.importorskip("black")
    if b"fmt: off" in data[:3000]:
        return data
    versions = {tool.TargetVersion.PY312}
    try:
        return tool.format_str(data.decode(), mode=tool.Mode(line_length=100, target_versions=versions)).encode()
    except tool.NothingChanged:
        return data
