"""Muon: https://github.com/KellerJordan/Muon

None of its classes is wrapped: masking single elements undoes the orthogonal update that it is made for. The classes
with an Adam for the other parameters step both kinds at once, so there is nothing to wrap for that half alone.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import ORTHOGONAL, by_name, skipped

_NAMES = "Muon SingleDeviceMuon MuonWithAuxAdam SingleDeviceMuonWithAuxAdam"

LIBRARY = Library(optimizers=by_name(skipped("muon", _NAMES, "no-benefit", ORTHOGONAL)))
