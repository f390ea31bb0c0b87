"""PRISM and its rivals on the shipped policies: routes, votes, what is paid, and what nobody is told."""

from dataclasses import replace

import pytest

from adabench.harness.contract import registry
from adabench.workloads.agents.lookup.task import load, missing_abilities
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.substrate.action_steps import stated
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.strategy_adapter import KINDS, kind_of
from adabench.workloads.agents.truth.problems import QUESTION_KINDS, draw_problem
from adabench.workloads.shared.language_model.contract import CapabilityMissing

from .scripted_policy import random_policy

RULES = {"tau_c": 0.35, "tau_a": 0.1, "routes": "all"}


def method(name):
    return registry.load(registry.find(f"lookup/{name}"))


def solved(where, case, name="prism", **point):
    """Return what a method answers, and what it cost."""
    module = method(name)
    where.meter.clear()
    found = module.solve(where, case, {**module.CARD.defaults, **point})
    return found, {key: value for key, value in where.meter.items() if not key.endswith("_s")}


@pytest.fixture(scope="module")
def where():
    return load("embedded", 7, questions=24)


@pytest.mark.parametrize(
    ("odds", "rules", "width"),
    [
        ((0.7, 0.2, 0.1, 0.0), {}, 1),
        ((0.4, 0.35, 0.15, 0.1), {}, 2),
        ((0.34, 0.33, 0.2, 0.13), {}, 4),
        ((0.4, 0.35, 0.15, 0.1), {"routes": "single"}, 1),
        ((0.34, 0.33, 0.2, 0.13), {"routes": "single"}, 1),
        ((0.4, 0.35, 0.15, 0.1), {"routes": "explore"}, 1),
        ((0.34, 0.33, 0.2, 0.13), {"routes": "explore"}, 4),
        ((0.4, 0.35, 0.15, 0.1), {"routes": "dual"}, 2),
        ((0.34, 0.33, 0.2, 0.13), {"routes": "dual"}, 1),
        ((0.34, 0.33, 0.2, 0.13), {"tau_c": 0.0, "tau_a": 0.0}, 1),
        ((0.9, 0.1, 0.0, 0.0), {"tau_c": 1.0}, 4),
    ],
)
def test_confidence_and_margin_say_how_many_strategies_run(odds, rules, width):
    assert method("prism").route(odds, {**RULES, **rules}) == width


@pytest.mark.parametrize(
    ("answers", "wins"),
    [
        ("3 4 4 5", 1), ("3 4 5 6", 0), ("3 3 4 4", 0), ("fail fail 4 5", 0), ("fail fail fail fail", 0),
        ("fail fail fail 4", 3), ("3 fail 4 4", 2),
    ],
)  # fmt: skip
def test_the_vote_is_of_valid_answers_and_a_tie_goes_to_the_first_strategy(answers, wins):
    texts = [words.encode(f"dir ans {one} ;") for one in answers.split()]
    assert method("prism").majority(texts) == texts[wins]
    assert method("prism").majority([words.encode("dir ans"), texts[0]]) in (
        texts[0],
        words.encode("dir ans"),
    )


def test_the_dual_route_of_the_release_changes_no_answer_and_costs(where):
    widths = set()
    for case in where.cases():
        alone, paid_alone = solved(where, case, routes="single")
        found, paid = solved(where, case, routes="dual")
        assert found == alone
        widths.add(paid["injected_forced"])
        if paid["injected_forced"] == 1:
            assert paid == paid_alone
        else:
            assert paid["injected_forced"] == 2
            assert paid["bill"] > paid_alone["bill"]
    assert widths == {1, 2}


def test_where_one_route_fires_release_and_escalation_are_the_single_route(where):
    for case in where.cases():
        alone = solved(where, case, routes="single")
        for dual in ("release", "escalate"):
            found = solved(where, case, dual=dual)
            if found[1]["injected_forced"] == 1:
                assert found == alone


def test_a_single_route_is_the_mode_by_itself(where):
    statics = {
        "dir": ("direct", {}),
        "cot": ("cot", {}),
        "act": ("act", {}),
        "chk": ("act", {"mode": "chk"}),
    }
    seen = set()
    for case in where.cases():
        found, paid = solved(where, case, routes="single")
        mode = words.WORDS[found[0]]
        name, point = statics[mode]
        same, price = solved(where, case, name, **point)
        assert found == same
        assert paid["bill"] == price["bill"]
        assert paid["flops_counted"] > price["flops_counted"]  # the adapter is paid
        seen.add(mode)
    assert len(seen) >= 2


def test_escalation_asks_the_others_only_where_two_disagree(where):
    asked = set()
    for case in where.cases():
        _, dual = solved(where, case, tau_c=0.0, tau_a=1.0)
        found, paid = solved(where, case, tau_c=0.0, tau_a=1.0, dual="escalate")
        assert dual["injected_forced"] == 2
        with where.session(case) as session:
            seq = session.open()
            order = method("prism").ranked(session.strategy_odds(seq))
            first, second, *_ = episodes = session.episodes_in(seq, order)
            session.offer(first)
        disagree = stated(first) != stated(second)
        assert paid["injected_forced"] == (4 if disagree else 2)
        assert found == (method("prism").majority(episodes) if disagree else first)
        asked.add(disagree)
    assert asked == {True, False}


def test_the_odds_come_from_the_prompt_alone(where):
    """A kind that is told, or none, changes nothing; before any answer, the odds are there."""
    for case in list(where.cases())[:8]:
        found = set()
        for told in (case, replace(case, group="kb4"), replace(case, group="")):
            with where.session(told) as session:
                odds = session.strategy_odds(session.open())
                assert not session.calls()
            assert sum(odds) == pytest.approx(1)
            found.add(odds)
        assert len(found) == 1


def test_coins_draw_other_questions_odds_whatever_is_asked():
    first = {}
    for kinds in ("arith4", "kb4"):
        where = load("embedded", 7, questions=12, kinds=kinds)
        found = [solved(where, case, "prism_coins", routes="single") for case in where.cases()]
        first[kinds] = [completion[0] for completion, _ in found]
    assert first["arith4"] == first["kb4"]
    assert len(set(first["kb4"])) > 1


def test_the_kind_is_read_off_the_prompt():
    assert [f"{family}{size}" for family, size in QUESTION_KINDS] == list(KINDS)
    for family, size in (*QUESTION_KINDS, ("mix", 2), ("mix", 5), ("arith", 3)):
        for seed in range(20):
            prompt = draw_problem(family, size, seed, "held-out").prompt
            assert kind_of(prompt) == f"{family}{size}"


def test_a_table_sends_kinds_where_the_training_stream_did(where):
    modes = {}
    for case in where.cases():
        found, paid = solved(where, case, "kind_table")
        assert paid["injected_forced"] == 1
        modes.setdefault(kind_of(case.prompt), set()).add(words.WORDS[found[0]])
    assert all(len(one) == 1 for one in modes.values())
    assert modes["arith4"] == {"cot"}
    assert modes["kb3"] <= {"act", "chk"}


def test_a_kind_that_no_table_has_gets_the_mode_that_is_best_on_the_mean():
    where = load("embedded", 0, questions=2, kinds="mix5")
    for case in where.cases():
        assert solved(where, case, "kind_table")[0]


def test_all_four_pay_for_four_and_read_the_prompt_once(where):
    for case in list(where.cases())[:8]:
        found, paid = solved(where, case, "all_four")
        single = [solved(where, case, "act", mode=mode)[1] for mode in MODE_NAMES]
        assert paid["injected_forced"] == 4
        shared = 3 * len(case.prompt)
        assert paid["bill"] == sum(one["bill"] for one in single) - shared
        assert found


def test_a_cascade_pays_its_critic_and_goes_on_where_it_is_not_sure(where):
    went_on = set()
    for case in where.cases():
        _, paid = solved(where, case, "cascade", first="act")
        assert paid["judge_calls"] >= 1 or paid["injected_forced"] >= 2
        went_on.add(paid["injected_forced"])
        _, never = solved(where, case, "cascade", first="act", accept=0.0)
        assert never["injected_forced"] == 2  # the mode, and the critic's word
    assert len(went_on) > 1


def test_sampling_stops_where_a_vote_is_hardly_to_be_overturned(where):
    lead = method("adaptive_consistency").lead
    same = [words.encode("act ans 3 ;")] * 4
    assert lead([]) == pytest.approx(0.5)
    assert lead(same[:3]) == pytest.approx(0.9375)
    assert lead(same) == pytest.approx(0.96875)
    assert lead([*same, words.encode("act ans fail ;")]) == lead(same)
    case = next(iter(where.cases()))
    _, one = solved(where, case, "adaptive_consistency", N=1)
    _, most = solved(where, case, "adaptive_consistency")
    assert one["generated"] < most["generated"]


def test_the_oracle_is_told_of_other_draws_and_pays_for_one_mode(where, monkeypatch):
    module = method("likeliest_mode")
    case = list(where.cases())[2]
    found, paid = solved(where, case, "likeliest_mode")
    mode = words.WORDS[found[0]]
    assert (found, paid["bill"]) == tuple(
        part if k == 0 else part["bill"]
        for k, part in enumerate(solved(where, case, "act", mode=mode))
    )
    rights = module.right_by_mode(where.aside(case), case, 4)
    assert list(rights) == list(MODE_NAMES)
    assert all(0 <= right <= 4 for right in rights.values())
    for best in MODE_NAMES:  # whatever its own episode would answer
        told = {mode: int(mode == best) for mode in MODE_NAMES}
        monkeypatch.setitem(module.solve.__globals__, "right_by_mode", lambda *_, told=told: told)
        assert words.WORDS[solved(where, case, "likeliest_mode")[0][0]] == best


def test_what_has_no_adapter_is_a_sentence(monkeypatch):
    assert missing_abilities({"policy": "agent-m"})["strategies"][1] == "Choose policy=agent-s."
    monkeypatch.setattr(
        "adabench.workloads.agents.lookup.task.load_policy", lambda name: random_policy()
    )
    where = load("embedded", 0, questions=1)
    (case,) = where.cases()
    with pytest.raises(CapabilityMissing, match="no adapter"):
        solved(where, case)
