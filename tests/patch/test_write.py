"""The transaction: all of it or nothing."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_tree import DIRECTORIES, LINK, MANIFEST, MODIFIED, applying, build, inverse, modify, snapshot

from cautify.errors import FileChanged, NotWritable
from cautify.model import Action, FilePlan
from cautify.patch.write import commit


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # only a power failure could tell


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    build(tree)
    return tree


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
