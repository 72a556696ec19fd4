"""Which tree a PATH means: the nearest ancestor that holds ``.cautify/``, else PATH, for a file its directory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cautify import git
from cautify.errors import InvalidOption, RootConflict, TargetNotFound
from cautify.patch.disk import HOME, MANIFEST

_NOT_SEARCHED = frozenset({".git", "node_modules", "site-packages", "__pycache__", ".venv", "venv", ".tox", ".nox"})


def find_root(path: Path) -> Path:
    """The root that ``path`` stands for, resolved.

    Raises:
        TargetNotFound: there is nothing at ``path``, or it may not be read.
        RootConflict: another patch is recorded above the root, or below it.
    """
    start = _directory(path)
    homes = [directory for directory in (start, *start.parents) if (directory / HOME).is_dir()]
    root = homes[0] if homes else start
    if len(homes) > 1:
        raise RootConflict(
            f"{root} lies inside another patched tree",
            f"both {root / HOME} and {homes[1] / HOME} record a patch",
            f"Run `cautify revert {homes[1]}` or `cautify revert {root}` with the cautify that made it, or remove "
            "the directory that is not meant, so that each file belongs to one patch.",
        )
    for inner in _nested(root):
        raise RootConflict(
            f"{root} holds another patched tree",
            f"{inner / HOME} records a patch of its own",
            f"Run cautify on {inner} instead, or run `cautify revert {inner}` first, so that each file belongs to "
            "one patch.",
        )
    return root


def common_root(paths: Sequence[Path]) -> Path:
    """The one root that all paths stand for: the current directory, if no patch is recorded and all lie below it.

    Raises:
        InvalidOption: they stand for several.
        TargetNotFound, RootConflict: as find_root.
    """
    roots = {find_root(path): path for path in paths}
    if len(roots) > 1 and not any((root / HOME).is_dir() for root in roots):
        here = Path.cwd()
        if all(root.is_relative_to(here) for root in roots):
            return find_root(here)
    if len(roots) > 1:
        listed = ", ".join(f"{path} ({root})" for root, path in roots.items())
        raise InvalidOption(
            "the paths do not belong together",
            f"they stand for different roots: {listed}",
            "Run the command once for each root.",
        )
    return next(iter(roots))


def _directory(path: Path) -> Path:
    missing = "Check the spelling; PATH is the directory (or a file) of the code to work on."
    try:
        resolved = path.resolve(strict=True)
    except FileNotFoundError as error:
        raise TargetNotFound(f"{path} cannot be used", "it does not exist", missing) from error
    except (OSError, RuntimeError) as error:  # a circle of links is a RuntimeError before Python 3.13
        why = error.strerror if isinstance(error, OSError) and error.strerror else "its links lead round in a circle"
        raise TargetNotFound(f"{path} cannot be used", why, missing) from error
    directory = resolved if resolved.is_dir() else resolved.parent
    try:
        os.listdir(directory)
    except OSError as error:
        raise TargetNotFound(
            f"{directory} cannot be read", error.strerror or str(error), f"Allow reading it (chmod u+rx {directory})."
        ) from error
    return directory


def _nested(root: Path) -> Iterator[Path]:
    """Directories below ``root`` with a manifest of their own, where a plan would look: not where git ignores them."""
    listed = _seen_by_git(root)
    places = _walk(root) if listed is None else (root / name for name in listed)
    for place in places:
        if place.parent.name == HOME and place.parent.parent != root and place.exists():
            yield place.parent.parent


def _walk(root: Path) -> Iterator[Path]:
    for place, directories, _ in os.walk(root):
        if HOME in directories:
            yield Path(place) / MANIFEST
        directories[:] = sorted(d for d in directories if d not in _NOT_SEARCHED and d != HOME)


def _seen_by_git(root: Path) -> list[str] | None:
    """The manifests that git knows or would add, relative to ``root``; None where git has no say."""
    listing = ["ls-files", "-co", "--exclude-standard", "-z", "--", f":(glob)**/{MANIFEST}"]
    ignored, _ = git.ask(root, "check-ignore", "-q", ".")
    status, listed = git.ask(root, *listing)
    if ignored != 1 or status:  # 0: the root itself is ignored; 128: there is no repository
        return None
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]
