"""Learning rates: what is left of a peak rate at each step of a training.

A schedule takes the peak, since a rate is a product of three numbers, and the order in which they are
multiplied decides its last bit.
"""

import math
from collections.abc import Callable

Schedule = Callable[[float, int], float]
"""Returns the rate of a step, counted from 0, out of the peak rate."""


def constant(peak: float, step: int) -> float:
    """Return the peak at every step."""
    del step
    return peak


def warmed(step: int, warm_up: float) -> float:
    """Return the share of the peak in a line that reaches 1 after `warm_up` steps."""
    return min(1.0, (step + 1) / warm_up)


def trapezoid(
    steps: int, warm_up: float, decay_from: float, last: float, first: int = 0
) -> Schedule:
    """Rise over `warm_up` steps from step `first` on, stay, and fall in a line to the share `last`.

    The fall begins at the share `decay_from` of the steps.
    """

    def rate(peak: float, step: int) -> float:
        late = max(0.0, (step / steps - decay_from) / (1 - decay_from))
        return peak * (warmed(step - first, warm_up) * (1 - (1 - last) * late))

    return rate


def cosine(steps: int, warm_up: float = 1.0) -> Schedule:
    """Fall to nothing by half a cosine, after a rise over `warm_up` steps."""

    def rate(peak: float, step: int) -> float:
        return peak * warmed(step, warm_up) * (1 + math.cos(math.pi * step / steps)) / 2

    return rate


def cosine_by_share(steps: int, last: float = 0.0) -> Schedule:
    """Fall to the share `last` by half a cosine of the share of the steps.

    Its angle is another product than that of `cosine`, so that the two differ in the last bit.
    """

    def rate(peak: float, step: int) -> float:
        return peak * (last + (1 - last) * (1 + math.cos(math.pi * (step / steps))) / 2)

    return rate
