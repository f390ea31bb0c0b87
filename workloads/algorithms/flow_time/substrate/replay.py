"""The task object: runs a policy over a stream of jobs and counts.

`task.py` says what is measured and why; `event_loop.py` is the compiled loop this drives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.flow_time.substrate.event_loop import Report, engine
from adabench.workloads.algorithms.flow_time.substrate.job_streams import COINS, NOISE, Case, Stream
from adabench.workloads.algorithms.flow_time.substrate.policy_view import (
    FORECASTS,
    NOTHING,
    OPERATIONS,
    Floats,
    Ints,
    Trouble,
)
from adabench.workloads.shared.compiled.hooks import (
    GUARD,
    SENTINEL,
    Hook,
    Number,
    guarded,
    intact,
    method_of,
    stream_of,
)
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run
from adabench.workloads.shared.counting.random_streams import child, read_only

Sees = Literal["nothing", "operations", "estimates", "totals"]
SHOWS: Mapping[Sees, int] = {
    "nothing": NOTHING, "operations": OPERATIONS, "estimates": FORECASTS, "totals": FORECASTS,
}  # fmt: skip
WORDING = Wording(
    "replay",
    foreign="The answer is not the task's own run of this case.",
    twice="It runs a case more than once and answers with one.",
)
BREACHES = {
    Trouble.NO_SUCH_JOB: "ran a job that does not exist",
    Trouble.NOT_THERE: "ran a job that has not arrived or is done",
    Trouble.TWICE: "ran a job twice at once",
    Trouble.NOBODY: "idled while jobs were there",
    Trouble.STALLED: "asked to be woken at once, or without end",
}


@dataclass(frozen=True)
class Replay:
    """What came of one policy on one stream."""

    instance: float
    sees: Sees
    flow: Floats
    """(streams, n) each job's flow time."""


class Heard(NamedTuple):
    """What a listener hears of the first stream of a run."""

    when: Floats
    """The time of each decision."""
    who: Ints
    """A fingerprint of the jobs that were chosen."""
    shown: Floats
    """(operations,) when each size became known."""


@dataclass(frozen=True)
class Order:
    """A policy and what it asked `replay` for."""

    hear: Hook
    choose: Hook
    notes: int | Ints
    weights: int | Floats
    sees: Sees
    mu: float
    streams: int


class FlowTime(CountedTask[Case, Stream, Order, Replay, Replay, Floats]):
    """The task: its cases and the counting machine. An outcome is the flow times, (streams, n)."""

    wording = WORDING
    noun = "stream"

    @staticmethod
    def case_of(world: Stream) -> Case:
        """Return the case."""
        return world.case

    @staticmethod
    def run_in(world: Stream, order: Order, *, listened: bool) -> Run[Replay, Replay]:
        """Run a policy on every stream of coins."""
        flow, reports, heard = _scheduled(world, order, listened=listened)
        answer = Replay(world.case.instance, order.sees, read_only(flow))
        return Run(answer, replace(answer), _added(world, flow, reports), heard)

    @staticmethod
    def outcome(world: Stream, counted: Replay) -> Floats:
        """Return the flow times (streams, n)."""
        return counted.flow

    @staticmethod
    def revealed(world: Stream, *, oracle: bool) -> Stream:
        """Return the sizes that the machine reveals one by one; to oracles all at once."""
        return world if oracle else replace(world, open_totals=False)

    @staticmethod
    def entered(world: Stream) -> Stream:
        """Compute here, where no clock runs, what a run needs."""
        _ = world.information
        return world

    def replay(
        self,
        case: Case,
        hear: Hook,
        choose: Hook,
        *,
        notes: int | Ints = 0,
        weights: int | Floats = 0,
        sees: Sees = "operations",
        mu: float = 1.0,
        streams: int = 1,
    ) -> Replay:
        """Run a policy over a stream, once per stream of coins, and count.

        `notes` is how many integers the policy keeps (they start as 0), or their start
        values; `weights` likewise its floats. `hear` and `choose` are made with `@hook`.
        `sees` is what it is shown of sizes: nothing; operations, each when it becomes
        known; estimates, at arrival, wrong by a factor of at most `mu`; totals, for oracles.

        Raises:
            MethodContractError: if the policy breaks its contract, with the job.
        """
        return self.count(case, Order(hear, choose, notes, weights, sees, mu, streams))


def _scheduled(stream: Stream, order: Order, *, listened: bool) -> tuple[Floats, Floats, Heard]:
    """Run an order on every stream of coins; return flows (streams, n) and reports."""
    case, name, n = stream.case, method_of(order.choose), stream.case.n_jobs
    stream_seed = child(case.seed, COINS, case.group, stream_of(order.choose))
    seeds = stream_seed.generate_state(order.streams, np.uint64)
    forecast = _forecasts(stream, order)
    flow, reports = np.zeros((order.streams, n)), np.zeros((order.streams, len(Report)))
    # One block each: numpy asks for huge pages from 4 MiB on, and page faults cost 10 ns a job.
    floats, ints = np.empty((7, n)), np.empty((9, n), np.int64)
    # Decisions that only a wake-up call brought about may be more than these.
    heard = 2 * (n + len(stream.ops)) if listened else 0
    when, who = np.full(heard, np.inf), np.zeros(heard, np.int64)
    shown = np.full(len(stream.ops) if listened else 0, np.inf)
    schedule = engine(order.hear, order.choose)
    for number, seed in enumerate(seeds):
        noted = _start(order.notes, np.zeros(0, np.int64))
        weighted = _start(order.weights, np.zeros(0))
        kept = slice(None) if number == 0 else slice(0)
        schedule(
            stream.arrive, stream.first, stream.ops, forecast, SHOWS[order.sees], floats[:5],
            ints[:4], floats[5:], ints[4:], noted, weighted, int(seed >> 1) | 1, flow[number],
            reports[number], when[kept], who[kept], shown[kept],
        )  # fmt: skip
        _refuse_breach(name, case, reports[number], noted, weighted)
    return flow, reports, Heard(when, who, shown)


def _start(given: int | NDArray[Number], kind: NDArray[Number]) -> NDArray[Number]:
    """Return what a policy starts with: so many zeros, or its values; guard words behind them."""
    if not isinstance(given, int):
        return guarded(given)
    values = np.zeros(given + GUARD, kind.dtype)  # untouched pages cost nothing
    values[given:] = SENTINEL
    return values


def _forecasts(stream: Stream, order: Order) -> Floats:
    """Return what is told of each job at its arrival: (n,), or nothing."""
    if order.sees == "totals":
        if not stream.open_totals:
            raise MethodContractError(
                f"{method_of(order.choose)} asks for true sizes on {stream.case.group}.",
                "Those are for oracles: say role='oracle' in the card.",
            )
        return stream.totals
    if order.sees != "estimates":
        return read_only(np.zeros(0))
    case = stream.case
    rng = np.random.default_rng(child(case.seed, NOISE, case.group))
    wrong = rng.uniform(-1.0, 1.0, case.n_jobs)
    return read_only(stream.guessed * order.mu**wrong)


def _added(stream: Stream, flow: Floats, reports: Floats) -> dict[str, float]:
    """Return what a run adds to the meter: what the engine counted, means over streams of coins."""
    mean = reports.mean(axis=0)
    return {
        "flow": float(flow.sum(axis=1).mean()),
        "information": stream.information,
        "information_used": float(mean[Report.KNOWN]) / stream.case.n_jobs,
        "events": float(mean[Report.EVENTS]),
        "decisions": float(mean[Report.DECISIONS]),
        "preemptions": float(mean[Report.PREEMPTIONS]),
        "max_alive": float(mean[Report.MAX_ALIVE]),
        "max_partial": float(mean[Report.MAX_PARTIAL]),
        "jobs": stream.case.n_jobs,
        "streams": len(flow),
    }


def _refuse_breach(name: str, case: Case, report: Floats, notes: Ints, weights: Floats) -> None:
    """Raise if the engine stopped early, or the policy wrote beyond its notes."""
    trouble, job = Trouble(int(report[Report.TROUBLE])), int(report[Report.JOB])
    if trouble is not Trouble.NONE:
        which = f", job {job}" if job >= 0 or trouble is Trouble.NO_SUCH_JOB else ""
        raise MethodContractError(
            f"{name} {BREACHES[trouble]} on {case.group}{which}.",
            "policy_view.py says what `hear` and `choose` may do.",
        )
    if not (intact(notes) and intact(weights)):
        raise MethodContractError(
            f"{name} wrote beyond its notes or weights on {case.group}.",
            "Ask `replay` for more of them: `notes=`, `weights=`.",
        )
