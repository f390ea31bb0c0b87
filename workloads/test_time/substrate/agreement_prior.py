"""A prior of how far a pilot's samples are to be believed, fitted on questions for practice.

Of each question a pilot of some samples is drawn, and others that are not the pilot's. `Prior.mean`
of the pilot's successes is held against the share of the others that are successes too; `fit_prior`
takes the Beta prior with the least squared error. A success is

    agreement   to state what most of the pilot states; no answer is graded for that
    graded      to be right: an upper bound, which nothing knows of a question that is to be answered

With agreement the prior also takes back what the most frequent of few answers owes to chance.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from adabench.workloads.test_time.substrate.saturation_law import Prior

GRID = tuple(round(0.1 * i, 1) for i in range(1, 61))


@dataclass(frozen=True)
class PilotShare:
    """What a pilot says of a question, and what other samples of it say."""

    successes: int
    samples: int
    others: float
    """Share of other samples that are successes too."""

    @classmethod
    def of(cls, pilot: Sequence[bool], others: Sequence[bool]) -> Self:
        """Count successes in a pilot and in samples that are not its."""
        return cls(sum(pilot), len(pilot), sum(others) / len(others))


def fit_prior(shares: Sequence[PilotShare]) -> Prior:
    """Return the prior of the grid whose posterior means err least, by squares."""
    successes = np.array([share.successes for share in shares], float)
    samples = np.array([share.samples for share in shares], float)
    others = np.array([share.others for share in shares])
    grid = [Prior(alpha, beta) for alpha in GRID for beta in GRID]

    def error(prior: Prior) -> float:
        means = (successes + prior.alpha) / (samples + prior.alpha + prior.beta)
        return float(np.mean((means - others) ** 2))

    return min(grid, key=error)


def agreement(stated: Sequence[Hashable | None]) -> int:
    """Return how many samples state the most frequent answer; malformed ones state none."""
    counts = Counter(answer for answer in stated if answer is not None)
    return max(counts.values(), default=0)
