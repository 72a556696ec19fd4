"""A small GPT over bytes, the text it reads (the sources of Python's own library), and how one run of it goes."""

from __future__ import annotations

import hashlib
import math
import platform
import sysconfig
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.optim import Optimizer

EVERY_TENTH = 10  # file is kept for validation


@dataclass(frozen=True)
class Text:
    """Bytes to train on, bytes to validate on, and words that say which they are."""

    training: torch.Tensor
    validation: torch.Tensor
    digest: str
    told: str


@dataclass(frozen=True)
class Settings:
    """Everything about a run but its optimizer, learning rate, seed and length."""

    width: int
    layers: int
    heads: int
    context: int
    batch: int
    warm_up: float  # a share of the run
    beta1: float
    beta2: float
    weight_decay: float
    clip: float
    validation: int  # sequences


@dataclass(frozen=True)
class Run:
    """How a run ended: losses in nats per byte; the mean of mask_mean over its second half; seconds."""

    loss: float
    training_loss: float
    mask_mean: float | None
    seconds: float


def standard_library() -> Text:
    """The modules of Python's library that lie at its top, by name; every tenth is validation text."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [path for path in sorted(library.glob("*.py")) if not path.name.startswith("_sysconfigdata")]
    contents = [path.read_bytes() for path in files]
    parts = [
        b"".join(contents[i] for i in range(len(files)) if (i % EVERY_TENTH == 0) is kept) for kept in (False, True)
    ]
    digest = hashlib.sha256(
        b"".join(b"%s\0%d\0%s" % (p.name.encode(), len(c), c) for p, c in zip(files, contents, strict=True))
    )
    training, validation = (torch.frombuffer(bytearray(part), dtype=torch.uint8).long() for part in parts)
    told = (
        f"{len(files)} modules of the standard library of Python {platform.python_version()}, sha256 "
        f"{digest.hexdigest()[:16]}: {len(training):,} bytes for training, {len(validation):,} for validation"
    )
    return Text(training, validation, digest.hexdigest(), told)


class Block(nn.Module):
    """Attention, then two linear layers, each on normalized input and added to it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_linear = nn.LayerNorm(width), nn.LayerNorm(width)
        self.question, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wider, self.narrower = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        parts = self.question(self.before_attention(x)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.answer(attended.transpose(1, 2).reshape(batch, length, width))
        x = x + self.narrower(functional.gelu(self.wider(self.before_linear(x))))
        return x


class GPT(nn.Module):
    """Predicts the next byte. Its head is a matrix of its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.bytes = nn.Embedding(256, settings.width)
        self.places = nn.Embedding(settings.context, settings.width)
        self.blocks = nn.Sequential(*(Block(settings.width, settings.heads) for _ in range(settings.layers)))
        self.last = nn.LayerNorm(settings.width)
        self.head = nn.Linear(settings.width, 256, bias=False)
        for name, p in self.named_parameters():
            if p.ndim == 2:  # what a block adds is smaller the more blocks there are
                inside = name.endswith(("answer.weight", "narrower.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * settings.layers) if inside else 0.02)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.last(self.blocks(self.bytes(x) + self.places.weight)))
        return logits

    def loss(self, sequences: torch.Tensor) -> torch.Tensor:
        """Of sequences one byte longer than the context."""
        logits = self(sequences[:, :-1])
        return functional.cross_entropy(logits.flatten(0, 1), sequences[:, 1:].flatten())


def cut(text: torch.Tensor, starts: torch.Tensor, context: int) -> torch.Tensor:
    """Sequences of context + 1 bytes that begin at ``starts``."""
    return text[starts[:, None] + torch.arange(context + 1)]


def validate(model: GPT, text: torch.Tensor, settings: Settings) -> float:
    """The mean loss over sequences spread evenly over the text: the same for every run."""
    starts = torch.linspace(0, len(text) - settings.context - 1, settings.validation).long()
    with torch.no_grad():
        losses = [model.loss(cut(text, part, settings.context)) * len(part) for part in starts.split(settings.batch)]
    return float(sum(losses)) / settings.validation


def schedule(step: int, steps: int, warm_up: float) -> float:
    """The share of the learning rate at a step: a linear warm-up, then half a cosine that ends at 0 after the last."""
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def train(
    make: Callable[[Sequence[dict[str, Any]], float], Optimizer],
    text: Text,
    settings: Settings,
    lr: float,
    seed: int,
    steps: int,
) -> Run:
    """One run. The seed decides the first weights and the batches: a longer run begins with a shorter one's batches."""
    started = time.perf_counter()
    torch.manual_seed(seed)
    model = GPT(settings)
    matrices = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim != 2]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = make(groups, lr)
    draw = torch.Generator().manual_seed(seed)
    losses, masks = [], []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * schedule(step, steps, settings.warm_up)
        starts = torch.randint(len(text.training) - settings.context, (settings.batch,), generator=draw)
        loss = model.loss(cut(text.training, starts, settings.context))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
        if 2 * step >= steps:
            losses.append(loss.item())
            if hasattr(optimizer, "mask_mean"):
                masks.append(optimizer.mask_mean.item())
    last = losses[-max(1, steps // 10) :]
    return Run(
        loss=validate(model, text.validation, settings),
        training_loss=sum(last) / len(last),
        mask_mean=sum(masks) / len(masks) if masks else None,
        seconds=time.perf_counter() - started,
    )
