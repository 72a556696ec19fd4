"""init-ci writes one workflow, at the repository's top, and nothing else; what is there already it leaves alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import TRAIN, Cautify, git, snapshot

from cautify import __version__
from cautify.commands import installed
from cautify.commands.init_ci import WORKFLOW, workflow
from cautify.errors import InvalidOption

Unchanged = Callable[[Path], None]


def job(data: bytes) -> dict[str, Any]:
    document = yaml.safe_load(data)
    (only,) = document["jobs"].values()
    assert isinstance(only, dict)
    return only


# -- what must not happen ---------------------------------------------------------------------------------------------


def test_without_a_terminal_and_without_yes_nothing_is_written(
    cautify: Cautify, patched: Path, unchanged: Unchanged
) -> None:
    unchanged(patched)
    ended = cautify("init-ci", patched)
    assert (ended.code, ended.out) == (2, b"")
    assert "--yes" in ended.err


def test_a_no_writes_nothing(cautify: Cautify, patched: Path, unchanged: Unchanged) -> None:
    unchanged(patched)
    assert cautify("init-ci", patched, answer="n\n").code == 2


def test_a_dry_run_shows_the_diff_and_writes_nothing(cautify: Cautify, patched: Path, unchanged: Unchanged) -> None:
    unchanged(patched)
    ended = cautify("init-ci", patched, "--dry-run")
    assert ended.code == 0
    assert ended.out.startswith(f"diff --git a/{WORKFLOW} b/{WORKFLOW}\nnew file mode 100644\n".encode())


@pytest.mark.parametrize("option", ["--yes", "--dry-run"])
def test_another_file_of_that_name_is_refused(
    cautify: Cautify, patched: Path, unchanged: Unchanged, option: str
) -> None:
    place = patched / WORKFLOW
    place.parent.mkdir(parents=True)
    place.write_text("name: mine\n")
    unchanged(patched)
    ended = cautify("init-ci", patched, option)
    assert (ended.code, ended.out) == (2, b"")
    assert str(place) in ended.err


def test_a_link_that_leads_out_of_the_repository_is_refused(
    cautify: Cautify, patched: Path, tmp_path: Path, unchanged: Unchanged
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (patched / ".github").symlink_to(tmp_path / "elsewhere")
    unchanged(tmp_path / "elsewhere")
    unchanged(patched)
    assert cautify("init-ci", patched, "--yes").code == 2


@pytest.mark.parametrize("what", ["", "cautify\nrun: x", "${{ secrets.TOKEN }}", "a\x1bb"])
def test_what_means_something_to_github_is_not_written(
    cautify: Cautify, patched: Path, unchanged: Unchanged, what: str
) -> None:
    unchanged(patched)
    assert cautify("init-ci", patched, "--yes", "--install", what).code == 2


def test_the_workflow_is_no_part_of_the_patch(cautify: Cautify, patched: Path) -> None:
    before = snapshot(patched)
    assert cautify("init-ci", patched, "--yes").code == 0
    written = {path: entry for path, entry in snapshot(patched).items() if before.get(path) != entry}
    assert set(written) == {".github", ".github/workflows", WORKFLOW}
    assert cautify("check", patched).code == 0
    assert cautify("revert", patched, "--yes").code == 0
    assert (patched / WORKFLOW).is_file()
    assert not (patched / ".cautify").exists()


def test_a_tree_without_a_patch_gets_nothing_else(cautify: Cautify, tree: Path) -> None:
    before = set(snapshot(tree))
    assert cautify("init-ci", tree, "--yes").code == 0
    assert set(snapshot(tree)) - before == {".github", ".github/workflows", WORKFLOW}


# -- what happens -----------------------------------------------------------------------------------------------------


def test_a_yes_writes_what_the_diff_shows(cautify: Cautify, repository: Path) -> None:
    shown = cautify("init-ci", repository, "--dry-run").out
    assert cautify("init-ci", repository, answer="y\n").code == 0
    written = (repository / WORKFLOW).read_bytes()
    (repository / WORKFLOW).unlink()
    subprocess.run(["git", "apply"], cwd=repository, input=shown, check=True)
    assert (repository / WORKFLOW).read_bytes() == written


def test_a_second_time_there_is_nothing_to_do(cautify: Cautify, patched: Path) -> None:
    cautify("init-ci", patched, "--yes")
    before = snapshot(patched)
    ended = cautify("init-ci", patched)
    assert (ended.code, ended.out) == (0, b"")
    assert "there already" in ended.err
    assert snapshot(patched) == before


@pytest.mark.parametrize(
    ("recorded", "requirement"),
    [
        (
            '{"url": "https://example.org/c.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
            "git+https://example.org/c.git@abc",
        ),
        ('{"url": "https://example.org/cautify.whl", "archive_info": {}}', "https://example.org/cautify.whl"),
        ('{"url": "file:///home/me/cautify", "dir_info": {}}', None),
        ('{"url": "file:///home/me/c.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}', None),
        ("[]", None),
        ("{", None),
    ],
)
def test_what_pip_recorded_is_a_requirement_unless_only_this_machine_has_it(
    recorded: str, requirement: str | None
) -> None:
    assert installed.requirement(recorded) == (None if requirement is None else f"cautify @ {requirement}")


@pytest.mark.parametrize(
    ("source", "wanted"),
    [(None, f"cautify=={__version__}"), ("cautify @ git+https://x@abc", "cautify @ git+https://x@abc")],
)
def test_what_runs_here_is_installed_there(
    cautify: Cautify, patched: Path, monkeypatch: pytest.MonkeyPatch, source: str | None, wanted: str
) -> None:
    monkeypatch.setattr(installed, "source", lambda: source)
    ended = cautify("init-ci", patched, "--yes")
    assert job((patched / WORKFLOW).read_bytes())["env"]["REQUIREMENT"] == wanted
    assert ("--install" in ended.err) == (source is None)


def test_something_else_is_installed_where_it_is_named(cautify: Cautify, patched: Path) -> None:
    named = "cautify @ git+https://example.org/cautify@v1#egg='x' \\ \"quoted\""
    assert cautify("init-ci", patched, "--yes", "--install", named).code == 0
    assert job((patched / WORKFLOW).read_bytes())["env"]["REQUIREMENT"] == named


@pytest.mark.parametrize("name", ["sub", "größe 🔥", "a'b\"c: #d"])
def test_the_workflow_of_a_subdirectory_lies_at_the_repositorys_top(
    cautify: Cautify, tmp_path: Path, name: str
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / name).mkdir()
    (tmp_path / name / "train.py").write_bytes(TRAIN)
    assert cautify("apply", tmp_path / name, "--yes", "--allow-dirty").code == 0
    assert cautify("init-ci", tmp_path / name, "--yes").code == 0
    assert job((tmp_path / WORKFLOW).read_bytes())["env"]["TARGET"] == name
    assert not (tmp_path / ".cautify").exists()
    assert not (tmp_path / name / ".github").exists()


def test_a_name_that_github_would_evaluate_is_refused() -> None:
    with pytest.raises(InvalidOption):
        workflow("cautify", "${{ github.event.pull_request.title }}")


# -- the workflow itself ----------------------------------------------------------------------------------------------


def test_it_may_read_and_nothing_else_and_runs_on_pull_requests() -> None:
    document = yaml.safe_load(workflow("cautify", "."))
    assert document["permissions"] == {"contents": "read"}
    assert set(document[True]) == {"pull_request", "push", "workflow_dispatch"}  # `on` is a truth value in YAML 1.1
    assert "permissions" not in job(workflow("cautify", "."))


def test_no_expression_stands_where_a_shell_would_run_it() -> None:
    assert b"${{" not in workflow("cautify", ".")


def test_its_shell_steps_check_the_patch(cautify: Cautify, patched: Path, tmp_path: Path) -> None:
    """With a pip that installs nothing, and this cautify as the one that was installed."""
    cautify("init-ci", patched, "--yes", "--install", "cautify==1; touch injected")
    for name, body in (
        ("python", f'printf "%s\\n" "$@" > {tmp_path}/pip'),
        ("cautify", f'exec {sys.executable} -m cautify "$@"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    read = job((patched / WORKFLOW).read_bytes())

    def run() -> list[subprocess.CompletedProcess[str]]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        environment = {**inherited, **read["env"], "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return [
            subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=patched,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            for step in read["steps"]
            if "run" in step
        ]

    assert [(done.returncode, done.stdout) for done in run()] == [(0, ""), (0, "")]
    asked = ["-m", "pip", "install", "--disable-pip-version-check", "--", "cautify==1; touch injected"]
    assert (tmp_path / "pip").read_text().splitlines() == asked
    (patched / "new.py").write_bytes(TRAIN)
    install, check = run()
    assert (install.returncode, check.returncode) == (0, 1)
    assert check.stdout.startswith("::error file=new.py,line=5,title=cautify%3A new::new.py:5: ")
    assert not (patched / "injected").exists()
