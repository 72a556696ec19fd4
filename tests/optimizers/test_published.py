"""What the catalogue says about some libraries is so in their released wheels."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from wheels import Wheel, fetch, mentions, parameters

from cautify.optimizers import Optimizer, libraries

pytestmark = pytest.mark.real

RELEASES = {
    "timm": "timm==1.0.31",
    "bitsandbytes": "bitsandbytes==0.50.2",
    "lion_pytorch": "lion-pytorch==0.2.5",
    "schedulefree": "schedulefree==1.4.1",
    "heavyball": "heavyball==3.2.1",
    "pytorch_optimizer": "pytorch_optimizer==4.1.0",
}
OPTION = re.compile(r"set '?(caution|cautious)\b")

every_release = pytest.mark.parametrize("name", RELEASES)


@cache
def wheel(name: str) -> Wheel:
    return Wheel(fetch(RELEASES[name]))


def classes(name: str) -> dict[Optimizer, list[ast.ClassDef]]:
    """The optimizers of a library file, each with the class that it is and its bases."""
    found = {}
    for qualified, optimizer in libraries()[name].optimizers.items():
        place = wheel(name).qualified(qualified)
        assert place is not None, qualified
        assert isinstance(place[1], ast.ClassDef), qualified
        found[optimizer] = list(wheel(name).lineage(place[0], place[1]))
    return found


@every_release
def test_every_name_exists(name: str) -> None:
    library = libraries()[name]
    names = [*library.optimizers, *(f.name for f in library.factories), *library.loaders]
    assert [qualified for qualified in names if wheel(name).qualified(qualified) is None] == []


@every_release
def test_every_other_spelling_exists(name: str) -> None:
    older = "heavyball.Foreach"  # what version 1 exported
    of_timm = "timm.optim.optim_factory"  # passes everything on from _optim_factory with a warning
    spellings = [s for s in libraries()[name].aliases if not s.startswith((older, of_timm))]
    modules = wheel(name).files
    assert [s for s in spellings if s not in modules and wheel(name).qualified(s) is None] == []


@pytest.mark.parametrize("name", ["timm", "heavyball", "pytorch_optimizer"])
def test_those_said_to_have_an_option_have_it(name: str) -> None:
    missing = []
    for optimizer, lineage in classes(name).items():
        said = OPTION.search(optimizer.why)
        if said and not any(mentions(cls, said.group(1)) for cls in lineage):
            missing.append(optimizer.name)
    assert missing == (["heavyball.SplitOpt"] if name == "heavyball" else [])  # which hands it on to its classes


@pytest.mark.parametrize("name", ["timm", "bitsandbytes", "lion_pytorch", "pytorch_optimizer"])
def test_those_that_are_wrapped_have_no_such_option(name: str) -> None:
    wrapped = {o: lineage for o, lineage in classes(name).items() if o.reason is None}
    options = ("caution", "cautious", "cautious_factor")
    assert [
        o.name for o, lineage in wrapped.items() if any(mentions(c, option) for c in lineage for option in options)
    ] == []


@pytest.mark.parametrize("name", ["timm", "bitsandbytes", "pytorch_optimizer"])
def test_a_momentum_is_where_the_catalogue_says(name: str) -> None:
    for optimizer, lineage in classes(name).items():
        if optimizer.momentum is not None:
            taken = next(parameters(cls) for cls in lineage if parameters(cls))
            assert taken[optimizer.momentum.position] == optimizer.momentum.keyword, optimizer.name


@pytest.mark.parametrize("name", ["timm", "bitsandbytes", "heavyball", "pytorch_optimizer"])
def test_every_optimizer_that_is_exported_is_known(name: str) -> None:
    module = {"timm": "timm.optim", "bitsandbytes": "bitsandbytes.optim"}.get(name, name)
    library = libraries()[name]
    exported = exports(wheel(name), module)
    unknown = {
        n for n in exported if f"{module}.{n}" not in library.optimizers and f"{module}.{n}" not in library.aliases
    }
    assert unknown - NOT_OPTIMIZERS.get(name, set()) == set()


NOT_OPTIMIZERS = {
    "timm": {"OptimInfo", "OptimizerRegistry"},
    "bitsandbytes": {"GlobalOptimManager"},
    "heavyball": {"SOAPBase", "PSGDBase"},
    "pytorch_optimizer": {"DynamicLossScaler", "RotoGrad"},
}


def exports(found: Wheel, module: str) -> set[str]:
    """The class names that a module defines or imports, where they look like optimizers' packages."""
    names: set[str] = set()
    for node in found.module(module).body:
        if isinstance(node, ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and (module != "heavyball"):
            for alias in node.names:
                if alias.name == "*" and "optimizer" in str(node.module).rpartition(".")[2]:
                    names |= listed(found.module(str(node.module)))
                elif alias.name[:1].isupper():
                    names.add(alias.asname or alias.name)
    return names


def listed(module: ast.Module) -> set[str]:
    """The classes in a module's ``__all__``."""
    for node in module.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return {name for name in ast.literal_eval(node.value) if name[:1].isupper()}
    return set()
