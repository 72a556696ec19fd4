"""SARIF 2.1.0, for code scanning: a rule for each state in which something is to be mended, a result for each finding.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from cautify import __version__
from cautify.model import SOUND, Checked, Finding, State
from cautify.reports.legible import legible, uri

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"

RULES = {
    State.EDITED: ("EditedPatch", "What cautify wrote was edited since."),
    State.OBSOLETE: ("ObsoletePatch", "What this part of the patch was for is gone."),
    State.OLDER: ("OlderRuntime", "The vendored runtime is that of another version of cautify."),
    State.MISSING: ("MissingPatch", "A part of the patch was taken out, and what it was for is still there."),
    State.NEW: ("UnpatchedOptimizer", "An optimizer is made here that the patch does not wrap."),
    State.CONFLICT: ("UndecidablePatch", "It cannot be told whether this part of the patch is there."),
}
"""Name and description of each rule; the state's name is its id."""

_NUMBERS = re.compile(r"(?<=:)\d+|(?<=line )\d+|(?<=lines )\d+")


def check_sarif(checked: Checked, *, prefix: str = "") -> bytes:
    """One run, with the findings that are not sound; those that are allowed are notes, suppressed.

    ``prefix`` leads from the repository's top, ``%SRCROOT%``, to the root.
    """
    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": f"cautify/{uri(prefix)}"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The top of the repository."}}},
        "invocations": [{"executionSuccessful": True}],
        "results": _results(checked, prefix),
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def _driver() -> dict[str, Any]:
    rules = [
        {
            "id": state.value,
            "name": name,
            "shortDescription": {"text": text},
            "help": {"text": "The message of each result says what mends it. `cautify check` lists them all."},
            "defaultConfiguration": {"level": "error"},
            "properties": {"precision": "very-high", "problem.severity": "error", "tags": ["maintainability"]},
        }
        for state, (name, text) in RULES.items()
    ]
    return {"name": "cautify", "version": __version__, "semanticVersion": __version__, "rules": rules}


def _results(checked: Checked, prefix: str) -> list[dict[str, Any]]:
    seen: Counter[tuple[str, ...]] = Counter()
    results = []
    for found in checked.findings:
        if found.state in SOUND:
            continue
        identity = (uri(prefix + found.path), found.state.value, found.subject, _NUMBERS.sub("", found.message))
        seen[identity] += 1
        results.append(_result(found, checked, prefix, _fingerprint(identity, seen[identity])))
    return results


def _result(found: Finding, checked: Checked, prefix: str, fingerprint: str) -> dict[str, Any]:
    text = legible(f"{found.message}\n{found.remedy}".rstrip(), lines=True)
    artifact = {"uri": uri(prefix + found.path), "uriBaseId": _ROOT}
    # GitHub wants a line of every result; what is about a whole file is shown at its first one.
    where = {"artifactLocation": artifact, "region": {"startLine": found.line or 1}}
    fails = checked.fails(found)
    result: dict[str, Any] = {
        "ruleId": found.state.value,
        "ruleIndex": list(RULES).index(found.state),
        "level": "error" if fails else "note",
        "message": {"text": text},
        "locations": [{"physicalLocation": where}],
        "partialFingerprints": {"cautifyFinding/v1": fingerprint},
    }
    if not fails:
        said = f"{found.state.value} is allowed here"
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": said}]
    return result


def _fingerprint(identity: tuple[str, ...], ordinal: int) -> str:
    """The same however far a finding moves within its file; equal ones are told apart by their order."""
    import hashlib

    data = json.dumps([*identity, ordinal], ensure_ascii=True)
    return hashlib.sha256(data.encode("ascii")).hexdigest()[:32]
