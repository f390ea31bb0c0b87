"""The task object: runs a policy over a stream of jobs, counts, and scores what came of it.

`task.py` says what is measured and why; `event_loop.py` is the compiled loop this drives.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from typing import Literal, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.flow_time.substrate.event_loop import Report, engine
from adabench.workloads.algorithms.flow_time.substrate.job_streams import (
    COINS,
    NOISE,
    Case,
    Stream,
    child,
    read_only,
)
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
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording, known_case

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


@dataclass
class Transcript:
    """What a listener hears of the runs of a task; a method cannot tell that there is one."""

    when: dict[float, Floats] = field(default_factory=dict)
    """By instance: the time of each decision of the first stream of the last run."""
    who: dict[float, Ints] = field(default_factory=dict)
    """A fingerprint of the jobs that were chosen."""
    shown: dict[float, Floats] = field(default_factory=dict)
    """(operations,) when each size became known."""
    replays: Counter[float] = field(default_factory=Counter)


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


Judge = Callable[[Stream, Floats], dict[str, float]]
"""Scores flow times (streams, n); it knows the optimum, and this module does not."""


@dataclass(frozen=True)
class FlowTime:
    """The task: its cases, the counting machine, and the score.

    The streams themselves are no attribute of it: sizes that are not revealed yet are
    nothing that a method could come upon.
    """

    streams: InitVar[tuple[Stream, ...]]
    judge: InitVar[Judge]
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    all_cases: tuple[Case, ...] = field(init=False)
    _run: Callable[[Case, Order], Replay] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Case, Replay], dict[str, float]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(
        self, streams: tuple[Stream, ...], judge: Judge, transcript: Transcript | None
    ) -> None:
        """Open the ledger."""
        run, judged = _open_ledger(streams, judge, self.meter, transcript)
        object.__setattr__(self, "all_cases", tuple(stream.case for stream in streams))
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Case, ...]:
        """Return the cases."""
        return self.all_cases

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: a copy would count into a meter that nobody reads."""
        raise TypeError("a flow-time task is not stored; load it from its conditions")

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
        return self._run(case, Order(hear, choose, notes, weights, sees, mu, streams))

    def score(self, case: Case, answer: Replay) -> dict[str, float]:
        """Judge a run against the optimum and the theorems on the same stream.

        Raises:
            MethodContractError: if the answer is not what `replay` returned last for this case,
                the case was also run in another way, the meter was tampered with, or the
                flow time is less than the optimum, which would be a bug.
        """
        return self._judged(case, answer)


class _Tally(NamedTuple):
    """What was counted in a run."""

    sees: Sees
    flow: Floats


def _same(one: _Tally, other: _Tally) -> bool:
    return one.sees == other.sees and np.array_equal(one.flow, other.flow)


def _says(answer: Replay, counted: _Tally) -> bool:
    return _same(_Tally(answer.sees, answer.flow), counted)


def _open_ledger(
    streams: tuple[Stream, ...], judge: Judge, meter: Meter, transcript: Transcript | None
) -> tuple[Callable[..., Replay], Callable[..., dict[str, float]]]:
    """Return what runs an order and what judges an answer.

    They alone hold the streams and the ledger.
    """
    ledger: AnswerLedger[Replay, _Tally] = AnswerLedger(meter, WORDING, _says, _same)

    def run(case: Case, order: Order) -> Replay:
        stream = _of(streams, case)
        before = ledger.open(case.instance)
        flow, reports = _scheduled(stream, order, transcript)
        shown = np.frombuffer(flow.tobytes(), np.float64).reshape(flow.shape)
        answer = Replay(case.instance, order.sees, shown)
        added = _added(stream, flow, reports)
        return ledger.enter(case.instance, before, answer, _Tally(order.sees, flow), added)

    def judged(case: Case, answer: Replay) -> dict[str, float]:
        stream = _of(streams, case)
        counted = ledger.confirm(case.instance, answer)
        return judge(stream, counted.flow)

    return run, judged


def _of(known: tuple[Stream, ...], case: Case) -> Stream:
    return known_case(known, case, lambda stream: stream.case, "stream")


def _scheduled(
    stream: Stream, order: Order, transcript: Transcript | None
) -> tuple[Floats, Floats]:
    """Run an order on every stream of coins; return flows (streams, n) and reports."""
    case, name, n = stream.case, method_of(order.choose), stream.case.n_jobs
    stream_seed = child(case.seed, COINS, case.group, stream_of(order.choose))
    seeds = stream_seed.generate_state(order.streams, np.uint64)
    forecast = _forecasts(stream, order)
    flow, reports = np.zeros((order.streams, n)), np.zeros((order.streams, len(Report)))
    # One block each: numpy asks for huge pages from 4 MiB on, and page faults cost 10 ns a job.
    floats, ints = np.empty((7, n)), np.empty((9, n), np.int64)
    # Decisions that only a wake-up call brought about may be more than these.
    heard = 2 * (n + len(stream.ops)) if transcript else 0
    when, who = np.full(heard, np.inf), np.zeros(heard, np.int64)
    shown = np.full(len(stream.ops) if transcript else 0, np.inf)
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
    if transcript:
        transcript.when[case.instance], transcript.who[case.instance] = when, who
        transcript.shown[case.instance] = shown
        transcript.replays[case.instance] += 1
    return flow, reports


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
