"""The transaction: all of it or nothing, and nothing outside the tree."""

from __future__ import annotations

import base64
import errno
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_tree import CREATED, DIRECTORIES, LINK, MANIFEST, MODIFIED, applying, build, inverse, snapshot

from cautify.errors import CautifyError, FileChanged, ManifestUnusable, NotWritable, OutsideTree, TransactionBusy
from cautify.model import Action, FilePlan
from cautify.patch.write import commit, interrupted, pending, recover


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    build(tree)
    return tree


def modify(path: str, before: bytes = b"z = 3\n", after: bytes = b"z = 4\n") -> FilePlan:
    return FilePlan(path, Action.MODIFY, before, after)


def create(path: str) -> FilePlan:
    return FilePlan(path, Action.CREATE, None, b"new\n")


def test_every_file_is_written_and_keeps_its_mode(root: Path) -> None:
    commit(root, applying(), MANIFEST)

    for plan in applying():
        assert (root / plan.path).read_bytes() == plan.after
    for path, (_, mode) in MODIFIED.items():
        assert (root / path).stat().st_mode & 0o7777 == mode
    assert (root / ".cautify/manifest.json").read_bytes() == MANIFEST


def test_a_link_stays_a_link_and_its_target_is_written(root: Path) -> None:
    commit(root, [modify(LINK, MODIFIED["pkg/optim.py"][0])], MANIFEST)

    assert os.readlink(root / LINK) == "pkg/optim.py"
    assert (root / "pkg/optim.py").read_bytes() == b"z = 4\n"
    assert (root / "pkg/optim.py").stat().st_mode & 0o7777 == 0o755


def test_nothing_but_manifest_and_gitignore_is_left_in_our_directory(root: Path) -> None:
    commit(root, applying(), MANIFEST)

    assert sorted(os.listdir(root / ".cautify")) == [".gitignore", "manifest.json"]
    assert {"/journal", "/lock", "*.tmp"} <= set((root / ".cautify/.gitignore").read_text().splitlines())


def test_the_inverse_leaves_the_tree_as_it_was(root: Path) -> None:
    before = snapshot(root)

    commit(root, applying(), MANIFEST)
    commit(root, inverse(applying()), None, directories=DIRECTORIES)

    assert snapshot(root) == before


def test_a_directory_that_is_not_empty_is_kept(root: Path) -> None:
    commit(root, applying(), MANIFEST)
    (root / "pkg/vendored/mine.py").write_text("")

    commit(root, inverse(applying()), None, directories=DIRECTORIES)

    assert sorted(os.listdir(root / "pkg/vendored")) == ["mine.py"]


def test_our_directory_is_kept_with_what_the_user_put_there(root: Path) -> None:
    commit(root, applying(), MANIFEST)
    (root / ".cautify/mine").write_text("")

    commit(root, inverse(applying()), None)

    assert os.listdir(root / ".cautify") == ["mine"]


def test_an_edited_gitignore_is_the_users(root: Path) -> None:
    commit(root, applying(), MANIFEST)
    (root / ".cautify/.gitignore").write_text("*\n")

    commit(root, applying()[:0], b"again\n")
    commit(root, inverse(applying()), None)

    assert (root / ".cautify/.gitignore").read_text() == "*\n"


def test_an_empty_transaction_leaves_no_directory(root: Path) -> None:
    before = snapshot(root)

    commit(root, [], None)

    assert snapshot(root) == before


def refused(root: Path, files: list[FilePlan], error: type[CautifyError]) -> CautifyError:
    """The refusal, which has changed nothing, not even for a plan that holds a good file before the bad one."""
    before = snapshot(root)
    good = [] if any(f.path == "new\nline.py" for f in files) else [modify("new\nline.py")]
    with pytest.raises(error) as caught:
        commit(root, [*good, *files], MANIFEST)
    assert snapshot(root) == before
    assert caught.value.next_step.startswith("Nothing was changed.")
    return caught.value


def test_a_file_edited_after_planning_is_refused(root: Path) -> None:
    error = refused(root, [modify("pkg/__init__.py")], FileChanged)

    assert "pkg/__init__.py" in error.what
    assert "changed after the plan" in error.why


def test_a_file_deleted_after_planning_is_refused(root: Path) -> None:
    error = refused(root, [modify("pkg/gone.py")], FileChanged)

    assert "pkg/gone.py" in error.what
    assert "deleted" in error.why


def test_a_file_that_exists_is_not_created(root: Path) -> None:
    error = refused(root, [create("pkg/__init__.py")], FileChanged)

    assert "pkg/__init__.py" in error.what
    assert "exists" in error.why


def test_a_link_that_leads_nowhere_is_not_created_over(root: Path) -> None:
    (root / "dangling.py").symlink_to("nothing.py")

    assert "dangling.py" in refused(root, [create("dangling.py")], FileChanged).what


def test_a_directory_in_the_place_of_a_file_is_refused(root: Path) -> None:
    error = refused(root, [modify("pkg")], FileChanged)

    assert "pkg" in error.what
    assert "a directory" in error.why


def test_a_pipe_in_the_place_of_a_file_is_refused_without_reading_it(root: Path) -> None:
    os.mkfifo(root / "pipe.py")

    assert "not a regular file" in refused(root, [modify("pipe.py")], FileChanged).why


def test_a_file_in_the_place_of_a_directory_is_refused(root: Path) -> None:
    error = refused(root, [create("pkg/optim.py/deep/new.py")], NotWritable)

    assert "pkg/optim.py is a file" in error.why


def test_a_read_only_file_is_refused_even_to_root(root: Path) -> None:
    error = refused(root, [modify("notes.txt", b"mine")], NotWritable)

    assert "notes.txt" in error.what
    assert "read-only" in error.why


@pytest.mark.parametrize("plan", [modify("pkg/__init__.py", b""), create("pkg/new.py"), create("pkg/a/b.py")])
def test_a_read_only_directory_is_refused(root: Path, plan: FilePlan) -> None:
    (root / "pkg").chmod(0o555)

    error = refused(root, [plan], NotWritable)

    assert error.what.startswith("pkg ")
    assert "read-only" in error.why


def test_a_read_only_root_is_refused_by_name(root: Path) -> None:
    root.chmod(0o555)

    assert str(root) in refused(root, [], NotWritable).what


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../outside.py",
        "pkg/../../outside.py",
        "pkg//optim.py",
        "./pkg/optim.py",
        "pkg\\optim.py",
        "C:optim.py",
        "c:/optim.py",
        "pkg/\0.py",
        "",
        ".git/hooks/pre-commit",
        "pkg/.GIT/config",
        ".cautify/lock",
        "\ud800.py",
    ],
)
def test_a_path_that_is_no_plain_path_in_the_tree_is_refused(root: Path, path: str) -> None:
    assert repr(path) in refused(root, [create(path)], OutsideTree).what


@pytest.mark.parametrize("action", ["modify", "create"])
def test_a_directory_link_that_leaves_the_tree_is_refused(root: Path, tmp_path: Path, action: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/x.py").write_bytes(b"z = 3\n")
    (root / "door").symlink_to(tmp_path / "outside")

    error = refused(root, [modify("door/x.py") if action == "modify" else create("door/y.py")], OutsideTree)

    assert str(tmp_path / "outside") in error.why
    assert snapshot(tmp_path / "outside") == {"x.py": ("-", 0o644, b"z = 3\n")}


def test_a_file_link_that_leaves_the_tree_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "tree-outside.py").write_bytes(b"z = 3\n")  # the root's name is a prefix of it
    (root / "door.py").symlink_to("../tree-outside.py")

    assert "door.py" in refused(root, [modify("door.py")], OutsideTree).what


def test_a_link_into_the_repository_of_git_is_refused(root: Path) -> None:
    (root / ".git").mkdir()
    (root / ".git/config").write_bytes(b"z = 3\n")
    (root / "door.py").symlink_to(".git/config")

    assert "version control" in refused(root, [modify("door.py")], OutsideTree).why


@pytest.mark.parametrize("path", ["loop.py", "loop.py/x.py"])
def test_links_in_a_circle_are_refused(root: Path, path: str) -> None:
    (root / "loop.py").symlink_to("back.py")
    (root / "back.py").symlink_to("loop.py")

    assert "circle" in refused(root, [modify(path)], OutsideTree).why


@pytest.mark.parametrize("name", [".cautify", ".cautify/manifest.json", ".cautify/lock"])
def test_our_own_files_are_not_written_through_links(root: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    if name != ".cautify":
        (root / ".cautify").mkdir()
    (root / name).symlink_to(tmp_path / "outside" / ("" if name == ".cautify" else "x"))

    with pytest.raises((OutsideTree, NotWritable)):
        commit(root, [modify("new\nline.py")], MANIFEST)

    assert os.listdir(tmp_path / "outside") == []
    assert (root / "new\nline.py").read_bytes() == b"z = 3\n"


def test_a_file_in_the_place_of_our_directory_is_refused(root: Path) -> None:
    (root / ".cautify").write_text("")

    assert ".cautify" in refused(root, [], NotWritable).what


def test_one_file_by_two_names_must_get_one_content(root: Path) -> None:
    before = MODIFIED["pkg/optim.py"][0]

    error = refused(root, [modify("pkg/optim.py", before), modify(LINK, before, b"other")], FileChanged)

    assert "pkg/optim.py and link.py" in error.what


def test_a_file_that_became_a_link_is_not_removed(root: Path) -> None:
    error = refused(root, [FilePlan(LINK, Action.DELETE, MODIFIED["pkg/optim.py"][0], None)], FileChanged)

    assert "symbolic link" in error.why


def test_a_manifest_written_by_another_apply_meanwhile_is_kept(root: Path) -> None:
    commit(root, [], MANIFEST)
    before = snapshot(root)

    with pytest.raises(FileChanged, match="manifest"):
        commit(root, applying(), b"mine\n", replacing=None)

    assert snapshot(root) == before


def names_of_steps() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        names: list[str] = []
        commit(Path(folder), applying(), MANIFEST, hook=names.append)
    return names[: names.index("commit")]


@pytest.mark.parametrize("step", [pytest.param(name, id=repr(name)) for name in names_of_steps()])
@pytest.mark.parametrize("blow", [KeyboardInterrupt(), SystemExit(1), OSError(errno.ENOSPC, "No space left", "x")])
def test_whatever_goes_wrong_at_a_step_the_tree_is_as_before(root: Path, step: str, blow: BaseException) -> None:
    before = snapshot(root)

    def strike(name: str) -> None:
        if name == step:
            raise blow

    in_transaction = isinstance(blow, OSError) and step != "lock"
    with pytest.raises(NotWritable if in_transaction else type(blow)) as caught:
        commit(root, applying(), MANIFEST, hook=strike)

    assert snapshot(root) == before
    assert not in_transaction or "No space left" in str(caught.value)


def test_an_editor_that_saves_in_between_keeps_its_version(root: Path) -> None:
    before = snapshot(root)

    def save(name: str) -> None:
        if name == "swap pkg/optim.py":
            (root / "new\nline.py").write_bytes(b"saved meanwhile")

    with pytest.raises(FileChanged, match="while cautify was writing"):
        commit(root, applying(), MANIFEST, hook=save)

    assert snapshot(root) == {**before, "new\nline.py": ("-", 0o664, b"saved meanwhile")}


def test_a_second_writer_is_told_who_is_writing(root: Path) -> None:
    refusals = []

    def rival(name: str) -> None:
        if name == "journal":
            assert not interrupted(root)
            for act in (lambda: commit(root, applying(), MANIFEST), lambda: recover(root), lambda: pending(root)):
                with pytest.raises(TransactionBusy) as caught:
                    act()
                refusals.append(str(caught.value))

    commit(root, applying(), MANIFEST, hook=rival)

    assert len(refusals) == 3
    assert all(f"process {os.getpid()} on {os.uname().nodename}" in refusal for refusal in refusals)
    assert (root / CREATED).exists()


def test_the_lock_of_a_dead_process_is_taken_over(root: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (root / ".cautify").mkdir()
    (root / ".cautify/lock").write_text(f"{dead.pid} {os.uname().nodename}\n")

    commit(root, applying(), MANIFEST)

    assert not (root / ".cautify/lock").exists()


def test_everything_is_on_disk_before_what_relies_on_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str]] = []
    usual = {name: getattr(os, name) for name in ("fsync", "replace", "unlink")}

    def spy(name: str, *arguments: int | str) -> None:
        place = os.readlink(f"/proc/self/fd/{arguments[0]}") if name == "fsync" else str(arguments[-1])
        calls.append((name, os.path.relpath(place, root)))
        usual[name](*arguments)

    for name in usual:
        monkeypatch.setattr(os, name, lambda *arguments, name=name: spy(name, *arguments))

    commit(root, applying(), MANIFEST)

    swaps = [n for n, call in enumerate(calls) if call[0] == "replace" and not call[1].startswith(".cautify/journal")]
    begun, done = calls.index(("replace", ".cautify/journal")), calls.index(("unlink", ".cautify/journal"))
    synced = [path for name, path in calls[:begun] if name == "fsync"]
    staged = [path for name, path in calls[begun : swaps[0]] if name == "fsync"]
    assert synced == [".cautify/journal.tmp"]
    assert {".cautify", "."} <= set(staged[:2])
    assert sum(path.endswith(".tmp") for path in staged) == len(swaps)
    directories = {os.path.dirname(calls[n][1]) or "." for n in swaps}
    assert directories <= {path for name, path in calls[swaps[-1] : done] if name == "fsync"}


def killed(root: Path, step: str = "sync") -> None:
    """Leave the tree as a process does that dies after a step."""
    pid = os.fork()
    if pid == 0:
        commit(root, applying(), MANIFEST, hook=lambda name: os._exit(9) if name == step else None)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


def test_a_half_written_tree_is_not_written_to(root: Path) -> None:
    killed(root)
    half = snapshot(root)

    with pytest.raises(TransactionBusy, match="cautify revert"):
        commit(root, applying(), MANIFEST)

    lock = {".cautify/lock"}
    assert {p: v for p, v in half.items() if p not in lock} == {
        p: v for p, v in snapshot(root).items() if p not in lock
    }


def test_pending_says_what_recover_will_do_and_recover_says_what_it_did(root: Path) -> None:
    killed(root)

    files = {path: data for path, data in pending(root).items() if not path.startswith(".cautify")}

    assert files == {**{path: data for path, (data, _) in MODIFIED.items()}, CREATED: None}
    assert recover(root) == tuple(sorted(files))
    assert pending(root) == {}
    assert recover(root) == ()


def test_recover_does_not_touch_a_tree_where_nothing_was_interrupted(root: Path) -> None:
    before = snapshot(root)
    assert recover(root) == ()
    assert snapshot(root) == before

    commit(root, applying(), MANIFEST)
    before = snapshot(root)
    assert not interrupted(root)
    assert recover(root) == ()
    assert snapshot(root) == before


@pytest.mark.parametrize("path", ["pkg/optim.py", CREATED])
def test_recover_does_not_overwrite_what_was_edited_after_the_kill(root: Path, path: str) -> None:
    killed(root)
    (root / path).write_bytes(b"work of an afternoon")
    before = snapshot(root)

    for act in (recover, pending):
        with pytest.raises(FileChanged, match=path):
            act(root)

    assert {**snapshot(root), ".cautify/lock": None} == {**before, ".cautify/lock": None}
    (root / path).unlink()
    assert recover(root)


def forged(root: Path, **other: object) -> None:
    content = {"journal": 1, "inode": root.stat().st_ino, "host": "h", "root": "r", "token": "0" * 16}
    lists = {"made": [], "removed": [], "entries": [["x", EVIL, 0o640, None]]}
    (root / ".cautify").mkdir()
    (root / ".cautify/journal").write_text(json.dumps({**content, **lists, **other}))


EVIL = base64.b64encode(b"evil").decode()


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"inode": 1}, "another directory"),
        ({"journal": 2}, "newer cautify"),
        ({"token": "../../../../x"}, "forged"),
        ({"token": 5}, "not a string"),
        ({"made": ["../x"]}, "climbs out"),
        ({"removed": [["/x", 0o755]]}, "absolute"),
        ({"removed": [["x", 0o200000]]}, "no mode"),
        ({"entries": [["../x", EVIL, 0o644, None]]}, "climbs out"),
        ({"entries": [[".git/hooks/pre-commit", EVIL, 0o755, None]]}, "version control"),
        ({"entries": [["x", EVIL, 0o755]]}, "3 values"),
        ({"entries": [["x", "?", 0o755, None]]}, "base64"),
        ({"entries": 7}, "not a list"),
        ({"more": 7}, "does not know"),
    ],
    ids=str,
)
def test_a_journal_that_was_not_written_here_is_not_obeyed(root: Path, other: dict[str, object], reason: str) -> None:
    forged(root, **other)
    before = snapshot(root)

    with pytest.raises(ManifestUnusable) as caught:
        recover(root)

    assert ".cautify/journal" in caught.value.what
    assert reason in caught.value.why.lower() or reason in caught.value.why
    assert snapshot(root) == before


def test_a_journal_that_was_written_here_is_obeyed(root: Path) -> None:
    forged(root)

    assert recover(root) == ("x",)
    assert snapshot(root)["x"] == ("-", 0o640, b"evil")


def test_a_journal_is_not_followed_through_a_link_that_came_later(root: Path, tmp_path: Path) -> None:
    killed(root)
    (tmp_path / "outside").mkdir()
    os.rename(root / "a dir", tmp_path / "moved")
    (root / "a dir").symlink_to(tmp_path / "outside")

    with pytest.raises(OutsideTree, match="a dir"):
        recover(root)

    assert os.listdir(tmp_path / "outside") == []


NAMES = st.sampled_from(["a", "b.py", "c d", "\u00e9", "e\nf", "-g", "h.tmp"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
BYTES = st.binary(max_size=12)


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, tuple[bytes, int]], dict[str, str], list[FilePlan]]:
    """Files with bytes and modes, links to them, and plans of every action."""
    taken: set[str] = set()

    def free(path: str) -> bool:
        parts = path.split("/")
        inner = {"/".join(parts[:n]) for n in range(1, len(parts))}
        return path not in taken and not inner & taken and not any(other.startswith(path + "/") for other in taken)

    files, links, plans = {}, {}, []
    for path in draw(st.lists(PATHS, max_size=6, unique=True)):
        if free(path):
            taken.add(path)
            files[path] = (draw(BYTES), draw(st.sampled_from([0o644, 0o600, 0o755, 0o2664])))
    for path in draw(st.lists(PATHS, max_size=3, unique=True)) if files else ():
        if free(path):
            taken.add(path)
            links[path] = draw(st.sampled_from(sorted(files)))
    for path, (data, mode) in files.items():
        action = draw(st.sampled_from(["leave", "modify", "delete", "through link"]))
        names = [link for link, target in links.items() if target == path]
        if action == "modify" or (action == "through link" and names):
            name = path if action == "modify" else draw(st.sampled_from(names))
            plans.append(FilePlan(name, Action.MODIFY, data, draw(BYTES)))
        elif action == "delete" and mode == 0o644:  # what a created file gets, so that the inverse can be exact
            plans.append(FilePlan(path, Action.DELETE, data, None))
    for path in draw(st.lists(PATHS, max_size=3, unique=True)):
        if free(path):
            taken.add(path)
            plans.append(FilePlan(path, Action.CREATE, None, draw(BYTES)))
    return files, links, plans


@given(case=trees(), keep=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_transaction_writes_its_plan_and_its_inverse_undoes_it(
    case: tuple[dict[str, tuple[bytes, int]], dict[str, str], list[FilePlan]], keep: bool
) -> None:
    files, links, plans = case
    umask = os.umask(0o022)
    try:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for path, (data, mode) in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(data)
                (root / path).chmod(mode)
            for path, target in links.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).symlink_to(root / target)
            before = snapshot(root)

            commit(root, plans, MANIFEST)

            for plan in plans:
                assert ((root / plan.path).read_bytes() if (root / plan.path).exists() else None) == plan.after
            made = [path for path, entry in snapshot(root).items() if entry[0] == "d" and path not in before]
            made.remove(".cautify")
            commit(root, inverse(plans), MANIFEST if keep else None, directories=made)
            after = snapshot(root)
            ours = {path for path in after if path.split("/")[0] == ".cautify"}
            assert {path: entry for path, entry in after.items() if path not in ours} == before
            assert bool(ours) == keep
    finally:
        os.umask(umask)
