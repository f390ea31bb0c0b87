"""What a service of a stream is worth, held against true answers, baselines and bounds."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.replay import (
    Connectivity,
    Outcome,
    Predictions,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import COUNTERS, ERROR, UNIONS
from adabench.workloads.algorithms.connectivity.truth.baselines_and_bounds import baselines, slope
from adabench.workloads.algorithms.connectivity.truth.hindsight import KnownAdvice, ladder
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.frozen_arrays import content_number


def scored_task(
    advice: Sequence[KnownAdvice], transcript: Transcript | None = None
) -> Connectivity:
    """Return the task of these streams, with its score."""
    worlds = [Predictions(one, ladder(one)) for one in advice]
    return Connectivity(worlds, score, transcript)


def score(world: Predictions, outcome: Outcome) -> dict[str, float]:
    """Return the score of what was counted, in a world of the run's own process."""
    advice = cast(KnownAdvice, world.advice)
    stream = advice.stream
    known, horizon = baselines(stream), stream.horizon
    right = float(np.mean(outcome.answers == advice.hindsight.answers))
    error = advice.l1["given"] / horizon
    work = float(outcome.ledger[:COUNTERS].sum()) / horizon
    reach = advice.early[outcome.hints] * (known.levels + 3) / 2
    values = {
        "exactness": right,
        "thrift": 1 - work / known.least_rebuild if right == 1 and known.least_rebuild else 0.0,
        "accuracy": 1 / (1 + error),
        "error": error,
        "own_error": float(outcome.ledger[ERROR]) / horizon,
        "worst_update": outcome.worst,
        "answers": content_number(outcome.answers),
        "least_rebuild": known.least_rebuild,
        "backstop": known.backstop,
        "guard_bound": 2 * known.backstop + outcome.worst / horizon,
        "perfect_bound": known.perfect_bound,
        "reach_bound": reach / horizon,
        "instance": stream.instance,
    }
    if outcome.unions:
        unions = float(outcome.ledger[UNIONS])
        fitted = slope(advice, advice.noise, unions, outcome.unions)
        if not np.isnan(fitted):
            values |= {"slope": fitted, "slope_least": 0.6, "slope_most": 1.1}
    return {name: float(value) for name, value in values.items()}
