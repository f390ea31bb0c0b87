"""A router by several abilities: the multidimensional response model of IRT-Router, RADAR's next best rival.

    P(right) = sigmoid(theta_i . a_j - b_j)        theta_i, a_j in R^M

Both a_j and b_j are linear in the same frozen embedding that RADAR reads, and everything is fitted as RADAR's model
is, by the same optimiser. A configuration may be abler on one kind of question and less able on another; with M = 1
and a positive a it would be RADAR's model. Prices and the choice are the same. A newcomer's abilities are fitted
to the answers to as many questions as RADAR asks, by a die.

**What is simplified.** The release maps descriptions of models and queries through small networks and adds a
retrieved warm-up; here both maps are linear, and a configuration is a free vector.

**What to expect.** Before measuring: within half a point of RADAR's hypervolume, on either side; worse on longer questions.

**Ways to fake it.** Held-out responses in the fit; an M that is chosen on them.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    NOBODY,
    CalibrationDesk,
    QuestionSet,
    Routes,
)
from adabench.workloads.test_time.substrate.configurations import Floats, chosen_by_weights
from adabench.workloads.test_time.substrate.item_response import (
    STEPS,
    descend,
    moments,
    sigmoid,
    with_ones,
)

CARD = Card(
    title="Routes by several abilities",
    paper="rival of RADAR, arXiv 2509.25426, after Song et al., IRT-Router, ACL 2025",
    adapts="which configuration a question gets, on forecasts of several abilities",
    fidelity="reconstructed",
    knobs=(
        Knob("abilities", (4,), 4, open=True, low=1, high=16),
        Knob("asked", (0.12,), 0.12, open=True, low=0.001, high=1.0),
    ),
)
_DIE, _START = 0xD1E2, 0.1


def solve(desk: CalibrationDesk, case: QuestionSet, point: Point) -> Routes:
    """Return routes by forecasts of several abilities."""
    table, place, size = desk.responses(), case.newcomer, int(point["abilities"])
    centre, spread = moments(table.states)
    rows, unseen = (with_ones((one - centre) / spread) for one in (table.states, case.states))
    right, flops = table.right, table.flops.mean(axis=0)
    if place != NOBODY:
        right = np.delete(right, place, axis=1)
    lines, difficulty, abilities = fit(rows, right, size)
    if place != NOBODY:
        asked = case.dealt(_DIE, float(point["asked"]), len(rows))
        answers, flops[place] = desk.ask_all(asked)
        own = newcomer(
            rows[asked] @ lines, rows[asked] @ difficulty, answers, abilities.mean(axis=0)
        )
        abilities = np.insert(abilities, place, own, axis=0)
    chances = sigmoid(unseen @ lines @ abilities.T - (unseen @ difficulty)[:, None])
    return Routes(chosen_by_weights(chances, flops / flops.max(), "linear"))


def fit(rows: Floats, right: Floats, size: int) -> tuple[Floats, Floats, Floats]:
    """Return W_a [D + 1, M], w_b [D + 1] and theta [configurations, M]."""
    width, count = rows.shape[1], right.shape[1]
    shapes = ((width, size), (width,), (count, size))
    cuts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]

    def parts(point: Floats) -> list[Floats]:
        return [
            one.reshape(shape) for one, shape in zip(np.split(point, cuts), shapes, strict=True)
        ]

    def slope(point: Floats) -> Floats:
        lines, difficulty, abilities = parts(point)
        heights = rows @ lines
        errors = sigmoid(heights @ abilities.T - (rows @ difficulty)[:, None]) - right
        errors = errors / right.size
        return np.concatenate((
            (rows.T @ (errors @ abilities)).ravel(),
            -rows.T @ errors.sum(axis=1),
            (errors.T @ heights).ravel(),
        ))  # fmt: skip

    # All zeros would be a point from which nothing moves.
    start = np.random.default_rng(0).normal(0.0, _START, cuts[-1] + count * size)
    lines, difficulty, abilities = parts(descend(start, slope, STEPS))
    return lines, difficulty, abilities


def newcomer(sharpness: Floats, difficulty: Floats, right: Floats, start: Floats) -> Floats:
    """Return the abilities [M] under which answers to these questions are likely, from the others' mean."""

    def slope(point: Floats) -> Floats:
        return np.asarray(
            (sigmoid(sharpness @ point - difficulty) - right) @ sharpness / len(right)
        )

    return descend(start, slope, STEPS)
