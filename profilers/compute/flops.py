"""Counts floating-point operations as torch dispatches them, in a pass without a clock.

Operators with a formula count (torch's, and `formulas.py`); those that carry work and have none are named
`NAME.uncounted_calls`, so the figure is a lower bound. A block in which nothing was counted gives no figure.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self

UNCOUNTED = ".uncounted_calls"
"""How keys of records end that name an operator whose work `flops` lacks."""


class Flops:
    """Operations of the block: `flops`. Entering imports torch.

    Raises:
        ModuleNotFoundError: on entry, if torch is not installed.
    """

    name = "flops"
    intrusive = True
    min_window_s = 0.0
    levels: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self._counter: Any = None
        self._uncounted: Any = None
        self._modes = ExitStack()

    def __enter__(self) -> Self:
        from torch.utils.flop_counter import FlopCounterMode

        formulas = importlib.import_module("adabench.profilers.compute.formulas")
        traffic = importlib.import_module("adabench.profilers.compute.traffic")
        self._uncounted = self._modes.enter_context(traffic.Uncounted())
        counter = FlopCounterMode(display=False, custom_mapping=formulas.formulas())
        self._counter = self._modes.enter_context(counter)
        return self

    def __exit__(self, *exc: object) -> None:
        self._modes.close()

    def read(self) -> Mapping[str, float]:
        """Return the count, 0 for products of nothing, and calls of operators that lack a formula."""
        if self._counter is None:
            return {}
        found = {f"{name}{UNCOUNTED}": float(n) for name, n in self._uncounted.calls.items()}
        if self._counter.get_flop_counts().get("Global"):
            found["flops"] = float(self._counter.get_total_flops())
        return found


def absence() -> tuple[str, str] | None:
    """Say why nothing can be counted, and the remedy; None where it can."""
    if importlib.util.find_spec("torch") is not None:
        return None
    return "torch is not installed.", "pip install torch brings its FLOP counter."
