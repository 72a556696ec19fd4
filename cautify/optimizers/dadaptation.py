"""dadaptation: https://github.com/facebookresearch/dadaptation

Its Adam, Adan and Lion are wrapped. DAdaptAdaGrad and DAdaptSGD compute the parameters anew from where they started
and the sum of all gradients.
"""

from __future__ import annotations

from cautify.optimizers import Library
from cautify.optimizers._entries import OWN_ITERATES, by_name, skipped, wrapped

LIBRARY = Library(
    optimizers=by_name(
        (
            *wrapped("dadaptation", "DAdaptAdam DAdaptAdan DAdaptLion"),
            *wrapped("dadaptation.experimental", "DAdaptAdamPreprint DAdaptAdanIP"),
            *skipped("dadaptation", "DAdaptAdaGrad DAdaptSGD", "no-benefit", OWN_ITERATES),
        )
    ),
    aliases={
        "dadaptation.dadapt_adagrad": "dadaptation",
        "dadaptation.dadapt_adam": "dadaptation",
        "dadaptation.dadapt_adan": "dadaptation",
        "dadaptation.dadapt_lion": "dadaptation",
        "dadaptation.dadapt_sgd": "dadaptation",
        "dadaptation.experimental.dadapt_adam_preprint": "dadaptation.experimental",
        "dadaptation.experimental.dadapt_adan_ip": "dadaptation.experimental",
    },
)
