"""The plain stacks that tasks of the family start from, by depth: shipped with `ledger`."""

from pathlib import Path

from adabench.workloads.depth_width.substrate.backbone import Shape
from adabench.workloads.depth_width.substrate.int8_packing import LEVELS
from adabench.workloads.depth_width.substrate.train_backbone import BackboneRecipe

FOLDER = Path(__file__).parents[1] / "ledger" / "checkpoints"
# The int8 steps that a row's largest weight takes (`int8_packing.py`): a model that is sure of its
# answers keeps them on fewer steps than one that is wrong now and then.
SATURATED, SURE, STEADY, FINE = 23, 31, 47, 63


def plain_backbone(layers: int, seed: int) -> BackboneRecipe:
    """Return the recipe of a plain stack of layers."""
    return BackboneRecipe(
        f"vanilla-{layers}-s{seed}",
        Shape(layers),
        seed,
        FOLDER,
        forecast_s=18 * layers,
        levels=LEVELS if layers == 6 else STEADY,
    )
