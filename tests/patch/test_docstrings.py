"""What docstrings say of the switch: which are left alone, and how the entries look in the others."""

from __future__ import annotations

import libcst as cst
import pytest

from cautify.analysis.syntax import Module, walk
from cautify.homes import DEFAULT
from cautify.patch.docstrings import documented
from cautify.source import apply_edits, invert, read_source


def described(data: bytes, width: int = 100, rate: str = "lr") -> bytes | None:
    """A file whose first function's or class's docstring has gained entries, or None. The way back is exact."""
    module = Module(read_source("m.py", data))
    node = next(n for n in walk(module.tree) if isinstance(n, (cst.FunctionDef, cst.ClassDef)))
    edit = documented(module, node.body, rate, DEFAULT, width)
    if edit is None:
        return None
    after = apply_edits(data, [edit])
    assert apply_edits(after, invert(data, [edit])) == data
    compile(after, "m.py", "exec")
    return after


def function(docstring: str) -> str:
    """A function with a docstring; the lines behind the first are indented."""
    lines = docstring.split("\n")
    return "def f(lr):\n" + "\n".join(f"    {line}" if line else "" for line in lines) + "\n    return lr\n"


LEFT_ALONE = {
    "there is none": "lr",
    "it is one line": '"""Args: lr: the rate."""',
    "it is in single quotes": '"Args:\\\n    lr: the rate.\\\n"',
    "it is of two strings": '("""Args:\n    lr: the rate.\n""" "")',
    "it is bytes": 'b"""Train.\n\nArgs:\n    lr: the rate.\n"""',
    "the rate is in its text only": '"""Train.\n\nlr: the rate is small.\n"""',
    "the rate is in an indented text": '"""Train.\n\nSet it:\n    lr: 0.1\n"""',
    "the rate is in an example in YAML": '"""Train.\n\n.. code-block:: yaml\n\n    optimizer:\n        lr: 0.1\n"""',
    "the rate is in an example below another parameter": (
        '"""Train.\n\nArgs:\n    config: as in\n        lr: 0.1\n        steps: 3\n"""'
    ),
    "the rate is in what it returns": '"""Train.\n\nReturns:\n    lr: the last one.\n"""',
    "the rate is in a literal block": '"""Train.\n\nParameters::\n\n    lr: 0.1\n"""',
    "the rate is in an underlined section of results": (
        '"""Train.\n\nReturns\n-------\nlr : float\n    The last one.\n"""'
    ),
    "the rate is the end of another's name": '"""Train.\n\n:param base_lr: the rate\n:param x: y\n"""',
    "the rate is a part of another entry": '"""Train.\n\nArgs:\n    x: what\n        lr: is\n"""',
    "the switch is there": '"""Train.\n\nArgs:\n    lr: the rate.\n    use_cautious_optimizer: whether.\n"""',
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_a_docstring_is_left_alone_where(name: str) -> None:
    assert described(function(LEFT_ALONE[name]).encode()) is None


ADDED = {
    "google, last before the quotes": (
        '"""Train.\n\nArgs:\n    steps: how many.\n    lr: The rate.\n"""',
        [
            "         lr: The rate.",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient.",
            "+        cautious_eps: Added to the mean of the mask, by which the update is divided.",
            '     """',
        ],
    ),
    "google, with types, before another entry": (
        '"""Train.\n\nArgs:\n    lr (float): the rate\n    steps (int): how many\n\nReturns:\n    it\n"""',
        [
            "         lr (float): the rate",
            "+        use_cautious_optimizer (bool): whether to mask updates that disagree with the gradient",
            "+        cautious_eps (float): added to the mean of the mask, by which the update is divided",
            "         steps (int): how many",
        ],
    ),
    "google, last before the next section": (
        '"""Train.\n\nArgs:\n    lr (float, optional): the rate (default: 1e-3)\n\nReturns:\n    it\n"""',
        [
            "         lr (float, optional): the rate (default: 1e-3)",
            "+        use_cautious_optimizer (bool, optional): whether to mask the updates that disagree in sign",
            "+            with the gradient (default: False)",
            "+        cautious_eps (float, optional): added to the mean of the mask (default: 1e-8)",
            " ",
        ],
    ),
    "google, with the default in a role": (
        '"""Train.\n\nArgs:\n    lr: The rate.\n        (default: :obj:`1e-3`)\n"""',
        [
            "             (default: :obj:`1e-3`)",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient",
            "+            (default: :obj:`False`)",
            "+        cautious_eps: Added to the mean of the mask (default: :obj:`1e-8`)",
            '     """',
        ],
    ),
    "google, where others are optional": (
        '"""Train.\n\nArgs:\n    lr (float): the rate\n    steps (int, optional): how many\n"""',
        [
            "         lr (float): the rate",
            "+        use_cautious_optimizer (bool, optional): whether to mask the updates that disagree in sign",
            "+            with the gradient",
            "+        cautious_eps (float, optional): added to the mean of the mask",
            "         steps (int, optional): how many",
        ],
    ),
    "google, as transformers writes it": (
        '"""Train.\n\nArgs:\n    lr (`float`, *optional*, defaults to `1e-3`):\n'
        '        The rate.\n    steps (`int`):\n        How many.\n"""',
        [
            "             The rate.",
            "+        use_cautious_optimizer (`bool`, *optional*, defaults to `False`):",
            "+            Whether to mask the updates that disagree in sign with the gradient.",
            "+        cautious_eps (`float`, *optional*, defaults to `1e-8`):",
            "+            Added to the mean of the mask, by which the update is divided.",
            "         steps (`int`):",
        ],
    ),
    "google, in a list of dashes": (
        '"""Train.\n\nParameters:\n  - lr: the rate.\n  - steps: how many.\n"""',
        [
            "       - lr: the rate.",
            "+      - use_cautious_optimizer: whether to mask the updates that disagree in sign with the gradient.",
            "+      - cautious_eps: added to the mean of the mask, by which the update is divided.",
            "       - steps: how many.",
        ],
    ),
    "google, with names in backticks": (
        '"""Train.\n\nArgs:\n    `lr`: The rate.\n    `steps`: How many.\n"""',
        [
            "         `lr`: The rate.",
            "+        `use_cautious_optimizer`: Whether to mask updates that disagree with the gradient.",
            "+        `cautious_eps`: Added to the mean of the mask, by which the update is divided.",
            "         `steps`: How many.",
        ],
    ),
    "google, an entry of several lines and paragraphs": (
        '"""Train.\n\nArgs:\n    lr: The rate,\n      small.\n\n      Never 0.\n    steps: How many.\n"""',
        [
            "           Never 0.",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient.",
            "+        cautious_eps: Added to the mean of the mask, by which the update is divided.",
            "         steps: How many.",
        ],
    ),
    "google, blank lines between entries": (
        '"""Train.\n\nArgs:\n    lr: The rate.\n\n    steps: How many.\n"""',
        [
            " ",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient.",
            "+",
            "+        cautious_eps: Added to the mean of the mask, by which the update is divided.",
            "+",
            "         steps: How many.",
        ],
    ),
    "google, with the default in a sentence": (
        '"""Train.\n\nArgs:\n    lr: The rate. Default: ``1e-3``.\n"""',
        [
            "         lr: The rate. Default: ``1e-3``.",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient.",
            "+            Default: ``False``.",
            "+        cautious_eps: Added to the mean of the mask. Default: ``1e-8``.",
            '     """',
        ],
    ),
    "google, on its first line": (
        '"""Args:\n    lr: The rate.\n"""',
        [
            "         lr: The rate.",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient.",
            "+        cautious_eps: Added to the mean of the mask, by which the update is divided.",
            '     """',
        ],
    ),
    "google, with the quotes behind the rate": (
        '"""Train.\n\nArgs:\n    lr: The rate."""',
        [
            "     Args:",
            "         lr: The rate.",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient.",
            '+        cautious_eps: Added to the mean of the mask, by which the update is divided."""',
            "     return lr",
        ],
    ),
    "google, raw and with letters of several bytes": (
        'r"""Train the größe \\theta.\n\nArgs:\n    η: 学習率.\n    lr: The rate \\eta.\n"""',
        [
            "         lr: The rate \\eta.",
            "+        use_cautious_optimizer: Whether to mask the updates that disagree in sign with the gradient.",
            "+        cautious_eps: Added to the mean of the mask, by which the update is divided.",
            '     """',
        ],
    ),
    "numpy": (
        '"""Train.\n\nParameters\n----------\nlr : float\n    The rate.\nsteps : int\n    How many.\n"""',
        [
            "         The rate.",
            "+    use_cautious_optimizer : bool",
            "+        Whether to mask the updates that disagree in sign with the gradient.",
            "+    cautious_eps : float",
            "+        Added to the mean of the mask, by which the update is divided.",
            "     steps : int",
        ],
    ),
    "numpy, last before the next section": (
        '"""Train.\n\nParameters\n----------\nlr: float, default=1e-3\n  rate\n\nReturns\n-------\n"""',
        [
            "       rate",
            "+    use_cautious_optimizer: bool, default=False",
            "+      whether to mask the updates that disagree in sign with the gradient",
            "+    cautious_eps: float, default=1e-8",
            "+      added to the mean of the mask, by which the update is divided",
            " ",
        ],
    ),
    "numpy, without types": (
        '"""Train.\n\nParameters\n----------\nlr\n    The rate.\n"""',
        [
            "         The rate.",
            "+    use_cautious_optimizer",
            "+        Whether to mask the updates that disagree in sign with the gradient.",
            "+    cautious_eps",
            "+        Added to the mean of the mask, by which the update is divided.",
            '     """',
        ],
    ),
    "sphinx": (
        '"""Train.\n\n:param lr: the rate\n:param steps: how many\n:return: it\n"""',
        [
            "     :param lr: the rate",
            "+    :param use_cautious_optimizer: whether to mask updates that disagree with the gradient",
            "+    :param cautious_eps: added to the mean of the mask, by which the update is divided",
            "     :param steps: how many",
        ],
    ),
    "sphinx, with types": (
        '"""Train.\n\n:param lr: The rate.\n:type lr: float\n:param steps: how many\n"""',
        [
            "     :type lr: float",
            "+    :param use_cautious_optimizer: Whether to mask updates that disagree with the gradient.",
            "+    :type use_cautious_optimizer: bool",
            "+    :param cautious_eps: Added to the mean of the mask, by which the update is divided.",
            "+    :type cautious_eps: float",
            "     :param steps: how many",
        ],
    ),
    "sphinx, with types within": (
        '"""Train.\n\n:param float lr: The rate,\n    which is small.\n"""',
        [
            "         which is small.",
            "+    :param bool use_cautious_optimizer: Whether to mask updates that disagree with the gradient.",
            "+    :param float cautious_eps: Added to the mean of the mask, by which the update is divided.",
            '     """',
        ],
    ),
    "sphinx, with lines that are not indented": (
        '"""Train.\n\n:param lr: the rate\nof learning\n:param steps: how many\n"""',
        [
            "     of learning",
            "+    :param use_cautious_optimizer: whether to mask updates that disagree with the gradient",
            "+    :param cautious_eps: added to the mean of the mask, by which the update is divided",
            "     :param steps: how many",
        ],
    ),
}


@pytest.mark.parametrize("name", ADDED)
def test_two_entries_are_added_in_the_manner_of(name: str) -> None:
    docstring, shown = ADDED[name]
    found = described(function(docstring).encode())
    assert found is not None
    lines = found.decode().split("\n")
    wanted = [line[1:] for line in shown]
    start = next(n for n in range(len(lines)) if lines[n : n + 2] == wanted[:2])
    assert lines[start : start + len(wanted)] == wanted
    new = [line for line in shown if line.startswith("+")]
    assert len(lines) == len(function(docstring).split("\n")) + len(new)


@pytest.mark.parametrize("width", [79, 88, 100])
def test_no_line_is_longer_than_the_files_are(width: int) -> None:
    for docstring, _ in ADDED.values():
        found = described(function(docstring).encode(), width)
        assert found is not None
        assert max(map(len, found.decode().replace('"""', "").split("\n"))) <= width


def test_lines_are_broken_as_their_neighbours_are() -> None:
    code = function('"""Train.\n\nArgs:\n    steps: how many\n      there are\n    lr (float): the rate\n"""')
    found = described(code.encode(), 72)
    assert found is not None
    assert b"\n          disagree in sign with the gradient\n" in found


def test_tabs_and_other_newlines_stay() -> None:
    code = b'class C:\r\n\t"""Train.\r\n\r\n\tArgs:\r\n\t\tlr: the rate\r\n\t"""\r\n\r\n\tx = 1\r\n'
    found = described(code, 60)
    assert found is not None
    assert b"\n" not in found.replace(b"\r\n", b"")
    assert b"\r\n\t\tuse_cautious_optimizer: whether to mask the\r\n\t\t\tupdates that disagree" in found


def test_what_a_class_says_of_its_attributes_is_continued() -> None:
    code = b'class C:\n    """A config.\n\n    Attributes:\n        lr: the rate\n    """\n\n    lr: float = 1\n'
    found = described(code)
    assert found is not None
    assert b"        lr: the rate\n        use_cautious_optimizer: whether to mask" in found
