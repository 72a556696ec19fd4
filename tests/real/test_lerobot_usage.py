"""What users of a patched lerobot 0.6.1 do, with the switch off and on."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from .usage import Usage

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="lerobot 0.6.1 uses the standard library of Python 3.11"),
]

ADAM, ADAMW, SGD = "torch.optim.adam.Adam", "torch.optim.adamw.AdamW", "torch.optim.sgd.SGD"
OPTIMIZERS = {"adam": ADAM, "adamw": ADAMW, "sgd": SGD, "xvla-adamw": ADAMW, "multi_adam": ADAM}
PRESETS = {
    "act": ADAMW,
    "diffusion": ADAM,
    "evo1": ADAMW,
    "fastwam": ADAMW,
    "gaussian_actor": ADAM,
    "groot": ADAMW,
    "lingbot_va": ADAMW,
    "molmoact2": ADAMW,
    "multi_task_dit": ADAM,
    "pi0": ADAMW,
    "pi0_fast": ADAMW,
    "pi05": ADAMW,
    "reward_classifier": ADAMW,
    "sarm": ADAMW,
    "smolvla": ADAMW,
    "tdmpc": ADAM,
    "vla_jepa": ADAMW,
    "vqbet": ADAM,
    "wall_x": ADAMW,
    "xvla": ADAMW,
}
EXTRA_NEEDED = {"eo1", "robometer"}
"""Their ``__post_init__`` refuses without transformers; eo1's preset is observed unconstructed, robometer has none."""
NO_PRESET = {"topreward"}
"""Zero-shot: it recommends no optimizer."""
BUILDS = [("optimizers", name) for name in OPTIMIZERS] + [("presets", name) for name in PRESETS]
BASES = {**OPTIMIZERS, **PRESETS}
SWITCH = {"use_cautious_optimizer", "cautious_eps"}

each_build = pytest.mark.parametrize(("group", "name"), BUILDS, ids=[f"{group}-{name}" for group, name in BUILDS])


def wrapped(observation: dict[str, Any], base: str) -> bool:
    """Whether every optimizer that was built is cautious, is an Optimizer, and wraps the base."""
    return bool(observation["optimizers"]) and all(
        built["cautious"] is True and built["optimizer"] and built["base"] == base
        for built in observation["optimizers"]
    )


def plain(observation: dict[str, Any], base: str) -> bool:
    """Whether every optimizer that was built is of exactly the base's type."""
    return bool(observation["optimizers"]) and all(built["type"] == base for built in observation["optimizers"])


def succeeded(observation: dict[str, Any]) -> dict[str, Any]:
    assert "error" not in observation, observation["traceback"]
    return observation


def test_the_tables_here_name_every_registered_config(used: Usage) -> None:
    names = used.patched["names"]
    assert names["optimizers"] == sorted(OPTIMIZERS)
    assert set(names["models"]) == PRESETS.keys() | EXTRA_NEEDED | NO_PRESET
    assert names["with preset"] == sorted(PRESETS)
    assert names == used.before["names"]


def test_a_config_is_left_out_only_because_it_wants_transformers(used: Usage) -> None:
    refused = used.before["names"]["refused"]
    assert refused.keys() == EXTRA_NEEDED
    assert all(reason.startswith("ImportError: 'transformers' is required") for reason in refused.values())


@each_build
def test_off_builds_the_very_optimizer_and_trains_to_the_same_bits(used: Usage, group: str, name: str) -> None:
    seen = succeeded(used.patched[f"{group} off"][name])
    assert plain(seen, BASES[name])
    assert seen["moved"]
    assert seen == succeeded(used.before[f"{group} off"][name])


@each_build
def test_on_builds_a_cautious_optimizer_that_trains(used: Usage, group: str, name: str) -> None:
    seen = succeeded(used.patched[f"{group} on"][name])
    off = used.before[f"{group} off"][name]
    assert wrapped(seen, BASES[name])
    assert seen["moved"]
    assert seen["finite"]
    assert seen["weights"] != off["weights"]
    assert [built["groups"] for built in seen["optimizers"]] == [built["groups"] for built in off["optimizers"]]


@each_build
def test_on_masks_what_disagrees_with_its_gradient(used: Usage, group: str, name: str) -> None:
    seen = succeeded(used.patched[f"{group} on"][name])
    assert seen["masked when off"] == 0
    if BASES[name] == SGD:
        assert seen["masked"] == 0, "without momentum the update is the gradient"
    else:
        assert seen["masked"] > 0


@each_build
def test_the_given_eps_is_the_one_in_the_update(used: Usage, group: str, name: str) -> None:
    seen = succeeded(used.patched[f"{group} on"][name])
    assert seen["default eps"] == 1e-8
    assert seen["first step"] == pytest.approx([0.5, 0.5], rel=1e-6)
    assert seen["first step by default"] == pytest.approx([1.0, 1.0], rel=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_the_environment_variable_does_not_override_a_config(used: Usage, name: str) -> None:
    assert succeeded(used.patched["off despite the environment"][name]) == used.before["presets off"][name]


def test_multi_adam_is_a_dict_of_wrapped_optimizers(used: Usage) -> None:
    for seen in (used.patched["optimizers on"]["multi_adam"], used.patched["presets on"]["gaussian_actor"]):
        assert [built["name"] for built in succeeded(seen)["optimizers"]] == ["actor", "critic", "temperature"]


def test_the_preset_of_a_config_that_wants_transformers_forwards_the_switch(used: Usage) -> None:
    assert wrapped(used.patched["unconstructed eo1"], ADAMW)


def test_positional_parameters_are_what_they_were(used: Usage) -> None:
    assert used.patched["signatures"] == used.before["signatures"]


def test_a_positional_adam_config_keeps_its_meaning(used: Usage) -> None:
    documented = used.patched["documented"]
    assert documented["positional"] == {
        "lr": 1e-3,
        "weight_decay": 0.0,
        "grad_clip_norm": 10.0,
        "betas": [0.8, 0.9],
        "eps": 1e-8,
        "use_cautious_optimizer": False,
        "cautious_eps": 1e-8,
    }
    assert documented["positional type"] == ADAM


@pytest.mark.parametrize("call", ["groot", "adamw", "direct"])
def test_the_documented_calls_build_a_cautious_adamw(used: Usage, call: str) -> None:
    seen = used.patched["documented"][call]
    assert wrapped(seen, ADAMW)
    assert seen["moved"]


def test_a_subclass_with_a_required_field_still_works(used: Usage) -> None:
    seen = used.patched["subclassed"]
    assert seen["momentum"] == 0.9
    assert plain(seen, SGD)


@pytest.mark.parametrize(
    ("line", "config", "base", "eps"),
    [
        ("policy flag", "AdamWConfig", ADAMW, 1e-6),
        ("reward model flag", "AdamWConfig", ADAMW, 1e-8),
        ("optimizer adam", "AdamConfig", ADAM, 1e-8),
        ("optimizer adamw", "AdamWConfig", ADAMW, 1e-8),
        ("optimizer sgd", "SGDConfig", SGD, 1e-8),
        ("optimizer without a type", "AdamConfig", ADAM, 1e-8),
    ],
)
def test_the_flag_on_lerobot_trains_command_line_wraps(
    used: Usage, line: str, config: str, base: str, eps: float
) -> None:
    seen = succeeded(used.patched["lines"][line])
    assert wrapped(seen, base)
    assert (seen["config"], seen["enabled"], seen["eps"]) == (config, True, eps)


@pytest.mark.parametrize("line", ["no flag", "optimizer betas", "optimizer flag under a preset"])
def test_a_command_line_without_an_effective_flag_wraps_nothing(used: Usage, line: str) -> None:
    seen = succeeded(used.patched["lines"][line])
    assert plain(seen, ADAMW)
    assert seen["betas"] == [0.9, 0.999]


def test_on_resume_the_optimizers_flag_counts_and_the_policys_does_not(used: Usage) -> None:
    assert wrapped(succeeded(used.patched["resume"]["with the flag"]), ADAMW)
    assert plain(succeeded(used.patched["resume"]["with the policy's flag"]), ADAMW)


def test_reinforcement_learning_has_a_switch_apart_from_the_policys(used: Usage) -> None:
    seen = used.patched["reinforcement"]
    assert succeeded(seen["algorithm flag"]) == {"algorithm": True, "policy": False}
    assert succeeded(seen["policy flag"]) == {"algorithm": False, "policy": True}


def test_sac_has_one_pair_of_fields_for_three_learning_rates(used: Usage) -> None:
    rates = {"actor": 1e-3, "critic": 2e-3, "temperature": 3e-3, "discrete_critic": 2e-3}
    assert used.patched["sac on"]["fields"] == ["use_cautious_optimizer", "cautious_eps"]
    assert used.patched["sac on"]["rates"] == rates
    assert wrapped(used.patched["sac on"], ADAM)
    assert used.patched["sac on"]["weights"] != used.before["sac off"]["weights"]


def test_sac_off_builds_plain_adam_and_trains_to_the_same_bits(used: Usage) -> None:
    before, off = used.before["sac off"], used.patched["sac off"]
    assert plain(off, ADAM)
    assert {**off, "fields": []} == before


@pytest.mark.parametrize("direction", ["off", "on"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_plain_checkpoint_loads_whole_whatever_the_switch(used: Usage, name: str, direction: str) -> None:
    saved = succeeded(used.before["checkpoints"][name])["saved at once"]
    seen = succeeded(used.patched[f"checkpoints {direction}"][name])
    assert seen["saved at once"] == saved


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_plain_checkpoint_resumed_with_the_switch_off_goes_on_to_the_same_bits(used: Usage, name: str) -> None:
    seen = used.patched["checkpoints off"][name]
    assert plain(seen, OPTIMIZERS[name])
    assert seen["resumed weights"] == used.before["checkpoints"][name]["resumed weights"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_plain_checkpoint_resumed_with_the_switch_on_goes_on_cautiously(used: Usage, name: str) -> None:
    seen = used.patched["checkpoints on"][name]
    assert wrapped(seen, OPTIMIZERS[name])
    assert seen["resumed weights"] != used.before["checkpoints"][name]["resumed weights"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_cautious_checkpoint_has_the_keys_of_a_plain_one_and_goes_back(used: Usage, name: str) -> None:
    plainly, cautiously = used.before["checkpoints"][name]["saved"], used.patched["checkpoints on"][name]["saved"]
    assert keys(cautiously) == keys(plainly)
    back = succeeded(used.after["checkpoints"][name])
    assert back["saved at once"] == cautiously
    assert plain(back, OPTIMIZERS[name])


def keys(content: Any) -> Any:
    """The shape of saved content: its keys, its lengths, and no values."""
    if isinstance(content, dict):
        return {key: keys(value) for key, value in content.items()}
    return [keys(item) for item in content] if isinstance(content, list) else None


CONFIGS = [
    *(f"model-{name}" for name in PRESETS),
    *(f"train-{name}" for name in OPTIMIZERS),
    "algorithm-sac",
]


@pytest.mark.parametrize("name", CONFIGS)
def test_an_old_config_file_loads_with_the_switch_off_and_gains_only_the_two_keys(used: Usage, name: str) -> None:
    seen = succeeded(used.patched["configs"][name])
    assert (seen["use_cautious_optimizer"], seen["cautious_eps"]) == (False, 1e-8)
    assert "use_cautious_optimizer" in str(seen["encoded"])
    assert without_switch(seen["encoded"]) == succeeded_content(used.before["configs"][name])


@pytest.mark.parametrize("name", CONFIGS)
def test_a_patched_trees_config_file_needs_the_two_keys_stripped_for_an_unpatched_one(used: Usage, name: str) -> None:
    refused = used.after["configs refused"][name]
    assert "use_cautious_optimizer" in refused["error"]
    assert name in used.after["stripped"]
    assert succeeded(used.after["configs stripped"][name])["encoded"] == used.before["configs"][name]


def succeeded_content(content: Any) -> Any:
    assert "traceback" not in content, content["traceback"]
    return content


def without_switch(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: without_switch(value) for key, value in content.items() if key not in SWITCH}
    return [without_switch(item) for item in content] if isinstance(content, list) else content


PICKLES = [*(f"optimizer {name}" for name in OPTIMIZERS), *(f"preset {name}" for name in PRESETS), "algorithm sac"]


@pytest.mark.parametrize("name", PICKLES)
def test_a_config_pickled_before_the_patch_reads_the_defaults_and_builds(used: Usage, name: str) -> None:
    assert used.before["pickles"] == len(PICKLES)
    seen = succeeded(used.patched["pickles"][name])
    assert seen["in the object"] == []
    assert seen["read"] == [False, 1e-8]
    assert seen["replaced"] is True
    group, short = name.split(" ", 1)
    if group != "algorithm":
        built = used.before[f"{group}s off"][short]
        assert plain(seen, BASES[short])
        assert seen["weights"] == built["weights"]
