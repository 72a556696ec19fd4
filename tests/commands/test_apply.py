"""apply: the diff on stdout, consent, the write, and a second time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, git, snapshot

from cautify.model import Options
from cautify.patch import manifest, plan, write

Unchanged = Callable[[Path], None]

CRLF = TRAIN.replace(b"\n", b"\r\n")
TARGETS = {
    "plain": ("train.py", TRAIN),
    "crlf": ("train.py", CRLF),
    "latin-1": ("train.py", b"# -*- coding: latin-1 -*-\n# r\xe9sum\xe9\n" + TRAIN),
    "byte order mark": ("train.py", b"\xef\xbb\xbf" + TRAIN),
    "crlf with a byte order mark": ("train.py", b"\xef\xbb\xbf" + CRLF),
    "no final newline": ("train.py", TRAIN.rstrip(b"\n")),
    "ends in the construction, no final newline": ("train.py", TRAIN.rpartition(b"    return")[0].rstrip(b"\n")),
    "tabs and a form feed": ("train.py", TRAIN.replace(b"    ", b"\t").replace(b"\n\ndef", b"\n\x0c\ndef")),
    "a path with spaces, quotes and accents": ("a b/naïve 'ö' \"q\".py", TRAIN),
}


def target(directory: Path, path: str, data: bytes) -> Path:
    root = directory / "target"
    place = root / path
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    return root


@pytest.mark.parametrize("case", TARGETS)
def test_git_applies_what_the_dry_run_prints_and_gets_what_apply_writes(
    cautify: Cautify, tmp_path: Path, case: str
) -> None:
    root, other = target(tmp_path / "a", *TARGETS[case]), target(tmp_path / "b", *TARGETS[case])
    before = snapshot(root)
    dry = cautify("apply", root, "--dry-run")
    assert dry.code == 0, dry.err
    assert snapshot(root) == before
    git(other, "init", "-q")
    put = subprocess.run(
        ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"],
        cwd=other,
        input=dry.out,
        capture_output=True,
        check=False,
    )
    assert put.returncode == 0, put.stderr.decode()
    applied = cautify("apply", root, "--yes")
    assert applied.code == 0, applied.err
    assert applied.out == dry.out
    written = {path: value for path, value in snapshot(root).items() if not path.startswith(".cautify")}
    assert written == snapshot(other)
    assert written != before


@pytest.mark.parametrize("case", TARGETS)
def test_revert_prints_the_way_back_and_restores_every_byte(cautify: Cautify, tmp_path: Path, case: str) -> None:
    root = target(tmp_path, *TARGETS[case])
    before = snapshot(root)
    cautify("apply", root, "--yes")
    git(root, "init", "-q")
    dry = cautify("revert", root, "--dry-run")
    assert dry.code == 0, dry.err
    patched = snapshot(root)
    put = subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=root, input=dry.out, check=False)
    assert put.returncode == 0
    assert {p: v for p, v in snapshot(root).items() if not p.startswith(".cautify")} == before
    for path, (_, data) in patched.items():
        if not (root / path).is_dir():
            (root / path).write_bytes(data)
    reverted = cautify("revert", root, "--yes")
    assert reverted.code == 0, reverted.err
    assert reverted.out == dry.out
    assert snapshot(root) == before


def test_the_diff_leaves_cautifys_own_directory_out(cautify: Cautify, tree: Path) -> None:
    assert b".cautify" not in cautify("apply", tree, "--yes").out
    assert (tree / ".cautify" / "manifest.json").exists()


def test_without_a_terminal_and_without_yes_it_refuses(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    unchanged(tree)
    ended = cautify("apply", tree)
    assert (ended.code, ended.out) == (2, b"")
    assert "there is no terminal" in ended.err
    assert "--yes" in ended.err
    assert "--dry-run" in ended.err


def test_revert_refuses_there_too(cautify: Cautify, patched: Path, unchanged: Unchanged) -> None:
    unchanged(patched)
    ended = cautify("revert", patched)
    assert (ended.code, ended.out) == (2, b"")
    assert "--yes" in ended.err


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 2), ("", 2), ("j\n", 2)])
def test_on_a_terminal_it_asks_on_stderr(cautify: Cautify, tree: Path, answer: str, code: int) -> None:
    before = snapshot(tree)
    ended = cautify("apply", tree, answer=answer)
    assert ended.code == code
    assert "[y/N]" in ended.err
    assert b"[y/N]" not in ended.out
    assert (snapshot(tree) == before) == (code == 2)


def test_exit_code_tells_whether_a_dry_run_would_change_something(cautify: Cautify, tree: Path) -> None:
    assert cautify("apply", tree, "--dry-run", "--exit-code").code == 1
    cautify("apply", tree, "--yes")
    assert cautify("apply", tree, "--dry-run", "--exit-code").code == 0


def test_nothing_to_do_is_a_message_and_0_even_where_nobody_can_be_asked(cautify: Cautify, tmp_path: Path) -> None:
    (tmp_path / "plot.py").write_text("print(1)\n")
    before = snapshot(tmp_path)
    ended = cautify("apply", tmp_path)
    assert (ended.code, ended.out) == (0, b"")
    assert "Nothing to do" in ended.err
    assert snapshot(tmp_path) == before


def test_a_second_apply_leaves_every_byte_alone(cautify: Cautify, patched: Path, unchanged: Unchanged) -> None:
    unchanged(patched)
    times = {place: place.stat().st_mtime_ns for place in patched.rglob("*")}
    ended = cautify("apply", patched, "--yes")
    assert (ended.code, ended.out) == (0, b"")
    assert "Nothing to do" in ended.err
    assert {place: place.stat().st_mtime_ns for place in patched.rglob("*")} == times


def test_a_second_apply_adds_only_what_is_new(cautify: Cautify, patched: Path) -> None:
    before = snapshot(patched)
    (patched / "finetune.py").write_bytes(TRAIN)
    ended = cautify("apply", patched, "--yes")
    assert ended.code == 0, ended.err
    assert ended.out.count(b"diff --git") == 1
    assert b"finetune.py" in ended.out
    after = snapshot(patched)
    assert {path for path in before if after[path] != before[path]} == {".cautify/manifest.json"}
    assert cautify("check", patched).code == 0
    assert cautify("revert", patched, "--yes").code == 0
    assert (patched / "finetune.py").read_bytes() == TRAIN


def test_the_recorded_options_are_used_again_unless_overridden(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "tests").mkdir()
    (tree / "tests" / "test_it.py").write_bytes(TRAIN)
    cautify("apply", tree, "--yes", "--tests", "--exclude", "plot.py")
    seen = []
    real = plan.make_plan

    def spy(root: Path, options: Options, **rest: object) -> object:
        seen.append(options)
        return real(root, options, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(plan, "make_plan", spy)
    assert cautify("apply", tree, "--yes").code == 0
    assert cautify("check", tree).code == 0
    cautify("check", tree, "--no-tests", "--exclude", "other.py")
    recorded = Options(exclude=("plot.py",), tests=True)
    assert seen == [recorded, recorded, Options(exclude=("other.py",))]


@pytest.mark.parametrize("change", ["modified", "staged", "untracked"])
def test_uncommitted_changes_are_refused_unless_allowed(cautify: Cautify, repository: Path, change: str) -> None:
    place = repository / ("new.py" if change == "untracked" else "train.py")
    place.write_bytes(TRAIN + b"# work in progress\n")
    if change == "staged":
        git(repository, "add", "-A")
    before = snapshot(repository)
    ended = cautify("apply", repository, "--yes")
    assert (ended.code, ended.out) == (2, b"")
    assert f"uncommitted changes: {place.name}\n" in ended.err
    assert "--allow-dirty" in ended.err
    assert snapshot(repository) == before
    dry = cautify("apply", repository, "--dry-run")
    assert dry.code == 0
    assert f"uncommitted changes in {place.name}\n" in dry.err
    assert cautify("apply", repository, "--yes", "--allow-dirty").code == 0


def test_uncommitted_changes_elsewhere_do_not_matter(cautify: Cautify, repository: Path) -> None:
    (repository / "plot.py").write_text("print('changed')\n")
    assert cautify("apply", repository, "--yes").code == 0


def test_in_a_subdirectory_of_a_repository_its_files_are_found_too(cautify: Cautify, repository: Path) -> None:
    inner = repository / "inner"
    inner.mkdir()
    (inner / "train.py").write_bytes(TRAIN)
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "inner")
    (inner / "train.py").write_bytes(TRAIN + b"# changed\n")
    (repository / "train.py").write_bytes(TRAIN)
    ended = cautify("apply", inner, "--yes")
    assert ended.code == 2
    assert "uncommitted changes: train.py\n" in ended.err


def test_what_cautify_wrote_itself_is_not_dirty(cautify: Cautify, repository: Path) -> None:
    assert cautify("apply", repository, "--yes").code == 0
    (repository / "train.py").chmod(0o644)
    (repository / "finetune.py").write_bytes(TRAIN)
    git(repository, "add", "finetune.py")
    git(repository, "commit", "-qm", "another")
    assert cautify("apply", repository, "--yes").code == 0
    assert cautify("revert", repository, "--yes").code == 0
    assert git(repository, "status", "--porcelain") == ""


def test_a_runtime_that_cautify_wrote_can_be_upgraded_uncommitted(
    cautify: Cautify, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cautify("apply", repository, "--yes").code == 0
    from cautify.model import Action, FilePlan

    real = plan.make_plan

    def upgrade(root: Path, options: Options, **rest: object) -> object:
        from dataclasses import replace

        made = real(root, options, **rest)  # type: ignore[arg-type]
        data = (root / "cautious_optimizer.py").read_bytes()
        return replace(made, files=(FilePlan("cautious_optimizer.py", Action.MODIFY, data, data + b"# newer\n"),))

    monkeypatch.setattr(plan, "make_plan", upgrade)
    assert cautify("apply", repository, "--yes").code == 0
    assert (repository / "cautious_optimizer.py").read_bytes().endswith(b"# newer\n")


def killed_half_way(root: Path) -> None:
    """Apply in a process of its own that is killed after its first rename."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from cautify.model import Options\n"
        "from cautify.patch import manifest, plan, write\n"
        "root = Path(sys.argv[1])\n"
        "made = plan.make_plan(root, Options())\n"
        "record = manifest.dump(manifest.updated(None, made))\n"
        "def strike(step):\n"
        "    if step == 'swap train.py':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "write.commit(root, made.files, record, hook=strike)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert write.interrupted(root)
    assert write.pending(root)


def test_after_a_kill_apply_puts_back_what_was_half_written_and_then_patches(cautify: Cautify, tree: Path) -> None:
    killed_half_way(tree)
    ended = cautify("apply", tree, "--yes")
    assert ended.code == 0, ended.err
    assert "interrupted here: put back" in ended.err
    assert cautify("check", tree).code == 0


def test_after_a_kill_a_dry_run_refuses_and_repairs_nothing(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    killed_half_way(tree)
    unchanged(tree)
    ended = cautify("apply", tree, "--dry-run")
    assert (ended.code, ended.out) == (2, b"")
    assert "half written" in ended.err
    assert "cautify revert" in ended.err


def test_after_a_kill_nothing_is_repaired_without_consent(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    killed_half_way(tree)
    unchanged(tree)
    assert cautify("apply", tree).code == 2
    assert cautify("apply", tree, answer="n\n").code == 2


def test_after_a_kill_scan_warns(cautify: Cautify, tree: Path) -> None:
    killed_half_way(tree)
    assert "cautify revert" in cautify("scan", tree).err


def test_after_a_kill_check_names_it_and_revert_mends_it(cautify: Cautify, tree: Path) -> None:
    before = snapshot(tree)
    killed_half_way(tree)
    ended = cautify("check", tree)
    assert ended.code == 1
    assert b"half written" in ended.out
    assert b"cautify revert" in ended.out
    assert cautify("revert", tree, "--yes").code == 0
    assert snapshot(tree) == before


def test_a_failure_while_writing_leaves_the_tree_as_it_was(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch, unchanged: Unchanged
) -> None:
    real = os.replace

    def full(source: str, destination: str) -> None:
        if str(destination).endswith("train.py"):
            raise OSError(28, "No space left on device", source, None, destination)
        real(source, destination)

    unchanged(tree)
    monkeypatch.setattr(os, "replace", full)
    ended = cautify("apply", tree, "--yes")
    assert ended.code == 2
    assert "No space left" in ended.err


def test_the_manifest_records_what_was_written(cautify: Cautify, patched: Path) -> None:
    record = manifest.load(patched)
    assert record is not None
    assert [file.path for file in record.files] == ["cautious_optimizer.py", "train.py"]
    assert record.runtimes == ("cautious_optimizer.py",)


def test_the_message_says_how_to_switch_it_on_and_what_to_commit(cautify: Cautify, tree: Path) -> None:
    said = cautify("apply", tree, "--yes").err
    assert "USE_CAUTIOUS_OPTIMIZER=1" in said
    assert ".cautify/" in said
    assert "2 files" in said
