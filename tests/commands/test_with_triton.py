"""--with-triton: a second file beside each runtime, recorded, checked and taken back like the first."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import TRAIN, Cautify, git, snapshot
from fixture_trees import TEMPLATE

from cautify.patch.vendor import TRITON_NAME, VERSION_LINE, state, template, tree_hash

MANIFEST = ".cautify/manifest.json"
FIRST, SECOND = "cautious_optimizer.py", "cautious_triton.py"
KERNELS = TEMPLATE.with_name(SECOND).read_bytes()
PACKAGED = {
    "lib/__init__.py": b"",
    "lib/build.py": b"from lib import other\n" + TRAIN,
    "lib/other.py": b"",
    "scripts/one.py": TRAIN,
    "two/two.py": TRAIN,
}


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    """A package, and scripts in two folders: three runtimes."""
    for path, data in PACKAGED.items():
        (tmp_path / "many" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / path).write_bytes(data)
    return tmp_path / "many"


@pytest.fixture
def both(tree: Path, cautify: Cautify) -> Path:
    """The tree after ``cautify apply --with-triton``."""
    ended = cautify("apply", tree, "--yes", "--with-triton")
    assert ended.code == 0, ended.err
    return tree


def recorded(root: Path) -> dict[str, Any]:
    return json.loads((root / MANIFEST).read_bytes())


def differences(cautify: Cautify, root: Path) -> list[tuple[str, str]]:
    ended = cautify("check", root, "--format", "json")
    rows = [row for row in json.loads(ended.out)["findings"] if row["fails"]]
    assert ended.code == (1 if rows else 0)
    return [(row["path"], row["state"]) for row in rows]


@pytest.mark.parametrize("name", [FIRST, SECOND])
def test_each_template_carries_the_hash_of_its_own_text(name: str) -> None:
    found = VERSION_LINE.search(template(name))
    assert found is not None
    assert found[2].decode() == tree_hash(template(name))


def test_one_file_in_place_of_the_other_is_an_older_one() -> None:
    assert [state(template(n), f"a/{p}") for n in (FIRST, SECOND) for p in (FIRST, SECOND)] == [
        *("current", "older"),
        *("older", "current"),
    ]


def test_git_applies_the_dry_run_and_gets_what_apply_writes(cautify: Cautify, tree: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "train.py").write_bytes(TRAIN)
    dry = cautify("apply", tree, "--dry-run", "--with-triton")
    assert re.findall(rb"(?m)^diff --git a/(\S+) .*\nnew file mode 100644$", dry.out) == [
        FIRST.encode(),
        SECOND.encode(),
    ]
    git(other, "init", "-q")
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=other, input=dry.out, check=True)
    applied = cautify("apply", tree, "--yes", "--with-triton")
    assert applied.out == dry.out
    assert (other / SECOND).read_bytes() == (tree / SECOND).read_bytes() == KERNELS


def test_without_the_option_there_is_no_second_file_and_no_record_of_it(cautify: Cautify, patched: Path) -> None:
    assert not (patched / SECOND).exists()
    assert "with_triton" not in recorded(patched)["options"]
    assert cautify("check", patched).code == 0


@pytest.mark.parametrize("arguments", [["apply", "--yes"], ["apply", "--yes", "--with-triton"], ["check"], ["scan"]])
def test_what_comes_later_goes_by_the_manifest(cautify: Cautify, both: Path, arguments: list[str]) -> None:
    applied = snapshot(both)
    ended = cautify(arguments[0], both, *arguments[1:])
    assert ended.code == 0, ended.err
    assert snapshot(both) == applied
    assert recorded(both)["options"]["with_triton"] is True
    assert recorded(both)["runtimes"] == [FIRST, SECOND]


def test_a_new_package_gets_both_files_by_the_manifest(cautify: Cautify, both: Path) -> None:
    (both / "more").mkdir()
    (both / "more" / "train.py").write_bytes(TRAIN)
    assert cautify("apply", both, "--yes").code == 0
    assert (both / "more" / SECOND).read_bytes() == KERNELS
    assert cautify("check", both).code == 0


def test_each_runtime_has_one_and_revert_leaves_none(cautify: Cautify, packaged: Path) -> None:
    before = snapshot(packaged)
    assert cautify("apply", packaged, "--yes", "--with-triton").code == 0
    directories = {path.rpartition("/")[0] for path in snapshot(packaged) if path.endswith(FIRST)}
    assert directories == {"lib", "scripts", "two"}
    for directory in directories:
        assert (packaged / directory / SECOND).read_bytes() == KERNELS
    assert cautify("check", packaged).code == 0
    assert cautify("revert", packaged, "--yes").code == 0
    assert snapshot(packaged) == before


@pytest.mark.parametrize("first", [[], ["--include", "train.py"]], ids=["all", "only what is included"])
def test_on_a_patched_tree_only_the_second_file_is_added_and_recorded(
    cautify: Cautify, repository: Path, first: list[str]
) -> None:
    before = snapshot(repository)
    assert cautify("apply", repository, "--yes", *first).code == 0
    once = snapshot(repository)
    ended = cautify("apply", repository, "--yes", "--with-triton")
    assert ended.code == 0, ended.err
    twice = snapshot(repository)
    assert set(twice) - set(once) == {SECOND}
    assert {path for path in once if once[path] != twice[path]} == {MANIFEST}
    assert recorded(repository)["options"]["with_triton"] is True
    assert cautify("check", repository).code == 0
    assert cautify("revert", repository, "--yes").code == 0
    assert snapshot(repository) == before


def test_the_negative_option_leaves_a_second_file_where_it_is_and_says_so(cautify: Cautify, both: Path) -> None:
    applied = snapshot(both)
    ended = cautify("apply", both, "--yes", "--no-with-triton")
    assert ended.code == 0
    assert "which stays" in ended.err
    assert snapshot(both) == applied


def test_pyproject_asks_for_it_and_the_command_line_overrides_that(cautify: Cautify, tree: Path) -> None:
    (tree / "pyproject.toml").write_text("[tool.cautify]\nwith-triton = true\n")
    assert b"b/" + SECOND.encode() in cautify("apply", tree, "--dry-run").out
    assert b"b/" + SECOND.encode() not in cautify("apply", tree, "--dry-run", "--no-with-triton").out
    assert cautify("apply", tree, "--yes").code == 0
    assert (tree / SECOND).is_file()
    assert cautify("check", tree).code == 0


def test_pyproject_that_asks_for_it_later_is_a_difference_that_apply_mends(cautify: Cautify, patched: Path) -> None:
    (patched / "pyproject.toml").write_text("[tool.cautify]\nwith-triton = true\n")
    assert differences(cautify, patched) == [(SECOND, "missing")]
    assert cautify("apply", patched, "--yes").code == 0
    (patched / "pyproject.toml").unlink()
    assert differences(cautify, patched) == []
    assert (patched / SECOND).is_file()


@pytest.mark.parametrize("value", ['"yes"', "1", "[]"])
def test_a_setting_that_is_neither_true_nor_false_is_refused(
    cautify: Cautify, tree: Path, value: str, unchanged: Callable[[Path], None]
) -> None:
    (tree / "pyproject.toml").write_text(f"[tool.cautify]\nwith-triton = {value}\n")
    unchanged(tree)
    ended = cautify("apply", tree, "--yes")
    assert ended.code == 2
    assert "tool.cautify.with-triton is neither true nor false" in " ".join(ended.err.split())


def test_a_manifest_that_says_something_else_than_true_or_false_is_refused(cautify: Cautify, both: Path) -> None:
    document = recorded(both)
    document["options"]["with_triton"] = "yes"
    (both / MANIFEST).write_text(json.dumps(document))
    ended = cautify("check", both)
    assert ended.code == 2
    assert "'with_triton'" in ended.err


def test_a_second_file_that_is_gone_is_a_difference_that_apply_mends(cautify: Cautify, both: Path) -> None:
    (both / SECOND).unlink()
    assert differences(cautify, both) == [(SECOND, "missing")]
    assert cautify("apply", both, "--yes").code == 0
    assert (both / SECOND).read_bytes() == KERNELS
    assert differences(cautify, both) == []


def test_a_second_file_that_was_edited_is_a_difference_and_revert_refuses_it(cautify: Cautify, both: Path) -> None:
    (both / SECOND).write_bytes(KERNELS + b"\nEXTRA = 1\n")
    assert differences(cautify, both) == [(SECOND, "edited")]
    assert cautify("apply", both, "--yes").code == 0
    assert (both / SECOND).read_bytes() == KERNELS + b"\nEXTRA = 1\n"
    ended = cautify("revert", both, "--yes")
    assert ended.code == 2
    assert SECOND in ended.err


@pytest.mark.parametrize("data", [b"# SPDX-License-Identifier: MIT\n" + KERNELS, KERNELS.replace(b"\n", b"\r\n")])
def test_a_second_file_with_the_same_syntax_tree_is_whole(cautify: Cautify, both: Path, data: bytes) -> None:
    (both / SECOND).write_bytes(data)
    assert differences(cautify, both) == []


def older() -> bytes:
    """A second file as another version of cautify would have vendored it."""
    data = b"# cautify-runtime: 0.0.1 tree:0000000000000000\nimport torch\n"
    return data.replace(b"0000000000000000", (tree_hash(data) or "").encode())


def test_an_older_second_file_is_brought_up_to_date(cautify: Cautify, both: Path) -> None:
    (both / SECOND).write_bytes(older())
    assert differences(cautify, both) == [(SECOND, "older")]
    assert cautify("apply", both, "--yes").code == 0
    assert (both / SECOND).read_bytes() == KERNELS
    assert differences(cautify, both) == []


def test_a_second_file_with_uncommitted_changes_is_not_overwritten_unasked(cautify: Cautify, repository: Path) -> None:
    assert cautify("apply", repository, "--yes", "--with-triton").code == 0
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "patched")
    (repository / SECOND).write_bytes(older())
    ended = cautify("apply", repository, "--yes")
    assert ended.code == 2
    assert SECOND in ended.err
    assert (repository / SECOND).read_bytes() == older()
    assert cautify("apply", repository, "--yes", "--allow-dirty").code == 0
    assert (repository / SECOND).read_bytes() == KERNELS


@pytest.mark.parametrize("already", [False, True], ids=["first", "on a patched tree"])
def test_a_file_of_that_name_that_is_not_ours_is_refused(
    cautify: Cautify, tree: Path, already: bool, unchanged: Callable[[Path], None]
) -> None:
    if already:
        cautify("apply", tree, "--yes")
    (tree / SECOND).write_bytes(b"import triton\n")
    unchanged(tree)
    for arguments in (["--yes"], ["--dry-run"]):
        ended = cautify("apply", tree, "--with-triton", *arguments)
        assert ended.code == 2
        said = " ".join(ended.err.split())
        assert f"{SECOND}: a file of this name is there already, and cautify did not write it" in said
        assert "Leave out --with-triton" in said
    assert cautify("check", tree).code == (0 if already else 1)


def test_a_second_file_that_was_replaced_by_another_one_is_a_difference(cautify: Cautify, both: Path) -> None:
    (both / SECOND).write_bytes(b"import triton\n")
    assert differences(cautify, both) == [(SECOND, "conflict")]


@pytest.mark.parametrize("place", ["lib", "lib/masked.py"])
def test_it_goes_where_the_runtime_is_told_to_go(cautify: Cautify, tree: Path, place: str) -> None:
    before = snapshot(tree)
    assert cautify("apply", tree, "--yes", "--with-triton", "--vendor-to", place).code == 0
    assert (tree / "lib" / SECOND).read_bytes() == KERNELS
    assert recorded(tree)["runtimes"] == sorted(
        ["lib/masked.py" if place.endswith(".py") else f"lib/{FIRST}", f"lib/{SECOND}"]
    )
    assert cautify("check", tree).code == 0
    assert cautify("revert", tree, "--yes").code == 0
    assert snapshot(tree) == before


def test_the_runtime_cannot_take_its_name(cautify: Cautify, tree: Path, unchanged: Callable[[Path], None]) -> None:
    unchanged(tree)
    ended = cautify("apply", tree, "--yes", "--vendor-to", f"lib/{TRITON_NAME}")
    assert ended.code == 2
    assert "name of the runtime's second file" in " ".join(ended.err.split())
