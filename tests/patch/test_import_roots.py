"""From where a file imports the runtime, in trees whose folders mislead: each was met in real code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cautify.model import Options
from cautify.patch.plan import make_plan

MAKES = "import torch\n\noptimizer = torch.optim.Adam(model.parameters(), lr=0.1)\n"
MAIN = "\n\nif __name__ == '__main__':\n    net(HEIGHT)\n"
BESIDE = "from cautious_optimizer import CautiousOptimizer"

TREES: Mapping[str, tuple[Mapping[str, str], str, str]] = {
    "a folder that is named like an installed library is not that library": (
        {"examples/quiver/gpu.py": f"import quiver\n{MAKES}print(quiver.RATE)\n"},
        "examples/quiver/gpu.py",
        BESIDE,
    ),
    "nor is one elsewhere in the tree": (
        {
            "apps/peft/tune.py": "def tune():\n    pass\n",
            "bench/run.py": f"from peft import LoraConfig\n{MAKES}print(LoraConfig)\n",
        },
        "bench/run.py",
        BESIDE,
    ),
    "a package of an installed library's name is the project's own when its modules are imported": (
        {
            "src/lightning/__init__.py": "",
            "src/lightning/core.py": "class Module:\n    pass\n",
            "examples/a.py": f"from lightning.core import Module\n{MAKES}print(Module)\n",
        },
        "examples/a.py",
        "from lightning.cautious_optimizer import CautiousOptimizer",
    ),
    "folders without __init__ above a package belong to it": (
        {
            "own/models/diff/__init__.py": "",
            "own/models/diff/sampler.py": "def sample():\n    pass\n",
            "own/models/diff/train.py": f"from own.models.diff.sampler import sample\n{MAKES}sample()\n",
            "run.py": "from own.models.diff.sampler import sample\n\nsample()\n",
        },
        "own/models/diff/train.py",
        "from own.cautious_optimizer import CautiousOptimizer",
    ),
    "a script that imports packages beside it by bare name is run by path": (
        {
            "tool/__init__.py": "",
            "tool/models/__init__.py": "def net():\n    pass\n",
            "tool/train.py": f"from models import net\n{MAKES}net()\n",
        },
        "tool/train.py",
        BESIDE,
    ),
    "a module that its neighbours import by bare name is no part of a package": (
        {
            "bench/__init__.py": "",
            "bench/loop.py": MAKES,
            "bench/main.py": "from loop import optimizer\n\noptimizer.step()\n",
        },
        "bench/loop.py",
        BESIDE,
    ),
    "a package that is imported by its bare name is no part of the folder that its neighbours are imported from": (
        {
            "bench/papers/__init__.py": "from .loop import optimizer as fit\n",
            "bench/papers/loop.py": MAKES,
            "bench/papers/small.py": "from papers import fit\n\nfit.step()\n",
            "bench/speed/run.py": "from bench.tools import report\n\nreport()\n",
            "bench/tools/__init__.py": "def report():\n    pass\n",
        },
        "bench/papers/loop.py",
        "from papers.cautious_optimizer import CautiousOptimizer",
    ),
    "nor is one whose modules are": (
        {
            "bench/clouds/__init__.py": "",
            "bench/clouds/loop.py": MAKES,
            "bench/clouds/small.py": "from clouds.loop import optimizer\n\noptimizer.step()\n",
            "bench/speed/run.py": "from bench.tools import report\n\nreport()\n",
            "bench/tools/__init__.py": "def report():\n    pass\n",
        },
        "bench/clouds/loop.py",
        "from clouds.cautious_optimizer import CautiousOptimizer",
    ),
    "a package of the same name elsewhere says nothing of one that only its neighbours place": (
        {
            "apps/shop/nets/__init__.py": "from .loop import optimizer as fit\n",
            "apps/shop/nets/loop.py": MAKES,
            "apps/shop/run.py": "from apps.shop.tools import report\n\nreport()\n",
            "apps/shop/tools/__init__.py": "def report():\n    pass\n",
            "other/nets/__init__.py": "def net():\n    pass\n",
            "other/run.py": "from nets import net\n\nnet()\n",
        },
        "apps/shop/nets/loop.py",
        "from apps.cautious_optimizer import CautiousOptimizer",
    ),
    "a relative import of a package is not one by its bare name": (
        {
            "bench/papers/__init__.py": "from .loop import optimizer as fit\n",
            "bench/papers/loop.py": MAKES,
            "bench/start.py": "from .papers import fit\n\nfit.step()\n",
            "bench/tools/__init__.py": "def report():\n    pass\n",
            "run.py": "from bench.tools import report\n\nreport()\n",
        },
        "bench/papers/loop.py",
        "from bench.cautious_optimizer import CautiousOptimizer",
    ),
    "a bare import means the file beside, not a folder elsewhere": (
        {
            "bench/kernel/__init__.py": "",
            "bench/kernel/datasets.py": "def get_dataset():\n    pass\n",
            "bench/kernel/main.py": f"from datasets import get_dataset\n{MAKES}get_dataset()\n",
            "test/datasets/test_one.py": "def test_it():\n    pass\n",
        },
        "bench/kernel/main.py",
        BESIDE,
    ),
    "the package that is installed comes before a folder of the script's own": (
        {
            "setup.py": "from setuptools import setup\n\nsetup()\n",
            "waves/__init__.py": "HEIGHT = 1\n",
            "demos/data/__init__.py": "def load():\n    pass\n",
            "demos/train.py": f"from data import load\nfrom waves import HEIGHT\n{MAKES}load(HEIGHT)\n",
        },
        "demos/train.py",
        "from waves.cautious_optimizer import CautiousOptimizer",
    ),
    "where none is installed, the first that a script imports has it": (
        {
            "pyproject.toml": "[tool.ruff]\nline-length = 100\n",
            "waves/__init__.py": "HEIGHT = 1\n",
            "demos/data/__init__.py": "def load():\n    pass\n",
            "demos/train.py": f"from data import load\nfrom waves import HEIGHT\n{MAKES}load(HEIGHT)\n",
        },
        "demos/train.py",
        "from data.cautious_optimizer import CautiousOptimizer",
    ),
    "a script that names its folder from above is no part of it": (
        {
            "pyproject.toml": "[project]\nname = 'waves'\n",
            "src/waves/__init__.py": "HEIGHT = 1\n",
            "demos/sea/nets.py": "def net():\n    pass\n",
            "demos/sea/train.py": f"from waves import HEIGHT\nfrom demos.sea.nets import net\n{MAKES}{MAIN}",
        },
        "demos/sea/train.py",
        "from waves.cautious_optimizer import CautiousOptimizer",
    ),
    "one that is imported from above is": (
        {
            "pyproject.toml": "[project]\nname = 'waves'\n",
            "src/waves/__init__.py": "HEIGHT = 1\n",
            "demos/sea/nets.py": "def net():\n    pass\n",
            "demos/sea/train.py": f"from waves import HEIGHT\nfrom demos.sea.nets import net\n{MAKES}{MAIN}",
            "demos/all.py": "import demos.sea.train\n",
        },
        "demos/sea/train.py",
        "from demos.cautious_optimizer import CautiousOptimizer",
    ),
    "nor several folders elsewhere, though the file lies in a package": (
        {
            "clouds/__init__.py": "",
            "clouds/nets/__init__.py": "def net():\n    pass\n",
            "clouds/train.py": f"from nets import net\n{MAKES}net()\n",
            "one/nets.py": "def net():\n    pass\n",
            "other/nets.py": "def net():\n    pass\n",
        },
        "clouds/train.py",
        BESIDE,
    ),
}


@pytest.mark.parametrize(("files", "path", "expected"), TREES.values(), ids=TREES)
def test_the_runtime_is_imported_from_where_the_file_finds_it(
    tmp_path: Path, files: Mapping[str, str], path: str, expected: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    planned = {file.path: file.after for file in make_plan(tmp_path, Options()).files}
    after = (planned[path] or b"").decode()
    assert [line for line in after.split("\n") if "import CautiousOptimizer" in line] == [expected]
