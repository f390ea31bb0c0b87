"""Paging: which page leaves a full cache, when each request comes with a prediction.

A case is a trace of page requests; the cache holds `slots` pages; a request for a page
that is not there is a fault and costs 1. A method hands two compiled hooks to
`Paging.replay`, which runs the trace and counts (`cache_engine.py` has the contract).

    def solve(task, case, point):
        return task.replay(case, fault, serve)

**What is given to everybody alike.** The traces (`traces.py`), the cache size, the hints and
their errors (`predictions.py`), the coins of each method's random streams. Conditions spoil the
hints, so robustness is a sweep over the task and not a knob of a method.

**What is scored.** `hit_ratio`; `ratio` = faults / OPT with OPT by Belady on the same trace
and cache size, cold misses included on both sides; `gain`, the hit ratio with LRU at 0 and
Belady at 1 (absent where they do not differ); and the right-hand sides of the theorems
for that very run, so that a bound is checked and not quoted:

    flush_bound   OPT + (k - 1) eta0 + eta1          discard bits
    mark0_bound   OPT + 2 H_k eta0 + eta1            discard bits, expected faults
    phase_bound   2 OPT + H_k eta0 + eta1            phase bits, expected faults
    robust_bound  (2 H_k + 1) OPT                    any bits, expected faults

**The budget.** The oracle gap is measured on the plane slots x hit ratio: the resource that every
policy is handed against what it makes of it. The prediction bits are a cost beside it.

    adabench run paging/* --set trace=requests.csv:url

reads a trace of yours (`trace_reader.py`); `--set trace=zipf` runs one family.

**A limitation.** Seeds are counted as independent replicates, and not all are: a trace of
yours is identical in every seed, so its interval covers prediction noise and coins alone, and
the windows of the docs trace overlap by half at the least, so its interval is too narrow.
"""

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.paging.conformance import check
from adabench.workloads.algorithms.paging.substrate.replay import Paging
from adabench.workloads.algorithms.paging.substrate.trace_reader import read_trace
from adabench.workloads.algorithms.paging.substrate.traces import FAMILIES
from adabench.workloads.algorithms.paging.truth.hindsight import advise, family_hindsight, hindsight

CARD = Card(
    title="Paging with one-bit predictions",
    paper="Paging with Succinct Predictions, arXiv 2210.02775, ICML 2023",
    adapts="which page is evicted, on one predicted bit per request",
    budget="slots",
    no_speedup="latency here is the policy's bookkeeping: no page is fetched, so slots and "
    "faults that were saved cannot become time",
    gaps=(
        Gap(
            mixture=("fifo", "lru", "marker", "random_eviction"),
            methods=(
                "blind_oracle",
                "combiner",
                "flush",
                "learned_bits",
                "mark0",
                "mark_and_predict",
                "shuffled_bits",
            ),
            oracle="belady",
            coin="shuffled_bits",
        ),
    ),
    knobs=(
        Knob("noise", (0.0, 0.01, 0.05, 0.1, 0.3, 0.5, 1.0), 0.1, open=True, low=0.0, high=1.0),
        Knob("flips", ("symmetric", "rise", "fall", "bursty"), "symmetric"),
        Knob("slots", (50, 100, 200), 100, open=True, low=1),
        Knob("requests", (200000,), 200000, open=True, low=1),
        Knob("trace", ("suite",), "suite", open=True),
    ),
    metrics=(
        Metric("hit_ratio", "", "higher", "quality", primary=True),
        Metric("slots", "pages", "lower", "work", primary=True),
        Metric("faults", "faults", "lower", "cost"),
        Metric("ratio", "", "lower", "cost"),
        Metric("prediction_bits", "bit/request", "lower", "cost"),
        Metric("evictions", "pages", "lower", "work"),
        Metric("requests", "requests", "lower", "work"),
        Metric("gain", "", "higher", "quality"),
        Metric("faults_se", "faults", "lower", "info"),
        Metric("streams", "streams", "higher", "info"),
        Metric("opt", "faults", "lower", "info"),
        Metric("eta0", "bits", "lower", "info"),
        Metric("eta1", "bits", "lower", "info"),
        Metric("eta0_phase", "bits", "lower", "info"),
        Metric("eta1_phase", "bits", "lower", "info"),
        Metric("flush_bound", "faults", "higher", "info"),
        Metric("mark0_bound", "faults", "higher", "info"),
        Metric("phase_bound", "faults", "higher", "info"),
        Metric("robust_bound", "faults", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"requests": 4000}

__all__ = ["CARD", "CHECK_CONDITIONS", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    noise: float = 0.1,
    flips: str = "symmetric",
    slots: int = 100,
    requests: int = 200000,
    trace: str = "suite",
) -> Paging:
    """Return the task under the given conditions.

    Raises:
        SelectionError: if `trace` is neither a family nor a readable file.
    """
    if scale != "embedded":
        raise SelectionError(f"paging has no scale {scale!r}.", "It runs at `embedded`.")
    if trace == "suite" or trace in FAMILIES:
        names = tuple(FAMILIES) if trace == "suite" else (trace,)
        seen = tuple(family_hindsight(name, requests, slots, seed) for name in names)
    else:
        seen = (hindsight(read_trace(trace, slots, seed)),)
    return Paging(tuple(advise(one, noise, flips) for one in seen))
