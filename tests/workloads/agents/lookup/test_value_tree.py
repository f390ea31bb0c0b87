"""Trees over steps: how nodes are weighed and valued, and that a budget holds."""

from dataclasses import dataclass

import pytest

from adabench.workloads.agents.lookup.methods.bavt import STEEPEST, weigh
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.episode_pool import RESERVE, elected, hops_left
from adabench.workloads.agents.substrate.value_tree import (
    LEAST,
    Node,
    Tree,
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
    first, again = weigh("fixed", 0.6)([node(0.5), node(0.5, uses=2)], 1.0)
    assert again == pytest.approx(first * 0.6**2)


def test_the_papers_rule_has_no_part_for_how_often_a_node_was_chosen():
    first, again = weigh("fixed")([node(0.5), node(0.5, uses=2)], 1.0)
    assert again == first


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


PROMPT = words.encode("<bos> Q A7 B12 H1 r5 H2 r2 H3 r1 HZ Y3 R H1 w2 >")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("act", 3),
        ("act H1 K1 A7 B12 r5 = A3 B9 ;", 2),
        ("act H1 K1 A7 B12 r5 = err ;", 3),
        ("act H1 K1 A7 B12 r5 = A3 B9 ; H2 K1 A3 B9 r2 = none ;", 2),
        ("act H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ; w2 H2 K1 w2 A8 B1 r2 = A5 B6 ;", 1),
    ],
)
def test_hops_are_left_until_a_call_finds_something(text, left):
    assert hops_left(PROMPT, words.encode(text)) == left


@dataclass
class Stand:
    """What a tree asks of a session about its budget."""

    prompt: tuple[int, ...] = PROMPT
    tools_used: int = 0
    words_used: int = 0


def chances(used, reserve=RESERVE, answered=False):
    """Return the last chances of a tree with 10 calls: 0 is the root, 1 and 2 are as many hops on."""
    done = ["", " H1 K1 A7 B12 r5 = A3 B9 ;", " H2 K1 A3 B9 r2 = A5 B6 ;"]
    texts = ["act" + "".join(done[: hops + 1]) for hops in range(3)]
    nodes = [Node(Seq(list(words.encode(text)), 0, 0), 0.5, 0.5) for text in texts]
    plan = TreePlan(10, 100, 0.9, "residual", weigh("budget"), float, reserve=reserve)
    tree = Tree(Stand(tools_used=used), plan, nodes, answered=answered)
    return [nodes.index(one) for one in tree.last_chances()]


def test_an_answer_is_forced_when_no_more_is_left_than_it_takes():
    assert chances(6) == []
    assert chances(7) == [1, 2]
    assert chances(8) == chances(9) == [2]


def test_no_answer_is_forced_without_a_reserve_or_once_there_is_one():
    assert chances(9, reserve=None) == chances(9, answered=True) == []


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
