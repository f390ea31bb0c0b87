"""Fixed configurations: each of them for every question, one after the other; nothing is looked at.

The front that a router has to beat. `models` holds it to the configurations of one model, so that
votes alone are the dial.

**What to expect.** Before measuring: hypervolume 0.79 with all models.

**Ways to fake it.** A pool in which one configuration is better and cheaper than all others.
"""

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.test_time.routing.substrate.calibration_desk import (
    CalibrationDesk,
    QuestionSet,
    Routes,
)

CARD = Card(
    title="Fixed configurations",
    adapts="nothing",
    role="static",
    knobs=(Knob("models", ("all", "lm-s", "lm-x", "lm-l"), "all"),),
)


def solve(desk: CalibrationDesk, case: QuestionSet, point: Point) -> Routes:
    """Return a setting for each configuration."""
    names = [one.name for one in desk.responses().configurations]
    places = [
        place
        for place, name in enumerate(names)
        if point["models"] == "all" or name.startswith(f"{point['models']}@")
    ]
    return Routes(np.tile(np.array(places, np.intp)[:, None], (1, len(case.states))))
