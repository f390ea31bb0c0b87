"""Predictions are data: what is told with each request, fixed before anything runs.

| hints    | a request is told                                                 | bits |
|----------|-------------------------------------------------------------------|------|
| none     | nothing                                                           |    0 |
| discard  | 1 iff Belady evicts this page before it is requested again        |    1 |
| phase    | 1 iff the page is not requested in the following k-phase          |    1 |
| shuffled | the spoilt discard bits in random order: right rate, no content   |    1 |
| arrival  | the next use; at the noise rate with another request's gap        |   64 |
| next     | the true next use: the whole future, for the oracle               |   64 |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from adabench.workloads.algorithms.paging.substrate.cache_engine import Pages
from adabench.workloads.algorithms.paging.substrate.traces import Trace

Kind = Literal["none", "discard", "phase", "shuffled", "arrival", "next"]
SECRET: frozenset[Kind] = frozenset(("next",))
"""What oracles alone are told."""
BITS: Mapping[Kind, int] = {
    "none": 0, "discard": 1, "phase": 1, "shuffled": 1, "arrival": 64, "next": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Advice:
    """The hints of one case, fixed before any policy runs."""

    trace: Trace
    """The case."""
    hints: Mapping[Kind, Pages]
    """By kind, (T,) each; `none` is empty."""
