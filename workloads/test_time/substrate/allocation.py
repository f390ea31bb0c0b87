"""Rules for how many children each leaf of a search gets, by its reward.

**REBASE's**, in proportion to the exponential of the reward. Best first, each leaf takes

    ceil(W_left e^(r_i / T) / sum_left)

children, where W_left and sum_left are what those before it left over. Rounding up means that the
worst of many leaves get none. The counts add up to W exactly: the last leaf that is asked
takes what is left. Equal rewards are asked in the order of the leaves.

**A beam's**: the best few share the width equally, whatever their rewards are.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

EXACT = 1e-9
"""A share this little above a whole number is that number and was not computed exactly."""


def allocate_by_score(rewards: Sequence[float], width: int, temperature: float) -> list[int]:
    """Return the number of children of each leaf, `width` in all."""
    counts = [0] * len(rewards)
    order = sorted(range(len(rewards)), key=lambda i: -rewards[i])
    most = rewards[order[0]] if order else 0.0
    weights = [math.exp((rewards[i] - most) / temperature) for i in order]
    # Summed from the end, so that the last leaf's share is exactly one.
    sums = list(accumulate(reversed(weights)))[::-1]
    for i, weight, rest in zip(order, weights, sums, strict=True):
        if width <= 0:
            break
        share = width * weight / rest if rest else float(width)
        counts[i] = min(width, math.ceil(share - EXACT))
        width -= counts[i]
    return counts


def allocate_to_best(rewards: Sequence[float], width: int, keep: int) -> list[int]:
    """Return the children of each leaf: the best few share the width, the better ones first."""
    kept = sorted(range(len(rewards)), key=lambda i: -rewards[i])[:keep]
    counts = [0] * len(rewards)
    for place, leaf in enumerate(kept):
        counts[leaf] = math.ceil(width / (len(kept) - place))
        width -= counts[leaf]
    return counts
