"""Routes by nearest neighbours: the share of right answers to the `k` nearest calibration questions.

The rival without a model of abilities, `chain/knn_router` on recorded responses: the same embedding, prices and
rule. Of a newcomer it knows the answers to as many questions as RADAR's adaptive testing asks, by a die, and
takes the nearest of these. The default of `k` is the smallest with which it is at its best here.

**What to expect.** Before measuring: hypervolume 0.80, 2 points below the response model.

**Ways to fake it.** Held-out questions among the neighbours; a `k` that is chosen on them.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    NOBODY,
    CalibrationDesk,
    QuestionSet,
    Routes,
)
from adabench.workloads.test_time.substrate.configurations import chosen_by_weights, neighbour_means

CARD = Card(
    title="Routes by nearest neighbours",
    paper="our own rival of RADAR, arXiv 2509.25426, after RouterBench, arXiv 2403.12031",
    adapts="which configuration a question gets, on its neighbours' answers",
    knobs=(
        Knob("k", (15, 45), 45, open=True, low=1),
        Knob("asked", (0.12,), 0.12, open=True, low=0.001, high=1.0),
    ),
)
_DIE = 0xD1E1


def solve(desk: CalibrationDesk, case: QuestionSet, point: Point) -> Routes:
    """Return routes by the answers to neighbours."""
    table, count, place = desk.responses(), int(point["k"]), case.newcomer
    chances = neighbour_means(table.states, table.right, case.states, count)
    flops = table.flops.mean(axis=0)
    if place != NOBODY:
        rows = case.dealt(_DIE, float(point["asked"]), len(table.right))
        right, flops[place] = desk.ask_all(rows)
        near = neighbour_means(table.states[rows], right[:, None], case.states, count)
        chances[:, place] = near[:, 0]
    return Routes(chosen_by_weights(chances, flops / flops.max(), "linear"))
