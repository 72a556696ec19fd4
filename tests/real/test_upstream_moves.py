"""Upstream moves on under a patched branch: four published lerobots in turn, merged or rebased onto."""

from __future__ import annotations

import pytest

from .expected import RUNTIME
from .upstream import Journey, travel

pytestmark = pytest.mark.real

WAYS = {
    "merged": ("merge", None),
    "rebased": ("rebase", None),
    "merged, with black in between": ("merge", "black"),
}


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS.keys())
def journey(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    way, tool = request.param
    return travel(way, tool, tmp_path_factory.mktemp(way))


def test_check_fails_and_names_every_optimizer_that_is_not_wrapped_yet(journey: Journey) -> None:
    for step in journey.steps:
        unwrapped = {(site["path"], site["line"]) for site in step.scan if site["verdict"] == "wrap"}
        named = {
            (row["path"], row["line"])
            for row in step.found
            if row["subject"] == "site" and row["state"] in ("new", "missing")
        }
        assert step.check.code == 1
        assert unwrapped <= named, step.version
        assert all(row["remedy"] for row in step.found if row["fails"])


def test_check_names_every_file_that_is_gone(journey: Journey) -> None:
    for step in journey.steps:
        gone = {path for path in step.patched - step.upstream if path != RUNTIME}
        named = {row["path"] for row in step.found if row["fails"] and row["state"] in ("obsolete", "missing")}
        assert gone <= named, step.version
    assert any(step.patched - step.upstream - {RUNTIME} for step in journey.steps)


def test_after_apply_check_is_content_and_apply_has_nothing_to_do(journey: Journey) -> None:
    for step in journey.steps:
        assert (step.apply.code, step.check_again.code, step.apply_again.code) == (0, 0, 0), (
            step.version,
            step.apply.stderr,
            step.check_again.stdout.decode(),
        )
        assert step.apply_again.tree == step.check_again.tree


def test_what_is_wrapped_then_is_what_a_first_apply_wraps(journey: Journey) -> None:
    for step in journey.steps:
        keys = ("path", "optimizers", "verdict", "reason", "switch")
        ours, theirs = (
            sorted(repr([_without_lines(site[key]) for key in keys]) for site in sites)
            for sites in (step.scan_again, step.scan_of_fresh)
        )
        assert ours == theirs, step.version


def test_revert_gives_the_last_version_to_the_byte(journey: Journey) -> None:
    assert journey.revert.code == 0, journey.revert.stderr
    assert sorted(journey.found) == sorted(journey.expected)
    different = [path for path, data in journey.expected.items() if journey.found[path] != data]
    for path in different:
        assert journey.found[path].decode() == journey.expected[path].decode(), path


def _without_lines(value: object) -> object:
    """Lines move with every merge; what is declared does not."""
    if isinstance(value, dict):
        return {key: _without_lines(inner) for key, inner in value.items() if key != "line"}
    return [_without_lines(inner) for inner in value] if isinstance(value, list) else value
