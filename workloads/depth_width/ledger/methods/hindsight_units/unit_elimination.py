"""Which units a sequence could have done without, found with its answers in hand.

A *unit* is an attention block or an MLP at one position; one that does not run is forecast. The search makes
the set of units that run smaller. Each trial runs the model for real, gathered, all sequences at once.

    a segment's answer holds   if the right value has at least its floor in the softmax, in the sequence and
                               in its sibling
    floor                      SURE, or what the whole model gives it if that is less; none where the whole
                               model is wrong

1. *Ranking.* Units are ranked within their segment by the router's logits; what share of the best has to run
   is bisected, in all segments of all sequences together.
2. *Group testing.* The units that are left are cut into 4, then 8 groups a segment, of similar rank. A trial
   takes one group out of every segment and puts it back where the answer falls.

An answer that falls goes back to the last set that held together, or the whole sequence does. Units behind
the last answer never run.

**Luck.** A broken chain still names one of seven values. Hence the *sibling*, the same layout with other
values: one set has to answer both. What chance still does is measured with *decoys*, random wrong values for
both: `Found.lucky` counts answers that gave both decoys their floor in any trial, `Found.lucky_alone` those
that would have without a sibling.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch

from adabench.workloads.depth_width.substrate.stream import (
    ADD,
    EQUAL,
    FILLER,
    MODULUS,
    MUL,
    VALUE,
    Bools,
    Ints,
)
from adabench.workloads.depth_width.truth.scoring import Floats

SURE = 0.9
STEPS = 16
"""Of the bisection: shares of a segment's units."""
GROUPS = (4, 8)
"""How many groups a segment's units are cut into, round by round."""

T = TypeVar("T", bound=np.generic)
Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """Sequences that a set of units is tried on."""

    run: Callable[[Bools], torch.Tensor]
    """Units to run [units, n, T] -> logits [n, T, V]."""
    targets: Ints
    """[n, T], the tokens that come next."""
    decoys: Ints
    """[n, T], wrong ones."""


@dataclass(frozen=True)
class Found:
    """What is left to run, and how far chance would have got."""

    run: Bools
    """[units, n, T]."""
    answers: int
    lucky: int
    """Answers whose decoys all held in a trial."""
    lucky_alone: int
    """Answers whose own decoy held in a trial, whatever the sibling's did."""
    trials: int


@dataclass
class Search:
    """The state of a search over one batch."""

    looks: Sequence[Look]
    segment: Ints
    """[n, T], the number of the answer that a position comes before."""
    asked: Bools
    """[n, T], positions whose next token is an answer."""
    rank_by: Weights
    """[units, n, T], the router's logits."""
    held: Bools
    """[n, segments]: what the whole model gets right; the rest has nothing to lose."""
    floors: list[Floats]
    """[n, segments] of each look."""
    lucky: Bools
    lucky_alone: Bools
    trials: int = 0

    def holds(self, units: Bools) -> Bools:
        """Run a set of units; return which answers hold, [n, segments]."""
        right: list[Bools] = []
        fooled: list[Bools] = []
        for look, floor in zip(self.looks, self.floors, strict=True):
            chance = look.run(units).softmax(-1)
            for tokens, found in ((look.targets, right), (look.decoys, fooled)):
                found.append(self.by_segment(chance_of(chance, tokens)) >= floor)
        self.trials += 1
        self.lucky |= self.held & np.logical_and.reduce(fooled)
        self.lucky_alone |= self.held & fooled[0]
        return np.asarray(~self.held | np.logical_and.reduce(right))

    def by_segment(self, values: npt.NDArray[np.generic]) -> Floats:
        """Collect what stands where answers are asked for, [n, segments]; 0 where there is none."""
        found = np.zeros(self.held.shape)
        rows, columns = np.nonzero(self.asked)
        found[rows, self.segment[rows, columns]] = values[rows, columns]
        return found

    def groups(self) -> Ints:
        """Return which answer of the batch each unit belongs to, [units, n, T]."""
        n, segments = self.held.shape
        number = np.arange(n)[:, None] * segments + self.segment
        return np.broadcast_to(number, self.rank_by.shape)

    def spread(self, wanted: npt.NDArray[T]) -> npt.NDArray[T]:
        """Give every unit the entry of its segment in `wanted` [n, segments]."""
        return wanted.reshape(-1)[self.groups()]

    def places(self, units: Bools) -> tuple[Ints, Ints]:
        """Rank the units in play within their segments, most wanted first.

        Returns the rank of each unit (0 outside) and how many its segment has.
        """
        group, inside = self.groups(), units.reshape(-1)
        where = np.flatnonzero(inside)
        number = group.reshape(-1)[where]
        order = where[np.lexsort((-self.rank_by.reshape(-1)[where], number))]
        sizes = np.bincount(number, minlength=self.held.size)
        rank = np.zeros(inside.shape, np.int64)
        rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return rank.reshape(units.shape), np.take(sizes, group)


def eliminate(looks: Sequence[Look], tokens: Ints, rank_by: Weights) -> Found:
    """Return the units that a search with the answers in hand leaves to run.

    `looks` are the sequences themselves, ids `tokens` [n, T], and perhaps siblings of them.
    """
    asked = tokens == EQUAL
    segment = asked.cumsum(1) - asked
    shape = len(tokens), int(segment.max()) + 1
    nothing = np.zeros(shape, bool)
    search = Search(looks, segment, asked, rank_by, nothing, [], nothing.copy(), nothing.copy())
    everything = np.ones(rank_by.shape, bool)
    held = []
    for look in looks:
        logits = look.run(everything)
        held.append(search.by_segment(logits.argmax(-1).numpy() == look.targets) > 0)
        whole = search.by_segment(chance_of(logits.softmax(-1), look.targets))
        # A hair less than the whole model gives: gathering changes the last bits.
        search.floors.append(np.minimum(SURE, 0.999 * whole))
    search.held = held[0]
    search.floors[1:] = [
        np.where(good, floor, 0.0) for good, floor in zip(held[1:], search.floors[1:], strict=True)
    ]
    units = _ranked(search, everything)
    for parts in GROUPS:
        units = _tested(search, units, parts)
    lucky, alone = int(search.lucky.sum()), int(search.lucky_alone.sum())
    return Found(units, int(held[0].sum()), lucky, alone, search.trials)


def _ranked(search: Search, everything: Bools) -> Bools:
    """Bisect which share of the best-ranked units each segment has to run."""
    rank, sizes = search.places(everything)
    high = np.where(search.held, STEPS, 0)
    low = np.full(high.shape, -1)  # with fewer than `high` it is not known to hold
    safe = everything & (rank * STEPS < search.spread(high) * sizes)
    while (wide := high - low > 1).any():
        middle = np.where(wide, (high + low) // 2, high)
        good = search.holds(everything & (rank * STEPS < search.spread(middle) * sizes))
        high, low = np.where(wide & good, middle, high), np.where(wide & ~good, middle, low)
    return _together(search, everything & (rank * STEPS < search.spread(high) * sizes), safe)


def _tested(search: Search, units: Bools, parts: int) -> Bools:
    """Try to do without each of `parts` groups of every segment's units, least wanted first."""
    rank, sizes = search.places(units)
    part = np.where(units, rank * parts // np.maximum(sizes, 1), -1)
    left = units.copy()
    for number in reversed(range(parts)):
        out = left & (part == number)
        if out.any():
            good = search.holds(left & ~out)
            left &= ~(out & search.spread(good))
    return _together(search, left, units)


def _together(search: Search, units: Bools, safe: Bools) -> Bools:
    """Keep a set where all answers of the sequence hold at once; else go back to `safe`.

    First the segments whose answers fall go back, then, if that does not do, the whole sequence.
    """
    good = search.spread(search.holds(units))
    units = (units & good) | (safe & ~good)
    whole = np.asarray(search.holds(units).all(axis=1), bool).reshape(1, -1, 1)
    return np.asarray((units & whole) | (safe & ~whole), np.bool_)


def chance_of(chance: torch.Tensor, tokens: Ints) -> Floats:
    """Return the probability of each token of [n, T] under [n, T, V]."""
    return np.asarray(chance.gather(-1, torch.from_numpy(tokens)[..., None])[..., 0].numpy())


def sibling(tokens: Ints, generator: np.random.Generator) -> Ints:
    """Return the same layout [n, T] with other operands and opening values; the rest follows."""
    made, n = tokens.copy(), len(tokens)
    for low, high, first in ((ADD, MUL, 0), (MUL, FILLER, 1)):
        where = (tokens >= low) & (tokens < high)
        made[where] = low + generator.integers(first, MODULUS, int(where.sum()))
    value = generator.integers(0, MODULUS, n)
    for column in made.T:
        stated = (column >= VALUE) & (column < VALUE + MODULUS)
        adds, multiplies = (column >= ADD) & (column < MUL), (column >= MUL) & (column < FILLER)
        column[stated] = VALUE + value[stated]
        value = np.where(adds, (value + column - ADD) % MODULUS, value)
        value = np.where(multiplies, value * (column - MUL) % MODULUS, value)
    return made
