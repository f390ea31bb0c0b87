"""Token scheduling: sequences are dealt to batches so that each batch runs few experts.

    minimise  sum over l, e of (R1[l, e] + R2[l, e]),       R = OR of the paths of a batch's sequences

Which deal is best is hard to find; two means on Hamming distances come near: each sequence goes to the mean that it is nearer to,
as many to each. The deal is taken where it needs fewer experts than the sequences as they came.
"""

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.moe.offload.substrate.slots import Groups

Named = NDArray[np.bool_]
ROUNDS = 6


def dealt(named: Named) -> Groups:
    """Return two batches of sequences with paths [2 T, layers * E]."""
    half = len(named) // 2
    plain = np.arange(len(named)).reshape(2, half)
    points = named.astype(np.float32)
    far = np.abs(points - points[0]).sum(1).argmax()
    means, order = points[[0, far]], plain
    for _ in range(ROUNDS):
        lean = np.abs(points - means[0]).sum(1) - np.abs(points - means[1]).sum(1)
        order = np.argsort(lean, kind="stable").reshape(2, half)
        means = points[order].mean(1)
    best = order if experts(named, order) < experts(named, plain) else plain
    return [sorted(int(row) for row in rows) for rows in best]


def experts(named: Named, batches: NDArray[np.int64]) -> int:
    """Return how many experts batches of sequences run together."""
    return int(sum(named[rows].any(0).sum() for rows in batches))
