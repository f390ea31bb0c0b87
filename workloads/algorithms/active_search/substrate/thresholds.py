"""One-dimensional thresholds: where along twenty positions answers turn from no to yes.

    hypotheses   z in 0..20: the answer at position x is yes if x >= z
    instance     z, and how clear each position is: margin m_x in 0..0.9; the right answer
                 comes with probability (1 + m_x) / 2

Difficulty, from the lower bound for combinatorial hypotheses (labels -1 and 1, queries are
positions):

    C = min over l of max over z' != z of  sum over x between z and z' of 1 / l_x
                                           / (sum over x between z and z' of m_x)^2

The constraints of z' on one side of z bind prefixes only, and a side alone is solved by the
greatest convex minorant of U_k = (m_1 + ... + m_k)^2: with its slopes w_k the least C is the sum of
1 / w_k over both sides. Scaling all margins by a divides C by a^2; margins end at 0.9, so a
projection onto the boundary of a class looks for a by bisection.
"""

import numpy as np

from adabench.workloads.algorithms.active_search.substrate.bandits import Floats, Ints, Small
from adabench.workloads.shared.compiled.kernels import compiled

POSITIONS = 20
MOST = 0.9
"""The clearest margin: the right answer in 0.95 of all cases."""
TRUST = 0.5
"""The margin that everybody's model gives every position."""
CLASSES: Floats = np.geomspace(8.0, 250.0, 5)
"""The difficulties r of the classes: the least C of any instance is between 3 and 6."""


def labels() -> Ints:
    """Return 1 for yes and -1 for no: (hypotheses, positions)."""
    z, x = np.arange(POSITIONS + 1)[:, None], np.arange(POSITIONS)
    return np.where(x >= z, 1, -1)


def model() -> Small:
    """Return the chances of a yes when all positions are equally clear: (hypotheses, positions)."""
    return (0.5 + TRUST / 2 * labels()).astype(np.float32)


def truth(z: Ints, margins: Floats) -> Small:
    """Return the true chances of a yes of instances: z (i,), margins (i, positions)."""
    found: Small = (0.5 + margins / 2 * labels()[z]).astype(np.float32)
    return found


@compiled
def side(margins: Floats) -> float:
    """Return one side's share of C: margins (k,), outwards from the threshold."""
    n = len(margins)
    bound = np.zeros(n + 1)
    reach = 0.0
    for k in range(n):
        reach += margins[k]
        bound[k + 1] = reach * reach
    total, at = 0.0, 0
    while at < n:  # the next corner of the greatest convex minorant
        corner, slope = n, (bound[n] - bound[at]) / (n - at)
        for k in range(at + 1, n):
            steep = (bound[k] - bound[at]) / (k - at)
            if steep < slope:
                corner, slope = k, steep
        total += (corner - at) / max(slope, 1e-12)
        at = corner
    return total


@compiled
def difficulty(z: Ints, margins: Floats) -> Floats:
    """Return C of instances: z (i,), margins (i, positions)."""
    found = np.empty(len(z))
    for row in range(len(z)):
        found[row] = side(margins[row, z[row] :]) + side(margins[row, : z[row]][::-1].copy())
    return found


@compiled
def on_boundary(z: Ints, shapes: Floats, hard: Floats) -> Floats:
    """Scale shapes (i, positions) to margins of at most MOST with C = hard (i,).

    Where even the clearest margins are harder, those.
    """
    found = np.empty_like(shapes)
    for row in range(len(z)):
        low, high = 1e-4, MOST / shapes[row].min()
        for _ in range(40):
            scale = np.sqrt(low * high)
            margins = np.minimum(scale * shapes[row], MOST)
            value = side(margins[z[row] :]) + side(margins[: z[row]][::-1].copy())
            if value > hard[row]:
                low = scale
            else:
                high = scale
        found[row] = np.minimum(high * shapes[row], MOST)
    return found


def starts(rng: np.random.Generator, number: int) -> tuple[Ints, Floats]:
    """Return fresh starts: thresholds anywhere, and shapes of margins, the first few even."""
    z = rng.permutation(np.arange(number) % (POSITIONS + 1)).astype(np.int64)
    spread = rng.uniform(0.0, 1.0, (number, 1))
    spread[: number // 4] = 0
    shapes = np.exp(spread * rng.standard_normal((number, POSITIONS)))
    dim = rng.random((number, POSITIONS)) < 0.2 * (rng.random((number, 1)) < 0.5)
    return z, np.clip(np.where(dim, 0.2 * shapes, shapes), 0.05, 20.0)


def neighbours(rng: np.random.Generator, z: Ints, margins: Floats) -> tuple[Ints, Floats]:
    """Change instances a little: the threshold by one, some margins, or all."""
    kind = rng.integers(3, size=(len(z), 1))
    noise = rng.standard_normal(margins.shape)
    few = 2 * noise * (rng.random(margins.shape) < 0.2)
    shapes = margins * np.exp(0.35 * np.where(kind == 0, noise, few))
    step = np.where(kind[:, 0] == 2, rng.choice((-1, 1), len(z)), 0)
    return np.clip(z + step, 0, POSITIONS), np.clip(shapes, 1e-3, 1e3)
