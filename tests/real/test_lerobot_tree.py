"""Every promise about a patched tree, on four published versions of lerobot."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from . import trees
from .downlevel import parses
from .expected import RUNTIME, TREES
from .sdists import unpack
from .story import Run, Story, cautify
from .trees import created, modified, snapshot, without_manifest

pytestmark = pytest.mark.real


def enclosing(root: Path, path: str, line: int) -> str:
    """The dotted name of the innermost class or function around the line."""
    names = [
        (node.lineno, node.name)
        for node in ast.walk(ast.parse((root / path).read_bytes()))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return ".".join(name for _, name in sorted(names))


def text_at(root: Path, path: str, line: int, column: int, length: int) -> str:
    return (root / path).read_text(encoding="utf-8").splitlines()[line - 1][column : column + length]


def accounted(root: Path, report: dict[str, Any], wrap: str) -> Counter[tuple[object, ...]]:
    """The reported sites in the terms of the expected ones; `wrap` is the verdict that counts as such."""
    found: Counter[tuple[object, ...]] = Counter()
    for site in report["sites"]:
        switch = site["switch"]
        found[
            site["path"],
            enclosing(root, site["path"], site["line"]),
            tuple(site["optimizers"]),
            site["form"],
            "wrap" if site["verdict"] == wrap else site["verdict"],
            site["reason"],
            switch and (switch["home"], switch["enabled"], switch["eps"]),
            frozenset((home["path"], home["owner"]) for home in switch["homes"]) if switch else None,
        ] += 1
    return found


def expected(version: str) -> Counter[tuple[object, ...]]:
    wanted: Counter[tuple[object, ...]] = Counter()
    for site in TREES[version].sites:
        switch: tuple[str, str | None, str | None] = (
            "field",
            f"{site.receiver}.use_cautious_optimizer",
            f"{site.receiver}.cautious_eps",
        )
        homes = frozenset((path, qualified(path, owner)) for path, owner in site.homes)
        if not site.receiver:  # a parameter carries the factory, and the switch stands beside it
            switch = ("parameter", "use_cautious_optimizer", "cautious_eps")
            homes = frozenset({(site.path, qualified(site.path, site.enclosing))})
        skipped = site.verdict == "skip"
        wanted[
            site.path,
            site.enclosing,
            site.optimizers,
            site.form,
            site.verdict,
            site.reason,
            None if skipped else switch,
            None if skipped else homes,
        ] += site.count
    return wanted


def qualified(path: str, owner: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").replace("/", ".") + "." + owner


def test_every_optimizer_has_the_verdict_and_the_homes_a_reader_finds(lived: Story) -> None:
    assert accounted(lived.pristine, lived.scan.json, "wrap") == expected(lived.version)


def test_a_reported_position_is_where_the_construction_begins(lived: Story) -> None:
    texts = {(site.path, site.enclosing): site.text for site in TREES[lived.version].sites}
    for site in lived.scan.json["sites"]:
        text = texts[site["path"], enclosing(lived.pristine, site["path"], site["line"])]
        assert text_at(lived.pristine, site["path"], site["line"], site["column"], len(text)) == text, site


def test_no_textual_construction_is_missing_from_the_report(lived: Story) -> None:
    searched = set()
    for path in sorted(lived.pristine.rglob("*.py")):
        source = path.read_bytes()
        if b"torch.optim." not in source or not parses(source):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("torch.optim."):
                searched.add((path.relative_to(lived.pristine).as_posix(), node.lineno))
    reported = {(site["path"], site["line"]) for site in lived.scan.json["sites"] if site["form"] == "call"}
    assert reported == searched


def test_a_home_is_reported_at_a_line_of_its_class(lived: Story) -> None:
    for site in lived.scan.json["sites"]:
        for home in (site["switch"] or {"homes": []})["homes"]:
            owner = enclosing(lived.pristine, home["path"], home["line"])
            assert home["owner"].endswith(f".{owner}"), home


def test_the_scan_announces_exactly_the_files_that_apply_writes(lived: Story) -> None:
    announced = {(edit["path"], edit["action"]) for edit in lived.scan.json["edits"]}
    wanted = {(path, "modify") for path in TREES[lived.version].modified} | {(RUNTIME, "create")}
    assert announced == wanted
    patched = without_manifest(lived.apply.tree)
    assert (modified(lived.before, patched), created(lived.before, patched)) == (
        TREES[lived.version].modified,
        {RUNTIME},
    )


def test_the_totals_add_up_and_nothing_is_a_problem(lived: Story) -> None:
    report = lived.scan.json
    verdicts = Counter(site["verdict"] for site in report["sites"])
    assert report["problems"] == []
    assert report["totals"] == {
        "sites": len(report["sites"]),
        "wrap": verdicts["wrap"],
        "wrapped": 0,
        "skip": verdicts["skip"],
    }


def test_the_tests_of_the_sdist_hold_no_further_optimizer(lived: Story) -> None:
    assert lived.scan_with_tests.json["sites"] == lived.scan.json["sites"]


@pytest.mark.parametrize("step", ["scan", "scan_with_tests", "dry_run"])
def test_looking_writes_nothing(lived: Story, step: str) -> None:
    run: Run = getattr(lived, step)
    assert run.code == 0, run.stderr
    assert run.tree == lived.before


def test_every_written_file_parses(lived: Story) -> None:
    assert lived.apply.code == 0, lived.apply.stderr
    changed = modified(lived.before, lived.apply.tree) | created(lived.before, lived.apply.tree)
    python = {name for name in changed if name.endswith(".py")}
    assert python, "apply wrote no Python file"
    assert [name for name in sorted(python) if not parses((lived.patched / name).read_bytes())] == []


def test_ruff_finds_nothing_new_under_lerobots_own_configuration(lived: Story) -> None:
    assert "[tool.ruff]" in (lived.pristine / "pyproject.toml").read_text(encoding="utf-8")
    assert trees.lint(lived.patched) - trees.lint(lived.pristine) == Counter()


def test_ruff_format_would_change_no_file_that_it_accepted(lived: Story) -> None:
    assert trees.unformatted(lived.patched) - trees.unformatted(lived.pristine) == set()


def test_after_apply_what_was_to_be_wrapped_is_wrapped(lived: Story) -> None:
    assert accounted(lived.patched, lived.rescan.json, "wrapped") == expected(lived.version)
    assert lived.rescan.json["edits"] == []


def test_applying_again_changes_no_byte_and_prints_no_diff(lived: Story) -> None:
    assert lived.reapply.code == 0, lived.reapply.stderr
    assert lived.reapply.stdout == b""
    assert lived.reapply.tree == lived.apply.tree


def test_check_passes_on_the_patched_tree_and_writes_nothing(lived: Story) -> None:
    assert lived.check.code == 0, lived.check.stdout.decode() + lived.check.stderr
    assert lived.check.tree == lived.apply.tree


def test_the_dry_runs_diff_given_to_git_makes_the_tree_that_apply_makes(lived: Story, tmp_path: Path) -> None:
    copy = tmp_path / lived.pristine.name
    shutil.copytree(lived.pristine, copy, symlinks=True)
    git(copy, "apply", "-", stdin=lived.dry_run.stdout)
    assert snapshot(copy) == without_manifest(lived.apply.tree)
    assert lived.apply.stdout == lived.dry_run.stdout


def test_revert_gives_back_the_tree_to_the_byte(lived: Story) -> None:
    assert lived.revert.code == 0, lived.revert.stderr
    assert lived.revert.tree == lived.before


def test_a_committed_tree_is_patched_and_reverted_without_a_trace_in_git(tmp_path: Path) -> None:
    clone = unpack("0.6.1", tmp_path)
    git(clone, "init", "--quiet")
    git(clone, "add", "--all", "--force")
    git(clone, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "--message", "published")
    runs = [cautify(clone, "apply", "--yes"), cautify(clone, "check"), cautify(clone, "revert", "--yes")]
    assert [(run.code, run.stderr if run.code else "") for run in runs] == [(0, "")] * 3
    assert RUNTIME in runs[0].tree
    assert git(clone, "status", "--porcelain") == b""


def git(directory: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """Run git untouched by the user's own configuration or a repository further up."""
    isolated = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(directory.parent),
    }
    command = ["git", *arguments]
    result = subprocess.run(command, cwd=directory, env={**os.environ, **isolated}, input=stdin, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout
