"""pytorch_optimizer: https://pytorch-optimizers.readthedocs.io

Its classes are wrapped unless one of these holds: they take ``cautious=True``, which is this very mask; they have no
momentum; they compute the parameters anew from what they keep; their update is orthogonal; they need their closure;
they are given an optimizer. Some of its classes are torch's. What create_optimizer returns is wrapped, although
``cautious=True`` would make some of it cautious already.
"""

from __future__ import annotations

from collections.abc import Iterator

from cautify.optimizers import Factory, Library, Momentum, Optimizer
from cautify.optimizers._entries import (
    CLOSURE,
    INSTANCE,
    LOCAL_GRADIENT,
    NO_MOMENTUM,
    ORTHOGONAL,
    OWN_ITERATES,
    OWN_WEIGHTS,
    SCHEDULE_FREE,
    by_name,
    own_option,
    skipped,
    spelled,
    wrapped,
)

_LOSS = "it scales its step by the loss that its closure returns, which a wrapper evaluates in its place"
_IN_BACKWARD = "it moves the parameters during backward, and its step does nothing"
_SIGN = "its update always has the gradient's sign, so masking does nothing"
_FEW = "it moves few elements of each parameter, and a mask over all of them would make those few move far too far"
_AVERAGE = "it averages the parameters inside its step, before a mask could change them"

_MODULE = "pytorch_optimizer"
_WRAP = (
    "APOLLO AccSGD AdaBelief AdaBound AdaGC AdaHessian AdaMax AdaMod AdaNorm AdaPNM AdaTAM Adai Adalite AdamC AdamG "
    "AdamMini AdamS AdamWSN Adan AggMo Aida Alice Ano ApolloDQN AvaGrad BCOS CAME Conda DAdaptAdam DAdaptAdan "
    "DAdaptLion DASH DiffGrad DualAdam EXAdam FAdam FOCUS Fira FlashAdamW GaLore Gravity GrokFastAdamW Kron LARS Lamb "
    "LoRARite MSVAG NovoGrad PAdam PNM Prodigy QHAdam RAdam Ranger Ranger21 SGDSaI SOAP SPAM SWATS ScalableShampoo "
    "SignSGD SimplifiedAdEMAMix SophiaH StableAdamW StableSPAM TAM Tiger VSGD Yogi"
)
_CAUTIOUS = "ADOPT AdEMAMix AdaFactor AdaShift AdamP LaProp Lion MARS"


def _optimizers() -> Iterator[Optimizer]:
    yield from wrapped(_MODULE, _WRAP)
    yield from wrapped(_MODULE, "PID QHM SGDP SGDW SM3 Shampoo", Momentum("momentum", 2))
    yield Optimizer(f"{_MODULE}.Amos", momentum=Momentum("momentum", 3))
    yield from skipped(_MODULE, _CAUTIOUS, "no-benefit", own_option("cautious=True"))
    no_momentum = "ASGD AdaDelta AdaSmooth Fromage Kate Nero RACS ROSE"
    yield from skipped(_MODULE, no_momentum, "no-momentum", NO_MOMENTUM)
    yield from skipped(_MODULE, "Grams", "no-benefit", _SIGN)
    orthogonal = "AdaGO AdaMuon DistributedMuon Muon MuonClip NorMuon SCION SCIONLight SpectralSphere"
    yield from skipped(_MODULE, orthogonal, "no-benefit", ORTHOGONAL)
    anew = "A2Grad DAdaptAdaGrad DAdaptSGD FTRL MADGRAD SRMM"
    yield from skipped(_MODULE, anew, "no-benefit", OWN_ITERATES)
    schedule_free = "ScheduleFreeAdamW ScheduleFreeRAdam ScheduleFreeSGD"
    yield from skipped(_MODULE, schedule_free, "no-benefit", SCHEDULE_FREE)
    yield from skipped(_MODULE, "SPlus", "no-benefit", _AVERAGE)
    yield from skipped(_MODULE, "SaRA", "no-benefit", _FEW)
    yield from skipped(_MODULE, "DeMo", "no-benefit", LOCAL_GRADIENT)
    yield from skipped(_MODULE, "CPUOffloadOptimizer", "no-benefit", OWN_WEIGHTS)
    yield from skipped(_MODULE, "LOMO AdaLOMO", "no-benefit", _IN_BACKWARD)
    yield from skipped(_MODULE, "BSAM FriendlySAM GSAM LookSAM SAM WSAM", "closure", CLOSURE)
    yield from skipped(_MODULE, "AliG EmoFact EmoLynx EmoNavi", "closure", _LOSS)
    wrappers = "Lookahead Magma OrthoGrad PCGrad SafeFP16Optimizer ScheduleFreeWrapper TRAC"
    yield from skipped(_MODULE, wrappers, "wrapper", INSTANCE)


_TWICE = "with cautious=True some of what it makes is cautious already: use one or the other"
_MUON_OF = "it returns a Muon: masking single elements undoes the orthogonal update that it is made for"

LIBRARY = Library(
    optimizers=by_name(_optimizers()),
    aliases={
        "pytorch_optimizer.optimizer": _MODULE,
        **spelled("torch.optim", {_MODULE: "Adam AdamW LBFGS NAdam RMSprop SGD"}),
    },
    factories=(
        Factory(f"{_MODULE}.create_optimizer", why=_TWICE),
        Factory(f"{_MODULE}.prepare_muon_parameters", reason="no-benefit", why=_MUON_OF),
    ),
    loaders=(f"{_MODULE}.load_optimizer",),
)
