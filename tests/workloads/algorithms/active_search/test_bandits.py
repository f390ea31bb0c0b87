"""The substrate: counts, common random numbers, shuffled arms, one decision rule."""

import numpy as np
import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.active_search.methods.successive_halving import Halving
from adabench.workloads.algorithms.active_search.methods.uncertainty import Uncertainty
from adabench.workloads.algorithms.active_search.methods.uniform import Uniform
from adabench.workloads.algorithms.active_search.substrate.bandits import (
    ARMS,
    Board,
    add_answers,
    best_observed,
    draws,
    first_best,
    play,
)
from adabench.workloads.algorithms.active_search.substrate.complexity import difficulty, on_boundary
from adabench.workloads.algorithms.active_search.substrate.worst_case_bandit import (
    losses,
    search,
    starts,
)

SEED = np.random.SeedSequence(5)
GAPS = np.linspace(0.5, 2.0, ARMS - 1)[None]


class Always:
    """Asks one arm, or anything it was given."""

    def __init__(self, arms) -> None:
        self.arms = arms

    def choose(self, board: Board):
        return np.full(len(board.counts), self.arms)


class Writer(Uniform):
    """Writes into what it is shown."""

    def choose(self, board: Board):
        arms = super().choose(board)
        board.sums[:] = 99.0
        board.counts[:] = 7
        return arms


class Keeper(Uniform):
    """Keeps its boards."""

    def __init__(self) -> None:
        super().__init__(ARMS)
        self.boards: list[Board] = []

    def choose(self, board: Board):
        self.boards.append(board)
        return super().choose(board)


def test_every_answer_is_counted_and_the_sums_are_those_of_the_table() -> None:
    drawn, policy = draws(SEED, 50, 20), Keeper()
    played = play(policy, GAPS, drawn)
    assert played.answers == 50 * 20 == played.counts.sum()
    assert (played.counts == 2).all()
    last = policy.boards[-1]
    means = np.append(0.0, -GAPS[0])[drawn.orders]
    twice = last.counts == 2
    expected = 2 * means + drawn.noise[:, :, :2].sum(axis=2, dtype=float)
    assert last.sums[twice] == pytest.approx(expected[twice])
    assert last.counts.sum() == 50 * 19


def test_writing_into_a_board_changes_nothing() -> None:
    drawn = draws(SEED, 50, 20)
    plain, wrote = play(Uniform(ARMS), GAPS, drawn), play(Writer(ARMS), GAPS, drawn)
    assert (plain.right == wrote.right).all()


def test_successive_halving_keeps_ten_five_three_and_two_arms() -> None:
    class Counted(Halving):
        def choose(self, board: Board):
            arms = super().choose(board)
            left.append(set(self.alive.sum(axis=1).tolist()))
            return arms

    left: list[set[int]] = []
    play(Counted(), GAPS, draws(SEED, 50, 20))
    assert left == [{10}] * 10 + [{5}] * 5 + [{3}] * 3 + [{2}] * 2


@pytest.mark.parametrize("arms", [-1, ARMS, 0.5])
def test_an_arm_that_does_not_exist_is_refused(arms) -> None:
    with pytest.raises(MethodContractError, match="named"):
        play(Always(arms), GAPS, draws(SEED, 5, 3))


def test_arms_are_shuffled() -> None:
    # The best arm comes first in the instance: asking the first place alone must not find it.
    right = play(Always(0), np.full((1, ARMS - 1), 3.0), draws(SEED, 4000, 2)).right.mean()
    assert right == pytest.approx(1 / ARMS, abs=0.02)


def test_ties_are_broken_evenly() -> None:
    coins = np.random.default_rng(0).random((20000, ARMS))
    places = np.bincount(first_best(np.zeros((20000, ARMS)), coins), minlength=ARMS)
    assert places.min() > 1800
    counts = np.zeros((1, ARMS), np.int64)
    counts[0, 3] = 1
    sums = np.where(counts > 0, -50.0, 0.0)
    assert best_observed(counts, sums, coins[:1])[0] == 3


def test_the_gradient_points_where_the_loss_rises() -> None:
    drawn = draws(SEED, 4000, 20)
    gaps = on_boundary(np.ones((1, ARMS - 1)), 10.0)
    loss, gradient, _ = losses(Uniform(ARMS), gaps, drawn)
    harder, _, _ = losses(Uniform(ARMS), gaps + 0.3 * gradient / np.linalg.norm(gradient), drawn)
    assert gradient.sum() < 0
    assert harder[0] > loss[0]


def test_starts_are_fresh_and_on_the_boundary() -> None:
    first, second = (starts(np.random.default_rng(seed), 24) for seed in (0, 1))
    assert (first[10:] != second[10:]).all()
    assert difficulty(on_boundary(first, 7.0)) == pytest.approx(np.full(24, 7.0))


class HasAHole(Uncertainty):
    """Good, but where exactly the second and third observed means are close it gives up."""

    def choose(self, board: Board):
        arms = super().choose(board)
        means = board.sums / np.maximum(board.counts, 1)
        ranked = np.sort(means, axis=1)
        crowded = (board.asked >= ARMS) & (ranked[:, -1] - ranked[:, 4] < 1.5)
        return np.where(crowded, board.coins.argmax(axis=1), arms)


def test_the_search_finds_more_than_random_instances_show() -> None:
    hard, queries = 31.6, 20
    found = search(HasAHole(), hard, np.random.SeedSequence(1), queries)
    assert difficulty(found.gaps[None])[0] == pytest.approx(hard)
    final = draws(np.random.SeedSequence(2), 2000, queries)
    worst, _, _ = losses(HasAHole(), found.gaps[None], final)
    rng = np.random.default_rng(3)
    random = on_boundary(np.exp(rng.standard_normal((20, ARMS - 1))), hard)
    usual, _, _ = losses(HasAHole(), random, draws(np.random.SeedSequence(2), 300, queries))
    assert worst[0] > usual.mean() + 0.1


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_best_of_a_row_is_numpys_with_ties_by_the_coins(kind) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(-2, 3, (4000, ARMS)).astype(kind)
    values[rng.random(values.shape) < 0.2] = -np.inf
    values[:3] = -np.inf
    coins = (rng.integers(0, 4, values.shape) / 4).astype(np.float32)
    ties = values == values.max(axis=1, keepdims=True)
    wanted = np.where(ties, coins, -1.0).argmax(axis=1)
    assert np.array_equal(first_best(values, coins), wanted)
    assert np.array_equal(first_best(values[::2], coins[::2]), wanted[::2])


def test_answers_are_those_of_the_table_to_the_bit() -> None:
    rng = np.random.default_rng(2)
    hidden, noise = rng.standard_normal((500, ARMS)), rng.standard_normal((50, ARMS, 20))
    noise = noise.astype(np.float32)
    episode, arms = rng.integers(0, 50, 500), rng.integers(0, ARMS, 500)
    counts, sums = rng.integers(0, 19, (500, ARMS)), rng.standard_normal((500, ARMS))
    rows, wanted, asked = np.arange(500), sums.copy(), counts.copy()
    wanted[rows, arms] += hidden[rows, arms] + noise[episode, arms, asked[rows, arms]]
    asked[rows, arms] += 1
    add_answers(arms, hidden, noise, episode, counts, sums)
    assert np.array_equal(sums, wanted)
    assert np.array_equal(counts, asked)
