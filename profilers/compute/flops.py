"""Floating-point operations, counted by torch as they are dispatched.

`FlopCounterMode` sees every torch operation and counts those it has a formula for (matrix
products, convolutions, attention; it lacks one for the CPU's fused attention, which gets that
of the GPU's). Element-wise operations, a kernel of one's own and whatever
is not torch are not counted, so the figure is a lower bound that is exact for what dominates a
network. A block in which nothing was counted gives no figure: it did work, only not work that
this instrument sees.

Watching every dispatch slowed a network of eight 64 x 64 layers 13 times where this was
measured, and the first one imports for a second, so this probe never shares a pass with a clock.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Self


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

    def __enter__(self) -> Self:
        from torch.utils.flop_counter import FlopCounterMode

        self._counter = FlopCounterMode(display=False, custom_mapping=formulas())
        self._counter.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._counter.__exit__(*exc)

    def read(self) -> Mapping[str, float]:
        """Return the count, 0 for products of nothing; nothing where no formula was used."""
        if self._counter is None or not self._counter.get_flop_counts().get("Global"):
            return {}
        return {"flops": float(self._counter.get_total_flops())}


def formulas() -> dict[Any, Any]:
    """Return the formulas that torch's registry lacks, by operator; they are given shapes."""
    import torch
    from torch.utils import flop_counter

    forward: Callable[..., int] = flop_counter.sdpa_flop_count
    backward: Callable[..., int] = flop_counter.sdpa_backward_flop_count

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return forward(query, key, value)

    def gradient(grad: Any, query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return backward(grad, query, key, value)

    fused = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: attention,
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: gradient,
    }
    return {name: count for name, count in fused.items() if name not in flop_counter.flop_registry}


def absence() -> tuple[str, str] | None:
    """Say why nothing can be counted, and the remedy; None where it can."""
    if importlib.util.find_spec("torch") is not None:
        return None
    return "torch is not installed.", "pip install torch brings its FLOP counter."
