"""What a reader of lerobot's sources finds: every place an optimizer is made, and where its switch belongs.

Established by reading the four published trees, not by running cautify. Places are named by file and enclosing
definition, because line numbers move when the patch is applied.
"""

from __future__ import annotations

from dataclasses import dataclass

RUNTIME = "src/lerobot/cautious_optimizer.py"
OPTIMIZERS = "src/lerobot/optim/optimizers.py"
VECTOR_QUANTIZER = "src/lerobot/policies/vqbet/vqbet_utils.py"


@dataclass(frozen=True)
class Site:
    path: str
    enclosing: str
    text: str
    optimizers: tuple[str, ...]
    homes: frozenset[tuple[str, str]] = frozenset()
    receiver: str = "self"
    """What the switch is read from; nothing where the environment is asked."""
    verdict: str = "wrap"
    reason: str | None = None
    form: str = "call"
    count: int = 1


@dataclass(frozen=True)
class Tree:
    """One published lerobot: `presets` maps an optimizer config to the (file, class) pairs whose preset builds it."""

    presets: dict[str, tuple[tuple[str, str], ...]]
    reinforcement: tuple[Site, ...]

    @property
    def sites(self) -> tuple[Site, ...]:
        return (
            *(_config_site(name, declared) for name, declared in self.presets.items()),
            *self.reinforcement,
            INJECTED,
        )

    @property
    def homes(self) -> frozenset[tuple[str, str]]:
        """Every (file, class) that gains the two fields."""
        return frozenset().union(*(site.homes for site in self.sites))

    @property
    def modified(self) -> set[str]:
        """Every file the patch edits; the runtime is the one file it creates."""
        return {path for path, _ in self.homes} | {site.path for site in self.sites if site.verdict == "wrap"}


def _config_site(config: str, presets: tuple[tuple[str, str], ...]) -> Site:
    """A site in optim/optimizers.py; its switch is OptimizerConfig's, and every preset's that builds this config."""
    optimizer = {"AdamWConfig": "AdamW", "XVLAAdamWConfig": "AdamW", "SGDConfig": "SGD"}.get(config, "Adam")
    return Site(
        path=OPTIMIZERS,
        enclosing=f"{config}.build",
        text=f"torch.optim.{optimizer}(",
        optimizers=(f"torch.optim.{optimizer}",),
        homes=frozenset({(OPTIMIZERS, "OptimizerConfig"), *presets}),
    )


def _policies(**classes: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"src/lerobot/policies/{name}/configuration_{name}.py", owner) for name, owner in sorted(classes.items())
    )


INJECTED = Site(
    path=VECTOR_QUANTIZER,
    enclosing="VectorQuantize.__init__",
    text="in_place_codebook_optimizer(",
    optimizers=(),
    receiver="",
    form="parameter",
)

SAC_CONFIG = ("src/lerobot/policies/sac/configuration_sac.py", "SACConfig")
SAC_CLASSIFIER = ("src/lerobot/policies/sac/reward_model/configuration_classifier.py", "RewardClassifierConfig")
SAC_ALGORITHM_CONFIG = ("src/lerobot/rl/algorithms/sac/configuration_sac.py", "SACAlgorithmConfig")


def _learner(path: str) -> tuple[Site, ...]:
    return (
        Site(
            path=path,
            enclosing="make_optimizers_and_scheduler",
            text="torch.optim.Adam(",
            optimizers=("torch.optim.Adam",),
            homes=frozenset({SAC_CONFIG}),
            receiver="cfg.policy",
            count=4,
        ),
    )


_ADAM = {"diffusion": "DiffusionConfig", "tdmpc": "TDMPCConfig", "vqbet": "VQBeTConfig"}
_ADAMW_044 = {
    "act": "ACTConfig",
    "groot": "GrootConfig",
    "pi0": "PI0Config",
    "pi05": "PI05Config",
    "pi0_fast": "PI0FastConfig",
    "sarm": "SARMConfig",
    "smolvla": "SmolVLAConfig",
    "wall_x": "WallXConfig",
}
_ADAMW_061 = {name: owner for name, owner in _ADAMW_044.items() if name != "sarm"} | {
    "eo1": "EO1Config",
    "evo1": "Evo1Config",
    "fastwam": "FastWAMConfig",
    "lingbot_va": "LingBotVAConfig",
    "molmoact2": "MolmoAct2Config",
    "vla_jepa": "VLAJEPAConfig",
}

TREES = {
    "0.3.3": Tree(
        presets={
            "AdamConfig": _policies(**_ADAM),
            "AdamWConfig": (
                *_policies(act="ACTConfig", pi0="PI0Config", pi0fast="PI0FASTConfig", smolvla="SmolVLAConfig"),
                SAC_CLASSIFIER,
            ),
            "SGDConfig": (),
            "MultiAdamConfig": (SAC_CONFIG,),
        },
        reinforcement=_learner("src/lerobot/scripts/rl/learner.py"),
    ),
    "0.4.4": Tree(
        presets={
            "AdamConfig": _policies(**_ADAM),
            "AdamWConfig": (*_policies(**_ADAMW_044), SAC_CLASSIFIER),
            "SGDConfig": (),
            "XVLAAdamWConfig": _policies(xvla="XVLAConfig"),
            "MultiAdamConfig": (SAC_CONFIG,),
        },
        reinforcement=_learner("src/lerobot/rl/learner.py"),
    ),
    "0.5.1": Tree(
        presets={
            "AdamConfig": _policies(**_ADAM, multi_task_dit="MultiTaskDiTConfig"),
            "AdamWConfig": (*_policies(**_ADAMW_044), SAC_CLASSIFIER),
            "SGDConfig": (),
            "XVLAAdamWConfig": _policies(xvla="XVLAConfig"),
            "MultiAdamConfig": (SAC_CONFIG,),
        },
        reinforcement=_learner("src/lerobot/rl/learner.py"),
    ),
    "0.6.1": Tree(
        presets={
            "AdamConfig": _policies(**_ADAM, multi_task_dit="MultiTaskDiTConfig"),
            "AdamWConfig": (
                *_policies(**_ADAMW_061),
                ("src/lerobot/rewards/classifier/configuration_classifier.py", "RewardClassifierConfig"),
                ("src/lerobot/rewards/sarm/configuration_sarm.py", "SARMConfig"),
            ),
            "SGDConfig": (),
            "XVLAAdamWConfig": _policies(xvla="XVLAConfig"),
            "MultiAdamConfig": _policies(gaussian_actor="GaussianActorConfig"),
        },
        reinforcement=(
            Site(
                path="src/lerobot/rl/algorithms/sac/sac_algorithm.py",
                enclosing="SACAlgorithm.make_optimizers_and_scheduler",
                text="torch.optim.Adam(",
                optimizers=("torch.optim.Adam",),
                homes=frozenset({SAC_ALGORITHM_CONFIG}),
                receiver="self.config",
                count=4,
            ),
        ),
    ),
}
