"""Write ``VERSION.bytes`` here with the runtime in templates/, once per release: `python write.py 0.1.0`."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from vendored import load  # noqa: E402

load()

from cautious_optimizer import CautiousOptimizer  # noqa: E402
from small_training import adamw, batches, by_hand, network  # noqa: E402

net = network()
optimizer = CautiousOptimizer(adamw(net.parameters()), eps=1e-7, min_mean=0.01)
by_hand(net, optimizer, batches(3))
(HERE / f"{sys.argv[1]}.bytes").write_bytes(pickle.dumps((net, optimizer), protocol=4))
