"""Ten thousand files: every command gets through, and the tree comes back."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

SITES = 500
PLAIN = "def area_{0}(width, height):\n    return width * height + {0}\n"
SITE = "import torch\n\n\ndef build_{0}(model, lr=1e-3):\n    return torch.optim.AdamW(model.parameters(), lr=lr)\n"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A hundred packages of a hundred files, some of which make an optimizer."""
    root = tmp_path / "many"
    for number in range(10_000):
        place = root / f"lib/pkg_{number // 100}/module_{number}.py"
        if number % 100 == 0:
            place.parent.mkdir(parents=True)
            (place.parent / "__init__.py").write_text("")
        place.write_text((SITE if number % (10_000 // SITES) == 0 else PLAIN).format(number))
    (root / "lib/__init__.py").write_text("")
    return root


def digests(root: Path) -> Iterator[tuple[str, str]]:
    for place in sorted(root.rglob("*")):
        if place.is_file() and ".git" not in place.parts:
            yield str(place.relative_to(root)), hashlib.sha256(place.read_bytes()).hexdigest()


@pytest.mark.parametrize("with_git", [False, True], ids=["without git", "with git"])
def test_ten_thousand_files_are_patched_checked_and_taken_back(many: Path, with_git: bool) -> None:
    if with_git:
        own = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        for command in (["init", "-q"], ["add", "-A"], [*own, "commit", "-qm", "base"]):
            subprocess.run(["git", *command], cwd=many, check=True)
    before = dict(digests(many))
    for command in (["apply", "--yes"], ["check"], ["apply", "--yes"], ["revert", "--yes"]):
        start = time.perf_counter()
        with open(os.devnull, "wb") as nothing:
            done = subprocess.run(
                [sys.executable, "-m", "cautify", *command, str(many)],
                stdout=nothing,
                stderr=subprocess.PIPE,
                check=False,
            )
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        print(f"{' '.join(command)}: {time.perf_counter() - start:.1f} s, at most {peak} MB so far")
        assert done.returncode == 0, done.stderr.decode()
    assert dict(digests(many)) == before
