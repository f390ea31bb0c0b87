"""How many children each leaf gets: REBASE's rule, the beam's, and DVTS's subtrees."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adabench.workloads.shared.language_model.contract import Seq
from adabench.workloads.test_time.methods.dvts import subtrees
from adabench.workloads.test_time.methods.random_n import samples
from adabench.workloads.test_time.substrate.allocation import allocate_by_score, allocate_to_best
from adabench.workloads.test_time.substrate.tree_search import Node, Tree

REWARDS = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def test_a_hand_worked_example() -> None:
    # T chosen so that the weights are 4, 2, 1, 1 (sum 8), W = 8:
    # ceil(8 * 4/8) = 4; 4 left of 4: ceil(4 * 2/4) = 2; 2 of 2: ceil(2 * 1/2) = 1; 1.
    assert allocate_by_score([2, 0, 1, 0], 8, 1 / math.log(2)) == [4, 1, 2, 1]
    # W = 5: ceil(2.5) = 3; 2 left, sum 4: ceil(2 * 2/4) = 1; 1 left, sum 2: ceil(1/2) = 1; none.
    assert allocate_by_score([2, 0, 1, 0], 5, 1 / math.log(2)) == [3, 1, 1, 0]


def test_at_a_fifth_a_better_score_weighs_as_the_paper_says() -> None:
    # e^(0.2 / 0.2) = 2.718: of 100 children 0.9 takes ceil(73.1), 0.7 the rest.
    assert allocate_by_score([0.7, 0.9], 100, 0.2) == [26, 74]


@pytest.mark.parametrize("n", range(1, 65))
def test_equal_rewards_get_equal_shares(n: int) -> None:
    assert allocate_by_score([0.3] * n, n, 0.2) == [1] * n
    assert allocate_by_score([0.3] * n, 3 * n, 0.2) == [3] * n


@given(REWARDS, st.integers(0, 70), st.sampled_from([1e-4, 0.2, 5.0]))
def test_the_width_is_spent_exactly_and_better_leaves_get_no_less(
    rewards: list[float], width: int, temperature: float
) -> None:
    counts = allocate_by_score(rewards, width, temperature)
    assert sum(counts) == width
    assert min(counts) >= 0
    ranked = [counts[i] for i in sorted(range(len(rewards)), key=lambda i: -rewards[i])]
    # Rounding up on what is left may favour a later leaf by one, never by more.
    assert all(later <= sooner + 1 for sooner, later in itertools.pairwise(ranked))


@given(REWARDS, st.integers(0, 70), st.integers(1, 9))
def test_a_beam_keeps_the_best_and_spends_the_width(
    rewards: list[float], width: int, keep: int
) -> None:
    counts = allocate_to_best(rewards, width, keep)
    assert sum(counts) == width
    expanded = [i for i, count in enumerate(counts) if count]
    assert len(expanded) == min(keep, len(rewards), width)
    dropped = [rewards[i] for i in range(len(rewards)) if i not in expanded]
    assert all(rewards[i] >= reward for i in expanded for reward in dropped)


def test_a_beam_of_sixteen_is_four_times_four() -> None:
    counts = allocate_to_best([i / 16 for i in range(16)], 16, 4)
    assert counts == [0] * 12 + [4] * 4
    assert sorted(allocate_to_best([0.5] * 13, 13, 4), reverse=True)[:5] == [4, 3, 3, 3, 0]


def leaf(branch: int, reward: float) -> Node:
    return Node(Seq([1], 1, 0), None, branch, (reward,))


def test_subtrees_keep_one_leaf_each_and_their_own_width() -> None:
    tree = Tree(session=None, width=16)  # type: ignore[arg-type]
    tree.leaves = [leaf(branch, reward=branch / 16) for branch in range(16)]
    # The best of branches {s, s + 4, s + 8, s + 12} is the last one.
    assert subtrees(tree, 16) == [0] * 12 + [4] * 4
    tree.ended = [leaf(0, 1.0), leaf(8, 1.0), leaf(1, 1.0)]
    tree.leaves = [leaf(4, 0.1), leaf(4, 0.2), leaf(5, 0.9), leaf(9, 0.3), leaf(2, 0.0)]
    # Subtree 0 has lost two of its four, subtree 1 one, subtree 2 none; 3 has no leaf left.
    assert subtrees(tree, 16) == [0, 2, 3, 0, 4]


def test_a_width_that_is_no_square_is_dealt_out_whole() -> None:
    tree = Tree(session=None, width=10)  # type: ignore[arg-type]
    tree.leaves = [leaf(branch, 0.5) for branch in range(10)]
    assert subtrees(tree, 10) == [3, 3, 2, 2, 0, 0, 0, 0, 0, 0]


def test_the_die_is_fair_and_knows_only_index_and_seed() -> None:
    drawn = [samples(0, index, 4) for index in range(7000)]
    assert sorted(set(drawn)) == list(range(1, 8))
    # A mean of 7000 throws of 1..7 has a standard error of 2 / 84 = 0.024.
    assert abs(sum(drawn) / len(drawn) - 4) < 0.1
    assert drawn[:50] == [samples(0, index, 4) for index in range(50)]
    assert drawn[:50] != [samples(1, index, 4) for index in range(50)]
    assert {samples(0, index, 1) for index in range(20)} == {1}
