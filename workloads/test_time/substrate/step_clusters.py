"""Which leaves say the same: average-linkage clusters of their last steps.

A leaf's vector is the mean of the policy's final states over the words of its *last step*, set to
unit length. Distance is 1 - cosine; the tree of average linkage is cut at a distance. The
states are those the cache holds, so looking costs no forward. Each has also read what came
before its step: equal steps after different histories lie a little apart, which the cut allows
for. (The paper's embedder is a separate sentence model; its cut, 0.05, belongs to that model.)
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from adabench.workloads.shared.language_model.contract import Floats, Seq
from adabench.workloads.test_time.substrate.tree_search import Node


class States(Protocol):
    """Who shows final states: a session, or an engine."""

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Return the final states [n, width] of positions start and later."""
        ...


def clusters(policy: States, leaves: Sequence[Node], cut: float) -> tuple[int, ...]:
    """Return each leaf's cluster, 0..K-1; nothing where all last steps have the same words."""
    if len({leaf.words for leaf in leaves}) < 2:
        return ()
    return cluster_labels(vectors(policy, leaves), cut)


def vectors(policy: States, leaves: Sequence[Node]) -> Floats:
    """Return the unit mean state [n, width] of each leaf's last step."""
    means = np.stack([policy.hidden(leaf.seq, leaf.start).mean(axis=0) for leaf in leaves])
    unit: Floats = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit


def cluster_labels(unit: Floats, cut: float) -> tuple[int, ...]:
    """Return the cluster of each unit vector, numbered in the order of their first members."""
    first, second = np.triu_indices(len(unit), 1)
    distances = np.maximum(0.0, 1.0 - (unit @ unit.T)[first, second].astype(np.float64))
    labels = fcluster(linkage(distances, "average"), cut, "distance").tolist()
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return tuple(numbers[label] for label in labels)
