"""Only the edits: generated programs in every encoding and layout keep each byte that is not part of an edit."""

from __future__ import annotations

import ast
import codecs
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cautify.cli import app
from cautify.model import Edit, FilePlan, Options, Plan, Span
from cautify.patch.plan import make_plan
from cautify.source import apply_edits, invert, read_source

PYPROJECT = '[project]\nname = "pkg"\nversion = "0"\nrequires-python = ">=3.10"\n'

TEXTS = {
    "utf-8": ["plain", "häuser", "✓ ok", "Ωmega 🦉"],
    "utf-8-sig": ["plain", "häuser", "✓ ok"],
    "latin-1": ["plain", "gr\xfc\xdfe", "\xa9 nobody"],
    "cp1252": ["plain", "\u20acuro", "\u201cquoted\u201d"],
    "shift_jis": ["plain", "日本", "テスト"],
}
COOKIES = {
    "latin-1": "# -*- coding: latin-1 -*-",
    "cp1252": "# vim: set fileencoding=cp1252 :",
    "shift_jis": "# coding: sjis",
}
NEWLINES = {"unix": ["\n"], "windows": ["\r\n"], "mac": ["\r"], "mixed": ["\n", "\r\n", "\r"]}


@dataclass(frozen=True)
class Program:
    """A generated file, and what was generated it from, for the reports of failures."""

    data: bytes
    newline: str
    encoding: str

    @property
    def lines(self) -> list[bytes]:
        return split(self.data)


def split(data: bytes) -> list[bytes]:
    return [line for line in re.split(rb"(?<=\n)|(?<=\r)(?!\n)", data) if line]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    encoding = draw(st.sampled_from(sorted(TEXTS)))
    newline = draw(st.sampled_from(sorted(NEWLINES)))
    unit = draw(st.sampled_from(["    ", "  ", "\t", "        "]))
    text = st.sampled_from(TEXTS[encoding])
    comment = st.one_of(st.just(""), text.map("  # {}".format), text.map("# {}".format))
    filler = st.lists(
        st.one_of(
            st.sampled_from(["", "", " ", "\t", "\f", "    "]),
            text.map("# {}".format),
            text.map("      # indented {}".format),
            text.map("\f# after a form feed {}".format),
        ),
        max_size=3,
    )

    def gap() -> Iterator[str]:
        yield from draw(filler)

    def construction(name: str, lead: str, indent: str) -> Iterator[str]:
        if draw(st.booleans()):
            yield f"{indent}{lead}torch.optim.{name}(params, lr={rate}){draw(comment)}"
            return
        yield f"{indent}{lead}torch.optim.{name}({draw(comment)}"
        yield f"{indent}{unit}params,{draw(comment)}"
        yield from gap()
        yield f"{indent}{unit}lr={rate}{draw(st.sampled_from(['', ',']))}{draw(comment)}"
        yield f"{indent}){draw(comment)}"

    lines = [COOKIES[encoding]] if encoding in COOKIES else []
    lines += [f'"""{draw(text)}."""', *gap()]
    lines += [f"from dataclasses import dataclass{draw(comment)}", *gap()]
    lines += [f"{draw(st.sampled_from(['', chr(12)]))}import torch{draw(comment)}", *gap(), ""]
    lines += ["@dataclass", f"class Config:{draw(comment)}", *gap()]
    lines += [f"{unit}lr: float = 1e-3{draw(comment)}", *gap()]
    lines += [f"{unit}steps: int = 3", *gap()]
    lines += [f"{unit}def build(self, params):", *gap()]
    lines += [f'{unit * 2}name = "{draw(text)}"', *gap()]
    rate = "self.lr"
    lines += [*construction("AdamW", "opt = ", unit * 2), *gap(), f"{unit * 2}return opt, name", *gap()]
    rate = "1e-2"
    lines += ["def other(params):", *construction("Adam", "return ", unit)]
    lines += draw(st.one_of(st.just([]), filler))
    ends = [draw(st.sampled_from(NEWLINES[newline])) for _ in lines]
    if draw(st.booleans()):
        ends[-1] = ""
    body = "".join(line + end for line, end in zip(lines, ends, strict=True))
    return Program(body.encode(encoding), newline, encoding)


def plan_of(root: Path, data: bytes) -> Plan:
    (root / "pkg").mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "pkg" / "__init__.py").touch()
    (root / "pkg" / "module.py").write_bytes(data)
    return make_plan(root, Options())


def of_module(plan: Plan) -> FilePlan:
    return next(f for f in plan.files if f.path == "pkg/module.py")


class Unpatch(ast.NodeTransformer):
    """Takes the patch out of a syntax tree, knowing nothing of how it was put in."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        wrapped = ast.unparse(node.func) == "CautiousOptimizer.wrap"
        return node.args[0] if wrapped else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        if [alias.name for alias in node.names] == ["CautiousOptimizer"]:
            return None
        node.names = [alias for alias in node.names if alias.name != "field"]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        return None if ast.unparse(node.target) in ("use_cautious_optimizer", "cautious_eps") else node


generated = settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))


@generated
@given(programs())
def test_a_generated_program_is_patched_without_touching_anything_else(program: Program) -> None:
    before = program.data
    ast.parse(before)
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        plan = plan_of(root, before)
        for planned in plan.files:
            assert planned.after is not None
            (root / planned.path).write_bytes(planned.after)
        again = make_plan(root, Options())
    assert plan.problems == ()
    file = of_module(plan)
    after = file.after
    assert after is not None
    assert again.files == ()
    assert file.before == before
    assert apply_edits(before, file.edits) == after
    assert apply_edits(after, invert(before, file.edits)) == before

    assert ast.dump(Unpatch().visit(ast.parse(after))) == ast.dump(ast.parse(before))
    assert b"enabled=self.use_cautious_optimizer" in after

    touched = [e.span for e in file.edits]
    kept = [line for line, span in with_spans(program.lines) if not any(meets(span, t) for t in touched)]
    assert len(kept) >= len(program.lines) - 20
    remaining = iter(split(after))
    assert all(line in remaining for line in kept)

    assert (after.startswith(codecs.BOM_UTF8), after.count(codecs.BOM_UTF8)) == (
        before.startswith(codecs.BOM_UTF8),
        before.count(codecs.BOM_UTF8),
    )
    ends = {re.sub(rb"[^\r\n]", b"", line[-2:]) for line in split(after)[:-1]}
    assert ends <= {end.encode() for end in NEWLINES[program.newline]} | (
        {b"\r\n"} if program.newline == "mixed" else set()
    )
    assert before.endswith((b"\n", b"\r")) == after.endswith((b"\n", b"\r"))


def with_spans(lines: list[bytes]) -> Iterator[tuple[bytes, Span]]:
    start = 0
    for line in lines:
        yield line, Span(start, start + len(line))
        start += len(line)


def meets(line: Span, edit: Span) -> bool:
    """Whether an edit changes a line: an insertion at its very start or end does not."""
    if edit.start == edit.end:
        return line.start < edit.start < line.end
    return edit.start < line.end and line.start < edit.end


@settings(generated, max_examples=8, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # shrinking takes minutes
@given(programs())
def test_apply_apply_revert_is_the_identity(program: Program) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        plan = plan_of(root, program.data)
        module = root / "pkg" / "module.py"
        assert CliRunner().invoke(app, ["apply", directory, "--yes"]).exit_code == 0
        assert module.read_bytes() == of_module(plan).after
        manifest = (root / ".cautify" / "manifest.json").read_bytes()
        assert CliRunner().invoke(app, ["apply", directory, "--yes"]).exit_code == 0
        assert module.read_bytes() == of_module(plan).after
        assert (root / ".cautify" / "manifest.json").read_bytes() == manifest
        assert CliRunner().invoke(app, ["check", directory]).exit_code == 0
        assert CliRunner().invoke(app, ["revert", directory, "--yes"]).exit_code == 0
        assert module.read_bytes() == program.data
        assert not (root / ".cautify").exists()


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.binary(max_size=6)), max_size=6),
)
@example(b"abc", [(1, 1, b"x"), (1, 1, b"y"), (1, 2, b"")])
def test_splicing_can_always_be_undone(data: bytes, wishes: list[tuple[int, int, bytes]]) -> None:
    edits: list[Edit] = []
    end = 0
    for start, stop, replacement in sorted(wishes, key=lambda w: (min(w[:2]), max(w[:2]))):
        low, high = min(start, stop), max(start, stop)
        if end <= low and high <= len(data):
            edits.append(Edit(Span(low, high), replacement))
            end = high
    after = apply_edits(data, edits)
    assert len(after) == len(data) + sum(len(e.replacement) - (e.span.end - e.span.start) for e in edits)
    assert apply_edits(after, invert(data, edits)) == data


@settings(deadline=None, max_examples=150)
@given(programs())
def test_every_position_in_the_buffer_has_its_place_in_the_file(program: Program) -> None:
    source = read_source("module.py", program.data)
    for name in (b"torch.optim.AdamW(", b"torch.optim.Adam(", b"import torch", b"return opt", b"def other("):
        place = source.real(source.utf8.index(name))
        assert program.data[place : place + len(name)] == name
        assert source.real(source.utf8.index(name) + len(name)) == place + len(name)


WHOLE_FILES = {
    "bytes that are no UTF-8": b"# coding: latin-1\nimport torch\n\nopt = torch.optim.Adam([])  # \xe9\n",
    "a byte order mark and CRLF": codecs.BOM_UTF8 + b"import torch\r\n\r\nopt = torch.optim.Adam([])\r\n",
    "carriage returns alone": b"import torch\r\ropt = torch.optim.Adam([])\r",
    "no newline at the end": b"import torch\n\nopt = torch.optim.Adam([])",
    "one line without newline": b"import torch; opt = torch.optim.Adam([])",
    "a lone carriage return at the very end": b"import torch\n\nopt = torch.optim.Adam([])\n\r",
    "a form feed before the import": b'"""Doc."""\n\x0cimport torch\n\nopt = torch.optim.Adam([])\n',
    "a form feed at the end": b"import torch\n\nopt = torch.optim.Adam([])\n\x0c\n",
    "trailing white space": b"import torch  \n\t\nopt = torch.optim.Adam([])   \n  ",
    "blank lines of white space at the end": b"import torch\n\nopt = torch.optim.Adam([])\n\n    \n\t\n",
    "white space for a last line": b"import torch\n\n\ndef f(p):\n    return torch.optim.Adam(p)\n\n    ",
    "an indented comment at the end": b"import torch\n\n\ndef f(p):\n    return torch.optim.Adam(p)\n\n  # c\n",
    "tabs and spaces mixed": b"import torch\n\n\ndef f(p):\n\tif p:\n\t        return torch.optim.Adam(p)\n",
    "a newline in a string": b"import torch\r\n\r\nopt = torch.optim.Adam([], foreach='''\r\n''')\r\n",
    "a backslash before a CRLF": b"import torch\r\n\r\nopt = \\\r\n    torch.optim.Adam([])\r\n",
    "wide characters before the construction": "import torch\n\nω, 漢 = 1, torch.optim.Adam([])  # ✓\n".encode(),
    "an astral character before the construction": "import torch\n\ns = '🦉🦉', torch.optim.Adam([])\n".encode(),
    "a line separator inside a string": "import torch\n\ns = 'a\u2028b\x85c', torch.optim.Adam([])\n".encode(),
    "a vertical tab in a comment": b"import torch\n\n# a\x0bb\x1cc\nopt = torch.optim.Adam([])\n",
}


@pytest.mark.parametrize("data", [pytest.param(d, id=i) for i, d in WHOLE_FILES.items()])
def test_a_file_with(tmp_path: Path, data: bytes) -> None:
    before = ast.parse(data)
    plan = plan_of(tmp_path, data)
    assert plan.problems == ()
    file = of_module(plan)
    assert file.after is not None
    assert ast.dump(Unpatch().visit(ast.parse(file.after))) == ast.dump(before)
    assert apply_edits(file.after, invert(data, file.edits)) == data
    start = min(e.span.start for e in file.edits)
    end = max(e.span.end for e in file.edits)
    assert file.after.startswith(data[:start])
    assert file.after.endswith(data[end:])
    (tmp_path / "pkg" / "module.py").write_bytes(file.after)
    assert [f.path for f in make_plan(tmp_path, Options()).files if f.path == "pkg/module.py"] == []
