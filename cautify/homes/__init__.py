"""Where a switch can be declared, one file for each kind of home; and what it is called there."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass, replace

ENABLED = "use_cautious_optimizer"
EPS = "cautious_eps"
ENABLED_SAYS = "mask the updates that disagree in sign with the gradient"
EPS_SAYS = "added to the mean of the mask, by which the update is divided"


@dataclass(frozen=True)
class Spelling:
    """What the two names of a switch are called in one home, in the manner of the neighbours, and how they default.

    ``on`` says that the switch is on unless a user turns it off. What a read gives where the names are missing is the
    default that is declared: there is one rule.
    """

    enabled: str = ENABLED
    eps: str = EPS
    on: bool = False

    @property
    def names(self) -> tuple[str, str]:
        """Both names."""
        return self.enabled, self.eps

    @property
    def defaults(self) -> tuple[str, str]:
        """The values of both, as Python writes them."""
        return str(self.on), "1e-8"

    def like(self, rate: str) -> Spelling:
        """The names in the manner of the learning rate's: ``LR`` gives capitals, ``learningRate`` camel case."""
        if rate.isupper():
            return replace(self, enabled=self.enabled.upper(), eps=self.eps.upper())
        if "_" not in rate and rate != rate.lower() and rate[:1].islower():
            return replace(self, enabled=_camel(self.enabled), eps=_camel(self.eps))
        return self

    def dashed(self) -> Spelling:
        """The names with dashes."""
        return replace(self, enabled=self.enabled.replace("_", "-"), eps=self.eps.replace("_", "-"))

    def attributes(self, base: str) -> tuple[str, str]:
        """The expressions that read both of an object that has them."""
        return f"{base}.{self.enabled}", f"{base}.{self.eps}"

    def asked(self, base: str) -> tuple[str, str]:
        """The expressions that read both of an object that may lack them."""
        enabled, eps = (f'getattr({base}, "{n}", {v})' for n, v in zip(self.names, self.defaults, strict=True))
        return enabled, eps

    def looked_up(self, base: str) -> tuple[str, str]:
        """The expressions that read both of a dict that may lack them."""
        enabled, eps = (f'{base}.get("{n}", {v})' for n, v in zip(self.names, self.defaults, strict=True))
        return enabled, eps

    def taken(self, name: str) -> str:
        """The end of the sentence that one of the names means something else: what can be done about it."""
        return " (--flag-name gives the switch another name)" if name == self.enabled else ""


DEFAULT = Spelling()

_SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_RATE = re.compile(r"(?:^|_)(?:lr|learning_?rate)(?:$|_)")
_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML takes for something else than a key's name."""


def unfit(name: str) -> str | None:
    """Why a switch cannot be called ``name`` in every home, or None."""
    if not _SNAKE.fullmatch(name):
        return "it is not an identifier in snake case"
    if keyword.iskeyword(name) or name in dir(builtins) or name in _YAML:
        return "Python or YAML means something else by it"
    if name == EPS:
        return "that is the name of the epsilon beside it"
    return "it reads as the name of a learning rate" if _RATE.search(name) else None


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
