"""The task object: runs a policy over a stream of jobs, counts, and scores what came of it.

`task.py` says what is measured and why; `event_loop.py` is the compiled loop this drives.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from typing import Literal, NamedTuple

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


ScoreOf = Callable[[Stream, Floats], dict[str, float]]
"""Scores flow times (streams, n); it knows the optimum, and this module does not."""


class Ledger(NamedTuple):
    """What can be done with the streams and accounts of a task; they lie in these closures alone."""

    run: Callable[[Case, Order], Replay]
    confirm: Callable[[Case, Replay], Floats]
    find: Callable[[Case], Stream]
    enter: Callable[[Stream], None]


@dataclass(frozen=True)
class FlowTime:
    """The task: its cases, the counting machine, and the score.

    The streams themselves are no attribute of it: sizes that are not revealed yet are
    nothing that a method could come upon. What a method's process gets of it has no streams:
    each is entered when it is to be run.
    """

    streams: InitVar[tuple[Stream, ...]]
    score_of: InitVar[ScoreOf | None]
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    all_cases: tuple[Case, ...] = field(init=False)
    _score_of: ScoreOf | None = field(init=False, repr=False, compare=False)
    _ledger: Ledger = field(init=False, repr=False, compare=False)

    def __post_init__(
        self,
        streams: tuple[Stream, ...],
        score_of: ScoreOf | None,
        transcript: Transcript | None,
    ) -> None:
        """Open the ledger."""
        object.__setattr__(self, "all_cases", tuple(stream.case for stream in streams))
        object.__setattr__(self, "_score_of", score_of)
        object.__setattr__(self, "_ledger", _open_ledger(streams, self.meter, transcript))

    def cases(self) -> tuple[Case, ...]:
        """Return the cases."""
        return self.all_cases

    def __reduce__(self) -> tuple[type["FlowTime"], tuple[object, ...]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads."""
        if self.all_cases:
            raise TypeError("a flow-time task is not stored; load it from its conditions")
        return FlowTime, ((), None)

    def substrate(self) -> "FlowTime":
        """Return what methods get: the machine."""
        return FlowTime((), None)

    oracle_substrate = substrate

    def environment(self, case: Case) -> Stream:
        """Return the sizes that the machine reveals one by one."""
        return replace(self._ledger.find(case), open_totals=False)

    def oracle_environment(self, case: Case) -> Stream:
        """Return the same, of which a policy may be told the totals at once."""
        return self._ledger.find(case)

    def enter(self, case: Case, stream: Stream) -> None:
        """Take a stream to be run in place of the one before."""
        assert stream.case is case
        _ = stream.information  # computed here, where no clock runs
        self._ledger.enter(stream)

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
        return self._ledger.run(case, Order(hear, choose, notes, weights, sees, mu, streams))

    def account(self, case: Case, answer: Replay) -> Floats:
        """Return the flow times (streams, n) that were counted for an answer.

        Raises:
            MethodContractError: if the answer is not what `replay` returned last for this case,
                the case was also run in another way, or the meter was tampered with.
        """
        return self._ledger.confirm(case, answer)

    def judge(self, case: Case, flow: Floats) -> dict[str, float]:
        """Judge flow times (streams, n) against the optimum and the theorems on the same stream.

        Raises:
            MethodContractError: if one is less than the optimum, which would be a bug, or in
                the process of a method, where the optimum is not known.
        """
        if self._score_of is None:
            raise MethodContractError(
                f"What flow times on {case.group} are worth is not known here.",
                "Scores are made where the truth is, by the run.",
            )
        return self._score_of(self._ledger.find(case), flow)

    def score(self, case: Case, answer: Replay) -> dict[str, float]:
        """Judge a run of this very object."""
        return self.judge(case, self.account(case, answer))


class _Tally(NamedTuple):
    """What was counted in a run."""

    sees: Sees
    flow: Floats


def _same(one: _Tally, other: _Tally) -> bool:
    return one.sees == other.sees and np.array_equal(one.flow, other.flow)


def _says(answer: Replay, counted: _Tally) -> bool:
    return _same(_Tally(answer.sees, answer.flow), counted)


def _open_ledger(
    streams: tuple[Stream, ...], meter: Meter, transcript: Transcript | None
) -> Ledger:
    """Return what runs an order and confirms an answer; it alone holds the streams."""
    ledger: AnswerLedger[Replay, _Tally] = AnswerLedger(meter, WORDING, _says, _same)
    known = list(streams)

    def run(case: Case, order: Order) -> Replay:
        stream = find(case)
        before = ledger.open(case.instance)
        flow, reports = _scheduled(stream, order, transcript)
        shown = np.frombuffer(flow.tobytes(), np.float64).reshape(flow.shape)
        answer = Replay(case.instance, order.sees, shown)
        added = _added(stream, flow, reports)
        return ledger.enter(case.instance, before, answer, _Tally(order.sees, flow), added)

    def confirm(case: Case, answer: Replay) -> Floats:
        find(case)
        return ledger.confirm(case.instance, answer).flow

    def find(case: Case) -> Stream:
        return known_case(known, case, lambda stream: stream.case, "stream")

    def enter(stream: Stream) -> None:
        known[:] = [stream]

    return Ledger(run, confirm, find, enter)


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
