"""A case is a service whose capacity is set ahead of its demand: its past, and how it is served.

| family | what its demand is | why it is here |
|---|---|---|
| bursts | a day's and a week's rhythm, and bursts of Pareto heights that fade | friendly: a tail that no Gaussian has |
| drift  | the same, whose level, noise and bursts change for good, twice | hostile: what was learned goes stale |
| jobs   | jobs of Pareto length on a machine that saturates; some readings are missing | a tail of another kind |
| calm   | the rhythm under Gaussian noise, without bursts | control: nothing there for a flow |

Five indicators follow each other in three levels: requests; network and memory; disk and the load itself.
A part of the load of a slot are requests of the slot before, so requests tell of it what its own past does not.
A day has 288 slots of five minutes. `PAST` days are known, the days after them are served.
Neither a step nor a burst is drawn as a flow draws: heights are Pareto's, times Poisson's, levels jump.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from adabench.workloads.shared.counting.frozen_arrays import FrozenArrays, content_number
from adabench.workloads.shared.counting.random_streams import child, read_only

Floats = NDArray[np.float64]
DAY = 288
"""Slots."""
PAST = 28
"""Days that are known of a generated service before the first one is served."""
INSTANCE, TRAIN, COINS = 0, 1, 2
"""What seeds are drawn for."""
LEVELS = (1, 2, 2, 3, 3)
"""Of requests, network, memory, disk and load."""
LAGGED = 0.4
"""The part of a slot's load that are requests of the slot before."""
MISSING = 0.01


@dataclass(frozen=True)
class Service(FrozenArrays):
    """A case: what is known of a service before its first slot is served."""

    group: str
    """The family, or the name of the trace."""
    past: Floats
    """(T0, N) readings of its indicators, the load in the last column; missing ones carried forward."""
    levels: tuple[int, ...]
    """(N,) the level of each indicator in the hierarchy, from 1 on."""
    slots: int
    """How many are served."""
    delay: int
    """Slots from a decision to the capacity: the load of slot t is forecast from slots up to t - delay."""
    eps: float
    """The share of slots whose load may exceed their capacity."""
    unit: float
    """Capacity comes in multiples of it; 0: in any amounts."""
    day: int
    """Slots in a day."""
    familiar: bool
    """Whether shipped networks were trained on services that are drawn and served like it."""
    seed: int
    instance: float
    """The first 52 bits of a SHA-256 over all readings and how they are served."""


@dataclass(frozen=True)
class Demand(FrozenArrays):
    """A world: a service and what becomes of it."""

    case: Service
    future: Floats
    """(slots, N), revealed slot by slot."""
    there: NDArray[np.bool_]
    """(slots,) whether the load was read at all."""
    told: bool = True
    """Whether who runs it may be told the future at once."""


@dataclass(frozen=True)
class Terms:
    """How a service is served."""

    eps: float = 0.01
    delay: int = 1
    instances: int = 0
    """How many the peak of the past takes; 0: capacity comes in any amounts."""
    day: int = DAY
    seed: int = 0


def make_demand(
    group: str,
    readings: Floats,
    levels: tuple[int, ...],
    known: int,
    terms: Terms,
    *,
    generated: bool = False,
) -> Demand:
    """Freeze readings (T, N), the load last; the first `known` are the past. A NaN is a missing reading."""
    there = ~np.isnan(readings[known:, -1])
    whole = carry_forward(readings)
    peak, seed = float(whole[:known, -1].max()), terms.seed
    eps, delay, day = terms.eps, terms.delay, terms.day
    unit = peak / terms.instances if terms.instances else 0.0
    words = np.array([known, delay, day, eps, unit, *levels])
    case = Service(
        group, read_only(whole[:known]), levels, len(whole) - known, delay, eps, unit, day,
        generated and delay == 1, seed, content_number(whole, there, words),
    )  # fmt: skip
    return Demand(case, read_only(whole[known:]), read_only(there))


def carry_forward(readings: Floats) -> Floats:
    """Return readings (T, N) with each missing one replaced by the last, or at first by the next."""
    rows = np.arange(len(readings))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(readings), -1, rows), axis=0)
    first = np.argmax(~np.isnan(readings), axis=0)
    return np.take_along_axis(readings, np.where(last < 0, first, last), axis=0)


def generate(family: str, days: int, seed: int, purpose: int = INSTANCE) -> Floats:
    """Return readings (T, 5) of `PAST` known days and `days` more; NaN where missing. Pure."""
    rng = np.random.default_rng(child(seed, purpose, family))
    slots = (PAST + days) * DAY
    requests = FAMILIES[family](rng, slots)
    return _indicators(rng, requests, family == "jobs", calm=family == "calm")


def rhythm(rng: np.random.Generator, slots: int) -> Floats:
    """Return a service's mean demand (T,) about 1: two harmonics of a day, and weekends."""
    t = np.arange(slots) / DAY
    found: Floats = np.ones(slots)
    for harmonic, height in ((1, 0.3), (2, 0.12)):
        phase = rng.uniform(0, 2 * np.pi)
        found += rng.uniform(0.5, 1) * height * np.sin(2 * np.pi * harmonic * t + phase)
    return np.where(t % 7 < 5, found, found * rng.uniform(0.7, 0.95))


def bursts(rng: np.random.Generator, slots: int, a_day: Floats, height: float) -> Floats:
    """Return what bursts add (T,): they begin at random, rise at once or in two slots, and fade."""
    found = np.zeros(slots)
    for start in np.flatnonzero(rng.random(slots) < a_day / DAY):
        high, fade = min(height * (rng.pareto(1.8) + 0.3), 2.5), rng.uniform(2, 12)
        after = np.arange(min(slots - int(start), 80))
        shape = np.exp(-after / fade)
        shape[0] *= rng.choice((0.4, 1.0))
        found[start : start + len(after)] += high * shape
    return found


def wander(rng: np.random.Generator, slots: int, spread: Floats, memory: float) -> Floats:
    """Return Gaussian noise (T,) of a standard deviation (T,) that remembers."""
    steps = rng.standard_normal(slots) * np.sqrt(1 - memory**2)
    steps[0] /= np.sqrt(1 - memory**2)
    return smoothed(steps, memory) * spread


def smoothed(steps: Floats, memory: float) -> Floats:
    """Return x (T,) with x[t] = memory * x[t - 1] + steps[t]."""
    found: Floats = lfilter([1.0], [1.0, -memory], steps)
    return found


def _bursts(rng: np.random.Generator, slots: int) -> Floats:
    calm = rhythm(rng, slots) * np.exp(wander(rng, slots, np.full(slots, 0.08), 0.97))
    return calm * (1 + bursts(rng, slots, np.full(slots, 6.0), 0.25))


def _drift(rng: np.random.Generator, slots: int) -> Floats:
    """Change for good once in the known days and once while being served."""
    known = PAST * DAY
    served = known + rng.integers(1, 5) * (slots - known) // 8
    edges = np.array([rng.integers(known // 3, known * 2 // 3), served])
    regime = np.searchsorted(edges, np.arange(slots, dtype=np.int64), side="right")
    level = np.array([1.0, rng.uniform(1.2, 1.5), rng.uniform(1.7, 2.2)])[regime]
    rate = np.array([4.0, 6.0, 14.0])[regime]
    spread = np.array([0.06, 0.08, 0.13])[regime]
    calm: Floats = rhythm(rng, slots) * level * np.exp(wander(rng, slots, spread, 0.97))
    return calm * (1 + bursts(rng, slots, rate, 0.25))


def _jobs(rng: np.random.Generator, slots: int) -> Floats:
    """Count jobs at work: they come at the rhythm's rate and stay for a Pareto time."""
    arriving = rng.poisson(3 * rhythm(rng, slots))
    starts = np.repeat(np.arange(slots), arriving)
    ends = starts + 1 + np.minimum(2 * rng.pareto(1.5, len(starts)), DAY).astype(np.int64)
    sizes = 0.5 + 0.5 * rng.pareto(2.5, len(starts))
    change = np.zeros(slots + 1)
    np.add.at(change, starts, sizes)
    np.add.at(change, np.minimum(ends, slots), -sizes)
    found: Floats = np.cumsum(change)[:slots] / 15
    return found


def _calm(rng: np.random.Generator, slots: int) -> Floats:
    return rhythm(rng, slots) + wander(rng, slots, np.full(slots, 0.08), 0.9)


FAMILIES: Mapping[str, Callable[[np.random.Generator, int], Floats]] = {
    "bursts": _bursts, "drift": _drift, "jobs": _jobs, "calm": _calm,
}  # fmt: skip


def _indicators(rng: np.random.Generator, requests: Floats, lossy: bool, *, calm: bool) -> Floats:
    """Return requests, network, memory, disk and load, each made of those before it: (T, 5)."""
    slots = len(requests)

    def noisy(values: Floats, spread: float) -> Floats:
        jitter = rng.standard_normal(slots) if calm else rng.standard_t(4, slots) / np.sqrt(2)
        return np.maximum(values, 0.02) * np.maximum(1 + spread * jitter, 0.3)

    before = np.append(requests[0], requests[:-1])
    load = noisy((1 - LAGGED) * requests + LAGGED * before, 0.04)
    if lossy:
        load = 2.2 * np.tanh(load / 2.2)
    memory = smoothed(np.append(load[0], 0.05 * load[1:]), 0.95)
    network = noisy(0.8 * requests + 0.1, 0.1)
    disk = noisy(0.3 * load + 0.5 * memory, 0.15)
    found = np.column_stack([noisy(requests, 0.03), network, noisy(memory, 0.01), disk, load])
    if lossy:
        found[rng.random(found.shape) < MISSING] = np.nan
    return found
