"""The task object: replays a policy over a case and counts.

`task.py` says what is measured and why; `cache_engine.py` is the compiled engine this drives.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

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
from adabench.workloads.algorithms.paging.substrate.traces import (
    BITS,
    COINS,
    SECRET,
    Advice,
    Kind,
    Trace,
    prefix,
)
from adabench.workloads.shared.compiled.hooks import Hook, guarded, intact, method_of, stream_of
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run
from adabench.workloads.shared.counting.random_streams import child, read_only

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


class Heard(NamedTuple):
    """What a listener hears of the first stream of a replay."""

    log: Bits
    """(T,) 1 where it faulted."""
    trail: Ints
    """(T,) a fingerprint of the cache after each request."""


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


class Paging(CountedTask[Trace, Advice, Order, Replay, Replay, Ints]):
    """The task: its cases and the counting cache. An outcome is the faults, (streams,)."""

    wording = WORDING
    noun = "trace"

    @staticmethod
    def case_of(world: Advice) -> Trace:
        """Return the trace."""
        return world.trace

    @staticmethod
    def run_in(world: Advice, order: Order, *, listened: bool) -> Run[Replay, Replay]:
        """Run a policy on every coin stream."""
        reports, heard = _replayed(world, order, listened=listened)
        answer = Replay(world.trace.instance, order.hints, read_only(reports[:, 0]))
        added = _added(world.trace, answer.faults, int(reports[:, 1].sum()), order.hints)
        return Run(answer, replace(answer), added, heard)

    @staticmethod
    def outcome(world: Advice, counted: Replay) -> Ints:
        """Return the faults (streams,)."""
        return counted.faults

    @staticmethod
    def revealed(world: Advice, *, oracle: bool) -> Advice:
        """Return what the engine tells request by request; the true future for oracles alone."""
        told = world.hints.keys() - (frozenset() if oracle else SECRET)
        return Advice(world.trace, {kind: world.hints[kind] for kind in told})

    @staticmethod
    def entered(world: Advice) -> Advice:
        """Freeze the hints."""
        return Advice(world.trace, {kind: read_only(told) for kind, told in world.hints.items()})

    def training(self) -> tuple[Trace, ...]:
        """Return the first fifth of each trace, which may be learned from."""
        return self.examples or tuple(prefix(trace) for trace in self.known)

    def warm(self) -> None:
        """Compile the engine once, for nobody: methods inherit its parts and need not make them."""
        engine(evict_any, ignore)

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
        return self.count(case, Order(fault, serve, start, floats, hints, evicts, streams))


def _replayed(advice: Advice, order: Order, *, listened: bool) -> tuple[Ints, Heard]:
    """Run an order on every coin stream; return (streams, 4) reports of the engine."""
    case, name = advice.trace, method_of(order.serve)
    if order.hints not in advice.hints:
        raise MethodContractError(
            f"{name} asks for hints {order.hints!r} on {case.group}.",
            "True next uses are for oracles: say role='oracle' in the card.",
        )
    stream_seed = child(case.seed, COINS, case.group, stream_of(order.serve))
    seeds = stream_seed.generate_state(order.streams, np.uint64)
    logged = len(case.pages) if listened else 0
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
    return reports, Heard(log, trail)


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
