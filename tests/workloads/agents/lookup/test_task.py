"""The task: what tools give to whom, what it costs, what a completion is, and who knows what is right."""

import pickle
import pickletools

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.agents.lookup import task as lookup
from adabench.workloads.agents.lookup.training.expert import write_trace
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate import policies
from adabench.workloads.agents.substrate.action_steps import stated
from adabench.workloads.agents.substrate.episode_pool import episodes
from adabench.workloads.agents.substrate.episodes import LONGEST
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.substrate.value_tree import TreePlan, grow
from adabench.workloads.shared.language_model.contract import BudgetSpent

from .scripted_policy import random_policy, scripted

KINDS = "kb3"


def scripted_task(monkeypatch, mode=words.ACT, **conditions):
    """Return the task with a policy that writes what the expert would, and its completions."""
    given = {"questions": 6, "kinds": KINDS, **conditions}
    scripts: dict[tuple[int, ...], tuple[int, ...]] = {}
    monkeypatch.setattr(lookup, "load_policy", lambda name: scripted(scripts))
    found = lookup.load("embedded", 0, **given)
    for case in found.cases():
        problem, scene = found.grader.problems[case.index], found.environment(case)
        server = ToolServer(scene.world, scene.faults, deadline_s=0.0)
        trace = write_trace(problem, server, Draws(case.index), mode, judged=True, reflects=True)
        scripts[case.prompt] = tuple(trace.words)
    return found, scripts


def upto_answer(script):
    cut = script.index(words.ANSWER)
    return script[: script.index(words.END_STEP, cut) + 1]


def episode(where, case, mode="act"):
    with where.session(case) as session:
        seq = session.begin(mode)
        session.finish([seq])
        session.offer(seq.completion)
    return session.best


def test_tools_return_to_a_policy_what_they_returned_to_the_expert(monkeypatch):
    where, scripts = scripted_task(monkeypatch, questions=12)
    for case in where.cases():
        assert episode(where, case) == upto_answer(scripts[case.prompt])


def test_what_is_right_is_decided_by_the_world(monkeypatch):
    where, _ = scripted_task(monkeypatch, questions=20)
    answers = [problem.answer for problem in where.grader.problems]
    scores = [where.score(case, episode(where, case))["accuracy"] for case in where.cases()]
    stated_right = [stated(episode(where, c)) == answers[c.index] for c in where.cases()]
    assert scores == [float(right) for right in stated_right]
    assert 0 < sum(scores) < 20
    good = words.encode("act ans") + where.grader.problems[0].answer + (words.END_STEP,)
    case = next(iter(where.cases()))
    assert where.judge(case, good)["accuracy"] == 1
    assert where.judge(case, words.encode("act ans fail ;")) == {
        "accuracy": 0, "answered": 0, "declared": 1, "malformed": 0, "size": 3, "act_share": 1, "dir_share": 0,
        "cot_share": 0, "chk_share": 0,
    }  # fmt: skip


def test_calls_and_planes_and_the_bill_are_counted(monkeypatch):
    where, _ = scripted_task(monkeypatch, faults="none", ambiguity=0.0, tool_price=20)
    case = next(iter(where.cases()))
    where.meter.clear()
    best = episode(where, case)
    meter = dict(where.meter)
    assert meter["tool_calls"] == meter["priced_calls"] == 3
    assert meter["failed_calls"] == 0
    assert meter["llm_calls"] == 4 == meter["control_calls"] + meter["data_calls"]
    assert meter["data_calls"] == 1
    results = 3 * 3  # two words and an end for each hop
    assert meter["injected_tool"] == results
    assert meter["generated"] == len(best) - results - 1  # the mode was forced
    assert meter["bill"] == meter["generated"] + meter["prefilled"] + 3 * 20
    assert meter["prefilled"] == len(case.prompt) + 1 + results


def test_a_dearer_twin_costs_twice(monkeypatch):
    where, scripts = scripted_task(monkeypatch, questions=60, kinds="kb2")
    for case in where.cases():
        where.meter.clear()
        episode(where, case)
        script = upto_answer(scripts[case.prompt])
        dear = sum(script.count(tool) for tool in (words.K2, words.C2))
        assert where.meter["priced_calls"] - where.meter["tool_calls"] == dear


def test_the_critic_looks_up_and_pays(monkeypatch):
    where, scripts = scripted_task(monkeypatch, questions=10)
    sure = {}
    for case in where.cases():
        with where.session(case) as session:
            seq = session.begin("act")
            session.finish([seq])
            before = dict(session.calls())
            (sure[case.index],) = session.self_checks([seq])
            assert session.calls()["judge_calls"] > before.get("judge_calls", 0)
            session.offer(seq.completion)
        assert where.score(case, session.best)["accuracy"] == sure[case.index]
        assert (words.OK in scripts[case.prompt]) == bool(sure[case.index])


def test_a_budget_of_calls_stops_the_episode_and_keeps_a_record(monkeypatch):
    where, _ = scripted_task(monkeypatch, calls=2, ambiguity=0.0, faults="none")
    case = next(iter(where.cases()))
    best = episode(where, case)
    assert where.meter["tool_calls"] == 2
    assert where.meter["spent"] == 1
    assert where.score(case, best)["malformed"] == 1


def test_the_budget_of_calls_is_shared_by_all_episodes_of_a_question(monkeypatch):
    where, _ = scripted_task(monkeypatch, calls=4, ambiguity=0.0, faults="none")
    case = next(iter(where.cases()))
    with where.session(case) as session:
        first, second = session.fork(session.begin("act"), 2)
        session.finish([first])
        assert session.tools_left == 1
        session.offer(first.completion)
        with pytest.raises(BudgetSpent):
            session.finish([second])
    assert where.meter["tool_calls"] == 4


def latest(nodes, left):
    return [float(node is nodes[-1]) for node in nodes]


@pytest.mark.parametrize("calls", [1, 3, 7])
def test_a_tree_keeps_to_its_calls_and_counts_its_critic(monkeypatch, calls):
    where, _ = scripted_task(monkeypatch, ambiguity=0.0, faults="none")
    plan = TreePlan(calls, 1000, 1.1, "residual", latest, lambda count: 0.5)
    case = next(iter(where.cases()))
    with where.session(case, calls=calls) as session:
        grow(session, plan)
    assert where.meter["tool_calls"] == calls
    assert (where.meter["judge_calls"] > 0) == (calls >= 3)
    best = where.score(case, session.best)
    assert best["accuracy"] == (calls >= 3)


def test_a_tree_ends_with_its_words_whatever_calls_are_left(monkeypatch):
    where, _ = scripted_task(monkeypatch, ambiguity=0.0, faults="none")
    case = next(iter(where.cases()))
    spent = {}
    for most in (1, 1000):
        where.meter.clear()
        plan = TreePlan(30, most, 1.1, "residual", latest, lambda count: 0.5)
        with where.session(case, calls=30) as session:
            grow(session, plan)
        spent[most] = where.meter["tool_calls"]
    assert spent[1] == 1 < spent[1000]


@pytest.mark.parametrize(("calls", "whole"), [(2, 0), (3, 1), (7, 2)])
def test_independent_episodes_end_where_the_calls_do(monkeypatch, calls, whole):
    where, _ = scripted_task(monkeypatch, ambiguity=0.0, faults="none")
    case = next(iter(where.cases()))
    found = []
    with where.session(case, calls=calls) as session:
        found.extend(episodes(session))
    assert where.meter["spent"] == 1
    assert len(found) == whole
    assert where.meter["tool_calls"] == calls


def test_a_method_forces_no_answer_and_writes_no_result(monkeypatch):
    where, _ = scripted_task(monkeypatch)
    case = next(iter(where.cases()))
    answer = where.grader.problems[0].answer
    with where.session(case) as session:
        seq = session.begin("act")
        for part in (answer, (words.ANSWER,), words.encode("A1 B1 ;")):
            with pytest.raises(MethodContractError, match="only a mode or a role"):
                session.append([seq], [part])
            with pytest.raises(MethodContractError, match="only a mode or a role"):
                session.append([seq], [part], as_="tool")


def test_words_that_are_put_there_behind_the_session_are_refused(monkeypatch):
    """As a result of a tool, through the engine itself."""
    where, _ = scripted_task(monkeypatch)
    case = next(iter(where.cases()))
    forged = (words.ANSWER, *where.grader.problems[0].answer, words.END_STEP)
    with where.session(case) as session:
        seq = session.begin("act")
        session.policy.inject([seq], [forged], "tool")
        session.offer(seq.completion)
    with pytest.raises(MethodContractError, match="neither its policy's nor a tool's"):
        where.score(case, session.best)


def test_an_invented_completion_is_refused(monkeypatch):
    where, _ = scripted_task(monkeypatch)
    first, second, *_ = where.cases()
    good = words.encode("act ans") + where.grader.problems[0].answer + (words.END_STEP,)
    with pytest.raises(MethodContractError, match="No engine decoded"):
        where.score(first, good)
    where.meter.clear()
    best = episode(where, first)
    with pytest.raises(MethodContractError, match="another question"):
        where.score(second, best)


def test_what_methods_get_knows_no_world_no_answer_and_no_question(monkeypatch):
    where, _ = scripted_task(monkeypatch)
    monkeypatch.undo()
    data = pickle.dumps(lookup.load("embedded", 0, questions=2).substrate())
    texts = {str(word) for _, word, _ in pickletools.genops(data) if isinstance(word, str)}
    assert not any("truth" in text or "World" in text for text in texts)
    case = next(iter(where.cases()))
    bare = where.substrate()
    with pytest.raises(MethodContractError, match="not here"):
        bare.session(case)
    bare.enter(case, where.environment(case))
    for other in list(where.cases())[1:3]:
        with pytest.raises(MethodContractError, match="not here"):
            bare.session(other)


def test_rows_do_not_depend_on_which_others_run_with_them(monkeypatch):
    """A row that waits or has ended gets no word: lockstep changes nothing."""
    monkeypatch.setattr(lookup, "load_policy", lambda name: random_policy())
    where = lookup.load("embedded", 0, questions=1, kinds="kb3")
    (case,) = where.cases()

    def leaves(chosen):
        with where.session(case) as session:
            own = session.fork(session.begin(), 6)
            session.finish([own[i] for i in chosen])
            return {i: own[i].completion for i in chosen}

    together = leaves([0, 1, 2, 3, 4, 5])
    assert len(set(together.values())) > 1
    assert all(len(text) <= LONGEST for text in together.values())
    for part in ([3], [5, 0], [4, 2, 1]):
        assert leaves(part) == {i: together[i] for i in part}


def test_a_mode_that_is_none_is_a_sentence(monkeypatch):
    where, _ = scripted_task(monkeypatch)
    with where.session(next(iter(where.cases()))) as session:
        with pytest.raises(SelectionError, match="no mode 'acct'") as refused:
            session.begin("acct")
        assert "act" in refused.value.hint


def test_kinds_that_are_none_are_sentences():
    assert lookup.read_kinds("kb2, arith1") == (("kb", 2), ("arith", 1))
    for text in ("kb5", "", "kb2,,kb3", "mcq1"):
        with pytest.raises(SelectionError, match="no kind of question"):
            lookup.read_kinds(text)
    with pytest.raises(SelectionError, match="no policy 'agent-x'"):
        lookup.load("embedded", 0, policy="agent-x")


def test_what_is_not_trained_is_named_before_a_run_with_what_makes_it(monkeypatch):
    here = {"agent-s-s0", "agent-value-s-s0", *(f"prism-s{s}" for s in range(1, 5))}
    monkeypatch.setattr(policies.checkpoints, "is_there", lambda name, folder: name in here)
    assert lookup.missing_abilities({})["strategies"] == (
        "Not trained yet for agent-s: prism-s0.", "Make it: adabench train lookup/prism-s0",
    )  # fmt: skip
    here.add("prism-s0")
    (ability, (why, remedy)), *rest = lookup.missing_abilities({}).items()
    assert (ability, rest) == ("modes", [])
    assert "agent-apo-s-s0, agent-flat-s-s0" in why
    assert remedy == "Make it: adabench train lookup/agent-apo-s-s0 lookup/agent-flat-s-s0"
    here |= {"agent-s-s1", "agent-apo-s-s0", "agent-flat-s-s0"}
    found = lookup.missing_abilities({})
    assert set(found) == {"values", "modes"}  # of the second training
    assert "agent-value-s-s1" in found["values"][0]
    assert lookup.missing_abilities({"policy": "agent-m"})["modes"][1] == "Choose policy=agent-s."
    with pytest.raises(SelectionError, match="no policy 'agent-x'"):
        lookup.missing_abilities({"policy": "agent-x"})


def test_a_question_of_a_kind_is_the_same_among_whatever_other_kinds():
    among = [c for c in lookup.load("embedded", 0, questions=16).cases() if c.group == "kb3"]
    alone = list(lookup.load("embedded", 0, questions=2, kinds="kb3").cases())
    assert [case.prompt for case in among] == [case.prompt for case in alone]


def test_the_cards_are_found_with_their_roles():
    roles = {e.name: e.card.role for e in registry.methods("lookup").values()}
    assert roles["direct"] == roles["cot"] == roles["act"] == "static"
    assert (roles["random_mode"], roles["best_mode"]) == ("control", "oracle")
