"""heavyball: https://github.com/HomebrewML/HeavyBall

None of its classes is wrapped: they take ``caution=True``, which is this very mask inside their compiled step, and may
keep the parameters in a precision of their own. SFAdamW keeps iterates of its own, Muon's update is
orthogonal, SAMWrapper needs a closure, SplitOpt makes its optimizers from classes that each take the option.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import CLOSURE, ORTHOGONAL, SCHEDULE_FREE, by_name, own_option, skipped

_CAUTION = (
    "SGD AdamW NAdam AdEMAMix UnscaledAdamW SUDSAdamW Scion AdamC RMSprop HyperBallAdamW MuonAdamW MSAMLaProp ADOPT "
    "LaProp MuonLaProp SOAP KLSOAP KLShampoo SOAPNAdam SOAPAdEMAMix SignLaProp SOLP HeavySOAP HeavyKLSOAP "
    "HeavyKLShampoo HeavySOAPNAdam HeavySOAPAdEMAMix HeavySOLP OrthoLaProp LaPropOrtho PSGDKron LATHER PSGDPRO QSGD "
    "PSGDLRA"
)
_BEFORE = "AdamW RMSprop SFAdamW ADOPT Muon LaProp SOAP SignLaProp SOLP PSGDKron PSGDLRA"
"""Those that older versions call ForeachAdamW, and so on."""

LIBRARY = Library(
    optimizers=by_name(
        (
            *skipped("heavyball", _CAUTION, "no-benefit", own_option("caution=True")),
            *skipped("heavyball", "SplitOpt", "no-benefit", own_option("'caution': True in each of its specs")),
            *skipped("heavyball", "SFAdamW", "no-benefit", SCHEDULE_FREE),
            *skipped("heavyball", "Muon", "no-benefit", ORTHOGONAL),
            *skipped("heavyball", "SAMWrapper", "closure", CLOSURE),
        )
    ),
    aliases={f"heavyball.Foreach{name}": f"heavyball.{name}" for name in _BEFORE.split()},
)
