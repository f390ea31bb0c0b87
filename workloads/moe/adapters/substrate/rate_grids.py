"""Which learning rates a kind of adapter is tried at: three neighbours of one ladder.

A grid says nothing where the best lies at its edge, so each begins where its own best lies between two others: soft
prompts, factors and biases want rates many times as large as a whole network's.
"""

from adabench.workloads.moe.adapters.substrate import survey_rates, tuned_rates

LADDER = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
TRIED = 3
LEAST = 1e-3
"""Where a grid begins that says nothing else."""


def grid(name: str) -> tuple[float, ...]:
    """Return the three rates that a recipe of rates tries, such as `few-shot-rates-mhr`."""
    first = LADDER.index((tuned_rates.FIRST | survey_rates.FIRST).get(name, LEAST))
    return LADDER[first : first + TRIED]
