"""scan reports, and writes nothing."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, git

from cautify.model import Options
from cautify.patch import plan

Unchanged = Callable[[Path], None]


def test_it_lists_the_site_on_stdout_and_changes_nothing(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    unchanged(tree)
    ended = cautify("scan", tree)
    assert ended.code == 0
    shown = ended.out.decode().splitlines()
    assert shown[0] == "to wrap: 1"
    assert shown[1].startswith("  environment: USE_CAUTIOUS_OPTIMIZER=1: ")
    assert "    train.py:5  torch.optim.AdamW" in shown


def test_json_is_the_whole_of_stdout(cautify: Cautify, tree: Path) -> None:
    (tree / "broken.py").write_text("import torch\ntorch.optim.Adam(\n")
    document = json.loads(cautify("scan", tree, "--format", "json").out)
    assert [(site["path"], site["line"], site["column"]) for site in document["sites"]] == [("train.py", 5, 16)]
    assert document["edits"] == [
        {"path": "cautious_optimizer.py", "action": "create"},
        {"path": "train.py", "action": "modify"},
    ]
    assert [problem["path"] for problem in document["problems"]] == ["broken.py"]


def test_a_target_without_optimizers_is_no_failure(cautify: Cautify, tmp_path: Path) -> None:
    ended = cautify("scan", tmp_path)
    assert ended.code == 0
    assert "nothing to wrap" in ended.err


def test_after_apply_the_site_is_wrapped(cautify: Cautify, patched: Path) -> None:
    document = json.loads(cautify("scan", patched, "--format", "json").out)
    assert [site["verdict"] for site in document["sites"]] == ["wrapped"]
    assert document["edits"] == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], Options()),
        (["--include", "a/*", "--include", "b"], Options(include=("a/*", "b"))),
        (["--exclude", "a"], Options(exclude=("a",))),
        (["--tests"], Options(tests=True)),
        (["--vendor-to", "lib"], Options(vendor_to="lib")),
        (["--with-triton"], Options(with_triton=True)),
        (["--no-with-triton"], Options()),
    ],
    ids=["none", "include", "exclude", "tests", "vendor-to", "with-triton", "no-with-triton"],
)
def test_the_options_reach_the_plan(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], expected: Options
) -> None:
    seen = []
    real = plan.make_plan

    def spy(root: Path, options: Options, **rest: object) -> object:
        seen.append(options)
        return real(root, Options(), **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(plan, "make_plan", spy)
    assert cautify("scan", tree, *given).code == 0
    assert seen == [expected]


def test_a_file_stands_for_its_directory(cautify: Cautify, tree: Path) -> None:
    assert cautify("scan", tree / "plot.py").out == cautify("scan", tree).out


def test_a_path_inside_a_patched_tree_means_that_tree(cautify: Cautify, patched: Path) -> None:
    inner = patched / "sub" / "deeper"
    inner.mkdir(parents=True)
    assert cautify("scan", inner).out == cautify("scan", patched).out


def test_here_is_the_default(cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert cautify("scan").out == cautify("scan", tree).out


def test_a_link_to_a_directory_is_followed(cautify: Cautify, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tree)
    assert cautify("scan", tmp_path / "link").out == cautify("scan", tree).out


def test_a_nested_manifest_in_a_directory_that_git_ignores_is_no_conflict(cautify: Cautify, repository: Path) -> None:
    (repository / ".gitignore").write_text("/build/\n")
    (repository / "build").mkdir()
    (repository / "build" / "train.py").write_bytes(TRAIN)
    assert cautify("apply", repository / "build", "--yes").code == 0
    assert cautify("scan", repository).code == 0


def test_a_patched_repository_inside_a_repository_is_no_conflict(cautify: Cautify, repository: Path) -> None:
    """Git does not look into it, so neither does a plan."""
    inner = repository / "inner"
    inner.mkdir()
    (inner / "train.py").write_bytes(TRAIN)
    git(inner, "init", "-q")
    git(inner, "add", "-A")
    git(inner, "commit", "-qm", "inner")
    assert cautify("apply", inner, "--yes").code == 0
    listed = json.loads(cautify("scan", repository, "--format", "json").out)["sites"]
    assert [site["path"] for site in listed] == ["train.py"]


@pytest.mark.parametrize("tracked", [True, False], ids=["tracked", "untracked"])
def test_a_nested_manifest_in_a_repository_is_a_conflict(cautify: Cautify, repository: Path, tracked: bool) -> None:
    inner = repository / "vendored" / "deep"
    inner.mkdir(parents=True)
    (inner / "train.py").write_bytes(TRAIN)
    assert cautify("apply", inner, "--yes", "--allow-dirty").code == 0
    if tracked:
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "vendored")
    ended = cautify("scan", repository)
    assert ended.code == 2
    assert str(inner / ".cautify") in ended.err


def test_the_progress_bar_appears_only_when_the_scan_takes_over_a_second(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = plan.make_plan

    def slow(root: Path, options: Options, *, progress: Callable[[int, int], None], **rest: object) -> object:
        progress(0, 2)
        progress(1, 2)
        return real(root, options, progress=progress, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(plan, "make_plan", slow)
    assert "Reading" not in cautify("scan", tree, answer="").err
    monkeypatch.setattr("cautify.reports.console._PATIENCE", 0.0)
    assert "Reading" in cautify("scan", tree, answer="").err
    assert "Reading" not in cautify("scan", tree, "--quiet", answer="").err


def test_without_a_terminal_there_is_no_progress_bar(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cautify.reports.console._PATIENCE", 0.0)
    assert cautify("scan", tree).err == ""


def test_looking_leaves_the_git_index_alone(cautify: Cautify, repository: Path) -> None:
    (repository / "train.py").touch()
    index = (repository / ".git" / "index").read_bytes()
    cautify("apply", repository, "--dry-run")
    assert (repository / ".git" / "index").read_bytes() == index
    assert git(repository, "status", "--porcelain") == ""


def test_the_garbage_collector_is_on_again_afterwards(cautify: Cautify, tree: Path) -> None:
    assert cautify("scan", tree).code == 0
    assert gc.isenabled()


# -- one place, explained ---------------------------------------------------------------------------------------------


def test_a_site_is_explained_instead_of_all(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    unchanged(tree)
    ended = cautify("scan", tree, "--explain", "train.py:5")
    assert (ended.code, ended.err) == (0, "")
    shown = ended.out.decode().splitlines()
    assert shown[:5] == [
        "train.py:5  torch.optim.AdamW",
        "  train.py:1  import torch",
        "is:",
        "  torch.optim.AdamW",
        "verdict: wrap",
    ]
    assert "sites in" not in ended.out.decode()


def test_a_line_that_is_no_site_is_explained_too(cautify: Cautify, tree: Path) -> None:
    ended = cautify("scan", tree, "--explain", "plot.py:1")
    assert ended.code == 0
    assert b"verdict: none, this is no site" in ended.out


def test_the_place_may_be_relative_to_the_root_or_to_here(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "sub").mkdir()
    (tree / "sub" / "more.py").write_bytes(TRAIN)
    monkeypatch.chdir(tree / "sub")
    for place in ("sub/more.py:5", "more.py:5", f"{tree}/sub/more.py:5", "../sub/more.py:5"):
        assert cautify("scan", tree, "--explain", place).out.startswith(b"sub/more.py:5  "), place


def test_after_apply_the_place_is_explained_as_wrapped(cautify: Cautify, patched: Path) -> None:
    line = next(n for n, text in enumerate((patched / "train.py").read_text().splitlines(), 1) if ".wrap(" in text)
    assert b"verdict: wrapped" in cautify("scan", patched, "--explain", f"train.py:{line}").out


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("train.py", "it is not FILE:LINE"),
        ("train.py:", "it is not FILE:LINE"),
        (":5", "it is not FILE:LINE"),
        ("train.py:five", "it is not FILE:LINE"),
        ("train.py:0", "it has 6 lines"),
        ("train.py:7", "it has 6 lines"),
        ("missing.py:1", "there is no file missing.py"),
        ("notes.md:1", "cautify does not look at it"),
        ("../elsewhere.py:1", "the file lies outside"),
    ],
)
def test_a_place_that_is_none_is_refused(cautify: Cautify, tree: Path, place: str, why: str) -> None:
    (tree / "notes.md").write_text("# notes\n")
    (tree.parent / "elsewhere.py").write_bytes(TRAIN)
    ended = cautify("scan", tree, "--explain", place)
    assert (ended.code, ended.out) == (2, b"")
    assert why in ended.err


def test_a_file_that_git_ignores_is_refused(cautify: Cautify, repository: Path) -> None:
    (repository / ".gitignore").write_text("/build/\n")
    (repository / "build").mkdir()
    (repository / "build" / "made.py").write_bytes(TRAIN)
    ended = cautify("scan", repository, "--explain", "build/made.py:5")
    assert ended.code == 2
    assert "git ignores it" in ended.err


def test_an_explanation_is_not_told_in_json(cautify: Cautify, tree: Path) -> None:
    ended = cautify("scan", tree, "--explain", "train.py:5", "--format", "json")
    assert (ended.code, ended.out) == (2, b"")
    assert "--explain cannot be used with --format json" in ended.err


def test_a_folder_without_init_whose_modules_are_imported_by_its_whole_name_is_no_crash(
    cautify: Cautify, tmp_path: Path
) -> None:
    files = {
        "pyproject.toml": "[project]\nname = 'swift'\n",
        "src/swift/__init__.py": "",
        "src/swift/rl/service.py": "def wait():\n    pass\n",
        "src/swift/rl/learner.py": "import torch\n\nfrom swift.rl import service\n\n\ndef fit(params):\n"
        "    service.wait()\n    return torch.optim.AdamW(params)\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    ended = cautify("scan", tmp_path, "--format", "json")
    assert ended.code == 0
    assert '"src/swift/cautious_optimizer.py"' in ended.out.decode()
