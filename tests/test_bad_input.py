"""Bad input: one message with the file, the reason and the next step, the right exit code, and not a byte changed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TRAIN, Cautify, Ended, git, snapshot

from cautify.model import Options
from cautify.patch import manifest, plan

Unchanged = Callable[[Path], None]
WRITING = ("apply", "revert")
COMMANDS = ("scan", "apply", "check", "revert")


def refused(ended: Ended, *, names: str, because: str, so: str) -> None:
    """The command ended with 2 and printed nothing but one error in three parts."""
    assert (ended.code, ended.out) == (2, b"")
    assert "Traceback" not in ended.err
    assert "bug" not in ended.err
    error = ended.err[ended.err.index("error: ") :]
    assert error.count("error: ") == 1
    reason, _, next_step = error.removeprefix("error: ").partition("\n")
    assert names in reason
    assert because in reason
    assert so in next_step


def run(cautify: Cautify, command: str, *arguments: str | Path) -> Ended:
    return cautify(command, *arguments, *(["--yes"] if command in WRITING else []))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_that_does_not_exist(cautify: Cautify, tmp_path: Path, command: str, unchanged: Unchanged) -> None:
    unchanged(tmp_path)
    ended = run(cautify, command, tmp_path / "lerobt")
    refused(ended, names="lerobt", because="does not exist", so="Check the spelling")


def test_a_path_whose_links_lead_round_in_a_circle(cautify: Cautify, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    refused(cautify("scan", tmp_path / "a"), names=str(tmp_path / "a"), because="circle", so="Check the spelling")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("damage", "because", "so"),
    [
        (lambda data: data.replace(b'"schema": 2', b'"schema": 7', 1), "newer cautify (schema 7", "Upgrade cautify"),
        (
            lambda data: b"<<<<<<< HEAD\n" + data + b"=======\n" + data + b">>>>>>> topic\n",
            "merge conflict markers",
            "Resolve the conflict",
        ),
        (lambda data: data[: len(data) // 2], "truncated", "Restore the file from version control"),
        (lambda data: b"", "it is empty", "Restore the file from version control"),
        (
            lambda data: data.replace(b'"path": "train.py"', b'"path": "../train.py"'),
            "climbs out",
            "Restore the file from version control",
        ),
    ],
    ids=["newer", "conflict markers", "cut off", "empty", "forged path"],
)
def test_a_manifest_that_cannot_be_used(
    cautify: Cautify,
    patched: Path,
    command: str,
    damage: Callable[[bytes], bytes],
    because: str,
    so: str,
    unchanged: Unchanged,
) -> None:
    place = patched / ".cautify" / "manifest.json"
    damaged = damage(place.read_bytes())
    assert damaged != place.read_bytes()
    place.write_bytes(damaged)
    unchanged(patched)
    refused(run(cautify, command, patched), names=".cautify/manifest.json", because=because, so=so)


def test_revert_without_a_manifest(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    unchanged(tree)
    ended = run(cautify, "revert", tree)
    refused(ended, names=str(tree), because=".cautify/manifest.json", so="Name the directory")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_nested_manifest(cautify: Cautify, tree: Path, command: str, unchanged: Unchanged) -> None:
    inner = tree / "vendored"
    inner.mkdir()
    (inner / "train.py").write_bytes(TRAIN)
    assert run(cautify, "apply", inner).code == 0
    unchanged(tree)
    refused(run(cautify, command, tree), names=str(tree), because=str(inner / ".cautify"), so=str(inner))


@pytest.mark.parametrize("command", COMMANDS)
def test_an_outer_manifest(cautify: Cautify, patched: Path, command: str, unchanged: Unchanged) -> None:
    inner = patched / "inner"
    (inner / ".cautify").mkdir(parents=True)
    (inner / ".cautify" / "manifest.json").write_bytes((patched / ".cautify" / "manifest.json").read_bytes())
    unchanged(patched)
    refused(run(cautify, command, inner), names=str(inner), because=str(patched / ".cautify"), so=str(patched))


def test_paths_of_different_roots(cautify: Cautify, tree: Path, tmp_path: Path, unchanged: Unchanged) -> None:
    (tmp_path / "other").mkdir()
    unchanged(tmp_path)
    ended = cautify("check", tree, tmp_path / "other")
    refused(ended, names="paths", because=str(tmp_path / "other"), so="once for each root")


def test_a_symbolic_link_that_leaves_the_tree(
    cautify: Cautify, tree: Path, tmp_path: Path, unchanged: Unchanged
) -> None:
    outside = tmp_path / "outside.py"
    outside.write_bytes(TRAIN)
    (tree / "train.py").unlink()
    (tree / "train.py").symlink_to(outside)
    unchanged(tmp_path)
    ended = run(cautify, "apply", tree)
    assert ended.code == 2
    _error(ended, names="train.py", because=str(outside), so="--exclude")


def test_a_recorded_path_that_became_a_link_out_of_the_tree(
    cautify: Cautify, patched: Path, tmp_path: Path, unchanged: Unchanged
) -> None:
    outside = tmp_path / "outside.py"
    outside.write_bytes((patched / "train.py").read_bytes())
    (patched / "train.py").unlink()
    (patched / "train.py").symlink_to(outside)
    unchanged(tmp_path)
    refused(run(cautify, "revert", patched), names="train.py", because=str(outside), so="mend it")
    ended = cautify("check", patched)
    assert ended.code == 1
    assert b"train.py: conflict: " in ended.out


def test_a_cautify_directory_that_is_a_link(cautify: Cautify, tree: Path, tmp_path: Path, unchanged: Unchanged) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tree / ".cautify").symlink_to(tmp_path / "elsewhere")
    unchanged(tmp_path)
    ended = run(cautify, "apply", tree)
    assert ended.code == 2
    _error(ended, names=".cautify", because="symbolic link", so="Put a directory in its place")


@pytest.mark.parametrize("command", WRITING)
def test_a_read_only_file(cautify: Cautify, tree: Path, command: str, unchanged: Unchanged) -> None:
    if command == "revert":
        assert run(cautify, "apply", tree).code == 0
    (tree / "train.py").chmod(0o444)
    unchanged(tree)
    ended = run(cautify, command, tree)
    assert ended.code == 2
    _error(ended, names="train.py", because="read-only", so="chmod u+w train.py")


def test_a_read_only_directory(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    tree.chmod(0o555)
    unchanged(tree)
    ended = run(cautify, "apply", tree)
    tree.chmod(0o755)
    assert ended.code == 2
    _error(ended, names=str(tree), because="read-only", so="chmod u+w")
    tree.chmod(0o555)


@pytest.mark.parametrize("change", ["edited", "deleted", "created"])
def test_a_file_that_changes_between_plan_and_write(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    real = plan.make_plan
    then = {}

    def plan_and_then_someone_else_writes(root: Path, options: Options, **rest: object) -> object:
        made = real(root, options, **rest)  # type: ignore[arg-type]
        if change == "edited":
            (root / "train.py").write_bytes(TRAIN + b"# saved by an editor\n")
        elif change == "deleted":
            (root / "train.py").unlink()
        else:
            (root / "cautious_optimizer.py").write_bytes(b"# somebody else's\n")
        then.update(snapshot(root))
        return made

    monkeypatch.setattr(plan, "make_plan", plan_and_then_someone_else_writes)
    ended = run(cautify, "apply", tree)
    assert ended.code == 2
    name = "cautious_optimizer.py" if change == "created" else "train.py"
    because = {"edited": "it was changed", "deleted": "it was deleted", "created": "it exists"}[change]
    _error(ended, names=name, because=because, so="Run the command again")
    assert snapshot(tree) == then


def test_uncommitted_changes(cautify: Cautify, repository: Path, unchanged: Unchanged) -> None:
    (repository / "train.py").write_bytes(TRAIN + b"# work in progress\n")
    unchanged(repository)
    ended = run(cautify, "apply", repository)
    refused(ended, names="uncommitted changes", because="train.py", so="--allow-dirty")


def test_a_file_that_uses_the_patch_by_now_is_not_reverted(
    cautify: Cautify, patched: Path, unchanged: Unchanged
) -> None:
    place = patched / "train.py"
    place.write_bytes(place.read_bytes() + b"print(CautiousOptimizer)\n")
    unchanged(patched)
    refused(run(cautify, "revert", patched), names="revert", because="train.py:9", so="run `cautify revert` again")


def test_a_file_that_does_not_parse_never_stops_apply(cautify: Cautify, tree: Path) -> None:
    broken = b"import torch\noptimizer = torch.optim.Adam(\n"
    (tree / "broken.py").write_bytes(broken)
    ended = run(cautify, "apply", tree)
    assert ended.code == 0
    assert "problem: broken.py: unparsable" in ended.err
    assert (tree / "broken.py").read_bytes() == broken
    assert b"CautiousOptimizer.wrap" in (tree / "train.py").read_bytes()
    problems = json.loads(cautify("scan", tree, "--format", "json").out)["problems"]
    assert [problem["path"] for problem in problems] == ["broken.py"]
    assert cautify("check", tree).code == 0


UNREADABLE = {
    "not UTF-8": b"import torch\n\xff\xfe torch.optim.Adam(\n",
    "a NUL character": b"import torch\0\ntorch.optim.Adam(p)\n",
    "NUL characters after the end": b"import torch\ntorch.optim.Adam(p)\n" + b"\0" * 4096,
    "an unknown encoding": b"# coding: klingon\ntorch.optim.Adam(p)\n",
    "a codec that makes no text": b"# coding: hex\ntorch.optim.Adam(p)\n",
    "a codec that refuses": b"# coding: undefined\ntorch.optim.Adam(p)\n",
    "a codec of host names": b"# coding: idna\nimport torch\nopt = torch.optim.Adam(p)\n",
    "a lone surrogate": b"import torch\nx = '\xed\xa0\x80'\ntorch.optim.Adam(p)\n",
    "Python 2": b"import torch\nprint 'training'\ntorch.optim.Adam(p)\n",
    "tabs and spaces mixed": b"import torch\nif p:\n        x = 1\n\ttorch.optim.Adam(p)\n",
    "conflict markers": b"import torch\n<<<<<<< HEAD\ntorch.optim.Adam(p)\n=======\n>>>>>>> topic\n",
    "a template": b"import torch\n{% if adam %}\ntorch.optim.Adam(p)\n{% endif %}\n",
    "a line of 200,000 characters that breaks off": b"import torch\ntorch.optim.Adam(" + b"p, " * 66_000 + b"\n",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_python_is_a_problem_and_nothing_else(cautify: Cautify, tree: Path, data: bytes) -> None:
    (tree / "odd.py").write_bytes(data)
    before = snapshot(tree)
    report = json.loads(cautify("scan", tree, "--format", "json").out)
    assert [problem["path"] for problem in report["problems"]] == ["odd.py"]
    assert [site["path"] for site in report["sites"]] == ["train.py"]
    ended = run(cautify, "apply", tree)
    assert ended.code == 0
    assert "problem: odd.py: " in ended.err
    assert (tree / "odd.py").read_bytes() == data
    assert b"CautiousOptimizer.wrap" in (tree / "train.py").read_bytes()
    assert cautify("check", tree).code == 0
    assert run(cautify, "revert", tree).code == 0
    assert snapshot(tree) == before


ODD = {
    "UTF-16, which Python does not read": "import torch\ntorch.optim.Adam(p)\n".encode("utf-16"),
    "generated by protoc": b"# DO NOT EDIT!\nDESCRIPTOR = pool.Add(b'\\n\\x0foptimizer.proto\\\"\\x0eAdamOptimizer')\n"
    b"_OPTIMIZER = DESCRIPTOR.message_types_by_name['Optimizer']\n",
    "nothing": b"",
    "only a byte order mark": b"\xef\xbb\xbf",
    "only NUL characters": b"\0" * 100_000,
    "Python 2 without optimizers": b"print 'nothing here'\n",
    "200,000 characters that look like openings": b"import torch\nx = '" + b"](class A(b, " * 16_000 + b"'\n",
    "a number that is too long": b"import torch\noptimizer_size = " + b"9" * 5000 + b"\n",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_an_odd_file_that_makes_no_optimizer_is_not_spoken_of(cautify: Cautify, tree: Path, data: bytes) -> None:
    (tree / "odd.py").write_bytes(data)
    report = json.loads(cautify("scan", tree, "--format", "json").out)
    assert report["problems"] == []
    assert [site["path"] for site in report["sites"]] == ["train.py"]


def test_a_file_that_disappears_while_scanning_is_a_problem(
    cautify: Cautify, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "gone.py").write_bytes(TRAIN)
    real = plan.discover

    def discover_and_delete(root: Path, options: Options) -> object:
        found = real(root, options)
        (tree / "gone.py").unlink()
        return found

    monkeypatch.setattr(plan, "discover", discover_and_delete)
    report = json.loads(cautify("scan", tree, "--format", "json").out)
    assert [(problem["path"], problem["reason"]) for problem in report["problems"]] == [("gone.py", "unreadable")]
    assert [site["path"] for site in report["sites"]] == ["train.py"]


def test_links_that_lead_back_up_and_to_nothing_are_passed_by(cautify: Cautify, tree: Path) -> None:
    (tree / "sub").mkdir()
    (tree / "sub" / "up").symlink_to(tree)
    (tree / "nothing.py").symlink_to(tree / "missing.py")
    (tree / "folder.py").mkdir()
    (tree / "folder.py" / "inner.py").write_bytes(TRAIN)
    before = snapshot(tree)
    report = json.loads(cautify("scan", tree, "--format", "json").out)
    assert [site["path"] for site in report["sites"]] == ["folder.py/inner.py", "train.py"]
    assert report["problems"] == []
    assert run(cautify, "apply", tree).code == 0
    assert run(cautify, "revert", tree).code == 0
    assert snapshot(tree) == before


@pytest.mark.parametrize("name", ["loop.py", "loop.ipynb"])
def test_a_link_that_leads_to_itself_is_passed_by(cautify: Cautify, tree: Path, name: str) -> None:
    (tree / name).symlink_to(tree / name)
    assert cautify("scan", tree).code == 0


@pytest.mark.parametrize("how", [".gitignore", "--exclude"])
def test_a_pattern_that_cannot_be_understood(cautify: Cautify, tree: Path, how: str) -> None:
    if how == ".gitignore":
        (tree / how).write_text("[z-a]\n")
        assert cautify("scan", tree).code == 0
    else:
        refused(cautify("scan", tree, how, "[z-a]"), names="exclude", because="[z-a]", so="")


def test_tables_of_settings_that_nest_too_deeply(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    (tree / "pyproject.toml").write_text(f"x = {'[' * 5000}{']' * 5000}\n")
    assert cautify("scan", tree).code == 0
    (tree / "pyproject.toml").write_text(f"[tool.cautify]\nx = {'[' * 5000}{']' * 5000}\n")
    unchanged(tree)
    refused(cautify("scan", tree), names="pyproject.toml", because="not TOML", so="Correct it")


def test_somebody_elses_file_under_the_runtimes_name(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    (tree / "cautious_optimizer.py").write_bytes(b"class CautiousOptimizer:\n    pass\n")
    unchanged(tree)
    ended = run(cautify, "apply", tree)
    refused(ended, names="cautious_optimizer.py", because="cautify did not write it", so="--vendor-to")


def test_another_cautify_that_is_writing(cautify: Cautify, tree: Path, unchanged: Unchanged) -> None:
    (tree / ".cautify").mkdir()
    with open(tree / ".cautify" / "lock", "w") as lock:
        lock.write(f"{os.getpid()} here\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        unchanged(tree)
        ended = run(cautify, "apply", tree)
    assert ended.code == 2
    _error(ended, names="another cautify", because=f"process {os.getpid()}", so="Wait until it has finished")


def test_a_manifest_written_by_another_apply_meanwhile(
    cautify: Cautify, patched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (patched / "finetune.py").write_bytes(TRAIN)
    place = patched / ".cautify" / "manifest.json"
    real = manifest.updated

    def meanwhile(*arguments: object) -> object:
        place.write_bytes(place.read_bytes() + b"\n")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(manifest, "updated", meanwhile)
    ended = run(cautify, "apply", patched)
    assert ended.code == 2
    _error(ended, names="manifest.json", because="another cautify has written it", so="Run the command again")
    assert (patched / "finetune.py").read_bytes() == TRAIN


def test_git_that_is_broken_does_not_stop_a_scan(cautify: Cautify, repository: Path) -> None:
    (repository / ".git" / "HEAD").write_text("not a reference\n")
    assert cautify("scan", repository).code == 0


def test_git_is_not_needed(cautify: Cautify, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    git(repository, "status")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(cautify, "apply", repository).code == 0


def _error(ended: Ended, *, names: str, because: str, so: str) -> None:
    """As refused, where a diff was printed before the write was refused."""
    refused(Ended(ended.code, b"", ended.err), names=names, because=because, so=so)
