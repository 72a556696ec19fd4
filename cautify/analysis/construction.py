"""One call that makes an optimizer, and what speaks for or against wrapping it."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from cautify.analysis.names import Class
from cautify.analysis.syntax import Module

UNSUITABLE = frozenset({"closure", "sparse", "no-momentum", "no-benefit"})
"""The reasons for which an optimizer cannot, or need not, be made cautious whatever its config says."""


@dataclass(frozen=True)
class Construction:
    """A call that makes an optimizer. ``wrapper`` is the CautiousOptimizer call around it, if there is one.

    ``reason`` is None when the construction can be made cautious. ``custom`` is the project's own optimizer class.
    ``otherwise`` is the reason that a user's word (a comment, an option) has taken the place of.
    """

    module: Module
    call: cst.Call
    optimizers: tuple[str, ...]
    form: str = "call"
    reason: str | None = None
    detail: str = ""
    wrapper: cst.Call | None = None
    custom: Class | None = None
    otherwise: str | None = None

    @property
    def outer(self) -> cst.Call:
        """The whole expression: the wrap where there is one."""
        return self.wrapper or self.call


def argument(call: cst.Call, keyword: str, position: int | None) -> cst.BaseExpression | None:
    """The value passed for a parameter, by name or by position, or None."""
    for arg in call.args:
        if arg.keyword is not None and arg.keyword.value == keyword:
            return arg.value
    plain = []
    for arg in call.args:
        if arg.keyword is not None or arg.star:
            break
        plain.append(arg.value)
    return plain[position] if position is not None and position < len(plain) else None
