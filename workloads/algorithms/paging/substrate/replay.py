"""The task object: replays a policy over a case, counts, and scores what came of it.

`task.py` says what is measured and why; `cache_engine.py` is the compiled engine this drives.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import NamedTuple

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
    evict_any,
    ignore,
)
from adabench.workloads.algorithms.paging.substrate.predictions import (
    BITS,
    SECRET,
    Advice,
    Kind,
)
from adabench.workloads.algorithms.paging.substrate.traces import (
    COINS,
    Trace,
    child,
    prefix,
    read_only,
)
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
    """The task: its cases, the counting cache, and the score.

    What a method's process gets of it has no cases: each is entered when it is to be replayed.
    """

    advice: tuple[Advice, ...] = ()
    meter: Meter = field(default_factory=Meter)
    transcript: InitVar[Transcript | None] = None
    """Who listens, if anybody; not kept on the task."""
    prefixes: tuple[Trace, ...] = ()
    """Where there are no cases: the first requests of each, to learn from."""
    _run: Callable[[Trace, Order], Replay] = field(init=False, repr=False, compare=False)
    _judged: Callable[[Trace, Replay], Ints] = field(init=False, repr=False, compare=False)
    _known: list[Advice] = field(init=False, repr=False, compare=False)

    def __post_init__(self, transcript: Transcript | None) -> None:
        """Open the ledger."""
        known = list(self.advice)
        run, judged = _open_ledger(known, self.meter, transcript)
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "_run", run)
        object.__setattr__(self, "_judged", judged)

    def cases(self) -> tuple[Trace, ...]:
        """Return the traces.

        Raises:
            MethodContractError: in the process of a method, which meets them one by one.
        """
        if self.prefixes:
            raise MethodContractError(
                "The test cases are not here.", "What may be learned from is `training()`."
            )
        return tuple(advice.trace for advice in self.advice)

    def training(self) -> tuple[Trace, ...]:
        """Return the first fifth of each trace, which may be learned from."""
        return self.prefixes or tuple(prefix(trace) for trace in self.cases())

    def of(self, case: Trace) -> Advice:
        """Return what is known about a case.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        return _of(self._known, case)

    def __reduce__(self) -> tuple[type["Paging"], tuple[object, ...]]:
        """Store what has no cases; a copy of the rest would count into a meter nobody reads."""
        if self.advice:
            raise TypeError("a paging task is not stored; load it from its conditions")
        return Paging, ((), Meter(), None, self.prefixes)

    def substrate(self) -> "Paging":
        """Return what methods get: the engine and the prefixes."""
        return Paging(prefixes=self.training())

    oracle_substrate = substrate

    def warm(self) -> None:
        """Compile the engine once, for nobody: methods inherit its parts and need not make them."""
        engine(evict_any, ignore)

    def environment(self, case: Trace) -> Advice:
        """Return what the engine tells a policy request by request."""
        hints = self.of(case).hints
        return Advice(case, {kind: hints[kind] for kind in hints.keys() - SECRET})

    def oracle_environment(self, case: Trace) -> Advice:
        """Return the same with the true future."""
        return Advice(case, dict(self.of(case).hints))

    def enter(self, case: Trace, advice: Advice) -> None:
        """Take a case to be replayed in place of the one before."""
        hints = {kind: read_only(array) for kind, array in advice.hints.items()}
        self._known[:] = [Advice(case, hints)]

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

    def account(self, case: Trace, answer: Replay) -> Ints:
        """Return the faults (streams,) that were counted for an answer.

        Raises:
            MethodContractError: if the answer is not what `replay` returned last for this case,
                the case was also replayed in another way, or the meter was tampered with.
        """
        return self._judged(case, answer)

    def judge(self, case: Trace, faults: Ints) -> dict[str, float]:
        """Judge faults against Belady, LRU and the theorems on the same case."""
        return self.of(case).score(faults)

    def score(self, case: Trace, answer: Replay) -> dict[str, float]:
        """Judge a replay of this very object."""
        return self.judge(case, self.account(case, answer))


class _Tally(NamedTuple):
    """What was counted in a replay."""

    hints: Kind
    faults: Ints


def _same(one: _Tally, other: _Tally) -> bool:
    return one.hints == other.hints and np.array_equal(one.faults, other.faults)


def _says(answer: Replay, counted: _Tally) -> bool:
    return _same(_Tally(answer.hints, answer.faults), counted)


def _open_ledger(
    advice: list[Advice], meter: Meter, transcript: Transcript | None
) -> tuple[Callable[..., Replay], Callable[..., Ints]]:
    """Return what runs an order and what confirms an answer; they alone hold the ledger."""
    ledger: AnswerLedger[Replay, _Tally] = AnswerLedger(meter, WORDING, _says, _same)

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


def _of(known: list[Advice], case: Trace) -> Advice:
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
