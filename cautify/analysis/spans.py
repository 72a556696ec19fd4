"""Where each node of a module stands: what libcst's ByteSpanPositionProvider computes, at half its price.

libcst finds positions by writing the code out again and noting how far it has got. So does this; it only spares the
wrapper's second walk and the generator behind each context manager. Held equal to libcst's own by a test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType

import libcst as cst
from libcst._nodes.internal import CodegenState


@dataclass
class _State(CodegenState):
    """Collects tokens and, for each node, the offsets in UTF-8 at which it begins and ends."""

    at: int = 0
    spans: dict[cst.CSTNode, tuple[int, int]] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)

    def add_indent_tokens(self) -> None:
        self.tokens.extend(self.indent_tokens)
        self.at += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.at += len(value) if value.isascii() else len(value.encode("utf-8"))

    def before_codegen(self, node: cst.CSTNode) -> None:
        self.begun.append(self.at)

    def after_codegen(self, node: cst.CSTNode) -> None:
        start = self.begun.pop()
        if node not in self.spans:
            self.spans[node] = (start, self.at)

    def record_syntactic_position(  # type: ignore[override]
        self, node: cst.CSTNode, *, start_node: cst.CSTNode | None = None, end_node: cst.CSTNode | None = None
    ) -> _Recording:
        return _Recording(self, node, start_node, end_node)


class _Recording:
    """Notes where a node's own tokens begin and end, without the white space that it owns."""

    __slots__ = ("end_node", "node", "start", "start_node", "state")

    def __init__(
        self, state: _State, node: cst.CSTNode, start_node: cst.CSTNode | None, end_node: cst.CSTNode | None
    ) -> None:
        self.state, self.node, self.start_node, self.end_node = state, node, start_node, end_node

    def __enter__(self) -> None:
        self.start = self.state.at

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        spans = self.state.spans
        start = spans[self.start_node][0] if self.start_node is not None else self.start
        end = spans[self.end_node][1] if self.end_node is not None else self.state.at
        spans[self.node] = (start, end)


def locate(tree: cst.Module) -> tuple[dict[cst.CSTNode, tuple[int, int]], str]:
    """The span of every node, as byte offsets in the UTF-8 code, and that code as libcst writes it."""
    state = _State(default_indent=tree.default_indent, default_newline=tree.default_newline)
    tree._codegen(state)
    return state.spans, "".join(state.tokens)


def locate_statement(
    statement: cst.CSTNode, indents: list[str], tree: cst.Module
) -> tuple[dict[cst.CSTNode, tuple[int, int]], str]:
    """The same for one statement, counted from the begin of its leading lines; ``indents`` are those of its block."""
    state = _State(default_indent=tree.default_indent, default_newline=tree.default_newline)
    state.indent_tokens.extend(indents)
    statement._codegen(state)
    return state.spans, "".join(state.tokens)
