"""LLMCompiler: calls begin while the plan is written, wait for what they need, and bring the same answers."""

from concurrent.futures import Executor, Future

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.agents.agents import task as agents
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.serving.agent_server import Load
from adabench.workloads.agents.substrate.serving.plan_run import PlanRun
from adabench.workloads.agents.substrate.serving.stream_clock import overlap_s
from adabench.workloads.agents.substrate.serving.word_script import PlanScript
from adabench.workloads.shared.language_model.contract import CapabilityMissing

PLAN = "plan H1 K1 A7 B12 r5 ; H2 K1 w2 H1 r2 ; join"
REQUESTS = 10


class SlowPool(Executor):
    """Threads whose calls come back when the test says so."""

    def __init__(self):
        self.waiting = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, fn, args))
        return future

    def answer(self):
        for future, fn, args in self.waiting:
            future.set_result(fn(*args))
        self.waiting.clear()


class FixedTools:
    """Tools that write down what they were asked."""

    def __init__(self, *results):
        self.results, self.asked = list(map(words.encode, results)), []

    def call(self, tool, arguments, attempt=0):
        self.asked.append((words.decode((tool, *arguments)), attempt))
        return self.results.pop(0)


def run(*results, ahead=True):
    tools, pool = FixedTools(*results), SlowPool()
    return PlanRun(PlanScript(), tools, pool, lambda: 0.0, ahead), tools, pool


def written(plan, text):
    plan.read(words.encode(text))


def test_a_call_begins_while_the_plan_is_written_and_the_next_waits_for_its_result():
    plan, tools, pool = run("w1 A3 B9 w2 A8 B1", "A5 B6")
    written(plan, "plan H1 K1 A7 B12 r5")
    assert not pool.waiting
    written(plan, "plan H1 K1 A7 B12 r5 ; H2")
    assert len(pool.waiting) == 1
    assert not plan.is_written
    written(plan, PLAN)
    assert len(pool.waiting) == 1, "the second has no argument yet"
    assert plan.is_written
    assert not plan.is_idle
    pool.answer()
    assert [one.call.marker for one in plan.take()] == list(words.encode("H1"))
    pool.answer()
    plan.take()
    assert plan.is_idle
    assert [asked for asked, _ in tools.asked] == ["K1 A7 B12 r5", "K1 A8 B1 r2"]
    assert plan.observed() == words.encode("H1 K1 = w1 A3 B9 w2 A8 B1 ; H2 K1 = A5 B6 ;")


def test_begun_late_no_call_is_made_before_the_plan_is_whole():
    plan, _, pool = run("A3 B9", "A5 B6", ahead=False)
    written(plan, PLAN.removesuffix(" join"))
    assert not pool.waiting
    written(plan, PLAN)
    assert len(pool.waiting) == 1


def test_what_waits_for_a_call_that_failed_is_not_made_and_another_plan_goes_on_from_there():
    plan, tools, pool = run("A3 B9", "err", "A5 B6")
    written(plan, f"{PLAN.removesuffix('join')} H3 K1 w1 H2 r1 ; join")
    for _ in range(2):
        pool.answer()
        plan.take()
    assert plan.is_idle
    assert plan.observed() == words.encode("H1 K1 = A3 B9 ; H2 K1 = err ;")
    plan.begin()
    written(plan, f"{PLAN} H1 K1 = A3 B9 ; H2 K1 = err ; plan H2 K1 w1 H1 r2 ; join")
    pool.answer()
    plan.take()
    assert plan.is_idle
    assert tools.asked[1:] == [("K1 A3 B9 r2", 0), ("K1 A3 B9 r2", 1)]
    assert plan.observed() == words.encode("H2 K1 = A5 B6 ;")


def test_calls_that_wait_for_nothing_run_side_by_side():
    plan, _, pool = run("A3 B9", "A5 B6")
    written(plan, "plan H1 K1 A7 B12 r5 ; H2 K1 A1 B1 r2 ; join")
    assert len(pool.waiting) == 2


def test_time_of_both_is_counted_once():
    model = [(0.0, 4.0), (6.0, 8.0)]
    tools = [(1.0, 2.0), (1.5, 3.0), (3.5, 7.0)]
    assert overlap_s(model, tools) == pytest.approx(2.0 + 0.5 + 1.0)
    assert overlap_s(model, []) == overlap_s([(0.0, 1.0)], [(1.0, 2.0)]) == 0.0


@pytest.fixture(scope="module")
def where():
    found = agents.load("embedded", 1, requests=REQUESTS, kinds="kb3,arith3")
    found.warm()
    return found


@pytest.fixture(scope="module")
def compiler():
    return registry.load(registry.find("agents/llm_compiler"))


def solved(where, compiler, stream=0, **knobs):
    case = where.streams[stream]
    where.meter.clear()
    answers = compiler.solve(where, case, compiler.CARD.defaults | knobs)
    return answers, where.score(case, answers), dict(where.meter)


def test_answers_do_not_depend_on_when_calls_begin_on_the_table_or_on_load(where, compiler):
    answers, scores, _ = solved(where, compiler)
    assert scores["accuracy"] > 0
    for knobs in ({"ahead": "off"}, {"entries": 2000}, {"qps": 1e6}):
        assert solved(where, compiler, **knobs)[0] == answers


def test_a_plan_is_one_call_of_the_model_and_what_joins_it_another(where, compiler):
    answers, scores, counted = solved(where, compiler)
    plans = sum(text.count(words.JOIN) for text in answers)
    assert counted["llm_calls"] * REQUESTS == pytest.approx(2 * plans)
    calls = sum(text.count(words.EQUALS) for text in answers)
    assert counted["tool_calls"] * REQUESTS == pytest.approx(calls)
    assert calls > plans >= REQUESTS
    assert scores["malformed"] == 0


def test_sums_are_worked_out_by_the_calculator_of_a_plan(where, compiler):
    answers, scores, _ = solved(where, compiler, 1)
    assert scores["accuracy"] >= 0.8
    assert all(words.C1 in text or words.C2 in text for text in answers)


def test_a_limit_of_plans_ends_an_episode(compiler):
    failing = agents.load("embedded", 1, requests=4, kinds="kb4")
    few = [solved(failing, compiler, plans=plans)[2]["llm_calls"] for plans in (1, 4)]
    assert few[0] == 2 <= few[1]


def test_no_plan_is_asked_of_another_policy_and_no_other_mode_of_a_planner(where):
    stream = where.streams[0]

    def planning(desk):
        yield desk.plan([desk.begin("act")])

    with pytest.raises(MethodContractError, match="no planner"):
        where.serve(stream, planning)

    def acting(desk):
        yield desk.finish([desk.begin("act")])

    with pytest.raises(SelectionError, match="no mode 'act'"):
        where.serve(stream, acting, Load(), planner=True)


def test_where_no_planner_stands_beside_a_model_that_is_said():
    bare = agents.load("embedded", 0, requests=1, kinds="kb2").substrate()
    object.__setattr__(bare, "load_planner", None)
    with pytest.raises(CapabilityMissing, match="no planner"):
        _ = bare.planner
