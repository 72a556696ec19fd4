"""trl: https://huggingface.co/docs/trl

Nothing of it is wrapped, for its classes are trainers: like transformers' Trainer, from which they descend, each makes
its optimizer out of sight unless it is handed one. Its configs are TrainingArguments.
"""

from __future__ import annotations

from cautify.optimizers import Builder, Library

_HAND_OVER = "hand it a finished optimizer, optimizers=(CautiousOptimizer.wrap(...), None)"
_OPTIM = "no value of optim is cautious; hand the trainer a finished optimizer, optimizers=(..., None)"

_FILES = {
    "bco": "BCO",
    "cpo": "CPO",
    "distillation": "Distillation",
    "dpo": "DPO",
    "gkd": "GKD",
    "grpo": "GRPO",
    "kto": "KTO",
    "nash_md": "NashMD",
    "online_dpo": "OnlineDPO",
    "orpo": "ORPO",
    "ppo": "PPO",
    "prm": "PRM",
    "reward": "Reward",
    "rloo": "RLOO",
    "sft": "SFT",
    "xpo": "XPO",
}
"""Those that trl exports, or exported before they moved into trl.experimental, by the file that defines them."""

_EXPERIMENTAL = {
    "cpo": "CPO",
    "gkd": "GKD",
    "gold": "GOLD",
    "kto": "KTO",
    "online_dpo": "OnlineDPO",
    "orpo": "ORPO",
    "distillation": "Distillation",
}

LIBRARY = Library(
    builders=(
        *(Builder(f"trl.{kind}Trainer", _HAND_OVER, given="optimizers") for kind in _FILES.values()),
        *(
            Builder(f"trl.experimental.{place}.{kind}Trainer", _HAND_OVER, given="optimizers")
            for place, kind in _EXPERIMENTAL.items()
        ),
        *(Builder(f"trl.{kind}Config", _OPTIM, only_with="optim") for kind in _FILES.values()),
    ),
    aliases={
        "trl.trainer": "trl",
        **{f"trl.trainer.{file}_{what}": "trl" for file in _FILES for what in ("trainer", "config")},
    },
)
