"""What the card of a training says of an arm: how it erred after fewer steps of fine-tuning, before anything was written."""

import json
from collections.abc import Mapping
from functools import cache

from adabench.workloads.depth_width.draw.substrate.training_names import FOLDER
from adabench.workloads.shared.training import checkpoints


@cache
def _curves(training: str) -> Mapping[str, Mapping[str, float]]:
    card = checkpoints.home(training, FOLDER) / f"{training}.json"
    found: Mapping[str, Mapping[str, float]] = json.loads(card.read_text(encoding="utf-8"))[
        "curves"
    ]
    return found


def tuning_figures(training: str, arm: str) -> dict[str, float]:
    """Return the errors of an arm by its steps of fine-tuning; nothing for one that has no curve."""
    return {f"error_{budget}": error for budget, error in _curves(training).get(arm, {}).items()}
