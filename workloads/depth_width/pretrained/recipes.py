"""What is fitted to SmolLM2 for scale `real`, by name.

    adabench train smollm2                # the weights, converted once into the cache
    adabench train real-informed          # a router and a forecaster for each unit
    adabench train 'real-static-*'        # thinned models with the same recovery
    adabench train real-exits             # lenses that let the head read inner layers

`real-informed` took 310 CPU seconds in one call, from its start to the written file, on a processor
that multiplies bfloat16 natively and that other processes used too. `real-static-fitted-15`,
`real-greedy`, `real-static-uniform-15` and `real-exits` took 117, 160, 93 and 73 more in the same
process, which had read the text by then; `real-static-late-15` took 101 in one of its own. These
six are shipped. How long it takes without such products was not measured; many times that. Every
recipe has the same forty steps, but for greedy's routers, which are judged on more text instead; a
run that needs one that is not there says so.
"""

from dataclasses import dataclass
from typing import Literal

RANK = 32
STEPS = 40


@dataclass(frozen=True)
class Weights:
    """The pretrained weights themselves: nothing is trained, one conversion is made."""

    name: str = "smollm2"
    seed: int = 0
    steps: int = 1
    forecast_s: int = 40


@dataclass(frozen=True)
class RealRetrofit:
    """Parts to be fitted to SmolLM2 (`closed_form_fit.py`, `refine.py`, `early_exits.py`)."""

    name: str
    kind: Literal["informed", "blind", "greedy", "static", "exits"]
    sparsity: float
    """Share of the unit executions that are to be replaced; of exits nothing is asked."""
    order: Literal["", "fitted", "uniform", "late"] = ""
    """Of a static model: which units go."""
    after: tuple[int, ...] = ()
    """Of exits: how many layers have run where one stands."""
    seed: int = 0
    rank: int = RANK
    steps: int = STEPS
    forecast_s: int = 310


def real_recipes() -> dict[str, Weights | RealRetrofit]:
    """Return the recipes by name; one training serves all run seeds, which draw other text."""
    found: list[Weights | RealRetrofit] = [Weights()]
    found += [
        RealRetrofit("real-informed", "informed", 0.15),
        RealRetrofit("real-greedy", "greedy", 0.15),
        RealRetrofit("real-exits", "exits", 0.0, after=(18, 21, 24, 27)),
    ]
    for percent in (10, 15, 20):
        found.append(
            RealRetrofit(f"real-static-fitted-{percent}", "static", percent / 100, "fitted")
        )
    found += [
        RealRetrofit("real-static-uniform-15", "static", 0.15, "uniform"),
        RealRetrofit("real-static-late-15", "static", 0.15, "late"),
    ]
    return {plan.name: plan for plan in found}
