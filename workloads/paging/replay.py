"""The task object: replays a policy over a case, counts, and scores what came of it.

`task.py` says what is measured and why; `cache.py` is the compiled engine this drives.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, cast

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.harness.task import Meter
from adabench.workloads.paging.cache import STACK, Evicts, Floats, Ints, Trouble, engine
from adabench.workloads.paging.future import Bits
from adabench.workloads.paging.hints import BITS, Advice, Kind
from adabench.workloads.paging.trace import COINS, Trace, child

Hook = Callable[..., None]
GUARD = 2
SENTINEL = -0x5AFE
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
    log: Bits
    """(T,) 1 where the first stream faulted; empty unless the task keeps logs."""
    trail: Ints
    """(T,) a fingerprint of the cache after each request of that stream; empty likewise."""


@dataclass(frozen=True)
class Paging:
    """The task: its cases, the counting cache, and the score."""

    advice: tuple[Advice, ...]
    keep_log: bool = False
    meter: Meter = field(default_factory=Meter)
    answers: dict[float, Replay] = field(default_factory=dict)
    """The last replay of each case, by instance: only these can be scored."""

    def cases(self) -> tuple[Trace, ...]:
        """Return the traces."""
        return tuple(advice.trace for advice in self.advice)

    def of(self, case: Trace) -> Advice:
        """Return what is known about a case.

        Raises:
            MethodContractError: if it is not a case of this task.
        """
        for advice in self.advice:
            if advice.trace is case:
                return advice
        raise MethodContractError("That trace is not a case of this task.", "Pass `case` on as is.")

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
        given = self.of(case).hints[hints]
        seeds = child(case.seed, COINS, case.group, _name(serve)).generate_state(streams, np.uint64)
        logged = len(case.pages) if self.keep_log else 0
        log, trail = np.zeros(logged, np.uint8), np.zeros(logged, np.int64)
        ledger = np.empty(STACK + case.slots, np.int64)
        slot_of, page_in = np.empty(case.n_pages, np.int32), np.empty(case.slots, np.int32)
        start = np.zeros(notes, np.int64) if isinstance(notes, int) else notes
        reports = np.zeros((streams, 4), np.int64)
        run = engine(fault, serve)
        for stream, seed in enumerate(seeds):
            noted = np.append(start, np.full(GUARD, SENTINEL))
            weighted = np.append(() if weights is None else weights, np.full(GUARD, 1.0 * SENTINEL))
            kept = slice(None) if stream == 0 else slice(0)
            run(
                case.pages, given, slot_of, page_in, ledger, noted, weighted,
                int(evicts), int(seed >> 1) | 1, reports[stream], log[kept], trail[kept],
            )  # fmt: skip
            _refuse_breach(_name(serve), case, reports[stream], noted, weighted)
        faults = reports[:, 0].copy()
        self._count(case, faults, int(reports[:, 1].sum()), hints)
        self.answers[case.instance] = Replay(case.instance, hints, faults, log, trail)
        return self.answers[case.instance]

    def _count(self, case: Trace, faults: Ints, evictions: int, hints: Kind) -> None:
        meter = cast(dict[str, float], self.meter)
        meter["faults"] += float(faults.mean())
        meter["evictions"] += evictions / len(faults)
        meter["requests"] += len(case.pages) * len(faults)
        meter["prediction_bits"] += BITS[hints]
        meter["streams"] += len(faults)

    def score(self, case: Trace, answer: Replay) -> dict[str, float]:
        """Judge a replay against Belady, LRU and the theorems on the same case.

        Raises:
            MethodContractError: if the answer is not what `replay` returned for this case.
        """
        if self.answers.get(case.instance) is not answer:
            raise MethodContractError(
                "The answer is not the task's own replay of this case.",
                "`solve` must return what `task.replay(case, ...)` returned last.",
            )
        advice = self.of(case)
        faults, requests = float(answer.faults.mean()), len(case.pages)
        opt, lru, k = advice.hindsight.opt, advice.hindsight.lru, case.slots
        harmonic = sum(1 / i for i in range(1, k + 1))
        streams = len(answer.faults)
        values = {
            "hit_ratio": 1 - faults / requests,
            "slots": k,
            "faults_se": float(answer.faults.std(ddof=1)) / streams**0.5 if streams > 1 else 0.0,
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


def _name(hook: Hook) -> str:
    """Return the last part of the name of the module a hook is from: its method.

    Raises:
        MethodContractError: if it is not a compiled hook.
    """
    function = getattr(hook, "py_func", None)
    if function is None:
        raise MethodContractError(f"{hook!r} is not compiled.", "Put `@hook` above it.")
    return str(function.__module__).rpartition(".")[2]


def _refuse_breach(name: str, case: Trace, report: Ints, notes: Ints, weights: Floats) -> None:
    """Raise if the engine stopped early, or the policy wrote beyond its notes."""
    trouble, request = Trouble(report[2]), int(report[3])
    if trouble is not Trouble.NONE:
        raise MethodContractError(
            f"{name} {BREACHES[trouble]}, at request {request} of {case.group}.",
            "cache.py says what `fault` and `serve` may do; `evicts=` names the contract.",
        )
    if (notes[-GUARD:] != SENTINEL).any() or (weights[-GUARD:] != SENTINEL).any():
        raise MethodContractError(
            f"{name} wrote beyond its notes or weights on {case.group}.",
            "Ask `replay` for more of them: `notes=`, `weights=`.",
        )
