"""Makes ``import cautious_optimizer`` work in these tests, and the same for each of them."""

from __future__ import annotations

import importlib

import pytest
import torch
from vendored import load

load()


def _can_shard() -> bool:
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        return False
    return hasattr(importlib.import_module("torch.distributed.fsdp"), "fully_shard")  # torch 2.6


collect_ignore = [] if _can_shard() else ["test_distributed.py"]


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.delenv("USE_CAUTIOUS_OPTIMIZER", raising=False)


@pytest.fixture
def few_elements_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not 0 or 1 of them, for which torch.compile makes other code: it is never given those in earnest."""
    monkeypatch.setattr("cautious_optimizer._LARGE", 2)
