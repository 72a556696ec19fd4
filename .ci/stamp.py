"""Write the syntax tree's hash into the version line of the runtime. Run it after every change of templates/."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cautify import __version__
from cautify.patch.vendor import FILE_NAME, VERSION_LINE, tree_hash

path = Path(__file__).resolve().parent.parent / "templates" / FILE_NAME
data = path.read_bytes()
line = f"# cautify-runtime: {__version__} tree:{tree_hash(data)}".encode()
path.write_bytes(VERSION_LINE.sub(line, data, count=1))
