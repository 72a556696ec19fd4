"""Annotations for GitHub Actions, and the Markdown of the job's summary.

https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import re

from cautify.model import SOUND, Checked, Finding
from cautify.reports.legible import legible, place

_LARGEST = 1_000_000  # GitHub shows no summary of more than 1 MiB
_MARKDOWN = re.compile(r"""[|`*_\[\]\\~#@!<>&:"']""")
_CODE = re.compile(r"&#96;(.+?)&#96;")


def check_github(checked: Checked, *, prefix: str = "") -> bytes:
    """A workflow command for each finding that is not sound: an error where it fails, a notice where it is allowed.

    ``prefix`` leads from the repository's top to the root. GitHub's log shows the message alone, so it names the place.
    """
    return "".join(_command(found, checked, prefix) for found in checked.findings if found.state not in SOUND).encode()


def check_summary(checked: Checked, *, prefix: str = "") -> bytes:
    """A heading and a table of every finding that is not sound, in Markdown of which no path or message is a part."""
    shown = [found for found in checked.findings if found.state not in SOUND]
    text = f"### cautify check: {_heading(checked)}\n\n"
    if not shown:
        return text.encode()
    text += "| Where | State | What | What mends it |\n| --- | --- | --- | --- |\n"
    pieces, room = [text.encode()], _LARGEST - len(text)
    for number, found in enumerate(shown):
        row = _row(found, checked, prefix).encode()
        if len(row) > room:
            pieces.append(f"\n{len(shown) - number} more are in the log.\n".encode())
            break
        pieces.append(row)
        room -= len(row)
    return b"".join(pieces) + b"\n"


def _command(found: Finding, checked: Checked, prefix: str) -> str:
    level = "error" if checked.fails(found) else "notice"
    properties = {"file": prefix + found.path, "line": found.line, "title": f"cautify: {found.state.value}"}
    said = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value is not None)
    text = f"{place(prefix + found.path, found.line)}: {found.message}\n{found.remedy}".rstrip()
    return f"::{level} {said}::{_data(legible(text, lines=True))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    # A break in a path stays what it is, percent-encoded: this one is a name to look up, not to read.
    parts = (legible(part, lines=True) for part in text.split("\r"))
    return _data("\r".join(parts)).replace(":", "%3A").replace(",", "%2C")


def _heading(checked: Checked) -> str:
    failing = len(checked.failing)
    if failing:
        return f"{failing} difference{'' if failing == 1 else 's'}"
    if checked.patched is None:
        return "nothing is recorded here, and nothing is to be wrapped"
    allowed = any(found.state not in SOUND for found in checked.findings)
    return "only differences that are allowed" if allowed else "the patch is whole"


def _row(found: Finding, checked: Checked, prefix: str) -> str:
    state = found.state.value if checked.fails(found) else f"{found.state.value} (allowed)"
    where = f"<code>{_cell(place(prefix + found.path, found.line))}</code>"
    remedy = _CODE.sub(r"<code>\1</code>", _cell(found.remedy))
    return f"| {where} | {state} | {_cell(found.message)} | {remedy} |\n"


def _cell(text: str) -> str:
    """Text that Markdown shows as it is: what could mean something to it is written as a character reference."""
    shown = _MARKDOWN.sub(lambda found: f"&#{ord(found[0])};", legible(text, lines=True))
    return re.sub(r"[\n\u2028\u2029]+", "<br>", shown.strip()).replace("\t", " ")
