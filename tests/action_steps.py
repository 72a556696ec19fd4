"""The shell steps of action.yml, run as GitHub's runner runs them: by bash, the inputs in their environment."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")


@dataclass(frozen=True)
class Step:
    """How a step ended."""

    name: str
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Runner:
    """A workspace and the runner's own files beside it."""

    workspace: Path
    own: Path
    python: str
    action_path: Path = REPOSITORY

    @property
    def temporary(self) -> Path:
        return self.own / "temp"

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.own / "output").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def summary(self) -> str:
        return (self.own / "summary").read_text(encoding="utf-8")

    def run(self, **inputs: str) -> list[Step]:
        """Run the shell steps with ``inputs`` (underscores for dashes), up to the first that fails."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        for name in ("output", "summary"):
            (self.own / name).write_text("")
        ended = []
        for step in self._steps():
            ended.append(self._step(step, {name.replace("_", "-"): value for name, value in inputs.items()}))
            if ended[-1].code:
                break
        return ended

    def _steps(self) -> Iterator[Mapping[str, Any]]:
        for step in ACTION["runs"]["steps"]:
            if "run" in step:
                yield step

    def _step(self, step: Mapping[str, Any], inputs: Mapping[str, str]) -> Step:
        script = self.own / "script.sh"
        script.write_text(step["run"], encoding="utf-8")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CAUTIFY_"))},
            **{"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(self.action_path)},
            **{"GITHUB_WORKSPACE": str(self.workspace), "RUNNER_TEMP": str(self.temporary)},
            **{"GITHUB_OUTPUT": str(self.own / "output"), "GITHUB_STEP_SUMMARY": str(self.own / "summary")},
            **{name: self._value(str(text), inputs) for name, text in step["env"].items()},
        }
        assert step["shell"] == "bash"
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        done = subprocess.run(command, cwd=self.workspace, env=environment, capture_output=True, text=True, check=False)
        return Step(step["name"], done.returncode, done.stdout, done.stderr)

    def _value(self, text: str, inputs: Mapping[str, str]) -> str:
        """What an expression of ``env`` stands for; only plain references are used there."""

        def read(found: re.Match[str]) -> str:
            context, _, name = found[1].partition(".")
            if context == "inputs":
                return inputs.get(name, ACTION["inputs"][name]["default"])
            assert found[1] == "steps.python.outputs.python-path"
            return self.python

        return EXPRESSION.sub(read, text)
