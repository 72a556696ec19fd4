"""Parameters as homes: what keeps its signature because nobody could set the switch there, and who hands it on."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from cautify.model import Options
from cautify.patch.plan import make_plan

SWITCH = "use_cautious_optimizer"
MAKE = "import torch\n\n\ndef make(params, lr):\n    return torch.optim.AdamW(params, lr=lr)\n\n\n"
HOOK = "    def make(self, params, lr):\n        return torch.optim.AdamW(params, lr=lr)\n"


def patched(root: Path, code: str) -> tuple[str, list[str]]:
    """The file after the patch, and what each of its optimizers has for a switch."""
    (root / "train.py").write_text(dedent(code))
    plan = make_plan(root, Options())
    after = next((f.after for f in plan.files if f.path == "train.py"), None)
    assert after is not None
    compile(after, "train.py", "exec")
    return after.decode(), [site.switch.kind.value if site.switch is not None else "" for site in plan.sites]


LEFT_ALONE = {
    "handed to a library": f"{MAKE}library.Trainer(make=make)\n",
    "kept in a table": f"{MAKE}TABLE = {{'adamw': make}}\n",
    "given to an object": f"{MAKE}trainer.make = make\n",
    "returned": f"{MAKE}def maker():\n    return make\n",
    "a method of a library's class": f"import torch\nfrom library import Base\n\n\nclass Task(Base):\n{HOOK}",
    "a method of an unknown class": f"import torch\n\n\nclass Task(base()):\n{HOOK}",
    "a command line, and more": f"import jsonargparse\n{MAKE}def run(f):\n    jsonargparse.CLI(f)\n"
    "    library.later(f)\n\n\nrun(make)\n",
    "run by an executor that knows nothing of the learning rate": f"{MAKE}pool.submit(make, [])\n",
    "run by something of the project that takes no keywords": f"{MAKE}def submit(f, *args):\n    return f(*args)\n\n\n"
    "def main(lr):\n    submit(make, [], lr)\n\n\nlibrary.run(main)\n",
    "bound by a decorator of a library": MAKE.replace("def make", "@library.register\ndef make"),
    "only its own function calls it": "import torch\n\n\ndef outer(params):\n"
    "    def make(lr):\n        return torch.optim.AdamW(params, lr=lr)\n\n    return make(0.1)\n",
    "the name of a learning rate": "import torch\n\n\ndef make(params, table, lr: str):\n"
    "    return torch.optim.AdamW(params, lr=table[lr])\n\n\nmake([], {}, 'lr')\n",
    "an override that does something else with it": f"import torch\n\n\nclass Task:\n{HOOK}\n\n"
    "class Other(Task):\n    def make(self, params, lr):\n        return legacy(params, lr)\n\n\n"
    "def run(task: Task, lr):\n    return task.make([], lr)\n",
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_a_function_that_nobody_could_give_the_switch_keeps_its_signature(name: str, tmp_path: Path) -> None:
    after, kinds = patched(tmp_path, LEFT_ALONE[name])
    assert kinds == ["environment"]
    assert SWITCH not in after


TAKES = {
    "handed on in a demonstration": f"{MAKE}if __name__ == '__main__':\n    library.train(make)\n",
    "handed on, and called by the project too": f"{MAKE}library.Trainer(make=make)\nmake([], 0.1)\n",
    "one command line of a table of functions": f"import jsonargparse\n{MAKE}TABLE = {{'make': make}}\n"
    "jsonargparse.CLI(TABLE)\n",
    "a command line through functions of the project": f"import jsonargparse\n{MAKE}def cli(*args):\n"
    "    return jsonargparse.CLI(*args)\n\n\ndef run(f):\n    cli(f)\n\n\nrun(make)\n",
    "a command line": f"import typer\n{MAKE}typer.run(make)\n",
    "a method of a module": f"import torch\n\n\nclass Net(torch.nn.Module):\n{HOOK}",
    "an abstract method is no override that ignores it": f"import torch\n\n\nclass Base:\n"
    f"    def make(self, params, lr):\n        raise NotImplementedError\n\n\nclass Task(Base):\n{HOOK}",
}


@pytest.mark.parametrize("name", TAKES)
def test_a_function_that_users_call_takes_the_switch(name: str, tmp_path: Path) -> None:
    after, kinds = patched(tmp_path, TAKES[name])
    assert kinds == ["parameter"]
    assert "lr, *, use_cautious_optimizer=False, cautious_eps=1e-8" in after


def test_an_override_that_cannot_be_called_with_the_learning_rate_is_no_part_of_the_family(tmp_path: Path) -> None:
    code = f"import torch\n\n\nclass Base:\n    def make(self):\n        return legacy()\n\n\nclass Task(Base):\n{HOOK}"
    after, kinds = patched(tmp_path, code)
    assert kinds == ["parameter"]
    assert "    def make(self):\n        return legacy()\n" in after


def test_an_override_that_passes_everything_on_is_left_as_it_is(tmp_path: Path) -> None:
    code = """
        import torch


        class Net:
            def configure(self, params, lr):
                return torch.optim.AdamW(params, lr=lr)


        class Task:
            def make(self, params, lr):
                return torch.optim.Adam(params, lr=lr)


        class Wrapped(Task):
            def __init__(self):
                self.net = Net()

            def make(self, **kwargs):
                return self.net.configure(**kwargs)


        def run(task: Task, lr):
            return task.make(params=[], lr=lr)
        """
    after, kinds = patched(tmp_path, code)
    assert kinds == ["parameter", "parameter"]
    assert "def make(self, **kwargs):\n        return self.net.configure(**kwargs)" in after
    assert after.count("use_cautious_optimizer=use_cautious_optimizer") == 1


def test_keywords_that_become_arguments_of_the_optimizer_are_a_learning_rates_way(tmp_path: Path) -> None:
    code = """
        import torch


        class Factory:
            def __init__(self, cls, **kwargs):
                self.kwargs = kwargs

            def make(self, params):
                return torch.optim.AdamW(params, **self.kwargs)


        def factory(cls, rate, lr):
            return Factory(cls, lr=lr)
        """
    after, _ = patched(tmp_path, code)
    assert "def factory(cls, rate, lr, *, use_cautious_optimizer=False, cautious_eps=1e-8):" in after
    assert "Factory(" in after
    assert "use_cautious_optimizer=use_cautious_optimizer" in after


def test_two_learning_rates_of_one_object_have_one_switch(tmp_path: Path) -> None:
    code = """
        import torch


        class Agent:
            def __init__(self, lr_actor, lr_critic):
                self.lr_actor = lr_actor
                self.lr_critic = lr_critic

            def build(self, one, two):
                return torch.optim.Adam(one, lr=self.lr_actor), torch.optim.Adam(two, lr=self.lr_critic)
        """
    after, kinds = patched(tmp_path, code)
    assert kinds == ["parameter", "parameter"]
    assert after.count("self.use_cautious_optimizer = use_cautious_optimizer") == 1
    assert after.count("use_cautious_optimizer=False") == 1


SPACES = {
    "lr = 1e-4, betas = (0.9, 0.99)": "use_cautious_optimizer = False, cautious_eps = 1e-8",
    "lr = 1e-4, betas=(0.9, 0.99), eps=1e-6": "use_cautious_optimizer=False, cautious_eps=1e-8",
    "lr: float=1e-4": "use_cautious_optimizer: bool=False, cautious_eps: float=1e-8",
    "lr: float": "use_cautious_optimizer: bool = False, cautious_eps: float = 1e-8",
}


@pytest.mark.parametrize("own", SPACES)
def test_spaces_stand_around_a_default_where_its_neighbours_have_them(own: str, tmp_path: Path) -> None:
    code = f"import torch\n\n\ndef make(params, {own}):\n    return torch.optim.AdamW(params, lr=lr)\n"
    after, _ = patched(tmp_path, code)
    assert SPACES[own] in " ".join(after.split())


HOLDS = """
    import torch


    class Early(torch.optim.Optimizer):
        \"\"\"Updates parameters when their gradients arrive.

        Args:
            params (list): what is trained.
            kind (type): what updates it.{more}
            **options: what else that takes.

        Example:
            >>> Early(params, torch.optim.AdamW, lr=1e-3)
        \"\"\"

        def __init__(self, params, kind, {taken}**options):
            self.each = [kind([p], **options) for p in params]
            super().__init__(params, options)


    def early(model):
        return Early(model.parameters(), torch.optim.AdamW, lr=1e-3)
    """


def test_a_docstring_of_all_parameters_stays_complete_where_the_learning_rate_is_among_the_others(
    tmp_path: Path,
) -> None:
    after, _ = patched(tmp_path, HOLDS.format(more="", taken=""))
    entries = after.partition("Args:\n")[2].partition("\n\n")[0].split("\n")
    names = ["params", "kind", "use_cautious_optimizer", "cautious_eps", "**options"]
    assert [e.split()[0].strip(":") for e in entries if e.startswith(" " * 8) and not e.startswith(" " * 9)] == names
    assert "use_cautious_optimizer (bool): whether to" in after


def test_a_docstring_that_leaves_out_a_parameter_is_no_list_of_them(tmp_path: Path) -> None:
    after, _ = patched(tmp_path, HOLDS.format(more="", taken="fused=False, "))
    assert "use_cautious_optimizer=False" in after
    assert "use_cautious_optimizer (bool)" not in after
