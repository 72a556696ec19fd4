# Kernels for GPUs, of which cautious_optimizer.py makes use where this file lies beside it and triton is installed.
# Put here by cautify (`cautify apply --with-triton`). To remove it and every edit of the patch: `cautify revert`.
# Do not edit it: `cautify check` compares it with the release named on the version line.
# MIT licence, Copyright (c) The cautify authors.
# cautify-runtime: 0.1.0 tree:13355912f06f039c
# ruff: noqa: PGH004
# ruff: noqa
# flake8: noqa
# pylint: skip-file
# mypy: ignore-errors
# pyright: basic
# isort: skip_file
# fmt: off
# yapf: disable
"""No kernels yet."""
raise ImportError("cautious_triton.py has no kernels yet")
