"""Depth-first search on graphs of tools: where it backs up to, and what it does not enter."""

from dataclasses import replace
from itertools import pairwise

import pytest

from adabench.workloads.agents.tools.substrate.graph_catalogue import PAPER
from adabench.workloads.agents.tools.substrate.tool_endpoint import ToolEndpoint, outages
from adabench.workloads.agents.tools.substrate.tool_graph import GOAL, START, Stage, ToolGraph
from adabench.workloads.agents.tools.truth.scenarios import Scenario, draw_case
from adabench.workloads.agents.tools.truth.state_audit import StateAuditor

from .conftest import method, point

SUBSETS = (("set", "subsets"),)


def sparse(second, reads):
    """Return a graph of two ways that meet nowhere, `a p m` and `b q n`; `second` is the title of the middle stage."""
    stages = Stage("find", ("b", "a"), True), Stage(second, ("p", "q"), reads), Stage("mail", ("m", "n"))  # fmt: skip
    edges = tuple(
        (one, end, cost)
        for cost, way in ((1.0, "apm"), (2.0, "bqn"))
        for one, end in pairwise((START, *way, GOAL))
    )
    return ToolGraph("shop", "linear", stages, edges)


@pytest.fixture
def searched(load, monkeypatch):
    """Return what searches a graph with some tools down: the calls in their order, what was declared, and the scores."""
    called, call = [], ToolEndpoint.call
    monkeypatch.setattr(
        ToolEndpoint, "call", lambda self, tool, value: called.append(tool) or call(self, tool, value)
    )  # fmt: skip

    def search(graph, down=(), name="depth_first", **scenario):
        case, scene = draw_case(0, 0, graph, Scenario("shop", outages(*down), **scenario))
        task = load(instances=1)
        auditor = StateAuditor(((case, scene),))
        task = replace(task, cases_=(case,), scenes=(scene,), auditor=auditor)
        called.clear()
        answer = method(name).solve(task, case, point(name))
        return "".join(tool[0] for tool in called), answer, task.score(case, answer)

    return search


def test_it_backs_up_over_readers_to_the_last_node_that_leads_elsewhere(searched):
    graph = sparse("price", True)
    assert searched(graph)[:2] == ("apm", "done")
    calls, answer, scores = searched(graph, ["m"])
    assert (calls, answer, scores["completed"]) == ("apmbqn", "done", 1)
    assert searched(graph, ["p"])[0] == "apbqn"
    assert searched(graph, ["a", "n"])[:2] == ("abqn", "hand_off mail")
    loop = searched(graph, ["m"], "next_sibling")
    assert loop[0] == "apmn", "it knows no edges"
    assert loop[2]["wrong_branch"] == 1


def test_no_sibling_of_a_stage_that_changed_the_world_is_entered(searched):
    graph = sparse("refund", False)
    calls, answer, scores = searched(graph, ["m"])
    assert (calls, answer) == ("apm", "hand_off mail"), "`b q n` would refund a second time"
    assert (scores["duplicated"], scores["declared"], scores["missed"]) == (0, 1, 1)
    assert searched(graph, ["p"])[0] == "apbqn", "a refund that failed has changed nothing"


def test_where_a_person_decides_it_stops(searched):
    calls, answer, scores = searched(PAPER["support"], ["stripe"], flag_stage=0)
    assert (calls, answer, scores["correct"]) == ("l", "hand_off refund", 1)


@pytest.mark.parametrize("cover", [(), (("fanout", "cover"),)])
def test_every_subset_ends_as_it_should_without_a_model(solved, cover):
    rows = solved("depth_first", (*SUBSETS, *cover))
    assert all(scores["correct"] for _, scores, _ in rows)
    assert not any(counts.get("llm_calls") for _, _, counts in rows)
    assert all(counts["tool_calls"] <= len(case.graph.tools) for case, _, counts in rows)


def test_it_calls_more_than_the_loop_over_siblings_only_where_a_stage_behind_readers_is_dead(solved):  # fmt: skip
    more = 0
    pairs = zip(solved("depth_first", SUBSETS), solved("next_sibling", SUBSETS), strict=True)
    for (case, scores, own), (_, _, other) in pairs:
        extra = own["tool_calls"] - other["tool_calls"]
        assert extra == 0 or (extra > 0 and "fanout" in case.group and not scores["feasible"])
        more += extra
    assert more == 84
