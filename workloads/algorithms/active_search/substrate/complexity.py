"""How hard a bandit is: C(theta), the quantity of the lower bound, and the best static allocation.

    C(theta) = min over allocations l of max over arms i != best of
               (1 / l_i + 1 / l_best) / gap_i^2

For answers with variance 1, about C log(1 / d) queries are needed to be wrong with probability
d. In the optimum all terms are equal; with l_best = 1 / (C w) that leaves one number to look for:

    C = min over 0 < w < min gap^2 of   1 / w + sum over i of 1 / (gap_i^2 - w)

which is convex in w; `shares` solves it by bisection on the derivative, and tests hold it against
a general solver of the first form. Two arms: 4 / gap^2. One best among n + 1 arms with equal gaps:
(1 + sqrt(n))^2 / gap^2. Scaling all gaps by a divides C by a^2, so a projection onto the boundary
of a class is a rescaling.
"""

import math

import numpy as np

from adabench.workloads.algorithms.active_search.substrate.bandits import Floats
from adabench.workloads.shared.compiled.kernels import compiled

HALVINGS = 50


def shares(gaps: Floats) -> tuple[Floats, Floats, Floats]:
    """Return C and the optimal allocation: (p,), the best arm's share (p,), the others' (p, n).

    `gaps` (p, n): how far each other arm is behind the best; all positive.
    """
    squares = np.square(np.asarray(gaps, np.float64))
    w = roots(squares)
    rest = 1 / (squares - w[:, None])
    hard = 1 / w + rest.sum(axis=1)
    return hard, 1 / (w * hard), rest / hard[:, None]


@compiled
def roots(squares: Floats) -> Floats:
    """Return the w (p,) at which C is least: squares (p, n) of gaps."""
    found = np.empty(len(squares))
    for row in range(len(squares)):
        least = squares[row].min()
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            w = (low + high) / 2 * least
            slope = -1 / w**2
            for square in squares[row]:
                slope += 1 / (square - w) ** 2
            if slope > 0:
                high = (low + high) / 2
            else:
                low = (low + high) / 2
        found[row] = low * least
    return found


def difficulty(gaps: Floats) -> Floats:
    """Return C for each row of gaps: (p,)."""
    return shares(gaps)[0]


def slope(gaps: Floats) -> Floats:
    """Return dC / dgap by the envelope theorem: (p, n)."""
    hard, best, _ = shares(gaps)
    w = (1 / (hard * best))[:, None]
    return -2 * gaps / (np.square(gaps) - w) ** 2


def on_boundary(gaps: Floats, hard: float | Floats) -> Floats:
    """Scale each row of gaps so that its C is `hard`, one for all or one a row."""
    scaled: Floats = gaps * np.sqrt(difficulty(gaps) / hard)[:, None]
    return scaled


def equal_gap(hard: float, arms: int) -> float:
    """Return the gap at which one best arm among `arms` has C = `hard`."""
    return (1 + math.sqrt(arms - 1)) / math.sqrt(hard)


def success_limit(hard: float, arms: int, queries: int) -> float:
    """Return what no policy exceeds: the success in the worst case of the class C <= `hard`.

    The class holds the instances P_z in which arm z leads all others by `equal_gap`. Against the
    instance P_0 without a leader, P_z(say z) <= P_0(say z) + TV, the total variation is at most
    sqrt(KL / 2) (Pinsker) and sqrt(1 - exp(-KL)) (Bretagnolle and Huber), and KL(P_0, P_z) is half
    the squared gap times the queries of arm z under P_0, which add up to all queries. The mean
    over z, by concavity, is the limit; the worst case is below the mean.
    """
    divergence = queries * equal_gap(hard, arms) ** 2 / (2 * arms)
    apart = min(math.sqrt(divergence / 2), math.sqrt(-math.expm1(-divergence)))
    return min(1.0, 1 / arms + apart)
