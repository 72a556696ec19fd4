"""Where each node of a module stands: what libcst's ByteSpanPositionProvider computes, at less than half its price.

libcst finds positions by writing the code out again and noting how far it has got. So does this; it only spares the
wrapper's second walk and the generator behind each context manager. Held equal to libcst's own by a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from types import TracebackType

import libcst as cst
from libcst._nodes.internal import CodegenState

from cautify.analysis.deferred import Body
from cautify.analysis.direct import parsed
from cautify.errors import ProofFailed
from cautify.source import Source


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


class Positions:
    """Where the nodes of one file stand. ``parents`` may grow."""

    def __init__(self, tree: cst.Module, source: Source, parents: Mapping[cst.CSTNode, cst.CSTNode]) -> None:
        self.tree = tree
        self.source = source
        self.parents = parents
        self._located: dict[cst.CSTNode, tuple[int, int]] = {}
        self._bounds: dict[cst.CSTNode, tuple[int, int]] = {}
        self._bodies: dict[cst.CSTNode, Body] = {}

    def bound(self, node: cst.CSTNode, start: int, end: int) -> None:
        """Note between which characters of the file a function, or a statement in it, stands."""
        self._bounds[node] = start, end

    def standing_in(self, statements: Sequence[cst.CSTNode], body: Body) -> None:
        """Note in which lines of a function some statements stand that were parsed together."""
        self._bodies.update(dict.fromkeys(statements, body))

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Start and end of a node in the normalised buffer, without the parentheses around it.

        Raises:
            ProofFailed: libcst does not write the file as it is.
        """
        if node not in self._located and "_spans" not in self.__dict__:
            self._locate_calls_beside(node)
            if node not in self._located:
                self._locate_around(node)
        if node in self._located:
            return self._located[node]
        start, end = self._spans[node]
        if end > self._reproduced:
            what = "its parser does not reproduce it to the byte"
            raise ProofFailed(self.source.path, what, "Leave it out with --exclude.")
        return start, end

    @cached_property
    def _spans(self) -> Mapping[cst.CSTNode, tuple[int, int]]:
        spans, code = locate(self.tree)
        self._reproduced = _common_prefix(code, self.source.text)
        return spans

    def _locate_calls_beside(self, node: cst.CSTNode) -> None:
        """For a call that is a statement, ask ``ast`` where that and all others of its kind beside it stand."""
        line = self.parents.get(self.parents.get(node, node), node)
        body = self._bodies.get(line)
        tree = parsed(f"async def _():\n{body.text}\n") if body is not None and isinstance(node, cst.Call) else None
        if body is None or tree is None:
            return
        smalls: list[cst.CSTNode] = []
        for statement in body.statements:
            smalls += statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
        outlines = tree.body[0].body  # type: ignore[attr-defined]
        first = self._in_bytes(body.start, body.start)[0]
        starts = [0, *accumulate(len(text) + 1 for text in body.text.encode("utf-8").split(b"\n"))]
        for small, outline in zip(smalls, outlines, strict=True) if len(smalls) == len(outlines) else ():
            if isinstance(small, cst.Expr) and isinstance(small.value, cst.Call):
                value = outline.value
                begin, end = starts[value.lineno - 2], starts[value.end_lineno - 2]
                self._located[small.value] = first + begin + value.col_offset, first + end + value.end_col_offset

    def _locate_around(self, node: cst.CSTNode) -> None:
        """Find a statement around a node by its text, where no other has the same: most files are never written out.

        Positions take longer than parsing, and few statements of a file are ever asked for.
        """
        chain, whole = [node], (0, len(self.source.utf8))
        while (above := self.parents.get(chain[-1])) is not None:
            chain.append(above)
        places = [n for n, around in enumerate(chain) if n and isinstance(around, (cst.IndentedBlock, cst.Module))]
        function = next((f for f in reversed(chain) if f in self._bounds), None)
        data = self.source.utf8
        for place in places:
            low, high = next((self._in_bytes(*self._bounds[n]) for n in chain[place - 1 :] if n in self._bounds), whole)
            statement = chain[place - 1]
            outer = [b for b in reversed(chain[place:]) if isinstance(b, cst.IndentedBlock)]
            indents = [self.tree.default_indent if b.indent is None else b.indent for b in outer]
            spans, code = locate_statement(statement, indents, self.tree)
            text = code.encode("utf-8")
            at = data.find(text, low, high)
            while at > 0 and data[at - 1 : at] != b"\n":
                at = data.find(text, at + 1, high)
            if at >= 0 and text.strip() and data.find(text, at + 1, high) < 0:
                self._located.update((n, (start + at, end + at)) for n, (start, end) in spans.items())
                return
            if at < 0 or function is None or statement is function:
                return  # the whole file has to be written out, then

    def _in_bytes(self, start: int, end: int) -> tuple[int, int]:
        """The bounds of a function or statement in UTF-8, with the newline behind it."""
        text, data = self.source.text, self.source.utf8
        if len(text) == len(data):
            return start, end + 1
        low = len(text[:start].encode("utf-8"))
        return low, low + len(text[start:end].encode("utf-8")) + 1


def _common_prefix(code: str, text: str) -> int:
    """How many bytes are the same. libcst loses a blank line at the end of some files; spans before that are right."""
    if code == text:
        return len(text.encode("utf-8"))
    same = next(
        (n for n, (one, two) in enumerate(zip(code, text, strict=False)) if one != two), min(len(code), len(text))
    )
    return len(text[:same].encode("utf-8"))
