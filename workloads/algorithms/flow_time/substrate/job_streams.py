"""The instances: streams of jobs, each a sequence of operations.

| family | jobs | here for |
|---|---|---|
| pareto | 1..m operations, Pareto(1.5) | friendly: heavy tails |
| exp | 1..m operations, exponential | friendly |
| trap | operations of 0.1; the last is 100 with probability 0.1 | hostile to rules on work done |
| test | a test of length 1, then Pareto(1.2) | the case of the theorem |
| geom | operation i has size 2^i; it is the last with probability 1/2 | control: separates none |
| tight_one | 100 jobs at time 0: test 1, main 1 + e | op-SRPT's ratio tends to 1.5 |
| tight | the same, then jobs (1, e) at rate 1 | it tends to 2 |
| hide | a fifth of the jobs have m operations of 0.9, others one of 1 | hostile to op-SRPT |
| burst | 60 jobs of m operations of 0.99 at time 0, then a job of 1 per unit | hostile to op-SRPT |
| search | 8 small jobs with tests, the worst for op-SRPT of many drawn | near the bound of 2 |
| service | stages of an agent's or a pipeline's work, log-normal | looks like a service |

The number of operations is uniform in 1..m, arrivals are Poisson, and `load` is the share of
time the machine is busy: it sets the rate of the arrivals, by the sizes that were drawn.
`tight_one`, `tight`, `hide`, `burst` and `search` are constructions and have a load of their
own, `hide` 0.97; in `test`, the two `tight` and `search` a job has two operations whatever m is,
and `hide` and `burst` have at most 2,000 jobs.

No warm-up is cut off, and a run ends when the last job is done: every job counts.

Generators are pure functions of (family, jobs, m, load, seed). Every purpose draws from its own
child of `SeedSequence(seed)`, and all methods see the same instance. Numbers are put on a grid
of 2^-20.

**Seeds are not always replicates.** `burst` is the same in every seed: it has no interval. Of
`tight_one` and `tight` only e is drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from adabench.workloads.algorithms.flow_time.substrate.exhaustive_search import worst_small
from adabench.workloads.algorithms.flow_time.substrate.policy_view import Floats, Ints
from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays, content_number
from adabench.workloads.shared.counting.random_streams import child, read_only

INSTANCE, NOISE, COINS, ALGORITHM = 0, 1, 2, 3
GRID = 2.0**20
"""Ticks in a unit of time."""
CONSTRUCTED = 2000
"""Jobs at most in `hide` and `burst`."""
LONG, LONG_PIECE, HIDDEN_PIECE = 60, 0.99, 0.9
HIDE_LOAD = 0.97
TESTED = 100
"""Jobs at time 0 in the two `tight` families."""


@dataclass(frozen=True)
class Case:
    """What a method knows of an instance before time begins: nothing of its sizes."""

    group: str
    """The family, or the file name of a user's log."""
    n_jobs: int
    m: int
    """At most so many operations a job."""
    seed: int
    instance: float
    """The first 52 bits of a SHA-256 over the arrays: equal streams, equal numbers."""


@dataclass(frozen=True)
class Stream(FrozenArrays):
    """One instance, sizes and all; the task keeps it to itself."""

    case: Case
    arrive: Floats
    """(n,) rising, read-only."""
    first: Ints
    """(n + 1,) where a job's operations begin in `ops`."""
    ops: Floats
    """(operations,) sizes."""
    guessed: Floats
    """(n,) totals that estimates are made of: the true ones, unless a check replaced sizes."""
    open_totals: bool = True
    """Whether a policy may be told the true totals at arrival."""

    @cached_property
    def totals(self) -> Floats:
        """Return the size of each job: (n,)."""
        sums: Floats = np.add.reduceat(self.ops, self.first[:-1])
        return read_only(sums)

    @cached_property
    def information(self) -> float:
        """Return the mean share of a job's size that is known when it arrives."""
        return float((self.ops[self.first[:-1]] / self.totals).mean())


Drawn = tuple[Floats, Ints, Floats]
"""Arrivals (n,), operations a job (n,), sizes (operations,)."""
Kind = Literal["friendly", "hostile", "control"]


def on_grid(values: Floats, least: float = 0.0) -> Floats:
    """Round to the grid, to `least` ticks at the least."""
    return np.maximum(np.rint(np.asarray(values, np.float64) * GRID), least) / GRID


def make_stream(
    group: str, arrive: Floats, counts: Ints, sizes: Floats, m: int, seed: int
) -> Stream:
    """Sort jobs by arrival, put all on the grid, freeze, and give the stream its content hash."""
    order = np.argsort(arrive, kind="stable")
    first = np.append(0, np.cumsum(counts)).astype(np.int64)
    if (order[1:] < order[:-1]).any():
        sizes = np.concatenate([sizes[first[job] : first[job + 1]] for job in order])
        first = np.append(0, np.cumsum(np.asarray(counts)[order])).astype(np.int64)
    arrive, ops = on_grid(np.asarray(arrive)[order]), on_grid(sizes, least=1.0)
    case = Case(group, len(arrive), m, seed, content_number(arrive, first, ops))
    totals = np.add.reduceat(ops, first[:-1])
    return Stream(case, read_only(arrive), read_only(first), read_only(ops), read_only(totals))


def generate(family: str, jobs: int, m: int, load: float, seed: int) -> Stream:
    """Return one family's stream. Pure."""
    rng = np.random.default_rng(child(seed, INSTANCE, family, m))
    arrive, counts, sizes = FAMILIES[family](rng, jobs, m, load)
    return make_stream(family, arrive, counts, sizes, m, seed)


def poisson(rng: np.random.Generator, counts: Ints, sizes: Floats, load: float) -> Drawn:
    """Let jobs arrive so that their drawn work keeps the machine busy for a share `load`."""
    gaps = rng.exponential(1.0, len(counts))
    return np.cumsum(gaps) * sizes.sum() / len(counts) / load, counts, sizes


def _pareto(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    counts = rng.integers(1, m + 1, jobs)
    return poisson(rng, counts, 1 + rng.pareto(1.5, counts.sum()), load)


def _exp(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    counts = rng.integers(1, m + 1, jobs)
    return poisson(rng, counts, rng.exponential(1.0, counts.sum()), load)


def _trap(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    counts = rng.integers(1, m + 1, jobs)
    sizes = np.full(counts.sum(), 0.1)
    sizes[np.cumsum(counts)[rng.random(jobs) < 0.1] - 1] = 100.0
    return poisson(rng, counts, sizes, load)


def _test(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    sizes = np.ones(2 * jobs)
    sizes[1::2] = 1 + rng.pareto(1.2, jobs)
    return poisson(rng, np.full(jobs, 2), sizes, load)


def _geom(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    counts = np.minimum(rng.geometric(0.5, jobs), m)
    index = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return poisson(rng, counts, 2.0**index, load)


def _tight_one(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    tested = min(TESTED, jobs)
    sizes = np.tile((1.0, 1.0 + rng.uniform(0.001, 0.01)), tested)
    return np.zeros(tested), np.full(tested, 2), sizes


def _tight(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    """After part one, which ends its tests at time n, a job (1, e) each unit and a bit."""
    early, counts, sizes = _tight_one(rng, jobs, m, load)
    stream, small = jobs - len(early), 1 / GRID
    late = len(early) + np.arange(stream) * (1.0 + small)
    return (
        np.append(early, late),
        np.append(counts, np.full(stream, 2)),
        np.append(sizes, np.tile((1.0, small), stream)),
    )


def _hide(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    jobs = min(jobs, CONSTRUCTED)
    counts = np.where(rng.random(jobs) < 0.2, m, 1)
    hidden = np.repeat(counts, counts) > 1 if m > 1 else np.zeros(jobs, np.bool_)
    return poisson(rng, counts, np.where(hidden, HIDDEN_PIECE, 1.0), HIDE_LOAD)


def _burst(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    jobs = min(jobs, CONSTRUCTED)
    long = min(LONG, jobs)
    counts = np.append(np.full(long, m), np.ones(jobs - long, np.int64))
    sizes = np.append(np.full(long * m, LONG_PIECE), np.ones(jobs - long))
    return np.append(np.zeros(long), np.arange(jobs - long)), counts, sizes


def _search(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    return worst_small(rng)


def _service(rng: np.random.Generator, jobs: int, m: int, load: float) -> Drawn:
    """Plan (median 1), then tool calls (median 0.5, widely spread), last an answer (median 2)."""
    counts = rng.integers(1, m + 1, jobs)
    ends = np.cumsum(counts)
    median, spread = np.full(ends[-1], 0.5), np.full(ends[-1], 1.2)
    for at, its_median, its_spread in ((ends - counts, 1.0, 0.6), (ends - 1, 2.0, 0.8)):
        median[at], spread[at] = its_median, its_spread
    return poisson(rng, counts, median * np.exp(spread * rng.standard_normal(ends[-1])), load)


FAMILIES: dict[str, Callable[[np.random.Generator, int, int, float], Drawn]] = {
    "pareto": _pareto,
    "exp": _exp,
    "trap": _trap,
    "test": _test,
    "geom": _geom,
    "tight_one": _tight_one,
    "tight": _tight,
    "hide": _hide,
    "burst": _burst,
    "search": _search,
    "service": _service,
}
KINDS: dict[str, Kind] = {
    "pareto": "friendly",
    "exp": "friendly",
    "test": "friendly",
    "service": "friendly",
    "trap": "hostile",
    "tight_one": "hostile",
    "tight": "hostile",
    "hide": "hostile",
    "burst": "hostile",
    "search": "hostile",
    "geom": "control",
}
UNIFORM_TESTS = frozenset(("test", "tight_one", "tight", "search"))
"""Families whose jobs are one test of one length and one further operation."""
