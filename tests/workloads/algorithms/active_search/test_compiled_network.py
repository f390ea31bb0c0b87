"""The compiled network and its policy gradient, against tensors with automatic differentiation."""

import numpy as np
import pytest
import torch

from adabench.workloads.algorithms.active_search.substrate.bandits import ARMS, Board
from adabench.workloads.algorithms.active_search.substrate.compiled_network import (
    FEATURES,
    gradient,
    nothing,
    play_softmax,
)
from adabench.workloads.algorithms.active_search.substrate.hypothesis_policy import (
    score_queries,
    slope,
)
from adabench.workloads.algorithms.active_search.substrate.policy_network import (
    Network,
    NetworkPolicy,
    features,
)

QUERIES = 20


def network(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    found = Network()
    with torch.no_grad():
        found.layers[-1].weight.normal_(0, 0.3)
    return found


def board(counts, sums, asked: int) -> Board:
    return Board(counts, sums, np.zeros(counts.shape, np.float32), asked, QUERIES)


def episodes(net: Network, groups: int = 3, twins: int = 2):
    rng = np.random.default_rng(1)
    means = np.concatenate([np.zeros((groups, 1)), -rng.uniform(0, 2, (groups, ARMS - 1))], axis=1)
    noise = rng.standard_normal((groups, ARMS, QUERIES))
    b = groups * twins
    did, counts = np.empty((b, QUERIES), np.int64), np.zeros((b, ARMS), np.int64)
    sums = np.zeros((b, ARMS))
    play_softmax(means, noise, rng.random((b, QUERIES)), net.weights(), did, counts, sums)
    return means, noise, did, counts, sums


def test_scores_are_those_of_the_module() -> None:
    net, rng = network(), np.random.default_rng(0)
    counts = rng.integers(0, 4, (60, ARMS))
    sums = np.where(counts > 0, rng.standard_normal((60, ARMS)), 0.0)
    seen = board(counts, sums, 7)
    with torch.inference_mode():
        wanted = net(torch.from_numpy(features(seen))).numpy().argmax(axis=1)
    assert (
        NetworkPolicy(net).choose(seen) == wanted
    ).mean() > 0.98  # unasked arms tie: any of them
    assert features(seen).shape == (60, ARMS, FEATURES)


def test_episodes_add_up() -> None:
    means, noise, did, counts, sums = episodes(network())
    assert (counts.sum(axis=1) == QUERIES).all()
    for row in range(len(did)):
        assert np.bincount(did[row], minlength=ARMS).tolist() == counts[row].tolist()
        wanted = counts[row] * means[row // 2] + [
            noise[row // 2, arm, : counts[row, arm]].sum() for arm in range(ARMS)
        ]
        assert sums[row] == pytest.approx(wanted)


def test_the_policy_gradient_is_that_of_automatic_differentiation() -> None:
    net = network()
    means, noise, did, _, _ = episodes(net)
    weight, entropy = np.array([0.7, -0.7, 0.0, 0.0, 1.3, -0.2]), 0.3
    found, cost = nothing(net.weights()), torch.zeros(())
    gradient(means, noise, did, weight, entropy, net.weights(), found)
    for row in np.flatnonzero(weight):
        counts, sums = np.zeros((1, ARMS), np.int64), np.zeros((1, ARMS))
        for t in range(QUERIES):
            scores = net(torch.from_numpy(features(board(counts, sums, t))))[0].log_softmax(0)
            cost = (
                cost + weight[row] * scores[did[row, t]] + entropy * (scores.exp() * scores).sum()
            )
            arm, group = did[row, t], row // 2
            sums[0, arm] += means[group, arm] + noise[group, arm, counts[0, arm]]
            counts[0, arm] += 1
    torch.autograd.backward(cost)
    wanted = [weight.grad.clone() for weight in net.parameters()]
    net.learn(found)
    for one, weights in zip(wanted, net.parameters(), strict=True):
        assert torch.allclose(one, weights.grad, atol=1e-4)


def test_the_gradient_of_hunts_is_that_of_automatic_differentiation() -> None:
    net, rng = network(), np.random.default_rng(2)
    seen = rng.standard_normal((30, 20, FEATURES)).astype(np.float32)
    did, weight, entropy = rng.integers(20, size=30), rng.standard_normal(30), 0.2
    weight[::7] = 0
    out, found = np.empty((30, 20), np.float32), nothing(net.weights())
    score_queries(seen, net.weights(), out)
    scores = net(torch.from_numpy(seen))
    assert out == pytest.approx(scores.detach().numpy(), abs=1e-4)
    slope(seen, did, weight, entropy, net.weights(), found)
    logs, busy = scores.log_softmax(1), torch.from_numpy(weight != 0)
    picked = logs[torch.arange(30), torch.from_numpy(did)]
    spread = (logs.exp() * logs).sum(1)
    torch.autograd.backward(
        (torch.from_numpy(weight) * picked).sum() + entropy * spread[busy].sum()
    )
    wanted = [weight.grad.clone() for weight in net.parameters()]
    net.learn(found)
    for one, weights in zip(wanted, net.parameters(), strict=True):
        assert torch.allclose(one, weights.grad, atol=1e-3)
