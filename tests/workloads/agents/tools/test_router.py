"""The router: shortest paths, weights that cost a degree, stages that are never done twice, when a model is asked."""

import itertools
import math
import random
from dataclasses import replace

import networkx as nx
import pytest

from adabench.workloads.agents.tools.methods.self_healing_router.self_healing_router import (
    shortest_path,
)
from adabench.workloads.agents.tools.substrate.edge_weights import EdgeWeights
from adabench.workloads.agents.tools.substrate.graph_catalogue import PAPER
from adabench.workloads.agents.tools.substrate.healing_loop import (
    health,
    intent,
    progress,
    risk,
    winner,
)
from adabench.workloads.agents.tools.substrate.tool_endpoint import FaultSchedule, Result, outages

from .conftest import method, point

TRAVEL = PAPER["travel"]


def test_paths_are_those_of_networkx():
    draws = random.Random(5)
    for _ in range(1000):
        size = draws.randint(2, 12)
        edges = {
            (str(a), str(b)): draws.choice([draws.random(), draws.randint(1, 3), math.inf])
            for a in range(size) for b in range(size) if a != b and draws.random() < 0.4
        }  # fmt: skip
        graph = nx.DiGraph()
        graph.add_nodes_from(map(str, range(size)))
        graph.add_weighted_edges_from((*e, w) for e, w in edges.items() if w < math.inf)
        ends = {str(a): [b for (one, b) in edges if one == str(a)] for a in range(size)}
        found = shortest_path(ends, edges, "0", str(size - 1))
        if not nx.has_path(graph, "0", str(size - 1)):
            assert found is None
            continue
        length = sum(edges[step] for step in itertools.pairwise(found))
        best = nx.shortest_path_length(graph, "0", str(size - 1), weight="weight")
        assert length == pytest.approx(best)


def test_an_outage_writes_the_edges_that_touch_the_tool_and_no_more():
    weights = EdgeWeights(TRAVEL, "static")
    before = dict(weights.weights)
    assert weights.drop("hotel") == 4
    changed = {edge for edge in before if weights.weights[edge] != before[edge]}
    assert changed == {edge for edge in before if "hotel" in edge}
    weights.drop("car")
    weights.restore("hotel")
    assert weights.weights["hotel", "car"] == math.inf
    assert weights.weights["hotel", "bus"] == before["hotel", "bus"]


def test_a_breaker_opens_at_three_failures_in_a_row_or_at_once_when_a_tool_says_down():
    weights = EdgeWeights(TRAVEL, "static")
    late, fine = Result("late"), Result("ok", 1)
    heard = [weights.hear("car", one) for one in (late, late, fine, late, late, late)]
    assert heard == [False] * 5 + [True]
    assert weights.hear("bus", Result("down"))
    weights.restore("bus")
    assert weights.hear("bus", late), "half-open: one failure opens it"


def test_live_weights_prefer_what_worked():
    weights = EdgeWeights(TRAVEL, "composite")
    weights.hear("hotel", Result("err"), 0.3)
    assert weights.weights["flight", "hotel"] > weights.weights["flight", "hostel"]


def test_the_most_urgent_monitor_wins_and_an_outage_hides_no_risk():
    rich, flagged, fine = Result("ok", 15_000), Result("ok", 1, ("policy",)), Result("ok", 1)
    calm = frozenset[str]()
    assert winner(health(frozenset({"sms"})), risk(rich)) == "health"
    assert winner(health(calm), risk(rich), intent("refund"), progress(2)) == "risk"
    assert winner(health(calm), risk(flagged), intent("refund"), progress(2)) == "risk"
    assert winner(health(calm), risk(fine), intent("please cancel"), progress(2)) == "intent"
    assert winner(health(calm), risk(fine), intent("refund"), progress(2)) == "progress"


def totals(rows, name, groups=""):
    return sum(found.get(name, 0) for case, *both in rows if groups in case.group for found in both)


SUBSETS, PARTIAL = (("set", "subsets"),), (("set", "partial"), ("instances", 4))


def test_every_case_that_can_be_completed_is_and_no_failure_is_silent(solved):
    rows = solved("self_healing_router", SUBSETS)
    assert len(rows) == 2**5 - 1 + 2**8 - 1 + 2**7 - 1
    assert totals(rows, "missed") == totals(rows, "silent") == totals(rows, "duplicated") == 0
    assert totals(rows, "correct") == len(rows)
    infeasible = len(rows) - totals(rows, "feasible")
    assert totals(rows, "control_calls") == infeasible, (
        "asked where nothing is left, and only there"
    )
    assert totals(rows, "control_calls") <= 0.25 * totals(solved("react", SUBSETS), "control_calls")


def test_composite_weights_and_probes_complete_as_much(solved):
    rows = solved("self_healing_router", SUBSETS, weights="composite")
    assert totals(rows, "correct") == len(rows)
    assert totals(rows, "probe_calls") > 0
    static, live = (
        totals(solved("self_healing_router", PARTIAL, "recovering", weights=model), "correct")
        for model in ("static", "composite")
    )
    assert live == 12 > static


def test_to_begin_anew_does_twice_what_was_done_and_to_resume_does_not(solved):
    known = (*PARTIAL, ("outages", "known"))
    anew = solved("self_healing_router", known, "fallen", start="restart")
    assert totals(anew, "duplicated", "dag fallen") == 4
    assert totals(solved("self_healing_router", known, "fallen"), "correct") == 12


def test_an_answer_that_was_lost_is_asked_for_again_and_a_sibling_would_do_it_twice(solved):
    for model in ("static", "composite"):
        rows = solved("self_healing_router", PARTIAL, "lost", weights=model)
        assert totals(rows, "correct") == 12
    assert totals(solved("next_sibling", PARTIAL, "lost"), "duplicated") > 0


def test_wrong_data_pass_in_silence_and_every_other_fault_is_handled_or_declared(solved):
    rows = solved("self_healing_router", PARTIAL)
    wrong = [scores["silent"] for case, scores, _ in rows if "wrong_data" in case.group]
    assert wrong == [1.0] * 12
    assert all(scores["sound"] for case, scores, _ in rows if "wrong_data" not in case.group)


def test_a_person_decides_whatever_else_is_down(load):
    task = load(instances=1)
    case = next(one for one in task.cases() if one.group == "linear risk")
    scene = replace(task.scenes[case.index], schedule=FaultSchedule(0, outages("stripe")))
    scenes = tuple(scene if n == case.index else one for n, one in enumerate(task.scenes))
    for conditions in ({}, {"tells_outages": True}):
        own = replace(task, scenes=scenes, **conditions)
        own.meter.clear()
        answer = method("self_healing_router").solve(own, case, point("self_healing_router"))
        assert answer == "hand_off refund"
        assert own.meter["control_calls"] == 1


def test_a_goal_that_covers_asks_every_reader_and_joins_at_its_quorum(solved):
    cover = ("fanout", "cover")
    rows = solved("self_healing_router", (("set", "subsets"), cover), "fanout")
    assert all(scores["correct"] for _, scores, _ in rows)
    feasible = [counts["tool_calls"] for _, scores, counts in rows if scores["feasible"]]
    assert min(feasible) >= 5, "three readers, a verdict, an entry"
    many = (("set", "paper"), ("instances", 40))
    one, all_ = (
        sum(
            scores["label_right"]
            for _, scores, _ in solved("self_healing_router", where, "fanout none")
        )
        for where in (many, (*many, cover))
    )
    assert all_ >= one
