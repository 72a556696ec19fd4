"""Configs that are handed on whole, half, or under another name: the patched program still runs, off as before and on.

Each program is run with torch, as it is and patched. ``make(cfg)`` builds the optimizer.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from cautify.model import Options, Verdict
from cautify.patch.plan import make_plan

HEAD = """\
from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields

import torch

P = [torch.nn.Parameter(torch.zeros(2))]


@dataclass(kw_only=True)
class Cfg:
    lr: float = 0.1
    weight_decay: float = 0.1
"""

# Methods of the config, or functions below it; every one of them splats all fields in some way.
SPLATTED = {
    "a dict that is updated with all fields": """
    def make(self):
        kw = {"amsgrad": True}
        kw.update(asdict(self))
        return torch.optim.AdamW(P, **kw)
""",
    "all fields in one branch of a condition": """
    def make(self, full=True):
        kw = asdict(self) if full else {}
        return torch.optim.AdamW(P, **kw)
""",
    "all fields unpacked beside something else": """
    def make(self):
        kw, n = asdict(self), 3
        return torch.optim.AdamW(P, **kw)
""",
    "all fields in an attribute": """
    def make(self):
        self.kw = asdict(self)
        return torch.optim.AdamW(P, **self.kw)
""",
    "a second name for all fields": """
    def make(self):
        d = asdict(self)
        kw = d
        return torch.optim.AdamW(P, **kw)
""",
    "all fields through a method": """
    def to_dict(self):
        return asdict(self)

    def make(self):
        return torch.optim.AdamW(P, **self.to_dict())
""",
    "all fields merged by dict()": """
    def make(self):
        return torch.optim.AdamW(P, **dict(amsgrad=True, **asdict(self)))
""",
    "an assignment in a one-line if": """
    def make(self, full=True):
        kw = {}
        if full: kw = asdict(self)
        return torch.optim.AdamW(P, **kw)
""",
    "a walrus": """
    def make(self):
        if (kw := asdict(self)):
            return torch.optim.AdamW(P, **kw)
""",
    "assignment and construction on one line": """
    def make(self):
        kw = asdict(self); opt = torch.optim.AdamW(P, **kw)
        return opt
""",
    "fields read one by one": """
    def make(self):
        kw = {f.name: getattr(self, f.name) for f in fields(self)}
        return torch.optim.AdamW(P, **kw)
""",
    "a method call on the construction": """
    def make(self):
        opt = torch.optim.AdamW(P, lr=self.lr)
        torch.optim.AdamW(P, lr=self.lr).state_dict()
        return opt
""",
    "an import on the line of the function": """
    def make(self):
        def build(p): import torch; return torch.optim.AdamW(p, lr=self.lr)
        return build(P)
""",
    "an import below a condition, on one line with more": """
    def make(self):
        if P:
            pass
        import torch; x = 1
        return torch.optim.AdamW(P, lr=self.lr)
""",
    "a construction in an f-string": """
    def make(self):
        text = f"{torch.optim.AdamW(P, lr=self.lr)!r:.5}"
        return torch.optim.AdamW(P, lr=self.lr)
""",
    "an object that was deleted": """

def build(cfg: Cfg):
    lr = cfg.lr
    del cfg
    return torch.optim.AdamW(P, lr)


Cfg.make = build
""",
    "another object of the same name": """

def build(cfg: Cfg):
    lr = cfg.lr

    def inner(cfg):
        return torch.optim.AdamW(P, lr)

    return inner(3)


Cfg.make = build
""",
    "None instead of the object": """

def build(cfg: Cfg | None = None):
    return torch.optim.AdamW(P, lr=cfg.lr if cfg is not None else 1e-3)


build()
Cfg.make = build
""",
    "an untyped object whose fields go somewhere else": """

def log(lr, weight_decay):
    return lr


def record(cfg):
    return log(**asdict(cfg))


def build(cfg: Cfg):
    record(cfg)
    return torch.optim.AdamW(P, lr=cfg.lr)


Cfg.make = build
""",
    "values by position": """

def build(cfg: Cfg):
    lr, decay = asdict(cfg).values()
    return torch.optim.AdamW(P, lr=cfg.lr)


Cfg.make = build
""",
    "parameter groups of all fields": """

def build(cfg: Cfg):
    opt = torch.optim.AdamW([{"params": P, **asdict(cfg)}], lr=cfg.lr)
    assert "cautious_eps" not in opt.param_groups[0]
    return opt


Cfg.make = build
""",
    "an object that is made anew each time it is read": """
calls = []


def get() -> Cfg:
    calls.append(1)
    return Cfg()


def build(cfg):
    calls.clear()
    opt = torch.optim.AdamW(P, lr=get().lr)
    assert len(calls) == 1
    return opt


Cfg.make = build
""",
}

CONDITIONAL = """
    kind: str = "adam"

    def make(self):
        table = {"lbfgs": lambda: torch.optim.LBFGS(P, lr=self.lr), "adam": lambda: torch.optim.AdamW(P, lr=self.lr)}
        return table[self.kind]()
"""


def load(text: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as a module, with what lies beside it importable."""
    monkeypatch.syspath_prepend(str(directory))
    sys.modules.pop("cautious_optimizer", None)
    module = types.ModuleType("program")
    monkeypatch.setitem(sys.modules, "program", module)
    exec(compile(text, "program", "exec", dont_inherit=True), module.__dict__)
    return module


def patched(text: str, root: Path) -> str:
    (root / "program.py").write_text(text, encoding="utf-8")
    plan = make_plan(root, Options())
    assert [site.verdict for site in plan.sites if site.reason is None] != []
    for file in plan.files:
        assert file.after is not None
        (root / file.path).write_bytes(file.after)
    return (root / "program.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in SPLATTED.items()])
def test_off_is_off_and_on_is_on_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    before = load(HEAD + body, tmp_path, monkeypatch)
    assert type(before.Cfg().make()) is torch.optim.AdamW
    text = patched(HEAD + body, tmp_path)
    after = load(text, tmp_path, monkeypatch)
    assert type(after.Cfg().make()) is torch.optim.AdamW
    if "enabled=" in text:
        made = after.Cfg(use_cautious_optimizer=True, cautious_eps=1e-5).make()
        assert made.is_cautious_optimizer
        assert made.eps == 1e-5
    else:
        assert "use_cautious_optimizer: bool" not in text
        monkeypatch.setenv("USE_CAUTIOUS_OPTIMIZER", "1")
        assert after.Cfg().make().is_cautious_optimizer


def test_a_table_of_constructions_refuses_only_the_one_that_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = load(patched(HEAD + CONDITIONAL, tmp_path), tmp_path, monkeypatch)
    assert type(after.Cfg(kind="lbfgs").make()) is torch.optim.LBFGS
    assert after.Cfg(use_cautious_optimizer=True).make().is_cautious_optimizer
    with pytest.raises((TypeError, ValueError), match="LBFGS"):
        after.Cfg(use_cautious_optimizer=True, kind="lbfgs").make()
    again = make_plan(tmp_path, Options())
    assert again.files == ()
    assert {site.verdict for site in again.sites if site.reason is None} == {Verdict.WRAPPED}


SHELL = """

class Pair(torch.optim.Optimizer):
    def __init__(self, params, lr):
        params = list(params)
        super().__init__(params, {"lr": lr})
        self.inner = torch.optim.AdamW(params, lr=lr)

    def step(self, closure=None):
        self.inner.step()


def pair(cfg: Cfg):
    return Pair(P, lr=cfg.lr)


def plain(cfg: Cfg):
    return torch.optim.AdamW(P, lr=cfg.lr)
"""


def test_an_optimizer_that_holds_a_site_is_not_wrapped_around_it(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(HEAD + SHELL, encoding="utf-8")
    verdicts = {(site.optimizers[0].rpartition(".")[2], site.reason) for site in make_plan(tmp_path, Options()).sites}
    assert verdicts == {("AdamW", None), ("Pair", "wrapper")}


IN_BACKWARD = """
class Early(torch.optim.Optimizer):
    def __init__(self, params, kind, **options):
        params = list(params)
        self.each = {}
        for number, p in enumerate(params):
            self.each[number] = kind([p], **options)
            p.register_post_accumulate_grad_hook(lambda q, n=number: self.update(n))
        super().__init__(params, options)

    def update(self, number):
        self.each[number].step()

    def step(self, closure=None):
        if closure is not None:
            raise RuntimeError("there is nothing to evaluate")


def early(model):
    return Early(model.parameters(), torch.optim.AdamW, lr=1e-3)
"""


def test_nobody_is_advised_to_wrap_what_only_holds_optimizers(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(f"import torch\n\n{IN_BACKWARD}", encoding="utf-8")
    made = next(s for s in make_plan(tmp_path, Options()).sites if s.optimizers == ("program.Early",))
    assert made.reason == "wrapper"
    assert "CautiousOptimizer.wrap(" not in made.detail


OVERLOADED = """
import typing

import torch


class Own(torch.optim.Optimizer):
    @typing.overload
    def step(self, closure: None = None) -> None: ...

    @typing.overload
    def step(self, closure: typing.Callable[[], float]) -> float: ...

    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data.sub_(p.grad)


def own(model):
    return Own(model.parameters(), {"lr": 1e-3})
"""


def test_a_step_that_is_only_declared_first_is_judged_by_what_it_does(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(OVERLOADED, encoding="utf-8")
    assert [site.reason for site in make_plan(tmp_path, Options()).sites] == ["custom"]
