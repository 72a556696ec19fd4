"""``python -m cautify``."""

from cautify.cli import main

main()
