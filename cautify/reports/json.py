"""JSON for other programs. Keys, their order and their meaning are a contract; ``schema`` counts its versions."""

from __future__ import annotations

import json
from typing import Any

from cautify import __version__
from cautify.model import Checked, Plan, Site, State, Switch, Verdict

SCHEMA = 1


def scan_json(plan: Plan) -> bytes:
    """Every site with its verdict, the files that apply would touch, the files that could not be used, and totals."""
    sites = sorted(plan.sites, key=lambda site: (site.path, site.line, site.column))
    counts = {verdict.value: sum(site.verdict is verdict for site in sites) for verdict in Verdict}
    return _dump(
        {
            "schema": SCHEMA,
            "version": __version__,
            "sites": [_site(site) for site in sites],
            "edits": [{"path": file.path, "action": file.action.value} for file in plan.files],
            "problems": [{"path": p.path, "reason": p.reason, "detail": p.detail} for p in plan.problems],
            "totals": {"sites": len(sites), **counts},
        }
    )


def check_json(checked: Checked) -> bytes:
    """Every finding with its state and whether it fails, and how many there are of each state."""
    rows = [
        {
            "path": found.path,
            "line": found.line,
            "state": found.state.value,
            "subject": found.subject,
            "fails": checked.fails(found),
            "message": found.message,
            "remedy": found.remedy,
        }
        for found in checked.findings
    ]
    states = {state.value: sum(found.state is state for found in checked.findings) for state in State}
    totals = {"findings": len(rows), "failing": len(checked.failing), **states}
    return _dump({"schema": SCHEMA, "version": __version__, "findings": rows, "totals": totals})


def _site(site: Site) -> dict[str, Any]:
    return {
        "path": site.path,
        "line": site.line,
        "column": site.column,
        "end_line": site.end_line,
        "optimizers": list(site.optimizers),
        "form": site.form,
        "verdict": site.verdict.value,
        "reason": site.reason,
        "switch": None if site.switch is None or site.verdict is Verdict.SKIP else _switch(site.switch),
    }


def _switch(switch: Switch) -> dict[str, Any]:
    homes = [{"home": h.kind.value, "path": h.path, "line": h.line, "owner": h.owner} for h in switch.homes]
    return {"enabled": switch.enabled, "eps": switch.eps, "home": switch.kind.value, "homes": homes}


def _dump(value: dict[str, Any]) -> bytes:
    # Paths may hold bytes that are no UTF-8: escaped surrogates keep the document valid and the path recoverable.
    return (json.dumps(value, indent=2, ensure_ascii=True) + "\n").encode("ascii")
