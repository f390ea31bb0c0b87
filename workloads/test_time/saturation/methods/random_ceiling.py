"""Random ceiling: the curve goes from its last value to a ceiling that a die takes.

The control of every law. What is bought is used as `last_value` uses it, and a ceiling between the last
value and 1, all equally likely, is reached at once; the saturation point is a die's number of 0..64. A
forecast that is no better than this has learned nothing of how curves go on.

**What to expect.** Written before measuring: of Hit@N of harder questions about as good as the law, since
what is left to 1 is small; of votes better than the law, which says that they are flat.

**Ways to fake it.** A die that is thrown until it is right.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    HELD_OUT,
    Curve,
    Forecast,
    PilotSales,
)

CARD = Card(
    title="A ceiling by a die",
    adapts="nothing: a die says where the curve ends",
    role="control",
    abilities=(Ability("answers"),),
    knobs=(Knob("largest", (2, 4, 8), 8, open=True, low=1, high=8),),
)
_CEILING, _POINT, _SIDES = 0xCE11, 0x9017, 10_000


def solve(task: PilotSales, curve: Curve, point: Point) -> Forecast:
    """Return a die's ceiling and saturation point."""
    last = task.buy(curve, int(point["largest"])).shares[-1]
    share = mix(_CEILING, curve.seed, curve.index) % _SIDES / _SIDES
    ceiling = float(last + share * (1.0 - last))
    return Forecast(
        (ceiling,) * len(HELD_OUT), mix(_POINT, curve.seed, curve.index) % (HELD_OUT[-1] + 1)
    )
