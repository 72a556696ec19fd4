"""check passes on a whole patch, and names everything that is not as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import TRAIN, Cautify, git

from cautify.errors import RuntimeEdited
from cautify.model import Action, FilePlan, Options
from cautify.patch import plan

Unchanged = Callable[[Path], None]
BROKEN = b"import torch\noptimizer = torch.optim.Adam(\n"


@pytest.fixture
def found(cautify: Cautify) -> Callable[..., list[tuple[str, int | None, str]]]:
    """Check as JSON: path, line and state of every finding that fails; the exit code must agree."""

    def run(*paths: Path) -> list[tuple[str, int | None, str]]:
        ended = cautify("check", *paths, "--format", "json")
        document: dict[str, Any] = json.loads(ended.out)
        assert document["totals"]["findings"] == len(document["findings"])
        rows = [row for row in document["findings"] if row["fails"]]
        assert document["totals"]["failing"] == len(rows)
        assert ended.code == (1 if rows else 0)
        assert all(row["message"] and row["remedy"] for row in rows)
        return [(row["path"], row["line"], row["state"]) for row in rows]

    return run


Found = Callable[..., list[tuple[str, int | None, str]]]


def test_a_fresh_patch_is_whole(cautify: Cautify, patched: Path, unchanged: Unchanged) -> None:
    unchanged(patched)
    ended = cautify("check", patched)
    assert (ended.code, ended.out) == (0, b"")
    assert "as it was written" in ended.err


def test_without_a_manifest_it_passes_where_nothing_is_to_be_wrapped(cautify: Cautify, tmp_path: Path) -> None:
    (tmp_path / "plot.py").write_text("print(1)\n")
    ended = cautify("check", tmp_path)
    assert ended.code == 0
    assert "nothing is to be wrapped" in ended.err


def test_without_a_manifest_it_fails_where_something_is_to_be_wrapped(tree: Path, found: Found) -> None:
    assert ("train.py", 5, "new") in found(tree)


def test_a_new_site_is_named_with_its_line(patched: Path, found: Found) -> None:
    (patched / "finetune.py").write_bytes(b"# new\n" + TRAIN)
    assert found(patched) == [("finetune.py", 6, "new")]


def test_a_patched_file_that_was_put_back_is_named(patched: Path, found: Found) -> None:
    (patched / "train.py").write_bytes(TRAIN)
    assert found(patched) == [("train.py", None, "missing"), ("train.py", 5, "missing")]


def test_a_patched_file_that_was_edited_is_named(patched: Path, found: Found) -> None:
    place = patched / "train.py"
    place.write_bytes(place.read_bytes().replace(b"))", b"), enabled=True)"))
    assert found(patched) == [("train.py", 7, "edited")]


def test_an_edit_elsewhere_in_a_patched_file_is_no_difference(patched: Path, found: Found) -> None:
    place = patched / "train.py"
    place.write_bytes(b"# mine\n" + place.read_bytes() + b"# mine, too\n")
    assert found(patched) == []


def test_a_patched_file_that_is_gone_is_named(patched: Path, found: Found) -> None:
    (patched / "train.py").unlink()
    assert found(patched) == [("train.py", None, "obsolete"), ("train.py", None, "obsolete")]


def test_a_patched_file_that_no_longer_parses_is_named(patched: Path, found: Found) -> None:
    place = patched / "train.py"
    place.write_bytes(place.read_bytes() + BROKEN)
    assert ("train.py", None, "conflict") in found(patched)


def test_a_file_that_stopped_parsing_is_named(patched: Path, found: Found) -> None:
    (patched / "plot.py").write_bytes(BROKEN)
    assert found(patched) == [("plot.py", None, "conflict")]


def test_a_file_that_did_not_parse_when_the_patch_was_made_is_no_difference(
    cautify: Cautify, tree: Path, found: Found
) -> None:
    (tree / "old.py").write_bytes(BROKEN)
    assert cautify("apply", tree, "--yes").code == 0
    assert found(tree) == []


def test_a_runtime_that_is_gone_is_named(patched: Path, found: Found) -> None:
    (patched / "cautious_optimizer.py").unlink()
    assert ("cautious_optimizer.py", None, "missing") in found(patched)


def test_a_runtime_that_was_edited_is_named(patched: Path, found: Found) -> None:
    place = patched / "cautious_optimizer.py"
    place.write_bytes(place.read_bytes() + b"\nEXTRA = 1\n")
    assert found(patched) == [("cautious_optimizer.py", None, "edited")]


def test_a_runtime_that_is_something_else_is_named(patched: Path, found: Found) -> None:
    (patched / "cautious_optimizer.py").write_bytes(b"class CautiousOptimizer:\n    pass\n")
    assert found(patched) == [("cautious_optimizer.py", None, "conflict"), ("train.py", 7, "missing")]


@pytest.mark.parametrize(
    "formatted",
    [
        lambda data: b"# SPDX-License-Identifier: Apache-2.0\n" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data + b"\n\n",
    ],
    ids=["a licence header is put above it", "its newlines are CRLF", "lines are added at its end"],
)
def test_a_runtime_with_the_same_syntax_tree_is_whole(
    patched: Path, found: Found, formatted: Callable[[bytes], bytes]
) -> None:
    place = patched / "cautious_optimizer.py"
    place.write_bytes(formatted(place.read_bytes()))
    assert found(patched) == []


def test_an_outdated_runtime_is_named_once(patched: Path, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    real = plan.make_plan

    def upgrade(root: Path, options: Options, **rest: object) -> object:
        made = real(root, options, **rest)  # type: ignore[arg-type]
        data = (root / "cautious_optimizer.py").read_bytes()
        return replace(made, files=(FilePlan("cautious_optimizer.py", Action.MODIFY, data, data + b"# newer\n"),))

    monkeypatch.setattr(plan, "make_plan", upgrade)
    monkeypatch.setattr("cautify.patch.vendor.state", lambda *_: "older")
    assert found(patched) == [("cautious_optimizer.py", None, "older")]


def test_a_plan_that_refuses_because_of_the_runtime_is_a_difference(
    patched: Path, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    (patched / "train.py").unlink()

    def refuse(root: Path, options: Options, **_: object) -> object:
        raise RuntimeEdited("cautious_optimizer.py", "it was edited by hand", "Put it back.")

    monkeypatch.setattr(plan, "make_plan", refuse)
    assert found(patched) == [("cautious_optimizer.py", None, "conflict"), ("train.py", None, "obsolete")]


def test_a_file_that_a_plan_would_change_without_a_new_site_is_named(
    patched: Path, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = plan.make_plan

    def more(root: Path, options: Options, **rest: object) -> object:
        made = real(root, options, **rest)  # type: ignore[arg-type]
        return replace(made, files=(FilePlan("plot.py", Action.MODIFY, b"a\n", b"b\n"),))

    monkeypatch.setattr(plan, "make_plan", more)
    assert found(patched) == [("plot.py", None, "missing")]


def test_every_difference_is_listed_and_none_twice(patched: Path, found: Found) -> None:
    (patched / "train.py").write_bytes(TRAIN)
    (patched / "finetune.py").write_bytes(TRAIN)
    (patched / "plot.py").write_bytes(BROKEN)
    rows = found(patched)
    assert sorted({path for path, _, _ in rows}) == ["finetune.py", "plot.py", "train.py"]
    assert len(rows) == len(set(rows))


def test_text_names_path_line_kind_message_and_remedy(cautify: Cautify, patched: Path) -> None:
    (patched / "finetune.py").write_bytes(TRAIN)
    ended = cautify("check", patched)
    assert ended.code == 1
    assert ended.out.decode().splitlines() == [
        "finetune.py:5: new: torch.optim.AdamW is not wrapped",
        "    Run `cautify apply`.",
    ]
    assert "1 difference" in ended.err


def test_files_alone_are_judged_where_files_are_named(patched: Path, found: Found) -> None:
    (patched / "finetune.py").write_bytes(TRAIN)
    assert found(patched / "train.py", patched / "plot.py") == []
    assert found(patched / "train.py", patched / "finetune.py") == [("finetune.py", 5, "new")]
    assert found(patched / "train.py", patched) == found(patched)


def test_files_of_several_directories_without_a_patch_stand_for_the_current_directory(
    tree: Path, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "deep").mkdir()
    (tree / "deep/finetune.py").write_bytes(TRAIN)
    monkeypatch.chdir(tree)
    assert found(Path("train.py"), Path("deep/finetune.py")) == [("deep/finetune.py", 5, "new"), ("train.py", 5, "new")]


def test_what_is_allowed_is_listed_and_does_not_fail(cautify: Cautify, patched: Path) -> None:
    place = patched / "train.py"
    place.write_bytes(place.read_bytes().replace(b"))", b"), enabled=True)"))
    ended = cautify("check", patched, "--allow", "older,edited")
    assert ended.code == 0
    assert b"train.py:7: edited (allowed): " in ended.out
    assert cautify("check", patched, "--allow", "older").code == 1
    refused = cautify("check", patched, "--allow", "broken")
    assert refused.code == 2
    assert "edited" in refused.err


def test_a_patch_without_its_manifest_is_named_and_apply_records_it_anew(
    cautify: Cautify, patched: Path, found: Found
) -> None:
    before = {p: p.read_bytes() for p in patched.glob("*.py")}
    (patched / ".cautify/manifest.json").unlink()
    assert found(patched) == [(".cautify/manifest.json", None, "missing")]
    assert cautify("apply", patched, "--yes").code == 0
    assert {p: p.read_bytes() for p in patched.glob("*.py")} == before
    assert found(patched) == []
    assert cautify("revert", patched, "--yes").code == 0
    assert (patched / "train.py").read_bytes() == TRAIN


def test_a_switch_that_was_taken_out_is_missing_and_apply_puts_it_back(
    cautify: Cautify, patched: Path, found: Found
) -> None:
    (patched / "cfg.py").write_text(
        "import torch\nfrom dataclasses import dataclass\n\n\n@dataclass\nclass Config:\n    lr: float = 1e-3\n\n"
        "    def make(self, params):\n        return torch.optim.AdamW(params, lr=self.lr)\n"
    )
    assert cautify("apply", patched, "--yes").code == 0
    whole = (patched / "cfg.py").read_text()
    lines = whole.splitlines(keepends=True)
    (patched / "cfg.py").write_text("".join(line for line in lines if "cautious_eps:" not in line))
    assert [(path, state) for path, _, state in found(patched)] == [("cfg.py", "missing")]
    assert cautify("apply", patched, "--yes").code == 0
    assert (patched / "cfg.py").read_text() == whole
    assert found(patched) == []


def test_it_passes_after_a_commit_and_in_a_clone(cautify: Cautify, repository: Path, tmp_path: Path) -> None:
    cautify("apply", repository, "--yes")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "patched")
    git(repository, "clone", "-q", str(repository), str(tmp_path / "clone"))
    assert cautify("check", tmp_path / "clone").code == 0


def test_it_passes_after_a_revert(cautify: Cautify, patched: Path, found: Found) -> None:
    cautify("revert", patched, "--yes")
    assert ("train.py", 5, "new") in found(patched)


# -- comments that ignore nothing -------------------------------------------------------------------------------------

IDLE = b"x = 1  # cautify: ignore[no reason]\n"


def test_a_comment_that_ignores_nothing_is_obsolete(cautify: Cautify, patched: Path, found: Found) -> None:
    (patched / "plot.py").write_bytes(b"\n" + IDLE)
    assert found(patched) == [("plot.py", 2, "obsolete")]
    out = cautify("check", patched).out.decode()
    assert "plot.py:2: obsolete: nothing is ignored by `# cautify: ignore[no reason]`" in out
    assert "Remove the comment." in out
    assert cautify("check", patched, "--allow", "obsolete").code == 0
    assert found(patched / "train.py") == []


def test_a_comment_that_ignores_a_site_is_no_finding(patched: Path, found: Found) -> None:
    (patched / "new.py").write_bytes(TRAIN.replace(b"lr=1e-3)", b"lr=1e-3)  # cautify: ignore"))
    assert found(patched) == []


def test_without_a_patch_such_a_comment_counts_where_something_is_to_be_wrapped(
    cautify: Cautify, tree: Path, found: Found
) -> None:
    (tree / "plot.py").write_bytes(IDLE)
    assert ("plot.py", 1, "obsolete") in found(tree)
    (tree / "train.py").unlink()
    assert found(tree) == []
    assert "nothing is to be wrapped" in cautify("check", tree).err
