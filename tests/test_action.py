"""The GitHub Action: its shell steps do what the inputs say, and take no input for a part of their script."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from action_steps import ACTION, REPOSITORY, Runner
from command_line import TRAIN, git

STEPS = ACTION["runs"]["steps"]
HOSTILE = [
    '"; touch injected; "$(touch injected)`touch injected`',
    "'; touch injected #\ntouch injected\n",
    "--help",
]


@pytest.fixture
def runner(patched: Path, tmp_path: Path) -> Runner:
    """The patched tree, committed. ``python -m venv`` makes an environment in which pip only notes what it is asked
    for, and cautify is this one."""
    git(patched, "init", "-q")
    git(patched, "add", "-A")
    git(patched, "commit", "-qm", "patched")
    own = tmp_path / "runner"
    own.mkdir()
    (own / "python").write_text(
        f"""#!{sys.executable}
import pathlib, sys
assert sys.argv[1:3] == ["-m", "venv"], sys.argv
bin = pathlib.Path(sys.argv[3]) / "bin"
bin.mkdir(parents=True, exist_ok=True)
noting = "import json, sys; open({str(own / "NAME")!r}, 'a').write(json.dumps(sys.argv[1:]) + chr(10))\\n"
head = "#!{sys.executable}\\n"
(bin / "python").write_text(head + noting.replace("NAME", "pip"))
starting = "import os; os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'cautify', *sys.argv[1:]])\\n"
(bin / "cautify").write_text(head + noting.replace("NAME", "check") + starting)
for place in bin.iterdir():
    place.chmod(0o755)
"""
    )
    (own / "python").chmod(0o755)
    return Runner(patched, own, str(own / "python"))


def noted(runner: Runner, name: str) -> list[list[str]]:
    return [json.loads(line) for line in (runner.own / name).read_text().splitlines()]


# -- what must not happen ---------------------------------------------------------------------------------------------


def test_no_expression_stands_in_a_script() -> None:
    assert [step["name"] for step in STEPS if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize("name", [name for name in ACTION["inputs"] if name != "python-version"])
@pytest.mark.parametrize("text", HOSTILE)
def test_an_input_is_never_run(runner: Runner, name: str, text: str) -> None:
    runner.run(**{name.replace("-", "_"): text})
    assert not list(runner.workspace.rglob("injected"))
    assert not list(runner.own.rglob("injected"))


@pytest.mark.parametrize("version", ["0.1.0 @ file:///x", "1 --index-url=http://x", "1;python_version>'3'", "-r x"])
def test_a_version_that_is_none_installs_nothing(runner: Runner, version: str) -> None:
    (step,) = runner.run(version=version)
    assert (step.code, step.out) == (2, "::error::version: not a version of cautify, such as 0.1.0\n")
    assert not (runner.own / "pip").exists()


def test_a_failed_check_fails_the_action(runner: Runner) -> None:
    (runner.workspace / "new.py").write_bytes(TRAIN)
    install, check = runner.run()
    assert (install.code, check.code) == (0, 1)
    assert check.out.startswith("::error file=new.py,line=5,title=cautify%3A new::new.py:5: ")
    assert runner.outputs == {"exit-code": "1"}
    assert runner.summary.startswith("### cautify check: 1 difference\n")


def test_a_check_that_cannot_be_run_fails_the_action_with_2(runner: Runner) -> None:
    assert [step.code for step in runner.run(path="no-such-directory", upload_sarif="true")] == [0, 2]
    assert runner.outputs == {"exit-code": "2"}


# -- what happens -----------------------------------------------------------------------------------------------------


def test_a_whole_patch_passes_and_says_so_in_the_summary(runner: Runner) -> None:
    assert [(step.name, step.code, step.out) for step in runner.run()] == [
        ("Install cautify", 0, ""),
        ("Check the patch", 0, ""),
    ]
    assert runner.outputs == {"exit-code": "0"}
    assert runner.summary == "### cautify check: the patch is whole\n\n"


@pytest.mark.parametrize(("version", "wanted"), [("", str(REPOSITORY)), ("0.1.0", "cautify==0.1.0")])
def test_the_actions_own_cautify_is_installed_unless_a_version_is_named(
    runner: Runner, version: str, wanted: str
) -> None:
    runner.run(version=version)
    assert noted(runner, "pip") == [["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--", wanted]]


def test_every_input_arrives_as_it_is(runner: Runner) -> None:
    runner.run(allow="edited,older", args="--exclude\na b/*.py\n", path="train.py\nplot.py", format="json")
    options = ["--allow", "edited,older", "--exclude", "a b/*.py", "--", "train.py", "plot.py"]
    assert noted(runner, "check") == [["check", "--format", "json", *options]]


def test_a_report_can_go_to_a_file(runner: Runner) -> None:
    (runner.workspace / "new.py").write_bytes(TRAIN)
    _, check = runner.run(format="junit", output="report 1.xml")
    assert (check.code, check.out) == (1, "")
    assert (runner.workspace / "report 1.xml").read_bytes().startswith(b"<?xml ")


def test_findings_are_left_for_the_upload(runner: Runner) -> None:
    (runner.workspace / "new.py").write_bytes(TRAIN)
    _, check = runner.run(upload_sarif="true")
    assert check.code == 1
    document = json.loads(Path(runner.outputs["sarif"]).read_bytes())
    assert [result["ruleId"] for result in document["runs"][0]["results"]] == ["new"]
    upload = STEPS[-1]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    assert upload["if"] == "${{ !cancelled() && steps.check.outputs.sarif != '' }}"


def test_the_jobs_own_python_stays_the_one_it_was() -> None:
    (setup,) = (step for step in STEPS if step.get("uses", "").startswith("actions/setup-python@"))
    assert setup["with"]["update-environment"] is False


def test_every_input_and_output_is_described() -> None:
    for described in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
        assert described["description"]
    assert all("default" in described for described in ACTION["inputs"].values())
