"""The learned policy for hunts: the same small network, applied to every query alike.

What it sees of a query comes from the model and the posterior, so that it serves any table of
chances. It chooses among the `CANDIDATES` queries that are expected to tell most.
"""

import numpy as np

from adabench.workloads.algorithms.active_search.substrate.bandits import Board, Floats, Ints, Small
from adabench.workloads.algorithms.active_search.substrate.compiled_network import (
    BLOCK,
    FEATURES,
    WIDTH,
    Weights,
    back,
    compiled,
    forward,
    nothing,
    policy_slope,
)
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import information_gain
from adabench.workloads.algorithms.active_search.substrate.policy_network import Network

CANDIDATES = 20


@compiled
def fill_features(
    belief: Small, mean: Small, told: Small, least: Small, counts: Ints, model: Small,
    left: float, seen: Small, offered: Ints,
) -> None:  # fmt: skip
    """Fill what the network sees of b episodes: offered (b, c) queries and seen (b, c, FEATURES).

    Offered are c queries that tell `least` (b,) or more.
    """
    b, c = offered.shape
    hypotheses = len(model)
    for row in range(b):
        leader, rival = 0, 1
        if belief[row, 1] > belief[row, 0]:
            leader, rival = 1, 0
        spread, contenders = 0.0, 0
        for z in range(hypotheses):
            p = belief[row, z]
            if p > 1e-5:
                spread -= p * np.log(p)
            if z > 1 and p > belief[row, leader]:
                leader, rival = z, leader
            elif z > 1 and p > belief[row, rival]:
                rival = z
        for z in range(hypotheses):
            contenders += belief[row, z] > 0.1 * belief[row, leader]
        most, apart = 1e-6, 1e-6
        k = 0
        for arm in range(len(told[row])):
            if k < c and told[row, arm] >= least[row]:
                offered[row, k] = arm
                k += 1
        for k in range(c):
            arm = offered[row, k]
            most = max(most, told[row, arm])
            apart = max(apart, abs(model[leader, arm] - model[rival, arm]))
        for k in range(c):
            arm = offered[row, k]
            differ = abs(model[leader, arm] - model[rival, arm])
            seen[row, k, 0] = abs(2 * mean[row, arm] - 1)
            seen[row, k, 1] = told[row, arm] / 0.7
            seen[row, k, 2] = told[row, arm] / most
            seen[row, k, 3] = np.log(1.0 + counts[row, arm]) / 2
            seen[row, k, 4] = differ
            seen[row, k, 5] = differ / apart
            seen[row, k, 6] = belief[row, leader]
            seen[row, k, 7] = belief[row, rival]
            seen[row, k, 8] = spread / np.log(hypotheses)
            seen[row, k, 9] = left
            seen[row, k, 10] = abs(model[leader, arm] - mean[row, arm])
            seen[row, k, 11] = np.log(contenders) / np.log(hypotheses)


@compiled
def score_queries(seen: Small, w: Weights, out: Small) -> None:
    """Fill the scores of what is seen (b, c, FEATURES): out (b, c)."""
    b, c = out.shape
    x, scores = np.empty((FEATURES, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    h1, h2 = np.empty((WIDTH, BLOCK), np.float32), np.empty((WIDTH, BLOCK), np.float32)
    together = BLOCK // c
    for start in range(0, b, together):
        n = columns(seen[start : start + together], x)
        forward(x, n, w, h1, h2, scores)
        for k in range(n):
            out[start + k // c, k % c] = scores[k]


@compiled
def columns(seen: Small, x: Small) -> int:
    """Lay what is seen (rows, c, FEATURES) side by side in x, and return how many columns it is."""
    rows, c = seen.shape[0], seen.shape[1]
    for row in range(rows):
        for k in range(c):
            for f in range(FEATURES):
                x[f, row * c + k] = seen[row, k, f]
    return int(rows * c)


@compiled
def slope(seen: Small, did: Ints, weight: Floats, entropy: float, w: Weights, g: Weights) -> None:
    """Add to `g`, over n choices, weight * d log p(did) - entropy * d H(p): seen (n, c, FEATURES).

    Choices of weight 0 are left out.
    """
    c = seen.shape[1]
    x, scores = np.empty((FEATURES, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    h1, h2 = np.empty((WIDTH, BLOCK), np.float32), np.empty((WIDTH, BLOCK), np.float32)
    work, by = np.empty((WIDTH, BLOCK), np.float32), np.empty(BLOCK, np.float32)
    together, busy = BLOCK // c, np.flatnonzero(weight)
    for start in range(0, len(busy), together):
        rows = busy[start : start + together]
        n = columns(seen[rows], x)
        forward(x, n, w, h1, h2, scores)
        for k in range(len(rows)):
            own, row = slice(k * c, (k + 1) * c), rows[k]
            policy_slope(scores[own], did[row], weight[row], entropy, by[own])
        back(by, x, n, w, h1, h2, work, g)


def query_features(board: Board) -> tuple[Small, Ints]:
    """Return what the network sees (b, c, FEATURES), and of which queries (b, c)."""
    assert board.chances is not None
    assert board.belief is not None
    b, arms = board.counts.shape
    c = min(CANDIDATES, arms)
    seen, offered = np.empty((b, c, FEATURES), np.float32), np.empty((b, c), np.int64)
    left = (board.queries - board.asked) / board.queries
    mean, told = board.belief @ board.chances, information_gain(board)
    least = np.partition(told, arms - c, axis=1)[:, arms - c]
    given = (board.belief, mean, told, least, board.counts, board.chances)
    fill_features(*given, left, seen, offered)
    return seen, offered


class HypothesisPolicy:
    """A trained network as a policy for hunts: it asks the query with the highest score."""

    def __init__(self, network: Network) -> None:
        """Take a network that is trained."""
        self.network, self.weights = network.eval(), network.weights()

    def choose(self, board: Board) -> Ints:
        """Ask the query with the highest score, ties at random."""
        seen, offered = query_features(board)
        scores = np.empty(offered.shape, np.float32)
        score_queries(seen, self.weights, scores)
        coins = np.take_along_axis(board.coins, offered, axis=1)
        tied = np.where(scores == scores.max(axis=1, keepdims=True), coins, -1.0)
        asked: Ints = offered[np.arange(len(offered)), tied.argmax(axis=1)]
        return asked


class Sampler:
    """A network in training: it draws queries by the softmax of scores, and keeps what it saw."""

    def __init__(self, network: Network) -> None:
        """Start a batch of episodes."""
        self.weights = network.weights()
        self.seen: list[Small] = []
        self.did: list[Ints] = []

    def choose(self, board: Board) -> Ints:
        """Draw by the Gumbel trick on the board's coins."""
        seen, offered = query_features(board)
        scores = np.empty(offered.shape, np.float32)
        score_queries(seen, self.weights, scores)
        coins = np.clip(np.take_along_axis(board.coins, offered, axis=1), 1e-7, 1 - 1e-6)
        did: Ints = (scores - np.log(-np.log(coins))).argmax(axis=1)
        self.seen.append(seen)
        self.did.append(did)
        asked: Ints = offered[np.arange(len(offered)), did]
        return asked

    def learn(self, network: Network, worse: Floats, entropy: float) -> None:
        """Leave REINFORCE's gradient: worse (b,) by how much an episode lost more than its like."""
        g, number, b = nothing(self.weights), len(self.did), len(worse)
        busy = max(1, int((worse != 0).sum()) * number)
        slope(
            np.concatenate(self.seen), np.concatenate(self.did), np.tile(worse / b, number),
            entropy / busy, self.weights, g,
        )  # fmt: skip
        network.learn(g)
