"""Every fixture through its whole life: scan, dry run, apply, apply again, check, revert."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from fixture_trees import FIXTURES, NAMES, Files, Tree, contents, described, load
from typer.testing import CliRunner

import cautify.homes
import cautify.optimizers
from cautify.cli import app
from cautify.model import HomeKind, Plan, Verdict
from cautify.patch.plan import make_plan

REGENERATE = os.environ.get("CAUTIFY_REGEN") == "1"


@dataclass(frozen=True)
class Life:
    """What a fixture's tree held after each command, and what the commands said."""

    tree: Tree
    root: Path
    plan: Plan
    after_dry_run: Files
    applied: Files
    records: Files
    plan_again: Plan
    applied_again: Files
    records_again: Files
    exit_codes: dict[str, int]
    check_output: str
    reverted: Files
    leftovers: tuple[str, ...]


def cautify_cli(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command line, in this process."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def records(root: Path) -> Files:
    return {p.name: p.read_bytes() for p in sorted((root / ".cautify").glob("*")) if p.is_file()}


@pytest.fixture(scope="session")
def lives(tmp_path_factory: pytest.TempPathFactory):
    """Lives a fixture's life once, however many tests look at it."""

    @cache
    def live(name: str) -> Life:
        tree = load(name)
        root = tree.copy_to(tmp_path_factory.mktemp(name) / "target")
        codes: dict[str, int] = {}
        plan = make_plan(root, tree.plan_options)
        codes["dry run"], _ = cautify_cli("apply", str(root), "--dry-run", *tree.options)
        after_dry_run = contents(root)
        dry_left = (root / ".cautify").exists()
        codes["apply"], _ = cautify_cli("apply", str(root), "--yes", *tree.options)
        applied, written = contents(root), records(root)
        plan_again = make_plan(root, tree.plan_options)
        codes["apply again"], _ = cautify_cli("apply", str(root), "--yes")
        applied_again, written_again = contents(root), records(root)
        codes["check"], check_output = cautify_cli("check", str(root))
        codes["revert"], _ = cautify_cli("revert", str(root), "--yes")
        reverted = contents(root)
        left = [".cautify after the dry run"] if dry_left else []
        left += [p.name for p in root.rglob("*") if p.name == ".cautify"]
        directories = {p.relative_to(root) for p in root.rglob("*") if p.is_dir()}
        known = {p.relative_to(tree.directory / "before") for p in (tree.directory / "before").rglob("*")}
        left += [str(d) for d in sorted(directories - known)]
        return Life(
            tree,
            root,
            plan,
            after_dry_run,
            applied,
            written,
            plan_again,
            applied_again,
            written_again,
            codes,
            check_output,
            reverted,
            tuple(left),
        )

    return live


every_fixture = pytest.mark.parametrize("name", NAMES)


def regenerate(life: Life) -> None:
    """Make what apply wrote the golden files of a fixture."""
    after = life.tree.directory / "after"
    shutil.rmtree(after, ignore_errors=True)
    before = life.tree.before()
    for path, data in life.applied.items():
        if before.get(path) != data and path not in life.tree.runtime:
            (after / path).parent.mkdir(parents=True, exist_ok=True)
            (after / path).write_bytes(data)


@every_fixture
def test_every_site_has_the_verdict_the_fixture_expects(lives, name: str) -> None:
    life = lives(name)
    assert life.plan.problems == ()
    keys = ("path", "in", "optimizers", "verdict", "reason", "home")
    expected = [{k: site[k] for k in keys if k in site} for site in life.tree.sites]
    before = life.tree.directory / "before"
    found = [described(site, before) for site in sorted(life.plan.sites, key=lambda s: (s.path, s.line, s.column))]
    assert sorted(found, key=json.dumps) == sorted(expected, key=json.dumps)


@every_fixture
def test_every_switch_is_declared_and_read_where_the_fixture_expects(lives, name: str) -> None:
    life = lives(name)
    before = life.tree.directory / "before"
    remaining = sorted(life.plan.sites, key=lambda s: (s.path, s.line, s.column))
    for expected in life.tree.sites:
        site = next(
            s
            for s in remaining
            if (s.path, described(s, before)["in"], list(s.optimizers))
            == (expected["path"], expected["in"], expected["optimizers"])
        )
        remaining.remove(site)
        assert bool(site.warnings) == expected.get("warns", False), site.warnings
        if site.verdict is Verdict.SKIP:
            assert site.switch is None
            continue
        assert site.switch is not None
        owners = expected.get("owners", [expected["owner"]] if "owner" in expected else [])
        if owners:
            assert sorted(home.owner for home in site.switch.homes) == sorted(owners)
        if "enabled" in expected:
            assert site.switch.enabled == expected["enabled"]
        if expected["home"] == "environment":
            assert (site.switch.enabled, site.switch.eps, site.switch.homes) == (None, None, ())


@every_fixture
def test_a_dry_run_writes_nothing(lives, name: str) -> None:
    life = lives(name)
    assert life.after_dry_run == life.tree.before()
    assert ".cautify after the dry run" not in life.leftovers


@every_fixture
def test_apply_writes_what_a_maintainer_would_have_written(lives, name: str) -> None:
    life = lives(name)
    if REGENERATE:
        regenerate(life)
    expected = life.tree.after()
    for path in sorted({*expected, *life.applied}):
        if path in life.tree.runtime:
            assert life.applied.get(path) == expected[path], f"{path} is not the runtime"
        else:
            assert text(life.applied.get(path)) == text(expected.get(path)), path
    assert life.applied == expected


def text(data: bytes | None) -> str:
    return "(no such file)" if data is None else data.decode("utf-8", "surrogateescape")


@every_fixture
def test_what_apply_wrote_parses(lives, name: str) -> None:
    life = lives(name)
    for path, data in life.applied.items():
        if path.endswith(".py"):
            ast.parse(data, path)


@every_fixture
def test_every_command_succeeds(lives, name: str) -> None:
    life = lives(name)
    assert life.exit_codes == dict.fromkeys(life.exit_codes, 0), life.check_output


@every_fixture
def test_a_second_apply_changes_no_byte(lives, name: str) -> None:
    life = lives(name)
    assert life.plan_again.files == ()
    assert life.applied_again == life.applied
    assert life.records_again == life.records


@every_fixture
def test_after_apply_what_was_to_be_wrapped_is_wrapped(lives, name: str) -> None:
    life = lives(name)

    def verdicts(plan: Plan, wrap: str) -> list[tuple[str, tuple[str, ...], str, str | None]]:
        return [
            (s.path, s.optimizers, wrap if s.verdict is not Verdict.SKIP else "skip", s.reason)
            for s in sorted(plan.sites, key=lambda s: (s.path, s.line, s.column))
        ]

    assert verdicts(life.plan_again, "wrapped") == verdicts(life.plan, "wrapped")
    assert {s.verdict for s in life.plan_again.sites} <= {Verdict.WRAPPED, Verdict.SKIP}


@every_fixture
def test_a_wrapped_site_still_says_which_switch_it_reads(lives, name: str) -> None:
    life = lives(name)

    def switches(plan: Plan) -> list[object]:
        return [
            s.switch and (s.switch.kind, s.switch.enabled, s.switch.eps, sorted(h.owner for h in s.switch.homes))
            for s in sorted(plan.sites, key=lambda s: (s.path, s.line, s.column))
        ]

    assert switches(life.plan_again) == switches(life.plan)


@every_fixture
def test_revert_restores_every_byte_and_leaves_nothing(lives, name: str) -> None:
    life = lives(name)
    assert life.reverted == life.tree.before()
    assert life.leftovers == ()


def complaints(root: Path) -> dict[str, set[str]]:
    """What ruff finds in a tree under its own settings: lint by file, and files that it would format."""
    ruff = [sys.executable, "-m", "ruff"]
    select = ["--select", "E4,E501,E7,E9,F,I"]
    lint = subprocess.run(
        [*ruff, "check", "--no-cache", *select, "--output-format", "json", "."],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode in (0, 1), lint.stderr
    found: dict[str, set[str]] = {}
    for entry in json.loads(lint.stdout):
        path = Path(entry["filename"]).relative_to(root.resolve()).as_posix()
        found.setdefault(path, set()).add(f"{entry['code']} {entry['message']}")
    given = contents(root)
    subprocess.run([*ruff, "format", "--no-cache", "--quiet", "."], cwd=root, capture_output=True, check=True)
    for path, data in contents(root).items():
        if data != given[path]:
            found.setdefault(path, set()).add("format")
    return found


@every_fixture
def test_a_file_that_ruff_accepted_is_accepted_after(lives, name: str, tmp_path: Path) -> None:
    life = lives(name)
    before, after = tmp_path / "before", tmp_path / "after"
    shutil.copytree(life.tree.directory / "before", before)
    shutil.copytree(life.tree.directory / "before", after)
    for path, data in life.applied.items():
        (after / path).parent.mkdir(parents=True, exist_ok=True)
        (after / path).write_bytes(data)
    known, found = complaints(before), complaints(after)
    new = {path: sorted(what - known.get(path, set())) for path, what in found.items()}
    assert {path: what for path, what in new.items() if what} == {}


def plugins(package: object) -> list[str]:
    """The modules of a registry package that are plugins."""
    name = package.__name__.removeprefix("cautify.")  # type: ignore[attr-defined]
    modules = pkgutil.iter_modules(package.__path__)  # type: ignore[attr-defined]
    return [f"{name}.{m.name}" for m in modules if not m.name.startswith("_")]


KINDS = [kind.value for kind in HomeKind if kind is not HomeKind.ENVIRONMENT]


def test_every_kind_of_home_has_a_file_that_says_so() -> None:
    modules = [importlib.import_module(f"cautify.{name}") for name in plugins(cautify.homes)]
    assert {(m.__doc__ or "").partition(":")[0] for m in modules} >= set(KINDS)


@pytest.mark.parametrize("plugin", [*(f"homes.{kind}" for kind in KINDS), *plugins(cautify.optimizers)])
def test_every_plugin_has_a_fixture_that_names_it(plugin: str) -> None:
    assert [name for name in NAMES if plugin in load(name).plugins] != [], f"no fixture names {plugin}"


def test_every_directory_of_fixtures_says_what_it_is_about() -> None:
    assert sorted(p.name for p in FIXTURES.iterdir() if p.is_dir()) == NAMES
    assert [name for name in NAMES if not load(name).about.endswith(".")] == []
