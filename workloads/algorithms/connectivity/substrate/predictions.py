"""Predictions are data: when each edge will be deleted, fixed before anything runs.

A prediction comes with an insertion: the time t^ of the update that will delete this edge.

| hints    | an insertion is told                                                |
|----------|---------------------------------------------------------------------|
| none     | nothing                                                             |
| given    | the spoilt deletion time                                            |
| shuffled | insertion + the lifetime predicted for another edge, drawn at random |
| true     | the deletion time: the future, for the oracle                       |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from adabench.workloads.algorithms.connectivity.substrate.update_loop import Flags, Small
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

Kind = Literal["none", "given", "shuffled", "true"]


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
class Advice:
    """The hints of one case, fixed before any method runs, and the error in them."""

    hindsight: Hindsight
    hints: Mapping[Kind, Small]
    """By kind, (T,) each, -1 at deletions; `none` is empty."""
    l1: Mapping[Kind, float]
    """The error by kind; `none` is left out."""
    early: Mapping[Kind, float]
    """By how many updates deletions come early in all, where late ones double their belief."""

    @property
    def stream(self) -> Stream:
        """The case."""
        return self.hindsight.stream
