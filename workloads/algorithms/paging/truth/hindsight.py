"""The truth about a trace, the predictions that are made of it, and what faults are worth against it.

`hindsight(trace)` computes the truth (Belady's faults, next uses, true bits); `advise` spoils it by the task's
conditions, once, before anything runs, and counts the errors made: eta0 bits say 0 and should say 1, eta1 bits
say 1 and should say 0.

Flips: *symmetric* flips every bit at the noise rate; *rise* only 0 -> 1 and *fall* only 1 -> 0, at that rate among
the bits that can; *bursty* flips all bits of bursts (geometric, 100 requests on average) that cover the trace at
that rate. The uniform draws do not depend on the rate, so a bit spoilt at 1 % is spoilt at 10 % too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.algorithms.paging.substrate.cache_engine import Bits, Ints, Pages, compiled
from adabench.workloads.algorithms.paging.substrate.furthest_use import evict_largest, next_use
from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.substrate.traces import (
    NOISE,
    Advice,
    Kind,
    Trace,
    generate,
)
from adabench.workloads.shared.counting.counted_task import Transcript
from adabench.workloads.shared.counting.random_streams import child, read_only

BURST = 100.0
"""Mean length of a burst of flips, in requests."""
CACHED_REQUESTS = 10**6
"""Longer traces are made anew each time rather than pile up in memory (2 MB per 200,000)."""


@dataclass(frozen=True)
class Hindsight:
    """What only the whole trace tells."""

    trace: Trace
    opt: int
    """Belady's faults with `trace.slots` slots."""
    lru: int
    """LRU's faults, the zero of `gain`."""
    next_use: Pages
    discard: Bits
    phase: Bits


@dataclass(frozen=True)
class KnownAdvice(Advice):
    """The hints of one case, the truth that they were made of, and the errors in them."""

    hindsight: Hindsight
    eta0: int
    eta1: int
    eta0_phase: int
    eta1_phase: int


def hindsight(trace: Trace) -> Hindsight:
    """Compute the truth about a trace. Pure; O(T log k)."""
    pages, k, n = trace.pages, trace.slots, trace.n_pages
    ahead = next_use(pages, n)
    opt, discard = evict_largest(pages, ahead, k, n)
    lru, _ = evict_largest(pages, np.arange(len(pages), 0, -1, dtype=np.int32), k, n)
    return Hindsight(trace, int(opt), int(lru), ahead, discard, phase_bits(pages, k, n))


def family_hindsight(family: str, requests: int, slots: int, seed: int) -> Hindsight:
    """Return the hindsight of a generated trace; many cells share it, so short ones are kept."""
    make = _family_hindsight if requests <= CACHED_REQUESTS else _family_hindsight.__wrapped__
    return make(family, requests, slots, seed)


@lru_cache(maxsize=32)
def _family_hindsight(family: str, requests: int, slots: int, seed: int) -> Hindsight:
    return hindsight(generate(family, requests, slots, seed))


def flips(kind: str, rate: float, requests: int, seed: np.random.SeedSequence) -> NDArray[np.bool_]:
    """Return (requests,) where a bit that may be flipped is flipped."""
    rng = np.random.default_rng(seed)
    if kind != "bursty":
        return rng.random(requests) < rate
    if rate in (0.0, 1.0):
        return np.full(requests, rate == 1.0)
    burst = max(BURST, rate / (1 - rate))
    gap = burst * (1 - rate) / rate
    pairs = 2 + int(2 * requests / (burst + gap)) + 20
    lengths = np.column_stack((rng.geometric(1 / gap, pairs), rng.geometric(1 / burst, pairs)))
    states = np.repeat(np.tile([False, True], pairs), lengths.ravel())
    start = rng.integers(max(1, min(len(states) - requests, int(burst + gap))))
    return np.resize(states[start:], requests)


def spoil(truth: Bits, flipped: NDArray[np.bool_], kind: str) -> Bits:
    """Return the bits with those flipped that `kind` allows."""
    if kind == "rise":
        return truth | flipped
    if kind == "fall":
        return truth & ~flipped
    return truth ^ flipped


def errors(given: Bits, truth: Bits) -> tuple[int, int]:
    """Return (eta0, eta1)."""
    return int(np.count_nonzero(given < truth)), int(np.count_nonzero(given > truth))


def advise(seen: Hindsight, noise: float, kind: str) -> KnownAdvice:
    """Spoil the hints of one case at rate `noise`. Pure: the seeds are the trace's."""
    trace = seen.trace
    requests = len(trace.pages)

    def draw(purpose: str) -> np.random.SeedSequence:
        return child(trace.seed, NOISE, trace.group, purpose)

    discard = spoil(seen.discard, flips(kind, noise, requests, draw("discard")), kind)
    phase = spoil(seen.phase, flips(kind, noise, requests, draw("phase")), kind)
    shuffled = np.random.default_rng(draw("shuffled")).permutation(discard)
    hints: dict[Kind, Pages] = {
        "none": np.zeros(0, np.int32),
        "discard": discard.astype(np.int32),
        "phase": phase.astype(np.int32),
        "shuffled": shuffled.astype(np.int32),
        "arrival": _arrivals(seen.next_use, noise, draw("arrival")),
        "next": seen.next_use,
    }
    fixed = MappingProxyType({name: read_only(array) for name, array in hints.items()})
    found = (*errors(discard, seen.discard), *errors(phase, seen.phase))
    return KnownAdvice(trace, fixed, seen, *found)


def _arrivals(next_use: Pages, noise: float, seed: np.random.SeedSequence) -> Pages:
    """Return next uses, each with another request's gap at rate `noise`."""
    rng = np.random.default_rng(seed)
    wrong = np.flatnonzero(rng.random(len(next_use)) < noise)
    gaps = next_use - np.arange(len(next_use), dtype=np.int32)
    arrivals = next_use.copy()
    arrivals[wrong] = wrong + gaps[rng.integers(len(gaps), size=len(wrong))]
    return arrivals


@compiled
def phase_bits(pages: Pages, slots: int, n_pages: int) -> Bits:
    """Return, for each request, 0 iff its page is requested in the *following* k-phase.

    A k-phase is a maximal run with at most `slots` distinct pages. The phases are those of
    the input; no algorithm's faults enter. In the last phase every bit is 1.
    """
    phase_of = np.empty(len(pages), np.int32)
    seen = np.full(n_pages, -1, np.int32)
    phase, distinct = 0, 0
    for i in range(len(pages)):
        if seen[pages[i]] != phase:
            if distinct == slots:
                phase, distinct = phase + 1, 0
            seen[pages[i]] = phase
            distinct += 1
        phase_of[i] = phase
    return _absent_in_next(pages, phase_of, n_pages)


@compiled
def _absent_in_next(pages: Pages, phase_of: Pages, n_pages: int) -> Bits:
    """Return 0 where the page occurs in the phase after the request's own, else 1."""
    bits = np.ones(len(pages), np.uint8)
    seen = np.full(n_pages, -1, np.int32)
    first = len(pages)
    while first > 0:
        last = first
        phase = phase_of[last - 1]
        while first > 0 and phase_of[first - 1] == phase:
            first -= 1
            bits[first] = seen[pages[first]] != phase + 1
        for i in range(first, last):
            seen[pages[i]] = phase
    return bits


def scored_task(worlds: Sequence[KnownAdvice], transcript: Transcript | None = None) -> Paging:
    """Return the task of these traces, with its score."""
    return Paging(worlds, score, transcript)


def known_advice(world: Advice) -> KnownAdvice:
    """Return a world of the run's own process, which holds the truth."""
    assert isinstance(world, KnownAdvice)
    return world


def score(world: Advice, faults: Ints) -> dict[str, float]:
    """Judge the faults (streams,) of a policy against Belady, LRU and the theorems."""
    known = known_advice(world)
    mean, requests, streams = float(faults.mean()), len(known.trace.pages), len(faults)
    opt, lru, k = known.hindsight.opt, known.hindsight.lru, known.trace.slots
    harmonic = sum(1 / i for i in range(1, k + 1))
    values = {
        "hit_ratio": 1 - mean / requests,
        "slots": k,
        "faults_se": float(faults.std(ddof=1)) / streams**0.5 if streams > 1 else 0.0,
        "ratio": mean / opt,
        "opt": opt,
        "eta0": known.eta0,
        "eta1": known.eta1,
        "eta0_phase": known.eta0_phase,
        "eta1_phase": known.eta1_phase,
        "flush_bound": opt + (k - 1) * known.eta0 + known.eta1,
        "mark0_bound": opt + 2 * harmonic * known.eta0 + known.eta1,
        "phase_bound": 2 * opt + harmonic * known.eta0_phase + known.eta1_phase,
        "robust_bound": (2 * harmonic + 1) * opt,
        "instance": known.trace.instance,
    }
    if lru != opt:
        values["gain"] = (lru - mean) / (lru - opt)
    return {name: float(value) for name, value in values.items()}
