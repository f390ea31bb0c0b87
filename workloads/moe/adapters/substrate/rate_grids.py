"""Which learning rates a kind of adapter is tried at: three neighbours of one ladder.

A grid says nothing where the best lies at its edge, so each kind's begins where its own best lies between two others,
or at an end of the ladder: soft prompts and factors want rates many times as large as a whole network's.
"""

from adabench.workloads.moe.adapters.recipes import RATES, START_RATES
from adabench.workloads.moe.adapters.substrate import survey_rates, tuned_rates
from adabench.workloads.moe.adapters.substrate.tuned_rates import LADDER

TRIED = 3
FIRST = tuned_rates.FIRST | survey_rates.FIRST
FEW_SHOT_FIRST = survey_rates.FIRST | tuned_rates.FEW_SHOT_FIRST | survey_rates.FEW_SHOT_FIRST


def grid(recipe: str) -> tuple[float, ...]:
    """Return the three rates of a recipe of rates, by its kind, such as `few-shot-rates-mhr`."""
    few_shot = recipe.startswith(START_RATES)
    firsts = FEW_SHOT_FIRST if few_shot else FIRST
    first = firsts.get(recipe.removeprefix(START_RATES if few_shot else RATES), 0)
    return LADDER[first : first + TRIED]
