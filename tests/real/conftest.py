"""Fixtures for the tests on published lerobot trees. They download, so they run only when asked for: ``-m real``."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import sdists, story, usage


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this directory out of runs that ask neither for the mark nor for a path in it."""
    here = Path(__file__).parent
    named = any(
        here in (path := Path(argument.split("::")[0]).resolve()).parents or path == here for argument in config.args
    )
    return None if named or "real" in config.getoption("markexpr") else True


@pytest.fixture(scope="session", params=sdists.VERSIONS)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> story.Story:
    """One published lerobot, scanned, patched, checked and reverted."""
    return story.live(request.param, tmp_path_factory.mktemp(f"lerobot-{request.param}"))


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> usage.Usage:
    """Lerobot 0.6.1 imported and used, published and patched."""
    return usage.use(tmp_path_factory.mktemp("usage"))
