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


TRAININGS = (0, 1, 2, 3, 4)
"""Training seeds. The first is shipped; `adabench train` makes the others, in the user's cache."""


def recipes() -> dict[str, Recipe]:
    """Return every recipe by name; a name ends in its training seed."""
    return {recipe.name: recipe for seed in TRAININGS for recipe in _of_seed(seed)}


def _of_seed(s: int) -> list[Recipe]:
    return [
        Recipe(f"lm-s-s{s}", LM_S, s, 8000, 64, 2e-3),
        # From scratch it does not learn; with many more steps it is never wrong.
        Recipe(f"lm-s-single-s{s}", LM_S, s, 40, 64, 1e-3, layout="single", trunk=f"lm-s-s{s}"),
        Recipe(f"lm-m-s{s}", LM_M, s, 4000, 32, 1.5e-3),
        Recipe(f"lm-l-s{s}", LM_L, s, 2200, 32, 1e-3),
        Recipe(
            f"judge-s{s}", LM_M, s, 4000, 32, 1e-3,
            kind="judge", trunk=f"lm-m-s{s}", policy=f"lm-s-s{s}", problems=2000,
        ),
    ]  # fmt: skip
