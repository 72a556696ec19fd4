"""The diff that the README shows is the diff that lerobot gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from . import story

pytestmark = pytest.mark.real

README = Path(__file__).resolve().parents[2] / "README.md"
SHOWN = re.findall(r"<!-- real: lerobot 0\.6\.1 -->\n```diff\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def hunks(diff: str) -> list[str]:
    """The hunks of a diff, each with the name of its file in front, without what stands behind the second ``@@``."""
    found = []
    name = ""
    for part in re.split(r"(?m)^(?=diff --git |--- a/|@@ )", diff):
        if part.startswith("--- a/"):
            name = part
        elif part.startswith("@@ "):
            found.append(name + re.sub(r"(?m)^(@@ .*? @@).*", r"\1", part))
    return found


@pytest.mark.parametrize("lived", ["0.6.1"], indirect=True)
def test_every_hunk_of_the_readme_is_in_the_diff_of_lerobot(lived: story.Story) -> None:
    real = hunks(lived.dry_run.stdout.decode("utf-8"))
    shown = [hunk for block in SHOWN for hunk in hunks(block)]
    assert len(shown) == 5
    assert [hunk for hunk in shown if hunk not in real] == []
