"""What a stream's numbers are held against: other algorithms' work on it, and the theorems.

All are per update. `work` counts steps, see `update_loop.py`.

    least_rebuild   3 * sum over deletions of the edges then live: what rebuilding costs at least
                    (an attempt and two parents read per edge), in closed form
    backstop        the steps of the spanning forest on this very stream, run here
    guard_bound     2 backstop + the dearest update: see `predicted_updates.py`
    perfect_bound   2 (log2 P - 1) unions per inserted edge: with exact predictions every node is
                    entered once, and an interval has no more canonical nodes
    reach_bound     (log2 P + 3) / 2 leaves for each update by which a deletion comes early:
                    the expectation over a random shift

**reach_bound.** A deletion d updates early repairs the child of a lowest common ancestor. It
has more than 2^(i-1) leaves with probability p_i <= min(1, d / 2^i + d / (P - T)), so it has
p_0 + sum_i 2^(i-1) p_i <= d + d (log2 P - 1) / 2 + d leaves in expectation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import log

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.dynamic_forest import (
    forest,
    forest_query,
    forest_update,
)
from adabench.workloads.algorithms.connectivity.substrate.lifting import leaves
from adabench.workloads.algorithms.connectivity.substrate.update_loop import (
    COUNTERS,
    Start,
    run_once,
)
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream
from adabench.workloads.algorithms.connectivity.truth.hindsight import (
    CACHED_UPDATES,
    EXACT,
    LADDER,
    KnownAdvice,
    advise,
)


@dataclass(frozen=True)
class Baselines:
    """The levels of one stream, per update."""

    least_rebuild: float
    backstop: float
    perfect_bound: float
    levels: int
    """log2 P."""


def baselines(stream: Stream) -> Baselines:
    """Return the levels of a stream; many cells share them, so those of short ones are kept."""
    make = _baselines if stream.horizon <= CACHED_UPDATES else _baselines.__wrapped__
    return make(stream)


@lru_cache(maxsize=64)
def _baselines(stream: Stream) -> Baselines:
    """Run the spanning forest once, and count the rest."""
    live = np.cumsum(2 * stream.opens.astype(np.int64) - 1)
    live_edge_array = 3 * int(live[stream.opens == 0].sum())
    start = Start(stream.n, stream.insertions, stream.horizon, 0, 0)
    run = run_once(forest_update, forest_query, forest(start), stream, np.zeros(0, np.int32))
    levels = leaves(stream.horizon).bit_length() - 1
    horizon = stream.horizon
    return Baselines(
        live_edge_array / horizon,
        float(run.ledger[:COUNTERS].sum()) / horizon,
        2 * (levels - 1) * stream.insertions / horizon,
        levels,
    )


def slope(advice: KnownAdvice, noise: float, unions: float, others: Mapping[float, float]) -> float:
    """Return the log-log slope of unions beyond those of perfect predictions against the error.

    Least squares over the noise scales of `LADDER` up to `noise`, which must be one of them.
    `unions` are those of the run in hand, `others` those of the same method with predictions of
    other scales. NaN where there is no excess or no error.
    """
    least = others[EXACT]
    xs, ys = [], []
    for scale in LADDER[: LADDER.index(noise) + 1]:
        there = advice if scale == noise else advise(advice.hindsight, scale)
        excess = (unions if scale == noise else others[scale]) - least
        error = there.l1["given"]
        if excess <= 0 or error <= 0:
            return float("nan")
        xs.append(log(error))
        ys.append(log(excess))
    x = np.array(xs) - np.mean(xs)
    return float(x @ np.array(ys) / (x @ x)) if x.any() else float("nan")
