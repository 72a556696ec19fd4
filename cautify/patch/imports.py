"""Where an import may go, and where isort would put it.

The place is chosen inside the run of import statements that holds the optimizer's import, so that nothing the file does
before it (``sys.path``, ``os.environ``, docstring, ``__future__``) is overtaken. Within the run, sections and order
are those of ruff's and isort's defaults, with the settings of the target, or usort's where the target uses that.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from cautify.analysis.syntax import Module, dotted, walk
from cautify.model import Edit
from cautify.patch import usort
from cautify.patch.imported_names import with_names
from cautify.patch.style import Style

_FUTURE, _STDLIB, _THIRD, _FIRST, _LOCAL = range(5)
_ISORT_BOUNDARY = re.compile(r"#\s*(?:isort|ruff):\s*(?:\w+\s*)?(?:off|on|split|skip)|#\s*fmt:\s*(?:off|on)")


@dataclass(frozen=True)
class Import:
    """``from module import name``; ``module`` keeps its leading dots."""

    module: str
    name: str

    @property
    def text(self) -> str:
        """The statement."""
        return f"from {self.module} import {self.name}"


class ImportPlacer:
    """Places imports in one module."""

    def __init__(self, module: Module, style: Style, file: Path, package: str | None) -> None:
        """``file`` is the module's absolute path, ``package`` the top-level package it is imported from, if any."""
        self.module = module
        self.style = style
        self.file = file
        self.package = package

    # -- at the top of a module -----------------------------------------------------------------------------------

    def top_level(self, new: Import, anchor: cst.CSTNode | None) -> Edit | None:
        """The edit that imports ``new`` beside the import statement ``anchor``, or None where there is no place."""
        body = self.module.tree.body
        if anchor is not None:
            at = self._index(anchor, body)
            if at is None:
                return self._inline(new, anchor)
        else:
            at = next((n for n, s in enumerate(body) if self._is_import(s)), None)
            if at is None:
                return None
        return self._into_run(new, self._run(body, self._past_path_changes(at, new)))

    def either_way(self, new: Import, by_path: Import, anchor: cst.CSTNode | None) -> Edit | None:
        """The import of ``new``, and of ``by_path`` where there is no package, below the imports around ``anchor``."""
        body = self.module.tree.body
        at = self._index(anchor, body) if anchor is not None else None
        if at is None:
            at = next((n for n, s in enumerate(body) if self._is_import(s)), None)
        if at is None:
            return None
        last = self._run(body, at)[-1]
        end = self.module.source.line_end(self.module.span(last)[1])
        unit = self.module.tree.default_indent
        following = body[body.index(last) + 1 :]
        gap = "\n" if following and not _begins_blank(following[0]) else ""
        text = f"\n\ntry:\n{unit}{new.text}\nexcept ImportError:\n{unit}{by_path.text}{gap}"
        return self.module.source.edit(end, end, text, "import")

    def _index(self, node: cst.CSTNode, body: Sequence[cst.CSTNode]) -> int | None:
        chain = [node, *self.module.ancestors(node)]
        for n, statement in enumerate(body):
            if statement in chain:
                return n if self._is_import(statement) else None
        return None

    def _is_import(self, statement: cst.CSTNode) -> bool:
        return (
            isinstance(statement, cst.SimpleStatementLine)
            and all(isinstance(s, (cst.Import, cst.ImportFrom)) for s in statement.body)
            and not self._is_future(statement)
        )

    def _is_future(self, statement: cst.SimpleStatementLine) -> bool:
        return any(isinstance(s, cst.ImportFrom) and dotted(s.module) == "__future__" for s in statement.body)

    def _joins(self, one: cst.CSTNode, two: cst.CSTNode) -> bool:
        """Whether two neighbours are imports that isort sorts together."""
        if not (self._is_import(one) and self._is_import(two)):
            return False
        assert isinstance(two, cst.SimpleStatementLine)
        assert isinstance(one, cst.SimpleStatementLine)
        if self.style.usort and (usort.is_barrier(one) or usort.is_barrier(two)):
            return False
        comments = [line.comment.value for line in two.leading_lines if line.comment]
        trailing = one.trailing_whitespace.comment
        return not any(_ISORT_BOUNDARY.search(c) for c in [*comments, *([trailing.value] if trailing else [])])

    def _run(self, body: Sequence[cst.CSTNode], at: int) -> list[cst.SimpleStatementLine]:
        """The imports around one import that are sorted together with it."""
        first = last = at
        while first > 0 and self._joins(body[first - 1], body[first]):
            first -= 1
        while last + 1 < len(body) and self._joins(body[last], body[last + 1]):
            last += 1
        return [s for s in body[first : last + 1] if isinstance(s, cst.SimpleStatementLine)]

    def _inline(self, new: Import, anchor: cst.CSTNode) -> Edit:
        """Behind an import that shares its line with other code."""
        at = self.module.span(anchor)[1]
        return self.module.source.edit(at, at, f"; {new.text}", "import")

    def _past_path_changes(self, at: int, new: Import) -> int:
        """The next import after the last ``sys.path`` change, when the import needs it."""
        if new.module.startswith(".") or b"sys.path" not in self.module.source.utf8:
            return at
        body = self.module.tree.body
        for n in range(len(body) - 1, at, -1):
            statement = body[n]
            if isinstance(statement, cst.SimpleStatementLine) and "sys.path" in self.module.text(statement):
                later = next((m for m in range(n + 1, len(body)) if self._is_import(body[m])), None)
                return later if later is not None else at
        return at

    def _into_run(self, new: Import, run: list[cst.SimpleStatementLine]) -> Edit:
        section = self._section(new.module)
        key = self._key(new.module, is_from=True)
        same = [s for s in run if self._section(_modules(s)[0]) == section]
        for statement in same:
            if self._statement_key(statement) > key:
                return self._before(statement, new, "")
        if same:
            return self._after(same[-1], new, "")
        lower = [s for s in run if self._section(_modules(s)[0]) < section]
        if lower:
            return self._after(lower[-1], new, "\n")
        return self._before(run[0], new, "\n")

    def _before(self, statement: cst.SimpleStatementLine, new: Import, blank: str) -> Edit:
        source = self.module.source
        start = self.module.span(statement)[0]
        line = at = source.line_start(start)
        indent = source.slice(at, start)
        if statement is not self.module.tree.body[0]:
            at = comment_start(self.module, at)
        blank = "\n" if at != line else blank
        return source.edit(at, at, f"{indent}{new.text}{_pragma(statement)}\n{blank}", "import")

    def _after(self, statement: cst.SimpleStatementLine, new: Import, blank: str) -> Edit:
        source = self.module.source
        start, end = self.module.span(statement)
        indent = source.slice(source.line_start(start), start)
        at = source.line_end(end)
        return source.edit(at, at, f"{blank}\n{indent}{new.text}{_pragma(statement)}", "import")

    # -- order ----------------------------------------------------------------------------------------------------

    def _statement_key(self, statement: cst.SimpleStatementLine) -> tuple[object, ...]:
        return self._key(_modules(statement)[0], is_from=isinstance(statement.body[0], cst.ImportFrom))

    def _key(self, name: str, is_from: bool) -> tuple[object, ...]:
        if self.style.usort:
            return usort.key(name, is_from)
        level = len(name) - len(name.lstrip("."))
        cased = name if self.style.case_sensitive else name.lower()
        natural = [(int(p) if p.isdigit() else -1, p) for p in re.split(r"(\d+)", cased)]
        kind = 0 if self.style.force_sort_within_sections else int(is_from)
        return (kind, -level, natural, name)

    def _section(self, name: str) -> int:
        top = name.partition(".")[0]
        if self.style.usort:
            package = usort.package_of(self.file) if self.style.finds_package else None
            return usort.category(name, self.style.known_first_party, package)
        if name.startswith("."):
            return _LOCAL
        if top == "__future__":
            return _FUTURE
        if top in sys.stdlib_module_names:
            return _STDLIB
        if top in self.style.known_first_party or top == self.package:
            return _FIRST
        if any((r / top).is_dir() or (r / f"{top}.py").is_file() for r in self.style.source_roots):
            return _FIRST
        if top == "cautious_optimizer" and self.file.parent in [r.resolve() for r in self.style.source_roots]:
            return _FIRST
        return _THIRD

    # -- elsewhere ------------------------------------------------------------------------------------------------

    def in_function(self, new: Import, anchor: cst.CSTNode, use: cst.CSTNode) -> Edit:
        """The import among those around an import statement inside a function, for a use in that function."""
        statement = self.module.statement(anchor)
        block = self.module.parents.get(statement)
        body = block.body if isinstance(block, cst.IndentedBlock) else ()
        at = self._index(anchor, body)
        if at is not None:
            return self._into_run(new, self._run(body, at))
        if not body or not isinstance(statement, cst.SimpleStatementLine) or self.module.statement(use) is statement:
            return self._inline(new, anchor)
        return self._after(statement, new, "")

    def at_start_of(self, new: Import, function: cst.FunctionDef) -> Edit:
        """The import as the first statement of a function, after its docstring."""
        body = function.body.body
        source = self.module.source
        first = body[0]
        documented = function.get_docstring() is not None
        if not isinstance(function.body, cst.IndentedBlock) or (documented and _shares_line(first)):
            small = first.body if isinstance(first, cst.SimpleStatementLine) else body
            at = self.module.span(small[1 if documented and len(small) > 1 else 0])[0]
            return source.edit(at, at, f"{new.text}; ", "import")
        start, end = self.module.span(first)
        indent = source.slice(source.line_start(start), start)
        following = body[1:2] if documented else body[:1]
        gap = "" if not following or self._is_import(following[0]) or _blank_before(following[0]) else "\n"
        if documented:
            at = source.line_end(end)
            return source.edit(at, at, f"\n{indent}{new.text}" + gap, "import")
        at = comment_start(self.module, source.line_start(start))
        return source.edit(at, at, f"{indent}{new.text}\n{gap}", "import")

    def before_statement(self, new: Import, node: cst.CSTNode) -> Edit:
        """The import above the statement that holds a node; above the class, if that is in a class body."""
        source = self.module.source
        statement = self.module.statement(node)
        classes = [a for a in self.module.ancestors(node) if isinstance(a, cst.ClassDef)]
        if classes:
            statement = classes[-1]
        line = statement_line(self.module, statement)
        text = source.slice(line, source.line_end(line))
        indent = text[: len(text) - len(text.lstrip(" \t"))]
        at = comment_start(self.module, line)
        gap = "\n\n" if isinstance(statement, (cst.FunctionDef, cst.ClassDef)) and not indent else "\n"
        return source.edit(at, at, f"{indent}{new.text}\n{gap}", "import")

    # -- one more name --------------------------------------------------------------------------------------------

    def add_name(self, statement: cst.ImportFrom, name: str) -> Edit | None:
        """``name`` added, in order, to the names of a ``from`` import."""
        found = with_names(self.module, statement, [name], self.style)
        return found[0] if found else None


def _shares_line(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.SimpleStatementLine) and len(statement.body) > 1


def _blank_before(statement: cst.CSTNode) -> bool:
    """Whether a blank line stands above a statement."""
    return any(line.comment is None for line in getattr(statement, "leading_lines", ()))


def _pragma(neighbour: cst.SimpleStatementLine) -> str:
    """The comment that lets a linter accept an import below code, if the neighbour needs it too."""
    comment = neighbour.trailing_whitespace.comment
    found = re.search(r"#\s*noqa:\s*E402\b", comment.value) if comment else None
    return "  # noqa: E402" if found else ""


def statement_line(module: Module, statement: cst.CSTNode) -> int:
    """Where the first line of a statement begins, that of its first decorator if it has some."""
    decorators = getattr(statement, "decorators", ())
    return module.source.line_start(module.span(decorators[0] if decorators else statement)[0])


def comment_start(module: Module, line_start: int) -> int:
    """Where the comment lines directly above a line begin, or the line itself."""
    source = module.source
    while line_start > 0:
        above = source.line_start(line_start - 1)
        if not source.slice(above, line_start).lstrip().startswith("#"):
            break
        line_start = above
    return line_start


def _begins_blank(statement: cst.CSTNode) -> bool:
    lines: Sequence[cst.EmptyLine] = getattr(statement, "leading_lines", ())
    return len(lines) > 0 and lines[0].comment is None


def _modules(statement: cst.SimpleStatementLine) -> list[str]:
    """The modules that an import line names, with leading dots."""
    names: list[str] = []
    for s in statement.body:
        if isinstance(s, cst.ImportFrom):
            names.append("." * len(s.relative) + dotted(s.module))
        elif isinstance(s, cst.Import):
            names += [dotted(alias.name) for alias in s.names]
    return names


def there_either_way(node: cst.CSTNode, module: Module) -> bool:
    """Whether a try imports an optimizer of a library, and something of torch where that fails: torch is there."""
    tried = next((a for a in module.ancestors(node) if isinstance(a, cst.Try)), None)
    if tried is None or not module.unconditional(tried):
        return False
    held = [walk(handler.body) for handler in tried.handlers]
    return bool(held) and all(any(_is_of_torch(n) for n in nodes) for nodes in held)


def _is_of_torch(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.ImportFrom) and dotted(node.module).partition(".")[0] == "torch"
