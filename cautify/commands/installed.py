"""Where the cautify that runs came from, as a requirement that pip can install elsewhere."""

from __future__ import annotations

import json
from importlib import metadata

from cautify import __version__

FROM_INDEX = f"cautify=={__version__}"


def source() -> str | None:
    """What pip recorded of this installation (PEP 610), as a requirement; None where only this machine has it."""
    try:
        text = metadata.distribution("cautify").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    return FROM_INDEX if text is None else requirement(text)


def requirement(direct_url: str) -> str | None:
    """The requirement for a ``direct_url.json``, None for a path of this machine or what cannot be read.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    try:
        read = json.loads(direct_url)
        url = str(read["url"])
        if url.startswith("file:"):
            return None
        if "vcs_info" not in read:
            return f"cautify @ {url}"
        return f"cautify @ {read['vcs_info']['vcs']}+{url}@{read['vcs_info']['commit_id']}"
    except (ValueError, KeyError, TypeError):
        return None
