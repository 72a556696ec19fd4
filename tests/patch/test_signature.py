"""Parameters that a function gains: which signatures are left alone, and how the others look afterwards."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signatures import NAMES, PLAIN, TYPED, extended, formatted, function_in, parameters

from cautify.analysis.syntax import Module
from cautify.patch.signature import with_parameters
from cautify.patch.style import Style
from cautify.source import apply_edits, read_source

LEFT_ALONE = {
    "a comment behind it gives the types": "def f(lr):  # type: (float) -> None\n    pass\n",
    "a comment below it gives the types": "def f(lr):\n    # type: (float) -> None\n    pass\n",
    "a comment is all that it holds": "def f(  # nothing\n):\n    pass\n",
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_a_signature_is_left_alone_when(name: str) -> None:
    assert extended(LEFT_ALONE[name].encode()) is None


AS_RUFF_WRITES_IT = {
    "no parameters": (
        "def f():\n    pass\n",
        "def f(*, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "one that fits": (
        "def f(lr):\n    pass\n",
        "def f(lr, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "all on one more line": (
        "def f(lr, weight_decay_of_layers=0.0):\n    pass\n",
        "def f(\n    lr, weight_decay_of_layers=0.0, *, use_cautious_optimizer=False, cautious_eps=1e-8\n):\n"
        "    pass\n",
    ),
    "one a line": (
        "def f(learning_rate, weight_decay=0.0, betas=(0.9, 0.999)):\n    pass\n",
        "def f(\n    learning_rate,\n    weight_decay=0.0,\n    betas=(0.9, 0.999),\n    *,\n"
        "    use_cautious_optimizer=False,\n    cautious_eps=1e-8,\n):\n    pass\n",
    ),
    "one a line already": (
        "def f(\n    lr,\n    decay,\n):\n    pass\n",
        "def f(\n    lr,\n    decay,\n    *,\n    use_cautious_optimizer=False,\n    cautious_eps=1e-8,\n):\n"
        "    pass\n",
    ),
    "before what takes all keywords": (
        "def f(lr, **kwargs):\n    pass\n",
        "def f(lr, *, use_cautious_optimizer=False, cautious_eps=1e-8, **kwargs):\n    pass\n",
    ),
    "nothing but all keywords": (
        "def f(**kwargs):\n    pass\n",
        "def f(*, use_cautious_optimizer=False, cautious_eps=1e-8, **kwargs):\n    pass\n",
    ),
    "behind what takes all places": (
        "def f(lr, *args, **kwargs):\n    pass\n",
        "def f(lr, *args, use_cautious_optimizer=False, cautious_eps=1e-8, **kwargs):\n    pass\n",
    ),
    "a star that is there": (
        "def f(*, lr):\n    pass\n",
        "def f(*, lr, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "beside the learning rate": (
        "def f(*, lr, steps=10):\n    pass\n",
        "def f(*, lr, use_cautious_optimizer=False, cautious_eps=1e-8, steps=10):\n    pass\n",
    ),
    "behind a slash": (
        "def f(lr, /):\n    pass\n",
        "def f(lr, /, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "a comment behind a parameter": (
        "def f(\n    lr,  # the (first\n    *,  # only\n    decay=0.0,  # second)\n    **rest,\n):\n    pass\n",
        "def f(\n    lr,  # the (first\n    *,  # only\n    decay=0.0,  # second)\n    use_cautious_optimizer=False,\n"
        "    cautious_eps=1e-8,\n    **rest,\n):\n    pass\n",
    ),
    "a comment before all keywords": (
        "def f(\n    # the rest\n    **rest,\n):\n    pass\n",
        "def f(\n    # the rest\n    *,\n    use_cautious_optimizer=False,\n    cautious_eps=1e-8,\n    **rest,\n):\n"
        "    pass\n",
    ),
    "a long comment behind the line": (
        "def f(lr):  # what the optimizer is made of, in two lines at most\n    pass\n",
        "def f(\n    lr, *, use_cautious_optimizer=False, cautious_eps=1e-8\n"
        "):  # what the optimizer is made of, in two lines at most\n    pass\n",
    ),
    "a pragma behind the line": (
        "def f(lr):  # noqa: D103, ANN001, ANN201, ANN202, ANN203, ANN204\n    pass\n",
        "def f(lr, *, use_cautious_optimizer=False, cautious_eps=1e-8):"
        "  # noqa: D103, ANN001, ANN201, ANN202, ANN203, ANN204\n    pass\n",
    ),
    "a return annotation over several lines": (
        "def f(\n    lr,\n) -> tuple[\n    int,\n    str,\n]:\n    pass\n",
        "def f(\n    lr,\n    *,\n    use_cautious_optimizer=False,\n    cautious_eps=1e-8,\n"
        ") -> tuple[\n    int,\n    str,\n]:\n    pass\n",
    ),
    "a return annotation that leaves no room": (
        "def f(lr) -> dict[str, tuple[int, str, float]]:\n    pass\n",
        "def f(\n    lr, *, use_cautious_optimizer=False, cautious_eps=1e-8\n"
        ") -> dict[str, tuple[int, str, float]]:\n    pass\n",
    ),
    "a body on the line": (
        "def f(lr): ...\n",
        "def f(lr, *, use_cautious_optimizer=False, cautious_eps=1e-8): ...\n",
    ),
    "names of two bytes a letter": (
        "def f(größe='ü', η=1.0):\n    pass\n".replace("'", '"'),
        'def f(größe="ü", η=1.0, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n',
    ),
    "a default of wide letters": (
        'def f(title="学習率と重み減衰設", lr=1):\n    pass\n',
        'def f(\n    title="学習率と重み減衰設", lr=1, *, use_cautious_optimizer=False, cautious_eps=1e-8\n):\n'
        "    pass\n",
    ),
    "a default with brackets, commas and a hash": (
        'def f(a="),(#", b=lambda x, *y: (x, y), c={"k": [1]}):\n    pass\n',
        'def f(\n    a="),(#",\n    b=lambda x, *y: (x, y),\n    c={"k": [1]},\n    *,\n'
        "    use_cautious_optimizer=False,\n    cautious_eps=1e-8,\n):\n    pass\n",
    ),
    "a coroutine": (
        "async def f(lr):\n    pass\n",
        "async def f(lr, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "a function in a function": (
        "def outer():\n    def f(lr):\n        pass\n\n    return f\n",
        "def outer():\n    def f(lr, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n"
        "        pass\n\n    return f\n",
    ),
    "a decorated method": (
        "class C:\n    @wrapped(by=(1, 2))\n    def f(self):\n        pass\n",
        "class C:\n    @wrapped(by=(1, 2))\n"
        "    def f(self, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n        pass\n",
    ),
}


@pytest.mark.parametrize("name", AS_RUFF_WRITES_IT)
def test_a_formatted_signature_stays_formatted_with(name: str) -> None:
    before, after = AS_RUFF_WRITES_IT[name]
    assert formatted(before, 88) == before
    found = extended(before.encode(), beside=frozenset({"lr"}))
    assert found is not None
    assert found.decode() == after
    assert formatted(after, 88) == after


AS_ITS_AUTHOR_WRITES_IT = {
    "no spaces behind commas": (
        "def f(a,b=1):\n    pass\n",
        "def f(a,b=1, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "a body on the line": (
        "def f(a): return a\n",
        "def f(a, *, use_cautious_optimizer=False, cautious_eps=1e-8): return a\n",
    ),
    "a trailing comma on the line": (
        "def f(a, b,):\n    pass\n",
        "def f(a, b, *, use_cautious_optimizer=False, cautious_eps=1e-8,):\n    pass\n",
    ),
    "too long for one line": (
        "def f(learning_rate=1,decay=0.0,b=1):\n    pass\n",
        "def f(\n    learning_rate=1,decay=0.0,b=1, *, use_cautious_optimizer=False, cautious_eps=1e-8\n):\n    pass\n",
    ),
    "far too long for one line": (
        "def f(learning_rate=1,weight_decay=0.0,betas=(0.9,0.99)):\n    pass\n",
        "def f(\n    learning_rate=1,\n    weight_decay=0.0,\n    betas=(0.9,0.99),\n    *,\n"
        "    use_cautious_optimizer=False,\n    cautious_eps=1e-8,\n):\n    pass\n",
    ),
    "too long, where others are aligned with the bracket": (
        "def g(a,\n      b):\n    pass\n\ndef f(learning_rate=1,decay=0.0,b=1):\n    pass\n",
        "def g(a,\n      b):\n    pass\n\ndef f(learning_rate=1,decay=0.0,b=1, *, use_cautious_optimizer=False,\n"
        "      cautious_eps=1e-8):\n    pass\n",
    ),
    "aligned with the bracket": (
        "def f(a,\n      b):\n    pass\n",
        "def f(a,\n      b,\n      *,\n      use_cautious_optimizer=False,\n      cautious_eps=1e-8):\n    pass\n",
    ),
    "aligned with the bracket, several a line": (
        "def f(a, b,\n      c, d):\n    pass\n",
        "def f(a, b,\n      c, d, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "aligned with the bracket, several a line, with no room": (
        "def f(a, b,\n      first_of_the_last_line, second_of_the_last_line, third) -> int:\n    pass\n",
        "def f(a, b,\n      first_of_the_last_line, second_of_the_last_line, third,\n"
        "      *, use_cautious_optimizer=False, cautious_eps=1e-8) -> int:\n    pass\n",
    ),
    "aligned with the bracket, before all keywords": (
        "def f(a, b,\n      c, **d):\n    pass\n",
        "def f(a, b,\n      c, *, use_cautious_optimizer=False, cautious_eps=1e-8, **d):\n    pass\n",
    ),
    "one a line without a comma at the end": (
        "def f(\n        a,\n        b\n):\n    pass\n",
        "def f(\n        a,\n        b,\n        *,\n        use_cautious_optimizer=False,\n"
        "        cautious_eps=1e-8\n):\n    pass\n",
    ),
    "one a line with a comment and no comma at the end": (
        "def f(\n    a,\n    b  # last\n):\n    pass\n",
        "def f(\n    a,\n    b,  # last\n    *,\n    use_cautious_optimizer=False,\n    cautious_eps=1e-8\n):\n"
        "    pass\n",
    ),
    "comments with the types of each": (
        "def f(a,  # type: int\n      b,  # type: int\n      ):\n    # type: (...) -> None\n    pass\n".replace(
            "    # type: (...) -> None\n", ""
        ),
        "def f(a,  # type: int\n      b,  # type: int\n      *,\n      use_cautious_optimizer=False,\n"
        "      cautious_eps=1e-8,\n      ):\n    pass\n",
    ),
    "commas in front": (
        "def f(\n    a\n  , b\n):\n    pass\n",
        "def f(\n    a\n  , b,\n    *,\n    use_cautious_optimizer=False,\n    cautious_eps=1e-8\n):\n    pass\n",
    ),
    "a backslash between": (
        "def f(a, \\\n      b):\n    pass\n",
        "def f(a, \\\n      b,\n      *,\n      use_cautious_optimizer=False,\n      cautious_eps=1e-8):\n    pass\n",
    ),
    "a backslash before the bracket": (
        "def f \\\n    (a):\n    pass\n",
        "def f \\\n    (a, *, use_cautious_optimizer=False, cautious_eps=1e-8):\n    pass\n",
    ),
    "tabs": (
        "class C:\n\tdef f(\n\t\tself,\n\t\ta,\n\t):\n\t\tpass\n",
        "class C:\n\tdef f(\n\t\tself,\n\t\ta,\n\t\t*,\n\t\tuse_cautious_optimizer=False,\n\t\tcautious_eps=1e-8,\n"
        "\t):\n\t\tpass\n",
    ),
    "other newlines": (
        "def f(\r\n    a,\r\n):\r\n    pass\r\n",
        "def f(\r\n    a,\r\n    *,\r\n    use_cautious_optimizer=False,\r\n    cautious_eps=1e-8,\r\n):\r\n"
        "    pass\r\n",
    ),
}


@pytest.mark.parametrize("name", AS_ITS_AUTHOR_WRITES_IT)
def test_a_signature_keeps_the_layout_of_its_author_with(name: str) -> None:
    before, after = AS_ITS_AUTHOR_WRITES_IT[name]
    found = extended(before.encode())
    assert found is not None
    assert found.decode() == after


WITH_TYPES = {
    "type parameters": ("f[T: (int, str)](lr: T) -> T", "f[T: (int, str)](lr: T, *, NEW) -> T"),
    "type parameters alone": ("f[*Ts, **P]()", "f[*Ts, **P](*, NEW)"),
    "an unpacked annotation": ("f(*args: *Ts)", "f(*args: *Ts, NEW)"),
}


@pytest.mark.parametrize("name", WITH_TYPES)
def test_what_newer_pythons_write_stays_with(name: str) -> None:
    before, after = (f"def {text}:\n    pass\n".replace("NEW", ", ".join(TYPED)) for text in WITH_TYPES[name])
    assert extended(before.encode(), TYPED, length=120) == after.encode()
    assert formatted(before, 120) == before


def test_a_file_in_another_encoding_keeps_it() -> None:
    before = "# -*- coding: latin-1 -*-\ndef f(größe='é', b=1):\n    pass\n".encode("latin-1")
    after = extended(before)
    assert after == before.replace(b"b=1", b"b=1, *, use_cautious_optimizer=False, cautious_eps=1e-8")


def test_the_formatter_that_joins_lines_is_followed() -> None:
    data = b"def f(lr, weight_decay_of_layers=0.0):\n    pass\n"
    module = Module(read_source("m.py", data))
    style = Style(line_length=88, skip_magic_trailing_comma=True)
    edit = with_parameters(module, function_in(module, "f"), PLAIN, frozenset(), style)
    assert edit is not None
    assert b"\n    lr, weight_decay_of_layers=0.0, *, use_cautious_optimizer=False" in apply_edits(data, [edit])


# -- any signature ---------------------------------------------------------------------------------------------------

NAME = st.sampled_from(["lr", "weight_decay", "learning_rate_of_the_head", "η", "größe", "betas", "model", "x", "name"])
ANNOTATION = st.sampled_from(["", "", ": int", ": float | None", ': "Model"', ": dict[str, tuple[int, str]]"])
DEFAULT = st.sampled_from(
    [
        "1e-3",
        "None",
        '"),(#"',
        "(0.9, 0.999)",
        "lambda x, *y: (x, y)",
        '{"k": [1, 2]}',
        "-1",
        '"é学"',
        "a or (b)",
        "...",
    ]
)
COMMENT = st.sampled_from(["", "", "", "  # (a, note", "  # noqa: E501"])


@st.composite
def functions(draw: st.DrawFn) -> tuple[str, bool]:
    """A function of any shape, and whether its parameters are annotated."""
    names = draw(st.lists(NAME, unique=True, max_size=6))
    kinds = sorted(draw(st.lists(st.sampled_from([0, 1, 1, 1, 3, 3]), min_size=len(names), max_size=len(names))))
    items: list[str] = ["self"] if draw(st.booleans()) else []
    star = draw(st.sampled_from(["", "", "*args", "*values: int"]))
    required = True
    if 0 in kinds and items:
        items, kinds = [], [max(kind, 1) for kind in kinds]
    starred = False
    for number, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if kind == 3 and not starred:
            items.append(star or "*")
            starred = True
            required = True
        annotation = draw(ANNOTATION)
        required = draw(st.booleans()) if kind == 3 else required and draw(st.booleans())
        value = "" if required else f" = {draw(DEFAULT)}" if annotation else f"={draw(DEFAULT)}"
        items.append(f"{name}{annotation}{value}")
        if kind == 0 and (number + 1 == len(kinds) or kinds[number + 1] != 0):
            items.append("/")
    if star and not starred:
        items.append(star)
    if draw(st.booleans()):
        items.append(draw(st.sampled_from(["**kwargs", "**kwargs: int"])))
    returns = draw(st.sampled_from(["", "", " -> None", " -> dict[str, tuple[int, int]]", ' -> "Model"']))
    shape = draw(st.sampled_from(["flat", "flat", "lines", "hang", "notes"]))
    if shape == "flat" or not items:
        inside = ", ".join(items)
    elif shape == "hang":
        inside = ",\n          ".join(items)
    else:
        inside = "".join(f"\n        {i},{draw(COMMENT) if shape == 'notes' else ''}" for i in items) + "\n    "
    head = draw(st.sampled_from(["def f", "async def f"]))
    body = draw(
        st.sampled_from([":\n        pass", ":  # a note\n        pass", ":  # noqa: E501\n        pass", ": ..."])
    )
    return f"class C:\n    {head}({inside}){returns}{body}\n", any(":" in i.split("=")[0] for i in items)


@settings(max_examples=60, deadline=None)
@given(functions(), st.sampled_from([79, 88, 100, 120]), st.booleans())
def test_any_signature_gains_two_parameters_and_nothing_else(made: tuple[str, bool], length: int, tidy: bool) -> None:
    code, typed = made
    ast.parse(code)
    before = formatted(code, length) if tidy else code
    found = extended(before.encode(), TYPED if typed else PLAIN, frozenset({"lr"}), length)
    assert found is not None
    plain, keywords = parameters(before.encode())
    now, more = parameters(found)
    assert now == plain
    assert [name for name in more if name not in NAMES] == list(keywords)
    kinds = ("bool", "float") if typed else (None, None)
    values = {name: f"{kind} = {value}" for name, kind, value in zip(NAMES, kinds, ("False", "1e-08"), strict=True)}
    assert more == {**keywords, **values}
    if tidy:
        assert formatted(found.decode(), length) == found.decode()
