"""Case weights for resampling: drawn with replacement, or leaving one unit out at a time.

A weight row is (n,), one number a place; `intervals.py` says what is drawn when. Rows depend only
on where the places stand, never on their values, so they are drawn once from one fixed stream
and shared by all statistics of the same places. `Strata` is the (seed, group) of each place.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adabench.harness.stats.student_t import FloatArray

IntArray = npt.NDArray[np.intp]
Strata = tuple[tuple[int, str], ...]

RESAMPLES = 2000
SEED = 20_100_417
"""Of the resampling stream: the same records give the same interval, always."""
PARTS = 128
"""Parts that many cases are cut into to be left out: a t of 127 degrees is 1 % beyond z."""


class LeaveOneOutWeights(NamedTuple):
    """Weights (u, n) that leave out one unit a row, and the number of its stratum (u,)."""

    weights: FloatArray
    stratum: IntArray


@lru_cache(maxsize=4)
def resample(strata: Strata) -> FloatArray:
    """Draw the (RESAMPLES, n) case weights: seeds first, then cases within (seed, group)."""
    generator = np.random.default_rng(SEED)
    seeds = sorted({seed for seed, _ in strata})
    drawn = generator.multinomial(len(seeds), [1 / len(seeds)] * len(seeds), size=RESAMPLES)
    weights = np.zeros((RESAMPLES, len(strata)))
    for (seed, _), members in _members(strata):
        times = drawn[:, seeds.index(seed)] * len(members)
        weights[:, members] = generator.multinomial(times, [1 / len(members)] * len(members))
    weights.flags.writeable = False
    return weights


@lru_cache(maxsize=4)
def resample_seeds(seeds: tuple[int, ...]) -> FloatArray:
    """Draw the (RESAMPLES, n) weights of whole seeds, with all their cases."""
    generator = np.random.default_rng(SEED)
    _, back = np.unique(np.asarray(seeds), return_inverse=True)
    count = int(back.max()) + 1
    drawn = generator.multinomial(count, [1 / count] * count, size=RESAMPLES)
    weights = drawn.astype(np.float64)[:, back]
    weights.flags.writeable = False
    return weights


def without_seed(seeds: Sequence[int], most: int) -> LeaveOneOutWeights:
    """Return weights that leave out one seed a row (or, of more than `most` places, a part)."""
    _, column = np.unique(np.asarray(seeds), return_inverse=True)
    if len(column) > most:
        column = column % PARTS
    units = np.arange(column.max() + 1)
    weights = np.asarray(column[None, :] != units[:, None], np.float64)
    return LeaveOneOutWeights(weights, np.zeros(len(units), np.intp))


@lru_cache(maxsize=4)
def without_case(strata: Strata, most: int) -> LeaveOneOutWeights:
    """Return weights that leave out one case a row (or, of more than `most`, a part of them).

    What is left of the stratum stands in for it. A case that is alone in its stratum is fixed.
    """
    rows: list[FloatArray] = []
    numbers: list[int] = []
    divided = len(strata) > most
    for number, (_, members) in enumerate(_members(strata)):
        share = max(PARTS * len(members) // len(strata), 2) if divided else len(members)
        parts = (
            deal_to_parts(members, share) if divided else [members[k : k + 1] for k in range(share)]
        )
        for part in parts if len(parts) > 1 else []:
            row = np.ones(len(strata))
            row[members] = len(members) / (len(members) - len(part))
            row[part] = 0.0
            rows.append(row)
            numbers.append(number)
    weights = np.array(rows).reshape(len(rows), len(strata))
    weights.flags.writeable = False
    return LeaveOneOutWeights(weights, np.array(numbers, np.intp))


def deal_to_parts(members: IntArray, count: int) -> list[IntArray]:
    """Deal members to parts at random, always the same way.

    Not by turns: cases that come in cycles (a family each) would all fall into one part.
    """
    mixed = np.random.default_rng(SEED).permutation(members)
    return [mixed[k::count] for k in range(min(count, len(members)))]


def _members(strata: Strata) -> list[tuple[tuple[int, str], IntArray]]:
    """Return the places of each stratum, sorted by stratum."""
    found: dict[tuple[int, str], list[int]] = {}
    for index, stratum in enumerate(strata):
        found.setdefault(stratum, []).append(index)
    return [(stratum, np.array(found[stratum], np.intp)) for stratum in sorted(found)]
