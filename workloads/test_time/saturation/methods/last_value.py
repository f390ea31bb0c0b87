"""Last value: many samples do what the last bought do, and the fewer succeed the more are needed.

No law. F at 16, 32 and 64 is F at the largest N bought. The number of samples that a curve is worth is
read off the share of single samples that fail, on a scale of its own, 64 (1 - F(1)): it is there for its
order alone, as the trivial predictor that a law's saturation point has to beat.

**What to expect.** Written before measuring: too low by what is still gained, 10 to 20 points from 8
samples; the order of single questions as good as the law's, since N* falls with p nearly everywhere.

**Ways to fake it.** Buying the points that it is held against.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    HELD_OUT,
    Curve,
    Forecast,
    PilotSales,
)

CARD = Card(
    title="The last value bought",
    adapts="nothing: it goes on as it was",
    role="static",
    abilities=(Ability("answers"),),
    knobs=(Knob("largest", (2, 4, 8), 8, open=True, low=1, high=8),),
)


def solve(task: PilotSales, curve: Curve, point: Point) -> Forecast:
    """Return the last value, at every N."""
    points = task.buy(curve, int(point["largest"]))
    return Forecast(
        (points.shares[-1],) * len(HELD_OUT), round(HELD_OUT[-1] * (1.0 - points.shares[0]))
    )
