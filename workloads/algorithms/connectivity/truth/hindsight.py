"""What only the whole stream tells, and the predictions that are made of it.

A prediction comes with an insertion: the time t^ of the update that will delete this edge. The
error of a stream is l1 = sum |t - t^| over its edges, *after* rounding and clipping to
[insertion + 1, T], so that it is the realised error and not the noise that was asked for. An
edge that is never deleted has t = T and is predicted as such.

The noise is Laplace of scale sigma, rounded. In dyadic streams an adversary takes its place: a
deletion less than sigma before a multiple of 512 is predicted for just that multiple, all
others exactly. It spends at most sigma on an edge.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from adabench.workloads.algorithms.connectivity.substrate.replay import Advice, Kind, Ladder
from adabench.workloads.algorithms.connectivity.substrate.update_loop import Flags, Ints, Small
from adabench.workloads.algorithms.connectivity.substrate.update_streams import (
    NOISE,
    PERIOD,
    Stream,
    generate,
)
from adabench.workloads.algorithms.connectivity.truth.offline_answers import connected
from adabench.workloads.shared.counting.random_streams import child, read_only

CACHED_UPDATES = 10**6
"""Longer streams are made anew each time rather than pile up in memory."""


LADDER = (1.0, 10.0, 100.0, 1000.0)
"""Noise scales over which PU-2 fits a slope; saturation begins beyond."""
EXACT = 0.0
"""The scale at which the given predictions are the true ones."""


@dataclass(frozen=True)
class Hindsight:
    """What only the whole stream tells."""

    stream: Stream
    ends: Small
    """(m,) when each edge is deleted; T if never."""
    starts: Small
    """(m,) when each edge is inserted."""
    answers: Flags
    """(T,) the true answers."""


@dataclass(frozen=True)
class KnownAdvice(Advice):
    """The hints of one case, the truth that they were made of, and the error in them."""

    hindsight: Hindsight
    noise: float
    """The scale that they were spoilt at."""
    l1: Mapping[Kind, float]
    """The error by kind; `none` is left out."""
    early: Mapping[Kind, float]
    """By how many updates deletions come early in all, where late ones double their belief."""


def hindsight(stream: Stream) -> Hindsight:
    """Compute the truth about a stream. Pure."""
    times = np.arange(stream.horizon, dtype=np.int32)
    opens = stream.opens == 1
    starts = times[opens]
    ends = np.full(len(starts), stream.horizon, np.int32)
    ends[stream.edges[~opens]] = times[~opens]
    return Hindsight(
        stream, read_only(ends), read_only(starts), read_only(connected(stream, starts, ends))
    )


def family_hindsight(family: str, n: int, updates: int, seed: int) -> Hindsight:
    """Return the hindsight of a generated stream; many cells share it, so short ones are kept."""
    make = _family_hindsight if n * updates <= CACHED_UPDATES else _family_hindsight.__wrapped__
    return make(family, n, updates, seed)


@lru_cache(maxsize=32)
def _family_hindsight(family: str, n: int, updates: int, seed: int) -> Hindsight:
    return hindsight(generate(family, n, updates, seed))


def ladder(advice: KnownAdvice) -> Ladder:
    """Return the predictions at which a slope is measured beside those of the case.

    Exact ones, and those of each scale of `LADDER` below; nothing unless that of the case is one of them
    but the first.
    """
    noise = advice.noise
    if noise not in LADDER[1:]:
        return {}
    below = LADDER[: LADDER.index(noise)]
    return {scale: advise(advice.hindsight, scale).hints["given"] for scale in (EXACT, *below)}


def advise(seen: Hindsight, noise: float) -> KnownAdvice:
    """Spoil the predictions of one case at scale `noise`. Pure: the seeds are the stream's."""
    stream = seen.stream
    rng = np.random.default_rng(child(stream.seed, NOISE, stream.group, "ends"))
    spoilt = adversarial if stream.group == "dyadic" else laplace
    given = _clipped(seen, spoilt(seen, noise, rng))
    order = np.random.default_rng(child(stream.seed, NOISE, stream.group, "shuffled"))
    lifetimes = order.permutation(given - seen.starts)
    shuffled = _clipped(seen, seen.starts + lifetimes.astype(np.int64))
    by_edge: dict[Kind, Small] = {"given": given, "shuffled": shuffled, "true": seen.ends}
    hints: dict[Kind, Small] = {"none": np.zeros(0, np.int32)}
    for kind, ends in by_edge.items():
        told = np.full(stream.horizon, -1, np.int32)
        told[seen.starts] = ends
        hints[kind] = read_only(told)
    errors = {kind: float(np.abs(ends - seen.ends).sum()) for kind, ends in by_edge.items()}
    believed = {**by_edge, "none": seen.starts + 1}
    early = {kind: earliness(seen, ends) for kind, ends in believed.items()}
    fixed = MappingProxyType(hints)
    return KnownAdvice(
        stream, fixed, seen, noise, MappingProxyType(errors), MappingProxyType(early)
    )


def earliness(seen: Hindsight, ends: Small) -> float:
    """Return by how many updates deletions precede the end that was believed in by then."""
    late = np.maximum(seen.ends.astype(np.int64) - ends, 0)
    doubled = (1 << np.ceil(np.log2(late + 1)).astype(np.int64)) - 1
    believed = np.minimum(ends + doubled, seen.stream.horizon)
    return float(np.maximum(believed - seen.ends, 0).sum())


def laplace(seen: Hindsight, noise: float, rng: np.random.Generator) -> Ints:
    """Return ends with Laplace noise, (m,); those of edges that stay are exact.

    The uniform draws do not depend on the scale, so errors grow with it edge by edge.
    """
    drawn = rng.laplace(size=len(seen.ends)) * min(noise, 1e9)
    stays = seen.ends == seen.stream.horizon
    return np.where(stays, seen.ends, seen.ends + np.rint(drawn)).astype(np.int64)


def adversarial(seen: Hindsight, noise: float, rng: np.random.Generator) -> Ints:
    """Return ends of which those just before a multiple of the period lie on it, (m,)."""
    ends = seen.ends.astype(np.int64)
    boundary = -(-ends // PERIOD) * PERIOD
    near = (boundary - ends <= noise) & (ends < seen.stream.horizon)
    return np.where(near, boundary, ends)


def _clipped(seen: Hindsight, ends: Ints | Small) -> Small:
    return np.clip(ends, seen.starts + 1, seen.stream.horizon).astype(np.int32)
