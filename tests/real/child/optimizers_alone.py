"""Run a version's ``lerobot/optim/optimizers.py`` by itself: the older releases need too much to be imported whole.

Every other lerobot module it imports is stood in for by an empty one; the runtime it imports is the patched tree's.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import json
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training import arguments, masked, observe

RUNTIME = "lerobot.cautious_optimizer"


class StandIns:
    """Finds a module of placeholders for every lerobot name but the vendored runtime."""

    def __init__(self, sources: Path) -> None:
        self.sources = sources

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.split(".")[0] != "lerobot":
            return None
        if name == RUNTIME:
            return importlib.util.spec_from_file_location(name, self.sources / "cautious_optimizer.py")
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: name  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave the stand-in empty."""


def choices(tree: Path) -> dict[str, Any]:
    """The optimizer configs that the tree's optimizers.py registers."""
    sources = tree / "src" / "lerobot"
    sys.meta_path.insert(0, StandIns(sources))
    try:
        name = f"optimizers_of_{tree.parent.name}"
        spec = importlib.util.spec_from_file_location(name, sources / "optim" / "optimizers.py")
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return dict(module.OptimizerConfig.get_known_choices())
    finally:
        del sys.meta_path[0]
        for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == "lerobot"]:
            del sys.modules[loaded]


def built(tree: Path, **switch: Any) -> dict[str, Any]:
    configs = choices(tree)

    def build(name: str) -> Any:
        return lambda model: configs[name](**switch).build(arguments(name, model))

    return {name: {**observe(build(name)), "masked": masked(build(name))} for name in configs}


if __name__ == "__main__":
    pristine, patched = Path(sys.argv[1]), Path(sys.argv[2])
    seen = {
        "before": built(pristine),
        "off": built(patched),
        "on": built(patched, use_cautious_optimizer=True),
    }
    print(json.dumps(seen))
