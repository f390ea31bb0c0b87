"""The cheapest configuration that is right, told so by the held-out responses. An oracle.

    argmax  w y - (1 - w) c        y: whether the recorded answer is right

**Is it luck?** Partly: each response is one draw, and a vote that happened to be right once is taken for
one that is. `chain/radar_oracle` is told how often each is right instead; this one closes no gap.

**What to expect.** Before measuring: hypervolume 0.92.

**Ways to fake it.** Reporting it as a method.
"""

from adabench.harness.contract.card import Card, Point
from adabench.workloads.test_time.routing.substrate.calibration_desk import QuestionSet, Routes
from adabench.workloads.test_time.routing.truth.held_out import HindsightDesk
from adabench.workloads.test_time.substrate.configurations import chosen_by_weights

CARD = Card(
    title="The cheapest configuration that is right",
    adapts="which configuration a question gets, told which are right",
    role="oracle",
    oracle="bound",
    wins_by_luck=True,
)


def solve(desk: HindsightDesk, case: QuestionSet, point: Point) -> Routes:
    """Return the routes of hindsight."""
    desk.responses()
    table = desk.held_out
    assert table is not None, "a case was entered"
    return Routes(chosen_by_weights(table.right, table.prices, "linear"))
