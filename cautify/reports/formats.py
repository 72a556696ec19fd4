"""The formats of ``check``: one name each, and one file beside this one."""

from __future__ import annotations

from enum import Enum


class CheckFormat(str, Enum):
    """How a report of check is written; ``text`` is for people, the others are for programs."""

    text = "text"
    json = "json"
    github = "github"
    sarif = "sarif"
    junit = "junit"
