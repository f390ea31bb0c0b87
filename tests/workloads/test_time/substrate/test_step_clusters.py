"""Clusters of unit vectors, and the calibration of the distance at which they are cut."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.vocabulary import BOS, encode
from adabench.workloads.test_time.substrate.step_clusters import cluster_labels, clusters, vectors
from adabench.workloads.test_time.substrate.tree_search import Node

SHAPE = Shape(1, 16, 2, 32)


def unit(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)


def test_vectors_nearer_than_the_cut_are_one_cluster() -> None:
    # 1 - cos 10 deg = 0.015; 1 - cos 80 deg = 0.83.
    assert cluster_labels(unit(0, 90, 10), 0.05) == (0, 1, 0)
    assert cluster_labels(unit(0, 90, 10), 0.01) == (0, 1, 2)
    assert cluster_labels(unit(0, 90, 10), 2.0) == (0, 0, 0)
    assert cluster_labels(unit(5, 5, 5), 0.0) == (0, 0, 0)


def test_linkage_is_the_average() -> None:
    # Steps of 20 degrees: neighbours lie 0.060 apart, the ends 0.234. Single linkage at 0.1 would
    # chain all three together; the average from the pair to the third is (0.060 + 0.234) / 2.
    assert len(set(cluster_labels(unit(0, 20, 40), 0.1))) == 2
    assert len(set(cluster_labels(unit(0, 20, 40), 0.16))) == 1


def three_leaves() -> tuple[NativeEngine, list[Node]]:
    """Three leaves of one parent: two say the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        policy = NativeEngine(LanguageModel(SHAPE).eval().requires_grad_(False), "policy")
    root = Node(policy.open((BOS, *encode("1 2 + 3 4 * 0 5 >")), 1))
    parent = Node(policy.fork(root.seq, 1)[0], root)
    policy.append([parent.seq], [encode("1 2 + 3 4 = 4 6 ;")])
    leaves = []
    for text in ("4 6 * 0 5 = 3 0 ;", "4 6 * 0 5 = 3 0 ;", "8 8 + 7 1 = 2 2 ;"):
        [seq] = policy.fork(parent.seq, 1)
        policy.append([seq], [encode(text)])
        leaves.append(Node(seq, parent))
    return policy, leaves


def test_copies_of_a_step_are_one_cluster() -> None:
    policy, leaves = three_leaves()
    assert clusters(policy, leaves, 1e-4) == (0, 0, 1)
    assert clusters(policy, leaves, 2.0) == (0, 0, 0)
    assert clusters(policy, leaves[:2], 1e-4) == (), "without two texts there is no coverage"


def test_clusters_look_at_the_last_step_alone() -> None:
    policy, leaves = three_leaves()
    before = vectors(policy, leaves)
    assert np.linalg.norm(before, axis=1) == pytest.approx(1.0, abs=1e-5)
    numbers = np.random.default_rng(0)
    for leaf in leaves:
        disturb(policy, leaf.seq, range(leaf.start), numbers)
    np.testing.assert_array_equal(vectors(policy, leaves), before)
    disturb(policy, leaves[2].seq, [leaves[2].start], numbers)
    assert not np.array_equal(vectors(policy, leaves)[2], before[2])


def disturb(
    policy: NativeEngine, seq: Seq, places: Sequence[int], numbers: np.random.Generator
) -> None:
    """Overwrite the stored states of some positions, where nobody else's last step lies."""
    size = policy.blocks.block
    for place in places:
        block = seq.cache.blocks[place // size]
        policy.blocks.states[block, place % size] += numbers.normal(size=SHAPE.width)
