"""The saturation law of test-time scaling, and the point at which it is flat.

    F(N)  = F_max (1 - (1 - p)^N)             N samples, each a success with probability p
    dF(N) = F_max p (1 - p)^N                 what sample N + 1 gains
    N*    = smallest N with dF(N) <= epsilon  = ceil(ln(epsilon / (F_max p)) / ln(1 - p))

N* is 0 where the first sample gains too little, which includes questions that are hopeless. Gains
fall with N, so one epsilon for all questions is water-filling: the next sample always goes to the
question that gains most.

p of one question comes from few samples, so it is the mean of a Beta posterior (`Prior`).
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Prior:
    """A Beta distribution of p over questions."""

    alpha: float
    beta: float

    def mean(self, successes: float, samples: float) -> float:
        """Return p as expected after some samples."""
        return (successes + self.alpha) / (samples + self.alpha + self.beta)


def success(p: float, samples: int, ceiling: float = 1.0) -> float:
    """Return F(N)."""
    return ceiling * (1.0 - (1.0 - p) ** samples)


def gain(p: float, samples: int, ceiling: float = 1.0) -> float:
    """Return dF(N): what one more sample gains after `samples` of them."""
    return ceiling * p * (1.0 - p) ** samples


def saturation_point(p: float, epsilon: float, ceiling: float = 1.0) -> int:
    """Return N*, the fewest samples after which one more gains no more than `epsilon`.

    Raises:
        ValueError: for an epsilon that is not positive, or a p or ceiling that is no share.
    """
    if not (epsilon > 0 and 0 <= p <= 1 and 0 <= ceiling <= 1):
        raise ValueError(
            f"No saturation point for p = {p:g}, F_max = {ceiling:g}, epsilon = {epsilon:g}: p and "
            "F_max are shares, and epsilon is above 0."
        )
    if ceiling * p <= epsilon:
        return 0
    if p == 1:
        return 1
    point = math.ceil(math.log(epsilon / (ceiling * p)) / math.log1p(-p))
    # The logarithms may be off by a rounding where dF(N) is epsilon itself.
    while point > 0 and gain(p, point - 1, ceiling) <= epsilon:
        point -= 1
    return point
