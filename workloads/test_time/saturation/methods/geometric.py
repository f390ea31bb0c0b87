"""The saturation law of TTSPM, fitted to few samples: F(N) = F_max (1 - (1 - p)^N).

Every sample is a success with one and the same p, so the first success is geometric, and F_max is what
model, questions and selection allow at most. (F_max, p) of a set of questions come from least squares on
the points bought, N = 1, 2, 4, 8. Then F at any N is known, and the saturation point

    N* = ceil(ln(epsilon / (F_max p)) / ln(1 - p))

Of one question F_max is 1 and p the mean of a Beta posterior: as many parameters as points would fit
anything. `ceiling=one` fixes F_max at 1 for sets too: the law as it is derived, before F_max.

**The paper's second half**, rounds of rethinking, has the same form with p the chance that a round turns
a wrong answer right. Whether it does, and whether rounds saturate, is asked on `chain` (`rethinking`).

**What to expect.** Written before measuring, from another task. Questions differ, so Hit@N is a
mixture of geometrics, which goes on gaining after the fit has saturated: with F_max free the law says
too little at N = 16..64, by 8 to 20 points. A vote is not of this
form at all: two samples elect no better than one, and then it rises; too little by 14 to 28. So no
curve is within three points: not reproduced for the vote, and for Hit@N right in direction only: it
saturates, later. With F_max = 1 Hit@N is told too high. N* of single questions follows the observed one
with a correlation of 0.8 from graded pilots, as the paper says, but so does the pilot's share of right
samples by itself; from agreement about 0.5.

**Ways to fake it.** Drawing successes with a known p, which tests arithmetic; fitting to samples
that the forecast is held against; a free F_max for each question; calling Hit@N accuracy where no
verifier picks the right sample.
"""

import numpy as np

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.test_time.saturation.substrate.least_squares import best_fit
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    HELD_OUT,
    Curve,
    Forecast,
    PilotSales,
    Points,
)
from adabench.workloads.test_time.substrate.saturation_law import saturation_point, success

CARD = Card(
    title="Geometric law of saturation (TTSPM)",
    paper="Scaling over Scaling, arXiv 2505.20522",
    slug="ttspm",
    adapts="how many samples are worth it, on a law fitted to the first ones",
    signal=("test_time.saturation.substrate.pilot_curves:PilotSales.buy",),
    fidelity="reconstructed",
    abilities=(Ability("answers"),),
    knobs=(
        Knob("largest", (2, 4, 8), 8, open=True, low=1, high=8),
        Knob("ceiling", ("fitted", "one"), "fitted"),
    ),
)
RATES = np.arange(1, 1000) / 1000.0


def solve(task: PilotSales, curve: Curve, point: Point) -> Forecast:
    """Return the law's forecast."""
    points = task.buy(curve, int(point["largest"]))
    if curve.questions == 1:
        prior = task.priors[curve.signal]
        ceiling, p = 1.0, prior.mean(points.shares[0] * points.pilot, points.pilot)
    else:
        ceiling, p = fit_law(points, free_ceiling=point["ceiling"] == "fitted")
    shares = tuple(success(p, n, ceiling) for n in HELD_OUT)
    return Forecast(shares, saturation_point(p, task.epsilon, ceiling))


def fit_law(points: Points, *, free_ceiling: bool) -> tuple[float, float]:
    """Return F_max and p that fit points with the least squared error."""
    shapes = 1.0 - (1.0 - RATES[:, None]) ** np.array(points.samples)
    row, ceiling = best_fit(shapes, points.shares, free_ceiling=free_ceiling)
    return ceiling, float(RATES[row])
