"""Where a switch can be declared, one file for each kind of home."""

ENABLED = "use_cautious_optimizer"
EPS = "cautious_eps"
NAMES = (ENABLED, EPS)
