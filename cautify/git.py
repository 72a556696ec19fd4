"""Git, asked about a tree that may be hostile: it answers, writes nothing, and runs no program that the tree names.

A repository's configuration can name programs for nearly everything git does, and a target may come with its ``.git``.
Of the questions asked here, file system monitors, hooks, clean filters, submodules and fetches of missing objects
could run one (https://git-scm.com/docs/git#_security).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PATIENCE = 120.0  # seconds: a pipe under the name of .gitignore would be waited on for ever
_TOLD = {
    "core.fsmonitor": "",
    "core.hooksPath": os.devnull,
    "core.quotePath": "false",
    "safe.bareRepository": "explicit",  # files of the target that look like a repository are none
}
_SET = {
    "GIT_OPTIONAL_LOCKS": "0",  # looking refreshes no index
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # the same, for versions of git that do not know the former
    "GIT_TERMINAL_PROMPT": "0",
}
# What a hook is called with speaks of the repository it runs in, which need not be the target's.
_OF_A_HOOK = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES")
_OF_A_FILTER = {"clean": "", "process": "", "smudge": "", "required": "false"}


def ask(directory: Path, *arguments: str, told: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Git's exit status in ``directory``, and what it printed; 127 where there is none, or no answer.

    ``told`` is configuration that comes before that of the repository, besides what keeps it from running programs.
    """
    program = _program(os.environ.get("PATH", os.defpath))
    if program is None:
        return 127, b""
    left_out = () if "GIT_WORK_TREE" in os.environ else _OF_A_HOOK
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    options = [part for key, value in {**_TOLD, **(told or {})}.items() for part in ("-c", f"{key}={value}")]
    try:
        done = subprocess.run(
            [program, *options, *arguments],
            cwd=directory,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            env={**environment, **_SET},
        )
    except (OSError, subprocess.TimeoutExpired):
        return 127, b""
    return done.returncode, done.stdout


@cache
def _program(path: str) -> str | None:
    """Git's place. A relative directory in PATH would be one of the target's, as git is run there."""
    absolute = [directory for directory in path.split(os.pathsep) if os.path.isabs(directory)]
    return shutil.which("git", path=os.pathsep.join(absolute)) if absolute else None


def without_filters(directory: Path) -> Mapping[str, str] | None:
    """Configuration that turns every filter off, or None where that cannot be said on a command line."""
    status, listed = ask(directory, "config", "--list", "--name-only", "-z")
    if status:
        return None
    named = {key.rpartition(".")[0] for key in os.fsdecode(listed).split("\0") if key.startswith("filter.")}
    if any("=" in name for name in named):
        return None
    return {f"{name}.{key}": value for name in named for key, value in _OF_A_FILTER.items()}
