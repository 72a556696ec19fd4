"""Optimizers that YAML and JSON files name for a library to make: Trainer's ``optim``, DeepSpeed's, hydra's and others.

YAML is scanned line by line, by indentation, because that gives exact places and needs no library: only plain
``key: value`` pairs can name an optimizer, and what lies in block scalars is text. JSON is decoded from the place of
the key on. Anything the scan does not understand is not reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cautify.analysis.discover import is_plan
from cautify.analysis.elsewhere import Elsewhere
from cautify.analysis.notebooks import notebook
from cautify.analysis.places import DEEPSPEED, DEEPSPEEDS, NAMED, Place, named, row
from cautify.model import Problem, Site

_LARGEST, _LARGEST_NOTEBOOK = 5_000_000, 20_000_000

_BY_TRAINER = (
    (r"adamw_torch_(?:4|8)bit", "torchao.optim.AdamW8bit"),
    (r"adamw_torch\w*", "torch.optim.AdamW"),
    (r"(?:paged_)?adamw_(?:bnb_)?(?:8|32)bit", "bitsandbytes.optim.AdamW"),
    (r"(?:paged_)?ademamix(?:_(?:8|32)bit)?", "bitsandbytes.optim.AdEMAMix"),
    (r"(?:paged_)?lion_(?:8|32)bit", "bitsandbytes.optim.Lion"),
    (r"rmsprop_bnb(?:_(?:8|32)bit)?", "bitsandbytes.optim.RMSprop"),
    (r"galore_adamw(?:_layerwise)?", "galore_torch.GaLoreAdamW"),
    (r"galore_adamw_8bit(?:_layerwise)?", "galore_torch.GaLoreAdamW8bit"),
    (r"galore_adafactor(?:_layerwise)?", "galore_torch.GaLoreAdafactor"),
    (r"schedule_free_sgd", "schedulefree.SGDScheduleFree"),
    (r"schedule_free_adamw", "schedulefree.AdamWScheduleFree"),
    (r"schedule_free_radam", "schedulefree.RAdamScheduleFree"),
    (r"adafactor", "transformers.optimization.Adafactor"),
    (r"sgd", "torch.optim.SGD"),
    (r"adagrad", "torch.optim.Adagrad"),
    (r"rmsprop", "torch.optim.RMSprop"),
    (r"adamw_hf|adamw_apex_fused|adamw_anyprecision|apollo_adamw(?:_layerwise)?|stable_adamw", ""),
    (r"lomo|adalomo|grokadamw", ""),
    (r"optimi_adamw|ao_adamw_(?:4bit|8bit|fp8)|adopt_adamw|came_pytorch|muon|dion|sinkgd", ""),
)
"""What ``TrainingArguments.optim`` may say (transformers.training_args.OptimizerNames, and what axolotl adds), and
the class that is made of it, where there is one."""
_OWN_WORDS = re.compile(r"adamw_(?:torch|bnb|8bit|hf|apex|any)|_(?:8|32)bit|^(?:paged|galore|schedule_free|apollo)_")
_EVIDENCE = re.compile(r"(?m)^[ \t{,]*\"?(?:base_model|per_device_train_batch_size|lr_scheduler_type)\"?[ \t]*:")
"""A word such as sgd is Trainer's only beside keys that are its own or axolotl's."""

_BY_DEEPSPEED = {
    "adam": ("deepspeed.ops.adam.DeepSpeedCPUAdam", "deepspeed.ops.adam.FusedAdam", "torch.optim.Adam"),
    "adamw": ("deepspeed.ops.adam.DeepSpeedCPUAdam", "deepspeed.ops.adam.FusedAdam", "torch.optim.AdamW"),
    "lamb": ("deepspeed.ops.lamb.FusedLamb",),
    "lion": ("deepspeed.ops.lion.DeepSpeedCPULion", "deepspeed.ops.lion.FusedLion"),
    "onebitadam": ("deepspeed.runtime.fp16.onebit.adam.OnebitAdam",),
    "zerooneadam": ("deepspeed.runtime.fp16.onebit.zoadam.ZeroOneAdam",),
    "onebitlamb": ("deepspeed.runtime.fp16.onebit.lamb.OnebitLamb",),
    "muon": (),
}
"""The ``type`` of DeepSpeed's ``optimizer`` section, which it compares in lower case; else a class of torch.optim."""

_TRAINER = (
    "Trainer makes it; pass it Trainer(optimizers=(CautiousOptimizer.wrap(...), None)), or override create_optimizer"
)
_AXOLOTL = "axolotl's trainer makes it; return CautiousOptimizer.wrap(...) from create_optimizer of a plugin of yours"
_AXOLOTLS = re.compile(r"(?m)^[ \t{,]*\"?base_model\"?[ \t]*:")
_NODE_REMEDIES = {
    "_target_": "hydra makes it from this node; wrap what hydra.utils.instantiate returns where the project calls it",
    "class_path": "Lightning's CLI makes it from this; make it in configure_optimizers instead, and wrap it there",
    "_component_": "torchtune's recipe makes it from this; copy the recipe (`tune cp`) and wrap it there",
    "!": "HyperPyYAML hands this class to the library that calls it; override where that makes it, and wrap it there",
}

_MAY_BE_TRAINER_S = re.compile(r"\boptim(?:izer)?[\"']?[ \t]*:[ \t]*[^\s{!]")
_PAIR = re.compile(
    r"(?P<indent> *(?:- +)*)(?P<quote>[\"']?)(?P<key>[\w.\-/]+)(?P=quote)[ \t]*:(?:[ \t]+(?P<value>.*))?$"
)
_BLOCK = re.compile(r"(?:[!&]\S+[ \t]+)*[|>][-+0-9]*[ \t]*(?:#.*)?$")
_TAG = re.compile(r"!{1,2}(?:name|new|apply|python/name|python/object/(?:new|apply)):([\w.]+)")
_FLOW = re.compile(r"[\"']?(\w+)[\"']?[ \t]*:[ \t]*[\"']?([\w.]+)[\"']?[ \t]*(?=[,}])")
_SECTION = re.compile(r"(?<!\\)\"optimizer\"\s*:\s*(?=\{)")
_STRING = re.compile(r"(?<!\\)\"(\w+)\"\s*:\s*\"([\w.]+)\"")


_WIDE = "ptim".encode("utf-16-le")


@dataclass(frozen=True)
class Documents:
    """Reads the documents of one project. ``elsewhere`` knows the catalogue, the options and what the project makes."""

    root: Path
    elsewhere: Elsewhere

    def rows(self, paths: Sequence[str]) -> tuple[list[Site], list[Problem]]:
        """One row for each place that names an optimizer, and what could not be read although it mentions one."""
        sites: list[Site] = []
        problems: list[Problem] = []
        for path in paths:
            text = self._read(path)
            if isinstance(text, Problem):
                problems.append(text)
            if not isinstance(text, str):
                continue
            if path.endswith(".ipynb"):
                found, problem = notebook(path, text, self.elsewhere.catalogue, self.elsewhere.options)
                problems += [problem] if problem else []
            else:
                found = list(self._json(path, text) if path.endswith(".json") else self._yaml(path, text))
            lines = {site.line: site for site in reversed(found)}
            sites += [lines[line] for line in sorted(lines)]
        return sites, problems

    def _read(self, path: str) -> str | Problem | None:
        """The text of a document that may name an optimizer, or why it is not looked into."""
        limit = _LARGEST_NOTEBOOK if path.endswith(".ipynb") else _LARGEST
        try:
            with (self.root / path).open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            return Problem(path, "unreadable", error.strerror or str(error))
        if is_plan(data) or not (b"ptim" in data or _WIDE in data or (path.endswith(".ipynb") and b"rainer" in data)):
            return None
        if len(data) > limit:
            return Problem(path, "too large", f"it speaks of optimizers, but has more than {limit // 1_000_000} MB")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            return Problem(path, "undecodable", f"it speaks of optimizers, but is not UTF-8 ({error.reason})")

    def _row(self, place: Place, optimizers: Sequence[str], detail: str) -> Site:
        return row(place, optimizers, detail, self.elsewhere.options, self.elsewhere.catalogue)

    # -- YAML -----------------------------------------------------------------------------------------------------

    def _yaml(self, path: str, text: str) -> Iterator[Site]:
        if self.elsewhere.reads_configs and not _MAY_BE_TRAINER_S.search(text):
            return
        above: list[tuple[int, str]] = []
        skipped = -1  # deeper lines than this are the text of a block scalar
        for number, line in enumerate(text.splitlines(), 1):
            bare = line.strip()
            if not bare or bare.startswith("#"):
                continue
            if skipped >= 0 and len(line) - len(line.lstrip()) > skipped:
                continue
            skipped = -1
            pair = _PAIR.match(line)
            if pair is None:
                continue
            depth = len(pair["indent"])
            while above and above[-1][0] >= depth:
                above.pop()
            value = pair["value"] or ""
            if _BLOCK.match(value):
                skipped = len(line) - len(line.lstrip())
            parents = [key for _, key in above]
            place = Place(path, number, pair.start("quote"), number, line)
            yield from self._pair(place, pair["key"], value, parents, text)
            above.append((depth, pair["key"]))

    def _pair(self, place: Place, key: str, value: str, parents: list[str], text: str) -> Iterator[Site]:
        if value.startswith("{"):
            for inner in _FLOW.finditer(value):
                yield from self._pair(place, inner[1], inner[2], [*parents, key], text)
            return
        tag = _TAG.match(value)
        if tag is not None:
            yield from self._node(place, "!", tag[1])
            return
        value = re.sub(r"[ \t]+#.*$", "", re.sub(r"^&\S+[ \t]+", "", value)).strip()
        if value[:1] in ("'", '"') and value[-1:] == value[0]:
            value = value[1:-1]
        if not re.fullmatch(r"[\w.]+", value):
            return
        if "." in value:
            yield from self._node(place, key, value)
        elif key in ("optim", "optimizer"):
            yield from self._trainer(place, value, text)
        elif key in ("type", "class_path") and parents and "optim" in parents[-1].lower():
            yield from self._typed(place, key, value, parents)

    def _typed(self, place: Place, key: str, value: str, parents: list[str]) -> Iterator[Site]:
        """A bare class name as the type of an optimizer's section."""
        names = named(value, self.elsewhere.catalogue)
        told_apart = value if key == "type" and "optim_wrapper" not in parents else None
        if names and not self.elsewhere.reads(told_apart, names):
            yield self._row(place, names, _NODE_REMEDIES.get(key, NAMED))

    def _node(self, place: Place, key: str, value: str) -> Iterator[Site]:
        """A qualified class: whatever reads the node makes the optimizer."""
        if "." in value and not self.elsewhere.reads_configs and (names := named(value, self.elsewhere.catalogue)):
            yield self._row(place, names, _NODE_REMEDIES.get(key, NAMED))

    def _trainer(self, place: Place, value: str, text: str) -> Iterator[Site]:
        for pattern, name in _BY_TRAINER:
            if re.fullmatch(pattern, value):
                if _OWN_WORDS.search(value) or _EVIDENCE.search(text):
                    detail = _AXOLOTL if _AXOLOTLS.search(text) else _TRAINER
                    yield self._row(place, [name] if name else [], detail)
                return

    # -- JSON -----------------------------------------------------------------------------------------------------

    def _json(self, path: str, text: str) -> Iterator[Site]:
        decoder = json.JSONDecoder(strict=False)
        for match in _SECTION.finditer(text):
            try:
                section, end = decoder.raw_decode(text, match.end())
            except (ValueError, RecursionError):
                continue
            kind = section.get("type")
            if not isinstance(kind, str):
                continue
            place = _place(path, text, match.start(), end)
            if DEEPSPEEDS.search(text) or "params" in section:
                if (names := self._by_deepspeed(kind)) is not None:
                    yield self._row(place, names, DEEPSPEED)
            elif (known := named(kind, self.elsewhere.catalogue)) and not self.elsewhere.reads(kind, known):
                yield self._row(place, known, NAMED)
        for match in _STRING.finditer(text):
            key, value = match.groups()
            if key in ("optim", "optimizer"):
                yield from self._trainer(_place(path, text, match.start(), match.end()), value, text)
            elif "." in value:
                yield from self._node(_place(path, text, match.start(), match.end()), key, value)

    def _by_deepspeed(self, kind: str) -> Sequence[str] | None:
        if kind.lower() in _BY_DEEPSPEED:
            return _BY_DEEPSPEED[kind.lower()]
        name = f"torch.optim.{kind}"
        return [name] if self.elsewhere.catalogue.optimizer(name) else None


def _place(path: str, text: str, start: int, end: int) -> Place:
    first = text.rfind("\n", 0, start) + 1
    line = text.count("\n", 0, start) + 1
    return Place(path, line, start - first, line + text.count("\n", start, end))
