"""RADAR's response model by itself: abilities, difficulties, and routes to configurations by both.

The model is that of `chain/radar` (`item_response.py`), fitted to what configurations answered to calibration
questions; the dial `w` is turned through 41 settings, and each set of choices is held against held-out
responses.

**A newcomer**, of which no response is known, is asked a share `asked` of the calibration questions. Its
difficulties and discriminations being those of the others' fit, its ability alone is estimated, by maximum
likelihood, and the next question is the one with the largest Fisher information at the ability so
far. `order=random` asks as many by a die. Its price is the mean of what the asked answers cost.

**What is ours.** See `chain/radar`. The paper adds eight configurations of one model at a time; here each
is added alone, which is the same for each ability.

**What to expect.** Before measuring: hypervolume 0.82 (pair 0.65, neighbours 0.80); b and steps 0.6; r of abilities 0.97.

**Ways to fake it.** Held-out responses in the fit; a scale of abilities that is fitted to the newcomer's
answers; asking more than is counted; responses that were drawn from the model itself.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    NOBODY,
    CalibrationDesk,
    QuestionSet,
    Routes,
)
from adabench.workloads.test_time.substrate.configurations import ResponseTable, chosen_by_weights
from adabench.workloads.test_time.substrate.item_response import ResponseModel, examine, fit

CARD = Card(
    title="RADAR's response model",
    paper="Fernandez et al., RADAR, arXiv 2509.25426, ICLR 2026",
    slug="radar",
    adapts="which configuration a question gets, on its forecast difficulty",
    signal=("test_time.substrate.item_response:ResponseModel.chances",),
    fidelity="paper",
    knobs=(
        Knob("rule", ("linear", "chebyshev"), "linear"),
        Knob("share", (1.0, 0.2), 1.0, open=True, low=0.01, high=1.0),
        Knob("asked", (0.12,), 0.12, open=True, low=0.001, high=1.0),
        Knob("order", ("informative", "random"), "informative"),
    ),
)  # fmt: skip
_DIE = 0xD1E0


def solve(desk: CalibrationDesk, case: QuestionSet, point: Point) -> Routes:
    """Return routes by abilities and difficulties."""
    table, place = desk.responses(float(point["share"])), case.newcomer
    right, flops, ability = table.right, table.flops.mean(axis=0), None
    if place != NOBODY:
        right = np.delete(right, place, axis=1)
    model = fit(table.states, right)
    if place != NOBODY:
        ability, flops[place] = examined(desk, case, model, table, point)
        model = model.with_ability(place, ability)
    chosen = chosen_by_weights(model.chances(case.states), flops / flops.max(), str(point["rule"]))
    return Routes(chosen, model.items(case.states)[1], ability)


def examined(
    desk: CalibrationDesk,
    case: QuestionSet,
    model: ResponseModel,
    table: ResponseTable,
    point: Point,
) -> tuple[float, float]:
    """Return the newcomer's ability by a share of the questions, and the mean FLOPs of its answers."""
    rows = case.dealt(_DIE, float(point["asked"]), len(table.right))
    order = rows if point["order"] == "random" else None
    paid: list[float] = []

    def ask(row: int) -> float:
        reply = desk.ask(row)
        paid.append(reply.flops)
        return reply.right

    ability = examine(model.items(table.states), ask, len(rows), order)
    return ability, float(np.mean(paid))
