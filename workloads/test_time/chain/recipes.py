"""Every checkpoint of the chain task by name, and how it is trained.

    adabench train lm-s-s0

Language models learn from traces of the `train` split. A judge starts from a language model's
trunk and learns from the outcomes of a policy's roll-outs on the `prm` split. Steps, never seconds:
the result does not depend on how busy the machine is.
"""

from dataclasses import dataclass
from typing import Literal

from adabench.workloads.shared.language_model.model import LM_L, LM_M, LM_S, Shape

Layout = Literal["several", "single"]
"""Of the traces that a policy learns from (`truth/worked_solutions.py`)."""


@dataclass(frozen=True)
class Recipe:
    """What to train, from which seed."""

    name: str
    shape: Shape
    seed: int
    steps: int
    batch: int
    rate: float
    layout: Layout = "several"
    kind: Literal["lm", "judge"] = "lm"
    trunk: str = ""
    """First weights; a judge's are trained for `steps` more before its head learns."""
    policy: str = ""
    """Whose completions a judge learns to judge."""
    problems: int = 0
    """How many problems a judge sees completions of."""
    forecast_s: int = 600


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    table = [
        Recipe("lm-s-s0", LM_S, 0, 8000, 64, 2e-3),
        # From scratch it does not learn; with many more steps it is never wrong.
        Recipe("lm-s-single-s0", LM_S, 0, 40, 64, 1e-3, layout="single", trunk="lm-s-s0"),
        Recipe("lm-m-s0", LM_M, 0, 4000, 32, 1.5e-3),
        Recipe("lm-l-s0", LM_L, 0, 2200, 32, 1e-3),
        Recipe(
            "judge-s0",
            LM_M,
            0,
            4000,
            32,
            1e-3,
            kind="judge",
            trunk="lm-m-s0",
            policy="lm-s-s0",
            problems=2000,
        ),
    ]
    return {recipe.name: recipe for recipe in table}
