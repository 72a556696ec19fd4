"""transformers: https://huggingface.co/docs/transformers/main_classes/optimizer_schedules

Its old AdamW is wrapped. Adafactor has a first moment only where ``beta1`` is given. Trainer makes an optimizer out of
sight unless it is handed one; TrainingArguments decides which where it is given ``optim``.
"""

from __future__ import annotations

from cautify.optimizers import Builder, Library, Momentum, Optimizer
from cautify.optimizers._entries import by_name

_HAND_OVER = (
    "hand the trainer a finished optimizer, Trainer(..., optimizers=(CautiousOptimizer.wrap(...), None)), or override "
    "create_optimizer in a subclass"
)
_OPTIM = (
    "no value of optim is cautious; hand the Trainer a finished optimizer, Trainer(..., "
    "optimizers=(CautiousOptimizer.wrap(...), None))"
)

LIBRARY = Library(
    optimizers=by_name(
        (
            Optimizer("transformers.AdamW"),
            Optimizer("transformers.Adafactor", momentum=Momentum("beta1", 5)),
        )
    ),
    aliases={
        "transformers.optimization": "transformers",
        "transformers.trainer": "transformers",
        "transformers.trainer_seq2seq": "transformers",
        "transformers.training_args": "transformers",
        "transformers.training_args_seq2seq": "transformers",
        "transformers.trainer.Trainer": "transformers.Trainer",  # for its methods
    },
    builders=(
        Builder("transformers.Trainer", _HAND_OVER, given="optimizers"),
        Builder("transformers.Seq2SeqTrainer", _HAND_OVER, given="optimizers"),
        Builder("transformers.TrainingArguments", _OPTIM, only_with="optim"),
        Builder("transformers.Seq2SeqTrainingArguments", _OPTIM, only_with="optim"),
    ),
    loaders=("transformers.Trainer.get_optimizer_cls_and_kwargs",),
)
