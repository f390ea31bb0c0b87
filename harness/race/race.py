"""Where to sample next, so that a Pareto front is known with as few cases as possible.

K points (methods at their settings) stand in the quality-cost plot of one task. The full
grid would run each on all N cases and draw the front of the means. A race runs the cases in
one random order, the same for all points, each point along a prefix of its own, and stops when
the front of the *grid* is known up to epsilon at a given confidence.

**What is certified.** A point is *on* the front if no point beats it by more than epsilon: has a
quality higher by more than epsilon at no higher cost. It is *off* if a point on the front covers
it: has at least its quality less epsilon, at most its cost times 1 + 2 epsilon (so the slack
between the two is 2 epsilon wide on both axes). All such statements of a certificate hold together
with the probability `confidence` (union bound over pairs and looks; `sequential_tests.py` has the tests). Near
ties may be called either way; that is what epsilon is for.

**Who is sampled.** A point that another equals or beats in both, certainly and without epsilon,
is *retired*: whatever it beats, the other beats too, so it decides nothing any more. Of the
others, point i is open until every one left is known not to beat it (then it is on), or one on
the front covers it (then it is off). While it is open its *unresolved pairs* are those with the
points that may still beat it; both partners of such a pair are sampled, also when the partner's
own place is known: frozen comparators made an early version worse than uniform sampling. An
open point that is covered by a better open one waits for that one's verdict.

Everything here is a function of the values seen, so a resumed race goes on where it was.

The truth is the full grid's, not the population's the cases were drawn from: no sampling
of the grid can know more than the grid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from adabench.harness.race.sequential_tests import Bets, BoolArray, above, bets
from adabench.harness.stats.intervals import FloatArray, IntArray

COST_SHARE = 0.2
"""Of the error probability, the share that statements about costs may use."""


@dataclass(frozen=True)
class Rule:
    """What has to be certain, and how often one looks."""

    epsilon: float = 0.02
    confidence: float = 0.9
    first: int = 16
    """Cases every point sees before the first look, but at most a quarter of the grid."""
    growth: float = 1.15

    def looks(self, cases: int) -> tuple[int, ...]:
        """Return the numbers of cases at which a pair is looked at, the last being all."""
        found = [min(self.first, max(cases // 4, 4), cases)]
        while found[-1] < cases:
            found.append(min(max(found[-1] + 1, math.ceil(found[-1] * self.growth)), cases))
        return tuple(found)


@dataclass(frozen=True)
class Standing:
    """What is known: masks of points, and the pairs that are in the way."""

    on: BoolArray
    off: BoolArray
    witness: IntArray
    """(K,) the point that covers or beats one that is off; -1 elsewhere."""
    unresolved: tuple[tuple[int, int], ...]
    """(open point, point that may still beat it)."""

    @property
    def certified(self) -> bool:
        """Say whether the place of every point is known."""
        return bool((self.on | self.off).all())


@dataclass
class Race:
    """One front: what was certain of each pair so far. `certain[name][i, j]` reads "i than j".

    `quality` and `cost` are (K, N) in the order of the race, higher quality being better; only
    the first `n[i]` columns of row i are ever read.
    """

    rule: Rule
    cases: int
    coarse: bool
    """Quality takes few values between 0 and 1: bets, else studentised means."""
    points: int
    looks: tuple[int, ...] = field(init=False)
    seen: IntArray = field(init=False)
    certain: dict[str, BoolArray] = field(init=False)
    _bets: Bets = field(init=False)

    def __post_init__(self) -> None:
        k = self.points
        pairs = max(k * (k - 1) // 2, 1)
        self.looks = self.rule.looks(self.cases)
        self.seen = np.zeros((k, k), np.intp)
        names = ("no worse", "no worse by more", "no dearer", "no dearer by more", "dearer")
        self.certain = {name: np.zeros((k, k), bool) for name in names}
        error = 1.0 - self.rule.confidence
        self._alpha_cost = COST_SHARE * error / (2 * pairs * len(self.looks))
        alpha = (1.0 - COST_SHARE) * error / pairs
        self._alpha_quality = alpha / len(self.looks)
        self._bets = bets(k * k, self.rule.epsilon, self.cases, -math.log(alpha))

    def see(self, quality: FloatArray, cost: FloatArray, n: IntArray) -> None:
        """Take in what is new: row i holds `n[i]` values. Pairs see their common prefix."""
        common = np.minimum(n[:, None], n[None, :])
        for upto in self.looks:  # every look a pair has reached and not had yet
            due = (common >= upto) & (self.seen < upto)
            if due.any():
                self._look(quality, cost, due, upto)

    def _look(self, quality: FloatArray, cost: FloatArray, due: BoolArray, upto: int) -> None:
        rows = np.flatnonzero(due.any(axis=1))
        square = np.ix_(rows, rows)
        fresh = due[square]
        epsilon, step = self.rule.epsilon, 1.0 + 2.0 * self.rule.epsilon
        shown = cost[rows, :upto]
        for name, factor in (("no dearer", 1.0), ("no dearer by more", 1.0 / step)):
            found = above(shown, self.cases, self._alpha_cost, factor=factor, constants=True).T
            self.certain[name][square] |= found & fresh
        found = above(shown, self.cases, self._alpha_cost, constants=True, strictly=True)
        self.certain["dearer"][square] |= found & fresh
        if upto == self.cases or not self.coarse:
            shown = quality[rows, :upto]
            for name, shift in (("no worse", 0.0), ("no worse by more", -epsilon)):
                found = above(shown, self.cases, self._alpha_quality, shift=shift)
                self.certain[name][square] |= found & fresh
        else:
            self._wager(quality, due, upto)
        self.seen[due] = upto

    def _wager(self, quality: FloatArray, due: BoolArray, upto: int) -> None:
        """Bet on the differences of all pairs that are due, those seen alike together."""
        i, j = np.nonzero(np.triu(due, 1))
        pairs = i * self.points + j
        for start in np.unique(self.seen[i, j]):
            own = self.seen[i, j] == start
            a, b = i[own], j[own]
            self._bets.add(pairs[own], quality[a, start:upto] - quality[b, start:upto])
            won = self._bets.won[pairs[own]]
            for threshold, name in enumerate(("no worse by more", "no worse")):
                self.certain[name][a, b] |= won[:, 0, threshold]
                self.certain[name][b, a] |= won[:, 1, threshold]

    def standing(self, height: FloatArray, alive: BoolArray | None = None) -> Standing:
        """Judge every point; `height` is its mean quality so far, which orders who waits.

        Points that are not `alive` (failed) are in nobody's way and count as off.
        """
        alive = np.ones(self.points, bool) if alive is None else alive
        certain = self.certain
        cover = certain["no worse by more"] & certain["no dearer by more"]
        beaten = certain["no worse"] & certain["no dearer"] & alive[:, None]
        may_beat = ~(certain["no worse by more"].T | certain["dearer"])  # row beats column
        np.fill_diagonal(may_beat, False)
        witness = _retired(beaten, alive)
        left = (witness < 0) & alive
        may_beat &= left[:, None] & left[None, :]
        on = left & ~may_beat.any(axis=0)
        off = ~left
        for i in np.flatnonzero(left & ~on):
            covering = np.flatnonzero(on & cover[:, i])
            if len(covering):
                off[i], witness[i] = True, covering[0]
        active = _active(left & ~on & ~off, cover, height)
        pairs = tuple((int(i), int(j)) for i in active for j in np.flatnonzero(may_beat[:, i]))
        return Standing(on, off, witness, pairs)

    def wanted(self, standing: Standing, n: IntArray) -> IntArray:
        """Return how many cases each point should have seen before the next look."""
        target = n.copy()
        for i, j in standing.unresolved:
            upto = self._after(min(n[i], n[j]))
            target[i], target[j] = max(target[i], upto), max(target[j], upto)
        return target

    def _after(self, n: int) -> int:
        return next((look for look in self.looks if look > n), self.cases)


def _retired(beaten: BoolArray, alive: BoolArray) -> IntArray:
    """Return for each point one not retired before that beats it, or -1; no two retire each other."""
    witness = np.full(len(alive), -1, np.intp)
    for j in np.flatnonzero(alive):
        others = np.flatnonzero(beaten[:, j] & (witness < 0))
        others = others[others != j]
        if len(others):
            witness[j] = others[0]
    return witness


def _active(undecided: BoolArray, cover: BoolArray, height: FloatArray) -> Sequence[int]:
    """Return the undecided points that do not wait for a better undecided one covering them."""
    order = sorted((int(i) for i in np.flatnonzero(undecided)), key=lambda i: (-height[i], i))
    return [i for rank, i in enumerate(order) if not cover[order[:rank], i].any()]
