"""A tree made to do harm: links, pipes and forgeries under cautify's own names and those of settings.

Whatever happens, nothing outside the tree is written, nothing is waited for, and there is no crash.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, snapshot

COMMANDS = (["scan"], ["check"], ["apply", "--yes"], ["revert", "--yes"])
PRECIOUS = b"precious\n"


@pytest.fixture(autouse=True)
def _nothing_is_waited_for() -> Iterator[None]:
    usual = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it hangs"))
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, usual)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder beside the tree, with a file, which must stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "file").write_bytes(PRECIOUS)
    (folder / "file").chmod(0o600)
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def link(place: Path, outside: Path) -> None:
    place.symlink_to(outside / "file")


def link_to_nothing(place: Path, outside: Path) -> None:
    place.symlink_to(outside / "new")


def link_to_a_folder(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def hard_link(place: Path, outside: Path) -> None:
    os.link(outside / "file", place)


def pipe(place: Path, outside: Path) -> None:
    os.mkfifo(place)


def folder(place: Path, outside: Path) -> None:
    place.mkdir()
    (place / "mine").write_text("")


def endless(place: Path, outside: Path) -> None:
    place.symlink_to("/dev/zero")


def enormous(place: Path, outside: Path) -> None:
    with open(place, "wb") as file:
        file.truncate(1 << 40)


def rubbish(place: Path, outside: Path) -> None:
    place.write_bytes(b'{"journal": 1, "token": [' * 1000)


KINDS = (link, link_to_nothing, link_to_a_folder, hard_link, pipe, folder, endless, enormous, rubbish)
OURS = (".cautify", *(f".cautify/{name}" for name in ("manifest.json", "lock", "journal", "journal.tmp", ".gitignore")))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.replace("_", " "))
@pytest.mark.parametrize("name", OURS)
def test_what_has_one_of_our_names_harms_nobody(
    cautify: Cautify, tree: Path, outside: Path, name: str, kind: Callable[[Path, Path], None]
) -> None:
    place = tree / name
    place.parent.mkdir(exist_ok=True)
    kind(place, outside)
    for command in COMMANDS:
        ended = cautify(*command, tree)
        assert ended.code in (0, 1, 2), ended
        assert " bug" not in ended.err, ended
        assert PRECIOUS.decode() not in ended.err
    assert (tree / "train.py").read_bytes() == TRAIN


SETTINGS = (  # and code and documents
    *("pyproject.toml", "setup.cfg", "setup.py", "ruff.toml", ".ruff.toml", ".isort.cfg", ".flake8", "tox.ini"),
    *(".pre-commit-config.yaml", ".gitignore", "conf.yaml", "optim.json", "optim.ipynb", "optimizers.py"),
)


@pytest.mark.parametrize("kind", [pipe, folder, endless, enormous], ids=lambda kind: kind.__name__)
def test_settings_that_are_no_files_say_nothing(
    cautify: Cautify, tree: Path, outside: Path, kind: Callable[[Path, Path], None]
) -> None:
    for name in SETTINGS[kind is enormous :]:
        kind(tree / name, outside)
    before = {place: place.lstat().st_size for place in tree.rglob("*")}
    for command in COMMANDS:
        ended = cautify(*command, tree)
        assert ended.code == (1 if command == ["check"] else 0), ended
    assert {place: place.lstat().st_size for place in tree.rglob("*")} == before
    assert (tree / "train.py").read_bytes() == TRAIN


def test_a_pyproject_that_is_enormous_is_refused(cautify: Cautify, tree: Path, outside: Path) -> None:
    enormous(tree / "pyproject.toml", outside)
    for command in COMMANDS[:3]:
        ended = cautify(*command, tree)
        assert ended.code == 2
        assert "pyproject.toml cannot be used: File too large" in ended.err


@pytest.mark.parametrize("kind", [pipe, folder, link, link_to_nothing, hard_link], ids=lambda kind: kind.__name__)
def test_what_has_the_runtimes_name_is_left_alone(
    cautify: Cautify, tree: Path, outside: Path, kind: Callable[[Path, Path], None]
) -> None:
    kind(tree / "cautious_optimizer.py", outside)
    before = snapshot(tree)
    ended = cautify("apply", tree, "--yes")
    assert ended.code == 2, ended
    assert "cautious_optimizer.py" in ended.err
    assert " bug" not in ended.err, ended
    assert snapshot(tree) == before


FORMS = (
    *("../outside/file", "sub/../../outside/file", "./../outside/file", "door/file", "..\\outside\\file"),
    *("{outside}/file", "//{outside}/file", "C:\\outside\\file", "c:file", "file:///outside", "out\0side"),
    *(".git/config", ".GIT/config", ".g\u200cit/config", "sub/.hg/hgrc", ".cautify/manifest.json", ".Cautify/lock"),
)


@pytest.mark.parametrize("field", ["created", "modified", "runtimes", "directories", "vendor_to"])
def test_a_manifest_that_names_other_places_reaches_none_of_them(
    cautify: Cautify, patched: Path, outside: Path, field: str
) -> None:
    (patched / "door").symlink_to(outside)
    (patched / ".git").mkdir()
    (patched / ".git/config").write_bytes(PRECIOUS)
    place = patched / ".cautify/manifest.json"
    recorded = place.read_bytes()
    digest = hashlib.sha256(PRECIOUS).hexdigest()
    for form in FORMS[:: 4 if field == "vendor_to" else 1]:
        path = form.format(outside=outside)
        value = json.loads(recorded)
        if field == "created":
            value["files"][0] |= {"path": path, "after": digest}
        elif field == "modified":
            undo = [{"at": [0, len(PRECIOUS)], "text": "x", "purpose": ""}]
            before = hashlib.sha256(b"x").hexdigest()
            value["files"][1] |= {"path": path, "after": digest, "before": before, "layers": [undo]}
        elif field == "vendor_to":
            value["options"]["vendor_to"] = path
        else:
            value[field] = [path]
        place.write_text(json.dumps(value))
        (patched / "more.py").write_bytes(TRAIN)
        for command in (["check"], ["apply", "--yes"], ["revert", "--yes"]):
            ended = cautify(*command, patched)
            assert " bug" not in ended.err, (form, ended.err)
            assert ended.code in (0, 1, 2)
        if field in ("created", "modified"):
            assert ended.code == 2, form
        if ended.code == 0:
            assert cautify("apply", patched, "--yes").code == 0
            recorded = place.read_bytes()
    assert (patched / ".git/config").read_bytes() == PRECIOUS
    assert sorted(os.listdir(patched.parent)) == ["outside", "target"]
