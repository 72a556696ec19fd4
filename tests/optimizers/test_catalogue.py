"""The library files one by one, and the catalogue that they make together."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from cautify.model import Verdict
from cautify.optimizers import Catalogue, Library, libraries

REASONS = {
    *("no-momentum", "closure", "sparse", "custom", "already-cautious"),
    *("no-benefit", "wrapper", "remote", "built-by-library"),
}
LIBRARIES = libraries()

every_library = pytest.mark.parametrize("name", LIBRARIES)


def names(library: Library) -> Iterator[str]:
    """Every qualified name that a library file has something to say about."""
    yield from library.optimizers
    yield from (factory.name for factory in library.factories)
    yield from (builder.name for builder in library.builders)
    yield from library.loaders


def everything() -> list[str]:
    return [name for library in LIBRARIES.values() for name in names(library)]


@every_library
def test_a_library_file_says_where_the_library_is_and_what_becomes_of_it(name: str) -> None:
    text = importlib.import_module(f"cautify.optimizers.{name}").__doc__ or ""
    assert re.match(r"[^\n]+: https://\S+\n\n", text), text
    assert "wrapped" in text


@every_library
def test_a_library_file_knows_something(name: str) -> None:
    assert list(names(LIBRARIES[name])) != []


@every_library
def test_an_optimizer_is_filed_under_its_own_name(name: str) -> None:
    library = LIBRARIES[name]
    assert [key for key, optimizer in library.optimizers.items() if key != optimizer.name] == []


def test_no_name_is_said_twice() -> None:
    assert [name for name, count in Counter(everything()).items() if count > 1] == []


def test_no_spelling_is_also_a_name() -> None:
    spellings = {spelling for library in LIBRARIES.values() for spelling in library.aliases}
    assert spellings & set(everything()) == set()


def test_no_spelling_means_two_things() -> None:
    meanings: dict[str, set[str]] = {}
    for library in LIBRARIES.values():
        for spelling, meaning in library.aliases.items():
            meanings.setdefault(spelling, set()).add(meaning)
    assert {spelling: found for spelling, found in meanings.items() if len(found) > 1} == {}


@every_library
def test_every_spelling_leads_to_a_name_or_to_a_module_of_names(name: str) -> None:
    known = set(everything())
    modules = {".".join(parts[:n]) for parts in (k.split(".") for k in known) for n in range(1, len(parts))}
    assert [s for s, meaning in LIBRARIES[name].aliases.items() if meaning not in known | modules] == []


@every_library
def test_every_reason_is_one_of_the_words_and_explained(name: str) -> None:
    library = LIBRARIES[name]
    entries = [*library.optimizers.values(), *library.factories]
    assert {entry.reason for entry in entries} - {None} <= REASONS
    assert [entry.name for entry in entries if entry.reason and not entry.why] == []
    assert [builder.name for builder in library.builders if not builder.remedy] == []


@every_library
def test_an_explanation_is_one_clause_that_can_end_in_a_full_stop(name: str) -> None:
    library = LIBRARIES[name]
    said = [e.why for e in (*library.optimizers.values(), *library.factories)] + [b.remedy for b in library.builders]
    assert [text for text in said if text and (text[-1] in ".;," or "\n" in text or "  " in text)] == []


@every_library
def test_an_optimizer_that_is_left_alone_needs_no_look_at_its_momentum(name: str) -> None:
    assert [o.name for o in LIBRARIES[name].optimizers.values() if o.reason and o.momentum] == []


def test_every_class_that_torch_exports_is_known() -> None:
    torch = pytest.importorskip("torch")
    made = {
        f"torch.optim.{name}"
        for name, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer) and value is not torch.optim.Optimizer
    }
    assert made - set(LIBRARIES["torch"].optimizers) == set()


def test_the_momentum_of_a_torch_class_is_where_the_catalogue_says() -> None:
    inspect = importlib.import_module("inspect")
    torch = pytest.importorskip("torch")
    for name, optimizer in LIBRARIES["torch"].optimizers.items():
        if optimizer.momentum is not None:
            parameters = list(inspect.signature(getattr(torch.optim, name.rpartition(".")[2])).parameters)
            assert parameters[optimizer.momentum.position] == optimizer.momentum.keyword


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("torch.optim.adamw.AdamW", "torch.optim.AdamW"),
        ("torch.optim._muon.Muon", "torch.optim.Muon"),
        ("bitsandbytes.optim.adamw.AdamW8bit", "bitsandbytes.optim.AdamW8bit"),
        ("transformers.optimization.AdamW", "transformers.AdamW"),
        ("torchao.prototype.low_bit_optim.adam.AdamW8bit", "torchao.optim.AdamW8bit"),
        ("timm.optim.AdamW", "torch.optim.AdamW"),
        ("heavyball.ForeachSOAP", "heavyball.SOAP"),
        ("torch.distributed.optim.optimizer.DistributedOptimizer", "torch.distributed.optim.DistributedOptimizer"),
    ],
)
def test_a_class_is_known_under_its_other_spellings(spelling: str, name: str) -> None:
    found = Catalogue().optimizer(spelling)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "spelling",
    [
        "mmengine.optim.OPTIMIZERS.build",
        "mmcv.runner.optimizer.builder.OPTIMIZERS.build",
        "timm.optim.optim_factory.create_optimizer_v2",
        "fairseq.optim.FP16Optimizer.build_optimizer",
        "detectron2.config.instantiate.instantiate",
    ],
)
def test_a_function_is_known_under_its_other_spellings(spelling: str) -> None:
    assert Catalogue().factory(spelling) is not None


@pytest.mark.parametrize(
    "spelling",
    ["transformers.trainer.Trainer", "trl.trainer.sft_trainer.SFTTrainer", "pytorch_lightning.cli.LightningCLI"],
)
def test_a_builder_is_known_under_its_other_spellings(spelling: str) -> None:
    assert Catalogue().builder(spelling) is not None


def test_a_function_that_returns_a_class_is_known_as_such() -> None:
    catalogue = Catalogue()
    assert catalogue.loads("transformers.trainer.Trainer.get_optimizer_cls_and_kwargs")
    assert catalogue.loads("timm.optim.get_optimizer_class")
    assert not catalogue.loads("timm.optim.create_optimizer")
    assert "load_optimizer" in catalogue.loader_names


def test_a_name_that_no_library_has_is_not_known() -> None:
    catalogue = Catalogue()
    assert catalogue.optimizer("acme.optim.Shampoo") is None
    assert catalogue.factory("acme.optim.build") is None
    assert catalogue.builder("acme.Trainer") is None
    assert catalogue.canonical("acme.optim.Shampoo") == "acme.optim.Shampoo"


def test_a_class_of_the_settings_is_wrapped_or_declined() -> None:
    catalogue = Catalogue([("acme.optim.Shampoo", Verdict.WRAP), ("acme.optim.Sketchy", Verdict.SKIP)])
    wrapped, skipped = catalogue.optimizer("acme.optim.Shampoo"), catalogue.optimizer("acme.optim.Sketchy")
    assert wrapped is not None
    assert wrapped.reason is None
    assert skipped is not None
    assert skipped.reason == "declined"
    assert "pyproject.toml" in skipped.why
    assert {"Shampoo", "Sketchy"} <= catalogue.class_names


@pytest.mark.parametrize("spelling", ["torch.optim.SGD", "torch.optim.sgd.SGD"])
def test_the_settings_win_over_a_library_under_any_spelling(spelling: str) -> None:
    assert Catalogue().optimizer("torch.optim.SGD") != Catalogue([(spelling, Verdict.WRAP)]).optimizer(
        "torch.optim.SGD"
    )
    forced, declined = (Catalogue([(spelling, v)]).optimizer("torch.optim.SGD") for v in (Verdict.WRAP, Verdict.SKIP))
    assert forced is not None
    assert (forced.reason, forced.momentum) == (None, None)
    assert declined is not None
    assert declined.reason == "declined"


def test_the_names_to_look_for_include_those_of_other_spellings() -> None:
    catalogue = Catalogue()
    assert {"AdamW8bit", "ForeachSOAP", "SOAP"} <= catalogue.class_names
    assert {"instantiate", "create_optimizer_v2"} <= catalogue.factory_names
    assert {"Trainer", "initialize"} <= catalogue.builder_names


def test_a_star_import_brings_what_the_module_has() -> None:
    assert {"AdamW8bit", "Lion"} <= Catalogue().public("bitsandbytes.optim")
    assert {"NAdamW", "AdamW", "create_optimizer_v2"} <= Catalogue().public("timm.optim")
    assert Catalogue().public("acme.optim") == frozenset()
