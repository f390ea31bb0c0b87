"""Success over the number of samples, from samples: what is offered of a curve, and what it is.

    hit        at least one of N samples is right (Hit@N). No accuracy: nobody picks the right one
    majority   the vote of N samples is right; ties go to the answer that was stated first

Of S samples, c of them right, hit is known without drawing: 1 - C(S - c, N) / C(S, N) is its mean over
all groups of N. A vote is taken in each of the S // N groups that share no sample.

**The observed saturation point** is the smallest N after which no step of the curve gains more than
epsilon a sample. A vote's curve need not be concave, so later steps count too.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    GROUPS,
    HELD_OUT,
    OFFERED,
    Forecast,
    Pilot,
    Points,
)
from adabench.workloads.test_time.saturation.truth.sampled_answers import SampledAnswers

KINDS = ("hit", "majority")
NEAR = 0.03
"""Within so much of the curve at every held-out N a forecast counts as one that follows it."""
MOVING = 0.005
"""A curve that moves by less over the held-out N has no variance to explain."""
Steps = Sequence[tuple[int, float]]
"""N and F(N), from N = 0."""


def doublings(most: int) -> tuple[int, ...]:
    """Return 1, 2, 4, ... up to `most`."""
    return tuple(2**i for i in range(most.bit_length()) if 2**i <= most)


def hit(successes: int, samples: int, n: int) -> float:
    """Return the share of groups of n, of so many samples, that hold a success."""
    return 1.0 - math.comb(samples - successes, n) / math.comb(samples, n)


def vote(answers: SampledAnswers, n: int) -> float:
    """Return the share of the groups of n whose vote is right."""
    groups = [answers.part(i * n, (i + 1) * n) for i in range(len(answers.stated) // n)]
    return float(np.mean([_elects_right(group) for group in groups]))


def _elects_right(group: SampledAnswers) -> bool:
    counts = Counter(one for one in group.stated if one >= 0)
    if not counts:
        return False
    winner = counts.most_common(1)[0][0]
    return group.right[group.stated.index(winner)]


def success(kind: str, answers: Sequence[SampledAnswers], n: int) -> float:
    """Return F(n) of a set of questions."""
    if kind == "majority":
        return float(np.mean([vote(one, n) for one in answers]))
    return float(np.mean([hit(sum(one.right), len(one.right), n) for one in answers]))


def by_agreement(answers: SampledAnswers) -> SampledAnswers:
    """Return samples whose success is to state what most of them state: nothing is graded."""
    counts = Counter(one for one in answers.stated if one >= 0)
    mode = counts.most_common(1)[0][0] if counts else None
    right = tuple(one == mode for one in answers.stated)
    return SampledAnswers(answers.group, answers.stated, right, answers.words)


def pilot(kind: str, signal: str, answers: Sequence[SampledAnswers]) -> Pilot:
    """Return what can be bought of a curve; the samples are the pilot's and no others."""
    points, words = {}, {}
    groups = GROUPS if len(answers) > 1 else 1
    for largest in OFFERED:
        bought = [one.part(0, groups * largest) for one in answers]
        if signal == "agreement":
            bought = [by_agreement(one) for one in bought]
        sold = doublings(largest)
        shares = tuple(success(kind, bought, n) for n in sold)
        points[largest] = Points(sold, shares, groups * largest)
        words[largest] = words_of(bought)
    return Pilot(points, words)


def steps_of(kind: str, answers: Sequence[SampledAnswers]) -> Steps:
    """Return the whole curve of scored samples: of one question every N, of a set doublings."""
    most = len(answers[0].stated)
    every = range(1, most + 1) if len(answers) == 1 and kind == "hit" else doublings(most)
    return [(0, 0.0), *((n, success(kind, answers, n)) for n in every)]


def observed_saturation(steps: Steps, epsilon: float) -> int:
    """Return the smallest N after which no step gains more than epsilon a sample."""
    after = 0
    for (n, share), (following, then) in itertools.pairwise(steps):
        if (then - share) / (following - n) > epsilon:
            after = following
    return after


def grade(forecast: Forecast, steps: Steps, epsilon: float) -> dict[str, float]:
    """Hold a forecast against the curve."""
    shares = dict(steps)
    truth = np.array([shares[n] for n in HELD_OUT])
    off = np.array(forecast.shares) - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    graded = {
        "error": float(np.abs(off).mean()),
        "within": float(np.abs(off).max() <= NEAR),
        "n_star": float(forecast.n_star),
        "n_star_observed": float(observed_saturation(steps, epsilon)),
        **{f"bias_{n}": float(one) for n, one in zip(HELD_OUT, off, strict=True)},
    }
    if truth.max() - truth.min() >= MOVING:
        graded["r2"] = 1.0 - float((off**2).sum()) / spread
    return graded


def words_of(answers: Iterable[SampledAnswers]) -> int:
    """Return the words of all samples."""
    return sum(sum(one.words) for one in answers)
