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

from adabench.workloads.algorithms.connectivity.substrate.update_loop import Small
from adabench.workloads.algorithms.connectivity.substrate.update_streams import Stream

Kind = Literal["none", "given", "shuffled", "true"]
SECRET: frozenset[Kind] = frozenset(("true",))
"""What oracles alone are told."""
Ladder = Mapping[float, Small]
"""By noise scale: the `given` hints (T,) of a case as they would be there."""


@dataclass(frozen=True)
class Advice:
    """The hints of one case, fixed before any method runs."""

    stream: Stream
    """The case."""
    hints: Mapping[Kind, Small]
    """By kind, (T,) each, -1 at deletions; `none` is empty."""


@dataclass(frozen=True)
class Predictions:
    """What the loop tells a method insertion by insertion, and what it is run on again off the
    record, for the slope of its work over the error.
    """

    advice: Advice
    ladder: Ladder
