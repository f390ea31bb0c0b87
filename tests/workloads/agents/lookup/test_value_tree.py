"""Trees over steps: how nodes are weighed and valued, and that a budget holds."""

import pytest

from adabench.workloads.agents.lookup.methods.bavt import STEEPEST, weigh
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.episode_pool import elected
from adabench.workloads.agents.substrate.value_tree import (
    LEAST,
    REUSE,
    Node,
    TreePlan,
    budget_left,
    chosen,
    valued,
)
from adabench.workloads.shared.language_model.contract import Seq


def node(value, read=0.5, uses=0):
    return Node(Seq([], 0, 0), value, read, uses=uses)


def share(left, schedule="budget"):
    """Return what share of the choices the better of two nodes gets."""
    better, worse = weigh(schedule)([node(0.8), node(0.4)], left)
    return better / (better + worse)


def test_choice_sharpens_as_the_budget_is_spent():
    assert share(1.0) == pytest.approx(2 / 3)
    assert share(0.5) == pytest.approx(4 / 5)
    assert share(1.0) < share(0.5) < share(0.25) < share(0.1)
    assert share(1e-9) == share(1 / STEEPEST) < 1


def test_the_scarcer_of_calls_and_words_is_what_is_left():
    plan = TreePlan(10, 100, 0.9, "residual", lambda nodes, left: [], lambda count: 0.0)
    assert budget_left(plan, 0, 0) == 1.0
    assert budget_left(plan, 5, 10) == pytest.approx(0.5)
    assert budget_left(plan, 1, 80) == pytest.approx(0.2)
    assert budget_left(plan, 10, 0) == budget_left(plan, 0, 130) == 0.0


def test_other_schedules_do_not_look_at_the_budget():
    assert share(1.0, "fixed") == share(0.1, "fixed") == pytest.approx(2 / 3)
    assert share(1.0, "greedy") == share(0.1, "greedy") > 0.99


def test_a_node_that_was_chosen_weighs_less():
    first, again = weigh("fixed")([node(0.5), node(0.5, uses=2)], 1.0)
    assert again == pytest.approx(first * REUSE**2)


def test_weights_of_small_values_are_not_lost():
    assert all(weight > 0 for weight in weigh("greedy")([node(LEAST), node(0.02)], 0.01))


def test_a_residual_critic_adds_what_the_step_gained():
    parent = node(0.9, read=0.3)
    assert valued(parent, 0.35, "residual") == pytest.approx(0.95)
    assert valued(parent, 0.35, "absolute") == 0.35
    assert valued(parent, 0.9, "residual") == 1.0
    assert valued(node(0.1, read=0.9), 0.1, "residual") == LEAST


def test_nodes_are_drawn_by_their_weights():
    nodes = [node(0.1), node(0.2), node(0.3)]
    drawn = [chosen(nodes, [1.0, 2.0, 1.0], i / 8) for i in range(8)]
    assert [nodes.index(one) for one in drawn] == [0, 0, 1, 1, 1, 1, 2, 2]


def test_declared_failures_and_malformed_episodes_have_no_vote():
    texts = ["act ans fail ;", "act ans fail ;", "act ans A1 B1 ;", "act ans A1 ;"]
    completions = [words.encode(text) for text in texts]
    assert elected(completions, [1.0] * 4) == completions[2]
    assert elected(completions[:2], [1.0] * 2) == completions[0]


def test_the_answer_of_most_weight_is_elected_and_the_earliest_of_equals():
    texts = ["act ans A1 B1 ;", "act ans A2 B2 ;", "dir ans A2 B2 ;"]
    completions = [words.encode(text) for text in texts]
    assert elected(completions, [1.0, 1.0, 1.0]) == completions[1]
    assert elected(completions[:2], [1.0, 1.0]) == completions[0]
    assert elected(completions, [3.0, 1.0, 1.0]) == completions[0]
