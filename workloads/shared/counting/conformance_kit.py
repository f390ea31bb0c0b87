"""What the conformance rules of several tasks have in common.

A task's `conformance.py` runs a method on small instances and says what is wrong with it. Here is
what each of them would write again: reading the method's source, preparing its state, and holding
values to a bound.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adabench.harness.contract.card import Bound, Card, Point, Ratio, Scalar
from adabench.harness.run.guards.method_source import own_folder, parts_of
from adabench.workloads.shared.counting.source_rules import Rules


def source_problems(rules: Rules, method: ModuleType, card: Card) -> Iterator[str]:
    """Say what the source of a method, and of the parts that it loads, may not import or name."""
    oracle = card.role == "oracle"
    path = Path(str(method.__file__))
    text = path.read_text(encoding="utf-8")
    yield from rules.problems(text, method.__name__, oracle=oracle)
    for module, part in parts_of(path, method.__name__, own_folder(method.__name__)):
        for problem in rules.part_problems(part.read_text("utf-8"), module, oracle=oracle):
            yield f"{part.name}: {problem}"


def prepared_state(method: ModuleType, task: Any, point: Point) -> Any:
    """Return what `solve` gets first: what `prepare` makes of the task, or the task itself."""
    return method.prepare(task, point, 0) if hasattr(method, "prepare") else task


def holds(expect: Bound, values: Mapping[str, float], rounding: float = 0.0) -> bool:
    """Tell whether the values of one run obey a bound, up to `rounding` relative to it."""
    slack = 3 * values[f"{expect.metric}_se"] if expect.over == "mean" else 0.0
    bound = values[expect.bound]
    return values[expect.metric] <= bound + slack + rounding * max(1.0, abs(bound))


def in_range(expect: Ratio, ratio: float, rounding: float = 0.0) -> bool:
    """Tell whether a ratio lies where a claim says that it does."""
    low = -np.inf if expect.low is None else expect.low - rounding
    high = np.inf if expect.high is None else expect.high + rounding
    return bool(low <= ratio <= high)


def speaks_of(expect: Bound | Ratio, name: str, value: Scalar) -> bool:
    """Tell whether a claim speaks of runs in which the knob `name` is at `value`."""
    named = expect.where.get(name, value)
    return value in named if isinstance(named, tuple) else value == named


def first_change(old: NDArray[Any], new: NDArray[Any], cut: int) -> int | None:
    """Return where two records of a run first differ before `cut`; None if nowhere."""
    changed = np.flatnonzero(old[:cut] != new[:cut])
    return int(changed[0]) if len(changed) else None
