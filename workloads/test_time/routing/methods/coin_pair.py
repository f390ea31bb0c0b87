"""A random pair: each question goes to the cheapest or to the dearest known configuration, at random.

The control of every router, at 41 rates. At a higher rate the questions that had the dearer half keep it.

**What to expect.** Before measuring: hypervolume 0.65, the line between the two.

**Ways to fake it.** Drawing again.
"""

import numpy as np

from adabench.harness.contract.card import Card, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    CalibrationDesk,
    QuestionSet,
    Routes,
)

CARD = Card(
    title="A random pair",
    paper="the baseline of RADAR, arXiv 2509.25426",
    adapts="which of the cheapest and the dearest configuration a question gets, at random",
    role="control",
)
RATES = np.linspace(0.0, 1.0, 41)
_COIN = 0xC01


def solve(desk: CalibrationDesk, case: QuestionSet, point: Point) -> Routes:
    """Return the coin's routes."""
    prices = desk.responses().flops.mean(axis=0)
    generator = np.random.default_rng(mix(_COIN, case.seed, case.index))
    throws = generator.random(len(case.states))
    is_dear = throws[None, :] < RATES[:, None]
    return Routes(np.where(is_dear, np.nanargmax(prices), np.nanargmin(prices)).astype(np.intp))
