"""Fixtures for the tests on published lerobot trees. They download, so they run only when asked: ``-m real``."""

from __future__ import annotations

import pytest

from . import sdists, story, usage


@pytest.fixture(scope="session", params=sdists.VERSIONS)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> story.Story:
    """One published lerobot, scanned, patched, checked and reverted."""
    return story.live(request.param, tmp_path_factory.mktemp(f"lerobot-{request.param}"))


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> usage.Usage:
    """Lerobot 0.6.1 imported and used, published and patched."""
    return usage.use(tmp_path_factory.mktemp("usage"))
