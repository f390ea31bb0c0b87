"""What a service of a stream is worth, held against true answers, baselines and bounds."""

import hashlib
from dataclasses import replace
from typing import cast

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.predictions import Advice, Kind
from adabench.workloads.algorithms.connectivity.substrate.replay import (
    Connectivity,
    Tally,
    Transcript,
    run_order,
)
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    COUNTERS,
    ERROR,
    UNIONS,
    Flags,
)
from adabench.workloads.algorithms.connectivity.truth.baselines_and_bounds import (
    LADDER,
    baselines,
    slope,
)


def scored_task(
    advice: tuple[Advice, ...], noise: float = 0.0, transcript: Transcript | None = None
) -> Connectivity:
    """Return the task of these streams, with its score."""
    return Connectivity(advice, score, noise, transcript=transcript)


def score(advice: Advice, noise: float, counted: Tally) -> dict[str, float]:
    """Return the score of what was counted; `noise` is the scale of the predictions' errors."""
    stream = advice.stream
    known, horizon = baselines(stream), stream.horizon
    right = float(np.mean(counted.run.answers == advice.hindsight.answers))
    error = advice.l1["given"] / horizon
    work = float(counted.run.ledger[:COUNTERS].sum()) / horizon
    reach = advice.early[counted.order.hints] * (known.levels + 3) / 2
    values = {
        "exactness": right,
        "thrift": 1 - work / known.least_rebuild if right == 1 and known.least_rebuild else 0.0,
        "accuracy": 1 / (1 + error),
        "error": error,
        "own_error": float(counted.run.ledger[ERROR]) / horizon,
        "worst_update": counted.run.worst,
        "answers": digest(counted.run.answers),
        "least_rebuild": known.least_rebuild,
        "backstop": known.backstop,
        "guard_bound": 2 * known.backstop + counted.run.worst / horizon,
        "perfect_bound": known.perfect_bound,
        "reach_bound": reach / horizon,
        "instance": stream.instance,
    }
    if counted.order.hints == "given" and noise in LADDER[1:]:
        values |= _slope(advice, noise, counted)
    return {name: float(value) for name, value in values.items()}


def _slope(advice: Advice, noise: float, counted: Tally) -> dict[str, float]:
    """Run the method's hooks again, off the record, with other predictions of the same stream."""

    def again(there: Advice, hints: str) -> float:
        order = replace(counted.order, hints=cast(Kind, hints))
        return float(run_order(there, order).ledger[UNIONS])

    fitted = slope(advice, noise, float(counted.run.ledger[UNIONS]), again)
    return {} if np.isnan(fitted) else {"slope": fitted, "slope_least": 0.6, "slope_most": 1.1}


def digest(answers: Flags) -> float:
    """Return 52 bits of a SHA-256 over answers: equal answers, equal numbers."""
    return float(int(hashlib.sha256(answers.tobytes()).hexdigest()[:13], 16))
