"""The hooks with the real pre-commit and the action with the real pip: both install cautify, with what PyPI has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from action_steps import REPOSITORY, Runner
from command_line import TRAIN, git

pytestmark = pytest.mark.real

SOURCES = ("cautify", "templates", ".pre-commit-hooks.yaml", "action.yml", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as a repository of its own, as hooks and actions are taken from one."""
    root = tmp_path_factory.mktemp("published")
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "cautify")
    return root


@pytest.fixture
def committed(patched: Path) -> Path:
    git(patched, "init", "-q")
    git(patched, "add", "-A")
    git(patched, "commit", "-qm", "patched")
    return patched


def test_pre_commit_installs_the_hooks_and_they_stop_a_commit(committed: Path, published: Path, tmp_path: Path) -> None:
    pytest.importorskip("pre_commit")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        **{"PRE_COMMIT_HOME": str(tmp_path / "home"), "PRE_COMMIT_COLOR": "never"},
    }

    def hook(name: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "pre_commit", "run", name, "--hook-stage", "pre-commit"]
        done = subprocess.run(command, cwd=committed, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    revision = git(published, "rev-parse", "HEAD").strip()
    hooks = "[{id: cautify-apply}, {id: cautify-check}]"
    (committed / ".pre-commit-config.yaml").write_text(
        f"repos:\n  - repo: {published}\n    rev: {revision}\n    hooks: {hooks}\n"
    )
    (committed / "new.py").write_bytes(TRAIN)
    git(committed, "add", "-A")

    code, said = hook("cautify-check")
    assert code == 1, said
    assert "new.py:5: new: torch.optim.AdamW is not wrapped" in said
    code, said = hook("cautify-apply")
    assert code == 1, said
    assert "files were modified by this hook" in said
    assert "+    optimizer = CautiousOptimizer.wrap(" in said
    git(committed, "add", "-A")
    assert [hook(name)[0] for name in ("cautify-apply", "cautify-check")] == [0, 0]


def test_the_action_installs_its_own_cautify_and_checks_with_it(
    committed: Path, published: Path, tmp_path: Path
) -> None:
    own = tmp_path / "runner"
    own.mkdir()
    runner = Runner(committed, own, sys.executable, published)
    assert [step.code for step in runner.run()] == [0, 0]
    (committed / "new.py").write_bytes(TRAIN)
    install, check = runner.run(upload_sarif="true")
    assert (install.code, check.code) == (0, 1), install.err
    assert check.out.startswith("::error file=new.py,line=5,")
    assert Path(runner.outputs["sarif"]).is_file()
