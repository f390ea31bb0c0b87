"""What a method made of a case: its index, its answers, and what was counted."""

from dataclasses import dataclass
from typing import Any

from adabench.workloads.algorithms.shortest_paths.substrate.kernels import Counts, Ints, Marks


@dataclass(frozen=True)
class Preparation:
    """What it cost to prepare an index."""

    ledger: Counts
    """(3,) what was read."""
    queried: Marks
    """(n,) 1 where a row was opened."""
    cpu_s: float
    size_bytes: int
    """What the index's arrays hold."""


@dataclass(frozen=True)
class PreparedIndex:
    """What a method keeps about one case, and what that cost."""

    index: Any
    """A named tuple of arrays."""
    cost: Preparation


@dataclass(frozen=True)
class Answers:
    """What came of one method on one case."""

    instance: float
    lengths: Ints
    """(q,) read-only."""


@dataclass(frozen=True)
class Tally:
    """What was counted while a case was answered."""

    lengths: Ints
    ledger: Counts
    queried: Marks
    preparation: Preparation | None
