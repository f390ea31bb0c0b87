"""When is a difference of two points certain? Two tests for cases drawn without replacement.

A race looks at its data again and again and stops when it likes, so a fixed-sample interval
would lie. Both tests here may be looked at as often as the race likes. The population is the
finite grid of N cases in random order; the difference d in question is its mean over all N,
which the full grid would show, so both grow certain faster than 1 / sqrt(n) towards the end.

**Bets**, for scores between 0 and 1 (right or wrong). Under the hypothesis d <= m the rest of
the grid has at most the mean m_t = (N m - sum so far) / (N - t). Whoever bets a share l_t >= 0
on every next difference x_t then plays a game that is fair or worse,

    wealth_t = wealth_(t-1) * (1 + l_t (x_t - m_t)),

and reaches the wealth 1 / alpha with probability alpha at most, whenever one looks (Ville's
inequality; Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting",
2024, section 5). Valid for every n, exactly, also where most differences are 0. The stake is
spread over five gaps g between the truth and m, g = epsilon * 1, 2, 4, 8, 16, half of it on the
first, which is the hardest; each bets g_t / (variance + g_t^2) of what was seen before, with
g_t = g N / (N - t). The same shares serve every m, so the wealths fall in m, and all
statements about one side of a pair are one confidence bound: they fail together or not at all.

**Studentised means**, for everything that has no known bounds (costs, graded scores): normal
theory with Student's t at looks fixed beforehand, each at its share of alpha, times
sqrt(1 - t / N) for the finite grid. Approximate: it trusts the central limit theorem from the
first look on. To the variance of a difference the share of tied cases times one t-th of the
variance of unrelated points is added: two points that happened to agree on the first cases are
not called equal, as if one more case would show them unrelated.
A cost that was the same in every case (a number of slots) is taken for constant, a quality never.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adabench.harness.stats.intervals import FloatArray, IntArray
from adabench.harness.stats.student_t import quantile

BoolArray = npt.NDArray[np.bool_]

GAPS = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
"""In units of epsilon: how far the truth may lie from what is to be refuted."""
STAKES = np.log(np.array([0.5, 0.125, 0.125, 0.125, 0.125]))
MOST = 0.9
"""Of the wealth that the worst case could take, the share that is staked at most."""
PRIOR = 0.25
"""Variance of a difference before anything was seen, with the weight of one case."""
BLOCK = 128
"""Cases handled at once: bounds the memory, changes no result."""


@dataclass
class Bets:
    """The wealth of many pairs: `sums`, `squares` and one log wealth a side, threshold and gap.

    Sides: 0 bets that the mean difference lies above -epsilon (threshold 0) and above 0
    (threshold 1), side 1 the same of its negative. `won[p, side, threshold]` stays won.
    """

    epsilon: float
    cases: int
    need: float
    """The log wealth that makes a statement certain: log(1 / alpha)."""
    sums: FloatArray
    squares: FloatArray
    seen: IntArray
    wealth: FloatArray
    won: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self.won = np.zeros((len(self.sums), 2, 2), bool)

    def add(self, pairs: IntArray, differences: FloatArray) -> None:
        """Let `pairs`, all of which have seen as many cases, see (p, b) more differences."""
        for start in range(0, differences.shape[1], BLOCK):
            self._add(pairs, differences[:, start : start + BLOCK])

    def _add(self, pairs: IntArray, x: FloatArray) -> None:
        t = float(self.seen[pairs[0]]) + np.arange(x.shape[1], dtype=np.float64)
        before = self.sums[pairs, None] + np.cumsum(x, axis=1) - x
        squares = self.squares[pairs, None] + np.cumsum(x * x, axis=1) - x * x
        centred = squares - before**2 / np.maximum(t, 1.0)
        variance = np.asarray((PRIOR + np.maximum(centred, 0.0)) / (t + 1.0), np.float64)
        for side, sign in enumerate((1.0, -1.0)):
            self._bet(pairs, side, sign * x, sign * before, variance, t)
        self.sums[pairs] += x.sum(axis=1)
        self.squares[pairs] += (x * x).sum(axis=1)
        self.seen[pairs] += x.shape[1]

    def _bet(
        self,
        pairs: IntArray,
        side: int,
        x: FloatArray,
        before: FloatArray,
        variance: FloatArray,
        t: FloatArray,
    ) -> None:
        """Bet on one side: arrays are (p, b), the bets (p, b, g)."""
        rest = self.cases - t
        means = [(-self.epsilon * self.cases - before) / rest, -before / rest]
        gaps = self.epsilon * GAPS * (self.cases / rest)[:, None]
        shares = gaps / (variance[:, :, None] + gaps**2)
        shares = np.minimum(shares, (MOST / np.maximum(1.0 + means[1], 1e-9))[:, :, None])
        for threshold, mean in enumerate(means):
            gain = np.maximum(1.0 + shares * (x - mean)[:, :, None], 1e-12)
            wealth = self.wealth[pairs, side, threshold, None, :] + np.cumsum(np.log(gain), axis=1)
            self.wealth[pairs, side, threshold] = wealth[:, -1]
            total = np.logaddexp.reduce(wealth + STAKES, axis=2)
            impossible = mean < -1.0  # not even if the whole rest were at -1
            self.won[pairs, side, threshold] |= ((total >= self.need) | impossible).any(axis=1)


def bets(pairs: int, epsilon: float, cases: int, need: float) -> Bets:
    """Return the bets of pairs that have seen nothing."""
    zeros = np.zeros(pairs)
    wealth = np.zeros((pairs, 2, 2, len(GAPS)))
    return Bets(epsilon, cases, need, zeros, zeros.copy(), np.zeros(pairs, np.intp), wealth)


def above(
    values: FloatArray,
    cases: int,
    alpha: float,
    *,
    factor: float = 1.0,
    shift: float = 0.0,
    constants: bool = False,
    strictly: bool = False,
) -> BoolArray:
    """Say which means lie above which, from (k, t) values of k points on the same t cases.

    `[i, j]` is true where mean_i >= factor * mean_j + shift is certain at the error `alpha`
    (one-sided), or holds exactly because all `cases` were seen. With `constants` two points
    whose values were the same in every case are taken to be constant; else nothing is said of
    them, since rare exceptions would not have been seen yet. `strictly`: greater, not equal.
    """
    t, mean = values.shape[1], values.mean(axis=1)
    gap = mean[:, None] - factor * mean[None, :] - shift
    slack = 1e-9 * (np.abs(mean)[:, None] + np.abs(mean)[None, :]) * (-1.0 if strictly else 1.0)
    if t >= cases:
        return np.asarray(gap >= -slack, np.bool_)
    covariance = np.atleast_2d(np.cov(values))
    own = np.diag(covariance)
    unrelated = own[:, None] + factor**2 * own[None, :]
    paired = np.maximum(unrelated - 2.0 * factor * covariance, 0.0)
    tied = np.array([(values == row).mean(axis=1) for row in values])
    variance = paired + tied * unrelated / t
    width = -float(quantile(alpha, t - 1)) * np.sqrt(variance * (1.0 - t / cases) / t)
    return np.asarray((gap - width >= -slack) & (constants | (unrelated > 0)), np.bool_)
