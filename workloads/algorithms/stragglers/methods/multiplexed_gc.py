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

from adabench.harness.contract.card import Bound, Card, Claim, Knob, Point, Ratio
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
    fidelity="code-confirmed",
    knobs=(
        Knob(
            "params", ("probe", "1,2,27", "1,2,52", "3,4,27", "1,16,256"), "probe", open=True
        ),
    ),
    claims=(
        Claim(
            id="GC-exact-multiplexed",
            says="What it decodes is the full-batch gradient: within 1e-5, on real processes.",
            source="theorem",
            paper="the code is exact: any n - s results give the sum of all parts",
            effect=None,
            expect=Bound("gradient_error", "tolerance", where={"level": "real"}),
        ),
        Claim(
            id="GC-1",
            says="In short bursts it takes less time than gradient coding with the best s, over 480 "
            "jobs.",
            source="headline",
            paper='"a 16% improvement in runtime over the baseline GC scheme", 256 workers of AWS '
            "Lambda, natural stragglers",
            effect=0.84,
            expect=Ratio(
                "time", against="gradient_code", groups=("short",), where={"jobs": 480}
            ),
            requires=("GC-1-whole",),
        ),
        Claim(
            id="GC-1-whole",
            says="No part of the data is missing from its gradients.",
            source="check",
            paper="time is compared among schemes that are exact; to leave the late out is cheap",
            effect=None,
            expect=Ratio(
                "delivered", against="gradient_code", low=1.0, every=True, groups=("short",), where={"jobs": 480}
            ),
        ),
        Claim(
            id="GC-1-brief",
            says="The same over 60 jobs, of which the T extra rounds are a larger part.",
            source="measured",
            paper="103.7 s against 109.4 s for 80 jobs on recorded delays",
            effect=0.948,
            expect=Ratio("time", against="gradient_code", groups=("short",)),
            requires=("GC-1-brief-whole",),
        ),
        Claim(
            id="GC-1-brief-whole",
            says="No part of the data is missing from its gradients.",
            source="check",
            paper="time is compared among schemes that are exact; to leave the late out is cheap",
            effect=None,
            expect=Ratio(
                "delivered", against="gradient_code", low=1.0, every=True, groups=("short",)
            ),
        ),
        Claim(
            id="GC-1-order",
            says="In short bursts it takes less time than selective repetition.",
            source="measured",
            paper="103.7 s against 105.9 s for 80 jobs on recorded delays",
            effect=0.979,
            expect=Ratio("time", against="sequential_gc", groups=("short",)),
            requires=("GC-1-brief-whole",),
        ),
        Claim(
            id="GC-2-chosen",
            says="With both chosen on the probe its load is a fraction of gradient coding's, and it "
            "takes less time.",
            source="headline",
            paper='"our second scheme achieves significant reduction in the computational load": '
            "0.0075 against 0.0625, as chosen on the recorded profile",
            effect=0.12,
            expect=Ratio("load", against="gradient_code", groups=("short",), where={"jobs": 480}),
            requires=("GC-1-sooner", "GC-1-whole"),
        ),
        Claim(
            id="GC-1-sooner",
            says="Over 480 jobs it takes no more time than gradient coding.",
            source="own",
            paper="a small load counts where stragglers are tolerated no worse: to wait for all has "
            "the least load",
            effect=None,
            expect=Ratio(
                "time", against="gradient_code", high=1.0, groups=("short",), where={"jobs": 480}
            ),
        ),
        Claim(
            id="GC-2",
            says="Its load at (1, 2, 27) is 0.0075431 where gradient coding with s = 15 has "
            "0.0625.",
            source="check",
            paper="0.0075 against 0.0625: the formula",
            effect=None,
            expect=Ratio(
                "load", against="gradient_code", low=0.120689, high=0.120690, every=True,
                where={"params": "1,2,27", "s": 15},
            ),
        ),
        Claim(
            id="GC-2-wide",
            says="Its load at (1, 2, 52) is 0.0076678, all the same.",
            source="check",
            paper="0.0077: the formula",
            effect=None,
            expect=Ratio(
                "load", against="gradient_code", low=0.122685, high=0.122686, every=True,
                where={"params": "1,2,52", "s": 15},
            ),
        ),
        Claim(
            id="GC-5",
            says="With lambda = n and W = 16 its load is within 7 % of the uncoded one.",
            source="check",
            paper="the load approaches the limit as W grows: the formula",
            effect=None,
            expect=Ratio(
                "load", against="uncoded", low=1.0, high=1.07, every=True,
                where={"params": "1,16,256"},
            ),
        ),
        Claim(
            id="GC-3",
            says="On delays recorded in Canada it finishes 80 jobs sooner than GC.",
            source="measured",
            paper="122.6 s uncoded, 109.4 GC, 105.9 SR-SGC, 103.7 M-SGC; the delays have no licence: "
            "give them as canada.csv",
            effect=0.948,
            expect=Ratio(
                "time", against="gradient_code", where={"delays": "canada.csv", "jobs": 80}
            ),
            apart_from=("random_backup", "uncoded"),
        ),
        Claim(
            id="GC-4",
            says="On another recorded profile it finishes 30 jobs sooner than GC.",
            source="measured",
            paper="59.6 s uncoded, 53.1 GC, 47.4 SR-SGC, 42.1 M-SGC; the delays have no licence: give "
            "them as second.csv",
            effect=0.793,
            expect=Ratio(
                "time", against="gradient_code", where={"delays": "second.csv", "jobs": 30}
            ),
            apart_from=("random_backup", "uncoded"),
        ),
        Claim(
            id="GC-flip-few",
            says="The sign flips for few jobs: 10 of them take more time than with GC.",
            source="measured",
            paper="12.99 s against 12.69 s for 10 jobs on recorded delays",
            effect=1.0236,
            expect=Ratio("time", against="gradient_code", groups=("short",), where={"jobs": 10}),
        ),
        Claim(
            id="GC-flip-independent",
            says="The sign flips: with nearly independent stragglers it takes more time than GC.",
            source="own",
            paper="a family for which the scheme is not made: 4.4 % more in a reference measurement",
            effect=None,
            expect=Ratio("time", against="gradient_code", low=1.0, groups=("independent",)),
        ),
        Claim(
            id="GC-flip-long",
            says="The sign flips: in long bursts it takes more time than GC.",
            source="own",
            paper="a family for which the scheme is not made: 43.8 % more in a reference measurement, "
            "on a short probe",
            effect=None,
            expect=Ratio("time", against="gradient_code", low=1.0, groups=("long",)),
        ),
        Claim(
            id="GC-flip-none",
            says="Without stragglers it takes more time than GC: the T extra rounds.",
            source="own",
            paper="the negative control: nothing is to be saved",
            effect=None,
            expect=Ratio("time", against="gradient_code", low=1.0, groups=("none",)),
        ),
        Claim(
            id="GC-flip-free",
            says="Where work costs nothing (alpha = 0) it takes more time than GC.",
            source="own",
            paper="the load is what it saves: without a price on it nothing is left to gain",
            effect=None,
            expect=Ratio(
                "time", against="gradient_code", low=1.0, groups=("short",), where={"alpha": 0.0}
            ),
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
