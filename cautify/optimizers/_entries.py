"""What the library files have in common: the reasons that recur, in words, and short ways to write many entries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cautify.optimizers import Momentum, Optimizer

NO_MOMENTUM = "it has no momentum, so its update always agrees with the gradient in sign and masking does nothing"
CLOSURE = "it evaluates its closure several times a step and has no single update to mask"
SPARSE = "its gradients are sparse, and masking rows without gradient is not defined"
ORTHOGONAL = "masking single elements undoes the orthogonal update that it is made for"
SCHEDULE_FREE = "it keeps iterates of its own and computes the parameters from them, so what is masked comes back"
OWN_ITERATES = (
    "it computes the parameters anew from sums that it keeps, not from the masked ones, so what is masked comes back"
)
OWN_WEIGHTS = "it keeps a copy of the parameters and writes it over the masked ones, so what is masked comes back"
INSTANCE = "it steps an optimizer that it is given; that one is made cautious where it is made"
LOCAL_GRADIENT = (
    "it exchanges what it needs inside its step, so each process would mask with its own gradient and the copies of "
    "the model would drift apart"
)


def own_option(option: str) -> str:
    """The reason not to wrap an optimizer that can be cautious by itself."""
    return f"it can be cautious by itself: set {option}"


def wrapped(module: str, names: str, momentum: Momentum | None = None) -> tuple[Optimizer, ...]:
    """Entries for classes of a module that are wrapped; ``names`` holds them with spaces between."""
    return tuple(Optimizer(f"{module}.{name}", momentum=momentum) for name in names.split())


def skipped(module: str, names: str, reason: str, why: str) -> tuple[Optimizer, ...]:
    """The same for classes that are left alone."""
    return tuple(Optimizer(f"{module}.{name}", reason, why) for name in names.split())


def by_name(optimizers: Iterable[Optimizer]) -> Mapping[str, Optimizer]:
    """The entries by qualified name."""
    return {optimizer.name: optimizer for optimizer in optimizers}


def spelled(module: str, places: Mapping[str, str]) -> dict[str, str]:
    """Aliases for names of ``module`` that can be imported from other modules too, where they are defined.

    ``places`` names, for each of those modules, the classes that it defines, with spaces between.
    """
    return {f"{place}.{name}": f"{module}.{name}" for place, names in places.items() for name in names.split()}
