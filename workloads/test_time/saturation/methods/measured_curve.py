"""The measured curve: the very points that forecasts are held against, at the price of their samples.

The oracle: it errs by nothing, and its saturation point is the observed one. It bought 128 samples of
each question, where a predictor buys 8 to 32.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.test_time.saturation.substrate.pilot_curves import Curve, Forecast
from adabench.workloads.test_time.saturation.truth.curve_task import HindsightSales

CARD = Card(
    title="The measured curve",
    adapts="nothing: it is told how the curve goes on",
    role="oracle",
    oracle="exact",
)


def solve(task: HindsightSales, curve: Curve, point: Point) -> Forecast:
    """Return the curve itself."""
    return task.look()
