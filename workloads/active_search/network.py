"""The policy network: one small MLP, applied to every arm alike.

Scores of arms do not depend on how arms are numbered, nor on a constant added to all answers. An
arm's features say what was observed of it and of the leader, nothing else: no class, no mean. The
horizon is among them; baselines see it on the board too.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adabench.workloads.active_search.bandit import ARMS, Board, Floats, Ints, first_best

FEATURES, WIDTH = 11, 32
FAR = 6.0
"""Gaps beyond so many are all alike."""


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


def features(board: Board) -> NDArray[np.float32]:
    """Return what the network sees: (b, arms, FEATURES)."""
    counts, rows = board.counts, np.arange(len(board.counts))
    asked = counts > 0
    safe = np.maximum(counts, 1)
    mean = board.sums / safe
    leader = np.where(asked, mean, -np.inf).argmax(axis=1)
    behind = np.where(asked, np.clip(mean - mean[rows, leader][:, None], -FAR, 0.0), 0.0)
    its_count = safe[rows, leader][:, None]
    sigmas = np.clip(behind / np.sqrt(1 / safe + 1 / its_count), -FAR, 0.0)
    others = np.where(asked, sigmas, -FAR)
    others[rows, leader] = -FAR
    rival = others.max(axis=1, keepdims=True)
    contenders = (asked & (sigmas > -1.5)).sum(axis=1, keepdims=True)
    whole = np.ones_like(behind)
    is_leader = np.zeros_like(behind)
    is_leader[rows, leader] = asked[rows, leader]
    left = (board.queries - board.asked) / board.queries
    columns = (
        asked, is_leader, behind / 3, sigmas / 3, 1 / np.sqrt(safe), np.log1p(counts) / 2,
        whole * rival / 3, whole * contenders / ARMS, whole * np.log1p(its_count) / 2,
        whole * left, (sigmas - rival) / 3,
    )  # fmt: skip
    return np.stack(columns, axis=2).astype(np.float32)


class Learned:
    """A trained network as a policy: it asks the arm with the highest score."""

    def __init__(self, network: Network) -> None:
        """Take a network that is trained."""
        self.network = network.eval()

    def choose(self, board: Board) -> Ints:
        """Ask the arm with the highest score, ties at random."""
        with torch.inference_mode():
            scores: Floats = self.network(torch.from_numpy(features(board))).numpy()
        return first_best(scores, board.coins)


class Sampled:
    """A network in training: it draws arms by the softmax of scores, and keeps what it saw."""

    def __init__(self, network: Network) -> None:
        """Start a batch of episodes."""
        self.network = network
        self.seen: list[NDArray[np.float32]] = []
        self.did: list[Ints] = []

    def choose(self, board: Board) -> Ints:
        """Draw an arm by the Gumbel trick on the board's coins."""
        seen = features(board)
        with torch.inference_mode():
            scores = self.network(torch.from_numpy(seen)).numpy()
        arms: Ints = (scores - np.log(-np.log(np.clip(board.coins, 1e-9, 1 - 1e-7)))).argmax(axis=1)
        self.seen.append(seen)
        self.did.append(arms)
        return arms
