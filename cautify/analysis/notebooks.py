"""Optimizers that notebooks make. Notebooks are not edited, so each of these is a place to wrap by hand.

Cells are parsed with ``ast``, in order, and names are followed through imports only. Rows point into the file itself.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cautify.analysis import evidence
from cautify.analysis.contained import OTHER_FRAMEWORKS
from cautify.analysis.direct import Imports, calls, makes_one, parsed, remedy, statements_and_calls
from cautify.analysis.glance import takes_parameters
from cautify.analysis.places import Place, row
from cautify.model import Options, Problem, Site
from cautify.optimizers import Catalogue, Momentum

_TOKEN = re.compile(r'"(?:[^"\\]+|\\.)*"|[{}\[\]]')
_CHARACTER = re.compile(r"\\u[dD][89abAB]\w\w\\u[dD][c-fC-F]\w\w|\\u\w{4}|\\.|[^\\]", re.DOTALL)
_MAGIC = re.compile(r"^(\s*)(?:[%!?].*|\w+(?:\s*,\s*\w+)*\s*=\s*[%!].*|[\w.]+\?+\s*)$")
_PYTHON_CELLS = re.compile(r"%%(?:time|timeit|capture|prun|script python)\b")

_CLASS = re.compile(r"\b([A-Z]\w*)\s*\(")
_BY_HAND = "notebooks are not edited; wrap it by hand in the cell: CautiousOptimizer.wrap(...)"


@dataclass(frozen=True)
class Cell:
    """The lines of one code cell. ``number`` counts all cells of the notebook, from 1."""

    number: int
    lines: tuple[str, ...]


def notebook(path: str, text: str, catalogue: Catalogue, options: Options) -> tuple[list[Site], Problem | None]:
    """The rows of one notebook, and a problem if it, or a cell of it that mentions an optimizer, cannot be parsed."""
    names = catalogue.class_names | catalogue.builder_names | catalogue.factory_names
    mentions = re.compile(rf"\b(?:{'|'.join(sorted(names))})\s*\(")
    like = {name for name in set(_CLASS.findall(text)) if evidence.looks_like_class(name)}
    if not like and not mentions.search(text):
        return [], None
    try:
        cells = list(_cells(json.loads(text, strict=False)))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        return [], Problem(path, "unparsable", f"it is not a notebook in JSON ({error})")
    sites: list[Site] = []
    problem: Problem | None = None
    imports = Imports()
    places: Places | None = None
    for cell in cells:
        tree = _parsed(cell.lines)
        if tree is None:
            if problem is None and mentions.search("\n".join(cell.lines)):
                problem = Problem(path, "unparsable", f"cell {cell.number} mentions an optimizer and is no Python")
            continue
        nodes = statements_and_calls(tree)
        imports.learn(nodes)
        for call in calls(nodes, names | like, imports):
            verdict = _judged(call, imports.qualified(call.func, catalogue), catalogue)
            if verdict is not None:
                places = places or Places(path, text)
                optimizers, detail, reason, form = verdict
                place = places.place(cell, call)
                sites.append(row(place, optimizers, detail, options, catalogue, reason=reason, form=form))
    return sites, problem


def _judged(call: ast.Call, name: str, catalogue: Catalogue) -> tuple[list[str], str, str, str] | None:
    """What a call makes, what to do about it, the reason and the form; None when it makes no optimizer."""
    optimizer = catalogue.optimizer(name)
    if optimizer is not None:
        if optimizer.momentum and not _given(call, optimizer.momentum):
            what = f"its {optimizer.momentum.keyword} is 0, so masking does nothing"
            return [name], what, "no-momentum", "call"
        return [name], _BY_HAND, "notebook", "call"
    factory = catalogue.factory(name)
    if factory is not None and not factory.generic:
        return [], factory.why if factory.reason else _BY_HAND, factory.reason or "notebook", "factory"
    builder = catalogue.builder(name)
    if builder is not None:
        return ([], remedy(call, builder), "built-by-library", "factory") if makes_one(call, builder) else None
    last = name.rpartition(".")[2]
    if name.partition(".")[0] in OTHER_FRAMEWORKS or not evidence.looks_like_class(last) or not takes_parameters(call):
        return None
    return [name], f"{name} is not known to cautify; if it is an optimizer class, wrap it by hand", "ambiguous", "call"


def _given(call: ast.Call, momentum: Momentum) -> bool:
    """Whether a call may set its momentum to something other than 0."""
    keywords = {k.arg: k.value for k in call.keywords}
    if None in keywords or any(isinstance(a, ast.Starred) for a in call.args):
        return True
    positional = call.args[momentum.position] if len(call.args) > momentum.position else None
    value = keywords.get(momentum.keyword, positional)
    return value is not None and not (isinstance(value, ast.Constant) and value.value == 0)


def _cells(document: dict[str, object]) -> Iterator[Cell]:
    cells = document.get("cells")
    for number, cell in enumerate(cells if isinstance(cells, list) else (), 1):
        if cell.get("cell_type") == "code":
            source = cell.get("source", "")
            yield Cell(number, tuple(("".join(source) if isinstance(source, list) else str(source)).split("\n")))


def _parsed(lines: Sequence[str]) -> ast.Module | None:
    """The syntax tree of a cell, lines of the shell and of IPython blanked; an empty one for other languages' cells."""
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%") and not _PYTHON_CELLS.match(first):
        return ast.Module([], [])
    tree = parsed("\n".join(lines))
    if tree is None:
        tree = parsed("\n".join(m[1] + "pass" if (m := _MAGIC.match(line)) else line for line in lines))
    return tree


class Places:
    """Where the lines of cells stand in the file. Made only for notebooks that have something to report."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.sources = [list(strings) for strings in _sources(text)]

    def place(self, cell: Cell, call: ast.Call) -> Place:
        """The place of a call, counted in lines and columns of the ``.ipynb`` file."""
        start = self._offset(cell, call.lineno, call.col_offset)
        end = self._offset(cell, call.end_lineno or call.lineno, call.end_col_offset or 0)
        first = self.text.rfind("\n", 0, start) + 1
        line = self.text.count("\n", 0, start) + 1
        written = cell.lines[call.lineno - 1]
        return Place(self.path, line, start - first, line + self.text.count("\n", start, end), written)

    def _offset(self, cell: Cell, line: int, column: int) -> int:
        """The offset in the file of a line (1-based) and a column (in UTF-8 bytes) of a cell."""
        wanted = sum(len(text) + 1 for text in cell.lines[: line - 1])
        wanted += len(cell.lines[line - 1].encode("utf-8")[:column].decode("utf-8", "replace"))
        at = 0
        for at, end in self.sources[cell.number - 1]:
            characters = _CHARACTER.finditer(self.text, at, end)
            for character in characters:
                if wanted == 0:
                    return character.start()
                wanted -= 1
        return at


def _sources(text: str) -> Iterator[list[tuple[int, int]]]:
    """For each cell, the spans of the strings of its source, without their quotes."""
    stack: list[str] = []  # the open brackets, each with the key it stands under
    key = last = ""
    strings: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text):
        kind = token.group()
        if kind in "{[":
            stack.append(f"{kind}{last}")
            last = ""
        elif kind in "}]":
            closed, last = stack.pop() if stack else "", ""
            if closed == "{" and stack == ["{", "[cells"]:
                yield strings
                strings = []
        else:
            after = text[token.end() : token.end() + 20].lstrip()
            if after.startswith(":"):
                key = last = kind[1:-1]
                continue
            inside = stack[:3] == ["{", "[cells", "{"] and key == "source"
            if inside and (len(stack) == 3 or stack[3:] == ["[source"]):
                strings.append((token.start() + 1, token.end() - 1))
            last = ""
