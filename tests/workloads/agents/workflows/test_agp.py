"""AGP and its rivals: which graphs are left, what they carry, whose masks they are, and what is refused."""

from dataclasses import replace

import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.agents.workflows.substrate.desk_graphs import (
    SHAPES,
    DeskGraph,
    complete,
    in_rounds,
)
from adabench.workloads.agents.workflows.substrate.pruners import (
    DESKS,
    NETS,
    PAIRS,
    encode,
    pruned,
    pruner,
    read_pruner,
    recipes,
    word_counts,
)
from adabench.workloads.agents.workflows.task import load

ALL = tuple(range(DESKS))
SHARDS = {"desks": 6, "kinds": "kb", "faults": "none"}


@pytest.fixture(scope="module")
def shards():
    return load("embedded", 0, requests=6, **SHARDS)


def solved(task, name, **knobs):
    """Return answers of a method on the first stream, its scores with counts, and its realised graphs."""
    (stream, *_) = task.cases()
    entry = registry.find(f"workflows/{name}")
    task.meter.clear()
    point = {**entry.card.fixed, **entry.card.defaults, **knobs}
    answers = registry.load(entry).solve(task, stream, point)
    graphs = [one.graph for one in task.account(stream, answers).served]
    return answers, {**task.score(stream, answers), **task.meter}, graphs


def odds(stays, edges=()):
    """Return odds by which some desks stay, and some pairs."""
    return (
        *(0.9 if desk in stays else 0.1 for desk in ALL),
        *(0.7 if pair in edges else 0.3 for pair in PAIRS),
    )


@pytest.mark.parametrize(
    ("stays", "edges", "left"),
    [
        ((1, 4), ((1, 4),), DeskGraph((1, 4), ((0, 1),))),
        ((1, 4), ((1, 4), (1, 2)), DeskGraph((1, 4), ((0, 1),))),
        ((0, 2, 5), ((0, 2),), DeskGraph((0, 2, 5), ((0, 1),))),
        ((3,), ((3, 4),), DeskGraph((3,))),
        ((), PAIRS, DeskGraph((0,))),
        (ALL, PAIRS, DeskGraph(ALL, tuple(sorted(complete(ALL).edges)))),
    ],
)
def test_a_desk_and_an_edge_stay_where_both_heads_say_so(stays, edges, left):
    assert pruned(odds(stays, edges), 0.55) == left


def test_edges_lead_from_who_is_earlier_in_any_order():
    graph = pruned(odds(ALL, PAIRS), 0.55, order=ALL[::-1])
    assert graph.desks == ALL[::-1]
    assert all(a < b for a, b in graph.edges)
    by_die = pruned(odds((1, 4, 5), ((1, 4), (4, 5))), 0.55, order=(5, 0, 4, 1, 2, 3))
    assert by_die == DeskGraph((5, 4, 1), ((0, 1), (1, 2)))


def test_each_round_begins_where_the_one_before_it_ended():
    chain = in_rounds(SHAPES["chain"](ALL), 2)
    assert len(chain.edges) == 5 + 1 + 5
    assert [node.kind for node in chain.nodes] == ["solve", *["hand over"] * 11]
    debate = in_rounds(SHAPES["debate"](ALL), 2)
    assert [node.kind for node in debate.nodes].count("solve") == 6
    assert len(debate.edges) == 36 + 6
    assert debate.nodes[-1].kind == "vote"
    assert len(in_rounds(complete(ALL), 2).edges) == 15 + 1 + 15
    assert len(in_rounds(DeskGraph((2,)), 3).nodes) == 1


def test_what_is_pruned_is_read_by_nobody(shards):
    _, whole, _ = solved(shards, "complete_graph")
    _, chain, _ = solved(shards, "chain_graph")
    _, own, graphs = solved(shards, "agp")
    assert (whole["messages"], chain["messages"]) == (31, 11)
    assert own["words"] < chain["words"] < whole["words"]
    for graph in graphs:
        carried = [words for *_, words in graph.edges if words]
        assert len(carried) <= 31
        assert (
            len({label.rpartition(" at ")[2] for label in graph.nodes if label != "vote"}) <= DESKS
        )
    assert own["prefilled"] >= own["message_words"]


def test_an_empty_graph_is_one_desk_and_the_lowest_threshold_keeps_all(shards):
    _, one, _ = solved(shards, "agp", threshold=1.0)
    _, many, _ = solved(shards, "agp", threshold=0.0)
    assert (one["nodes"], one["messages"]) == (1, 0)
    assert many["nodes"] > 2 * one["nodes"]


def test_random_pruning_and_masks_of_others_are_as_large(shards):
    _, own, graphs = solved(shards, "agp")
    _, other, others = solved(shards, "others_masks")
    _, _, dice = solved(shards, "random_pruning")

    def sizes(found):
        return [(len(one.nodes), len(one.edges)) for one in found]

    assert sizes(dice) == sizes(graphs)
    assert sizes(others)[1:] == sizes(graphs)[:-1]
    assert [one.nodes for one in others[1:]] == [one.nodes for one in graphs[:-1]]
    assert others[0] == graphs[0]
    assert other["accuracy"] <= own["accuracy"]


def test_stage_one_is_paid_by_who_reads_it(shards):
    for name in ("agp", "single_desk", "pruned_graph"):
        assert solved(shards, name)[1]["training_words"] > 10_000
    assert "training_words" not in solved(shards, "complete_graph")[1]


def test_the_holders_of_what_is_asked_are_enough(shards):
    _, best, _ = solved(shards, "holders")
    _, one, _ = solved(shards, "single_desk")
    assert best["accuracy"] > one["accuracy"]
    assert best["words"] < solved(shards, "chain_graph")[1]["words"]


def test_one_desk_needs_no_graph_and_its_pruner_is_refused():
    alone = load("embedded", 0, requests=2, kinds="kb", faults="none")
    assert solved(alone, "complete_graph")[1]["nodes"] == 1
    assert solved(alone, "holders")[1]["accuracy"] >= 0
    with pytest.raises(SelectionError, match="trained for 6 desks, and here are 1") as refused:
        solved(alone, "agp")
    assert refused.value.hint


def test_a_relation_that_no_kept_desk_holds_ends_in_a_failure_that_is_declared(shards):
    _, found, graphs = solved(shards, "pruned_graph", size=1)
    assert found["declared"] > 0.5
    assert all(len(one.nodes) == 1 for one in graphs)


def test_networks_read_the_prompt_and_differ():
    found = pruner(load("embedded", 0, requests=1))
    assert set(found.nets) == set(NETS)
    (stream,) = load("embedded", 0, requests=1, **SHARDS).cases()
    counts = word_counts(stream.prompts[0])
    assert counts.sum() == len(stream.prompts[0])
    stays, edges = encode(found.nets["trained"], counts[None])
    assert stays.shape == (1, DESKS)
    assert edges.shape == (1, len(PAIRS))
    assert 0.26 < edges.min() < 0.5 < edges.max() < 0.74
    soft = [found.nets[name]["soft_in"] for name in ("trained", "fixed_mlp")]
    assert not torch.equal(*soft)
    assert [len(desks) for desks in found.best] == [1, 2, 3, 4, 5, 6]


def test_five_pruners_ship_and_seeds_take_them_in_turn():
    assert len(recipes()) == 5
    words = {pruner(load("embedded", seed, requests=1)).training_words for seed in range(5)}
    assert len(words) == 5


def test_a_pruner_that_covers_too_little_is_refused(tmp_path):
    (tmp_path / "desk-pruner-s0.json").write_text('{"dev": {"covered": 0.2}}')
    with pytest.raises(EnvironmentProblem, match=r"covered is 0\.200"):
        read_pruner("desk-pruner-s0", tmp_path)


@pytest.mark.slow
def test_a_training_finds_positions_in_answers_alone():
    from adabench.workloads.agents.workflows.training import train_pruner

    plan = replace(recipes()["desk-pruner-s0"], questions=48, steps=20, iterations=2)
    weights, dev = train_pruner.train(plan)
    assert set(dev) >= {"covered", "positions", "answered"}
    assert weights["words"] > 48 * 500
    assert train_pruner.train(plan)[1] == dev
