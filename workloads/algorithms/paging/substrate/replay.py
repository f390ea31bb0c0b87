"""The task object: replays a policy over a case, counts, and scores what came of it.

`task.py` says what is measured and why; `cache_engine.py` is the compiled engine this drives.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import NamedTuple, NoReturn

import numpy as np

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.paging.substrate.cache_engine import (
    STACK,
    Bits,
    Evicts,
    Floats,
    Ints,
    Trouble,
    engine,
)
from adabench.workloads.algorithms.paging.substrate.predictions import BITS, Advice, Kind
from adabench.workloads.algorithms.paging.substrate.traces import COINS, Trace, child
from adabench.workloads.shared.compiled.hooks import Hook, guarded, intact, method_of, stream_of
from adabench.workloads.shared.counting.answer_ledger import AnswerLedger, Wording, known_case

WORDING = Wording(
    "replay",
    foreign="The answer is not the task's own replay of this case.",
    twice="It replays a case more than once and answers with one.",
)
BREACHES = {
    Trouble.NO_SUCH_SLOT: "evicted from a slot that does not exist",
    Trouble.EMPTY_SLOT: "evicted from an empty slot",
    Trouble.NO_ROOM: "left no free slot after a fault",
    Trouble.CONTRACT_IN_FAULT: "evicted more or fewer pages in `fault` than its contract allows",
    Trouble.CONTRACT_IN_SERVE: "evicted in `serve` what its contract does not allow",
    Trouble.FORGED: "changed the cache other than through `evict`",
}


@dataclass(frozen=True)
class Replay:
    """What came of one policy on one trace."""

    instance: float
    hints: Kind
    faults: Ints
    """(streams,)"""


@dataclass
class Transcript:
    """What a listener hears of the replays of a task; a method cannot tell that there is one."""

    logs: dict[float, Bits] = field(default_factory=dict)
    """By instance: (T,) 1 where the first stream of the last replay faulted."""
    trails: dict[float, Ints] = field(default_factory=dict)
    """(T,) a fingerprint of the cache after each request of that stream."""
    replays: Counter[float] = field(default_factory=Counter)


@dataclass(frozen=True)
class Order:
    """A policy and what it asked `replay` for."""

    fault: Hook
    serve: Hook
    notes: Ints
    weights: Floats
    hints: Kind
    evicts: Evicts
    streams: int


@dataclass(frozen=True)
class Paging:
    """The task: its cases, the counting cache, and the score."""

    advice: tuple[Advice, ...]
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    _run: Callable[[Trace, Order], Replay] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Trace, Replay], Ints] = field(init=False, repr=False, compare=False)

    def __post_init__(self, transcript: Transcript | None) -> None:
        """Open the ledger."""
        run, judged = _open_ledger(self, transcript)
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Trace, ...]:
        """Return the traces."""
        return tuple(advice.trace for advice in self.advice)

    def of(self, case: Trace) -> Advice:
        """Return what is known about a case.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        return _of(self.advice, case)

    def __reduce__(self) -> NoReturn:
        """Refuse to be stored: a copy would count into a meter that nobody reads."""
        raise TypeError("a paging task is not stored; load it from its conditions")

    def replay(
        self,
        case: Trace,
        fault: Hook,
        serve: Hook,
        *,
        notes: int | Ints = 0,
        weights: Floats | None = None,
        hints: Kind = "none",
        evicts: Evicts = Evicts.ONE,
        streams: int = 1,
    ) -> Replay:
        """Run a policy over a trace, once per coin stream, and count.

        `notes` is how many integers the policy keeps (they start as 0), or their start
        values; `weights` are its floats. `fault` and `serve` are made with `@hook`.

        Raises:
            MethodContractError: if the policy breaks its contract, with the request.
        """
        start = np.zeros(notes, np.int64) if isinstance(notes, int) else notes
        floats = np.zeros(0) if weights is None else weights
        return self._run(case, Order(fault, serve, start, floats, hints, evicts, streams))

    def score(self, case: Trace, answer: Replay) -> dict[str, float]:
        """Judge a replay against Belady, LRU and the theorems on the same case.

        Raises:
            MethodContractError: if the answer is not what `replay` returned last for this case,
                the case was also replayed in another way, or the meter was tampered with.
        """
        counted = self._judged(case, answer)
        advice = self.of(case)
        faults, requests = float(counted.mean()), len(case.pages)
        opt, lru, k = advice.hindsight.opt, advice.hindsight.lru, case.slots
        harmonic = sum(1 / i for i in range(1, k + 1))
        streams = len(counted)
        values = {
            "hit_ratio": 1 - faults / requests,
            "slots": k,
            "faults_se": float(counted.std(ddof=1)) / streams**0.5 if streams > 1 else 0.0,
            "ratio": faults / opt,
            "opt": opt,
            "eta0": advice.eta0,
            "eta1": advice.eta1,
            "eta0_phase": advice.eta0_phase,
            "eta1_phase": advice.eta1_phase,
            "flush_bound": opt + (k - 1) * advice.eta0 + advice.eta1,
            "mark0_bound": opt + 2 * harmonic * advice.eta0 + advice.eta1,
            "phase_bound": 2 * opt + harmonic * advice.eta0_phase + advice.eta1_phase,
            "robust_bound": (2 * harmonic + 1) * opt,
            "instance": case.instance,
        }
        if lru != opt:
            values["gain"] = (lru - faults) / (lru - opt)
        return {name: float(value) for name, value in values.items()}


class _Tally(NamedTuple):
    """What was counted in a replay."""

    hints: Kind
    faults: Ints


def _same(one: _Tally, other: _Tally) -> bool:
    return one.hints == other.hints and np.array_equal(one.faults, other.faults)


def _says(answer: Replay, counted: _Tally) -> bool:
    return _same(_Tally(answer.hints, answer.faults), counted)


def _open_ledger(
    task: Paging, transcript: Transcript | None
) -> tuple[Callable[..., Replay], Callable[..., Ints]]:
    """Return what runs an order and what confirms an answer; they alone hold the ledger."""
    ledger: AnswerLedger[Replay, _Tally] = AnswerLedger(task.meter, WORDING, _says, _same)
    advice = task.advice

    def run(case: Trace, order: Order) -> Replay:
        known = _of(advice, case)
        before = ledger.open(case.instance)
        reports = _replayed(known, order, transcript)
        faults = reports[:, 0].copy()
        added = _added(case, faults, int(reports[:, 1].sum()), order.hints)
        answer = Replay(case.instance, order.hints, np.frombuffer(faults.tobytes(), np.int64))
        return ledger.enter(case.instance, before, answer, _Tally(order.hints, faults), added)

    def judged(case: Trace, answer: Replay) -> Ints:
        return ledger.confirm(case.instance, answer).faults

    return run, judged


def _of(known: tuple[Advice, ...], case: Trace) -> Advice:
    return known_case(known, case, lambda advice: advice.trace, "trace")


def _replayed(advice: Advice, order: Order, transcript: Transcript | None) -> Ints:
    """Run an order on every coin stream; return (streams, 4) reports of the engine."""
    case, name = advice.trace, method_of(order.serve)
    stream_seed = child(case.seed, COINS, case.group, stream_of(order.serve))
    seeds = stream_seed.generate_state(order.streams, np.uint64)
    logged = len(case.pages) if transcript else 0
    log, trail = np.zeros(logged, np.uint8), np.zeros(logged, np.int64)
    ledger = np.empty(STACK + case.slots, np.int64)
    slot_of = np.empty(case.n_pages, np.int32)
    page_in, holder = np.empty(case.slots, np.int32), np.empty(case.slots, np.int32)
    reports = np.zeros((order.streams, 4), np.int64)
    run = engine(order.fault, order.serve)
    for stream, seed in enumerate(seeds):
        noted, weighted = guarded(order.notes), guarded(order.weights)
        kept = slice(None) if stream == 0 else slice(0)
        run(
            case.pages, advice.hints[order.hints], slot_of, page_in, holder, ledger, noted,
            weighted, int(order.evicts), int(seed >> 1) | 1, reports[stream], log[kept],
            trail[kept],
        )  # fmt: skip
        _refuse_breach(name, case, reports[stream], noted, weighted)
    if transcript:
        transcript.logs[case.instance], transcript.trails[case.instance] = log, trail
        transcript.replays[case.instance] += 1
    return reports


def _added(case: Trace, faults: Ints, evictions: int, hints: Kind) -> dict[str, float]:
    """Return what a replay adds to the meter."""
    return {
        "faults": float(faults.mean()),
        "evictions": evictions / len(faults),
        "requests": len(case.pages) * len(faults),
        "prediction_bits": BITS[hints],
        "streams": len(faults),
    }


def _refuse_breach(name: str, case: Trace, report: Ints, notes: Ints, weights: Floats) -> None:
    """Raise if the engine stopped early, or the policy wrote beyond its notes."""
    trouble, request = Trouble(report[2]), int(report[3])
    if trouble is not Trouble.NONE:
        raise MethodContractError(
            f"{name} {BREACHES[trouble]}, at request {request} of {case.group}.",
            "cache_engine.py says what `fault` and `serve` may do; `evicts=` names the contract.",
        )
    if not (intact(notes) and intact(weights)):
        raise MethodContractError(
            f"{name} wrote beyond its notes or weights on {case.group}.",
            "Ask `replay` for more of them: `notes=`, `weights=`.",
        )
