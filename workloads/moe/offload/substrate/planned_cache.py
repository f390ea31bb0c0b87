"""A cache that brings what a plan names, in the order in which it will be used.

A plan is a list of experts, those of earlier layers first. The earliest get the slots; when a layer has run, its slots go to
later ones (with demands of 3 and 2 experts and 4 slots: 3 and 1). What makes room is, in this order: what no plan names, those
used least often first; what a plan names for later, the latest first. What the layer that runs now still needs goes last. Where a
plan is wrong the router is right: the true experts of a layer are fetched when it is known.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from adabench.workloads.moe.offload.substrate.decoding import EXPERTS_IN_ALL, SHAPE
from adabench.workloads.moe.offload.substrate.slots import Groups, Moment, Policy
from adabench.workloads.moe.substrate.byte_corpus import Ints

Chances = NDArray[np.float32]
Forecast = Callable[[Moment], Sequence[int] | None]
"""The experts that are expected from here on, in the order of their use; None: as was said before."""
NEVER = 10 * EXPERTS_IN_ALL


def planned(
    forecast: Forecast,
    groups: Callable[[int, Ints], Groups] | None = None,
    held: tuple[Tensor, ...] = (),
) -> Policy:
    """Return the policy of a cache that follows a forecast."""
    cache = PlannedCache(forecast)
    return Policy(cache.victim, cache.used, cache.ahead, groups, held=held)


class PlannedCache:
    """What is planned, and how often each expert ran."""

    def __init__(self, forecast: Forecast) -> None:
        self.forecast = forecast
        self._place: dict[int, int] = {}
        self._uses: Counter[int] = Counter()
        self._over: set[int] = set()

    def ahead(self, moment: Moment) -> Iterable[int]:
        """Take what is expected, and return all that is still to come."""
        if moment.ran:
            self._over.clear()
        else:
            self._plan([e for e in self._place if e // SHAPE.experts != moment.layer])
            expected = self.forecast(moment)
            if expected is not None:
                self._plan(expected)
        return list(self._place)

    def used(self, moment: Moment, expert: int) -> None:
        """Count a run."""
        del moment
        self._uses[expert] += 1
        self._over.add(expert)

    def victim(
        self, moment: Moment, expert: int, residents: Sequence[int], free: int
    ) -> int | None:
        """Return who is needed last; None where a slot is free, or where none is needed later than who comes."""
        if free:
            return None
        last = max(
            residents, key=lambda one: (self._until(moment, one), -self._uses[one]), default=None
        )
        now = expert in moment.needed and not moment.ran
        if last is None or not (now or self._until(moment, last) > self._until(moment, expert)):
            return None
        return last

    def _plan(self, experts: Iterable[int]) -> None:
        self._place = {expert: place for place, expert in enumerate(dict.fromkeys(experts))}

    def _until(self, moment: Moment, expert: int) -> int:
        """Return how far away an expert's next use is, as a number to compare by."""
        if not moment.ran and expert // SHAPE.experts == moment.layer:
            waits = expert in moment.needed and expert not in self._over
            return expert % SHAPE.experts if waits else NEVER
        place = self._place.get(expert)
        return NEVER if place is None else SHAPE.experts + place


def union(chances: Chances, width: int, first: int = 0) -> list[int]:
    """Return a plan for rows with chances [rows, layers, E] of experts, from layer `first` on.

    Each row names its `width` likeliest experts of a layer; within a layer those with the most chances of all rows come first.
    """
    _, layers, experts = chances.shape
    named = np.zeros(chances.shape, bool)
    np.put_along_axis(named, np.argsort(-chances, axis=2, kind="stable")[..., :width], True, axis=2)
    expected = np.where(named.any(0), chances.sum(0), -np.inf)
    plan: list[int] = []
    for layer in range(layers):
        order = np.argsort(-expected[layer], kind="stable")[: int(named[:, layer].any(0).sum())]
        plan.extend((first + layer) * experts + int(e) for e in order)
    return plan
