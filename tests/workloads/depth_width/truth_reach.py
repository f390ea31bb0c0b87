"""What a method can get at from what it is given: no labels, and not the task."""

from collections.abc import Iterator
from types import UnionType
from typing import Any

import numpy as np
import torch

from adabench.harness.contract import registry


def reachable(root: object) -> Iterator[object]:
    """Everything that a method can get at from what it holds, attributes and closures alike."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        thing = stack.pop()
        if id(thing) in seen or isinstance(thing, str | int | float | type):
            continue
        seen.add(id(thing))
        yield thing
        if isinstance(thing, dict):
            stack += [*thing.keys(), *thing.values()]
        elif isinstance(thing, list | tuple | set):
            stack += list(thing)
        elif not isinstance(thing, torch.Tensor | np.ndarray):
            stack += list(getattr(thing, "__dict__", {}).values())
            cells = getattr(thing, "__closure__", None) or ()
            stack += [cell.cell_contents for cell in cells]


def assert_out_of_reach(task: Any, address: str, hidden: UnionType, **knobs: Any) -> None:
    """Hold what a method prepares, and what it is given, to reaching nothing that is hidden."""
    assert any(isinstance(thing, hidden) for thing in reachable(task) if thing is not task)
    entry = registry.find(address)
    state = registry.load(entry).prepare(task, entry.card.defaults | knobs, 0)
    for root in (state, *task.cases(), task.calibration()):
        assert not any(isinstance(thing, hidden) for thing in reachable(root))
