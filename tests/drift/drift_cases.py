"""What a case of the matrix says: a tree, what happened to it since it was patched, and what is to become of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from drift_edits import Edit

CONFIG, FINETUNE, POSITIONAL = "charlm/config.py", "charlm/finetune.py", "charlm/positional.py"
RUNTIME = "charlm/cautious_optimizer.py"
IMPORT = "from charlm.cautious_optimizer import CautiousOptimizer\n"
FIELD = "    use_cautious_optimizer: bool = field(default=False, kw_only=True)\n"
EPS_FIELD = "    cautious_eps: float = field(default=1e-8, kw_only=True)\n"
ENGINE, PARSER = "trainer/engine.py", "trainer/options.py"
VARS, GUARD, RECIPE, YAML = "sampler/options.py", "menu/optim.py", "recipe.py", "conf/config.yaml"
FREE = '\n\ndef describe(config):\n    """What a run is called."""\n    return f"{config}"\n'


@dataclass(frozen=True)
class Case:
    """``theirs`` happened to the code, and stays: the same is done to the unpatched twin, which revert must reach.

    ``ours`` was done to what cautify wrote, and goes with it. ``stays`` is what it leaves behind in the twin.
    ``states``: what check finds fault with, by path; a path that is not named is as it should be.
    ``how``: which way revert goes for a file, where that is not "exact" for an untouched one, "structural" for others.
    ``refused``: the file and the words on the line that revert names when it refuses.
    ``lenient``: revert may refuse as well as do it; both are sound.
    ``alike``: how much of the twin must be there: every byte, all but the layout, or the code without comments.
    ``keeps``: words of somebody else's that must be in a file afterwards.
    """

    name: str
    target: str
    theirs: Sequence[Edit] = ()
    ours: Sequence[Edit] = ()
    stays: Sequence[Edit] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    how: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, str] | None = None
    lenient: bool = False
    alike: str = "bytes"
    keeps: Sequence[tuple[str, str]] = ()
    afterwards: Edit | None = None
    """A formatter that runs once more before the trees are compared."""
