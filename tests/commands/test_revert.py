"""revert takes the whole patch back, or refuses and says why."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cautify.commands import revert
from cautify.errors import FileChanged, ManifestMissing, ManifestUnusable, OutsideTree
from cautify.model import Action, Edit, FilePlan, Options, Plan, Span
from cautify.patch import manifest
from cautify.patch.write import commit, interrupted

RUNTIME = "pkg/vendored/cautious_optimizer.py"
FILES = {
    "pkg/__init__.py": b"",
    "pkg/crlf.py": b"import torch\r\nx = 1\r\n",
    "pkg/latin.py": b"# coding: latin-1\n# \xe9\n",
    "pkg/bom.py": b"\xef\xbb\xbfx = 1",
    "with space/\u00fcn\u00ef\n.py": b"y = 2\n",
}
PATCHED = [path for path in FILES if path != "pkg/__init__.py"]


def plan(root: Path, *paths: str, create: bool = False) -> Plan:
    """A line more at the end of each file; the runtime when asked for."""
    files = []
    for path in paths:
        before = (root / path).read_bytes()
        edit = Edit(Span(len(before), len(before)), b"# \xe9 patched\r\n", "wrap")
        files.append(FilePlan(path, Action.MODIFY, before, before + edit.replacement, (edit,)))
    if create:
        files.append(FilePlan(RUNTIME, Action.CREATE, None, b"class CautiousOptimizer: ...\n"))
    return Plan(root, Options(), (), tuple(files), runtimes=(RUNTIME,))


def apply(root: Path, made: Plan, kill_after: str | None = None) -> None:
    """Write a plan, in a process that dies after a step if one is named."""
    updated = manifest.dump(manifest.updated(manifest.load(root), made))
    if kill_after is None:
        commit(root, made.files, updated)
    else:
        dying(kill_after, lambda hook: commit(root, made.files, updated, hook=hook))


def dying(step: str, act) -> None:
    child = os.fork()
    if child == 0:
        act(lambda name: os._exit(9) if name == step else None)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    found = {}
    for place in root.rglob("*"):
        link = place.is_symlink()
        data = os.fsencode(os.readlink(place)) if link else b"" if place.is_dir() else place.read_bytes()
        found[str(place.relative_to(root))] = (stat.S_IMODE(place.lstat().st_mode), data)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    for number, (path, data) in enumerate(FILES.items()):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)
        (tree / path).chmod(0o700 + number)
    return tree


@pytest.fixture
def before(root: Path) -> dict[str, tuple[int, bytes]]:
    return snapshot(root)


@pytest.fixture
def patched(root: Path, before: dict[str, tuple[int, bytes]]) -> Path:
    apply(root, plan(root, *PATCHED, create=True))
    assert snapshot(root) != before
    return root


def test_everything_comes_back_byte_for_byte(patched: Path, before: dict[str, tuple[int, bytes]]) -> None:
    outcome = revert.run(patched)

    assert snapshot(patched) == before
    assert (outcome.exit_code, outcome.counts) == (0, {"restored": 4, "removed": 1})


def test_two_applies_are_taken_back_at_once(patched: Path, before: dict[str, tuple[int, bytes]]) -> None:
    apply(patched, plan(patched, "pkg/crlf.py", "pkg/__init__.py"))

    revert.run(patched)

    assert snapshot(patched) == before


def test_preparing_shows_what_will_be_and_writes_nothing(patched: Path) -> None:
    now = snapshot(patched)

    files = revert.prepare(patched).files

    assert snapshot(patched) == now
    assert [f.path for f in files] == sorted([*PATCHED, RUNTIME])
    assert {f.path: f.after for f in files} == {**{p: FILES[p] for p in PATCHED}, RUNTIME: None}
    assert all(f.before == now[f.path][1] for f in files)
    assert {f.path: f.action for f in files}[RUNTIME] is Action.DELETE


def test_a_dry_run_writes_nothing(patched: Path) -> None:
    now = snapshot(patched)

    outcome = revert.run(patched, dry_run=True)

    assert snapshot(patched) == now
    assert outcome.counts == {"restored": 4, "removed": 1}
    assert "dry run" in outcome.details[0]


def test_a_tree_without_patch_has_nothing_to_revert(root: Path, before: dict[str, tuple[int, bytes]]) -> None:
    for act in (revert.prepare, revert.run, lambda tree: revert.execute(tree, ())):
        with pytest.raises(ManifestMissing) as caught:
            act(root)
        assert str(root) in caught.value.what
    assert snapshot(root) == before


def test_everything_that_cannot_be_taken_back_is_named_and_nothing_is_written(patched: Path) -> None:
    (patched / "pkg/bom.py").unlink()
    (patched / RUNTIME).write_bytes(b"mine too")
    (patched / "pkg/latin.py").unlink()
    (patched / "pkg/latin.py").mkdir()
    (patched / PATCHED[-1]).write_bytes(b"<<<<<<< HEAD\nimport cautious_optimizer\n")
    now = snapshot(patched)

    with pytest.raises(FileChanged) as caught:
        revert.run(patched)

    assert snapshot(patched) == now
    for words in (
        f"{RUNTIME} is another file by now",
        "pkg/latin.py was replaced (it is a directory)",
        "'with space/\u00fcn\u00ef\\n.py':1 (it has merge conflict markers)",
    ):
        assert words in caught.value.why
    assert "cautify revert" in caught.value.next_step


@pytest.mark.parametrize("path", ["pkg/crlf.py", RUNTIME])
def test_a_file_that_the_user_deleted_stays_away(
    patched: Path, before: dict[str, tuple[int, bytes]], path: str
) -> None:
    (patched / path).unlink()

    outcome = revert.run(patched)

    assert snapshot(patched) == {name: content for name, content in before.items() if name != path}
    assert any("pkg/crlf.py was deleted" in note for note in outcome.details) == (path != RUNTIME)


def test_a_runtime_that_became_a_link_is_not_removed(patched: Path) -> None:
    os.rename(patched / RUNTIME, patched / "kept.py")
    (patched / RUNTIME).symlink_to("../../kept.py")

    with pytest.raises(FileChanged, match="symbolic link"):
        revert.run(patched)

    assert (patched / "kept.py").exists()


def test_a_file_that_was_put_back_already_is_no_drift(patched: Path, before: dict[str, tuple[int, bytes]]) -> None:
    (patched / "pkg/crlf.py").write_bytes(FILES["pkg/crlf.py"])

    outcome = revert.run(patched)

    assert snapshot(patched) == before
    assert outcome.counts == {"restored": 3, "removed": 1}


def test_a_changed_mode_is_kept(patched: Path) -> None:
    (patched / "pkg/crlf.py").chmod(0o640)

    revert.run(patched)

    assert (patched / "pkg/crlf.py").stat().st_mode & 0o7777 == 0o640


def test_files_beside_ours_are_kept(patched: Path) -> None:
    (patched / ".cautify/notes.txt").write_text("mine")
    (patched / "pkg/vendored/mine.py").write_text("")

    revert.run(patched)

    assert os.listdir(patched / ".cautify") == ["notes.txt"]
    assert os.listdir(patched / "pkg/vendored") == ["mine.py"]


def test_a_tree_whose_files_changed_after_the_question_is_not_reverted(patched: Path) -> None:
    files = revert.prepare(patched).files
    apply(patched, plan(patched, "pkg/__init__.py"))
    now = snapshot(patched)

    with pytest.raises(FileChanged, match=r"pkg/__init__\.py"):
        revert.execute(patched, files)

    assert snapshot(patched) == now


@pytest.mark.parametrize("step", ["journal", "swap pkg/crlf.py", "sync"])
def test_an_interrupted_first_apply_is_rolled_back_and_reported(
    root: Path, before: dict[str, tuple[int, bytes]], step: str
) -> None:
    apply(root, plan(root, *PATCHED, create=True), kill_after=step)
    assert interrupted(root)

    outcome = revert.run(root)

    assert snapshot(root) == before
    assert (outcome.exit_code, outcome.counts) == (0, {"restored": 0, "removed": 0})
    assert "interrupted run" in outcome.details[0]
    assert ("pkg/crlf.py" in outcome.details[0]) == (step != "journal")


@pytest.mark.parametrize("step", ["journal", "swap pkg/crlf.py", "sync"])
def test_an_interrupted_second_apply_is_rolled_back_and_then_the_first_is_reverted(
    patched: Path, before: dict[str, tuple[int, bytes]], step: str
) -> None:
    apply(patched, plan(patched, "pkg/__init__.py", "pkg/crlf.py"), kill_after=step)

    shown = {f.path: f.after for f in revert.prepare(patched).files}
    outcome = revert.run(patched)

    assert snapshot(patched) == before
    assert {path: data for path, data in shown.items() if data is not None}.items() <= FILES.items()
    assert outcome.counts == {"restored": 4, "removed": 1}
    assert "interrupted run" in outcome.details[0]


@pytest.mark.parametrize("step", ["journal", "swap pkg/crlf.py", "sync", "commit", "unlock"])
def test_an_interrupted_revert_is_finished_by_the_next(
    patched: Path, before: dict[str, tuple[int, bytes]], step: str
) -> None:
    files, data = revert.prepare(patched).files, manifest.load(patched)
    assert data is not None
    dying(step, lambda hook: commit(patched, files, None, directories=data.directories, hook=hook))

    shown = revert.prepare(patched).files
    outcome = revert.execute(patched, shown)

    assert snapshot(patched) == before
    assert "interrupted run" in outcome.details[0]


def test_a_dry_run_of_an_interrupted_tree_shows_the_way_and_writes_nothing(root: Path) -> None:
    apply(root, plan(root, *PATCHED, create=True), kill_after="sync")
    now = snapshot(root)

    outcome = revert.run(root, dry_run=True)

    assert snapshot(root) == now
    assert outcome.counts == {"restored": 4, "removed": 1}


def test_a_drifted_file_does_not_keep_an_interrupted_apply_from_being_rolled_back(patched: Path) -> None:
    (patched / "pkg/bom.py").write_bytes(b"x = CautiousOptimizer")
    now = snapshot(patched)
    apply(patched, plan(patched, "pkg/crlf.py"), kill_after="sync")

    with pytest.raises(FileChanged, match=r"pkg/bom\.py"):
        revert.run(patched)

    assert snapshot(patched) == now


def forge(root: Path, path: str, data: bytes) -> None:
    """Record a file that the manifest's author would like to see removed."""
    recorded = manifest.load(root)
    assert recorded is not None
    text = manifest.dump(recorded).replace(RUNTIME.encode(), path.encode())
    text = text.replace(manifest.digest((root / RUNTIME).read_bytes()).encode(), manifest.digest(data).encode())
    (root / ".cautify/manifest.json").write_bytes(text)


def test_a_forged_manifest_reaches_nothing_outside_the_tree(patched: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_bytes(b"precious")
    forge(patched, "../outside.py", b"precious")
    now = snapshot(tmp_path)

    with pytest.raises(ManifestUnusable, match="climbs out"):
        revert.run(patched)

    assert snapshot(tmp_path) == now


def test_a_forged_manifest_with_a_link_reaches_nothing_outside_the_tree(patched: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_bytes(b"precious")
    (patched / "door").symlink_to(tmp_path)
    forge(patched, "door/outside.py", b"precious")
    now = snapshot(tmp_path)

    with pytest.raises(OutsideTree, match=r"door/outside\.py"):
        revert.run(patched)

    assert snapshot(tmp_path) == now
