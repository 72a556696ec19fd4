"""Write the syntax tree's hash into the version line of the runtime. Run it after every change of templates/."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cautify import __version__
from cautify.patch.vendor import VERSION_LINE, tree_hash

for path in (Path(__file__).resolve().parent.parent / "templates").glob("*.py"):
    data = path.read_bytes()
    line = f"# cautify-runtime: {__version__} tree:{tree_hash(data)}".encode()
    path.write_bytes(VERSION_LINE.sub(line, data, count=1))
