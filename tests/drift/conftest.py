"""Patched trees, patched once for all cases, and the tree of a case as it has drifted."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from drift_cases import Case
from drift_edits import Files
from drift_targets import options, original
from drifting import after, files_of, of_the_target, records_in, write


@pytest.fixture(scope="session")
def patched_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Files]:
    """A target's files once patched, its records among them."""
    from typer.testing import CliRunner

    from cautify.cli import app

    @cache
    def patch(target: str) -> Files:
        root = write(tmp_path_factory.mktemp("patched") / target, original(target))
        ended = CliRunner().invoke(app, ["apply", str(root), "--yes", *options(target)])
        assert ended.exit_code == 0, ended.output
        return files_of(root)

    return patch


@pytest.fixture
def drifted(case: Case, tmp_path: Path, patched_files: Callable[[str], Files]) -> Path:
    """The tree of a case as it is before anything is run on it."""
    files = patched_files(case.target)
    return write(tmp_path / "target", {**after(of_the_target(files), *case.theirs, *case.ours), **records_in(files)})


@pytest.fixture
def twin(case: Case) -> Files:
    """The files that must be there when the patch is gone."""
    return after(original(case.target), *case.theirs, *case.stays)
