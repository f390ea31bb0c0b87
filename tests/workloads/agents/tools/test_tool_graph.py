"""Graphs of tools: what is refused, with which sentence, and what a user's own file may say."""

import json

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.workloads.agents.tools import task as tools
from adabench.workloads.agents.tools.substrate.graph_catalogue import PAPER, REPO, read_graph
from adabench.workloads.agents.tools.substrate.tool_graph import (
    GOAL,
    START,
    Stage,
    ToolGraph,
    layered,
)


@pytest.mark.parametrize(
    ("stages", "edges", "says"),
    [
        ((), (), "is empty"),
        ((Stage("order", ()),), (), "is empty"),
        ((Stage("a", ("x",)), Stage("b", ("x",))), (), "names a tool twice"),
        ((Stage("a", ("START",)),), (), "START or GOAL"),
        ((Stage("a", ("x",)), Stage("b", ("y",))), ((START, "y", 1.0),), "does not lead"),
        ((Stage("a", ("x",)),), ((START, "x", -1.0),), "does not lead"),
        (tuple(Stage(f"s{n}", (f"t{n}",)) for n in range(9)), (), "9 stages"),
    ],
)
def test_what_is_no_graph_is_refused_with_a_remedy(stages, edges, says):
    with pytest.raises(SelectionError, match=says) as problem:
        ToolGraph("shop", "linear", stages, edges)
    assert problem.value.hint


def test_a_user_s_graph_is_read_and_run_over(tmp_path):
    path = tmp_path / "shop.json"
    stages = [
        {"title": "order", "tools": ["db"], "reads": True},
        {"title": "mail", "tools": ["a", "b"]},
    ]
    path.write_text(json.dumps({"domain": "shop", "stages": stages}))
    assert read_graph(path).by_cost(1) == ("a", "b")
    cases = list(tools.load("embedded", 0, set="subsets", graph=str(path)).cases())
    assert len(cases) == 2**3 - 1
    path.write_text(json.dumps({"domain": "shop", "stages": []}))
    with pytest.raises(SelectionError, match="empty"):
        tools.load("embedded", 0, graph=str(path))
    path.write_text("[1]")
    for name in (path, tmp_path / "none.json"):
        with pytest.raises(SelectionError, match="holds no graph of tools"):
            tools.load("embedded", 0, graph=str(name))


def test_a_graph_of_one_tool_hands_off_where_it_is_down(load, tmp_path):
    """With its only tool down there is no other: what is left is a hand-off, and no silent failure."""
    path = tmp_path / "one.json"
    stages = [{"title": "order", "tools": ["db"]}]
    path.write_text(json.dumps({"domain": "one", "stages": stages}))
    where = load(set="subsets", graph=str(path), instances=1)
    router = registry.load(registry.find("tools/self_healing_router"))
    usual = {knob.name: knob.default for knob in router.CARD.knobs}
    found = [where.score(case, router.solve(where, case, usual)) for case in where.cases()]
    assert [(one["completed"], one["silent"]) for one in found] == [(0.0, 0.0)]


def test_every_graph_of_the_catalogue_leads_to_its_goal():
    for graph in (*PAPER.values(), *REPO.values()):
        nodes = {START}
        for _ in range(len(graph.stages) + 1):
            nodes = {end for node in nodes for end in graph.successors[node]}
        assert nodes == {GOAL}


def test_cover_asks_for_every_reader_and_only_where_a_graph_fans_out():
    graph = PAPER["moderation"].with_cover(2)
    assert (graph.covers, graph.quorum) == (True, 2)
    assert not PAPER["support"].with_cover(2).covers
    one = layered("one", "fanout", (Stage("reading", ("text",)),), {})
    assert one.with_cover(2).quorum == 1
