"""A Beta mixture of geometrics: questions differ, and each has a p of its own.

With p over the questions of a set as Beta(alpha, beta), Hit@N is the mean of 1 - (1 - p)^N:

    F(N) = F_max (1 - B(alpha, beta + N) / B(alpha, beta))

Small alpha means many questions that are nearly hopeless: a tail that falls as N^-alpha and not
geometrically, so there is no N after which it is flat for good. (alpha, beta), and F_max where it is not
fixed at 1, come from least squares on the points bought. Of one question the Beta is the posterior of
its pilot. N* is the smallest N with F(N + 1) - F(N) <= epsilon.

The rival of the geometric law with one more parameter, or, with `ceiling=one`, as many.

**What to expect.** Written before measuring: Hit@N within three points at 16..64 with F_max = 1, which is
what Hit@N goes to where no question is hopeless; a vote no better than by the geometric law, since it is no
mixture of first successes. With F_max free, four points for three parameters: less stable than with two.

**Ways to fake it.** Those of the geometric law; and choosing the ceiling by the held-out points.
"""

import numpy as np
from scipy.special import betaln

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.test_time.saturation.substrate.least_squares import best_fit
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    HELD_OUT,
    Curve,
    Forecast,
    PilotSales,
    Points,
)

CARD = Card(
    title="Beta mixture of geometric laws",
    paper="Schaeffer et al., How Do Large Language Monkeys Get Their Power (Laws)?, "
    "arXiv 2502.17578, ICML 2025",
    adapts="how many samples are worth it, on a law of unlike questions fitted to the first ones",
    signal=("test_time.saturation.substrate.pilot_curves:PilotSales.buy",),
    fidelity="reconstructed",
    abilities=(Ability("answers"),),
    knobs=(
        Knob("largest", (2, 4, 8), 8, open=True, low=1, high=8),
        Knob("ceiling", ("one", "fitted"), "one"),
    ),
)
SIZES = np.geomspace(0.05, 50.0, 140)
ALPHAS, BETAS = (grid.ravel() for grid in np.meshgrid(SIZES, SIZES))
MOST = 4096
"""Samples at which a curve is taken to be flat, whatever it says."""


def solve(task: PilotSales, curve: Curve, point: Point) -> Forecast:
    """Return the mixture's forecast."""
    points = task.buy(curve, int(point["largest"]))
    if curve.questions == 1:
        prior, pilot = task.priors[curve.signal], points.pilot
        hits = points.shares[0] * pilot
        ceiling, alpha, beta = 1.0, prior.alpha + hits, prior.beta + pilot - hits
    else:
        ceiling, alpha, beta = fit_mixture(points, free_ceiling=point["ceiling"] == "fitted")
    steps = ceiling * mixture(np.array([alpha]), np.array([beta]), np.arange(MOST + 1))[0]
    flat = np.flatnonzero(np.diff(steps) <= task.epsilon)
    shares = tuple(float(np.clip(steps[n], 0.0, 1.0)) for n in HELD_OUT)
    return Forecast(shares, int(flat[0]) if len(flat) else MOST)


def fit_mixture(points: Points, *, free_ceiling: bool) -> tuple[float, float, float]:
    """Return F_max, alpha and beta that fit points with the least squared error."""
    shapes = mixture(ALPHAS, BETAS, np.array(points.samples))
    row, ceiling = best_fit(shapes, points.shares, free_ceiling=free_ceiling)
    return ceiling, float(ALPHAS[row]), float(BETAS[row])


def mixture(
    alphas: np.ndarray[tuple[int], np.dtype[np.float64]],
    betas: np.ndarray[tuple[int], np.dtype[np.float64]],
    samples: np.ndarray[tuple[int], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return F(N) with a ceiling of 1 [mixtures, N]."""
    failures = betaln(alphas[:, None], betas[:, None] + samples) - betaln(alphas, betas)[:, None]
    found: np.ndarray[tuple[int, int], np.dtype[np.float64]] = -np.expm1(failures)
    return found
