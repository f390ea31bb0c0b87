"""Connectivity: are two vertices connected now, while edges come and go.

A case is a stream of edge insertions and deletions with a query after each. An insertion comes
with a predicted deletion time. A method hands two compiled hooks to `Connectivity.serve`, which
runs the stream and counts (`update_loop.py` has the contract).

    def solve(task, case, point):
        return task.serve(case, update, query, notes, hints="given")

**What is given to everybody alike.** The streams and their queries (`update_streams.py`), the
predictions and their errors (`hindsight.py`), the random numbers. The condition `noise` spoils the
predictions, so robustness is a sweep over the task and not a knob of a method.

**What is scored.** `exactness`, the share of answers that are right; anything below 1 is a wrong
algorithm and not a trade. `work`, the elementary steps per update (unions tried, parents and
labels read, list entries read and written), deterministic; CPU time stands beside it.
`error`, the realised l1 error of the predictions per update; `own_error`, that of what a method
believed. And the right-hand sides of the bounds for that very run, so that a bound is checked
and not quoted (`baselines_and_bounds.py`).

**The budget.** Answers are exact, so the resource is the *accuracy* of the predictions,
1 / (1 + error), and what a method makes of it is `thrift`: the share that it saves of the
least that rebuilding at every deletion would cost, or 0 if an answer is wrong. The oracle gap is
measured between these two: static methods make nothing of accuracy, the oracle does not need it.

    adabench run connectivity/* --set updates=edges.csv

reads a stream of yours (`edge_list_reader.py`); `--set updates=ring` runs one family.

**A limitation.** A stream of yours is identical in every seed, so its interval covers queries,
prediction noise and shifts alone.
"""

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.connectivity.conformance import check
from adabench.workloads.algorithms.connectivity.substrate.edge_list_reader import read_updates
from adabench.workloads.algorithms.connectivity.substrate.replay import Connectivity, Outcome
from adabench.workloads.algorithms.connectivity.substrate.update_streams import FAMILIES
from adabench.workloads.algorithms.connectivity.truth.hindsight import (
    advise,
    family_hindsight,
    hindsight,
)
from adabench.workloads.algorithms.connectivity.truth.scoring import scored_task

CARD = Card(
    title="Dynamic connectivity with predicted deletions",
    paper="The Predicted-Updates Dynamic Model, arXiv 2307.08890, COLT 2024",
    adapts="how much of a structure is rebuilt, on how wrong a predicted deletion time was",
    budget="noise",
    no_speedup="the cost axis is the accuracy of predictions, which is no work; "
    "claims on latency_s beside those on work say what became time",
    gaps=(
        Gap(
            mixture=("bfs_query", "rebuild", "spanning_forest"),
            methods=(
                "learned_lifetimes",
                "lookahead",
                "predicted_updates",
                "shuffled_predictions",
                "unshifted",
            ),
            oracle="offline",
            coin="shuffled_predictions",
        ),
    ),
    knobs=(
        Knob(
            "noise",
            (0.0, 1.0, 10.0, 100.0, 1000.0, 10000.0, 100000.0),
            1.0,
            open=True,
            low=0.0,
        ),
        Knob("n", (1000, 5000), 1000, open=True, low=2, high=1000000),
        Knob("rounds", (20,), 20, open=True, low=1, high=1000),
        Knob("updates", ("suite",), "suite", open=True),
    ),
    cases="nested",
    metrics=(
        Metric("thrift", "", "higher", "quality", primary=True, high=1.0),
        Metric("exactness", "", "higher", "quality"),
        Metric("accuracy", "", "lower", "work", primary=True),
        Metric("work", "steps/update", "lower", "cost"),
        Metric("unions", "unions/update", "lower", "cost"),
        Metric("finds", "reads/update", "lower", "cost"),
        Metric("scans", "reads/update", "lower", "cost"),
        Metric("stores", "writes/update", "lower", "cost"),
        Metric("worst_update", "steps", "lower", "cost"),
        Metric("reach", "leaves/update", "lower", "info"),
        Metric("error", "updates/update", "lower", "info"),
        Metric("own_error", "updates/update", "lower", "info"),
        Metric("slope", "", "lower", "info"),
        Metric("slope_least", "", "higher", "info"),
        Metric("slope_most", "", "higher", "info", low=0.0),
        Metric("least_rebuild", "steps/update", "higher", "info"),
        Metric("backstop", "steps/update", "higher", "info"),
        Metric("guard_bound", "steps/update", "higher", "info"),
        Metric("perfect_bound", "unions/update", "higher", "info"),
        Metric("reach_bound", "leaves/update", "higher", "info"),
        Metric("answers", "hash", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"n": 100}
OUTCOMES = (Outcome,)

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    noise: float = 1.0,
    n: int = 1000,
    rounds: int = 20,
    updates: str = "suite",
) -> Connectivity:
    """Return the task under the given conditions; T = n * rounds.

    Raises:
        SelectionError: if `updates` is neither a family nor a readable file.
    """
    if scale != "embedded":
        raise SelectionError(f"connectivity has no scale {scale!r}.", "It runs at `embedded`.")
    if updates == "suite" or updates in FAMILIES:
        names = tuple(FAMILIES) if updates == "suite" else (updates,)
        seen = tuple(family_hindsight(name, n, rounds, seed) for name in names)
    else:
        seen = (hindsight(read_updates(updates, seed)),)
    return scored_task(tuple(advise(one, noise) for one in seen))
