"""M-SGC: multiplexed. Most of a job is done uncoded and repeated when late; the rest is coded.

A job's data is split in two. D1 is cut into n (W - 1) private mini-tasks, W - 1 a worker, uncoded.
D2 is cut into B groups, each with an (n, lambda) code. Every worker has W - 1 + B slots a round,
and slot m works on the job of m rounds ago:

    m < W - 1     the next D1 part of that job that the worker still owes
    m >= W - 1    its coded part of D2 group m - (W - 1), if it has returned all D1 parts of that
                  job; else it repeats one of those that are missing

so that repetition is only spent on what was late. A job is decoded T = W - 2 + B rounds after its
own, when every D1 part is there and each D2 group has n - lambda results. All slots cost the
same if D1 = (W - 1)(lambda + 1) / (B + (W - 1)(lambda + 1)) of the data, which makes the load

    (lambda + 1)(W - 1 + B) / (n (B + (W - 1)(lambda + 1)))        lambda < n

and (W - 1 + B) / (n (W - 1)) for lambda = n, where D2 is empty.

**The waiting rule.** A round goes on without the late if at most lambda distinct workers were
late in the last W rounds, and nobody who is late now was late in rounds r - W + 1 .. r - B. That
much makes every job decodable, and the engine, which counts the results, refuses a job that
is not.

**What T costs.** T more rounds after the last job. And T > 0 is of use only if T + 1 models or
more are trained in turn: the real level of this task does that, and no gradient is stale.

Knob: `params`, as B,W,lambda; `probe` has them chosen on the probe.

**What to expect.** Written before measuring, from the card. Against GC with the best s at
alpha = 6: 2.5 % less time in short bursts, 4.4 % more when nearly independent, much more in long
bursts if the probe is short; more for J <= 3T and without stragglers. Load 0.0074 to
0.0076, a quarter of GC's or less. W - 1 + B results a worker and round in place of one.

**Ways to fake it.** Parameters from the delays that are scored; dropping the T rounds; going on
when the pattern does not fit; alpha = 0 for GC; one model with stale gradients.
"""

from dataclasses import dataclass

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.stragglers.substrate.delay_models import Case, Flags
from adabench.workloads.algorithms.stragglers.substrate.parameter_search import (
    best_multiplexed,
    read_parameters,
)
from adabench.workloads.algorithms.stragglers.substrate.replay import Replay, Stragglers
from adabench.workloads.algorithms.stragglers.substrate.scheme import (
    IDLE,
    STOP,
    WAIT,
    Decision,
    Group,
    Layout,
    Orders,
    View,
)
from adabench.workloads.algorithms.stragglers.substrate.straggler_patterns import bursty

CARD = Card(
    title="M-SGC, multiplexed",
    paper="Sequential Gradient Coding For Straggler Mitigation, arXiv 2211.13802, ICLR 2023",
    slug="gradient-coding",
    adapts="what each slot of a worker does (new, repeated or coded), on which of its results "
    "were late",
    no_signal="by another case's lateness no job could be decoded, and the engine refuses that; "
    "`random_backup` has copies made by lot",
    fidelity="code-confirmed",
    knobs=(
        Knob(
            "params", ("probe", "1,2,27", "1,2,52", "3,4,27", "1,16,256"), "probe", open=True
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Multiplexed:
    """D1 with n (W - 1) mini-tasks, then B groups of n with an (n, lambda) code."""

    n: int
    b: int
    w: int
    most: int

    @property
    def layout(self) -> Layout:
        """Return the groups; with lambda = n there is no D2."""
        n, b, w, most = self.n, self.b, self.w, self.most
        if most == n:
            return Layout((Group(1.0, n * (w - 1)),))
        whole = b + (w - 1) * (most + 1)
        coded = tuple(Group(1 / whole, n, most) for _ in range(b))
        return Layout((Group((w - 1) * (most + 1) / whole, n * (w - 1)), *coded))

    @property
    def delay(self) -> int:
        """Return T = W - 2 + B."""
        return self.w - 2 + self.b

    def assign(self, view: View) -> Orders:
        """Fill the slots along the diagonal. D1 part p of worker i is mini-task p n + i."""
        slots, workers = self.w - 1 + self.b, np.arange(self.n)
        job = np.full((self.n, slots), IDLE, np.int64)
        piece = np.full((self.n, slots), IDLE, np.int64)
        for m in range(slots):
            of = view.round - m
            if not 0 <= of < view.jobs:
                continue
            done = view.done[of, : self.n * (self.w - 1)].reshape(self.w - 1, self.n)
            owed = (~done).argmax(axis=0) * self.n + workers
            complete = done.all(axis=0)
            if m >= self.w - 1:
                coded = m * self.n + workers  # D1 takes the first n (W - 1), then n a group
                owed = np.where(complete, coded if self.most < self.n else IDLE, owed)
            piece[:, m] = owed
            job[:, m] = np.where(owed == IDLE, IDLE, of)
        return Orders(job, piece)

    def decide(self, view: View, orders: Orders, late: Flags) -> Decision:
        """Go on without the late if the last W rounds are bursty."""
        fits = bursty(view.late, view.round, late, self.b, self.w, self.most)
        return STOP if fits else WAIT


def solve(task: Stragglers, case: Case, point: Point) -> Replay:
    """Run all jobs.

    Raises:
        SelectionError: if the parameters are none of this scheme.
    """
    chosen = point["params"]
    b, w, most = best_multiplexed(case) if chosen == "probe" else read_parameters(chosen, case.n)
    if w < 2:
        raise SelectionError(f"params = {chosen!r} has W below 2.", "M-SGC takes W >= 2.")
    return task.run(case, Multiplexed(case.n, b, w, most))
