"""What is searched for: constructions to walk over, where walks begin, and what a walk costs.

A *site* is one construction to find: a scheme for matrices of one shape, a network of one width. A walk over it
costs log10 of the tries until it is as good as the best known, or of the cap; where nobody expects to reach that, it
costs by how much its best one falls short, as a part of the best known.

Best known, from general knowledge of the literature: ranks over GF(2) of <2,2,2>, <2,2,3>, <2,3,3>, <3,3,3>, <3,3,4>,
<4,4,4> are 7, 11, 15, 23, 29, 47; the fewest comparators on 6 to 9 lines are 12, 16, 19, 25; 26 circles in the unit
square reach 2.6358627564 and the first autocorrelation inequality 1.50529397 (AlphaEvolve's own results notebook).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from adabench.workloads.algorithms.discovery.substrate.walk_kernel import (
    Bits,
    Floats,
    Ints,
    Kind,
    walk,
)
from adabench.workloads.algorithms.discovery.substrate.walk_policy import Policy

SPARE = 8
"""Terms that a scheme may have beyond those of the plain product."""


@dataclass(frozen=True)
class Site:
    """One construction to find."""

    name: str
    kind: Kind
    shape: tuple[int, ...]
    """Of matrices (n, m, p); else the lines, circles or steps."""
    known: float
    """The best value known: lower is better, and of circles it is -sum of radii."""
    cap: int
    """Tries of a walk in the search."""
    walks: int = 12

    @property
    def is_timed(self) -> bool:
        """Say whether walks are to reach the best known."""
        return self.kind in (Kind.FLIPS, Kind.NETWORK)

    @property
    def worst(self) -> float:
        """Return what a walk costs that comes to nothing."""
        return math.log10(self.cap) if self.is_timed else 1.0


class Walked(NamedTuple):
    """What came of a walk."""

    value: float
    tries: int
    cost: float
    whole: Ints
    """The best scheme (3, rank) or network (2, comparators)."""
    real: Floats
    """The best circles (3, n) or heights (n,)."""


@dataclass(frozen=True)
class Problem:
    """Sites that are searched together."""

    sites: tuple[Site, ...]
    seed: str
    """The policy that a search begins with: fixed constants."""
    tries: int
    """What a search may spend."""
    transfer: tuple[Site, ...] = ()
    """Walked once with the policy that was found, never in a search."""


def _flips(name: str, known: int, cap: int = 150_000, walks: int = 12) -> Site:
    shape = tuple(int(side) for side in name.split("x"))
    return Site(name, Kind.FLIPS, shape, float(known), cap, walks)


def _network(lines: int, known: int, cap: int = 200_000, walks: int = 4) -> Site:
    return Site(f"{lines} lines", Kind.NETWORK, (lines,), float(known), cap, walks)


PATIENCE = 500
NAIVE = f"kick = calm > {PATIENCE}\nback = False\nheat = {{}}\nreach = {{}}"
"""Impatient and without a look around: constants that are far from the best ones known."""
PROBLEMS: Mapping[str, Problem] = {
    "walk": Problem(
        (_flips("2x2x3", 11), _flips("2x3x3", 15), _flips("3x3x3", 23)),
        NAIVE.format(2, 0.1),
        100_000_000,
        (_flips("2x2x2", 7, walks=1), _flips("3x3x4", 29, 4_000_000, 2), _flips("4x4x4", 47, 4_000_000, 1)),
    ),
    "sorting": Problem(
        (_network(6, 12), _network(7, 16), _network(8, 19)),
        NAIVE.format(1, 0.1),
        10_000_000,
        (_network(9, 25, 1_000_000, 2),),
    ),
    "packing": Problem(
        (Site("26 circles", Kind.CIRCLES, (26,), -2.6358627564, 200_000, 4),),
        NAIVE.format(0.01, 0.1),
        80_000_000,
    ),
    "autocorrelation": Problem(
        (Site("60 steps", Kind.HEIGHTS, (60,), 1.50529397, 100_000, 3),),
        NAIVE.format(0.001, 0.1),
        20_000_000,
    ),
}  # fmt: skip


def problem_at(name: str, effort: float) -> Problem:
    """Return a problem whose searches and walks have `effort` times the tries."""

    def scaled(sites: tuple[Site, ...]) -> tuple[Site, ...]:
        return tuple(replace(site, cap=max(1, round(effort * site.cap))) for site in sites)

    problem = PROBLEMS[name]
    tries = max(1, round(effort * problem.tries))
    return Problem(scaled(problem.sites), problem.seed, tries, scaled(problem.transfer))


def plain_scheme(shape: tuple[int, ...]) -> Ints:
    """Return the plain product of matrices (n, m) and (m, p) as masks (3, n m p)."""
    n, m, p = shape
    rows = [
        (1 << (i * m + j), 1 << (j * p + k), 1 << (i * p + k))
        for i in range(n)
        for k in range(p)
        for j in range(m)
    ]
    return np.array(rows, np.int64).T


def bubble_network(lines: int) -> Ints:
    """Return a valid network (2, lines (lines - 1) / 2)."""
    pairs = [(i, i + 1) for end in range(lines - 1, 0, -1) for i in range(end)]
    return np.array(pairs, np.int64).T


def inputs(lines: int) -> Bits:
    """Return all 0-1 inputs as bits: (lines, words), one bit an input."""
    every = np.arange(max(64, 1 << lines), dtype=np.uint64)
    bits = (every[None, :] >> np.arange(lines, dtype=np.uint64)[:, None]) & np.uint64(1)
    packed = bits.reshape(lines, -1, 64) << np.arange(64, dtype=np.uint64)
    made: Bits = np.bitwise_or.reduce(packed, axis=2)
    return made


def walk_at(site: Site, policy: Policy, seed: int, cap: int = 0) -> Walked:
    """Walk over a site from its plain start; `cap` stands in for the site's own."""
    most = cap or site.cap
    whole, real, size = np.zeros((3, 1), np.int64), np.zeros((3, 1)), 0
    lines: Bits = np.zeros((1, 1), np.uint64)
    if site.kind == Kind.FLIPS:
        plain = plain_scheme(site.shape)
        size = plain.shape[1]
        whole = np.zeros((3, size + SPARE), np.int64)
        whole[:, :size] = plain
    elif site.kind == Kind.NETWORK:
        plain, lines = bubble_network(site.shape[0]), inputs(site.shape[0])
        size = plain.shape[1]
        whole = np.zeros((3, size + 2), np.int64)
        whole[:2, :size] = plain
    elif site.kind == Kind.CIRCLES:
        real = np.zeros((3, site.shape[0]))
        real[:2] = np.random.default_rng(seed).random((2, site.shape[0]))
    else:
        n = site.shape[0]
        real = np.zeros((3, 2 * n))
        real[0, :n], real[2, 0] = 1.0, n
        real[1, : 2 * n - 1] = np.convolve(real[0, :n], real[0, :n])
    goal = site.known + (0.0 if site.is_timed else 1e-9)
    value, at, tries, size = walk(
        int(site.kind), whole, real, size, (lines.copy(), lines), policy.code(), goal, most, seed
    )
    if site.is_timed:
        cost = math.log10(max(1, at) if value <= goal else most)
    else:
        cost = abs(value / site.known - 1.0)
    kept = real[0, : site.shape[0]] if site.kind == Kind.HEIGHTS else real
    return Walked(value, tries, cost, whole[: 2 if site.kind == Kind.NETWORK else 3, :size], kept)
