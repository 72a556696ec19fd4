"""How a switch is read where only some ways to the optimizer read a learning rate of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cautify.model import Options
from cautify.patch.plan import make_plan

HEAD = """import argparse

import torch


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--beta", type=float, default=0.9)
    parser.add_argument("--kind", default="adam")
    return parser.parse_args()


def train(head, body, args=None):
    ours = {"params": head, "lr": args.lr}
    if body:
        theirs = {"params": body, "lr": args.lr / 2}
        optimized = [ours, theirs]
    else:
        optimized = [ours]
"""
TAIL = "\n\ntrain([], [], parse())\n"
PLAIN = "args.use_cautious_optimizer"
ASKED = 'getattr(args, "use_cautious_optimizer", False)'
MAYBE = {
    "nothing else is read of it": "    optimizer = torch.optim.AdamW(optimized)\n",
    "it is read where it is there": (
        "    beta = args.beta if args else 0.9\n    optimizer = torch.optim.AdamW(optimized, betas=(beta, 0.999))\n"
    ),
    "it is read of another": "    optimizer = torch.optim.AdamW(optimized, betas=(head.args.beta, 0.999))\n",
    "it is read later": "    optimizer = torch.optim.AdamW(optimized)\n    if args.kind:\n        pass\n",
    "a condition asks for it first": "    if args and args.kind:\n        optimizer = torch.optim.AdamW(optimized)\n",
}
SURELY = {
    "another argument of the call is read of it": (
        "    optimizer = torch.optim.AdamW(optimized, betas=(args.beta, 0.999))\n"
    ),
    "a condition around the call reads of it": (
        '    if args.kind.lower() == "adam":\n        optimizer = torch.optim.AdamW(optimized)\n'
    ),
    "so does one whose other branch makes it": (
        '    if args.kind == "sgd":\n        pass\n    else:\n        optimizer = torch.optim.AdamW(optimized)\n'
    ),
}


def enabled(root: Path, text: str) -> str | None:
    (root / "train.py").write_text(HEAD + text + TAIL, encoding="utf-8")
    (site,) = make_plan(root, Options()).sites
    assert site.switch is not None
    return site.switch.enabled


@pytest.mark.parametrize("text", MAYBE.values(), ids=MAYBE)
def test_what_may_be_none_is_asked_whether_it_has_the_switch(tmp_path: Path, text: str) -> None:
    assert enabled(tmp_path, text) == ASKED


@pytest.mark.parametrize("text", SURELY.values(), ids=SURELY)
def test_what_is_read_anyway_is_read_plainly(tmp_path: Path, text: str) -> None:
    assert enabled(tmp_path, text) == PLAIN
