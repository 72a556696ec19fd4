"""What a patch wrote, piece by piece, as the code says it: each declaration, hand-over, wrap and import of ours.

Code around a piece and inside a wrap is its owner's, and so is the layout; neither is part of what a piece says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from cautify.analysis.nodes import dotted
from cautify.analysis.syntax import Module, Unparsable
from cautify.patch.logical import Logical, indentation, logical_lines, moved
from cautify.patch.takeout import inner_of, runtime_names
from cautify.patch.traces import Words, explains_switch
from cautify.patch.undeclare import found_declarations
from cautify.patch.unimport import aliases, of_runtime
from cautify.source import Undecodable, read_source

_PLAIN = re.compile(r"'[^'\"\\\n]*'")
_COMPOUND = re.compile(r"(?:async\s+)?(?:def|class|if|elif|for|while|with|try|except|else|finally)\b")
_KEY = re.compile(r"""^\s*(?:-\s+)?["']?(?P<name>[\w.-]+)["']?\s*:\s*(?P<value>[^#]*)""")


@dataclass(frozen=True)
class Piece:
    """``says`` is its tokens. ``about`` is what it is of: pieces of the same are versions of each other."""

    line: int
    about: str
    says: tuple[str, ...]


def pieces(path: str, data: bytes, words: Words) -> list[Piece]:
    """The pieces in a file, or in a part of one that holds its statements whole, in order."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if not path.endswith(".py"):
        return list(_keys(text, words))
    found: list[Piece] = []
    for line in logical_lines(text):
        statement = text[line.start : line.end]
        number = text.count("\n", 0, line.start) + 1
        indent = indentation(text, line.start)
        if words.anywhere(statement.encode("utf-8", "replace")):
            found += _of(moved(statement, indent, ""), number, words, inside=bool(indent))
        elif len(line.tokens) == 1 and explains_switch(statement):
            found.append(Piece(number, "comment", (" ".join(statement.split()),)))
    return found + list(_comments(text))


def _of(statement: str, number: int, words: Words, *, inside: bool) -> Iterator[Piece]:
    """The pieces of one statement, or of the head of one. ``inside`` is whether it is indented."""
    if statement.startswith("raise"):
        yield Piece(number, "guard", _tokens(statement))
        return
    if statement.startswith("@"):
        code = f"{statement}\ndef f():\n    pass\n"
    elif _COMPOUND.match(statement):
        code = f"{statement.removeprefix('el')}\n    pass\n"
    else:
        code = f"{statement}\n"
    try:
        module = Module(read_source("statement.py", code.encode("utf-8", "surrogateescape")))
        cuts = list(found_declarations(module, words))
    except (Unparsable, Undecodable, UnicodeEncodeError):
        yield Piece(number, "statement", _tokens(statement))
        return
    text = module.source.utf8
    for start, end, instead in cuts:
        said = _tokens(text[start:end].decode("utf-8"))
        if said and len(said) > 1 and said[1] == "(":
            said = (said[0].rpartition(".")[2], *said[1:])  # what the parser, group or dict is called is its owner's
        below = text.count(b"\n", 0, start)
        if said and not instead:
            yield Piece(number + below, _about(said, words), said)
        elif said:
            yield Piece(number + below, "filter", said)
    called = runtime_names(module, words)
    for call in module.calls:
        if inner_of(call, called) is not None:
            said = ("wrap", *sorted(_said(module, arg) for arg in call.args[1:]))
            yield Piece(number + module.line(call) - 1, "wrap", said)
    for statement_of in module.imports:
        for alias in aliases(statement_of):
            if of_runtime(statement_of, alias, words) or words.names(alias.evaluated_name):
                line = module.statement(statement_of)
                alone = "inside" if inside else "" if len(getattr(line, "body", ())) == 1 else "among others"
                said = (_source(statement_of), alias.evaluated_name, alias.evaluated_alias or "", alone)
                yield Piece(number, "import", said)


def _source(statement: cst.Import | cst.ImportFrom) -> str:
    if isinstance(statement, cst.Import):
        return ""
    return "." * len(statement.relative) + dotted(statement.module)


def _said(module: Module, arg: cst.Arg) -> str:
    return " ".join(_tokens(module.tree.code_for_node(arg.with_changes(comma=cst.MaybeSentinel.DEFAULT))))


def _tokens(text: str) -> tuple[str, ...]:
    """What a text says: without layout, comments and the commas around it."""
    lines: list[Logical] = logical_lines(text)
    said = [_quoted(token) for line in lines for token in line.tokens if not token.startswith("#")]
    while said and said[0] == ",":
        said.pop(0)
    while said and said[-1] == ",":
        said.pop()
    return tuple(said)


def _quoted(token: str) -> str:
    """A token; a plain string always with the same quotes, which are layout."""
    return f'"{token[1:-1]}"' if _PLAIN.fullmatch(token) else token


def _about(said: tuple[str, ...], words: Words) -> str:
    parts = (part.strip("\"'").lstrip("-") for word in said for part in (word, word.rpartition(".")[2]))
    names = sorted({part.replace("-", "_").lower() for part in parts if words.names(part)})
    return f"declaration {names[0]}" if names else "statement"


def _comments(text: str) -> Iterator[Piece]:
    """The comments that explain what is declared below them."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.lstrip().startswith("#") and explains_switch(line):
            yield Piece(number, "comment", (line.strip(),))


def _keys(text: str, words: Words) -> Iterator[Piece]:
    for number, line in enumerate(text.split("\n"), start=1):
        match = _KEY.match(line)
        if match is not None and words.names(match["name"]):
            yield Piece(number, f"declaration {match['name'].lower()}", (match["name"], match["value"].strip()))
