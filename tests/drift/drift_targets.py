"""The trees that drift: small fixtures, one for each kind of edit, and one with hydra's files."""

from __future__ import annotations

from fixture_trees import load

OWN = {
    "hydra": {
        "train.py": """\
import hydra
import torch


def build(cfg):
    return torch.nn.Linear(cfg.width, 1)


@hydra.main(config_path="conf", config_name="config", version_base=None)
def main(cfg):
    model = build(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.optim.lr)
    return optimizer


if __name__ == "__main__":
    main()
""",
        "conf/config.yaml": """\
# what a run needs
width: 4
optim:
  lr: 0.001
  steps: 3
seed: 1
""",
    },
    "script": {
        "train.py": """\
import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-3)
args = parser.parse_args()
optimizer = torch.optim.AdamW([torch.zeros(1)], lr=args.lr)
""",
    },
}

FIXTURES = {
    "explicit": "dataclass_explicit",
    "vars": "dataclass_vars",
    "guard": "guard",
    "argument": "home_argument",
    "parameter": "home_parameter",
    "key": "home_key",
    "constant": "home_constant",
    "shapes": "formatting_88",
    "manners": "field_manners",
    "flag": "flag_name_default_on",
}
"""What this directory calls a fixture, after what its patch is made of."""


def original(target: str) -> dict[str, bytes]:
    """A target's files before the patch."""
    if target in OWN:
        return {path: text.encode() for path, text in OWN[target].items()}
    return dict(load(FIXTURES[target]).before())


def options(target: str) -> tuple[str, ...]:
    """What its apply is told on the command line."""
    return () if target in OWN else load(FIXTURES[target]).options
