"""The competitors on the paper's scenarios and on subsets: what each completes, what it asks, where it is silent."""

import pytest

from adabench.workloads.agents.tools.truth.scenarios import (
    PAPER_SCENARIOS,
    REPO_SCENARIOS,
    scenarios,
)
from adabench.workloads.agents.tools.truth.state_audit import best_plan
from adabench.workloads.shared.language_model.contract import Chunk

from .conftest import method, point

ONE, SUBSETS = (("instances", 1),), (("set", "subsets"),)
NAMES = tuple(PAPER_SCENARIOS)


def by_name(rows, name):
    """Return the scenarios at which a score or count is not zero, with it."""
    found = zip(NAMES, rows, strict=True)
    return {one: int(value) for one, (_, scores, counts) in found
            if (value := {**counts, **scores}.get(name, 0))}  # fmt: skip


def test_both_sets_have_nineteen_scenarios_and_every_subset_is_there():
    assert len(PAPER_SCENARIOS) == len(REPO_SCENARIOS) == 19
    assert len(list(scenarios("paper", 20))) == 380
    down = [frozenset(one.faults) for _, one in scenarios("subsets", 1)]
    assert len(down) == len(set(down)) == 31 + 255 + 127


def test_the_model_is_asked_seven_times_by_the_router_and_eighty_three_times_by_react(solved):
    rows = solved("self_healing_router", ONE)
    infeasible = dict.fromkeys(("S3", "S4", "S6", "S7", "T4", "T5", "M3"), 1)
    assert by_name(rows, "control_calls") == infeasible
    assert all(scores["correct"] for _, scores, _ in rows)
    assert sum(by_name(solved("react", ONE), "control_calls").values()) == 83
    assert all(scores["correct"] for _, scores, _ in solved("react", ONE))


def test_the_static_workflow_is_silent_where_the_paper_says_and_a_look_tells(solved):
    assert set(by_name(solved("static_fallback", ONE), "silent")) == {"S6", "S7", "T6"}
    checked = solved("static_checked", ONE)
    assert by_name(checked, "silent") == {}
    assert set(by_name(checked, "declared")) >= {"S6", "S7", "T6"}
    for where in (ONE, SUBSETS):
        assert not any(scores["silent"] for _, scores, _ in solved("static_checked", where))


def test_a_loop_over_siblings_and_a_die_do_as_well_on_outages(solved):
    for name in ("next_sibling", "depth_first", "random_reroute"):
        assert all(scores["correct"] for _, scores, _ in solved(name, SUBSETS))
    assert not any(counts.get("llm_calls") for _, _, counts in solved("next_sibling", SUBSETS))


@pytest.mark.parametrize("where", [ONE, (("set", "partial"), ("instances", 4))])
def test_nobody_beats_who_knows_every_fault(solved, where):
    best = solved("feasible_plan", where)
    assert all(scores["correct"] for _, scores, _ in best)
    names = ("self_healing_router", "react", "next_sibling", "depth_first")
    others = [solved(name, where) for name in names]
    for rows in others:
        for (_, known, fewest), (_, scores, counts) in zip(best, rows, strict=True):
            assert scores["correct"] <= known["correct"]
            if scores["completed"] and known["completed"]:
                assert counts["tool_calls"] >= fewest["tool_calls"]


def test_a_plan_is_the_shortest_of_all_that_work(load):
    for where in ({"set": "repo", "instances": 1}, {"set": "subsets", "fanout": "cover"}):
        task = load(**where)
        for case in task.cases():
            schedule = task.scenes[case.index].schedule
            alive = [
                [t for t in stage.tools if t not in schedule.faults] for stage in case.graph.stages
            ]
            needed = case.graph.quorum if case.graph.covers else 1
            works = len(alive[0]) >= needed and all(alive)
            found = best_plan(case.graph, task.scenes[case.index])
            assert (found is not None) == works
            assert found is None or len(found) == needed + len(alive) - 1


def test_a_model_that_says_nothing_readable_ends_in_a_hand_off(load):
    task = load(instances=1)
    case = next(iter(task.cases()))
    task._chooser.engine._next = lambda seq: Chunk((5, 5, 5), (0.0,) * 3, "length")
    assert method("react").solve(task, case, point("react")) == "hand_off order"
    assert task.score(case, "hand_off order")["sound"] == 1
