"""Prepared indexes as plain data, and back: what is worth storing of a state.

    pack = stored_state
    def unpack(task, point, data):
        return restored_state(task, data, lambda parts: Ring(*parts))

A named tuple is stored as a tuple; what it is called is for the method to say again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from adabench.workloads.algorithms.shortest_paths.substrate.answers import (
    Preparation,
    PreparedIndex,
)
from adabench.workloads.algorithms.shortest_paths.substrate.replay import ShortestPaths, State

Stored = dict[float, Any]


def stored_state(state: State) -> Stored:
    """Return the indexes of a state and what they cost, by instance."""
    return {
        instance: (
            _plain(one.index),
            one.cost.ledger,
            one.cost.queried,
            one.cost.cpu_s,
            one.cost.size_bytes,
        )
        for instance, one in state.prepared_index.items()
    }


def restored_state(task: ShortestPaths, data: Stored, make: Callable[[Any], Any]) -> State:
    """Return the state again; `make` makes an index of its parts."""
    return State(
        task,
        {
            instance: PreparedIndex(make(parts), Preparation(*cost))
            for instance, (parts, *cost) in data.items()
        },
    )


def _plain(index: Any) -> Any:
    return index if isinstance(index, np.ndarray) else tuple(map(_plain, index))
