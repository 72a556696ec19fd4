"""What is taken out of patched code by reading it: over all the code that the other tests patch, and after edits."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fixture_trees import NAMES, load

from cautify.model import Action, Options
from cautify.patch.disk import digest
from cautify.patch.document_keys import without_keys, without_pairs
from cautify.patch.hunks import hunks_between
from cautify.patch.logical import logical_lines
from cautify.patch.pieces import pieces
from cautify.patch.plan import make_plan
from cautify.patch.records import FileRecord
from cautify.patch.style import Style
from cautify.patch.takeout import taken_out
from cautify.patch.traces import Words, narrowed
from cautify.patch.undo import undo
from cautify.patch.undone import How, Refused, Undone
from cautify.source import read_source

TESTS = Path(__file__).parent.parent
TABLES = [*sorted((TESTS / "homes" / "programs").glob("*.txt")), *sorted((TESTS / "analysis" / "forms").glob("*.txt"))]
_MARK = re.compile(r"[ \t]*#: .*$")
_USERS = ("on.py", "off.py")


@dataclass(frozen=True)
class Patched:
    """One file before and after, and the names that the patch brought into its tree."""

    name: str
    path: str
    before: bytes
    after: bytes
    words: Words

    @property
    def record(self) -> FileRecord:
        hunks = hunks_between(self.before, self.after)
        return FileRecord(self.path, Action.MODIFY, digest(self.before), digest(self.after), (hunks,))


def patched_in(name: str, root: Path, options: Options) -> Iterator[Patched]:
    plan = make_plan(root, options)
    words = Words(options.flag_name or "use_cautious_optimizer")
    files = [file for file in plan.files if file.before is not None and file.after is not None]
    written = [hunk.new or b"" for file in files for hunk in hunks_between(file.before or b"", file.after or b"")]
    for file in files:
        if file.path not in plan.named:
            assert file.before is not None
            assert file.after is not None
            yield Patched(f"{name}: {file.path}", file.path, file.before, file.after, narrowed(words, written))


def trees_of(table: Path) -> Iterator[tuple[str, dict[str, str], Options]]:
    """The programs of a table as trees, without what its tests ask of them."""
    for entry in re.split(r"(?m)^#### ", table.read_text(encoding="utf-8"))[1:]:
        heading, _, body = entry.partition("\n")
        flag = re.search(r"(?m)^flag (\S+)$", body)
        options = Options(flag_name=flag[1] if flag else None, default_on="\ndefault on\n" in f"\n{body}")
        files: dict[str, list[str]] = {"train.py": []}
        path, begun = "train.py", False
        for line in body.split("\n"):
            asks = not begun and re.match(r"(?:on|off|resume|needs|flag|default) |!|~~ |>> |<< ", line)
            if line.startswith("==== "):
                path, begun = line[5:].strip(), True
                files[path] = []
            elif not asks and not re.match(r"!!? |!\w+ |>> |<< |~~ ", line):
                begun = begun or bool(line.strip())
                files[path].append(_MARK.sub("", line))
        yield (
            heading.strip(),
            {p: "\n".join(f).strip("\n") + "\n" for p, f in files.items() if p not in _USERS},
            options,
        )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Patched]:
    """Every file of the fixtures, and of the programs of the other tests, that cautify patches."""
    found: list[Patched] = []
    for name in NAMES:
        tree = load(name)
        found += patched_in(name, tree.directory / "before", tree.plan_options)
    for table in TABLES:
        directory = tmp_path_factory.mktemp(table.stem)
        for number, (heading, texts, options) in enumerate(trees_of(table)):
            root = directory / str(number)
            for path, text in texts.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            found += patched_in(f"{table.stem}, {heading}", root, options)
    return found


def said(data: bytes) -> list[tuple[str, ...]]:
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    return [tuple(t for t in line.tokens if not t.startswith("#")) for line in logical_lines(text)]


def comments(data: bytes) -> list[str]:
    return sorted(t.string for t in tokenize.tokenize(BytesIO(data).readline) if t.type == tokenize.COMMENT)


def differing(pairs: Iterator[tuple[str, Any, Any]]) -> dict[str, tuple[Any, Any]]:
    return {name: (found, expected) for name, found, expected in pairs if found != expected}


def test_by_structure_alone_every_file_says_what_it_said_before(files: list[Patched]) -> None:
    assert len(files) > 400
    wrong = {}
    for file in files:
        if file.path.endswith(".py"):
            found = taken_out(file.path, file.after, file.words, frozenset({"field", "Field"}), Style())
            read_source(file.path, found)
            if said(found) != said(file.before) or comments(found) != comments(file.before):
                wrong[file.name] = (found.decode(), file.before.decode())
        else:
            cut = without_pairs if file.path.endswith(".json") else without_keys
            if cut(file.after, file.words) != file.before:
                wrong[file.name] = (cut(file.after, file.words).decode(), file.before.decode())
    assert wrong == {}


def edited_at_the_ends(data: bytes) -> bytes:
    return b"# above all\n" + data + b"# below all\n"


def test_around_an_edit_elsewhere_what_was_written_goes_to_the_byte(files: list[Patched]) -> None:
    wrong: dict[str, object] = {}
    for file in files:
        if not file.path.endswith((".py", ".yaml")) or not file.before.endswith(b"\n"):
            continue
        undone = undo(file.path, edited_at_the_ends(file.after), file.record, file.words, Style())
        if isinstance(undone, Refused) or undone.data != edited_at_the_ends(file.before):
            wrong[file.name] = undone
    assert wrong == {}


def test_a_file_as_it_was_written_goes_back_to_the_byte(files: list[Patched]) -> None:
    for file in files:
        assert undo(file.path, file.after, file.record, file.words, Style()) == Undone(file.before, How.EXACT)


# -- one by one -------------------------------------------------------------------------------------------------------


def without(code: str, *added: str) -> str:
    return taken_out("train.py", code.encode(), Words(), frozenset(added), Style()).decode()


def test_comments_among_the_arguments_of_a_wrap_stay() -> None:
    assert (
        without("""\
import torch


def build(model):
    return CautiousOptimizer.wrap(
        torch.optim.AdamW(model.parameters()),  # type: ignore[call-arg]
        # by request
        enabled=True,
    )
""")
        == """\
import torch


def build(model):
    # by request
    return torch.optim.AdamW(model.parameters())  # type: ignore[call-arg]
"""
    )


def test_an_optimizer_within_parentheses_loses_those_that_the_wrap_had() -> None:
    assert (
        without("""\
optimizer = (
    CautiousOptimizer.wrap((
        torch
        .optim.AdamW(params)
    ))
)
""")
        == """\
optimizer = (
    torch
    .optim.AdamW(params)
)
"""
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("if x: use_cautious_optimizer = True\n", "if x: pass\n"),
        ("if x: a = 1; use_cautious_optimizer = True\n", "if x: a = 1\n"),
        ("use_cautious_optimizer = True; a = 1\n", "a = 1\n"),
        ("a = 1; use_cautious_optimizer = True; b = 2\n", "a = 1; b = 2\n"),
        ("f = lambda lr, use_cautious_optimizer=False: lr\n", "f = lambda lr: lr\n"),
        ("f = lambda use_cautious_optimizer=False: 1\n", "f = lambda : 1\n"),
        ("class A:\n    use_cautious_optimizer: bool = False\n", "class A:\n    pass\n"),
        ("class A: use_cautious_optimizer = False\n", "class A: pass\n"),
        ("def f():\n    global lr, use_cautious_optimizer\n    lr = 1\n", "def f():\n    global lr\n    lr = 1\n"),
        ("def f():\n    global use_cautious_optimizer\n    lr = 1\n", "def f():\n    lr = 1\n"),
        ("async def f(lr, *, use_cautious_optimizer=False):\n    await g(lr)\n", "async def f(lr):\n    await g(lr)\n"),
        ("def f(\n    lr,\n    *,\n    cautious_eps=1e-8,\n):\n    pass\n", "def f(\n    lr,\n):\n    pass\n"),
        ("def f(lr, *, a=1, cautious_eps=1e-8, **kw):\n    pass\n", "def f(lr, *, a=1, **kw):\n    pass\n"),
        (
            "match x:\n    case 1:\n        f(lr, cautious_eps=a)\n    case _:\n        cautious_eps = 1\n",
            "match x:\n    case 1:\n        f(lr)\n    case _:\n        pass\n",
        ),
        ("print(f'{f(lr=1, cautious_eps=2)}')\n", "print(f'{f(lr=1)}')\n"),
        ("@option('--lr')\n@option('--cautious-eps')\ndef f():\n    1\n", "@option('--lr')\ndef f():\n    1\n"),
        ("with a as b, CautiousOptimizer.wrap(SGD(p)) as o:\n    1\n", "with a as b, SGD(p) as o:\n    1\n"),
        ("try:\n    use_cautious_optimizer = 1\nexcept E:\n    b = 2\n", "try:\n    pass\nexcept E:\n    b = 2\n"),
        (
            "for x in y:\n    cautious_eps = 1\nelse:\n    cautious_eps = 2\n",
            "for x in y:\n    pass\nelse:\n    pass\n",
        ),
        ("d = {'lr': 1, 'use_cautious_optimizer': False}\n", "d = {'lr': 1}\n"),
        ("a = f(x)(use_cautious_optimizer=b)\n", "a = f(x)()\n"),
    ],
)
def test_what_holds_a_declaration_stays_code(code: str, expected: str) -> None:
    assert without(code) == expected


@pytest.mark.parametrize(
    "code",
    [
        "a = gym.wrap(env, enabled=True)\n",
        "from dataclasses import field\n",
        "a = ()\nb = []\n\n\ndef f():\n    pass\n",
        "a = getattr(x, 'other', False)\n",
        "x = textwrap.wrap('use the cautious optimizer')\n",
        "def f(*, a):\n    pass\n",
        "def f(a, /):\n    pass\n",
        "try:\n    import a\nexcept ImportError:\n    a = None\n",
        "for x in ():\n    pass\n",
        "a = {k: v for k, v in x.items() if k not in ('other',)}\n",
        "if a:\n    raise ValueError('b')\n",
    ],
)
def test_code_that_is_not_of_the_patch_stays(code: str) -> None:
    assert without(code) == code


def test_an_import_that_something_else_uses_stays() -> None:
    code = "from dataclasses import dataclass, field\n\n\n@dataclass\nclass A:\n    a: list = field(default=())\n"
    assert without(code, "field") == code


def test_an_import_that_a_function_uses_stays() -> None:
    code = "from dataclasses import field\n\n\ndef f():\n    return 1\n\n\ndef g():\n    a = 1\n    return field()\n"
    assert without(code, "field") == code


def test_the_quotes_of_an_option_are_layout_to_check() -> None:
    one = b"parser.add_argument('--use-cautious-optimizer', action='store_true')\n"
    other = one.replace(b"'", b'"')
    assert pieces("train.py", one, Words()) == pieces("train.py", other, Words()) != []
