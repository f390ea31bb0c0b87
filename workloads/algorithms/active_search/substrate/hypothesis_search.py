"""The second substrate: which hypothesis holds, found with queries that are answered yes or no.

A model says how likely a yes is: `chances` (hypotheses, queries), known to everybody. A policy sees it on the
board, with counts, sums and the posterior of a flat prior. After the last query the *substrate* names the most
likely hypothesis (ties at random), for everybody alike.

An instance is a hypothesis and the true chances of its answers. Of questions these are the model's. Of
thresholds the adversary chooses how noisy each position is, and the model takes all to be equally noisy. Answer
t of an episode is yes if the same number is below the chance, whoever asks (common random numbers).
"""

from dataclasses import dataclass
from time import process_time

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.algorithms.active_search.substrate.bandits import (
    Board,
    Floats,
    Ints,
    Policy,
    Small,
    checked_arms,
    first_best,
)

LEAST = 0.05
"""Chances are at least so and at most 1 less so: no answer is certain."""


@dataclass(frozen=True)
class HypothesisDraws:
    """The random part of e episodes, the same for every policy."""

    noise: Small
    """(queries, e) uniform: an answer is yes where it is below the chance."""
    coins: tuple[np.random.SeedSequence, ...]
    """By query: for ties and draws of the policy. A table of them all would be large."""
    names: Small
    """(e, hypotheses) for ties of the answer."""


@dataclass(frozen=True)
class HypothesisEpisodes:
    """What came of b episodes."""

    right: NDArray[np.bool_]
    answers: int
    choose_s: float
    """CPU seconds inside the policy."""


def hypothesis_draws(
    seed: np.random.SeedSequence, episodes: int, queries: int, model: Small
) -> HypothesisDraws:
    """Draw the random part of that many episodes. Pure."""
    own, *coins = seed.spawn(queries + 1)
    rng = np.random.default_rng(own)
    noise = rng.random((queries, episodes), np.float32)
    return HypothesisDraws(noise, tuple(coins), rng.random((episodes, len(model)), np.float32))


def play_instances(
    policy: Policy, model: Small, truth: Ints, chances: Small, drawn: HypothesisDraws
) -> HypothesisEpisodes:
    """Play b = i * e episodes: e for each of i instances, whose hypotheses are `truth` (i,).

    chances (i, arms): what the answers of an instance really follow.

    Raises:
        MethodContractError: if the policy names anything but one query an episode.
    """
    episodes = drawn.noise.shape[1]
    which, episode = (
        np.repeat(np.arange(len(truth)), episodes),
        np.tile(np.arange(episodes), len(truth)),
    )
    return run(policy, model, truth[which], chances[which], drawn, episode, episode)


def run(
    policy: Policy,
    model: Small,
    truth: Ints,
    chances: Small,
    drawn: HypothesisDraws,
    noise: Ints,
    coins: Ints,
) -> HypothesisEpisodes:
    """Play b episodes: row i has the noise of episode `noise[i]` and the coins of `coins[i]`."""
    b, rows, spent_s = len(truth), np.arange(len(truth)), 0.0
    counts, sums = np.zeros((b, model.shape[1]), np.int64), np.zeros((b, model.shape[1]))
    queries, episodes = drawn.noise.shape
    yes, no = np.log(model.T), np.log1p(-model.T)  # (arms, hypotheses)
    fits = np.zeros((b, len(model)), np.float32)
    for asked in range(queries):
        tossed = np.random.default_rng(drawn.coins[asked])
        fresh = tossed.random((episodes, model.shape[1]), np.float32)[coins]
        board = Board(
            counts.copy(), sums.copy(), fresh, asked, queries, model.copy(), posterior(fits)
        )
        began_s = process_time()
        arms = checked_arms(policy.choose(board), b, model.shape[1])
        spent_s += process_time() - began_s
        answer = drawn.noise[asked][noise] < chances[rows, arms]
        fits += np.where(answer[:, None], yes[arms], no[arms])
        sums[rows, arms] += answer
        counts[rows, arms] += 1
    said = first_best(np.round(fits, 4), drawn.names[noise])
    return HypothesisEpisodes(said == truth, int(counts.sum()), spent_s)


def posterior(fits: Small) -> Small:
    """Return the posterior of a flat prior from log-likelihoods: (b, hypotheses)."""
    likely = np.exp(fits - fits.max(axis=1, keepdims=True))
    found: Small = likely / likely.sum(axis=1, keepdims=True)
    return found


def entropy(chances: Small) -> Small:
    """Return the entropy of answers in nats."""
    found: Small = -chances * np.log(chances) - (1 - chances) * np.log1p(-chances)
    return found


def information_gain(board: Board) -> Small:
    """Return what each query is expected to tell of the hypothesis: (b, arms), nats.

    Entropy of the answer less its expected entropy when the hypothesis is known. Where all
    answers are equally noisy the largest is that which best halves the mass.
    """
    assert board.chances is not None
    assert board.belief is not None
    mean = np.clip(board.belief @ board.chances, 1e-6, 1 - 1e-6)
    found: Small = entropy(mean) - board.belief @ entropy(board.chances)
    return found


def hardness(model: Floats | Small, steps: int = 300) -> Floats:
    """Return C of each hypothesis of a model, from the lower bound for fixed confidence: (h,).

        C(z) = min over l of max over z' != z of 1 / sum over x of l_x KL(p_zx, p_z'x)

    by multiplicative weights of a game: the hypotheses z' against the allocation. An estimate from
    above, within some percent.
    """
    q = np.asarray(model, np.float64)
    found = np.empty(len(q))
    for z in range(len(q)):
        apart = q[z] * np.log(q[z] / q) + (1 - q[z]) * np.log((1 - q[z]) / (1 - q))  # (h, arms)
        apart = np.delete(apart, z, axis=0)
        size, weight, total = apart.max(), np.zeros(len(apart)), np.zeros(len(apart))
        share = np.zeros(apart.shape[1])
        for _ in range(steps):
            rival = np.exp(
                -(weight - weight.min()) / size * np.sqrt(np.log(len(apart) + 1) / steps) * 2
            )
            best = (rival @ apart).argmax()
            share[best] += 1 / steps
            weight += apart[:, best]
        total = apart @ share
        found[z] = 1 / max(total.min(), 1e-12)
    return found
