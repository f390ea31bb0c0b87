"""What every predictor must obey, ours or a plug-in's.

    source      it names nothing that tells how a curve goes on (oracles excepted)
    pilot       what it forecasts changes with nothing but what it bought: two curves that are the same
                up to there are forecast alike

`check` yields a sentence per broken rule and nothing for a sound predictor. It proves nothing.
"""

from collections.abc import Iterator
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules
from adabench.workloads.test_time.saturation.substrate.pilot_curves import (
    GROUPS,
    OFFERED,
    Curve,
    Pilot,
    PilotSales,
    Points,
)
from adabench.workloads.test_time.substrate.saturation_law import Prior

OFF_LIMITS = frozenset((
    "meter", "enter", "score", "judge", "environment", "oracle_environment", "look", "steps",
    "curves",
))  # fmt: skip
RULES = Rules(
    "adabench.workloads.test_time.saturation",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
    who="predictor",
)
SHARES = (0.4, 0.5, 0.62, 0.7)
OTHERS = (0.4, 0.5, 0.62, 0.91)
SAME_UP_TO = 4
"""Samples up to which both curves are the same."""
EVALUATED, PERCENT = (0, 25, 50, 75), 50
"""Words of the same two curves as trainings, and up to which they are the same."""


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield what is wrong with a predictor."""
    yield from source_problems(RULES, method, card)
    if card.role == "oracle":
        return
    first, second = (_forecast(method, card, shares) for shares in (SHARES, OTHERS))
    if first != second:
        yield "its forecast changes with points that it did not buy"


def _forecast(method: ModuleType, card: Card, shares: tuple[float, ...]) -> object:
    """Return what a predictor says of a curve of which it was told to buy little."""
    curve, prior = Curve(0, "hit d4", 10, "graded"), Prior(1.0, 1.0)
    sizes, few = OFFERED, SAME_UP_TO
    if card.conditions.get("unit") == "rl":
        curve, (sizes, few) = Curve(0, "grpo", 1, "graded", held_out=(120,)), (EVALUATED, PERCENT)
    task = PilotSales(0.01, {"graded": prior, "agreement": prior})
    least = {name: few for name in ("largest", "percent") if card.knob(name)}
    point = {**card.defaults, **least}
    state = prepared_state(method, task, point)
    sold = {n: Points(sizes[: i + 1], shares[: i + 1], 4 * n) for i, n in enumerate(sizes)}
    task.enter(curve, Pilot(sold, dict.fromkeys(sizes, 100)))
    forecast = method.solve(state, curve, point)
    bought_more = task.meter["pilot_samples"] > GROUPS * few * curve.questions
    return None if bought_more else forecast
