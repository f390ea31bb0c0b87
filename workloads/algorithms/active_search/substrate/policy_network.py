"""The policy network: one small MLP, applied to every arm alike.

Scores of arms do not depend on how arms are numbered, nor on a constant added to all answers. An
arm's features say what was observed of it and of the leader, nothing else: no class, no mean. The
horizon is among them; baselines see it on the board too. `compiled_network.py` has what runs,
compiled; the module here holds the weights and is what the compiled code is tested against.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adabench.workloads.algorithms.active_search.substrate.bandits import Board, Ints, first_best
from adabench.workloads.algorithms.active_search.substrate.compiled_network import (
    FEATURES,
    WIDTH,
    Weights,
    look,
    score_arms,
)


class Network(nn.Module):
    """Scores of arms from their features: (..., arms, FEATURES) to (..., arms)."""

    def __init__(self) -> None:
        """Start from scores of zero: the first policy asks at random."""
        super().__init__()
        first, second = nn.Linear(FEATURES, WIDTH), nn.Linear(WIDTH, WIDTH)
        last = nn.Linear(WIDTH, 1)
        self.layers = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return the scores."""
        scores: Tensor = self.layers(features)[..., 0]
        return scores

    def weights(self) -> Weights:
        """Return a copy of the weights as the compiled code wants them: inputs first."""
        w1, b1, w2, b2, w3, b3 = (
            np.ascontiguousarray(weight.detach().numpy().T).copy() for weight in self.parameters()
        )
        return w1, b1, w2, b2, w3.ravel(), b3

    def learn(self, gradient: Weights) -> None:
        """Take a gradient in the layout of `weights` as that of the parameters."""
        for weight, slope in zip(self.parameters(), gradient, strict=True):
            weight.grad = torch.from_numpy(slope.T.reshape(weight.shape).copy())


def features(board: Board) -> NDArray[np.float32]:
    """Return what the network sees: (b, arms, FEATURES)."""
    b, arms = board.counts.shape
    found = np.empty((b, arms, FEATURES), np.float32)
    columns, place = np.empty((FEATURES, arms), np.float32), np.empty(arms, np.int64)
    for row, seen in enumerate(found):
        counts, sums = board.counts[row], board.sums[row]
        look(counts, sums, board.asked, board.queries, columns, 0, place)
        seen[:] = columns[:, place].T
    return found


class NetworkPolicy:
    """A trained network as a policy: it asks the arm with the highest score."""

    def __init__(self, network: Network) -> None:
        """Take a network that is trained."""
        self.network, self.weights = network.eval(), network.weights()

    def choose(self, board: Board) -> Ints:
        """Ask the arm with the highest score, ties at random."""
        scores = np.empty(board.counts.shape, np.float32)
        score_arms(board.counts, board.sums, board.asked, board.queries, self.weights, scores)
        return first_best(scores, board.coins)
