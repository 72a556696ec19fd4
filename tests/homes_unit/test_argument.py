"""Command line options: where they are found, what is declared beside them, and what is left alone."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Mapping
from pathlib import Path

import libcst as cst
import pytest

from cautify.analysis.discover import discover
from cautify.analysis.flows import Flows
from cautify.analysis.origins import Origins
from cautify.analysis.project import Project
from cautify.analysis.sites import argument
from cautify.homes.absl_flags import FlagSlot
from cautify.homes.argument import Arguments, ArgumentSlot
from cautify.homes.click_options import ClickSlot, click_options
from cautify.model import HomeKind, Options
from cautify.optimizers import Catalogue
from cautify.source import apply_edits

Found = ArgumentSlot | FlagSlot | ClickSlot | str | None


class Tree:
    """A small project, and the slot of the ``lr`` that its first call of ``Adam`` gets."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(textwrap.dedent(text).lstrip("\n"))
        (root / ".git").mkdir(exist_ok=True)
        self.project = Project(root, discover(root, Options()).files)
        self.origins = Origins(Flows(self.project, Catalogue(()), mentions=b""))
        self.arguments = Arguments(self.origins)

    def rates(self) -> list[Found]:
        found = []
        for path in self.project.data:
            module = self.project.module(path)
            assert module is not None
            for call in module.calls:
                rate = argument(call, "lr", None)
                if isinstance(call.func, cst.Name) and call.func.value == "Adam" and rate is not None:
                    found.append(self.arguments.slot(rate, module))
        return found

    def slot(self) -> ArgumentSlot | FlagSlot:
        found = self.rates()[0]
        assert isinstance(found, (ArgumentSlot, FlagSlot)), found
        return found

    def patched(self, *together: str) -> dict[str, str]:
        after: dict[str, list] = {}
        for module, edit in self.slot().declarations(frozenset(together)):
            after.setdefault(module.path, []).append(edit)
        return {path: apply_edits(self.project.data[path], edits).decode() for path, edits in after.items()}


def options(source: str) -> str:
    return f"""
import argparse
from torch.optim import Adam
parser = argparse.ArgumentParser()
{source}
args = parser.parse_args()
opt = Adam([], lr=args.lr)
"""


def added(tmp_path: Path, source: str, *together: str) -> list[str]:
    """The lines that a script whose parser has these options gets."""
    tree = Tree(tmp_path, {"train.py": options(source)})
    before = tree.project.data["train.py"].decode().splitlines()
    after = tree.patched(*together)["train.py"].splitlines()
    compile("\n".join(after), "train.py", "exec")
    for line in before:
        after.remove(line)
    return after


def namespace(text: str, *argv: str) -> argparse.Namespace:
    """What the parser of a script gives; the script ends where it parses."""
    names: dict[str, object] = {}
    exec("import argparse\n" + text.partition("args = parser")[0].partition("Adam\n")[2], names)
    parser = names["parser"]
    assert isinstance(parser, argparse.ArgumentParser)
    return parser.parse_args(argv)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        pytest.param(
            "parser.add_argument('--lr', type=float, default=0.1)",
            [
                "parser.add_argument('--use_cautious_optimizer', action='store_true')",
                "parser.add_argument('--cautious_eps', type=float, default=1e-8)",
            ],
            id="one line, single quotes, no help",
        ),
        pytest.param(
            'parser.add_argument("--lr", default=0.1, type=float)\nparser.add_argument("--batch-size", type=int)',
            [
                'parser.add_argument("--use-cautious-optimizer", action="store_true")',
                'parser.add_argument("--cautious-eps", default=1e-8, type=float)',
            ],
            id="dashes as another option has them, default first as the rate has it",
        ),
        pytest.param(
            "parser.add_argument('--lr', type=float,\n                    help='learning rate (default: 0.1)')",
            [
                "parser.add_argument('--use_cautious_optimizer', action='store_true',",
                "                    help='mask updates that disagree in sign with the gradient (arXiv:2411.16085)')",
                "parser.add_argument('--cautious_eps', type=float, default=1e-8,",
                "                    help='added to the mean of that mask, by which updates are divided (default: 1e-8)')",  # noqa: E501
            ],
            id="aligned with the bracket, as long as the guides allow",
        ),
        pytest.param(
            'parser.add_argument("--lr", type=float,\n    help="the learning rate")',
            [
                'parser.add_argument("--use_cautious_optimizer", action="store_true",',
                '    help="mask updates that disagree in sign with the gradient (arXiv:2411.16085)")',
                'parser.add_argument("--cautious_eps", type=float, default=1e-8,',
                '    help="added to the mean of that mask, by which updates are divided")',
            ],
            id="continued by four spaces",
        ),
        pytest.param(
            'parser.add_argument(\n    "--lr",\n    type=float,\n    help="Learning rate.",\n)',
            [
                "parser.add_argument(",
                '    "--use_cautious_optimizer",',
                '    action="store_true",',
                '    help="Mask updates that disagree in sign with the gradient (arXiv:2411.16085).",',
                ")",
                "parser.add_argument(",
                '    "--cautious_eps",',
                "    type=float,",
                "    default=1e-8,",
                '    help="Added to the mean of that mask, by which updates are divided.",',
                ")",
            ],
            id="a line for each argument, help with a capital and a full stop",
        ),
        pytest.param(
            "str2bool = eval\nparser.add_argument('--lr', type=float)\n"
            "parser.add_argument('--amp', type=str2bool, nargs='?', const=True, default=False)",
            [
                "parser.add_argument('--use_cautious_optimizer', type=str2bool, nargs='?', const=True, default=False)",
                "parser.add_argument('--cautious_eps', type=float, default=1e-8)",
            ],
            id="a function that reads booleans, where that is what the others use",
        ),
        pytest.param(
            "parser.add_argument('--lr', type=float)\n"
            "parser.add_argument('--amp', action=argparse.BooleanOptionalAction, default=True)",
            [
                "parser.add_argument('--use_cautious_optimizer', action=argparse.BooleanOptionalAction, default=False)",
                "parser.add_argument('--cautious_eps', type=float, default=1e-8)",
            ],
            id="an option that can be negated, where the others can",
        ),
        pytest.param(
            "parser.add_argument('--lr', type=float)\nparser.add_argument('--amp', type=bool, default=True)",
            [
                "parser.add_argument('--use_cautious_optimizer', action='store_true')",
                "parser.add_argument('--cautious_eps', type=float, default=1e-8)",
            ],
            id="not type=bool, by which False is true",
        ),
        pytest.param(
            "group = parser.add_mutually_exclusive_group()\ngroup.add_argument('--lr', type=float)",
            [
                "parser.add_argument('--use_cautious_optimizer', action='store_true')",
                "parser.add_argument('--cautious_eps', type=float, default=1e-8)",
            ],
            id="beside a group whose options exclude each other, not in it",
        ),
        pytest.param(
            "add = parser.add_argument\nadd('--lr', type=float)",
            [
                "add('--use_cautious_optimizer', action='store_true')",
                "add('--cautious_eps', type=float, default=1e-8)",
            ],
            id="through another name for add_argument",
        ),
        pytest.param(
            "if True: parser.add_argument('--lr', type=float)",
            [
                "if True: parser.add_argument('--lr', type=float)"
                "; parser.add_argument('--use_cautious_optimizer', action='store_true')"
                "; parser.add_argument('--cautious_eps', type=float, default=1e-8)",
            ],
            id="on the line of the condition",
        ),
    ],
)
def test_the_options_are_written_as_their_neighbours_are(tmp_path: Path, declared: str, expected: list[str]) -> None:
    if declared.startswith("if"):
        text = Tree(tmp_path, {"train.py": options(declared)}).patched()["train.py"]
        assert [line for line in text.splitlines() if line.startswith("if")] == expected
    else:
        assert added(tmp_path, declared) == expected


def test_the_options_work_from_the_command_line(tmp_path: Path) -> None:
    declared = "parser.add_argument('--lr', type=float)\nparser.add_argument('--batch-size', type=int)"
    text = Tree(tmp_path, {"train.py": options(declared)}).patched()["train.py"]
    off, on = namespace(text), namespace(text, "--use-cautious-optimizer", "--cautious-eps", "1e-6")
    assert (off.use_cautious_optimizer, off.cautious_eps) == (False, 1e-8)
    assert (on.use_cautious_optimizer, on.cautious_eps) == (True, 1e-6)


def test_the_options_go_after_the_last_that_is_read_together(tmp_path: Path) -> None:
    declared = "\n".join(f"parser.add_argument('--{name}', type=float)" for name in ("lr", "wd", "seed"))
    text = Tree(tmp_path, {"train.py": options(declared)}).patched("lr", "wd")["train.py"]
    assert text.index("'--wd'") < text.index("'--use_cautious_optimizer'") < text.index("'--seed'")


def test_two_names_of_one_attribute_get_one_switch(tmp_path: Path) -> None:
    declared = "parser.add_argument('--lr', type=float)\nparser.add_argument('--learning-rate', dest='lr', type=float)"
    text = Tree(tmp_path, {"train.py": options(declared)}).patched()["train.py"]
    assert text.count("cautious_eps") + text.count("cautious-eps") == 1
    namespace(text)


def test_branches_that_both_declare_the_rate_both_declare_the_switch(tmp_path: Path) -> None:
    declared = (
        "if parser.prog:\n    parser.add_argument('--lr', type=float)\nelse:\n    parser.add_argument('--lr', type=int)"
    )
    text = Tree(tmp_path, {"train.py": options(declared)}).patched()["train.py"]
    assert text.count("--use_cautious_optimizer") == 2
    assert namespace(text, "--use_cautious_optimizer").use_cautious_optimizer


def test_a_patched_parser_is_left_alone(tmp_path: Path) -> None:
    text = Tree(tmp_path, {"train.py": options("parser.add_argument('--lr', type=float)")}).patched()["train.py"]
    assert Tree(tmp_path, {"train.py": text}).patched() == {}


def test_a_name_that_means_something_else_is_refused(tmp_path: Path) -> None:
    declared = "parser.add_argument('--lr')\nparser.add_argument('--use_cautious_optimizer', type=int)"
    found = Tree(tmp_path, {"train.py": options(declared)}).rates()[0]
    taken = "the option use_cautious_optimizer is declared at train.py:5 and means something else"
    assert found == f"{taken} (--flag-name gives the switch another name)"


PARSES = """
    import argparse
    def get_args():
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float)
        return parser.parse_args()
"""
READS = {
    "passed down": "def main(a):\n    Adam([], lr=a.lr)\nmain(args)",
    "on self": "class T:\n    def __init__(self, a):\n        self.a = a\n"
    "    def run(self):\n        Adam([], lr=self.a.lr)\nT(args).run()",
    "a copy": "import copy\nnew = copy.deepcopy(args)\nAdam([], lr=new.lr)",
    "getattr": "Adam([], lr=getattr(args, 'lr', 0.1))",
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_namespace_is_followed_to_the_parser_in_another_file(tmp_path: Path, read: str) -> None:
    main = f"from torch.optim import Adam\nfrom opts import get_args\nargs = get_args()\n{read}\n"
    tree = Tree(tmp_path, {"opts.py": PARSES, "train.py": main})
    slot = tree.slot()
    assert slot.read("args", False) == ("args.use_cautious_optimizer", "args.cautious_eps")
    assert [(h.kind, h.path, h.line, h.owner) for h in slot.homes()] == [
        (HomeKind.ARGUMENT, "opts.py", 4, "opts.get_args")
    ]
    assert set(tree.patched()) == {"opts.py"}


DICTS = {
    "vars": "args = vars(get_args())\nAdam([], lr=args['lr'])",
    "__dict__": "args = get_args().__dict__\nAdam([], lr=args['lr'])",
    "get": "args = dict(vars(get_args()))\nAdam([], lr=args.get('lr'))",
}


@pytest.mark.parametrize("read", DICTS.values(), ids=DICTS)
def test_a_namespace_that_is_a_dict_is_read_with_a_default(tmp_path: Path, read: str) -> None:
    main = f"from torch.optim import Adam\nfrom opts import get_args\n{read}\n"
    enabled, eps = Tree(tmp_path, {"opts.py": PARSES, "train.py": main}).slot().read("args", False)
    assert (enabled, eps) == ('args.get("use_cautious_optimizer", False)', 'args.get("cautious_eps", 1e-8)')


OTHERS = {
    "a namespace built in code": "def f(a):\n    Adam([], lr=a.lr)\nf(args)\nf(argparse.Namespace(lr=1))",
    "a checkpoint": "if args.resume:\n    args = torch.load('x')['args']\nAdam([], lr=args.lr)",
    "a parser without the option": "def f(a):\n    Adam([], lr=a.lr)\nf(args)\n"
    "other = argparse.ArgumentParser()\nf(other.parse_args())",
}


@pytest.mark.parametrize("read", OTHERS.values(), ids=OTHERS)
def test_a_namespace_that_may_lack_the_option_is_read_with_getattr(tmp_path: Path, read: str) -> None:
    main = (
        f"import argparse, torch\nfrom torch.optim import Adam\nfrom opts import get_args\nargs = get_args()\n{read}\n"
    )
    enabled, eps = Tree(tmp_path, {"opts.py": PARSES, "train.py": main}).slot().read("args", False)
    assert enabled == 'getattr(args, "use_cautious_optimizer", False)'
    assert eps == 'getattr(args, "cautious_eps", 1e-8)'


SHAPES = {
    "a group": "g = parser.add_argument_group('x')\ng.add_argument('--lr', type=float)",
    "a group without a name": "parser.add_argument_group('x').add_argument('--lr', type=float)",
    "another function": "def add(p):\n    p.add_argument('--lr', type=float)\nadd(parser)",
    "a function that gives it back": "def add(p):\n    p.add_argument('--lr', type=float)\n    return p\n"
    "parser = add(parser)",
    "parents": "base = argparse.ArgumentParser(add_help=False)\nbase.add_argument('--lr', type=float)\n"
    "parser = argparse.ArgumentParser(parents=[base])",
    "a class of its own": "class P(argparse.ArgumentParser):\n    def __init__(self):\n        super().__init__()\n"
    "        self.add_argument('--lr', type=float)\nparser = P()",
    "options from a dict": "def str2bool(v):\n    return v == 'True'\ndef add(p, d):\n    for k, v in d.items():\n"
    "        p.add_argument(f'--{k}', default=v, type=str2bool if isinstance(v, bool) else type(v))\n"
    "add(parser, dict(lr=0.1, seed=1))",
}


@pytest.mark.parametrize("declared", SHAPES.values(), ids=SHAPES)
def test_the_switch_is_declared_wherever_the_rate_is(tmp_path: Path, declared: str) -> None:
    text = Tree(tmp_path, {"train.py": options(declared)}).patched()["train.py"]
    value = ["True"] if "str2bool" in text else []
    parsed = namespace(text, "--use_cautious_optimizer", *value, "--cautious_eps", "1e-4")
    assert (parsed.use_cautious_optimizer, parsed.cautious_eps) == (True, 1e-4)
    assert not namespace(text).use_cautious_optimizer


def test_options_from_a_dict_without_a_way_to_read_booleans_are_refused(tmp_path: Path) -> None:
    declared = "for k, v in dict(lr=0.1).items():\n    parser.add_argument('--' + k, default=v, type=type(v))"
    found = Tree(tmp_path, {"train.py": options(declared)}).rates()[0]
    assert isinstance(found, str)
    assert "fails for True and False" in found


def test_each_sub_parser_with_the_rate_gets_the_switch_and_the_read_allows_for_the_others(tmp_path: Path) -> None:
    declared = (
        "subs = parser.add_subparsers()\nfor_train = subs.add_parser('train')\nfor_eval = subs.add_parser('eval')\n"
        "for_train.add_argument('--lr', type=float)"
    )
    tree = Tree(tmp_path, {"train.py": options(declared)})
    text = tree.patched()["train.py"]
    assert namespace(text, "train", "--use_cautious_optimizer").use_cautious_optimizer
    assert not hasattr(namespace(text, "eval"), "use_cautious_optimizer")
    assert tree.slot().read("args", False)[0].startswith("getattr(")


def test_a_command_that_a_parser_dispatches_to_gets_its_namespace(tmp_path: Path) -> None:
    text = """
        import argparse
        from torch.optim import Adam
        def train(args):
            Adam([], lr=args.lr)
        parser = argparse.ArgumentParser()
        sub = parser.add_subparsers().add_parser("train")
        sub.add_argument("--lr", type=float)
        sub.set_defaults(func=train)
        args = parser.parse_args()
        args.func(args)
    """
    tree = Tree(tmp_path, {"train.py": text})
    assert "sub.add_argument(" in tree.patched()["train.py"]


def test_two_slots_that_share_a_parser_declare_the_switch_once(tmp_path: Path) -> None:
    declared = "parser.add_argument('--lr', type=float)\nparser.add_argument('--critic_lr', type=float)"
    tree = Tree(tmp_path, {"train.py": options(declared) + "critic = Adam([], lr=args.critic_lr)\n"})
    slots = [(s, frozenset({s.rate})) for s in tree.rates() if isinstance(s, ArgumentSlot)]
    assert len(slots) == 2
    edits = [edit for _, edit in tree.arguments.declare(slots)]
    assert len(edits) == 1


ALONE = {
    "a dataclass": "from dataclasses import dataclass\n@dataclass\nclass A:\n    lr: float = 1\nargs = A()",
    "a parameter that nobody fills": "def f(args):\n    Adam([], lr=args.lr)\nargs = object()",
    "a loaded file": "import json\nargs = json.load(open('x'))",
}


@pytest.mark.parametrize("source", ALONE.values(), ids=ALONE)
def test_what_no_parser_made_is_no_option(tmp_path: Path, source: str) -> None:
    other = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr')\np.parse_args()\n"
    text = f"from torch.optim import Adam\n{source}\nAdam([], lr=args.lr)\n"
    assert Tree(tmp_path, {"other.py": other, "train.py": text}).rates()[0] is None


def test_without_a_rate_the_options_go_after_the_last_of_the_parser(tmp_path: Path) -> None:
    text = options("parser.add_argument('--seed', type=int)\nparser.add_argument('--epochs', type=int)")
    tree = Tree(tmp_path, {"train.py": text})
    module = tree.project.module("train.py")
    assert module is not None
    args = next(b.value for b in module.root.bindings["opt"])
    assert isinstance(args, cst.Call)
    base = args.args[1].value
    assert isinstance(base, cst.Attribute)
    slot = tree.arguments.object_slot(base.value, module, frozenset())
    assert isinstance(slot, ArgumentSlot)
    ((_, edit),) = slot.declarations(frozenset())
    after = apply_edits(tree.project.data["train.py"], [edit]).decode()
    assert after.index("--epochs") < after.index("--use_cautious_optimizer")


def test_the_options_go_last_under_the_guard_of_a_script(tmp_path: Path) -> None:
    text = """
        import argparse
        from torch.optim import Adam
        def main(args):
            Adam([], lr=1e-4, eps=args.seed)
        if __name__ == "__main__":
            parser = argparse.ArgumentParser()
            parser.add_argument("--seed", type=int)
            args = parser.parse_args()
            main(args)
    """
    tree = Tree(tmp_path, {"train.py": text})
    module = tree.project.module("train.py")
    assert module is not None
    read = next(a.value for call in module.calls for a in call.args if module.text(a.value) == "args.seed")
    assert isinstance(read, cst.Attribute)
    slot = tree.arguments.object_slot(read.value, module, frozenset({"lr"}))
    assert isinstance(slot, ArgumentSlot)
    ((_, edit),) = slot.declarations(frozenset())
    after = apply_edits(tree.project.data["train.py"], [edit]).decode().splitlines()
    assert after[7:9] == [
        '    parser.add_argument("--use_cautious_optimizer", action="store_true")',
        '    parser.add_argument("--cautious_eps", type=float, default=1e-8)',
    ]


def test_absl_flags_get_two_more(tmp_path: Path) -> None:
    text = """
        from absl import flags
        from torch.optim import Adam
        FLAGS = flags.FLAGS
        flags.DEFINE_float("lr", 1e-3, "Learning rate.")
        Adam([], lr=FLAGS.lr)
    """
    tree = Tree(tmp_path, {"train.py": text})
    assert tree.slot().read("FLAGS", False) == ("FLAGS.use_cautious_optimizer", "FLAGS.cautious_eps")
    after = tree.patched()["train.py"].splitlines()
    assert "".join(line.strip() for line in after[4:9]) == (
        'flags.DEFINE_bool("use_cautious_optimizer",False,'
        '"Mask updates that disagree in sign with the gradient (arXiv:2411.16085).",)'
    )
    assert "".join(line.strip() for line in after[9:14]) == (
        'flags.DEFINE_float("cautious_eps",1e-8,"Added to the mean of that mask, by which updates are divided.",)'
    )
    assert Tree(tmp_path, {"train.py": "\n".join(after)}).patched() == {}


def click_slot(tmp_path: Path, decorators: str, parameters: str = "lr") -> tuple[Tree, ClickSlot]:
    text = f"import click\n@click.command()\n{decorators}\ndef main({parameters}):\n    pass\n"
    tree = Tree(tmp_path, {"train.py": text})
    module = tree.project.module("train.py")
    assert module is not None
    function = module.root.bindings["main"][0].node
    assert isinstance(function, cst.FunctionDef)
    slot = click_options(function, module, "lr", tree.origins.flows)
    assert slot is not None
    return tree, slot


@pytest.mark.parametrize(
    ("decorators", "expected"),
    [
        pytest.param(
            '@click.option("--lr", default=0.1)',
            [
                '@click.option("--use-cautious-optimizer", is_flag=True)',
                '@click.option("--cautious-eps", type=float, default=1e-8)',
            ],
            id="dashes are the custom",
        ),
        pytest.param(
            "@click.option('--lr', default=0.1, type=float, show_default=True)\n@click.option('--a_b/--no_a_b')",
            [
                "@click.option('--use_cautious_optimizer/--no_use_cautious_optimizer', default=False)",
                "@click.option('--cautious_eps', default=1e-8, type=float, show_default=True)",
            ],
            id="as the neighbours are",
        ),
    ],
)
def test_click_options_get_two_more(tmp_path: Path, decorators: str, expected: list[str]) -> None:
    tree, slot = click_slot(tmp_path, decorators)
    edits = [edit for _, edit in slot.declarations(frozenset())]
    after = apply_edits(tree.project.data["train.py"], edits).decode()
    assert after.splitlines()[3:5] == expected
    assert "def main(lr, use_cautious_optimizer, cautious_eps):" in after
    assert slot.read("", False) == ("use_cautious_optimizer", "cautious_eps")
    parameters = "lr, use_cautious_optimizer, cautious_eps"
    _, again = click_slot(tmp_path, "\n".join(after.splitlines()[2:-2]), parameters)
    assert list(again.declarations(frozenset())) == []


def test_a_command_that_takes_keyword_arguments_needs_no_parameters(tmp_path: Path) -> None:
    text = """
        import click
        from torch.optim import Adam

        @click.command()
        @click.option("--lr", default=0.1)
        def main(**kwargs):
            Adam([], lr=kwargs["lr"])
    """
    tree = Tree(tmp_path, {"train.py": text})
    (slot,) = tree.rates()
    assert isinstance(slot, ClickSlot)
    assert slot.read("kwargs", False)[0] == 'kwargs.get("use_cautious_optimizer", False)'
    after = apply_edits(tree.project.data["train.py"], [edit for _, edit in slot.declarations(frozenset())]).decode()
    assert '@click.option("--use-cautious-optimizer", is_flag=True)' in after
    assert "def main(**kwargs):" in after


def test_flags_that_variables_hold_get_two_more_of_these(tmp_path: Path) -> None:
    text = """
        from absl import flags
        from torch.optim import Adam
        _LR = flags.DEFINE_float("lr", 1e-3, "Rate.")
        _ACTOR_LR = flags.DEFINE_float("actor_lr", 1e-3, "Rate.")
        Adam([], lr=_LR.value)
        Adam([], lr=_ACTOR_LR.value)
    """
    tree = Tree(tmp_path, {"train.py": text})
    slots = [slot for slot in tree.rates() if isinstance(slot, FlagSlot)]
    assert len(slots) == 2
    assert slots[0].read("_LR", False) == ("_USE_CAUTIOUS_OPTIMIZER.value", "_CAUTIOUS_EPS.value")
    assert slots[1].read("_ACTOR_LR", False) == slots[0].read("_LR", False)
    edits = [edit for _, edit in slots[0].flags.declare(slots)]
    after = apply_edits(tree.project.data["train.py"], edits).decode()
    assert after.count("_USE_CAUTIOUS_OPTIMIZER = flags.DEFINE_bool(") == 1
    assert after.count("_CAUTIOUS_EPS = flags.DEFINE_float(") == 1


TWO = """
import argparse
from torch.optim import Adam

def first():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr")
    return parser.parse_known_args()[0]

def second():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr")
    parser.add_argument("--seed")
    return parser.PARSE

args = first()
READ
Adam([], lr=args.lr)
"""


@pytest.mark.parametrize(
    ("parse", "read", "learns"),
    [
        pytest.param("parse_args()", "second()", True, id="one that always stops at what it does not know"),
        pytest.param("parse_known_args()", "second()", False, id="one that does not stop"),
        pytest.param("parse_args([])", "second()", False, id="one that reads other words"),
        pytest.param("parse_args()", "if args.lr:\n    second()", False, id="one that does not always run"),
        pytest.param("parse_args()", "", False, id="one that never runs"),
    ],
)
def test_another_parser_of_the_same_command_line_learns_the_options(
    tmp_path: Path, parse: str, read: str, learns: bool
) -> None:
    after = Tree(tmp_path, {"train.py": TWO.replace("PARSE", parse).replace("READ", read)}).patched()["train.py"]
    assert after.count("--use_cautious_optimizer") == (2 if learns else 1)


@pytest.mark.parametrize(
    "replaced", ["args.__dict__ = saved", "args.__dict__.update(saved)", "vars(args).update(saved)", "args = saved"]
)
def test_a_namespace_that_gets_the_variables_of_another_is_read_with_getattr(tmp_path: Path, replaced: str) -> None:
    declared = "parser.add_argument('--lr')\nsaved = torch.load('x')\nargs = parser.parse_args()\n"
    text = options(f"{declared}if saved:\n    {replaced}")
    tree = Tree(tmp_path, {"train.py": text.replace("args = parser.parse_args()\nopt", "opt")})
    assert tree.slot().read("args", False)[0] == 'getattr(args, "use_cautious_optimizer", False)'


QUEUED = {
    "train.py": """
        import torch
        from torch.optim import Adam

        def main(args):
            return Adam([], lr=args.lr)
        """,
    "options.py": """
        import argparse

        def parse():
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float, default=1e-3)
            return parser.parse_args()
        """,
}
JOB = """
import options
import submitit
import train


class Job:
    def __init__(self, args):
        self.args = args

    def __call__(self):
        train.main(self.args)


"""
WAITS = {
    "a job that is queued": JOB + "submitit.AutoExecutor('logs').submit(Job(options.parse()))\n",
    "a job that has a name": JOB + "job = Job(options.parse())\nexecutor.submit(job)\n",
    "a method of an object that is queued": JOB + "job = Job(options.parse())\nexecutor.submit(job.__call__)\n",
    "a job that is queued again": JOB.replace(
        "def __call__",
        "def checkpoint(self):\n        return submitit.helpers.DelayedSubmission(Job(self.args))\n\n    def __call__",
    )
    + "Job(options.parse())()\n",
    "a function that is queued with its arguments": JOB + "executor.submit(train.main, options.parse())\n",
    "an object that is pickled": JOB.replace("submitit", "pickle")
    + "job = Job(options.parse())\npickle.dump(job, open('job', 'wb'))\njob()\n",
}
RUNS_NOW = {
    "a process that is started": JOB.replace("submitit", "multiprocessing")
    + "multiprocessing.Process(target=Job(options.parse())).start()\n",
    "a pool of this run": JOB.replace("submitit", "concurrent.futures") + "executor.submit(Job(options.parse()))\n",
    "an object whose numbers are pickled": JOB.replace("submitit", "pickle")
    + "job = Job(options.parse())\npickle.dump(job.loss, open('loss', 'wb'))\njob()\n",
}


@pytest.mark.parametrize("text", WAITS.values(), ids=WAITS)
def test_what_waits_in_a_queue_may_be_older_than_the_options(tmp_path: Path, text: str) -> None:
    enabled, _ = Tree(tmp_path, {**QUEUED, "launch.py": text}).slot().read("args", False)
    assert enabled == 'getattr(args, "use_cautious_optimizer", False)'


@pytest.mark.parametrize("text", RUNS_NOW.values(), ids=RUNS_NOW)
def test_what_runs_at_once_has_the_options(tmp_path: Path, text: str) -> None:
    enabled, _ = Tree(tmp_path, {**QUEUED, "launch.py": text}).slot().read("args", False)
    assert enabled == "args.use_cautious_optimizer"
