"""No test here loads anything from a hub; and libraries that import torchvision can, beside a CPU build of torch."""

from __future__ import annotations

import os

from torchvision_beside_cpu import declare_torchvision_operators

os.environ.setdefault("HF_HUB_OFFLINE", "1")
declare_torchvision_operators()
