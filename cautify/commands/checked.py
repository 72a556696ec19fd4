"""What check found, printed in the format that was asked for, where GitHub Actions runs it in the job's summary too."""

from __future__ import annotations

import os
from pathlib import Path

from cautify import git
from cautify.errors import NotWritable
from cautify.model import Checked
from cautify.reports.console import Console
from cautify.reports.formats import CheckFormat


def print_checked(checked: Checked, format: CheckFormat, root: Path, console: Console) -> None:
    """Print the report on stdout.

    Raises:
        NotWritable: GitHub's summary of the job is to be written, and cannot.
    """
    if format is CheckFormat.text:
        from cautify.reports.text import check_text

        console.result(check_text(checked, verbose=console.verbose))
    elif format is CheckFormat.json:
        from cautify.reports.json import check_json

        console.result_bytes(check_json(checked))
    elif format is CheckFormat.junit:
        from cautify.reports.junit import check_junit

        console.result_bytes(check_junit(checked))
    elif format is CheckFormat.sarif:
        from cautify.reports.sarif import check_sarif

        console.result_bytes(check_sarif(checked, prefix=below_repository(root)))
    elif format is CheckFormat.github:
        from cautify.reports.github import check_github

        prefix = below_repository(root)
        console.result_bytes(check_github(checked, prefix=prefix))
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            _append(summary, checked, prefix)
    else:
        raise ValueError(f"no report is written as {format}")


def below_repository(root: Path) -> str:
    """The way from the repository's top to ``root``, empty or ending in ``/``: there both formats name files from.

    Where git has no answer (it is not installed, or refuses a directory of another user), it is GitHub's workspace.
    """
    status, below = git.ask(root, "rev-parse", "--show-prefix")
    if status == 0:
        return os.fsdecode(below.removesuffix(b"\n"))
    workspace = os.environ.get("GITHUB_WORKSPACE")
    if workspace and root.is_relative_to(os.path.realpath(workspace)):
        inner = root.relative_to(os.path.realpath(workspace)).as_posix()
        return "" if inner == "." else f"{inner}/"
    return ""


def _append(place: str, checked: Checked, prefix: str) -> None:
    from cautify.reports.github import check_summary

    try:
        with open(place, "ab") as file:
            file.write(check_summary(checked, prefix=prefix))
    except OSError as error:
        raise NotWritable(
            "the job's summary cannot be written",
            f"{place}: {error.strerror or error}",
            "GITHUB_STEP_SUMMARY names a file to append to: mend it, or unset the variable.",
        ) from error
