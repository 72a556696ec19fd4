"""One transaction in a process of its own, which is struck after its nth step: killed, or interrupted by Ctrl-C.

    python kill_driver.py ROOT commit|recover PLAN STEP kill|interrupt

PLAN is a pickle of what commit takes: files, manifest, directories. STEP 0 strikes never. Exit status 130 tells that
the interrupt came through.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from pathlib import Path

from cautify.patch.write import commit, recover

# A kill loses nothing that the kernel has; only a power failure would, and waiting for the disk takes long.
os.fsync = lambda _descriptor: None


def main(root: str, command: str, plan: str, step: str, blow: str) -> int:
    left = int(step)

    def strike(_name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL if blow == "kill" else signal.SIGINT)

    try:
        if command == "recover":
            recover(Path(root), hook=strike)
        else:
            files, manifest, directories = pickle.loads(Path(plan).read_bytes())
            commit(Path(root), files, manifest, directories=directories, hook=strike)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
