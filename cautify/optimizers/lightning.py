"""Lightning: https://lightning.ai/docs/pytorch/stable/cli/lightning_cli_advanced_3.html

Nothing of it is wrapped: LightningCLI makes the optimizer that the command line or a YAML file names, unless the
module has a configure_optimizers of its own. ``instantiate_class`` makes whatever a config names.
"""

from __future__ import annotations

from cautify.optimizers import Builder, Factory, Library

_REMEDY = (
    "give the LightningModule a configure_optimizers that makes the optimizer, or override configure_optimizers of "
    "LightningCLI, which is handed the finished one"
)

LIBRARY = Library(
    factories=(Factory("lightning.pytorch.cli.instantiate_class", generic=True),),
    builders=(Builder("lightning.pytorch.cli.LightningCLI", _REMEDY),),
    aliases={
        "pytorch_lightning.cli": "lightning.pytorch.cli",
        "pytorch_lightning.utilities.cli": "lightning.pytorch.cli",
    },
)
