"""What comes of one search: plain data, which the judge scores without the solver."""

from dataclasses import dataclass
from typing import Literal

from adabench.workloads.algorithms.mip.substrate.program import Floats

Clock = Literal["wall", "cpu"]


@dataclass(frozen=True)
class Budget:
    """What every search of a task may take."""

    seconds: float
    pulls: int = 0
    """After so many sub-MIPs of a neighbourhood method it ends; 0: the clock alone decides."""
    clock: Clock = "wall"


@dataclass(frozen=True, eq=False)
class Outcome:
    """An ended search."""

    best: Floats | None
    """(n,) the incumbent."""
    dated: list[tuple[float, float]]
    """(seconds since the start, objective) of each incumbent."""
    pulls: list[tuple[str, int]]
    """What a bandit chose, and what came of it: 0 best, 1 better, 2 accepted, 3 rejected."""
    ended_s: float
    """What the search took of its budget."""
    waited_s: float
    """Of the wall's clock, for the whole search."""
    worked_s: float
    """User seconds of the processor in it."""
