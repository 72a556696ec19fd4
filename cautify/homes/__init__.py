"""Where a switch can be declared, one file for each kind of home."""

ENABLED = "use_cautious_optimizer"
EPS = "cautious_eps"
NAMES = (ENABLED, EPS)
ENABLED_SAYS = "mask the updates that disagree in sign with the gradient"
EPS_SAYS = "added to the mean of the mask, by which the update is divided"
