"""Where the leaves of a run stand, and which of them are independent of each other.

A place is a case of a group in a seed, told by a number that means the same in all tables of a run. What
an interval over places rests on is its *unit* (`Over`):

    cases       every case by itself, pooled over seeds; several trainings of given weights are strata, and so
                are the items of a fixed list, whose copies are one item
    trainings   what was trained, with all its cases; of one training there is no more than its cases
    seeds       a seed with all its cases, or a training that several seeds share
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import overload

import numpy as np

from adabench.harness.contract.claim import Over
from adabench.harness.stats.intervals import (
    FloatArray,
    IntArray,
    Interval,
    Method,
    Replicate,
    Statistic,
    bootstrap,
)
from adabench.harness.store.table import Table

POOLED = 0
"""The number of the one unit that all cases belong to where each of them is independent."""


@dataclass(frozen=True, eq=False)
class ReplicateIndex:
    """How the places of a table are numbered, by seed, group and case, and what is replicated."""

    seeds: IntArray
    groups: tuple[str, ...]
    cases: int
    over: Over = "seeds"
    trainings: tuple[int, ...] = ()
    """For each seed the number of its trained models; empty where nothing is trained."""
    recipes: int = 5
    """Trainings of a model that there are recipes for: more cannot be had."""
    look: float | None = None
    """Of a planned look: how much further out than those of 95 % the ends of its intervals lie."""
    items: dict[int, int] | None = None
    """Of a fixed list, by the number of a place: its item, whose copies have the same one."""
    _named: dict[bytes, list[Replicate]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, table: Table) -> "ReplicateIndex":
        """Return the numbering of a table's places."""
        return cls(np.unique(table.seed), table.groups, int(table.case.max(initial=0)) + 1)

    def resting_on(
        self,
        over: Over,
        trainings: tuple[int, ...],
        recipes: int = 5,
        items: dict[int, int] | None = None,
        look: float | None = None,
    ) -> "ReplicateIndex":
        """Return the same numbering with other units."""
        return replace(
            self, over=over, trainings=trainings, recipes=recipes, items=items, look=look, _named={}
        )

    def numbers(self, table: Table) -> IntArray:
        """Return the number of each row's place; numbers sort as places do."""
        seed = np.searchsorted(self.seeds, table.seed)
        found = (seed * len(self.groups) + table.group) * self.cases + table.case
        return np.asarray(found, np.intp)

    def place(self, number: int) -> Replicate:
        """Return the place that has a number."""
        return self.named(np.array([number], np.intp))[0]

    def seed_of(self, numbers: IntArray) -> IntArray:
        """Return the index of each place's seed."""
        per_seed = self.cases * max(len(self.groups), 1)
        return np.asarray(numbers // per_seed, np.intp)

    def named(self, numbers: IntArray) -> list[Replicate]:
        """Return places; those of a run's dots are mostly the same, and named once."""
        key = numbers.tobytes()
        if key not in self._named:
            seed_group, case = np.divmod(numbers, self.cases)
            seed, group = np.divmod(seed_group, max(len(self.groups), 1))
            rows = zip(numbers.tolist(), seed.tolist(), group.tolist(), case.tolist(), strict=True)
            several = len(set(self.trainings)) > 1
            self._named[key] = [
                Replicate(
                    int(self.seeds[s]), self._stratum(number, s, g, several=several), c,
                    self._unit(s, several=several),
                )
                for number, s, g, c in rows
            ]  # fmt: skip
        return self._named[key]

    def _unit(self, seed: int, *, several: bool) -> int | None:
        if self.over == "cases" or (self.over == "trainings" and not several):
            return POOLED
        return self.trainings[seed] if several else None

    def _stratum(self, number: int, seed: int, group: int, *, several: bool) -> str:
        """Return what cases are drawn within: their group, and of pooled ones what else they share."""
        name = self.groups[group]
        if self.over != "cases":
            return name
        if self.items is not None:
            name = f"item {self.items[number]}"
        return f"{name}, training {self.trainings[seed]}" if several else name


@dataclass(frozen=True, eq=False)
class ReplicateList(Sequence[Replicate]):
    """Places by number, as long as nobody asks for them one by one."""

    where: ReplicateIndex
    numbers: IntArray

    @overload
    def __getitem__(self, at: int) -> Replicate: ...
    @overload
    def __getitem__(self, at: slice) -> "ReplicateList": ...
    def __getitem__(self, at: int | slice) -> "Replicate | ReplicateList":
        if isinstance(at, slice):
            return replace(self, numbers=self.numbers[at])
        return self.where.place(int(self.numbers[at]))

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Replicate]:
        return iter(self.where.named(self.numbers))

    def intervals(self, statistic: Statistic, method: Method = "union") -> list[Interval]:
        """Return the estimates of a statistic over these places, with the intervals of their units.

        A fixed list is all there is: what does not vary among copies of its items has no interval.
        """
        if self.fixed and self.cases == len(self):
            estimates = statistic(np.ones((1, len(self))))[0].tolist()
            return [Interval(one, one, one) for one in estimates]
        return bootstrap(self, statistic, method, by_t=self.where.over == "trainings")

    @property
    def fixed(self) -> bool:
        """Whether the cases are items of a fixed list."""
        return self.where.over == "cases" and self.where.items is not None

    @property
    def cases(self) -> int:
        """How many different cases there are: copies of one item of a list are one."""
        if self.where.items is None or not self.fixed:
            return len(self)
        return len({self.where.items[number] for number in self.numbers.tolist()})

    @property
    def seeds(self) -> int:
        """How many seeds there are."""
        return len(np.unique(self._seed))

    @property
    def units(self) -> IntArray:
        """(n,) the number of each place's independent unit: equal within one."""
        if self.where.over == "cases":
            return np.full(len(self), POOLED, np.intp)
        if self.where.over == "seeds" and self.trainings < 2:
            return self._seed
        return self.training

    @property
    def training(self) -> IntArray:
        """(n,) the number of each place's training; 0 where nothing is trained."""
        if not self.where.trainings:
            return np.zeros(len(self), np.intp)
        return np.asarray(self.where.trainings, np.intp)[self._seed]

    @property
    def clusters(self) -> int:
        """How many independent units there are: seeds, trainings, or one of pooled cases."""
        return len(np.unique(self.units))

    @property
    def trainings(self) -> int:
        """How many trained models there are; 0 where nothing is trained."""
        return len(np.unique(self.training)) if self.where.trainings else 0

    @property
    def _seed(self) -> IntArray:
        """(n,) the index of each place's seed."""
        return self.where.seed_of(self.numbers)


def distinct(places: ReplicateList) -> ReplicateList:
    """Return each place once."""
    return ReplicateList(places.where, np.unique(places.numbers))


def by_place(places: ReplicateList, rows: FloatArray) -> tuple[ReplicateList, FloatArray]:
    """Average the rows (n, k) of each place: the places, sorted, and an array (places, k)."""
    sorted_ = np.argsort(places.numbers, kind="stable")
    numbers, start, counts = np.unique(
        places.numbers[sorted_], return_index=True, return_counts=True
    )
    found = np.empty((len(numbers), rows.shape[1]))
    for count in np.unique(counts):
        own = counts == count
        found[own] = rows[sorted_[start[own][:, None] + np.arange(count)]].mean(axis=1)
    return ReplicateList(places.where, numbers), found
