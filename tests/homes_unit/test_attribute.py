"""Attributes as homes: numbers that initializers set, objects that are older than the code, hyperparameters by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_parameter import patched

TRAINER = """import pickle

import torch


class Trainer:
    def __init__(self{parameter}):
        self.lr = {value}

    def build(self, params):
        return torch.optim.AdamW(params, lr=self.lr)
{more}"""


def trainer(value: str, more: str = "") -> str:
    """A class that keeps its learning rate."""
    return TRAINER.format(value=value, more=more, parameter=", lr" if value == "lr" else "")


def test_a_number_that_the_initializer_sets_has_the_defaults_beside_it(tmp_path: Path) -> None:
    after, kinds = patched(tmp_path, trainer("1e-2"))
    assert kinds == ["attribute"]
    assert "self.lr = 1e-2\n        self.use_cautious_optimizer = False\n        self.cautious_eps = 1e-8\n" in after
    assert "enabled=self.use_cautious_optimizer" in after


LEFT_ALONE = {
    "one that a method sets only later": trainer("1e-2").replace("__init__(self)", "start(self)"),
    "one that is nobody's business": trainer("1e-2").replace("self.lr", "self._lr"),
    "one that a condition decides": trainer("1e-2").replace("self.lr = 1e-2", "if torch:\n            self.lr = 1e-2"),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_a_number_that_is_no_setting_of_its_object_has_no_switch(name: str, tmp_path: Path) -> None:
    after, kinds = patched(tmp_path, LEFT_ALONE[name])
    assert kinds == ["environment"]
    assert "use_cautious_optimizer" not in after


OLD = {
    "it says how it is restored": "\n    def __setstate__(self, state):\n        self.__dict__ = state\n",
    "it is unpickled where it is made": "\n\ndef load(file):\n    return pickle.load(file)\n",
    "it is pickled": "\n\ndef save(file):\n    pickle.dump(Trainer(0.1), file)\n",
    "torch saves it whole": "\n\ndef save(file):\n    torch.save(Trainer(0.1), file)\n",
    "it is queued": "\n\nimport submitit\n\nsubmitit.AutoExecutor('logs').submit(Trainer(0.1))\n",
    "what holds it is queued": (
        "\n\nimport submitit\n\n\nclass Job:\n    def __init__(self):\n        self.trainer = Trainer(0.1)\n\n\n"
        "submitit.AutoExecutor('logs').submit(Job())\n"
    ),
    "what may hold it stores itself": "\n\nclass Run:\n    def save(self, file):\n        pickle.dump(self, file)\n",
    "dill stores whatever there is": "\n\ndef save(file, run):\n    torch.save(run, file, pickle_module=dill)\n",
    "torch saves it in a dict": "\n\ndef save(file, trainer: Trainer):\n    torch.save({'trainer': trainer}, file)\n",
}
NEW = {
    "nothing stores it": "",
    "torch saves a state": "\n\ndef save(file, net):\n    torch.save(net.state_dict(), file)\n",
    "torch loads something": "\n\ndef load(file):\n    return torch.load(file)\n",
    "it runs in a pool": "\n\ndef run(executor):\n    executor.submit(Trainer(0.1))\n",
    "something else is pickled": "\n\ndef save(file):\n    pickle.dump({'step': 1}, file)\n",
}


@pytest.mark.parametrize("name", OLD)
def test_an_object_that_may_come_from_a_file_is_asked(name: str, tmp_path: Path) -> None:
    after, kinds = patched(tmp_path, trainer("lr", OLD[name]))
    assert kinds == ["parameter"]
    assert 'getattr(self, "use_cautious_optimizer", False)' in after


def test_what_stores_itself_in_another_folder_does_not_hold_it(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "scaling.py").write_text(
        "import pickle\n\n\nclass Scaling:\n    def save(self, file):\n        pickle.dump(self, file)\n"
    )
    after, _ = patched(tmp_path, trainer("lr"))
    assert "enabled=self.use_cautious_optimizer" in after


@pytest.mark.parametrize("name", NEW)
def test_an_object_that_is_always_new_is_read_plainly(name: str, tmp_path: Path) -> None:
    after, kinds = patched(tmp_path, trainer("lr", NEW[name]))
    assert kinds == ["parameter"]
    assert "enabled=self.use_cautious_optimizer" in after


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ('"lr"', '"lr", "use_cautious_optimizer", "cautious_eps"'),
        ("'lr', 'wd'", "'lr', 'wd', 'use_cautious_optimizer', 'cautious_eps'"),
        ('"lr", logger=False', '"lr", "use_cautious_optimizer", "cautious_eps", logger=False'),
        ('ignore=["net"]', 'ignore=["net"]'),
        ("", ""),
    ],
)
def test_hyperparameters_that_are_saved_by_their_names_name_the_switch_too(
    said: str, then: str, tmp_path: Path
) -> None:
    code = f"""import torch
from lightning import LightningModule


class Net(LightningModule):
    def __init__(self, net, lr, wd=0):
        super().__init__()
        self.save_hyperparameters({said})

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=self.hparams.lr)
"""
    after, kinds = patched(tmp_path, code)
    assert kinds == ["parameter"]
    assert f"self.save_hyperparameters({then})" in " ".join(after.split()).replace("( ", "(").replace(" )", ")")
    assert "enabled=self.hparams.use_cautious_optimizer" in after
