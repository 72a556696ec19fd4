"""Makes ``import cautious_optimizer`` work in these tests, and the same for each of them."""

from __future__ import annotations

import pytest
import torch
from vendored import load

load()


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.delenv("USE_CAUTIOUS_OPTIMIZER", raising=False)
