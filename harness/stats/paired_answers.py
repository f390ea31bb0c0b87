"""Paired yes-or-no outcomes: how far the difference of two shares may lie from what n pairs show.

A pair is won (+1), lost (-1) or tied (0). Two intervals are known to hold: two pseudo-pairs are added and
the normal taken (Agresti & Min 2005), or Tango's score test is inverted (1998). Each errs in one tail if nearly
all discordant pairs point one way, the first inwards, the second outwards: of 144 pairs with a tenth
discordant, all one way, the first has the truth beyond its inner end in 4.3 % of worlds. So the interval is
the union, as a p-value is the larger of the two, and errs in at most 2.5 % on either side in every world that
was tried (n of 20 to 1,500, 2 to 30 % discordant).
"""

import math

import numpy as np

from adabench.harness.stats.bca import Z975
from adabench.harness.stats.student_t import FloatArray

STEPS = 50
"""Halvings of [-1, 1]: far below any rounding of a share."""


def is_paired_answers(gaps: FloatArray) -> bool:
    """Say whether differences (n,) are those of single yes-or-no outcomes."""
    return bool(np.isin(gaps, (-1.0, 0.0, 1.0)).all())


def answers_interval(gaps: FloatArray) -> tuple[float, float]:
    """Return the 95 % interval of the mean of differences -1, 0, 1 of independent pairs (n,)."""
    n, wins, losses = len(gaps), int((gaps > 0).sum()), int((gaps < 0).sum())
    center, half = _smoothed(n, wins, losses)
    low = min(center - half, _score_end(n, wins, losses))
    high = max(center + half, -_score_end(n, losses, wins))
    return max(low, -1.0), min(high, 1.0)


def score(n: int, wins: float, losses: float, margin: float) -> float:
    """Return Tango's statistic of a mean difference against `margin`: normal where that is the truth."""
    linear = (2 * n - wins + losses) * margin - wins - losses
    root = math.sqrt(max(linear**2 + 8 * n * losses * margin * (1 - margin), 0.0))
    lost = (root - linear) / (4 * n)
    variance = n * (2 * lost + margin * (1 - margin))
    beyond = wins - losses - n * margin
    if variance <= 1e-12 * n:
        return math.copysign(math.inf, beyond) if beyond else 0.0
    return beyond / math.sqrt(variance)


def _smoothed(n: int, wins: int, losses: int) -> tuple[float, float]:
    """Return the centre and the half-width with half a pair added to each of the four outcomes."""
    mean = (wins - losses) / (n + 2)
    variance = (wins + losses + 1) / (n + 2) - mean**2
    return mean, Z975 * math.sqrt(max(variance, 0.0) / (n + 2))


def _score_end(n: int, wins: int, losses: int) -> float:
    """Return the least difference that Tango's test does not refuse."""
    low, high = -1.0, (wins - losses) / n
    for _ in range(STEPS):
        middle = (low + high) / 2
        if score(n, wins, losses, middle) > Z975:
            low = middle
        else:
            high = middle
    return low
