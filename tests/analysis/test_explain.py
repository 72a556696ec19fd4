"""How a place was resolved is told hop by hop: a test for each kind of hop, and for each kind of line without site."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from cautify.analysis.explain import Explainer, Explanation
from cautify.analysis.hops import flattened
from cautify.errors import InvalidOption
from cautify.model import Options
from cautify.patch.plan import make_plan

Explain = Callable[..., list[Explanation]]

SPLIT = {
    "main.py": """
        from pack import Chosen, params

        optimizer = Chosen(params, lr=1e-3)
    """,
    "pack/__init__.py": """
        from .inner import *
        from .inner.deep import Chosen
    """,
    "pack/inner/__init__.py": "params = []\n",
    "pack/inner/deep.py": "from torch.optim import NAdam as Chosen\n",
}
"""A class that comes through a façade."""


@pytest.fixture
def explain(tmp_path: Path) -> Explain:
    """Write files, and explain the line that holds a mark (``#?``, which is taken away) or that is given."""

    def run(
        files: dict[str, str] | str, place: tuple[str, int] | None = None, options: Options | None = None
    ) -> list[Explanation]:
        marked = place
        for path, text in ({"train.py": files} if isinstance(files, str) else files).items():
            written = dedent(text).lstrip("\n")
            for number, line in enumerate(written.splitlines(), 1):
                if line.endswith("#?"):
                    marked = (path, number)
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(written.replace("  #?", ""), encoding="utf-8")
        assert marked is not None
        return list(Explainer(make_plan(tmp_path, options or Options(), prove=False)).at(*marked))

    return run


def told(explanation: Explanation) -> list[str]:
    """The hops, one a line: how deep, where, what, and what that comes to."""
    return [
        " ".join([f"{'  ' * depth}{hop.path}:{hop.line} {hop.text}", *(f"-> {end}" for end in hop.ends)])
        for depth, hop in flattened(explanation.hops)
    ]


# -- one kind of hop each ---------------------------------------------------------------------------------------------

HOPS = {
    "a name that is imported": (
        """
        from torch.optim import AdamW

        optimizer = AdamW([])  #?
        """,
        ["train.py:1 from torch.optim import AdamW -> torch.optim.AdamW"],
        ["torch.optim.AdamW"],
    ),
    "a variable that each branch assigns": (
        """
        import torch
        import bitsandbytes as bnb

        def main(params, small):
            if small:
                cls = bnb.optim.AdamW8bit
            else:
                cls = torch.optim.AdamW
            return cls(params)  #?
        """,
        [
            "train.py:6 cls = bnb.optim.AdamW8bit, if small -> bitsandbytes.optim.AdamW8bit",
            "  train.py:2 import bitsandbytes as bnb",
            "train.py:8 cls = torch.optim.AdamW, else -> torch.optim.AdamW",
            "  train.py:1 import torch",
        ],
        ["bitsandbytes.optim.AdamW8bit", "torch.optim.AdamW"],
    ),
    "both sides of a conditional expression": (
        """
        from torch import optim

        def main(params, plain):
            cls = optim.Adam if plain else optim.RAdam
            return cls(params)  #?
        """,
        [
            "train.py:4 cls = optim.Adam if plain else optim.RAdam",
            "  train.py:4 optim.Adam, if plain -> torch.optim.Adam",
            "    train.py:1 from torch import optim",
            "  train.py:4 optim.RAdam, unless plain -> torch.optim.RAdam",
        ],
        ["torch.optim.Adam", "torch.optim.RAdam"],
    ),
    "a parameter, its default and each caller": (
        """
        from torch import optim

        def make(params, optimizer_cls=optim.AdamW):
            return optimizer_cls(params)  #?

        make([], optim.Adam)
        make([], optimizer_cls=optim.RAdam)
        """,
        [
            "train.py:3 parameter optimizer_cls of make",
            "  train.py:3 its default is optim.AdamW -> torch.optim.AdamW",
            "    train.py:1 from torch import optim",
            "  train.py:6 make(...) is passed optim.Adam -> torch.optim.Adam",
            "  train.py:7 make(...) is passed optim.RAdam -> torch.optim.RAdam",
        ],
        ["any other optimizer, from whoever calls", "torch.optim.Adam", "torch.optim.AdamW", "torch.optim.RAdam"],
    ),
    "an attribute, and where it is set": (
        """
        from torch import optim

        class Agent:
            def __init__(self):
                self.optimizer_cls = optim.Adam

            def build(self, params):
                return self.optimizer_cls(params)  #?
        """,
        ["train.py:5 self.optimizer_cls = optim.Adam -> torch.optim.Adam", "  train.py:1 from torch import optim"],
        ["torch.optim.Adam"],
    ),
    "an entry of a dict": (
        """
        from torch import optim

        def main(params):
            table = {"a": optim.Adam, "b": optim.RAdam}
            return table["b"](params)  #?
        """,
        [
            'train.py:4 table = {"a": optim.Adam, "b": optim.RAdam}',
            'train.py:4 entry "b": optim.RAdam -> torch.optim.RAdam',
            "  train.py:1 from torch import optim",
        ],
        ["torch.optim.RAdam"],
    ),
    "what a function returns": (
        """
        from torch import optim

        def choose():
            return optim.NAdam

        optimizer = choose()([], lr=1)  #?
        """,
        [
            "train.py:3 def choose",
            "train.py:4 choose returns optim.NAdam -> torch.optim.NAdam",
            "  train.py:1 from torch import optim",
        ],
        ["torch.optim.NAdam"],
    ),
    "a place in a tuple that is unpacked": (
        """
        from torch import optim

        cls, rate = optim.Adamax, 1e-3
        optimizer = cls([], lr=rate)  #?
        """,
        [
            "train.py:3 cls, rate = optim.Adamax, 1e-3",
            "  train.py:3 element optim.Adamax -> torch.optim.Adamax",
            "    train.py:1 from torch import optim",
        ],
        ["torch.optim.Adamax"],
    ),
    "a partial": (
        """
        from functools import partial
        import torch

        make = partial(torch.optim.AdamW, lr=1e-2)
        optimizer = make(params=[])  #?
        """,
        [
            "train.py:4 make = partial(torch.optim.AdamW, lr=1e-2) -> a partial of torch.optim.AdamW",
            "  train.py:1 from functools import partial",
            "  train.py:2 import torch",
        ],
        ["a partial of torch.optim.AdamW"],
    ),
    "a class of the project": (
        """
        from torch.optim import Optimizer

        class Own(Optimizer):
            pass

        optimizer = Own([])  #?
        """,
        ["train.py:3 class Own(Optimizer) -> train.Own (train.py:3)"],
        ["train.Own (train.py:3)"],
    ),
    "a name that is looked up at run time": (
        """
        import torch

        def main(name, params):
            return getattr(torch.optim, name)(params)  #?
        """,
        ["train.py:1 import torch"],
        ["any optimizer of torch.optim"],
    ),
}


@pytest.mark.parametrize(("source", "hops", "ends"), HOPS.values(), ids=HOPS)
def test_a_hop_is_told(explain: Explain, source: str, hops: list[str], ends: list[str]) -> None:
    (explanation,) = explain(source)
    assert explanation.site is not None
    assert told(explanation) == hops
    assert list(explanation.ends) == ends


def test_a_facade_is_followed_import_by_import(explain: Explain) -> None:
    (explanation,) = explain(SPLIT, ("main.py", 3))
    assert told(explanation) == [
        "main.py:1 from pack import Chosen",
        "  pack/__init__.py:2 from .inner.deep import Chosen",
        "    pack/inner/deep.py:1 from torch.optim import NAdam as Chosen -> torch.optim.NAdam",
    ]


def test_a_star_import_is_a_hop(explain: Explain) -> None:
    files = {"names.py": "from torch.optim import Adam\n", "main.py": "from names import *\nopt = Adam([])  #?\n"}
    (explanation,) = explain(files)
    assert told(explanation) == [
        "main.py:1 from names import *",
        "  names.py:1 from torch.optim import Adam -> torch.optim.Adam",
    ]


def test_what_was_told_is_pointed_to_the_second_time(explain: Explain) -> None:
    (explanation,) = explain("""
        from torch import optim

        def main(params, one):
            first = optim.Adam
            cls = first if one else first
            return cls(params)  #?
    """)
    assert told(explanation)[-1].endswith("first = optim.Adam (as above)")
    assert len(told(explanation)) == 6


# -- what is not known ------------------------------------------------------------------------------------------------

UNKNOWN = {
    "a parameter that nobody passes": (
        """
        def make(optimizer_cls, params):
            return optimizer_cls(params)  #?
        """,
        "unknown: no call that could be followed passes optimizer_cls",
    ),
    "what a library returns": (
        """
        import other

        optimizer_cls = other.choose()
        optimizer = optimizer_cls(params=[])  #?
        """,
        "unknown: what other.choose(...) returns is not followed",
    ),
    "an attribute of something unknown": (
        """
        def make(self, params):
            return self.optimizer_cls(params)  #?
        """,
        "unknown: the class of self is not known, so neither is its optimizer_cls",
    ),
    "a loop over something unknown": (
        """
        def make(every, params):
            for optimizer_cls in every:
                return optimizer_cls(params)  #?
        """,
        "unknown: no call that could be followed passes every",
    ),
}


@pytest.mark.parametrize(("source", "end"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_said_with_the_reason(explain: Explain, source: str, end: str) -> None:
    (explanation,) = explain(source)
    assert explanation.ends == (end,)
    assert explanation.said == ("by its name and its arguments it makes an optimizer",)


# -- the learning rate ------------------------------------------------------------------------------------------------


def test_the_learning_rate_is_followed_to_its_callers(explain: Explain) -> None:
    (explanation,) = explain("""
        import torch

        def make(params, rate=1e-3):
            return torch.optim.AdamW(params, lr=rate)  #?

        make([], 3e-4)
    """)
    assert explanation.rate == "rate"
    assert [hop.text for _, hop in flattened(explanation.rate_hops)] == [
        "parameter rate of make",
        "its default is 1e-3",
        "make(...) is passed 3e-4",
    ]


@pytest.mark.parametrize(
    ("call", "rate"),
    [
        ("torch.optim.Adam(params, 1e-2)", "1e-2"),
        ("torch.optim.Adam(params)", "none is passed here"),
        ("torch.optim.Adam(params, **given)", "perhaps in **given"),
        ("partial(torch.optim.Adam, lr=5)(params)", "5"),
    ],
)
def test_the_learning_rate_is_found_where_it_is_given(explain: Explain, call: str, rate: str) -> None:
    source = f"import torch\nfrom functools import partial\n\ndef main(params, given):\n    return {call}  #?\n"
    (explanation,) = explain(source)
    assert explanation.rate == rate


# -- lines that are no site -------------------------------------------------------------------------------------------


def test_a_call_of_the_project_s_own_function_says_where_that_is_looked_at(explain: Explain) -> None:
    (explanation,) = explain(
        {
            "make.py": "import torch\n\ndef build(p):\n    return torch.optim.Adam(p)\n",
            "main.py": "from make import build\n\noptimizer = build([])  #?\n",
        }
    )
    assert explanation.site is None
    assert told(explanation) == ["main.py:1 from make import build", "  make.py:3 def build"]
    assert explanation.said == (
        "build(...) runs the function make.build (make.py:3), whose own calls are looked at there",
    )


NO_SITES = {
    "a library's class": (
        "import torch\nlayer = torch.nn.Linear(1, 2)  #?\n",
        "torch.nn.Linear makes no optimizer",
    ),
    "a library's class that is named like an optimizer": (
        "import other\nthing = other.SuperAdam()  #?\n",
        "other.SuperAdam makes no optimizer, so far as cautify knows; if it is an optimizer class, list it in "
        "[tool.cautify.optimizers]",
    ),
    "a class of the project": (
        "class Thing:\n    pass\n\nthing = Thing()  #?\n",
        "Thing(...) makes a train.Thing (train.py:1), which is not an optimizer by its bases",
    ),
    "something that is not known": (
        "def main(thing):\n    thing.run()  #?\n",
        "what thing.run is, is not known: the class of thing is not known, so neither is its run",
    ),
    "what is built in": ("print(1)  #?\n", "print is built into Python and makes no optimizer"),
    "no call at all": ("x = 1  #?\n", "nothing is called on this line, and a call makes an optimizer"),
    "an empty file": ("", "nothing is called on this line, and a call makes an optimizer"),
    "the runtime": ("# cautify-runtime: 1\nx = 1  #?\n", "this file is the runtime, which cautify put there"),
    "a file that does not parse": ("x = (  #?\n", "the file cannot be used: unparsable"),
    "a file of which a function does not parse": (
        "x = 1  #?\ndef f():\n    y = (\n",
        "the file cannot be used: unparsable",
    ),
}


@pytest.mark.parametrize(("source", "said"), NO_SITES.values(), ids=NO_SITES)
def test_a_line_that_is_no_site_says_why(explain: Explain, source: str, said: str) -> None:
    (explanation,) = explain(source, ("train.py", 1))
    assert explanation.site is None
    assert explanation.said[0].startswith(said)


def test_a_reference_says_which_site_it_comes_to(explain: Explain) -> None:
    (explanation,) = explain("""
        import torch

        def main(params):
            cls = torch.optim.AdamW  #?
            return cls(params)
    """)
    assert explanation.site is None
    assert explanation.called == "torch.optim.AdamW"
    assert explanation.said == (
        "torch.optim.AdamW is an optimizer class, not a call of it: a site is where it is called",
        "it comes to train.py:5",
    )


def test_every_line_of_a_site_and_of_its_wrap_is_that_site(explain: Explain) -> None:
    source = "import torch\nkept = dict(\n    optimizer=torch.optim.Adam(\n        [],\n    ),\n)\n"
    for line in (2, 3, 4, 5):
        (explanation,) = explain(source, ("train.py", line))
        assert explanation.site is not None
        assert (explanation.line, explanation.called) == (3, "torch.optim.Adam")


def test_two_sites_on_a_line_are_both_explained(explain: Explain) -> None:
    first, second = explain("from torch import optim\npair = optim.Adam([]), optim.RAdam([])  #?\n")
    assert [first.ends, second.ends] == [("torch.optim.Adam",), ("torch.optim.RAdam",)]


def test_a_row_of_a_document_says_that_a_library_reads_it(explain: Explain) -> None:
    text = "model:\n  optimizer:\n    _target_: torch.optim.AdamW\n    lr: 1\n"
    (explanation,) = explain({"conf.yaml": text}, ("conf.yaml", 3))
    assert explanation.site is not None
    assert explanation.site.reason == "built-by-library"
    assert explanation.said == ("a library reads this and makes the optimizer",)


def test_a_line_of_a_document_that_is_no_row_names_those_that_are(explain: Explain) -> None:
    text = "model:\n  optimizer:\n    _target_: torch.optim.AdamW\n    lr: 1\n"
    (explanation,) = explain({"conf.yaml": text}, ("conf.yaml", 1))
    assert explanation.site is None
    assert explanation.said == (
        "nothing here names an optimizer for a library that cautify knows; line 3 of this file does",
    )


def test_a_file_that_the_options_leave_out_says_so(explain: Explain) -> None:
    (explanation,) = explain("x = 1\n", ("train.py", 1), Options(exclude=("train.py",)))
    assert explanation.said == ("the options leave this file out (--include, --exclude)",)


@pytest.mark.parametrize("place", [("train.py", 0), ("train.py", 3), ("notes.txt", 1)])
def test_what_is_no_line_of_a_file_that_is_looked_at_is_refused(explain: Explain, place: tuple[str, int]) -> None:
    with pytest.raises(InvalidOption):
        explain({"train.py": "x = 1\ny = 2\n", "notes.txt": "hello\n"}, place)
