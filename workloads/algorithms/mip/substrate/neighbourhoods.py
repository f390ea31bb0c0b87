"""The neighbourhoods: each says which part of the program is searched next.

x is the current solution, x_LP that of the LP relaxation. "Free S": everything outside S is fixed
at x. Names carry the percentage, as in the paper's portfolio of sixteen.

| arm | definition |
|---|---|
| crossover | free the integers where a random feasible solution differs from x |
| mutation_p | free a random p % of the integers |
| rins_p | free a p % sample of the integers where x_LP differs from x |
| rens_p | round x_LP either way for a p % sample of its fractional integers, fix the others |
| local_branching_p | nothing is fixed; at most k binaries may flip, k from 5 % to p % of them |
| proximity_p | minimise the flips from x, the objective p thousandths lower (or pay for it) |
| dins | integers with |x_LP - x| >= 0.5 stay that near to x_LP; fix the others |

Rins and rens sample with replacement, as the released code does.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.mip.substrate.budgeted_search import Part, Search
from adabench.workloads.algorithms.mip.substrate.program import Flags, Floats

BIG_M = 1000.0
RANDOM_SHARE, BRANCHING_SHARE, STEP_SHARE = 1 / 30, 1 / 10, 1 / 15
"""Limits of a random solution, of local branching and of any other part, as shares of the budget:
2, 6 and 4 s of 60."""
RANDOM_S, BRANCHING_S, STEP_S = 20.0, 150.0, 60.0
"""The paper's own limits, which a longer budget does not exceed: all of them hold from 1,500 s on.
"""


@dataclass(frozen=True)
class Situation:
    """What an arm looks at."""

    search: Search
    x: Floats
    relaxed: Floats
    rng: np.random.Generator


Arm = Callable[[Situation, float], Part | None]


def step(situation: Situation, name: str) -> Floats | None:
    """Search one neighbourhood; return the best solution in it, None if there is none in time."""
    kind, percent = parse_arm(name)
    part = ARMS[kind](situation, percent)
    if part is None:
        return None
    budget_s = situation.search.budget_s
    limit_s = min(STEP_SHARE * budget_s, STEP_S)
    if kind == "local_branching":
        limit_s = min(BRANCHING_SHARE * budget_s, BRANCHING_S)
    x = situation.search.part(part, limit_s)
    if x is not None and part.cost is not None:
        situation.search.offer(x)
    return x


def parse_arm(name: str) -> tuple[str, float]:
    """Split `mutation_50` into its kind and its number.

    Raises:
        ValueError: if there is no such kind.
    """
    kind, _, number = name.rpartition("_")
    if name in ("crossover", "dins"):
        kind, number = name, "0"
    if kind not in ARMS or not number.isdigit():
        raise ValueError(f"There is no neighbourhood {name!r}. Kinds: {', '.join(ARMS)}.")
    return kind, float(number)


def known_arm(name: str) -> str:
    """Return a neighbourhood's name as it is.

    Raises:
        SelectionError: if there is no such kind.
    """
    try:
        parse_arm(name)
    except ValueError as unknown:
        raise SelectionError(str(unknown), nearest(name, PORTFOLIO)) from None
    return name


def free_only(situation: Situation, free: Flags) -> Part | None:
    """Fix everything outside `free`, continuous variables too; None if nothing is free."""
    if not free.any():
        return None
    program, x = situation.search.program, situation.x
    return Part(low=np.where(free, program.low, x), high=np.where(free, program.high, x))


def _sample(situation: Situation, flags: Flags, percent: float) -> Flags:
    """Return a sample, drawn with replacement, of `percent` of what is flagged."""
    places = np.flatnonzero(flags)
    chosen = np.zeros(len(flags), np.bool_)
    if len(places):
        chosen[situation.rng.choice(places, max(1, round(percent / 100 * len(places))))] = True
    return chosen


def _crossover(situation: Situation, _: float) -> Part | None:
    search, whole = situation.search, situation.search.program.whole
    cost = situation.rng.uniform(-1, 1, len(whole))
    limit_s = min(RANDOM_SHARE * search.budget_s, RANDOM_S)
    other = search.part(Part(cost=cost, first=True), limit_s)
    if other is None:
        return None
    search.offer(other)
    return free_only(situation, whole & (np.abs(other - situation.x) > 0.5))


def _mutation(situation: Situation, percent: float) -> Part | None:
    places = np.flatnonzero(situation.search.program.whole)
    free = np.zeros(len(situation.x), np.bool_)
    count = max(1, round(percent / 100 * len(places)))
    free[situation.rng.choice(places, count, replace=False)] = True
    return free_only(situation, free)


def _rins(situation: Situation, percent: float) -> Part | None:
    differs = situation.search.program.whole & (np.abs(situation.relaxed - situation.x) > 1e-6)
    return free_only(situation, _sample(situation, differs, percent))


def _rens(situation: Situation, percent: float) -> Part | None:
    program, relaxed = situation.search.program, situation.relaxed
    fractional = program.whole & (np.abs(relaxed - np.round(relaxed)) > 1e-6)
    chosen = _sample(situation, fractional, percent)
    if not chosen.any():
        return None
    low = np.where(chosen, np.maximum(np.floor(relaxed), program.low), situation.x)
    high = np.where(chosen, np.minimum(np.ceil(relaxed), program.high), situation.x)
    return Part(low=low, high=high)


def _flips(situation: Situation) -> tuple[Floats, float]:
    """Return a row and a constant: row x + constant is how many binaries differ from x."""
    binary, x = situation.search.program.binary, np.round(situation.x)
    row = np.where(binary, 1.0 - 2.0 * x, 0.0)
    return row, float(x[binary].sum())


def _local_branching(situation: Situation, percent: float) -> Part | None:
    count = int(situation.search.program.binary.sum())
    if not count:
        return None
    row, constant = _flips(situation)
    k = max(1, round(situation.rng.uniform(0.05, percent / 100) * count))
    return Part(cut=(row, k - constant))


def _proximity(situation: Situation, thousandths: float) -> Part | None:
    program = situation.search.program
    if not program.binary.any():
        return None
    row, _ = _flips(situation)
    now = program.objective(situation.x)
    return Part(cost=row, slack_cost=BIG_M, cut=(program.cost, now - thousandths / 1000 * abs(now)))


def _dins(situation: Situation, _: float) -> Part | None:
    program, x, relaxed = situation.search.program, situation.x, situation.relaxed
    gap = np.abs(relaxed - x)
    near = program.whole & (gap >= 0.5)
    if not near.any():
        return None
    low = np.where(near, np.maximum(np.ceil(relaxed - gap - 1e-9), program.low), x)
    high = np.where(near, np.minimum(np.floor(relaxed + gap + 1e-9), program.high), x)
    return Part(low=low, high=high)


ARMS: dict[str, Arm] = {
    "crossover": _crossover,
    "mutation": _mutation,
    "rins": _rins,
    "rens": _rens,
    "local_branching": _local_branching,
    "proximity": _proximity,
    "dins": _dins,
}
PORTFOLIO = (
    "crossover",
    "mutation_25", "mutation_50", "mutation_75",
    "local_branching_10", "local_branching_25", "local_branching_50",
    "proximity_5", "proximity_15", "proximity_30",
    "rens_25", "rens_50", "rens_75",
    "rins_25", "rins_50", "rins_75",
)  # fmt: skip
"""The paper's sixteen."""
