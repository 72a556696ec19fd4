"""The words that a patch brings into a tree, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from cautify.homes import ENABLED, EPS
from cautify.patch.logical import code_tokens
from cautify.patch.vendor import CLASS_NAME

STEM = "cautious_optimizer"
_SAYS = re.compile(
    r"mask(?:s|ed|ing)? (?:the )?updates that disagree|updates that disagree .* are masked"
    r"|added to the mean of the mask",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z_][\w-]*")


def _key(word: str) -> str:
    """What all spellings of a name have in common: case, dashes and underscores are the neighbours'."""
    return word.rpartition(".")[2].rpartition("/")[2].replace("-", "").replace("_", "").lower()


@dataclass(frozen=True)
class Words:
    """The two names of the switch in a tree, and what the runtime is called; empty where the patch declares none."""

    enabled: str = ENABLED
    eps: str = EPS
    modules: frozenset[str] = frozenset({STEM})
    """The names of the runtime's modules, without the packages they lie in."""

    @cached_property
    def _keys(self) -> frozenset[str]:
        keys = {_key(self.enabled), _key(self.eps)} - {""}
        return frozenset(keys | {f"no{_key(self.enabled)}"} if self.enabled else keys)

    def names(self, word: str | None) -> bool:
        """Whether a word is a name of the switch, in whatever spelling, or an option of that name."""
        return word is not None and _key(word) in self._keys

    def imports(self, module: str) -> bool:
        """Whether a dotted or relative module name is the runtime's."""
        return module.rpartition(".")[2] in self.modules

    def in_text(self, text: str) -> Iterator[tuple[int, str]]:
        """Offset and word of each trace in a text."""
        for match in _WORD.finditer(text):
            word = match.group()
            if word == CLASS_NAME or word in self.modules or self.names(word):
                yield match.start(), word

    @cached_property
    def _needle(self) -> re.Pattern[bytes]:
        words = [CLASS_NAME, *self.modules, *(name for name in (self.enabled, self.eps) if name)]
        spelled = ("[-_]?".join(map(re.escape, word.split("_"))) for word in sorted(words))
        return re.compile("|".join(spelled).encode("utf-8"), re.IGNORECASE)

    @cached_property
    def _pieces(self) -> tuple[bytes, ...]:
        """Something that every spelling has, as far as it is found fast: a long, rare part without its capital."""
        words = [CLASS_NAME[1:8], *self.modules, *(name for name in (self.enabled, self.eps) if name)]
        longest = {max(word.split("_"), key=lambda part: (part != "optimizer", len(part)))[1:] for word in words}
        return tuple(piece.encode() for part in sorted(longest) for piece in (part, part.upper()))

    def anywhere(self, data: bytes) -> bool:
        """Whether a file may hold a trace at all, in code or in prose."""
        return any(piece in data for piece in self._pieces) and self._needle.search(data) is not None

    def in_code(self, text: str) -> Iterator[tuple[int, str]]:
        """Offset and word of each trace in Python code: names, and strings that are nothing else."""
        for at, token in code_tokens(text):
            word = token.lstrip("bBfFrRuU").strip("\"'").lstrip("-") if token[-1] in "\"'" else token
            for part in word.split(".") if token[-1] not in "\"'" else (word,):
                if part == CLASS_NAME or part in self.modules or self.names(part):
                    yield at, part


def explains_switch(comment: str) -> bool:
    """Whether a comment or docstring is one that cautify puts beside what it declares."""
    return _SAYS.search(comment) is not None


def narrowed(words: Words, written: Iterable[bytes]) -> Words:
    """The words that a patch really brought: a name that it never wrote is the target's own."""
    text = b"\n".join(written).decode("utf-8", "replace")
    found = {_key(match.group()) for match in _WORD.finditer(text)}
    return Words(
        words.enabled if _key(words.enabled) in found else "",
        words.eps if _key(words.eps) in found else "",
        words.modules,
    )
