"""What the audit of a world says, and that the usual ways to fake a result are seen or refused."""

from dataclasses import replace

import pytest

from adabench.harness.errors import MethodContractError
from adabench.workloads.agents.tools.substrate.graph_catalogue import PAPER
from adabench.workloads.agents.tools.substrate.tool_endpoint import Fault, FaultSchedule, outages
from adabench.workloads.agents.tools.truth.scenarios import Scenario, draw_case
from adabench.workloads.agents.tools.truth.state_audit import StateAuditor, verdict

CASE, SCENE = draw_case(0, 0, PAPER["support"], Scenario("support"))
A = SCENE.record
ORDER, REFUND, NOTICE = ("order", "lookup", A), ("refund", "stripe", A), ("notice", "email", A)


@pytest.mark.parametrize(
    ("rows", "verb", "named", "says"),
    [
        ((ORDER, REFUND, NOTICE), "done", "", "complete"),
        ((ORDER, REFUND), "done", "", "silent"),
        ((), "done", "", "silent"),
        ((ORDER, REFUND, NOTICE), "nothing", "", "silent"),
        ((ORDER, REFUND), "hand_off", "notice", "declared"),
        ((), "hand_off", "order", "declared"),
        ((ORDER, REFUND), "hand_off", "refund", "misstated"),
        ((ORDER, REFUND, NOTICE), "hand_off", "notice", "misstated"),
        ((ORDER, REFUND, ("refund", "razorpay", A), NOTICE), "done", "", "duplicated"),
        ((ORDER, NOTICE), "done", "", "wrong_branch"),
        ((ORDER, ("refund", "stripe", A + 1), NOTICE), "done", "", "silent"),
        ((ORDER, ("refund", "stripe", A + 1)), "hand_off", "notice", "silent"),
        ((("order", "lookup", A + 7), ("refund", "stripe", A + 7)), "hand_off", "notice", "silent"),
    ],
)
def test_a_world_is_read_for_what_it_is(rows, verb, named, says):
    assert verdict(CASE, SCENE, (rows, verb, named)) == says


def test_what_a_person_has_to_decide_is_not_done():
    case, scene = draw_case(0, 0, PAPER["support"], Scenario("support", flag_stage=0))
    order = ("order", "lookup", scene.record)
    assert verdict(case, scene, ((order,), "hand_off", "refund")) == "declared"
    refund = ("refund", "stripe", scene.record)
    assert verdict(case, scene, ((order, refund), "hand_off", "notice")) == "wrong_branch"


def test_a_hand_off_is_right_only_where_nothing_leads_to_the_goal():
    auditor = StateAuditor(((CASE, SCENE),))
    assert auditor.judge(0, ((), "hand_off", "order"))["correct"] == 0
    dead = replace(SCENE, schedule=FaultSchedule(0, outages("lookup")))
    auditor = StateAuditor(((CASE, dead),))
    assert auditor.judge(0, ((), "hand_off", "order"))["correct"] == 1
    assert auditor.judge(0, ((), "done", ""))["silent"] == 1


def on(load, faults=None):
    """Return the task and its case, with faults of one's own."""
    task = load(instances=1)
    case = next(iter(task.cases()))
    scene = replace(task.scenes[0], schedule=FaultSchedule(0, faults or {}))
    return replace(task, scenes=(scene, *task.scenes[1:])), case


def test_to_say_done_is_not_to_have_done_it(load):
    task, case = on(load)
    with task.session(case) as session:
        session.finish()
    assert task.score(case, session.report)["silent"] == 1


def test_an_answer_is_the_report_of_the_session_and_nothing_else(load):
    task, case = on(load)
    with task.session(case) as session:
        session.hand_off(0)
    for answer in ("done", "", None, "hand_off refund"):
        with pytest.raises(MethodContractError, match="not how the session"):
            task.score(case, answer)
    assert task.score(case, "hand_off order")["declared"] == 1


def test_a_world_is_not_begun_anew(load):
    task, case = on(load)
    other = list(task.cases())[1]
    part = task.substrate()
    part.enter(case, task.environment(case))
    with part.session(case), pytest.raises(MethodContractError, match="has not ended"):
        part.session(case)
    with pytest.raises(MethodContractError, match="another one"):
        part.session(other)
    assert part.meter["sessions"] == 1


def test_a_method_that_comes_to_no_end_is_stopped_and_so_is_one_that_goes_on_behind_it(load):
    task, case = on(load, {"stripe": Fault("error")})
    with pytest.raises(MethodContractError, match="came to no end"), task.session(case) as session:
        while True:
            session.call("stripe")
    with task.session(case) as session:
        with pytest.raises(MethodContractError, match="no tool 'paypal'"):
            session.call("paypal")
        with pytest.raises(MethodContractError, match="no stage 7"):
            session.hand_off(7)
        session.finish()
        with pytest.raises(MethodContractError, match="declared to have ended"):
            session.call("lookup")


def test_every_call_is_counted_whoever_makes_it(load):
    task, case = on(load, outages("stripe"))
    task.meter.clear()
    with task.session(case) as session:
        session.call("lookup")
        session.probe("stripe")
        session.call("stripe")
        session.choose()
        session.check(0)
        session.hand_off(1)
    counts = task.meter
    assert (counts["tool_calls"], counts["probe_calls"], counts["check_calls"]) == (2, 1, 1)
    assert (counts["llm_calls"], counts["control_calls"], counts["failed_calls"]) == (1, 1, 1)
    assert counts["contacts"] == 5
    assert counts["prefilled"] > 0 < counts["generated"]


def test_nothing_tells_of_a_fault_but_calls_and_probes(load):
    task, case = on(load, outages("stripe"))
    with task.session(case) as session:
        assert session.known_down == frozenset()
        session.hand_off(0)
    told = replace(task, tells_outages=True)
    with told.session(case) as session:
        assert session.known_down == {"stripe"}
        session.hand_off(0)
