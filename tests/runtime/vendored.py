"""The runtime is not a package here either: it is loaded by path, under the name that its users give it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TEMPLATE = Path(__file__).parents[2] / "templates" / "cautious_optimizer.py"
KERNELS = TEMPLATE.with_name("cautious_triton.py")

sys.path.append(str(TEMPLATE.parent))  # where the runtime finds its kernels: beside itself


def load(name: str = "cautious_optimizer") -> ModuleType:
    """Import the template as module ``name``; registered, because pickle looks classes up by module."""
    spec = importlib.util.spec_from_file_location(name, TEMPLATE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
