"""The substrate: many bandits at once, played query by query, and one decision rule for everybody.

A policy sees a `Board` and names one arm for each episode:

    class Policy(Protocol):
        def choose(self, board: Board) -> Ints: ...

Ten arms answer with their mean plus Gaussian noise of variance 1. A policy knows that, how many
queries there are, what it asked and what was answered; all policies see the same. The true means
stay here. After the last query the *substrate* names the arm with the highest observed mean among
those asked (ties at random), so that policies differ in their queries and in nothing else.

Noise is a table by episode, arm and how often that arm was asked: two policies that ask an arm for
the third time get the same answer (common random numbers). In each episode the arms are shuffled.
"""

from dataclasses import dataclass
from time import process_time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.compiled.kernels import compiled

Floats = NDArray[np.float64]
Small = NDArray[np.float32]
Ints = NDArray[np.int64]
ARMS = 10


@dataclass(frozen=True)
class Board:
    """What a policy sees before a query, of b episodes at once. Copies: writing changes nothing.

    Where hypotheses are hunted (`hypothesis_search.py`), an arm is a query and its answer is 1 for
    yes.
    """

    counts: Ints
    """(b, arms) how often each arm was asked."""
    sums: Floats
    """(b, arms) of its answers."""
    coins: Small
    """(b, arms) uniform in 0..1, fresh at each query: for ties and draws."""
    asked: int
    """Queries so far."""
    queries: int
    """Queries in all."""
    chances: Small | None = None
    """(hypotheses, queries) of a yes, where hypotheses are hunted; everybody's model."""
    belief: Small | None = None
    """(b, hypotheses) what a flat prior becomes by the answers under that model."""


class Policy(Protocol):
    """Names the next query of each episode."""

    def choose(self, board: Board) -> Ints:
        """Return an arm for each episode: (b,)."""
        ...


@dataclass(frozen=True)
class Episodes:
    """What came of b episodes."""

    right: NDArray[np.bool_]
    """(b,) the best arm was named."""
    pull: Floats
    """(b, arms) sum of answers less counts times means: the score of the likelihood in the means,
    in the order of the instance, not of the shuffled arms."""
    counts: Ints
    """(b, arms) in the order of the instance."""
    answers: int
    choose_s: float
    """CPU seconds inside the policy."""


@dataclass(frozen=True)
class Draws:
    """The random part of e episodes, the same for every policy and every instance."""

    noise: Small
    """(e, arms, queries)"""
    orders: Ints
    """(e, arms) which arm of the instance stands at each place."""
    coins: Small
    """(queries + 1, e, arms)"""


def draws(seed: np.random.SeedSequence, episodes: int, queries: int) -> Draws:
    """Draw the random part of that many episodes. Pure."""
    rng = np.random.default_rng(seed)
    orders = rng.random((episodes, ARMS)).argsort(axis=1)
    noise = rng.standard_normal((episodes, ARMS, queries), np.float32)
    coins = rng.random((queries + 1, episodes, ARMS), np.float32)
    return Draws(noise, orders, coins)


def play(policy: Policy, gaps: Floats, drawn: Draws) -> Episodes:
    """Play all drawn episodes on each of p instances with these gaps (p, arms - 1).

    Rows of the result are instance by instance. The best arm of an instance has mean 0, arm i the
    mean -gaps[i - 1].

    Raises:
        MethodContractError: if the policy names anything but one arm an episode.
    """
    episodes, _, queries = drawn.noise.shape
    means = np.concatenate([np.zeros((len(gaps), 1)), -gaps], axis=1)
    episode = np.tile(np.arange(episodes), len(gaps))
    order = drawn.orders[episode]
    hidden = np.take_along_axis(np.repeat(means, episodes, axis=0), order, axis=1)
    return run(policy, hidden, order, drawn, episode, queries)


def run(
    policy: Policy, hidden: Floats, order: Ints, drawn: Draws, episode: Ints, queries: int
) -> Episodes:
    """Play b episodes: row i has the means `hidden[i]` and the random part `episode[i]`."""
    b, spent_s = len(hidden), 0.0
    counts, sums = np.zeros((b, ARMS), np.int64), np.zeros((b, ARMS))
    for asked in range(queries):
        board = Board(counts.copy(), sums.copy(), drawn.coins[asked][episode], asked, queries)
        began_s = process_time()
        arms = checked_arms(policy.choose(board), b)
        spent_s += process_time() - began_s
        add_answers(arms, hidden, drawn.noise, episode, counts, sums)
    said = best_observed(counts, sums, drawn.coins[-1][episode])
    back = order.argsort(axis=1)
    pull = np.take_along_axis(sums - counts * hidden, back, axis=1)
    return Episodes(
        order[np.arange(b), said] == 0,
        pull,
        np.take_along_axis(counts, back, axis=1),
        int(counts.sum()),
        spent_s,
    )


@compiled
def add_answers(
    arms: Ints, hidden: Floats, noise: Small, episode: Ints, counts: Ints, sums: Floats
) -> None:
    """Add each episode's answer: its arm's mean, and the noise of the so-manieth time."""
    for row in range(len(arms)):
        arm = arms[row]
        sums[row, arm] += hidden[row, arm] + noise[episode[row], arm, counts[row, arm]]
        counts[row, arm] += 1


def best_observed(counts: Ints, sums: Floats, coins: Small) -> Ints:
    """Return the arm with the highest observed mean, ties at random: (b,)."""
    return first_best(means_of(counts, sums), coins)


def means_of(counts: Ints, sums: Floats) -> Floats:
    """Return observed means, -inf where an arm was never asked."""
    return np.where(counts > 0, sums / np.maximum(counts, 1), -np.inf)


@compiled
def first_best(values: Floats | Small, coins: Small) -> Ints:
    """Return where each row is largest, ties by the coins: (b,)."""
    found = np.empty(len(values), np.int64)
    for row in range(len(values)):
        first, best, toss = 0, values[row, 0], coins[row, 0]
        for arm in range(1, values.shape[1]):
            value, coin = values[row, arm], coins[row, arm]
            # Without a branch: which arm leads cannot be predicted.
            leads = (value > best) | ((value == best) & (coin > toss))
            first = arm if leads else first
            best = value if leads else best
            toss = coin if leads else toss
        found[row] = first
    return found


def checked_arms(arms: Ints, b: int, number: int = ARMS) -> Ints:
    """Return what a policy chose for b episodes among so many arms.

    Raises:
        MethodContractError: if it is anything but one arm an episode.
    """
    found = np.asarray(arms)
    if found.shape != (b,) or not np.issubdtype(found.dtype, np.integer):
        raise MethodContractError(
            f"A policy named {found.dtype} of shape {found.shape} for {b} episodes.",
            "`choose` returns one integer an episode.",
        )
    if found.min() < 0 or found.max() >= number:
        raise MethodContractError(
            f"A policy named arm {found.max() if found.max() >= number else found.min()}.",
            f"Arms are 0 to {number - 1}.",
        )
    return found
