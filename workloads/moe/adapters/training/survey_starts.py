"""What the survey's methods adapt from where their rates are tuned, by the name of the rate."""

from collections.abc import Mapping
from types import ModuleType

from adabench.harness.contract.card import Point
from adabench.workloads.moe.adapters.methods import (
    adalora,
    bitfit,
    bottleneck,
    dora,
    full,
    ia3,
    prefix,
    prompt,
)

SURVEY_STARTS: Mapping[str, tuple[ModuleType, Point]] = {
    "prompt": (prompt, {}),
    "prefix": (prefix, {}),
    "ia3": (ia3, {}),
    "bottleneck-16": (bottleneck, {"width": 16}),
    "bitfit": (bitfit, {"part": "biases"}),
    "norms": (bitfit, {"part": "norms"}),
    "full": (full, {"start": "base"}),
    "dora": (dora, {}),
    "adalora": (adalora, {}),
}
"""By the name of a rate: the method that adapts with it, and where it stands."""
