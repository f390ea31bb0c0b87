"""A small counted task for tests: boxes are opened from the left until the prize is found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import (
    CountedTask,
    KnownCase,
    Run,
    Transcript,
    TruthTask,
)


@dataclass(frozen=True)
class Shelf:
    """A case: how many boxes there are."""

    instance: float
    boxes: int
    group: str = "shelf"


class Known(NamedTuple):
    """A world: the shelf, and where the prize is; -1 is nowhere."""

    shelf: Shelf
    prize: int


@dataclass(frozen=True)
class Opened:
    """An answer: how many boxes were opened, in each stream."""

    counts: NDArray[np.int64]


class Shelves(CountedTask[Shelf, Known, Sequence[int], Opened, tuple[int, ...], float]):
    """Opens boxes from the left, as many at most as each stream asks for."""

    wording = Wording("look", foreign="It looked at another shelf.", twice="It looks twice.")
    noun = "shelf"

    @staticmethod
    def case_of(world: Known) -> Shelf:
        """Return the shelf."""
        return world.shelf

    @staticmethod
    def run_in(
        world: Known, order: Sequence[int], *, listened: bool
    ) -> Run[Opened, tuple[int, ...]]:
        """Open boxes."""
        counts = [min(most, world.prize + 1 or most) for most in order]
        trail = np.arange(counts[0]) if listened else None
        added = {"boxes": float(np.mean(counts))}
        return Run(Opened(np.array(counts)), tuple(counts), added, trail)

    @staticmethod
    def outcome(world: Known, counted: tuple[int, ...]) -> float:
        """Return the mean number."""
        return float(np.mean(counted))

    @staticmethod
    def revealed(world: Known, *, oracle: bool) -> Known:
        """Tell oracles where the prize is."""
        return world if oracle else world._replace(prize=-1)

    @staticmethod
    def entered(world: Known) -> Known:
        """Take a shelf as it comes."""
        return Known(*world)

    def training(self) -> tuple[Shelf, ...]:
        """Return shelves with half the boxes."""
        return self.examples or tuple(replace(one, boxes=one.boxes // 2) for one in self.known)

    def look(self, case: Shelf, *most: int) -> Opened:
        """Open so many boxes at most in each stream."""
        return self.count(case, most)


class Guesses(TruthTask[Shelf, int, int, int, int, int]):
    """Takes a guess of how many boxes there are, which no world hides."""

    wording = Shelves.wording
    truth_name = "Prizes"

    @staticmethod
    def run_in(world: KnownCase[Shelf, int], order: int, *, listened: bool) -> Run[int, int]:
        """Take the guess."""
        return Run(order, order, {"guesses": 1.0})

    def guess(self, case: Shelf, boxes: int) -> int:
        """Take it."""
        return self.count(case, boxes)


WORLDS = (Known(Shelf(1.0, 8), 2), Known(Shelf(2.0, 9), 5))


def shelves(worlds: Sequence[Known] = WORLDS, transcript: Transcript | None = None) -> Shelves:
    """Return the task with its score."""

    def score(world: Known, opened: float) -> dict[str, float]:
        return {"opt": float(world.prize + 1), "left": world.shelf.boxes - opened}

    return Shelves(worlds, score, transcript)


def guesses(truth: Callable[[Shelf], int]) -> Guesses:
    """Return the task of guesses with its score."""
    worlds = [KnownCase(world.shelf, truth) for world in WORLDS]
    return Guesses(worlds, lambda world, guess: {"off": float(guess - world.case.boxes)})
