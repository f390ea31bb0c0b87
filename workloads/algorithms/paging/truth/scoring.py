"""What the faults of a policy are worth, held against the optimum and the theorems on the same trace."""

from collections.abc import Sequence

from adabench.workloads.algorithms.paging.substrate.cache_engine import Ints
from adabench.workloads.algorithms.paging.substrate.predictions import Advice
from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.truth.hindsight import KnownAdvice
from adabench.workloads.shared.counting.counted_task import Transcript


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
