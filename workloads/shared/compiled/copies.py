"""Copies between arrays inside kernels, number by number.

`target[:n] = values` says as much, and numba compiles with each such line what words its message about
unlike shapes: strings, joins and conversions, for three seconds.
"""

from typing import Any

from adabench.workloads.shared.compiled.kernels import compiled


@compiled
def copy_into(target: Any, values: Any) -> None:
    """Write the first dimension of `values` to the beginning of `target`, which is at least as long."""
    for k in range(len(values)):
        target[k] = values[k]
