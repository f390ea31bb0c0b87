"""Graphs that are written by hand, searched, selected and edited: which run, who is charged, what a swap changes."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.workflows.methods.selected_graph import redrawn
from adabench.workloads.agents.workflows.substrate.library import (
    EDITS,
    HAND,
    MIXES,
    SIZE,
    SOLVES,
    STOP,
    VERIFY,
    VOTES,
    GraphPlan,
    best_of,
    library,
    mix_of,
    recipes,
    state_of,
)
from adabench.workloads.agents.workflows.task import RULES, load


@pytest.fixture(scope="module")
def plain():
    return load("embedded", 1, requests=10, kinds="all", faults="usual")


def solved(task, name, **knobs):
    """Return answers of a method on the first stream, its scores with counts, and its realised graphs."""
    (stream, *_) = task.cases()
    entry = registry.find(f"workflows/{name}")
    task.meter.clear()
    point = {**entry.card.fixed, **entry.card.defaults, **knobs}
    answers = registry.load(entry).solve(task, stream, point)
    graphs = [one.graph for one in task.account(stream, answers).served]
    return answers, {**task.score(stream, answers), **task.meter}, graphs


def test_streams_come_clean_and_with_faults_and_ask_the_same():
    task = load("embedded", 0, requests=4)
    names = [stream.group for stream in task.streams]
    assert names == ["arith", "kb", "all", "arith-faults", "kb-faults", "all-faults"]
    lone = load("embedded", 0, requests=4, kinds="kb", faults="usual")
    assert [stream.group for stream in lone.streams] == ["kb-faults"]
    down = [scene.faults.transient for scenes in task.scenes for scene in scenes]
    assert down[:12] == [0.0] * 12
    assert min(down[12:]) > 0


def test_whatever_five_numbers_a_graph_has_it_runs():
    assert len(HAND.template.nodes) == 3
    assert [node.kind for node in VOTES.template.nodes] == ["solve", "solve", "solve", "vote"]
    twice = GraphPlan(0, 0, critic=1, other=2).template
    assert [node.heat for node in twice.nodes[:2]] == [0.0, 1.0]
    assert [node.kind for node in twice.nodes] == ["solve", "solve", "vote", "verify", "escalate"]
    assert len(GraphPlan(3, critic=1).template.nodes) == 1
    for place in range(len(SOLVES)):
        assert GraphPlan(place, other=place).template.levels == ((0,),)


def test_a_mix_is_read_off_prompts():
    names = {
        kinds: MIXES[mix_of(load("embedded", 0, requests=8, kinds=kinds, faults="none").streams[0].prompts)]
        for kinds in ("arith", "kb", "all", "mix", "arith2")
    }  # fmt: skip
    assert names == {"arith": "arith", "kb": "kb", "all": "all", "mix": "all", "arith2": "arith"}


def test_a_search_and_a_library_are_paid(plain):
    spent = [
        solved(plain, name)[1]["training_words"]
        for name in ("searched_template", "selected_graph", "edited_graph")
    ]
    assert 0 < spent[0] < spent[1] < spent[2]
    assert "training_words" not in solved(plain, "hand_template")[1]


def test_a_swapped_graph_was_selected_for_a_request_before(plain):
    _, own, _ = solved(plain, "selected_graph")
    _, other, _ = solved(plain, "swapped_graph")
    assert own["distinct_graphs"] > 1
    assert other["answers_digest"] != own["answers_digest"]
    one = load("embedded", 1, requests=1, kinds="all", faults="usual")
    assert solved(one, "swapped_graph")[0] == solved(one, "selected_graph")[0]


def test_a_graph_of_the_same_size_has_as_many_operators_and_others(plain):
    draws = Draws(3)
    for graph in (HAND, VOTES, GraphPlan(4, 2), GraphPlan(0)):
        others = [redrawn(graph, draws) for _ in range(20)]
        assert {tuple(n < 0 for n in one) for one in others} == {tuple(n < 0 for n in graph)}
        assert len({*others}) > 3
    _, own, _ = solved(plain, "selected_graph")
    _, other, _ = solved(plain, "same_size_graph")
    assert other["accuracy"] < own["accuracy"]


def test_edits_follow_the_table(plain):
    known = library(plain)
    known.edits[...] = STOP
    try:
        assert solved(plain, "edited_graph")[0] == solved(plain, "selected_graph")[0]
        known.edits[...] = VERIFY
        _, checked, _ = solved(plain, "edited_graph")
        assert checked["judge_calls"] >= EDITS
        known.edits[...] = 2
        _, anew, graphs = solved(plain, "edited_graph")
        assert anew["judge_calls"] < checked["judge_calls"]
        assert all(one.nodes[-EDITS:] == (
            "solve chk", "solve chk of apo", "solve chk of flat",
        ) for one in graphs)  # fmt: skip
    finally:
        library.__globals__["read_library"].cache_clear()


def test_what_is_known_behind_an_answer_has_a_row():
    assert state_of(None, False, ["a"], 3) == (0, 0, 0, 3)
    assert state_of(0.2, True, ["a", "b"], 1) == (1, 1, 2, 1)
    assert state_of(0.9, False, ["a", None, "a"], 2) == (2, 0, 1, 2)


def test_the_surest_answer_wins_and_none_never_does():
    assert best_of(["a", "b"], [0.3, 0.9]) == 1
    assert best_of(["a", "b"], [None, 0.3]) == 0
    assert best_of(["a", "b", "b"], [None, None, None]) == 1
    assert best_of([None, "b"], [0.9, 0.0]) == 1


def test_a_bound_is_right_wherever_a_graph_is_and_other_draws_tell_less(plain):
    _, best, _ = solved(plain, "best_graph")
    assert best["accuracy"] >= solved(plain, "selected_graph")[1]["accuracy"]
    _, by_draws, _ = solved(plain, "best_graph", draws="other")
    assert by_draws["accuracy"] <= best["accuracy"]
    assert (
        max(best["llm_calls"], by_draws["llm_calls"]) < solved(plain, "three_votes")[1]["llm_calls"]
    )


def test_five_libraries_ship(plain):
    assert len(recipes()) == 5
    found = [library(load("embedded", seed, requests=1)) for seed in range(5)]
    assert len({one.library_words for one in found}) == 5
    assert all(len({*one.graphs}) == SIZE == len(one.graphs) for one in found)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"kinds": "kb,sums"}, "no kind of question 'sums'"),
        ({"policy": "agent-z"}, "no policy 'agent-z'"),
    ],
)
def test_conditions_that_are_not_there_are_sentences(given, says):
    with pytest.raises(SelectionError, match=says) as refused:
        load("embedded", 0, requests=1, **given)
    assert refused.value.hint


@pytest.mark.parametrize(
    "body",
    [
        "from adabench.workloads.agents.truth.problems import draw_problem",
        "from adabench.workloads.agents.substrate.shards import holder",
        "def solve(task, stream, point):\n    return stream.group",
    ],
)
def test_what_would_tell_the_answer_is_refused(body):
    assert list(RULES.problems(body, "adabench.workloads.agents.workflows.methods.planted"))


@pytest.mark.slow
def test_a_training_gives_the_same_library_again():
    from adabench.workloads.agents.workflows.training import train_library

    plan = replace(recipes()["graph-library-s0"], rounds=2, validation=8, questions=32, steps=20)
    weights, dev = train_library.train(plan)
    assert set(dev) >= {"room", "useful"}
    assert train_library.train(plan)[1] == dev
    assert len(weights["graphs"]) == SIZE
