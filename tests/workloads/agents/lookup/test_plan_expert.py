"""The planner's traces: plans that the question asks for, results that are the tools', and answers of their worlds."""

from itertools import islice

import pytest
import torch

from adabench.workloads.agents.lookup.training import plan_figures
from adabench.workloads.agents.lookup.training.plan_expert import plan_traces, write_plan_trace
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.action_steps import stated
from adabench.workloads.agents.substrate.fault_plans import ALL_DOWN, FaultPlan, draw_faults
from adabench.workloads.agents.substrate.notation import entity_of
from adabench.workloads.agents.substrate.plan_steps import planned_calls
from adabench.workloads.agents.substrate.policy_recipes import AGENT_S, PLAN_GATES
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.substrate.worlds import CLEAN, is_held_out
from adabench.workloads.agents.truth.problems import draw_problem
from adabench.workloads.shared.language_model.model import LanguageModel
from adabench.workloads.shared.language_model.native.engine import NativeEngine

MANY = list(islice(plan_traces(3), 300))


def episode(family, size, seed, faults=None):
    problem = draw_problem(family, size, seed, "held-out", CLEAN)
    server = ToolServer(problem.world, faults or FaultPlan(seed), deadline_s=0.0)
    return problem, write_plan_trace(problem, server, Draws(seed))


@pytest.mark.parametrize(("family", "size"), [("kb", 3), ("mix", 4), ("arith", 4)])
def test_a_plan_whose_tools_work_leads_to_the_answer(family, size):
    for seed in range(20):
        problem, trace = episode(family, size, seed)
        assert stated(trace.words) == problem.answer
        assert trace.words.count(words.PLAN) == 1
        assert plan_figures.is_sound(problem, tuple(trace.words))
        other = draw_problem(family, size, seed + 1, "held-out", CLEAN)
        assert not plan_figures.is_sound(other, tuple(trace.words))


def test_a_plan_is_written_before_any_result_of_it():
    for trace in MANY:
        first = trace.words.index(words.JOIN)
        assert words.EQUALS not in trace.words[:first]
        given = [w for w, weight in zip(trace.words, trace.weights, strict=True) if not weight]
        assert given[0] == words.PLAN
        assert words.ANSWER not in given
        assert words.JOIN not in given


def test_what_failed_is_planned_again_from_there_and_by_the_twin_of_what_is_down():
    _, trace = episode("kb", 3, 1, FaultPlan(1, frozenset({words.K1})))
    text = words.decode(trace.words)
    assert text.count("plan") == 2
    assert "K1" not in text[text.rindex("plan") :]
    _, trace = episode("kb", 3, 1, draw_faults(1, ALL_DOWN))
    assert stated(trace.words) == (words.FAIL,)


def test_entities_of_traces_are_of_trainings():
    for trace in MANY:
        for call in planned_calls(trace.words):
            entity = entity_of(call.arguments[:2])
            assert entity is None or not is_held_out(entity)


def test_a_planner_that_has_learned_nothing_misses_its_gates():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LanguageModel(AGENT_S).eval().requires_grad_(False)
    engine = NativeEngine(model, "random", vocabulary=words.ACTION_VOCABULARY)
    found = plan_figures.figures(engine, 4)
    assert {gate.figure for gate in PLAN_GATES} <= found.keys()
    assert found["sound"] == found["all_down"] == 0.0
