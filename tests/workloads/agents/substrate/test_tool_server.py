"""Tools and their faults: what calls return, and that nothing else tells of a fault."""

import pytest

from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate import tool_server
from adabench.workloads.agents.substrate.fault_plans import (
    ALL_DOWN,
    NO_FAULTS,
    FaultPlan,
    FaultRates,
    draw_faults,
)
from adabench.workloads.agents.substrate.notation import words_of
from adabench.workloads.agents.substrate.tool_server import ToolServer, price
from adabench.workloads.agents.truth.problems import draw_problem

PROBLEM = draw_problem("kb", 3, 2, "held-out")
CALM = FaultPlan(0)


def server(plan=CALM, **options) -> ToolServer:
    return ToolServer(PROBLEM.world, plan, deadline_s=0.0, **options)


def test_look_ups_follow_the_world():
    found = server().call(words.K1, (*PROBLEM.prompt[2:4], PROBLEM.prompt[5]))
    rows = PROBLEM.world.relation(PROBLEM.trail[0], PROBLEM.relations[0])
    assert all(words_of(row) == found[-2:] or words_of(row) == found[1:3] for row in rows)
    assert server().call(words.K2, (*PROBLEM.prompt[2:4], PROBLEM.prompt[5])) == found


def test_the_type_of_the_answer_is_what_the_prompt_says():
    assert server().call(words.K1, PROBLEM.answer) == (PROBLEM.type_word,)


@pytest.mark.parametrize(
    ("text", "result"),
    [("7 + 4", "1"), ("3 - 7", "6"), ("6 * 7", "2"), ("0 + 0", "0")],
)
def test_the_calculator_works_modulo_ten(text, result):
    assert server().call(words.C1, words.encode(text)) == words.encode(result)


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ("K1", ""), ("K1", "A1"), ("K1", "B1 A1 r1"), ("K1", "A1 B1 r1 r2"), ("K1", "A1 B1 ="),
        ("K1", "7 + 4"), ("C1", "7 +"), ("C1", "7 r1 4"), ("C1", "A1 B1 r1"), ("C1", "1 7 + 4"),
        ("C1", "A7 + 4"),
    ],
)  # fmt: skip
def test_what_is_malformed_returns_none(tool, text):
    assert server().call(words.IDS[tool], words.encode(text)) == (words.NONE,)


def test_a_tool_that_is_down_says_so_at_every_call_and_its_twin_works():
    plan = FaultPlan(0, frozenset((words.K1,)))
    arguments = (*PROBLEM.answer,)
    for attempt in range(3):
        assert server(plan).call(words.K1, arguments, attempt) == (words.DOWN,)
    assert server(plan).call(words.K2, arguments) == (PROBLEM.type_word,)


def test_faults_come_as_often_as_planned_and_another_try_may_work():
    plan = FaultPlan(4, transient=0.3, timeout=0.2)
    own = server(plan)
    first = [own.call(words.C1, words.encode(f"{a} + {b}")) for a in range(10) for b in range(10)]
    assert 15 < first.count((words.TRANSIENT,)) < 45
    assert 8 < first.count((words.TIMEOUT,)) < 35
    tries = {own.call(words.C1, words.encode("1 + 1"), attempt) for attempt in range(40)}
    assert tries == {(words.TRANSIENT,), (words.TIMEOUT,), words.encode("2")}


def test_faults_do_not_depend_on_the_order_of_calls():
    """Branches of one question meet the same ones."""
    plan = FaultPlan(4, transient=0.3, timeout=0.2)
    calls = [(words.C1, words.encode(f"{a} + 3"), n) for a in range(10) for n in range(3)]
    own = server(plan)
    forward = {call: own.call(*call) for call in calls}
    assert {call: server(plan).call(*call) for call in reversed(calls)} == forward


def test_a_call_that_is_late_blocks_until_its_deadline(monkeypatch):
    slept = []
    monkeypatch.setattr(tool_server.time, "sleep", slept.append)
    own = ToolServer(PROBLEM.world, FaultPlan(0, timeout=1.0), deadline_s=0.25)
    assert own.call(words.C1, words.encode("1 + 1")) == (words.TIMEOUT,)
    assert slept == [0.25]


def test_plans_have_the_rates_that_they_are_drawn_with():
    assert draw_faults(1, NO_FAULTS) == FaultPlan(1)
    assert draw_faults(1, ALL_DOWN).down == words.TOOLS
    plans = [draw_faults(seed, FaultRates(primary_down=0.5, all_down=0.0)) for seed in range(200)]
    hit = [plan.down for plan in plans if plan.down]
    assert 70 < len(hit) < 130
    assert set().union(*hit) == {words.K1, words.C1}


def test_the_twin_of_a_tool_is_the_dearer_one():
    assert [price(words.IDS[tool]) for tool in ("K1", "C1", "K2", "C2")] == [1, 1, 2, 2]
