"""What is refused before the first change, and nothing outside the tree is reached."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_tree import LINK, MANIFEST, MODIFIED, applying, build, create, modify, snapshot

from cautify.errors import CautifyError, FileChanged, NotWritable, OutsideTree
from cautify.model import Action, FilePlan
from cautify.patch.write import commit


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    build(tree)
    return tree


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
