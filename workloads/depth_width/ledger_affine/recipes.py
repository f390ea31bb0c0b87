"""The recipes of layout `c2`: one dense start, and models that go on from it for equal steps.

    adabench train versatile-ffn-s0

All share their first `warm` steps: a dense model of four layers. Each goes on from there with a
new optimiser for the rest; the experts of `moe-ffn` start as eight copies of the dense MLP.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adabench.workloads.depth_width.ledger_affine.substrate.ffn_models import FfnShape

STEPS, WARM = 1600, 1200


@dataclass(frozen=True)
class Looping:
    """A model of the MLP family (`train_ffns.py`), from which seed."""

    name: str
    shape: FfnShape
    seed: int
    warm: int = WARM
    """Of the steps, those as a dense model; the optimiser is new afterwards."""
    steps: int = STEPS
    forecast_s: int = 155


def table(seeds: Sequence[int]) -> dict[str, Looping]:
    """Return the recipes by name."""
    found: list[Looping] = []
    for s in seeds:
        found += [
            Looping(f"dense-ffn-4-s{s}", FfnShape("dense"), s, forecast_s=110),
            Looping(f"loop-ffn-2-s{s}", FfnShape("loop", loops=2), s, forecast_s=120),
            Looping(f"loop-ffn-4-s{s}", FfnShape("loop", loops=4), s, forecast_s=135),
            Looping(f"moe-ffn-s{s}", FfnShape("moe", wider=8), s, forecast_s=125),
            Looping(f"versatile-ffn-s{s}", FfnShape("versatile", loops=4), s, forecast_s=155),
        ]
    return {plan.name: plan for plan in found}
