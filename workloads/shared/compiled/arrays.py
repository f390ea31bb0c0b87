"""Arrays as kernels take them: views that nobody writes into, and copies number by number."""

from typing import Any, TypeVar

import numpy as np

from adabench.workloads.shared.compiled.kernels import compiled

Values = TypeVar("Values", bound=np.ndarray[Any, Any])


def unwritten(array: Values) -> Values:
    """Return a view that nobody can write into.

    A kernel is compiled for arrays that may be written to and once more for those that may not. Where
    it only reads, and some callers own what they hand over, one of the two is enough.
    """
    view = array.view()
    view.flags.writeable = False
    return view


@compiled
def copy_into(target: Any, values: Any) -> None:
    """Write the first dimension of `values` to the beginning of `target`, which is at least as long.

    `target[:n] = values` says as much, and numba compiles with each such line what words its message
    about unlike shapes: strings, joins and conversions, for three seconds.
    """
    for k in range(len(values)):
        target[k] = values[k]
